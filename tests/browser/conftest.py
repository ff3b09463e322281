"""A real browser, and the report as a reader's browser opens it."""

import os
import shutil
import time
from functools import partial

import pytest
from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip
WATCH = """
window.violations = []; window.shifts = [];
addEventListener("securitypolicyviolation", (e) =>
  violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
new PerformanceObserver((list) => { for (const e of list.getEntries()) shifts.push(e.value); })
  .observe({ type: "layout-shift", buffered: true });
"""

TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="session")
def chromium():
    named = os.environ.get("HBM_CHROMIUM")
    path = shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        message = f"no Chromium found: neither HBM_CHROMIUM nor {', '.join(NAMES)} on the path"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


class Visit:
    """The report in a tab, with all that it asked for and complained of."""

    def __init__(self, tab, address):
        """Open *address*, listening from the first."""
        self.tab, self.requests, self.complaints = tab, [], []
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("console", self._hear)
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.add_init_script(WATCH)
        tab.goto(address)

    def _hear(self, message):
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def until(self, condition):
        """Wait until *condition* holds. Playwright would use eval, which the page forbids."""
        deadline = time.monotonic() + 30
        while not self.tab.evaluate(condition):
            assert time.monotonic() < deadline, f"never held: {condition}"
            self.tab.wait_for_timeout(50)

    def read(self):
        """Scroll to every chart and to the end, and give every chart the time to become live."""
        for chart in self.tab.locator(".chart").element_handles():
            chart.evaluate("e => e.scrollIntoView({ behavior: 'instant' })")
            self.tab.evaluate(TWO_FRAMES)  # in the second the page knows what is near
        self.scroll("document.body.scrollHeight")
        self.until("!document.querySelector('.chart > svg, .drawing')")
        return self

    def scroll(self, y):
        """Scroll to *y* at once. Chromium gives a promise that it may never keep: hence void."""
        self.tab.evaluate(f"void scrollTo({{ top: {y}, behavior: 'instant' }})")

    def jump(self, name):
        """Scroll to the heading *name* at once."""
        top = "{ behavior: 'instant' }"
        self.tab.evaluate(f"void document.getElementById('{name}').scrollIntoView({top})")

    def show(self, exhibit):
        """Bring the live chart *exhibit* into view and return it."""
        chart = self.tab.locator(f"#{exhibit} .live:not(.drawing)")
        self.tab.locator(f"#{exhibit}").scroll_into_view_if_needed()
        chart.wait_for()
        chart.scroll_into_view_if_needed()
        return chart


def opened(chromium, address, width=1280, **options):
    """Return what is at *address* in a window of its own, *width* pixels wide."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
    return Visit(context.new_page(), address)


def address_of(built):
    return (built / "hbm-panorama.html").resolve().as_uri()


@pytest.fixture
def visit_at(chromium):
    """Open an address: ``visit_at(address, width=390, color_scheme="dark", …)``."""
    visits = []

    def visiting(address, width=1280, **options):
        visits.append(opened(chromium, address, width, **options))
        return visits[-1]

    yield visiting
    for page in visits:
        page.tab.context.close()


@pytest.fixture
def visit(visit_at, built):
    """Open the report: ``visit(width=390, color_scheme="dark", …)``."""
    return partial(visit_at, address_of(built))


@pytest.fixture(scope="module")
def shared(chromium, built):
    """The report at a desk, opened once for all tests of a file that leave it as they found it."""
    page = opened(chromium, address_of(built))
    yield page
    page.tab.context.close()
