"""What is kept is whole or made anew; a key covers all that its part is made from, and no more."""

import ast
import errno
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import Future

import pytest
from conftest import ROOT

from reportlib.pipeline import cache as caches
from reportlib.pipeline import keys
from reportlib.pipeline.cache import Cache
from reportlib.pipeline.texts import Texts

SECTIONS = ("00_at_a_glance", "10_memory_bound", "90_claims", "96_glossary")
WITH_CODE = set(SECTIONS) - {"96_glossary"}


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def test_what_is_kept_comes_back(cache):
    cache.put("x", b"a\nb")

    assert (cache.get("x"), cache.get("y")) == (b"a\nb", None)


@pytest.mark.parametrize(
    "harm",
    [
        lambda whole: whole[:-1],
        lambda whole: whole[:30],
        lambda whole: whole.replace(b"content", b"conTent"),
        lambda whole: whole + b"\n",
        lambda _: b"",
        lambda whole: b"\xff" + whole,
    ],
)
def test_what_is_not_whole_is_made_anew(cache, harm):
    cache.put("x", b"some content")
    path = cache.folder / "x"
    path.write_bytes(harm(path.read_bytes()))

    assert cache.get("x") is None
    cache.put("x", b"new")
    assert cache.get("x") == b"new"


def test_nothing_is_half_written(cache, monkeypatch):
    cache.put("x", b"old")
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(caches.os, "fdopen", lambda *_: (_ for _ in ()).throw(full))

    cache.put("x", b"new")

    assert cache.get("x") == b"old"
    assert [path.name for path in cache.folder.iterdir()] == ["x"]


def test_a_cache_that_cannot_be_written_keeps_nothing(tmp_path):
    (tmp_path / "file").write_text("")

    for cache in (Cache(tmp_path / "file"), Cache(None)):
        cache.put("x", b"made")
        assert cache.get("x") is None
        cache.prune()


