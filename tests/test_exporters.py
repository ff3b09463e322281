"""The exporters take any notebook: all of it is shown, none of it is executed."""

import base64
import re
import struct
import subprocess
import sys
import zlib

import hostile
import nbformat
import page
import pandas as pd
import pytest
from conftest import ROOT, Elements
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from reportlib.pipeline import export, printing
from reportlib.pipeline.chapters import render
from reportlib.pipeline.manuscript import manuscript, picture_of
from reportlib.pipeline.packing import packed

FRAME = pd.DataFrame({"name": ["alpha", "beta"], "n": [1.5, -20]})
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
PDF_A, PDF_UA = page.ValidationProfile.PDF_A_2A, page.ValidationProfile.PDF_UA_1


def shown(data, **metadata):
    return new_code_cell("show()", outputs=[new_output("display_data", data, metadata=metadata)])


def told(*outputs):
    return new_code_cell("tell()", outputs=list(outputs))


def html(notebook, **about):
    return export.HtmlExporter().from_notebook_node(notebook, {"metadata": about})[0]


def pdf(notebook, tmp_path, **about):
    """Return the PDF, which must be valid."""
    document = export.PdfExporter().from_notebook_node(notebook, {"metadata": about})[0]
    path = tmp_path / "a.pdf"
    path.write_bytes(document)
    for profile in (PDF_UA, PDF_A):
        report = page.validate_pdf(str(path), profile=profile)
        assert [failure.message for failure in report.failures] == []
    return document


def typst(notebook, missing=""):
    """Return what Typst is told, with the marks that keep text text taken off."""
    text = "\n".join(render(manuscript(notebook), "typst", missing=missing))
    return re.sub(r"\\(.)", r"\1", text).replace("\N{ZERO WIDTH SPACE}", "")


@pytest.fixture(scope="module")
def analysis():
    """A notebook as people write them, of headings that skip levels and every usual output."""
    markdown = new_markdown_cell(
        "## An analysis\n\nA note[^1], $x^2$, [below](#Second-Part), [gone](#gone).\n\n"
        "[^1]: Noted.\n\n"
        "![near](near.png) ![attached](attachment:a.png) ![far](https://example.org/x.png)",
        attachments={"a.png": {"image/png": hostile.PNG}},
    )
    return new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "3", "language": "python"}},
        cells=[
            markdown,
            told(new_output("stream", text="1 %\r100 %\n\x1b[31mred\x1b[0m ``` fence")),
            told(new_output("error", ename="E", evalue="no", traceback=["\x1b[1mE\x1b[0m: no"])),
            shown({"text/html": FRAME.to_html(), "text/plain": "lost"}),
            shown({"image/png": hostile.PNG, "text/plain": "<Figure size 640x480>"}),
            shown({"image/svg+xml": SVG, "text/plain": "<SVG>"}, alt="A picture"),
            shown({"image/png": base64.b64encode(b"broken").decode()}, alt="A broken picture"),
            new_markdown_cell("##### Second Part\n\n$$a = b$$\n\n```\nunclosed"),
            new_markdown_cell("Whole again."),
            shown({"text/latex": "$\\displaystyle y^3$", "text/plain": "y**3"}),
            shown({"text/html": "<div></div><script>alert(1)</script>", "text/plain": "Figure()"}),
            shown({"text/html": "<b onclick='alert(1)'>bold</b><style>b {}</style>"}),
            shown({"text/plain": "plain"}),
        ],
    )


@pytest.fixture(scope="module")
def its_page(analysis):
    return html(analysis, name="my analysis")


def test_every_output_of_a_usual_notebook_is_on_the_page(its_page):
    text = Elements(its_page).text

    for words in (
        "my analysis", "An analysis", "Noted.", "100 %", "red ``` fence", "E: no", "alpha", "1.5",
        "−20.0", "Whole again.", "Figure()", "bold", "plain",
    ):  # fmt: skip
        assert words in text
    for words in ("1 %\r", "[31m", "lost", "alert", "640x480", "show()", "b {}"):
        assert words not in text


