"""A site links to what is there, asks nothing of anyone, and is valid HTML."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import small_site
from click.testing import CliRunner

from reportlib.__main__ import main
from reportlib.pipeline.links import problems

ROOT = Path(__file__).parents[1]
CHECKER = ROOT / ".node" / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
UNKNOWN = {  # what the Nu checker does not know yet, though browsers do
    "CSS: “container-type”: Property “container-type” doesn't exist.",
    "CSS: “max-width”: Parse Error.",  # units of containers
    "CSS: Parse Error.",  # ::highlight()
}
HEAD = '<title>A page</title><meta name="description" content="What it is">'


def page(body, head=HEAD, attributes=' lang="en"', title="<h1>A page</h1>"):
    return f"<!doctype html><html{attributes}><head>{head}</head><body>{title}{body}</body></html>"


@pytest.fixture
def check(tmp_path):
    """A function that checks a site of index.html with *body*, beside good pages."""

    def run(body="", **more):
        files = {
            "index.html": page(body, **more),
            "chips/index.html": page('<p id="a b">x</p><a href="../index.html">Home</a>'),
            "assets/a.css": 'p { background: url("a.svg") }',
            "assets/a.svg": "<svg/>",
        }
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        return problems(tmp_path)

    return run


@pytest.mark.parametrize(
    "body",
    [
        '<a href="chips/index.html">x</a>',
        '<a href="chips/index.html?q=1#a%20b">x</a>',
        '<a href="./chips/../chips/index.html">x</a>',
        '<a href="#top">x</a><a href="#here">x</a><p id="here">x</p>',
        '<a href="">x</a>',
        '<a href="https://example.org/">x</a>',
        '<a href="mailto:someone">x</a>',
        '<link rel="stylesheet" href="assets/a.css">',
        '<h1 id="one">A chapter</h1><h1 id="two">Another</h1>',
        '<link rel="canonical" href="https://example.org/">',
        '<img src="assets/a.svg" alt=""><img src="data:image/png;base64,AA" alt="x">',
        '<img srcset="assets/a.svg 1x, assets/a.svg 2x" alt="x">',
        '<svg role="img" aria-label="x"><title>x</title><g id="q"/></svg><svg aria-hidden="true"/>',
        '<p aria-hidden="true"><svg></svg></p><p role="img"><svg></svg></p>',
        "<script>const a = '<img src=https://example.org/a.png>'</script>",
        "<p>The ratio is 3/home and the path of a URL https://example.org/home/me</p>",
        '<script type="application/json">{"url": "https://example.org/tmp/a"}</script>',
    ],
)
def test_what_is_right_is_not_told(check, body):
    assert check(body) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('<a href="none.html">x</a>', "none.html leads to nothing"),
        ('<a href="chips/">x</a>', "chips/ is a folder, which a disk does not open"),
        ('<a href="chips">x</a>', "chips is a folder, which a disk does not open"),
        ('<a href="/chips/index.html">x</a>', "/chips/index.html breaks under a prefix"),
        ('<a href="../index.html">x</a>', "../index.html leads out of the site"),
        ('<a href="#none">x</a>', "#none leads to no element"),
        ('<a href="chips/index.html#none">x</a>', "chips/index.html#none leads to no element"),
        ('<a href="javascript:alert(1)">x</a>', "'javascript:alert(1)' is not an address"),
        ('<a href="file:///etc">x</a>', "'file:///etc' is not an address"),
        ('<a href="data:text/html,x">x</a>', "a link holds data"),
        ('<a href="http://[">x</a>', "'http://[' is no address"),
        ('<svg aria-hidden="true"><a xlink:href="no.html"/></svg>', "no.html leads to nothing"),
        ('<img src="https://example.org/a.png" alt="x">', "fetches https://example.org/a.png"),
        ('<img srcset="a.png 1x, //example.org/b 2x" alt="x">', "fetches //example.org/b from"),
        ('<script src="https://example.org/a.js"></script>', "fetches https://example.org/a.js"),
        ('<iframe src="https://example.org/"></iframe>', "fetches https://example.org/"),
        ('<link rel="stylesheet" href="https://example.org/a.css">', "fetches https://example"),
        ('<link rel="preconnect" href="//example.org">', "fetches //example.org"),
        ("<style>p { background: url(//example.org/a) }</style>", "fetches //example.org/a"),
        ('<p style="background: url(https://example.org/a)">x</p>', "fetches https://example.org"),
        ('<style>@import "none.css";</style>', "none.css leads to nothing"),
        ('<svg><image href="https://example.org/a"/></svg>', "fetches https://example.org/a"),
        ('<img src="assets/a.svg">', "a picture has no alt text: assets/a.svg"),
        ("<svg></svg>", "an SVG is neither hidden nor of role img"),
        ('<svg role="img"></svg>', "an SVG of role img has no label"),
        ("<h1>Again</h1>", "has 2 elements h1"),
        ('<p id="x"></p><p id="x"></p>', "has 2 elements of the id x"),
        ('<base href="https://example.org">', "has a base element"),
        ("<p>Read from /home/someone/params</p>", "tells a place on the machine"),
        ('<a title="file:///work/x" href="">x</a>', "tells a place on the machine"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(check, body, says):
    told = check(body)
    assert any(line.startswith("index.html: ") and says in line for line in told), told


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"head": HEAD.replace("A page", " ")}, "has no title"),
        ({"head": "<title>A page</title>"}, "has no description"),
        ({"attributes": ""}, "has no language"),
        ({"title": ""}, "has 0 elements h1"),
        ({"head": HEAD + "<svg aria-hidden=true><title>x</title></svg>", "title": ""}, "0 elem"),
    ],
)
def test_what_every_page_must_have(check, more, says):
    assert len(check(**more)) == 1
    assert says in check(**more)[0]


def test_styles_and_other_texts_are_read_too(check, tmp_path):
    check()
    (tmp_path / "assets" / "a.css").write_text("p { background: url(b.svg), url(//else.where/x) }")
    (tmp_path / "data.json").write_text('{"path": "/root/params"}')
    assert problems(tmp_path) == [
        "assets/a.css: b.svg leads to nothing",
        "assets/a.css: fetches //else.where/x from elsewhere",
        "data.json: tells a place on the machine that built it: /root/params",
    ]


def test_the_command_tells_all_and_fails(check, tmp_path):
    check('<a href="none.html">x</a>')
    done = CliRunner().invoke(main, ["check-site", str(tmp_path)])
    assert done.exit_code == 1
    assert done.output == "index.html: none.html leads to nothing\n1 problem(s) in 2 pages.\n"
    check()
    done = CliRunner().invoke(main, ["check-site", str(tmp_path)])
    assert (done.exit_code, done.output) == (0, "No problem in 2 pages.\n")


def test_a_folder_without_pages_is_no_site(tmp_path):
    assert problems(tmp_path) == [f"{tmp_path}: has no page"]


@pytest.fixture
def nu():
    """A function that returns what the Nu checker finds wrong in pages."""
    if not (shutil.which("java") and CHECKER.exists()):
        pytest.skip("no Java, or no Nu checker: make node")

    def run(*pages):
        command = ["java", "-jar", CHECKER, "--format", "json", *pages]
        told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
        found = [m for m in json.loads(told)["messages"] if m["type"] != "info"]
        return [
            f"{m['url'].rpartition('/')[2]}:{m.get('lastLine')}: {m['message']}"
            for m in found
            if m["message"] not in UNKNOWN
        ]

    return run


def test_pages_of_a_site_are_valid(nu, tmp_path):
    made = small_site.files()
    small_site.write(tmp_path, made)
    pages = [path for path in made if path.endswith(".html")]
    assert len(pages) > 10
    assert nu(*(tmp_path / path for path in pages)) == []


def test_html_that_is_not_valid_is_told(nu, check, tmp_path):
    check("<p><table><td>x</p>")
    assert any("end tag" in line for line in nu(tmp_path / "index.html"))
    check()
    assert nu(tmp_path / "index.html") == []
