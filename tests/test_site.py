"""The site around the report: it needs nothing but itself, wherever it is, and forgets nothing."""

import csv
import io
import json
import posixpath
import re
import struct
from dataclasses import replace
from urllib.parse import unquote, urldefrag
from xml.etree import ElementTree as ET

import pytest
import small_site
import yaml
from click.testing import CliRunner
from conftest import ROOT, Elements

from reportlib.__main__ import main
from reportlib.pipeline.manuscript import ExportError
from reportlib.pipeline.pages import PageInfo
from reportlib.pipeline.site import (
    archive,
    page_notebook,
    place_of,
    shared_assets,
    site_address,
    site_page,
)
from reportlib.pipeline.site.build import unchanged_site
from reportlib.pipeline.site.indexes import MOST_IN_A_TABLE, compare
from reportlib.pipeline.site.place import Place
from reportlib.pipeline.site.reading import ReportPage

ADDRESS = "https://example.org/hbm/"
ALONE = re.compile(r"report/hbm-panorama.html|editions/.*|404.html")  # pages that link no assets
CHAPTER = re.compile(r"report/(?!hbm-panorama)")
LINKS = ("href", "src", "data-bundle", "data-engine", "data-documents")
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
ATOM = {"a": "http://www.w3.org/2005/Atom"}


@pytest.fixture(scope="module")
def site():
    return small_site.files()


@pytest.fixture(scope="module")
def addressed():
    return small_site.files(address=ADDRESS)


def html(site):
    return {path: content.decode() for path, content in site.items() if path.endswith(".html")}


def meta(text, key):
    found = re.search(rf'<meta (?:name|property)="{key}" content="([^"]*)">', text)
    return found and found[1]


def about(text):
    scripts = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text)
    return [json.loads(script) for script in scripts]


def test_every_link_is_relative_and_leads_to_a_file(site):
    for path, text in html(site).items():
        for tag, attributes in Elements(text).found:
            for name in LINKS:
                link = attributes.get(name)
                if link is None or (tag == "a" and link.startswith(("https://", "http://"))):
                    continue
                assert not re.match(r"[a-z]+:|/", link) or link.startswith("data:image/"), path
                target, anchor = urldefrag(unquote(link))
                where = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
                where = path if not target else where
                assert link.startswith("data:") or where == "provenance.json" or where in site, link
                if anchor and where != path and where in site:
                    assert f'id="{anchor}"' in site[where].decode(), (path, link)


def test_no_file_names_a_place_on_this_machine(site):
    for path, content in site.items():
        assert str(ROOT).encode() not in content, path


def test_pages_share_their_assets(site):
    assert set(shared_assets()) <= set(site)
    for path, text in html(site).items():
        if not ALONE.fullmatch(path):
            assert "<style" not in text
            assert "font/woff2" not in text
            assert len(text) - len(Elements(text).text) < 100_000, path
    sheet = next(site[path].decode() for path in site if path.endswith(".css"))
    for font in re.findall(r"url\(([^)]*)\)", sheet):
        assert f"assets/{font}" in site


def test_names_of_assets_change_with_their_content(site):
    import hashlib

    for path in shared_assets():
        assert hashlib.sha256(site[path]).hexdigest()[:10] in path


def test_it_is_made_twice_alike(site):
    assert small_site.files() == site


def test_every_page_says_what_it_is(site):
    titles = []
    for path, text in html(site).items():
        titles += re.findall("<title>(.*?)</title>", text) if "editions/2" not in path else []
        assert meta(text, "description"), path
        assert len(re.findall("<h1", text)) == 1 or path.startswith(("report", "editions")), path
        assert meta(text, "og:url") is None
        assert 'rel="canonical"' not in text
        assert meta(text, "og:image") is None
    assert len(titles) == len(set(titles)) + 1  # the one file and its edition have the same
    chip, *_ = about(site["chips/b200.html"].decode())
    assert chip["name"] == "B200"
    data, *_ = about(site["data/index.html"].decode())
    assert data["@type"] == "Dataset"
    for file in data["distribution"]:
        assert f"data/{file['contentUrl']}" in site
        assert int(file["contentSize"]) == len(site[f"data/{file['contentUrl']}"])
    report, *_ = about(site["report/index.html"].decode())
    assert report["@type"] == "Report"