def test_pictures_are_in_the_page_with_what_is_seen(its_page):
    pictures = [a for tag, a in Elements(its_page).found if tag == "img"]

    assert [p["alt"] for p in pictures] == [
        "attached", "Picture that the code displayed", "A picture", "A broken picture"
    ]  # fmt: skip
    assert all(p["src"].startswith("data:image/") for p in pictures)
    assert "[picture: far]" in Elements(its_page).text


def test_a_picture_beside_the_notebook_is_taken_in_and_none_from_elsewhere(tmp_path):
    (tmp_path / "inside").mkdir()
    for place in (tmp_path / "outside.png", tmp_path / "inside" / "near by.png"):
        place.write_bytes(base64.b64decode(hostile.PNG))
    text = "![a](near%20by.png) ![b](../outside.png) ![c](nowhere.png) ![d](/etc/passwd)"

    found = Elements(html(new_notebook(cells=[new_markdown_cell(text)]), path=tmp_path / "inside"))

    assert [a["alt"] for tag, a in found.found if tag == "img"] == ["a"]
    for name in "bcd":
        assert f"[picture: {name}]" in found.text


def test_a_data_frame_is_a_table_with_numbers_to_the_right(its_page):
    tables = re.findall(r"<table.*?</table>", its_page, flags=re.DOTALL)

    assert len(tables) == 1
    assert re.search(r'class="number"[^>]*>−20\.0', tables[0])
    assert not re.search(r'class="number"[^>]*>alpha', tables[0])


def test_headings_skip_no_level(its_page):
    levels = re.findall(
        r"<h(\d)[^>]*>(?:<[^>]*>[^<]*</span>)?[^<]*(An analysis|Second Part)", its_page
    )

    assert levels == [("1", "An analysis"), ("2", "Second Part")]


def test_links_lead_somewhere_or_are_words(its_page):
    found = Elements(its_page)
    links = [a.get("href", "") for tag, a in found.found if tag == "a"]

    assert "#second-part" in links
    assert not [link for link in links if "gone" in link]
    assert "gone" in found.text


def test_a_usual_notebook_makes_a_valid_pdf(analysis, tmp_path):
    assert pdf(analysis, tmp_path, name="my analysis").startswith(b"%PDF")


def test_the_pdf_says_what_it_cannot_show(analysis, tmp_path):
    paper = manuscript(analysis)

    printing.write_pictures(paper, tmp_path)

    texts = [part["text"] for part in paper.parts if part["kind"] == "text"]
    assert "[A broken picture: the picture cannot be read]" in texts


def test_code_is_shown_where_it_is_asked_for(analysis):
    exporter = export.HtmlExporter(show_input=True)

    text = Elements(exporter.from_notebook_node(analysis, {})[0]).text

    assert text.count("show()") == sum(c.source == "show()" for c in analysis.cells)


@pytest.mark.parametrize("form", ["html", "pdf"])
def test_nbconvert_finds_the_exporters(analysis, tmp_path, form):
    path = tmp_path / "#{1} <b> $x$.ipynb"
    nbformat.write(analysis, path)
    words = [sys.executable, "-m", "nbconvert", "--to", f"hbm-{form}", str(path)]

    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)

    assert done.returncode == 0, done.stderr
    assert path.with_suffix(f".{form}").stat().st_size > 1000


@pytest.fixture(scope="module")
def hostile_page():
    return Elements(html(hostile.notebook(*hostile.TEXTS.values())))


def test_nothing_in_hostile_text_becomes_an_element(hostile_page):
    harmless = Elements(html(hostile.notebook("harmless")))

    def scripts(elements):
        return [
            a for tag, a in elements.found if tag == "script" and "json" not in a.get("type", "")
        ]

    assert scripts(hostile_page) == scripts(harmless)
    attributes = [item for _, found in hostile_page.found for item in found.items()]
    assert [key for key, _ in attributes if key.startswith("on")] == []
    addresses = {value for key, value in attributes if key in {"href", "src"}}
    assert [a for a in addresses if not re.match("#|https?:|mailto:|data:image/", a)] == []
    ids = [value for key, value in attributes if key == "id"]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", sorted(hostile.TEXTS.keys() - {"control"}))
