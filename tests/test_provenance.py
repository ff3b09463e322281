"""A site tells what it is made from, and no more; verifying finds every file that is otherwise."""

import getpass
import json
import platform
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from prov.model import ProvDocument

from reportlib import __main__ as main_module
from reportlib.__main__ import main
from reportlib.digests import of_bytes
from reportlib.pipeline import provenance

ROOT = Path(__file__).parents[1]
COMMAND = "python -m reportlib site --as-of 2026-03-01"
PAGES = {"index.html": b"<h1>Panorama</h1>", "chips/one.html": b"<h1>One</h1>"}


def told(root=ROOT, params=ROOT / "params", pages=PAGES, command=COMMAND, **more):
    digests = {path: of_bytes(content) for path, content in pages.items()}
    return provenance.provenance(root, params, digests, command, edition="2026-03-01", **more)


@pytest.fixture
def project(tmp_path):
    """A small project in a repository of its own."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "reportlib" / "calculations", folder / "reportlib" / "calculations")
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name, text in {"params/a b.yaml": "80 GB", "notebooks/10_x.ipynb": "{}"}.items():
        (folder / name).parent.mkdir()
        (folder / name).write_text(text)
    commit(folder)
    return folder


def commit(folder):
    run = ["git", "-C", folder, "-c", "user.name=x", "-c", "user.email=x"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*run, *words], check=True)


def site_in(folder, project, pages=PAGES, **more):
    for path, content in pages.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    content = told(project, project / "params", pages, **more)
    (folder / "provenance.json").write_bytes(content)
    return folder


def test_it_is_prov_and_says_the_same_twice():
    content = told()
    document = ProvDocument.deserialize(content=content.decode(), format="json")
    assert told() == content
    assert b"hbm:input/notebooks/pages/chip.ipynb" in content
    kinds = dict.fromkeys(("input", "package", "platform", "output"), 0)
    for entity in document.get_records():
        name = str(entity.identifier or "").removeprefix("hbm:").partition("/")[0]
        kinds[name] = kinds.get(name, 0) + 1
    assert kinds["input"] > 300
    assert kinds["package"] > 80
    assert kinds["platform"] == 2
    assert kinds["output"] == len(PAGES)
    assert len(json.loads(content)["used"]) >= kinds["input"] + kinds["package"]
    assert len(json.loads(content)["wasGeneratedBy"]) == len(PAGES)


def test_it_tells_what_was_read(project):
    entities = json.loads(told(project, project / "params"))["entity"]
    assert entities["hbm:input/params/a%20b.yaml"]["hbm:sha256"] == of_bytes(b"80 GB")
    assert entities["hbm:output/chips/one.html"]["hbm:sha256"] == of_bytes(b"<h1>One</h1>")
    assert entities["hbm:platform/python"]["hbm:version"] == platform.python_version()
    assert "hbm:input/notebooks/10_x.ipynb" in entities
    assert "hbm:input/reportlib/calculations/roofline.py" in entities
    assert "hbm:input/requirements.lock" in entities
    assert entities["hbm:package/altair"]["hbm:version"][0] == "6"
    assert not any("pytest" in name for name in entities)
    (clean,) = [told for name, told in entities.items() if "hbm:revision" in name]
    assert clean["hbm:clean"]
    (project / "params" / "a b.yaml").write_text("81 GB")
    entities = json.loads(told(project, project / "params"))["entity"]
    (dirty,) = [told for name, told in entities.items() if "hbm:revision" in name]
    assert not dirty["hbm:clean"]


def test_it_tells_nothing_of_who_where_and_when(project):
    content = told(project, project / "params").decode()
    for secret in (getpass.getuser(), socket.gethostname(), str(project), str(Path.home()), "@"):
        assert not re.search(rf"\b{re.escape(secret)}\b", content), secret
    assert not re.search(r"\d\d:\d\d:\d\d|startTime|endTime", content)
    moved = project.with_name("elsewhere")
    shutil.copytree(project, moved)
    assert told(moved, moved / "params").decode() == content


def test_it_can_be_told_without_git(project):
    shutil.rmtree(project / ".git")
    assert b"hbm:revision" not in told(project, project / "params")


def test_commits_that_change_no_input_change_nothing(project):
    before = told(project, project / "params")
    (project / "README.md").write_text("Words")
    commit(project)
    assert told(project, project / "params") == before


@pytest.fixture
def verify(project, tmp_path):
    """A function that verifies a site against what is built again."""

    def run(site, pages=PAGES):
        told = provenance.read(site)
        return provenance.verify(
            site, told, lambda scratch: site_in(scratch / "site", project, pages), tmp_path
        )

    return run


def test_the_same_site_is_verified(verify, project, tmp_path):
    site = site_in(tmp_path / "old", project)
    assert verify(site).equal
    assert provenance.compare(project, project / "params", provenance.read(site)) == []
    shutil.rmtree(project / ".git")  # another clone may have another history
    assert verify(site).equal
    assert "revision" in provenance.compare(project, project / "params", provenance.read(site))[0]


def test_every_tampered_file_is_named(verify, project, tmp_path):
    site = site_in(tmp_path / "old", project)
    (site / "index.html").write_bytes(b"<h1>Panoramas</h1>")
    (site / "chips" / "one.html").unlink()
    (site / "added.html").write_bytes(b"")
    verdict = verify(site)
    assert not verdict.equal
    assert verdict.harmed == [
        "added.html: was not built",
        "chips/one.html: is missing",
        "index.html: is not as it was built",
    ]
    assert verdict.different == [
        "added.html: is not made again",
        "chips/one.html: is made, and is not in the site",
        "index.html: 18 bytes, 17 made again, different from byte 12",
    ]


def test_a_site_whose_provenance_was_made_to_fit_is_found(verify, project, tmp_path):
    site = site_in(tmp_path / "old", project, {**PAGES, "index.html": b"forged"})
    verdict = verify(site)
    assert verdict.harmed == []
    assert [line.partition(":")[0] for line in verdict.different] == [
        "index.html", "provenance.json",
    ]  # fmt: skip


def test_what_it_was_made_from_and_is_otherwise_here_is_named(project, tmp_path, monkeypatch):
    told = provenance.read(site_in(tmp_path / "old", project))
    (project / "params" / "a b.yaml").write_text("81 GB")
    (project / "params" / "new.yaml").write_text("")
    (project / "notebooks" / "10_x.ipynb").unlink()
    monkeypatch.setattr(platform, "python_version", lambda: "2.7.18")
    monkeypatch.setattr(provenance, "packages", lambda _: {**told.facts["package"], "altair": "1"})
    altair = told.facts["package"]["altair"]
    assert provenance.compare(project, project / "params", told) == [
        "input notebooks/10_x.ipynb: is not here",
        "input params/a%20b.yaml: is another here",
        "input params/new.yaml: was not there then",
        f"package altair: {altair} then, 1 here",
        f"platform python: {told.facts['platform']['python']} then, 2.7.18 here",
    ]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"activity": 1}', '{"entity": {"a": {}}}'])
def test_what_is_no_provenance_is_told(tmp_path, text):
    (tmp_path / "provenance.json").write_text(text)
    with pytest.raises(provenance.ProvenanceError, match="not the provenance of a site"):
        provenance.read(tmp_path)


@pytest.mark.parametrize(
    "command", ["rm -rf /", "python -m reportlib site --as-of $(id)", "python -m reportlib new x"]
)
def test_no_other_command_is_run(project, tmp_path, command):
    site = site_in(tmp_path / "old", project, command=command)
    with pytest.raises(provenance.ProvenanceError, match="not a command that builds a site"):
        provenance.read(site)


@pytest.mark.parametrize("address", ["", "https://example.org/hbm/"])
def test_it_is_built_as_it_was(project, tmp_path, monkeypatch, address):
    site = site_in(tmp_path / "old", project, address=address)
    monkeypatch.setenv("SITE_ADDRESS", "https://elsewhere.example/")
    commands = []
    pages = dict(PAGES)

    def build(command, **options):
        if command[0] == sys.executable:
            commands.append(command)
            folder = Path(command[command.index("--build") + 1], "site")
            site_in(folder, project, pages, address=options["env"]["SITE_ADDRESS"])
            return subprocess.CompletedProcess(command, 0)
        return run(command, **options)

    run = subprocess.run
    monkeypatch.setattr(main_module.subprocess, "run", build)
    monkeypatch.setattr(main_module, "ROOT", project)
    words = ["verify", str(site), "--params", str(project / "params")]

    done = CliRunner().invoke(main, words)
    assert done.output == (
        "Made from the same.\nBuilding the edition of 2026-03-01 again.\nThe same, byte for byte.\n"
    )
    assert done.exit_code == 0
    assert commands[0][1:6] == ["-m", "reportlib", "site", "--as-of", "2026-03-01"]
    assert commands[0][-1] == "--no-cache"
    assert not Path(commands[0][-2]).exists()

    pages["index.html"] = b"other"
    done = CliRunner().invoke(main, words)
    assert "Otherwise when built again:\n  index.html: 17 bytes, 5 made again" in done.output
    assert done.output.endswith("Not the same.\n")
    assert done.exit_code == 1
