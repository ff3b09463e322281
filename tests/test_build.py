"""A build replaces both documents or neither, says why, and does nothing when nothing changed."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from nbformat.v4 import new_notebook

from reportlib.__main__ import main
from reportlib.pipeline import build as building
from reportlib.pipeline import execute, export, files
from reportlib.pipeline.build import DOCUMENTS, RECORD, Watch
from reportlib.pipeline.data import TABLES
from reportlib.pipeline.execute import Failure
from reportlib.pipeline.manuscript import ExportError

ROOT = Path(__file__).parents[1]
DATA = {f"data/{name}.{kind}" for name in TABLES for kind in ("csv", "parquet")}
HEAVY = ["altair", "nbconvert", "nbformat", "numpy", "pandas", "papermill", "pydantic", "yaml"]


@pytest.fixture
def quick(monkeypatch):
    """Stand-ins for what takes seconds; returns the sections that were executed."""
    runs = []

    def run(_, sections, *, finished, **__):
        runs.append(list(sections))
        for name in sections:
            finished(name, new_notebook())
        return {name: new_notebook() for name in sections}, []

    def page(_, paper):
        return f"<html>{paper.metadata['date']}, run {len(runs)}"

    monkeypatch.setattr(execute, "execute", run)
    monkeypatch.setattr(export.HtmlExporter, "document", page)
    monkeypatch.setattr(export.PdfExporter, "document", lambda *_: b"%PDF")
    return runs


@pytest.fixture
def report(params_copy, tmp_path, monkeypatch):
    """A function that makes the report of the copied params, in this process."""
    monkeypatch.setenv("HBM_PARAMS", "")  # so that what the command sets is undone
    monkeypatch.setenv("AS_OF", "")

    def run(*more, build=tmp_path / "build"):
        words = ["report", "--params", str(params_copy), "--build", str(build), *more]
        os.environ["AS_OF"] = ""
        return CliRunner().invoke(main, words, catch_exceptions=False)

    return run


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "cache")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def notebooks(tmp_path, monkeypatch):
    """A copy of notebooks/ to edit."""
    folder = Path(shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks"))
    monkeypatch.setattr(building, "NOTEBOOKS", folder)
    return folder


def spoil(params):
    path = params / "chips" / "h100-sxm5.yaml"
    path.write_text(path.read_text().replace("3.35 TB/s", "3.35 Tb/s"))


def test_a_second_build_has_nothing_to_do(report, quick, tmp_path):
    first, second = report(), report()

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "execute" in first.output
    assert "Nothing changed since the last build." in second.output
    assert all(name in second.output for name in DOCUMENTS)
    assert len(quick) == 1
    assert set(contents(tmp_path / "build")) == {*DOCUMENTS, *DATA, RECORD}


def test_deciding_that_there_is_nothing_to_do_imports_nothing_heavy(
    report, quick, tmp_path, params_copy
):
    report()
    words = ["report", "--params", str(params_copy), "--build", str(tmp_path / "build")]
    script = (
        "import sys; from reportlib.__main__ import main\n"
        f"main({words!r}, standalone_mode=False)\n"
        f"print(*(name for name in {HEAVY!r} if name in sys.modules), 'loaded')"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert done.stdout.startswith("Nothing changed")
    assert done.stdout.splitlines()[-1] == " loaded".strip()
    assert quick


def test_what_the_documents_are_made_from_decides(report, quick, tmp_path, params_copy):
    report()
    (params_copy / "chips" / "m2-ultra.yaml").unlink()
    report()
    report("--as-of", "2026-03-01")
    os.environ["AS_OF"] = ""
    assert "2026-03-01" in (tmp_path / "build" / DOCUMENTS[0]).read_text()
    report("--force", "--as-of", "2026-03-01")

    assert len(quick) == 4


def test_only_what_an_edit_concerns_is_executed_again(
    report, quick, tmp_path, params_copy, notebooks
):
    def executed(*more):
        report("--force", *more)
        return quick[-1]

    everything = executed()
    assert executed() == []
    glossary = notebooks / "96_glossary.ipynb"
    glossary.write_text(glossary.read_text().replace("# Glossary", "# Words"))
    assert executed() == ["96_glossary"]
    assert executed() == []
    (params_copy / "chips" / "m2-ultra.yaml").unlink()
    assert executed() == everything
    assert executed("--no-cache") == everything
    kept = [p for p in (tmp_path / "build" / "cache").iterdir() if b'"cells"' in p.read_bytes()]
    kept[0].write_bytes(kept[0].read_bytes()[:-1])
    kept[1].unlink()
    assert len(executed()) <= 2  # one may be of params that are gone
    assert executed("--as-of", "2026-03-01") == everything
    assert len(everything) > 10


def test_sections_that_were_executed_before_one_failed_are_kept(
    report, quick, monkeypatch, notebooks
):
    good = execute.execute
    failure = Failure("10_x", 3, "1 / 0", "ZeroDivisionError: no", "", "look", None)

    def fail(notebooks, sections, **words):
        good(notebooks, dict(list(sections.items())[1:]), **words)
        return {}, [failure]

    monkeypatch.setattr(execute, "execute", fail)
    assert report().exit_code == 1
    monkeypatch.setattr(execute, "execute", good)

    assert report().exit_code == 0
    assert len(quick[0]) > 10
    assert len(quick[1]) == 1
    assert notebooks


@pytest.mark.usefixtures("quick")
def test_the_day_in_the_environment_counts_too(report, tmp_path, params_copy, monkeypatch):
    report()
    monkeypatch.setenv("AS_OF", "2026-03-01")

    words = ["report", "--params", str(params_copy), "--build", str(tmp_path / "build")]
    CliRunner().invoke(main, words, catch_exceptions=False)

    assert "2026-03-01" in (tmp_path / "build" / DOCUMENTS[0]).read_text()


@pytest.mark.parametrize("name", [*DOCUMENTS, "data/chips.csv", RECORD])
@pytest.mark.parametrize("harm", ["deleted", "changed", "not JSON"])
def test_what_was_harmed_is_made_anew(report, quick, tmp_path, name, harm):
    report()
    good = contents(tmp_path / "build")
    path = tmp_path / "build" / name
    if harm == "deleted":
        path.unlink()
    else:
        path.write_bytes(b'{"inputs": 1}' if harm == "changed" else b"{\xff")

    report()

    assert len(quick) == 2
    assert contents(tmp_path / "build").keys() == good.keys()
    record = json.loads((tmp_path / "build" / RECORD).read_text())
    assert record["files"].keys() == {*DOCUMENTS, *DATA}


def test_spoilt_params_leave_the_last_good_report(report, quick, tmp_path, params_copy):
    report()
    good = contents(tmp_path / "build")
    spoil(params_copy)

    done = report()

    assert done.exit_code == 1
    assert "params/chips/h100-sxm5.yaml:7: memory_bandwidth.value: '3.35 Tb/s'" in done.stderr
    assert "1 problem(s) in the parameters." in done.stderr
    assert "The last good report is untouched" in done.stderr
    assert "Traceback" not in done.output
    assert contents(tmp_path / "build") == good
    assert len(quick) == 1


def test_a_first_build_that_fails_says_only_that(report, quick, params_copy):
    spoil(params_copy)

    done = report()

    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == "Not built."
    assert not quick


@pytest.mark.usefixtures("quick")
def test_a_failed_section_leaves_the_last_good_report(report, tmp_path, params_copy, monkeypatch):
    report()
    good = contents(tmp_path / "build")
    (params_copy / "chips" / "m2-ultra.yaml").unlink()
    failure = Failure("10_x", 3, "1 / 0", "ZeroDivisionError: no", "", "look", None)
    monkeypatch.setattr(execute, "execute", lambda *_, **__: ({}, [failure]))

    done = report()

    assert done.exit_code == 1
    assert "10_x.ipynb failed in cell 3:\n    | 1 / 0\n  ZeroDivisionError: no" in done.stderr
    assert "Traceback" not in done.output
    assert contents(tmp_path / "build") == good


@pytest.mark.usefixtures("quick")
def test_a_document_that_cannot_be_made_leaves_the_last_good_report(report, tmp_path, monkeypatch):
    report()
    good = contents(tmp_path / "build")

    def refuse(*_):
        raise ExportError("Typst cannot")  # noqa: EM101, TRY003

    monkeypatch.setattr(export.PdfExporter, "document", refuse)

    done = report("--force")

    assert (done.exit_code, done.stderr.splitlines()[0]) == (1, "Typst cannot")
    assert contents(tmp_path / "build") == good


@pytest.mark.parametrize("fails_at", [1, 2, 3])
@pytest.mark.usefixtures("quick")
def test_a_full_disk_leaves_the_last_good_report(report, tmp_path, monkeypatch, fails_at):
    report()
    good = contents(tmp_path / "build")
    calls = []

    def sync(_):
        calls.append(1)
        if len(calls) == fails_at:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", sync)

    done = report("--force")

    assert done.exit_code == 1
    assert "No space left on device; nothing half-written is left." in done.stderr
    assert contents(tmp_path / "build") == good


def test_a_folder_that_cannot_be_made_is_one_clear_line(report, quick, tmp_path):
    (tmp_path / "file").write_text("")

    done = report(build=tmp_path / "file" / "build")

    assert done.exit_code == 1
    assert done.stderr.splitlines()[0].endswith("Not a directory; nothing half-written is left.")
    assert not quick


@pytest.mark.parametrize("text", ["soon", "2026-02-30"])
@pytest.mark.usefixtures("quick")
def test_a_day_that_is_none_is_one_clear_line(report, text):
    done = report("--as-of", text)

    assert done.exit_code == 1
    assert done.stderr.startswith(f"AS_OF:1: {text!r} is not a date")


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.html"
    files.write_whole(path, b"old")
    monkeypatch.setattr(
        files.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full"))
    )

    with pytest.raises(OSError, match="full"):
        files.write_whole(path, b"new")

    assert contents(tmp_path) == {"a.html": b"old"}


def test_a_watch_tells_the_seconds_of_each_stage():
    watch = Watch()
    with watch.stage("one"):
        pass

    assert 0 <= watch.stages["one"] < 1


def test_what_a_killed_build_left_half_written_is_swept(tmp_path):
    (tmp_path / "a.html").write_text("whole")
    (tmp_path / "site").mkdir()
    (tmp_path / ".site-abcdefgh").mkdir()
    old, new, other = (
        tmp_path / name for name in (".a.html.abcdefgh", ".a.html.hgfedcba", ".b.html.abcdefgh")
    )
    for path in (old, new, other):
        path.write_text("half")
    for path in (old, other, tmp_path / ".site-abcdefgh"):
        os.utime(path, (0, 0))

    files.sweep(tmp_path)

    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"a.html", "site", new.name, other.name}
