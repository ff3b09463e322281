"""What the page says of itself to machines, what it keeps room for, and how large it may be."""

import html
import json
import re

from nbformat.v4 import new_code_cell, new_notebook, new_output

from reportlib.pipeline.export import HtmlExporter
from reportlib.pipeline.page import LONG_TABLE

LARGEST = 3e6  # bytes; to be sent by mail, and to open at once on a phone
TITLE = 'HBM <b>"panorama"</b></script>'


def page(rows):
    lines = ["| Chip |", "|:--|", *(f"| C{number} |" for number in range(rows))]
    exhibit = {"kind": "table", "id": "chips", "caption": "A claim.", "alt": ""}
    output = new_output(
        "display_data", {"text/markdown": "\n".join(lines)}, metadata={"exhibit": exhibit}
    )
    cell = new_code_cell("table(chips < 3)  # </code></pre>", outputs=[output])
    about = {"title": TITLE, "subtitle": "Why & how", "publisher": "P", "date": "2026-11-22"}
    notebook = new_notebook(cells=[cell], metadata={"panorama": {**about, "references": []}})
    return HtmlExporter().from_notebook_node(notebook)[0]


def meta(text, key):
    return html.unescape(re.search(rf'<meta (?:name|property)="{key}" content="([^"]*)">', text)[1])


def test_it_says_what_it_is():
    text = page(3)
    assert meta(text, "description") == meta(text, "og:description") == "Why & how"
    assert meta(text, "og:title") == TITLE
    about = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', text)[1])
    assert about["@type"] == "Report"
    assert about["name"] == TITLE
    assert about["datePublished"] == "2026-11-22"
    assert about["publisher"] == {"@type": "Organization", "name": "P"}


def test_the_code_of_an_exhibit_is_text():
    text = page(3)
    assert "<pre><code>table(chips &lt; 3)  # &lt;/code&gt;&lt;/pre&gt;</code></pre>" in text


def test_only_long_tables_can_be_filtered():
    assert page(LONG_TABLE - 1).count('<p class="filter">') == 0
    assert page(LONG_TABLE).count('<p class="filter">') == 1


def test_it_is_no_larger_than_it_should_be(built):
    assert (built / "hbm-panorama.html").stat().st_size <= LARGEST