def test_with_an_address_it_says_where_it_is(addressed):
    chip = addressed["chips/b200.html"].decode()
    assert meta(chip, "og:url") == f"{ADDRESS}chips/b200.html"
    assert meta(chip, "og:image") == f"{ADDRESS}social/chip.png"
    assert "social/chip.png" in addressed
    page, crumbs = about(chip)
    assert page["url"] == f"{ADDRESS}chips/b200.html"
    assert [step["name"] for step in crumbs["itemListElement"]] == ["Home", "Chips", "B200"]
    index = addressed["chips/index.html"].decode()
    assert f'<link rel="canonical" href="{ADDRESS}chips/">' in index
    assert addressed["robots.txt"].decode().endswith(f"Sitemap: {ADDRESS}sitemap.xml\n")
    assert f"url         = {{{ADDRESS}editions/2026-11/}}" in addressed["citation.bib"].decode()
    for path in ("feed.xml", "feed.json", "sitemap.xml"):
        assert ADDRESS in addressed[path].decode()


def test_the_site_map_lists_every_page(site, addressed):
    for found, root in ((site, "/"), (addressed, ADDRESS)):
        map_of = ET.fromstring(found["sitemap.xml"])  # noqa: S314 - ours
        listed = {place.text for place in map_of.iter(f"{SITEMAP}loc")}
        expected = {root + re.sub(r"(^|/)index\.html$", r"\1", path) for path in html(found)}
        assert listed == expected - {f"{root}404.html", f"{root}report/hbm-panorama.html"}


def test_feeds_tell_of_the_edition(site):
    atom = ET.fromstring(site["feed.xml"])  # noqa: S314 - ours
    for name in ("id", "title", "updated", "author/a:name"):
        assert atom.findtext(f"a:{name}", namespaces=ATOM)
    entries = atom.findall("a:entry", ATOM)
    assert [entry.findtext("a:title", namespaces=ATOM) for entry in entries] == [
        "Edition of 2026-11-22"
    ]
    assert entries[0].find("a:link", ATOM).get("href") == "editions/2026-11/index.html"
    feed = json.loads(site["feed.json"])
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert [item["url"] for item in feed["items"]] == ["/editions/2026-11/"]
    assert [item["id"] for item in feed["items"]] == [
        entry.findtext("a:id", namespaces=ATOM) for entry in entries
    ]