def test_hostile_text_is_on_the_page(hostile_page, name):
    # As title, caption, alternative text, stream, plain text and message of an error, at least.
    assert hostile_page.text.count(" ".join(hostile.TEXTS[name].split())) >= 5


def test_control_characters_are_named(hostile_page):
    assert hostile_page.text.count("[U+0007][U+0000][U+FFFE][U+D83D]") >= 5


def test_hostile_text_is_text_in_a_valid_pdf(tmp_path):
    notebook = hostile.notebook(*hostile.TEXTS.values())

    pdf(notebook, tmp_path, name="#{panic()}")

    text = typst(notebook).replace("\\", "")
    for name in hostile.TEXTS.keys() - {"control"}:
        assert text.count(hostile.TEXTS[name].replace("\\", "")) >= 2


def test_characters_without_a_font_get_their_name():
    paper = manuscript(hostile.notebook("a \N{OSMANYA LETTER ALEF} \ue000 中 😀"))

    missing = printing.unprintable(paper)

    assert missing == "\ue000\N{OSMANYA LETTER ALEF}"
    text = typst(hostile.notebook("a \N{OSMANYA LETTER ALEF} \ue000 中 😀"), missing)
    assert "a [U+10480] [U+E000] 中 😀" in text


def test_what_follows_an_open_block_is_not_taken_into_it():
    cells = [new_markdown_cell(text) for text in ("::: {.x}\na", "```\nb", "- c", "[^1]", "# d")]

    text = typst(new_notebook(cells=cells))

    assert re.search(r"(?m)^= d$", text)


def written(*objects):
    """Return a PDF of *objects*, with a plain table."""
    document, places = b"%PDF-1.7\n%\x80\x80\x80\x80\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer\n<</Size 3/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(document)
    return document + head + rows + tail


def bundled(pdf):
    """Return the objects that are packed in *pdf*, as one text."""
    streams = re.findall(rb"/ObjStm.*?stream\n(.*?)\nendstream", pdf, re.DOTALL)
    return b"".join(map(zlib.decompress, streams))


def test_packing_loses_nothing_and_ends_no_stream_in_a_return():
    short = packed(written(b"<</Type/Catalog>>", b"<</Length 3>>\nstream\nab\r\nendstream"))

    assert b"<</Length 4>>\nstream\nab\r\n\nendstream" in short
    start = int(re.search(rb"startxref\n(\d+)", short)[1])
    table = re.search(rb"/W\[1 4 2\].*?stream\n(.*?)\nendstream", short[start:], re.DOTALL)[1]
    entries = list(struct.iter_unpack(">BIH", zlib.decompress(table)))
    assert entries[1][0] == 2
    assert short[entries[2][1] :].startswith(b"2 0 obj")
    assert bundled(short) == b"1 0\n<</Type/Catalog>>"


def test_citations_lead_to_their_source():
    action = b"<</Rect[%s]/A<</Type/Action/S/URI/URI(%s)>>/Contents(%s)>>"

    objects = bundled(
        packed(
            written(
                b"<</Type/Page/Annots[2 0 R]>>",
                action % (b"0 0 1 1", b"to:ref-a.b", b"to:ref-a.b"),
                b"<</Type/Page/Annots[4 0 R 5 0 R]>>",
                action % (b"10 20 30 40", b"here:ref-a.b", b"here:ref-a.b"),
                action % (b"0 0 1 1", b"https://a.b", b"https://a.b"),
            )
        )
    )

    assert objects.count(b"/Dest[3 0 R/XYZ 10 40 0]/Contents(source)") == 2
    assert b"URI(https://a.b)" in objects


def test_a_picture_does_not_depend_on_what_was_drawn_before():
    spec = (
        '{"data": {"values": [{"a": 1}]}, "mark": {"type": "line", "clip": true}, "encoding": '
        '{"x": {"field": "a", "type": "quantitative"}}}'
    )
    first = picture_of(spec)
    picture_of(spec.replace("line", "area"))
    picture_of.cache_clear()

    assert picture_of(spec) == first
    assert 'id="clip1"' in first
    assert first.count("url(#clip1)") == first.count("url(#")
