"""What scripts add to the page: tools, themes, sorting, filters, search, cards; all of it quiet."""

import csv
import io
import re
from xml.etree import ElementTree as ET

import pytest

pytestmark = pytest.mark.browser

NBSP = "\N{NO-BREAK SPACE}"
PNG_SCALE = 2
THEMES = {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}
PAPER = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture
def page(shared):
    yield shared
    shared.tab.keyboard.press("Escape")
    shared.tab.evaluate("document.activeElement.blur()")
    assert shared.complaints == []
    assert shared.tab.evaluate("violations") == []


def downloaded(page, exhibit, form):
    with page.tab.expect_download() as download:
        page.tab.locator(f"[data-of={exhibit}]").get_by_text(form, exact=True).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def rows(content):
    assert content.startswith(b"\xef\xbb\xbf")  # by which spreadsheets know UTF-8
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_figures_give_their_data_in_si(page):
    name, content = downloaded(page, "fig-sweep", "CSV")
    assert re.fullmatch(r"hbm-panorama-fig-\d+-sweep\.csv", name)
    chips = {row["chip"]: row for row in rows(content)}
    assert float(chips["H100 SXM5"]["memory_capacity"]) == 80e9
    assert float(chips["H100 SXM5"]["memory_bandwidth"]) == 3.35e12


def test_guide_lines_are_no_data(page):
    chips = rows(downloaded(page, "fig-plane", "CSV")[1])
    assert all(row["chip"] for row in chips)
    assert not {"dx", "dy", "align"} & set(chips[0])


def test_the_panel_gives_its_settings_and_what_it_says(page):
    page.show("fig-what-if")
    said = {row["name"]: row["value"] for row in rows(downloaded(page, "fig-what-if", "CSV")[1])}
    shown = page.tab.locator("#fig-what-if .role-mark text").all_text_contents()
    chosen = page.tab.locator("#fig-what-if select").first
    assert chosen.evaluate("e => e.selectedOptions[0].text") in said.values()
    assert set(shown) <= set(said.values())
    assert len(shown) > 5


def test_tables_give_what_they_show_and_its_sources(page):
    name, content = downloaded(page, "tbl-chips", "CSV")
    assert re.fullmatch(r"hbm-panorama-tbl-\d+-chips\.csv", name)
    chips = {row["Chip"]: row for row in rows(content)}
    assert chips["H100 SXM5"]["Bandwidth"] == f"3.35{NBSP}TB/s"
    assert "NVIDIA" in chips["H100 SXM5"]["Bandwidth: source"]
    assert len(chips) == page.tab.locator("#tbl-chips tbody tr").count()


@pytest.mark.parametrize(
    ("shown", "kept"),
    [
        ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("+2 GB", "'+2 GB"), ("-2.5", "-2.5"),
        ('say "a, b"', 'say "a, b"'), ("–", "–"),
    ],
)  # fmt: skip
def test_cells_are_no_formulas(page, shown, kept):
    cell = page.tab.locator("#tbl-claims tbody td").first
    before = cell.inner_text()
    cell.evaluate("(e, text) => { e.textContent = text; }", shown)
    first = rows(downloaded(page, "tbl-claims", "CSV")[1])[0]
    cell.evaluate("(e, text) => { e.textContent = text; }", before)
    assert next(iter(first.values())) == kept


def test_pictures_stand_alone_in_light_colours(page):
    name, content = downloaded(page, "fig-sweep", "SVG")
    assert re.fullmatch(r"hbm-panorama-fig-\d+-sweep\.svg", name)
    picture = ET.fromstring(content)  # noqa: S314 - our own page's
    assert picture[0].attrib["fill"] == "#fff"
    assert 'font-family="IBM Plex Sans"' in content.decode()
    assert "H100 SXM5" in content.decode()
    assert not re.search(r'(?:href|src)="(?!#)|url\((?!#)|var\(', content.decode())

    name, content = downloaded(page, "fig-sweep", "PNG")
    assert re.fullmatch(r"hbm-panorama-fig-\d+-sweep\.png", name)
    assert content.startswith(b"\x89PNG")
    width = int.from_bytes(content[16:20])
    assert width == round(PNG_SCALE * float(picture.attrib["width"]))


