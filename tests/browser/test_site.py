"""The site in a real browser: from a disk, at a root and under a prefix alike, whole and quiet."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import small_site
from axe_playwright_python.sync_playwright import Axe

from reportlib.pipeline.site import shared_assets
from reportlib.pipeline.site.reading import ReportPage
from reportlib.pipeline.site.report import report_pages

pytestmark = pytest.mark.browser

PAGES = (
    "index.html", "report/index.html", "report/memory-bound.html", "chips/index.html",
    "models/index.html", "compare/index.html", "editions/index.html", "data/index.html", "404.html",
    "chips/h100-sxm5.html", "models/llama-3-70b.html", "compare/b200-vs-h100-sxm5.html",
    "editions/2026-11/index.html",
)  # fmt: skip
PREFIX = "some/prefix"
SEARCHED = "document.querySelectorAll('#search li').length > 0"


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that says 404 with our page, as hosts of static sites do."""

    def log_message(self, *_):
        """Say nothing."""

    def send_error(self, code, *_):
        """Answer with the site's page for what is not there."""
        content = Path(self.directory, "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The site twice: in a folder of its own, and under a prefix within another."""
    found = small_site.files() | {"provenance.json": b"{}", "favicon.ico": b""}
    site = small_site.write(tmp_path_factory.mktemp("site"), found)
    return small_site.write(site / PREFIX, found).parents[1]


@pytest.fixture(scope="module")
def server(folder):
    """The address of a server of *folder*."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}/"
        http.shutdown()


@pytest.fixture
def root(request, folder):
    """Where the site is: on a disk, at a root, or under a prefix."""
    if request.param == "disk":
        return folder.as_uri() + "/"
    server = request.getfixturevalue("server")
    return f"{server}{PREFIX}/" if request.param == "prefix" else server


everywhere = pytest.mark.parametrize("root", ["disk", "root", "prefix"], indirect=True)


@pytest.fixture
def visit(visit_at):
    return visit_at


@everywhere
def test_every_page_asks_only_for_its_own_and_complains_of_nothing(visit, root):
    for path in PAGES:
        page = visit(root + path)
        page.read()
        asked = [url for url in page.requests if not url.startswith((root, "data:"))]
        assert asked == [], path
        assert page.complaints == [], path
        assert page.tab.evaluate("violations") == [], path


@everywhere
def test_charts_become_live_with_the_bundle_that_all_pages_share(visit, root):
    page = visit(root + "chips/h100-sxm5.html").read()
    assert page.tab.locator(".live svg").count() == 1
    assert len([url for url in page.requests if "/assets/vega-" in url]) == 1
    index = visit(root + "chips/index.html").read()
    assert not [url for url in index.requests if "/assets/vega-" in url]


@everywhere
def test_search_finds_a_chip_by_keyboard(visit, root):
    page = visit(root + "models/index.html")
    assert not [url for url in page.requests if "search" in url or "minisearch" in url]
    page.tab.keyboard.press("/")
    page.tab.keyboard.type("hopper")
    page.until(SEARCHED)
    page.tab.keyboard.press("ArrowDown")
    with page.tab.expect_navigation():
        page.tab.keyboard.press("Enter")
    assert page.tab.url == root + "chips/h100-sxm5.html"


@everywhere
def test_search_finds_a_section_of_the_report_by_keyboard(visit, root):
    page = visit(root + "chips/b200.html")
    page.tab.keyboard.press("Control+k")
    page.tab.keyboard.type("wafer quick")  # a word, and the beginning of another
    page.until(SEARCHED)
    said = page.tab.locator("#search li").first.inner_text().split("\n")
    assert said[:2] == ["Section", "Why memory binds"]
    assert page.tab.locator("#search [role=status]").inner_text() == "1 result"
    with page.tab.expect_navigation():
        page.tab.keyboard.press("Enter")
    assert page.tab.url == root + "report/memory-bound.html"


def test_search_closes_and_says_how_much_it_found(visit, server):
    page = visit(server)
    page.tab.locator(".open-search").click()
    page.tab.keyboard.type("b200")
    page.until(SEARCHED)
    assert "B200" in page.tab.locator("#search li").first.inner_text()
    page.tab.keyboard.press("Control+A")
    page.tab.keyboard.type("xylophone")
    page.until("document.querySelector('#search [role=status]').textContent === '0 results'")
    page.tab.keyboard.press("Escape")
    assert not page.tab.locator("#search").is_visible()


def test_two_chips_are_chosen_from_pairs_that_exist(visit, server):
    page = visit(server + "compare/index.html")
    page.tab.get_by_label("One chip").select_option("h100-sxm5")
    other = page.tab.get_by_label("The other")
    assert other.evaluate("e => [...e.options].map((o) => o.value)") == ["b200"]
    with page.tab.expect_navigation():
        page.tab.get_by_role("button", name="Compare").click()
    assert page.tab.url == server + "compare/b200-vs-h100-sxm5.html"


@pytest.mark.parametrize("lost", ["nothing.html", "chips/no/such.html", "compare/a-vs-b.html"])
@pytest.mark.parametrize("root", ["root", "prefix"], indirect=True)
def test_the_page_for_what_is_not_there_leads_home_from_any_depth(visit, root, lost):
    page = visit(root + lost)
    # At a root the whole address is the site's; under a prefix this server has its page at both.
    page.tab.get_by_role("link", name="Chips").click()
    assert page.tab.url == root + "chips/index.html"
    assert page.tab.get_by_role("heading", level=1).inner_text() == "Chips"


def test_tables_of_indexes_can_be_sorted_and_filtered(visit, server):
    page = visit(server + "chips/index.html")
    first = "document.querySelector('tbody tr:not([hidden]) td').textContent"
    page.tab.get_by_role("button", name="Capacity").click()
    page.tab.get_by_role("button", name="Capacity").click()
    assert page.tab.evaluate(first) == "M3 Ultra (80-core GPU)"
    page.tab.get_by_role("searchbox").fill("wse")
    assert page.tab.evaluate(first).startswith("WSE-")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
@pytest.mark.parametrize("path", ["index.html", "compare/index.html", "chips/h100-sxm5.html"])
def test_is_accessible(visit, server, path, width, scheme):
    page = visit(server + path, width, color_scheme=scheme).read()
    found = Axe().run(page.tab, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_search_results_are_accessible(visit, server):
    page = visit(server, color_scheme="dark")
    page.tab.keyboard.press("/")
    page.tab.keyboard.type("b200")
    page.until(SEARCHED)
    found = Axe().run(page.tab, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("path", PAGES[:-1])
def test_fits_a_phone(visit, server, path):
    page = visit(server + path, 390).read()
    assert page.tab.evaluate("document.documentElement.scrollWidth") == 390


def test_text_does_not_move_as_fonts_and_charts_come(visit, server):
    page = visit(server + "chips/h100-sxm5.html", 412).read()
    assert page.tab.evaluate("shifts.reduce((a, b) => a + b, 0)") < 0.02


@pytest.fixture(scope="module")
def long(tmp_path_factory, built):
    """The address of a long section of the report itself, on a site."""
    report = ReportPage((built / "hbm-panorama.html").read_text())
    found = dict(report_pages(report, small_site.numbers().report))
    folder = small_site.write(tmp_path_factory.mktemp("long"), found | shared_assets())
    return (folder / "report/memory-bound.html").as_uri()


def test_pictures_of_a_long_section_come_by_themselves_and_before_printing(visit_at, long):
    empty = "document.querySelectorAll('.chart > svg:empty').length"
    page = visit_at(long)
    page.until(f"{empty} === 0")
    assert page.tab.evaluate("document.querySelectorAll('.chart > svg').length") > 4
    idle = "window.requestIdleCallback = () => {};"  # as in a browser that is never idle
    page.tab.add_init_script(idle)
    page.tab.reload()
    assert page.tab.evaluate(empty) > 4
    page.tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.tab.evaluate(empty) == 0
    assert page.complaints == []


def test_without_scripts_a_long_section_has_its_pictures_as_files(visit_at, long):
    page = visit_at(long, java_script_enabled=False)
    for picture in page.tab.locator(".chart img").all()[::3]:
        picture.scroll_into_view_if_needed()
        drawn, room, alt = picture.evaluate("e => [e.naturalWidth, e.width, e.alt]")
        assert drawn == room > 80
        assert alt
    assert not page.tab.locator(".chart > svg").first.is_visible()
    assert page.complaints == []


def test_the_theme_that_a_reader_chose_holds_on_the_next_page(visit, server):
    page = visit(server)
    page.tab.get_by_text("Dark", exact=True).click()
    page.tab.goto(server + "chips/b200.html")
    paper = page.tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(13, 17, 23)"


def test_without_scripts_all_pages_can_be_reached(visit, server):
    page = visit(server, java_script_enabled=False)
    page.tab.get_by_role("link", name="Compare", exact=True).click()
    assert not page.tab.locator(".chooser").is_visible()
    page.tab.get_by_role("link", name="B200 against H100 SXM5").click()
    assert page.tab.locator(".chart > svg").is_visible()


def test_without_scripts_the_contents_stay_above_the_text_on_a_phone(visit, server):
    page = visit(server + "chips/h100-sxm5.html", 390, java_script_enabled=False)
    page.tab.get_by_role("heading", name="Its numbers").scroll_into_view_if_needed()
    contents = page.tab.get_by_role("navigation", name="Contents").bounding_box()
    text = page.tab.locator("main").bounding_box()
    assert contents["y"] + contents["height"] <= text["y"]


@everywhere
def test_links_into_the_whole_report_lead_to_the_page_that_has_what_they_name(visit, root):
    page = visit(root + "report/index.html#tbl-claims")
    page.tab.wait_for_url(root + "report/claims.html#tbl-claims")
    page.tab.goto(root + "report/index.html")
    page.tab.evaluate("location.hash = 'sec-memory-bound'")
    page.tab.wait_for_url(root + "report/memory-bound.html#sec-memory-bound")


def test_a_term_of_a_section_is_explained_beside_it(visit, server):
    page = visit(server + "report/memory-bound.html")
    page.tab.get_by_role("link", name="wafer").hover()
    page.until("document.getElementById('card').innerText === 'Wafer A disc.'")