def test_it_can_be_cited(site):
    cff = yaml.safe_load(site["CITATION.cff"])
    assert cff["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "version", "license"} <= cff.keys()
    assert cff["date-released"].isoformat() == "2026-11-22"
    for citation in (cff, cff["preferred-citation"]):
        assert citation["title"] == small_site.numbers().report.title
        assert citation["authors"] == [{"name": small_site.numbers().report.publisher}]
    bib = site["citation.bib"].decode()
    assert bib.count("{") == bib.count("}")
    assert re.match(r"@techreport\{hbmpanorama202611,\n", bib)
    assert bib in site["index.html"].decode()


def published(folder, month="2026-10", day="2026-10-20"):
    """An earlier site, with an edition in which one claim was judged otherwise."""
    found = small_site.report()
    rows = list(csv.DictReader(io.StringIO(found["tables"]["data/claims.csv"].decode())))
    rows[0]["verdict"] = "refuted" if rows[0]["verdict"] != "refuted" else "confirmed"
    text = io.StringIO()
    lines = csv.DictWriter(text, rows[0].keys())
    lines.writeheader()
    lines.writerows(rows)
    edition = {
        "index.html": b"<p>October</p>",
        "data/claims.csv": text.getvalue().encode(),
        "edition.json": json.dumps({"date": day}).encode(),
        "picture.bin": bytes(range(256)),
    }
    old = {f"editions/{month}/{path}": content for path, content in edition.items()}
    small_site.write(folder, {**old, "index.html": b"old", "editions/index.html": b"old"})
    return old, rows[0]


@pytest.fixture(scope="module")
def later(tmp_path_factory):
    """The site after an earlier one, with the files of its edition and the claim that turned."""
    folder = tmp_path_factory.mktemp("previous")
    old, claim = published(folder)
    small_site.write(folder, {"editions/2020-01/index.html": b"?", "editions/notes.txt": b"!"})
    return small_site.files(previous=folder), old, claim


def test_earlier_editions_stay_byte_for_byte(site, later):
    made, old, _ = later
    assert old.items() <= made.items()
    assert {p: c for p, c in made.items() if p.startswith("editions/2026-11/")} == {
        p: c for p, c in site.items() if p.startswith("editions/2026-11/")
    }
    assert made["index.html"] != b"old"


def test_an_edition_of_the_same_month_is_replaced(tmp_path):
    published(tmp_path)
    assert [edition.month for edition in archive.earlier(tmp_path, "2026-11")] == ["2026-10"]
    assert not archive.earlier(tmp_path, "2026-10")
    assert not archive.earlier(None, "2026-11")


def test_an_edition_needs_nothing_outside_of_its_folder(site):
    text = site["editions/2026-11/index.html"]
    assert text == small_site.report()["html"] == site["report/hbm-panorama.html"]
    assert site["editions/2026-11/hbm-panorama.pdf"] == small_site.PDF


def test_feeds_and_index_tell_of_verdicts_that_turned(later):
    made, _, claim = later
    items = json.loads(made["feed.json"])["items"]
    assert [item["url"] for item in items] == [
        "/editions/2026-11/", "/editions/2026-11/#tbl-claims", "/editions/2026-10/",
        "/editions/2020-01/",
    ]  # fmt: skip
    assert items[1]["title"].startswith(claim["statement"])
    assert claim["verdict"] in items[1]["content_text"]
    assert "2026-10-20" in made["editions/index.html"].decode()
    assert f"{claim['verdict']} → " in Elements(made["editions/index.html"].decode()).text


def test_an_edition_of_which_nothing_is_known_is_only_listed(later):
    made, _, _ = later
    assert made["editions/2020-01/index.html"] == b"?"
    assert 'href="2020-01/index.html">2020-01</a>' in made["editions/index.html"].decode()


def test_every_column_of_the_data_is_described(site):
    dictionary = json.loads(site["data/dictionary.json"])
    tables = {table["name"]: table for table in dictionary}
    for path in (path for path in site if path.startswith("data/") and path.endswith(".csv")):
        head, *rows = csv.reader(io.StringIO(site[path].decode()))
        table = tables.pop(path.removeprefix("data/").removesuffix(".csv"))
        assert [column["name"] for column in table["columns"]] == head
        assert table["rows"] == len(rows)
        assert all(column["meaning"] and column["type"] for column in table["columns"]), path
    assert not tables
    units = {column["name"]: column["unit"] for column in _columns(dictionary, "chips")}
    assert (units["memory_capacity"], units["memory_bandwidth"]) == ("B", "B/s")


def _columns(dictionary, name):
    return next(table["columns"] for table in dictionary if table["name"] == name)


def test_params_claims_and_predictions_are_there_as_json(site):
    params = json.loads(site["data/params.json"])
    assert params["chips"]["h100-sxm5"]["memory_capacity"]["value"] == 80e9
    assert params["report"]["as_of"] == "2026-11-22"
    claims = json.loads(site["data/claims.json"])
    assert {claim["id"] for claim in claims} == {c.id for c in small_site.numbers().claims.claims}
    assert all(claim["verdict"] for claim in claims)
    assert json.loads(site["data/predictions.json"])[0]["precision"] == "bf16"


def documents(site):
    """What search reads: the script of a fixed name tells that of the documents."""
    path = json.loads(re.search(r"= (.*);", site["assets/search.js"].decode())[1])
    return json.loads(re.search(r"= (.*);\n", site[path].decode())[1])


def test_search_knows_every_page_and_section(site):
    found = documents(site)
    paths = [path for _, path, *_ in found]
    assert {page.path for page in small_site.PAGES} <= set(paths)
    for path in paths:
        page, _, anchor = path.partition("#")
        assert page in site
        assert not anchor or f'id="{anchor}"' in site[page].decode()
    said = {path: about for _, path, _, about, _ in found}
    assert said["report/memory-bound.html#fig-roofline"] == "Dots of roofline rise. Two of them."
    assert "A wafer is read quickly." in said["report/memory-bound.html"]


def test_each_section_of_the_report_has_a_page(site):
    pages = {path: Elements(text) for path, text in html(site).items() if CHAPTER.match(path)}
    assert {path.split("/")[1] for path in pages} == {
        "index.html", "memory-bound.html", "claims.html", "glossary.html", "sources.html",
    }  # fmt: skip
    section = site["report/memory-bound.html"].decode()
    assert meta(section, "description") == "A wafer is read quickly."
    assert about(section)[0]["isPartOf"]["@type"] == "Report"
    assert re.findall(r'<a rel="(\w+)" href="([^"]+)"', section) == [
        ("prev", "index.html"), ("next", "claims.html"),
    ]  # fmt: skip
    assert '<a href="memory-bound.html#fig-roofline">' in site["report/index.html"].decode()
    assert re.findall(r'<li><a href="#([^"]*)"', section) == [  # in its contents
        "memory-bound-what-a-token-costs", "own-terms",
    ]  # fmt: skip
    assert "what-a-token-costs" not in site["report/claims.html"].decode()


def test_sections_of_any_name_have_pages_of_their_own():
    names = ["sec-index", "sec-first", "sec-index", "sec-sources", "sec-hbm-panorama", "sources"]
    body = "\n".join(f'<h1 data-x id="{name}">Title &amp; <i>so</i></h1>' for name in names)
    report = ReportPage(
        "<details open><summary>C</summary>\n<ul></ul>\n</details>\n</nav>"
        f'<main id="report" tabindex="-1">\n{body}\n</main>'
    )

    paths = [chapter.path for chapter in report.chapters]

    assert paths == [
        f"report/{name}.html"
        for name in ("index", "first", "sec-index", "sec-sources", "sec-hbm-panorama", "sources")
    ]
    assert report.chapters[1].title == "Title & so"


def test_pages_of_sections_end_with_the_terms_and_sources_that_they_name(site):
    def ids(path):
        tags = Elements(site[f"report/{path}.html"].decode()).found
        return [a["id"] for _, a in tags if re.match("(ref|term)-", a.get("id", ""))]

    assert ids("index") == []
    assert ids("memory-bound") == ids("glossary") == ["term-wafer"]
    assert ids("claims") == ids("sources") == ["ref-nvidia-h100"]
    assert 'href="#ref-nvidia-h100"' in site["report/claims.html"].decode()


def test_pictures_for_sharing_have_the_size_that_is_asked_for(site):
    for kind in ("report", "chip", "model", "compare"):
        picture = site[f"social/{kind}.png"]
        assert picture.startswith(b"\x89PNG")
        assert struct.unpack(">II", picture[16:24]) == (1200, 630)
    assert site["social/chip.png"] != site["social/model.png"]


def test_the_page_for_what_is_not_there_brings_all_that_it_needs(site):
    tags = Elements(site["404.html"].decode()).found
    assert not [tag for tag, attributes in tags if tag == "link" or "src" in attributes]
    assert "noindex" in site["404.html"].decode()


def test_the_landing_page_leads_to_what_it_tells(site):
    text = site["index.html"].decode()
    figure = "report/memory-bound.html#fig-roofline"
    for link in (figure, "report/hbm-panorama.pdf", "citation.bib"):
        assert f'href="{link}"' in text
    assert text.count('<svg role="img"') == 2
    assert "Dots of plane rise." in text
    assert "2 chips: " in Elements(text).text


def test_indexes_link_what_has_a_page(site):
    text = site["chips/index.html"].decode()
    assert '<a href="b200.html">B200</a>' in text
    assert "<td>WSE-3</td>" in text  # without a page of its own
    assert '<a href="llama-3-70b.html">Llama 3 70B</a>' in site["models/index.html"].decode()


def test_only_pairs_that_exist_are_offered(site):
    text = site["compare/index.html"].decode()
    assert '<a href="b200-vs-h100-sxm5.html">B200 against H100 SXM5</a>' in text
    assert set(re.findall(r'<option value="([^"]*)"', text)) == {"b200", "h100-sxm5"}
    assert "B200 holds more." in text


def test_many_pairs_are_listed_by_their_first_chip():
    pairs = {
        f"b200-vs-x{n}": PageInfo(f"compare/b200-vs-x{n}.html", "compare", f"B200 against X{n}",
                                  "", "", "")
        for n in range(MOST_IN_A_TABLE + 1)
    }  # fmt: skip
    place = Place("compare/index.html", "Compare", "Pairs", "We", "2026-11-22")
    text = compare(small_site.numbers(), pairs, place)
    assert text.count("<summary>") == 1
    assert text.count('href="b200-vs-') == len(pairs)


def test_a_page_of_a_notebook_has_one_heading_and_the_sources_that_it_cites(site):
    text = site["chips/h100-sxm5.html"].decode()
    tags = Elements(text)
    assert re.findall(r"<h1[^>]*>(.*?)</h1>", text) == ["H100 SXM5"]
    assert re.findall(r'<a href="#([^"]*)" id="toc', text) == [
        "where-it-stands", "its-numbers", "sources",
    ]  # fmt: skip
    assert [a["id"] for tag, a in tags.found if a.get("class") == "csl-entry"] == [
        "ref-nvidia-h100"
    ]
    assert '<a href="../report/memory-bound.html">why</a>' in text
    assert "header-section-number" not in text


def test_a_page_that_cites_what_there_is_not_is_an_error():
    page = small_site.PAGES[0]
    place = place_of(page, small_site.numbers().report)
    cells = [small_site.prose("# B200\n\nSo it is said [@nobody].")]
    notebook = replace_cells(small_site.executed(page), cells)
    with pytest.raises(ExportError, match="nobody"):
        site_page(page_notebook(notebook, place, small_site.numbers().sources), place)


def replace_cells(notebook, cells):
    notebook.cells = cells
    return notebook


def test_scripts_are_those_of_the_site(site):
    policy = meta_policy(site["chips/b200.html"].decode())
    assert "script-src 'self' 'sha256-" in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy


def meta_policy(text):
    return re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]