def test_every_exhibit_has_its_tools(page):
    exhibits = page.tab.evaluate(
        "[...document.querySelectorAll('main figure[id], .table-frame table')].map((e) => e.id)"
    )
    names = page.tab.locator(".tools button").evaluate_all("all => all.map((e) => e.ariaLabel)")
    names = [name.replace(NBSP, " ") for name in names]
    tools = page.tab.locator(".tools").evaluate_all("all => all.map((e) => e.dataset.of)")
    assert tools == exhibits
    assert len(set(names)) == len(names)
    assert {"CSV data of Figure 1", "PNG picture of Figure 1", "CSV data of Table 1",
            "Copy link to Table 1"} <= set(names)  # fmt: skip


def test_the_code_behind_an_exhibit_unfolds(page):
    details = page.tab.locator("[data-of=fig-sweep] details")
    code = details.locator("code")
    assert not code.is_visible()
    details.locator("summary").click()
    assert code.is_visible()
    assert 'id="sweep"' in code.inner_text()
    details.locator("summary").press("Enter")
    assert not code.is_visible()


def test_a_theme_is_kept(visit):
    page = visit(color_scheme="dark")
    assert page.tab.evaluate(PAPER) == THEMES["dark"]
    for theme, paper in (("Light", "light"), ("Dark", "dark"), ("Light", "light")):
        page.tab.get_by_label(theme, exact=True).check(force=True)
        assert page.tab.evaluate(PAPER) == THEMES[paper]
    chart = page.show("fig-sweep")
    fill = chart.locator(".role-mark text").first.evaluate("e => getComputedStyle(e).fill")
    assert fill == "rgb(27, 31, 36)"
    page.tab.reload()
    assert page.tab.evaluate(PAPER) == THEMES["light"]
    page.tab.get_by_label("System").check(force=True)
    assert page.tab.evaluate(PAPER) == THEMES["dark"]
    page.tab.reload()
    assert page.tab.evaluate(PAPER) == THEMES["dark"]
    assert page.complaints == []


def column(page, table, number):
    cells = page.tab.locator(f"#{table} tbody tr:not([hidden]) > :nth-child({number})")
    return [text.split(f"{NBSP}[")[0].split(" [")[0] for text in cells.all_inner_texts()]


def test_tables_sort_by_value(page):
    heads = page.tab.locator("#tbl-chips thead th")
    place = heads.all_inner_texts().index("Capacity") + 1
    head, button = heads.nth(place - 1), heads.nth(place - 1).locator("button")
    original = column(page, "tbl-chips", 1)

    scale = {"PB": 1e15, "TB": 1e12, "GB": 1e9, "MB": 1e6}

    def sizes():
        texts = column(page, "tbl-chips", place)
        return [float(t.split()[0]) * scale[t.split()[1]] for t in texts if t != "–"]

    button.click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert sizes() == sorted(sizes())
    assert {"MB", "GB"} <= {text.split()[1] for text in column(page, "tbl-chips", place)}
    button.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert sizes() == sorted(sizes(), reverse=True)
    button.click()
    assert head.get_attribute("aria-sort") is None
    assert column(page, "tbl-chips", 1) == original


def test_dashes_sort_last_and_equals_keep_their_order(page):
    heads = page.tab.locator("#tbl-chips thead th").all_inner_texts()
    place = heads.index("Status") + 1
    button = page.tab.locator("#tbl-chips thead button").nth(place - 1)
    names, states = column(page, "tbl-chips", 1), column(page, "tbl-chips", place)
    for reverse in (False, True):
        button.click()
        known = sorted((s for s in states if s != "–"), reverse=reverse)
        assert column(page, "tbl-chips", place) == known + ["–"] * states.count("–")
        dashed = [name for name, state in zip(names, states, strict=True) if state == "–"]
        assert column(page, "tbl-chips", 1)[len(known) :] == dashed
    button.click()


def test_long_tables_filter(page):
    frame = page.tab.locator(".filter", has=page.tab.get_by_label(name_of(page, "tbl-chips")))
    field, count = frame.locator("input"), frame.locator("output")
    everything = len(column(page, "tbl-chips", 1))
    assert count.inner_text() == f"{everything} rows"
    field.fill("hbm4 announced")
    left = column(page, "tbl-chips", 1)
    assert 0 < len(left) < everything
    assert count.inner_text() == f"{len(left)} of {everything} rows"
    assert len(rows(downloaded(page, "tbl-chips", "CSV")[1])) == len(left)
    field.fill("")
    assert len(column(page, "tbl-chips", 1)) == everything


