"""A page of hostile text executes nothing of it, asks for nothing, and is shown whole."""

import hostile
import pytest

from reportlib.pipeline.export import HtmlExporter

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """In place of the report, a page of hostile text in a folder of a hostile name."""
    folder = tmp_path_factory.mktemp("hostile") / "#page <b> %41"
    folder.mkdir()
    notebook = hostile.notebook(*hostile.TEXTS.values())
    document, _ = HtmlExporter().from_notebook_node(notebook)
    (folder / "hbm-panorama.html").write_text(document, encoding="utf-8")
    return folder


@pytest.mark.parametrize("width", [390, 1280])
def test_hostile_text_is_only_shown(visit, width):
    page = visit(width)
    dialogs = []
    page.tab.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.read()

    assert dialogs == []
    assert [url for url in page.requests if not url.startswith("data:")] == [page.tab.url]
    assert [c[:200] for c in page.complaints] == []
    assert page.tab.evaluate("violations") == []
    assert page.tab.evaluate("document.documentElement.scrollWidth") == width
    assert page.tab.locator(".live svg").count() == len(hostile.TEXTS)