def test_the_address_comes_from_params_or_from_the_environment(monkeypatch):
    monkeypatch.delenv("SITE_ADDRESS", raising=False)
    report = small_site.numbers().report
    assert site_address(report) == ""
    assert site_address(report.model_copy(update={"address": ADDRESS})) == ADDRESS
    monkeypatch.setenv("SITE_ADDRESS", "https://other.example/x")
    assert site_address(report) == "https://other.example/x/"
    monkeypatch.setenv("SITE_ADDRESS", "javascript:alert(1)")
    with pytest.raises(ValueError, match="SITE_ADDRESS"):
        site_address(report)


def test_a_site_of_another_address_is_another(monkeypatch, tmp_path):
    monkeypatch.setenv("SITE_ADDRESS", ADDRESS)
    record = {"inputs": "i", "command": "c", "address": ADDRESS, "files": {}}
    (tmp_path / "site.json").write_text(json.dumps(record))
    assert unchanged_site(tmp_path, "i", "c")
    monkeypatch.delenv("SITE_ADDRESS")
    assert not unchanged_site(tmp_path, "i", "c")


def test_a_wrong_address_stops_the_command_before_it_builds(monkeypatch, tmp_path):
    monkeypatch.setenv("SITE_ADDRESS", "javascript:alert(1)")
    done = CliRunner().invoke(main, ["site", "--build", str(tmp_path)])
    assert (done.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert done.output.startswith("SITE_ADDRESS: 'javascript:alert(1)' is not an address")
    assert "Traceback" not in done.output


def test_captions_name_the_notebook_of_their_page(site):
    for path, name in (
        ("chips/b200.html", "chip"), ("models/llama-3-70b.html", "model"),
        ("compare/b200-vs-h100-sxm5.html", "compare"),
    ):  # fmt: skip
        assert set(re.findall(r">(\w+)\.ipynb<", site[path].decode())) == {name}


def test_the_report_has_its_pictures_as_files_too(site):
    text = site["report/memory-bound.html"].decode()
    assert '<noscript><img src="charts/fig-plane.svg" alt="Two dots."' in text
    picture = site["report/charts/fig-plane.svg"].decode()
    assert ET.fromstring(picture).tag.endswith("svg")  # noqa: S314 - ours
    assert "light-dark(#1b1f24, #e6edf3)" in picture
    assert "fill: var(--ink)" in picture


def test_a_place_knows_the_way_to_the_root():
    place = Place("editions/2026-11/index.html", "E", "", "We", "2026-11-22")
    assert place.root == "../../"
    assert replace(place, path="index.html").root == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--executor", "dask"], "go together"),
        (["--scheduler", "tcp://x:1"], "go together"),
        (["--executor", "dask", "--scheduler", "tcp://x:1", "--workers", "2"], "has its own"),
    ],
)
def test_options_that_do_not_go_together_are_told(tmp_path, words, said):
    done = CliRunner().invoke(main, ["site", "--build", str(tmp_path), *words])
    assert said in done.output
    assert (done.exit_code, list(tmp_path.iterdir())) == (2, [])