def name_of(page, table):
    label = page.tab.locator(f".table-frame:has(#{table})").get_attribute("aria-label")
    return f"Filter the rows of {label}"


def test_search_finds_shows_and_jumps(page):
    page.tab.keyboard.press("/")
    results = page.tab.locator("#search ol button")
    page.tab.keyboard.type("memory wall")
    results.first.wait_for()
    assert "results" in page.tab.locator("#search [role=status]").inner_text()
    assert "memory wall" in results.first.inner_text().lower()
    page.tab.keyboard.press("ArrowDown")
    assert results.first.evaluate("e => e === document.activeElement")
    page.tab.keyboard.press("Enter")
    assert not page.tab.locator("#search").is_visible()
    found = page.tab.locator("main .found")
    assert found.count() == 1
    assert found.evaluate("e => e === document.activeElement")
    assert page.tab.evaluate("CSS.highlights.get('found').size") >= 1
    page.until(
        "(({ top, bottom }) => top >= 0 && bottom <= innerHeight)"
        "(document.querySelector('.found').getBoundingClientRect())"
    )
    page.tab.keyboard.press("Escape")
    assert page.tab.locator(".found").count() == 0


def test_search_is_quick_and_opens_every_way(page):
    for key in ("Control+k", "/"):
        page.tab.keyboard.press(key)
        page.until("document.activeElement.matches('#search input')")
        page.tab.keyboard.press("Escape")
        page.until("!document.getElementById('search').open")
    page.tab.locator(".open-search").click()
    took = page.tab.locator("#search input").evaluate(
        """(input) => {
          const began = performance.now();
          for (const words of ["m", "memory", "80 gb", "no such words"]) {
            input.value = words;
            input.dispatchEvent(new Event("input"));
          }
          return performance.now() - began;
        }"""
    )
    assert took < 1000  # four searches; 60 ms on an idle machine
    assert page.tab.locator("#search [role=status]").inner_text() == "0 results"


def test_search_shows_rows_that_a_filter_hid(page):
    field = page.tab.get_by_label(name_of(page, "tbl-chips"))
    field.fill("no such chip")
    page.tab.locator(".open-search").click()
    cells = page.tab.locator("#tbl-chips tbody tr").first.locator("td")
    words = " ".join(re.sub(r"\[.*", "", text) for text in cells.all_text_contents()[:6])
    page.tab.locator("#search input").fill(words)
    page.tab.locator("#search ol button").first.click()
    assert page.tab.locator("#tbl-chips tr.found").is_visible()
    assert field.input_value() == ""


def test_cards_say_what_is_cited(page):
    link = page.tab.locator("#tbl-chips a[href^='#ref-']").first
    card = page.tab.locator("#card")
    link.focus()  # as with the keyboard: the last key was one
    page.tab.keyboard.press("Shift+Tab")
    page.tab.keyboard.press("Tab")
    assert card.is_visible()
    assert link.get_attribute("aria-describedby") == "card"
    reference = page.tab.locator(link.get_attribute("href")).locator(".csl-right-inline")
    assert card.inner_text() == reference.inner_text()
    page.tab.mouse.move(2, 2)  # one that lies elsewhere does not matter
    page.tab.wait_for_timeout(400)
    assert card.is_visible()
    page.tab.keyboard.press("Escape")
    assert not card.is_visible()
    assert link.get_attribute("aria-describedby") is None

    link.blur()
    link.hover()
    card.wait_for()
    card.hover()  # a pointer may go there and stay
    page.tab.wait_for_timeout(400)
    assert card.is_visible()
    page.tab.mouse.move(2, 2)
    card.wait_for(state="hidden")


def test_progress_follows_the_reading(page):
    width = "document.querySelector('.progress').getBoundingClientRect().width"
    page.scroll(0)
    page.until(f"{width} === 0")
    page.scroll("document.body.scrollHeight")
    page.until(f"{width} > 1270")


def test_nothing_of_it_is_printed_or_there_without_scripts(visit):
    page = visit(java_script_enabled=False)
    parts = page.tab.locator(".theme, .progress, .open-search, .filter, .tools button, #search")
    assert not any(part.is_visible() for part in parts.all())
    page = visit()
    page.tab.emulate_media(media="print")
    assert not any(part.is_visible() for part in page.tab.locator(".tools, .theme, .filter").all())
