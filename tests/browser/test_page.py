"""The page keeps its promises in a real browser: whole, quiet, readable everywhere, operable."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser

CHARTS = 10  # at least; a page without charts would pass most tests below


def color(locator):
    """Return red, green and blue of the fill that the browser computed."""
    fill = locator.evaluate("e => getComputedStyle(e).fill")
    return [int(part) for part in re.findall(r"\d+", fill)]


def test_asks_for_nothing_and_complains_of_nothing(visit):
    page = visit().read()
    assert [url for url in page.requests if not url.startswith("data:")] == [page.tab.url]
    assert page.complaints == []
    assert page.tab.evaluate("violations") == []


def test_policy_stops_what_is_not_the_pages_own(visit):
    """The watch for violations can see one."""
    page = visit()
    page.tab.evaluate("document.body.append(Object.assign(new Image(), { src: 'file:///x.png' }))")
    page.until("violations.length > 0")
    assert "img-src" in page.tab.evaluate("violations")[0]


def test_every_chart_becomes_live_without_moving_the_text(visit):
    for width in (390, 1280):
        page = visit(width)
        page.tab.evaluate("document.fonts.ready")
        tall = "[...document.querySelectorAll('main > *, main figure')].map((e) => e.offsetHeight)"
        before = page.tab.evaluate(tall)
        page.read()
        assert page.tab.locator(".live svg").count() >= CHARTS
        assert page.tab.evaluate(tall) == before
        assert page.tab.evaluate("shifts.reduce((a, b) => a + b, 0)") < 0.02


def test_is_soon_there(visit):
    page = visit()
    paint = page.tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert paint < 3000  # under half a second on an idle machine; tests share theirs


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_never_scrolls_sideways(visit, width):
    page = visit(width).read()
    assert page.tab.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_is_accessible(visit, width, scheme):
    """With few rows of each table, few references: they are alike, and axe needs ms for each."""
    page = visit(width, color_scheme=scheme).read()
    page.tab.evaluate(
        "document.querySelectorAll('tbody tr:nth-child(n + 9), .csl-entry:nth-child(n + 9)')"
        ".forEach((e) => e.remove())"
    )
    page.scroll(0)
    found = Axe().run(page.tab, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_is_whole_without_scripts(visit):
    page = visit(java_script_enabled=False)
    assert page.tab.locator(".chart > svg").count() >= CHARTS
    assert page.tab.locator("nav a").first.is_visible()


def test_legend_brings_out_one_line(visit):
    page = visit()
    chart = page.show("fig-frontier")
    faded = chart.locator(".mark-line path[opacity='0.15']")
    assert faded.count() == 0
    chart.locator(".role-legend-label text").nth(2).click()
    faded.first.wait_for(state="attached")
    lines = chart.locator(".mark-line path")
    assert 0 < faded.count() < lines.count()


def test_legend_works_with_the_keyboard(visit):
    page = visit()
    chart = page.show("fig-frontier")
    chart.locator(".role-legend-label text").first.focus()
    page.tab.keyboard.press("Enter")
    chart.locator(".mark-line path[opacity='0.15']").first.wait_for(state="attached")


def test_a_crowded_chart_zooms_with_a_key_held_and_lets_the_page_scroll(visit):
    page = visit()
    chart = page.show("fig-reality")
    dot = chart.locator(".mark-symbol.role-mark path").first
    before = dot.get_attribute("transform")
    chart.locator(".mark-symbol.role-mark").first.hover()
    page.tab.mouse.wheel(0, -50)
    page.tab.wait_for_timeout(300)
    assert dot.get_attribute("transform") == before
    page.tab.keyboard.down("Control")
    page.tab.mouse.wheel(0, -200)
    page.tab.keyboard.up("Control")
    page.until(
        "document.querySelector('#fig-reality .live .mark-symbol.role-mark path')"
        f".getAttribute('transform') !== '{before}'"
    )


def test_tooltip_tells_the_numbers(visit):
    page = visit()
    page.show("fig-sweep").locator(".mark-symbol.role-mark path").nth(3).hover()
    tooltip = page.tab.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    assert re.search(r"Chip\s*\S+.*\d", tooltip.inner_text(), re.DOTALL)


def test_contents_follow_the_reading(visit):
    page = visit()
    for name in ("sec-capacity-vs-bandwidth", "sources", "sec-memory-bound"):  # down, and up
        page.jump(name)
        here = page.tab.locator(f"nav a[aria-current][href='#{name}']")
        here.wait_for()
        assert here.evaluate("e => { const r = e.getBoundingClientRect();"
                             " return r.top >= 0 && r.bottom <= innerHeight; }")  # fmt: skip
        assert page.tab.locator("nav a[aria-current]").count() == 1


def test_contents_fold_into_a_bar_on_a_phone(visit):
    page = visit(390)
    assert page.tab.locator("nav details").get_attribute("open") is None
    page.jump("sec-claims")
    page.tab.locator("nav .here", has_text="claims").wait_for()
    page.tab.locator("nav summary").click()
    page.tab.locator("nav a[href='#sec-chip-comparison']").click()
    assert page.tab.locator("nav details").get_attribute("open") is None
    page.until(
        "Math.abs(document.getElementById('sec-chip-comparison').getBoundingClientRect().top) < 200"
    )


def test_keyboard_reaches_the_report_first(visit):
    page = visit()
    page.tab.keyboard.press("Tab")
    skip = page.tab.locator(":focus")
    assert skip.inner_text() == "Skip to the report"
    assert skip.bounding_box()["x"] >= 0
    assert skip.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.tab.keyboard.press("Enter")
    assert page.tab.evaluate("document.activeElement.id") == "report"


def test_what_scrolls_can_be_focused(visit):
    page = visit(390).read()
    deaf = page.tab.evaluate(
        """[...document.querySelectorAll(".chart, .table-frame, .equation")]
             .filter((e) => (e.scrollWidth > e.clientWidth) !== (e.tabIndex === 0)).length"""
    )
    assert deaf == 0


def test_numbers_link_to_themselves(visit):
    page = visit()
    assert page.tab.locator("#fig-sweep .anchor").get_attribute("href") == "#fig-sweep"
    assert page.tab.locator("#sec-claims .anchor").get_attribute("href") == "#sec-claims"


@pytest.mark.parametrize("live", [True, False])
def test_charts_obey_the_dark(visit, live):
    parts = (".role-axis-label text", ".role-axis-title text", ".role-mark text",
             ".role-legend-label text")  # fmt: skip
    for scheme, readable in (("light", lambda c: max(c) < 128), ("dark", lambda c: min(c) > 128)):
        page = visit(color_scheme=scheme, java_script_enabled=live)
        chart = page.show("fig-sweep") if live else page.tab.locator("#fig-sweep .chart > svg")
        for part in parts:
            assert readable(color(chart.locator(part).first)), (scheme, part)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_in_charts_has_contrast(visit, scheme):
    """Of 4.5 to the page, as WCAG 2.2 AA asks; numbers in the cells of a grid stand on the cell."""
    page = visit(color_scheme=scheme).read()
    low = page.tab.evaluate(
        """() => {
          const rgb = (c) => /^color/.test(c) ? c.match(/[\\d.]+/g).slice(0, 3).map((x) => 255 * x)
            : c.match(/[\\d.]+/g).slice(0, 3).map(Number);
          const light = (c) => rgb(c).map((x) => x / 255)
            .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
            .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
          const paper = light(getComputedStyle(document.body).backgroundColor);
          const ratio = (l) => (Math.max(l, paper) + 0.05) / (Math.min(l, paper) + 0.05);
          return [...document.querySelectorAll(".live text")]
            .filter((t) => !t.closest(".role-mark")
             || !t.closest("svg").querySelector(".mark-rect"))
            .map((t) => [t.textContent, getComputedStyle(t).fill, t.closest("figure").id])
            .filter(([, fill]) => ratio(light(fill)) < 4.5);
        }"""
    )
    assert low == []


def test_print_has_the_report_and_no_navigation(visit):
    page = visit(color_scheme="dark").read()
    page.tab.emulate_media(media="print")
    for part in ("nav", ".skip", "body > footer"):
        assert not page.tab.locator(part).is_visible()
    assert page.tab.evaluate("getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
    assert page.tab.pdf().startswith(b"%PDF")


def test_motion_only_where_it_is_welcome(visit):
    behavior = "getComputedStyle(document.documentElement).scrollBehavior"
    assert visit(reduced_motion="reduce").tab.evaluate(behavior) == "auto"
    assert visit(reduced_motion="no-preference").tab.evaluate(behavior) == "smooth"