def test_the_longest_unused_go_first(cache, monkeypatch):
    for age, name in enumerate(("new", "used", "old", "oldest")):
        cache.put(name, b"x" * 35)  # 100 bytes with the digest
        os.utime(cache.folder / name, (time.time() - 100 * age,) * 2)
    half = cache.folder / ".half"
    half.write_bytes(b"")
    os.utime(half, (0, 0))
    being = cache.folder / ".being-written"
    being.write_bytes(b"")
    cache.get("used")
    monkeypatch.setattr(caches, "MOST_BYTES", 250)

    cache.prune()

    assert {path.name for path in cache.folder.iterdir()} == {"new", "used", ".being-written"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of code, notebooks and params, whose keys are asked for."""
    for name in ("reportlib", "params"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.pyc"))
    (tmp_path / "notebooks").mkdir()
    for name in SECTIONS:
        shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", tmp_path / "notebooks")
    (tmp_path / "site" / "altair-6.0.0.dist-info").mkdir(parents=True)
    monkeypatch.setattr(keys, "PACKAGE", tmp_path / "reportlib")
    monkeypatch.setattr(keys.sysconfig, "get_path", lambda _: str(tmp_path / "site"))
    yield tmp_path
    forget()


def forget():
    for function in (keys.versions, keys._file, keys._read_module):  # noqa: SLF001
        function.cache_clear()


def all_keys(project, day=""):
    forget()
    folders = (project / "notebooks", project / "params", day)
    return {**keys.sections(*folders), "data": keys.data(*folders)}


def edit(old, new, *parts):
    def change(project):
        path = project.joinpath(*parts)
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def append(*parts):
    def change(project):
        path = project.joinpath(*parts)
        path.write_bytes(path.read_bytes() + b"\n")

    return change


EDITS = {
    "prose": (
        edit("# Glossary", "# Words", "notebooks", "96_glossary.ipynb"),
        {"96_glossary"},
    ),
    "a default that other sections tell of": (
        edit("wanted_speed: float = 30", "wanted_speed: float = 31",
             "notebooks", "10_memory_bound.ipynb"),
        {*SECTIONS, "data"},
    ),
    "a chip": (append("params", "chips", "b200.yaml"), {*SECTIONS, "data"}),
    "a row of data": (append("params", "measurements.csv"), {*SECTIONS, "data"}),
    "the parameters of a section": (append("params", "report.yaml"), {*SECTIONS, "data"}),
    "a chip that is gone": (
        lambda project: (project / "params" / "chips" / "b200.yaml").unlink(),
        {*SECTIONS, "data"},
    ),
    "a module that all use": (append("reportlib", "units.py"), {*SECTIONS, "data"}),
    "a module that another imports": (
        append("reportlib", "calculations", "roofline.py"), {*WITH_CODE, "data"},
    ),
    "a module that sections use": (
        append("reportlib", "exhibits", "display.py"), WITH_CODE,
    ),
    "a module that one section uses": (
        append("reportlib", "calibrate.py"), {"10_memory_bound"},
    ),
    "a module that data use": (append("reportlib", "frames.py"), {"data"}),
    "how sections are executed": (append("reportlib", "pipeline", "execute.py"), set(SECTIONS)),
    "the page": (append("reportlib", "pipeline", "page.py"), set()),
    "its style": (append("reportlib", "pipeline", "assets", "page.css"), set()),
    "a library": (
        lambda project: (project / "site" / "altair-6.0.0.dist-info").rename(
            project / "site" / "altair-6.1.0.dist-info"
        ),
        {*SECTIONS, "data"},
    ),
    "nothing": (lambda _: None, set()),
}  # fmt: skip


@pytest.mark.parametrize("kind", EDITS)
def test_an_edit_changes_the_keys_of_what_must_be_made_anew_and_no_others(project, kind):
    change, wanted = EDITS[kind]
    before = all_keys(project)

    change(project)

    after = all_keys(project)
    assert {name for name in before if before[name] != after[name]} == wanted


def test_another_day_has_other_keys(project):
    one, other = all_keys(project), all_keys(project, "2026-03-01")

    assert {name for name in one if one[name] == other[name]} == set()


def test_no_import_of_ours_is_overlooked():
    for path in (ROOT / "reportlib").rglob("*.py"):
        content = path.read_bytes()
        imported = set(keys._imported(ast.parse(content)))  # noqa: SLF001
        assert imported <= set(keys._imports_in(content)), path  # noqa: SLF001


def made(texts, *words, version="1"):
    """Return what `texts` has made of *words*, and whether it was made anew."""
    runs = []

    def joined(*words):
        runs.append(words)
        return " ".join(words)

    return texts.of(joined, *words, version=version), bool(runs)


def test_texts_are_made_once_and_again_when_their_inputs_differ(cache, monkeypatch):
    texts = Texts()
    with texts.kept(cache, None):
        assert made(texts, "a", "b") == ("a b", True)
        assert made(texts, "a", "b") == ("a b", False)
    with texts.kept(cache, None):
        assert made(texts, "a", "b") == ("a b", False)
        assert made(texts, "a b") == ("a b", True)
        assert made(texts, "a", "b", version="2") == ("a b", True)
        monkeypatch.setattr("reportlib.pipeline.texts.versions", lambda: "others")
        assert made(texts, "a", "b") == ("a b", True)
    assert made(texts, "a", "b") == ("a b", True)


def test_a_text_that_cannot_be_made_is_not_kept(cache):
    texts = Texts()
    with texts.kept(cache, None):
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                texts.of(lambda: str(1 / 0), version="1")
    assert list(cache.folder.glob("*") if cache.folder.exists() else []) == []


def test_what_holds_up_is_made_elsewhere(cache):
    texts, submitted = Texts(), []

    def submit(make, *arguments):
        submitted.append(arguments)
        future = Future()
        future.set_result(make(*arguments))
        return future

    with texts.kept(cache, submit):
        assert texts.of(str.upper, "a", version="1", holds_up=True) == "A"
        assert texts.of(str.lower, "A", version="1") == "a"
    assert submitted == [("a",)]


def test_cells_with_magics_depend_on_all_our_code():
    everything = set((ROOT / "reportlib").rglob("*.py"))

    assert keys.modules("%matplotlib inline\nimport reportlib.units") == everything
    assert keys.modules("import reportlib.units") == {
        ROOT / "reportlib" / "__init__.py", ROOT / "reportlib" / "units.py",
    }  # fmt: skip


WATCHED = """
import json, sys
opened = []
sys.addaudithook(lambda event, about: opened.append(str(about[0])) if event == "open" else None)
from reportlib.exhibits import display
display.display = lambda *_, **__: None
names = {"__name__": "__main__"}
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] == "code":
        exec("".join(cell["source"]), names)
files = [m.__file__ for n, m in sys.modules.items() if n.partition(".")[0] == "reportlib"]
print(json.dumps([opened, files]))
"""


@pytest.mark.parametrize("section", ["00_at_a_glance", "80_model_against_reality"])
def test_a_section_opens_and_imports_nothing_that_its_key_does_not_cover(section):
    notebook = ROOT / "notebooks" / f"{section}.ipynb"
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, notebook],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    opened, imported = json.loads(done.stdout)
    cells = [c for c in json.loads(notebook.read_text())["cells"] if c["cell_type"] == "code"]
    code = keys.modules("import reportlib.exhibits.display", *("".join(c["source"]) for c in cells))

    ours = {ROOT / path for path in opened if str(ROOT / path).startswith(f"{ROOT}/")}
    covered = ("params/", "notebooks/", ".venv/")
    read = {p for p in ours if not p.relative_to(ROOT).as_posix().startswith(covered)}
    assert {p for p in read if p.suffix not in {".py", ".pyc"}} == set()
    assert {path for path in imported if ROOT / path not in code} == set()
    assert len(imported) > 20
    assert any("params/" in str(path) for path in ours)
