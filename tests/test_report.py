"""The report is whole, needs no network, is accessible, and has the same bytes twice."""

import re
import shutil
import subprocess
import sys
import time
import zlib

import page
import psutil
import pytest
from conftest import ROOT, Elements, command, read

from reportlib.params import load
from reportlib.pipeline.assemble import assemble
from reportlib.pipeline.export import HtmlExporter, PdfExporter

NAMES = ("hbm-panorama.html", "hbm-panorama.pdf")
LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}


@pytest.fixture(scope="module")
def html(built):
    return (built / NAMES[0]).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def elements(html):
    return Elements(html)


def test_nothing_is_unresolved(html):
    html = re.sub(r"<pre\b.*?</pre>", "", html, flags=re.DOTALL)  # the code behind exhibits
    text = Elements(html).text

    assert "[@" not in text
    assert re.findall(r"\(\?\)|\?\?|@(?:fig|tbl|sec|eq)-\w+", text) == []
    assert re.findall(r">\s*(?:nan|NaN|None|inf|NaT)\s*<", html) == []
    assert re.findall(r".{20}\b(?:nan|NaN|NaT|inf)\b.{20}", text) == []


def test_nothing_is_fetched(html, elements):
    fetched = [
        (tag, attributes[LOADS[tag]])
        for tag, attributes in elements.found
        if tag in LOADS and not attributes.get(LOADS[tag], "data:").startswith(("data:", "#"))
    ]
    assert fetched == []
    (policy,) = [a for t, a in elements.found if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy["content"].startswith("default-src 'none';")
    assert "unsafe-inline'" not in policy["content"].replace("style-src-attr 'unsafe-inline'", "")
    assert re.findall(r"url\(\s*['\"]?https?:|@import", html) == []


def test_vega_is_there_once(html):
    assert html.count("University of Washington Interactive Data Lab, ") == 1


def test_every_figure_has_a_picture_with_words_and_a_numbered_caption(html):
    figures = re.findall(r"<figure\b.*?</figure>", html, flags=re.DOTALL)
    wanted = sum(c.source.count("figure(") for n in sections() for c in read(n).cells
                 if c.cell_type == "code")  # fmt: skip

    assert len([f for f in figures if "<svg" in f]) == wanted > 10
    for number, figure in enumerate((f for f in figures if "<svg" in f), start=1):
        assert re.search(r'<svg role="img" aria-label="[^"]{20,}', figure)
        caption = Elements(re.search(r"<figcaption.*?</figcaption>", figure, re.DOTALL)[0]).text
        assert caption.startswith(f"Figure {number}")


def test_every_link_inside_leads_somewhere_and_ids_are_unique(elements):
    ids = [a["id"] for _, a in elements.found if "id" in a]
    links = {a["href"][1:] for _, a in elements.found if a.get("href", "").startswith("#")}

    assert len(ids) == len(set(ids))
    assert links - set(ids) == set()
    assert len(links) > 10


def test_every_section_is_there(elements):
    texts = [
        "\n".join(c.source for c in read(n).cells if c.cell_type == "markdown") for n in sections()
    ]
    titles = [re.search(r"(?m)^# ([^{\n]+)", text)[1].strip() for text in texts]

    assert len(titles) > 3
    assert [title for title in titles if title not in elements.text] == []


def sections():
    return load().report.sections


@pytest.mark.parametrize("profile", ["PDF_UA_1", "PDF_A_2A"])
def test_the_pdf_is_accessible_and_archivable(built, profile):
    assert page.is_pdf_compliant(
        str(built / NAMES[1]), profile=getattr(page.ValidationProfile, profile)
    )


def test_the_pdf_is_small_and_brings_only_the_letters_it_needs(built):
    pdf = (built / NAMES[1]).read_bytes()
    streams = re.findall(rb"/Type/ObjStm.*?stream\n(.*?)\nendstream", pdf, re.DOTALL)
    fonts = set(re.findall(rb"/BaseFont/([\w+-]+)", b"".join(map(zlib.decompress, streams))))

    assert len(pdf) < 3_000_000
    assert {font for font in fonts if not re.match(rb"[A-Z]{6}\+", font)} == set()
    families = {re.match(rb"[A-Z]{6}\+([A-Z]?[a-z]*[A-Z]*[a-z]*)", font)[1] for font in fonts}
    assert b"(to:" not in b"".join(map(zlib.decompress, streams))
    assert families == {b"IBMPlex", b"NewCMMath"}  # text, code and the numbers of charts; formulas


def test_two_builds_have_the_same_bytes(built, tmp_path, environment):
    strange = {
        "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "7", "COLUMNS": "40",
        "HOME": str(tmp_path), "USER": "someone", "TMPDIR": str(tmp_path),
    }  # fmt: skip

    done = command("--params", ROOT / "params", "--build", tmp_path / "b", "--no-cache",
                   "--workers", "1", cwd=tmp_path, env=environment | strange,
                   umask=0o077)  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert differing(built, tmp_path / "b") == set()


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up as Linux tells them")
@pytest.mark.parametrize("moment", ["started", "executed"])
def test_a_build_that_is_killed_leaves_no_process_and_the_last_good_report(
    built, tmp_path, environment, moment
):
    shutil.copytree(built, tmp_path / "b", ignore=shutil.ignore_patterns("cache"))
    words = [sys.executable, "-m", "reportlib", "report", "--no-cache", "--build", tmp_path / "b"]
    marked = environment | {"HBM_KILLED": str(tmp_path), "HBM_PARAMS": str(ROOT / "params")}

    def ours():
        return [p for p in psutil.process_iter() if _marked(p) == str(tmp_path)]

    with subprocess.Popen(words, env=marked, stdout=subprocess.PIPE, text=True, cwd=ROOT) as build:
        while moment not in build.stdout.readline():
            assert build.poll() is None
        assert len(ours()) > 1
        build.kill()
    end = time.monotonic() + 10
    while ours():
        assert time.monotonic() < end, ours()
        time.sleep(0.1)

    assert differing(built, tmp_path / "b") == set()
    done = command("--params", ROOT / "params", "--build", tmp_path / "b", cwd=ROOT)
    assert done.stdout.startswith("Nothing changed since the last build.")


def _marked(process):
    try:
        return process.environ().get("HBM_KILLED")
    except psutil.Error:
        return ""


def test_a_build_from_the_cache_has_the_same_bytes(built, tmp_path):
    shutil.copytree(built / "cache", tmp_path / "cache")

    done = command("--params", ROOT / "params", "--build", tmp_path)

    assert done.returncode == 0, done.stderr
    assert "started" not in done.stdout
    assert differing(built, tmp_path) == set()


def differing(one, other):
    """Return the files that are not the same in two builds."""
    made, again = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in (one, other)
    )
    return {name for name in made.keys() | again.keys() if made.get(name) != again.get(name)}


def test_another_cast_makes_both_documents(tell, params_copy):
    chips = params_copy / "chips"
    text = (chips / "b200.yaml").read_text()
    for old, new in {
        "name: B200": "name: Newcomer 9",
        "180 GB": "190 GB",
        "8 TB/s": "9 TB/s",
    }.items():
        text = re.sub(rf"(?m){old}\b", new, text, count=1)
    assert text.count("Newcomer 9") == 1
    (chips / "newcomer.yaml").write_text(text)
    (chips / "rubin-r200.yaml").unlink()
    (params_copy / "models" / "llama-3-70b.yaml").unlink()

    told = tell(params_copy)
    assert told.faults == []
    known = load(params_copy)
    report = assemble(told.executed(), known.report, known.sources)
    html, _ = HtmlExporter().from_notebook_node(report)
    pdf, _ = PdfExporter().from_notebook_node(report)

    text = Elements(html).text
    assert "no chip rubin-r200 in this edition" in text
    assert "no model llama-3-70b in this edition" in text
    assert "not checkable" in text
    assert "Newcomer 9" in told.texts["30_chip_comparison: chips"]
    pictures = re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)
    assert sum("Newcomer 9" in picture for picture in pictures) >= 3
    assert pdf.startswith(b"%PDF")
