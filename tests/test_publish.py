"""Publishing puts a whole site where readers are, changes only what changed, and forces nothing."""

import errno
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from made_sites import PAGES, make

from reportlib import __main__ as main_module
from reportlib.__main__ import main
from reportlib.pipeline import branch as branches
from reportlib.pipeline import publish
from reportlib.pipeline.branch import to_branch
from reportlib.pipeline.publish import MANIFEST, PublishError, by_hook, read, to_folder, words_of
from reportlib.pipeline.repository import uncommitted

WITHOUT_NAMES = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
DECEMBER = {
    **{path: text for path, text in PAGES.items() if "2026-11" not in path},
    "editions/2026-12/index.html": "<h1>December</h1>",
}


def git(folder, *words):
    return subprocess.run(
        ["git", "-C", folder, *words], capture_output=True, text=True, check=True
    ).stdout.strip()


def commit(folder, message="Change", **files):
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", ".")
    who = ("-c", "user.name=Someone", "-c", "user.email=some@one")
    git(folder, *who, "commit", "-qm", message, "--allow-empty")


@pytest.fixture
def remote(tmp_path):
    """An empty bare repository."""
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    return tmp_path / "remote.git"


@pytest.fixture
def source(tmp_path, remote, monkeypatch):
    """A clone of *remote* with something committed, where git knows no name."""
    for name, value in WITHOUT_NAMES.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "source"
    git(tmp_path, "init", "-q", "-b", "main", folder)
    git(folder, "remote", "add", "origin", str(remote))
    (folder / ".gitignore").write_text("build\n")
    (folder / "params").mkdir()
    (folder / "params" / "chip.yaml").write_text("memory: 80 GB\n")
    commit(folder)
    return folder


@pytest.fixture
def to_pages(source):
    """A function that publishes pages to gh-pages of origin."""

    def run(pages=None, *, build="build", dry_run=False, **more):
        site = read(make(source / build, pages, **more), "as now")
        return to_branch(site, source, remote="origin", branch="gh-pages", dry_run=dry_run)

    return run


def published(remote, revision="gh-pages"):
    names = git(remote, "ls-tree", "-r", "--name-only", revision).splitlines()
    return {name: git(remote, "show", f"{revision}:{name}") for name in names}


def state(folder):
    """Return all that a repository holds that a person could miss."""
    refs = git(folder, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")
    return refs, git(folder, "status", "--porcelain"), git(folder, "stash", "list")


def test_the_first_publish_makes_the_branch(to_pages, remote, source):
    before = state(source)
    plan = to_pages()

    assert set(published(remote)) == {*PAGES, "provenance.json", ".nojekyll"}
    assert published(remote)["index.html"] == PAGES["index.html"]
    assert set(plan.added) == set(published(remote))
    assert not plan.changed
    assert not plan.removed
    assert state(source) == before
    assert git(remote, "rev-list", "--count", "gh-pages") == "1"
    git(remote, "fsck", "--strict")
    git(source, "fsck", "--strict")


def test_the_commit_names_edition_source_and_inputs(to_pages, remote, source):
    to_pages()

    message = git(remote, "log", "-1", "--format=%B", "gh-pages")
    assert message.splitlines() == [
        "Publish the edition of 2026-11-22",
        "",
        f"Source: {git(source, 'rev-parse', 'HEAD')}",
        "Inputs: as now",
        "Published-by: hbm-panorama",
    ]
    assert git(remote, "log", "-1", "--format=%an", "gh-pages") == "HBM panorama"


def test_a_second_publish_has_nothing_to_do(to_pages, remote):
    to_pages()
    tip = git(remote, "rev-parse", "gh-pages")

    assert not to_pages()
    assert git(remote, "rev-parse", "gh-pages") == tip


def test_only_what_changed_differs(to_pages, remote):
    to_pages()
    plan = to_pages({**PAGES, "chips/one.html": "<h1>Two</h1>", "new.html": "new"})

    told = git(remote, "diff", "--name-status", "gh-pages~1", "gh-pages").splitlines()
    assert told == ["M\tchips/one.html", "A\tnew.html"]
    assert (list(plan.added), list(plan.changed)) == (["new.html"], ["chips/one.html"])


def test_earlier_editions_stay_and_other_pages_go(to_pages, remote):
    to_pages({**PAGES, "editions/2026-11/old.html": "of November"})
    old = git(remote, "rev-parse", "gh-pages:editions/2026-11")
    plan = to_pages({p: t for p, t in DECEMBER.items() if "chips" not in p}, edition="2026-12-20")

    assert git(remote, "rev-parse", "gh-pages:editions/2026-11") == old
    assert set(plan.removed) == {"chips/one.html"}
    assert "editions/2026-12/index.html" in published(remote)


def test_within_a_month_the_edition_follows_its_corrections(to_pages, remote):
    to_pages({**PAGES, "editions/2026-11/old.html": "wrong"})
    to_pages()

    assert "editions/2026-11/old.html" not in published(remote)


def test_a_dry_run_changes_nothing(to_pages, remote, source):
    assert set(to_pages(dry_run=True).added) == {*PAGES, "provenance.json", ".nojekyll"}
    assert git(remote, "for-each-ref") == ""
    to_pages()
    before = (git(remote, "for-each-ref"), state(source))

    plan = to_pages({"index.html": "other"}, dry_run=True)

    assert (git(remote, "for-each-ref"), state(source)) == before
    assert set(plan.changed) == {"index.html"}
    assert set(plan.removed) == set(PAGES) - {"index.html", "editions/2026-11/index.html"}
    assert "changed        0.0 kB  index.html" in list(plan.lines())


@pytest.mark.parametrize("on_top", [False, True])
def test_history_of_others_is_refused(to_pages, remote, source, on_top, tmp_path):
    if on_top:
        to_pages()
        git(tmp_path, "clone", "-q", "-b", "gh-pages", remote, tmp_path / "other")
    else:
        git(tmp_path, "init", "-q", "-b", "gh-pages", tmp_path / "other")
    commit(tmp_path / "other", "Write by hand", hand="by hand")
    git(tmp_path / "other", "push", "-q", remote, "gh-pages")
    tip = git(remote, "rev-parse", "gh-pages")

    with pytest.raises(PublishError, match=r"Someone: Write by hand.*BRANCH=") as told:
        to_pages({"index.html": "other"})

    assert "gh-pages of origin" in str(told.value)
    assert git(remote, "rev-parse", "gh-pages") == tip
    assert source


def test_a_domain_that_was_set_on_the_branch_stays(to_pages, remote, tmp_path):
    to_pages()
    git(tmp_path, "clone", "-q", "-b", "gh-pages", remote, tmp_path / "other")
    commit(tmp_path / "other", "Create CNAME", CNAME="memory.example")
    git(tmp_path / "other", "push", "-q", remote, "gh-pages")

    assert not to_pages()
    to_pages({"index.html": "other"})
    assert published(remote)["CNAME"] == "memory.example"


def test_unpublished_commits_of_a_local_branch_are_left_alone(to_pages, source):
    git(source, "branch", "gh-pages")
    before = state(source)

    to_pages()

    assert state(source) == before


def test_a_detached_head_publishes_too(to_pages, source, remote):
    git(source, "checkout", "-q", "--detach")
    to_pages()
    assert git(source, "rev-parse", "HEAD") in git(remote, "log", "-1", "--format=%B", "gh-pages")


def test_a_remote_that_moves_meanwhile_is_published_to_again(to_pages, remote, monkeypatch):
    to_pages()
    rivals = iter([{**PAGES, "rival.html": "first"}])
    commit_of = branches._commit  # noqa: SLF001

    def late(*words, **more):
        made = commit_of(*words, **more)
        for pages in rivals:
            to_pages(pages, build="build/rival")
        return made

    monkeypatch.setattr(branches, "_commit", late)
    to_pages({**PAGES, "mine.html": "second"})

    assert git(remote, "rev-list", "--count", "gh-pages") == "3"
    assert "mine.html" in published(remote)
    assert "rival.html" not in published(remote)
    assert "rival.html" in published(remote, "gh-pages~1")


def test_a_remote_that_moves_again_and_again_is_left(to_pages, source, monkeypatch):
    monkeypatch.setattr(branches, "_pushed", lambda *_: False)
    with pytest.raises(PublishError, match="moved while we published, twice"):
        to_pages()
    assert source


def test_a_remote_that_takes_no_push_is_told_with_what_git_says(to_pages, remote):
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho no, says the remote >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(PublishError, match=r"(?s)may you write there.*no, says the remote"):
        to_pages()
    assert git(remote, "for-each-ref") == ""


def test_a_site_that_changes_meanwhile_is_not_published(to_pages, source, remote, monkeypatch):
    commit_of = branches._commit  # noqa: SLF001

    def late(*words, **more):
        (source / "build" / "site" / "index.html").write_text("half built")
        return commit_of(*words, **more)

    monkeypatch.setattr(branches, "_commit", late)
    with pytest.raises(PublishError, match="was changed while it was published"):
        to_pages()
    assert git(remote, "for-each-ref") == ""


@pytest.mark.parametrize("ends_before", ["fetch", "push"])
def test_what_is_killed_leaves_the_remote_whole(to_pages, source, remote, monkeypatch, ends_before):
    to_pages()
    before = (git(remote, "for-each-ref"), published(remote), state(source))
    run = branches.git

    def ends(root, *words, **more):
        if words[0] == ends_before:
            raise KeyboardInterrupt
        return run(root, *words, **more)

    with monkeypatch.context() as patch:
        patch.setattr(branches, "git", ends)
        with pytest.raises(KeyboardInterrupt):
            to_pages({"index.html": "other"})

    assert (git(remote, "for-each-ref"), published(remote), state(source)) == before
    to_pages({"index.html": "other"})
    assert published(remote)["index.html"] == "other"


@pytest.mark.parametrize(
    ("remote_name", "branch", "says"),
    [
        ("nowhere", "gh-pages", r"cannot be read.*git remote add nowhere.*name one of origin"),
        ("--upload-pack=touch x", "gh-pages", "is not a remote"),
        ("origin", "--force", "is not the name of a branch"),
        ("origin", "a..b", "is not the name of a branch"),
    ],
)
def test_places_that_are_none_are_told(source, remote_name, branch, says):
    site = read(make(source / "build"), "as now")
    with pytest.raises(PublishError, match=says):
        to_branch(site, source, remote=remote_name, branch=branch, dry_run=False)


def test_without_a_network_nothing_is_lost(source, to_pages):
    git(source, "remote", "set-url", "origin", "http://127.0.0.1:9/none.git")
    with pytest.raises(PublishError, match="is there a network"):
        to_pages()


def test_without_git_there_is_another_way(tmp_path):
    site = read(make(tmp_path / "build"), "as now")
    with pytest.raises(PublishError, match=r"not in a git repository.*SITE=/some/folder"):
        to_branch(site, tmp_path, remote="origin", branch="gh-pages", dry_run=False)


def test_without_a_commit_there_is_nothing_to_name(tmp_path):
    git(tmp_path, "init", "-q", "empty")
    site = read(make(tmp_path / "build"), "as now")
    with pytest.raises(PublishError, match="no commit yet"):
        to_branch(site, tmp_path / "empty", remote="origin", branch="gh-pages", dry_run=False)


def test_what_is_not_committed_is_seen(source):
    assert uncommitted(source) == []
    (source / "README.md").write_text("not what a site is made from")
    assert uncommitted(source) == []
    (source / "params" / "new.yaml").write_text("")
    (source / "params" / "chip.yaml").write_text("")
    assert uncommitted(source) == [" M params/chip.yaml", "?? params/new.yaml"]


def test_a_site_is_read_only_if_it_is_whole_and_of_now(tmp_path):
    site = make(tmp_path)
    assert read(site, "as now").edition == "2026-11-22"
    assert read(site, "as now").months == {"2026-11"}
    with pytest.raises(PublishError, match="made from other params, notebooks or code"):
        read(site, "otherwise")

    (site / "extra.html").write_text("")
    with pytest.raises(PublishError, match=r"1 file\(s\).*extra.html.*make site"):
        read(site, "as now")
    (site / "extra.html").unlink()
    (site / "index.html").write_text("harmed")
    (site / "chips" / "one.html").unlink()
    with pytest.raises(PublishError, match=r"2 file\(s\).*chips/one.html, index.html"):
        read(site, "as now")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"inputs": 1, "files": 2}', "\0"])
def test_a_record_that_is_none_is_told(tmp_path, text):
    site = make(tmp_path)
    (tmp_path / "site.json").write_text(text)
    with pytest.raises(PublishError, match="cannot be read"):
        read(site, "as now")


def test_a_site_that_was_never_built_is_told(tmp_path):
    with pytest.raises(PublishError, match=r"There is no site in .*make site"):
        read(tmp_path / "site", "as now")


def test_a_site_that_does_not_tell_its_edition_is_told(tmp_path, monkeypatch):
    site = make(tmp_path)
    monkeypatch.setattr(publish, "PROVENANCE", "index.html")
    with pytest.raises(PublishError, match="does not tell the edition"):
        read(site, "as now")


@pytest.fixture
def put(tmp_path):
    """A function that publishes pages into the folder out."""

    def run(pages=None, *, dry_run=False, **more):
        site = read(make(tmp_path / "build", pages, **more), "as now")
        return to_folder(site, tmp_path / "out", dry_run=dry_run)

    return run


def held(folder):
    paths = [p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST]
    return {p.relative_to(folder).as_posix(): p.read_text() for p in paths}


def test_a_folder_gets_the_site_and_keeps_what_is_foreign(put, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("foreign")
    put()
    assert set(held(out)) == {*PAGES, "provenance.json", ".nojekyll", "mine.txt"}

    times = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    assert not put()
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == times

    plan = put(DECEMBER, edition="2026-12-20")
    assert set(plan.changed) == {"provenance.json"}
    assert set(held(out)) == {
        *PAGES, *DECEMBER, "provenance.json", ".nojekyll", "mine.txt",
    }  # fmt: skip
    plan = put({"index.html": "alone"}, edition="2027-01-20")
    assert set(plan.removed) == {"chips/one.html", "assets/a.0123.css", "editions/index.html"}
    assert set(held(out)) == {
        "index.html", "provenance.json", ".nojekyll", "mine.txt",
        "editions/2026-11/index.html", "editions/2026-12/index.html",
    }  # fmt: skip
    assert not (out / "chips").exists()


def test_a_folder_is_not_changed_by_a_dry_run(put, tmp_path):
    assert put(dry_run=True)
    assert not (tmp_path / "out").exists()


def test_a_foreign_file_is_not_overwritten(put, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "index.html").write_text("foreign")
    with pytest.raises(PublishError, match=r"out/index.html was not published from here"):
        put()
    assert held(out) == {"index.html": "foreign"}
    (out / "index.html").write_text(PAGES["index.html"])
    put()


def test_what_was_edited_in_the_folder_is_mended_but_not_removed(put, tmp_path):
    put()
    for path in ("index.html", "chips/one.html"):
        (tmp_path / "out" / path).write_text("edited")
    put({path: text for path, text in PAGES.items() if path != "chips/one.html"})
    assert held(tmp_path / "out")["index.html"] == PAGES["index.html"]
    assert held(tmp_path / "out")["chips/one.html"] == "edited"


@pytest.mark.parametrize("fails_at", range(1, 6))
def test_a_full_disk_leaves_whole_files_and_the_next_run_mends(
    put, tmp_path, monkeypatch, fails_at
):
    put()
    write, calls = publish.write_whole, []

    def full(path, content):
        calls.append(path)
        if len(calls) == fails_at:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, content)

    new = {path: f"{text} again" for path, text in PAGES.items()}
    with monkeypatch.context() as patch:
        patch.setattr(publish, "write_whole", full)
        with pytest.raises(PublishError, match=r"No space left on device\. Each file .* is whole"):
            put(new)
    told = held(tmp_path / "out")
    assert all(told[path] in {PAGES[path], new[path]} for path in PAGES)

    put(new)
    assert {path: held(tmp_path / "out")[path] for path in PAGES} == new


@pytest.mark.parametrize("where", ["build/site", "build", "build/site/inside"])
def test_the_site_is_not_published_into_itself(tmp_path, where):
    site = read(make(tmp_path / "build"), "as now")
    with pytest.raises(PublishError, match="name another"):
        to_folder(site, tmp_path / where, dry_run=False)


def test_a_manifest_that_is_none_is_told(put, tmp_path):
    put()
    (tmp_path / "out" / MANIFEST).write_text("{")
    with pytest.raises(PublishError, match="cannot be read"):
        put()


def test_a_hook_gets_the_folder_and_no_shell(tmp_path):
    site = read(make(tmp_path / "build"), "as now")
    code = (
        "import os, sys, pathlib\n"
        "pathlib.Path(sys.argv[1]).write_text(chr(10).join([*sys.argv[2:], "
        "os.environ['HBM_SITE'], os.environ['HBM_EDITION']]))"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "told"), "{site}/", "$(id); `id` && id"]
    by_hook(site, words, dry_run=False, tell=print)

    folder = str(tmp_path / "build" / "site")
    assert (tmp_path / "told").read_text().splitlines() == [
        f"{folder}/", "$(id); `id` && id", folder, "2026-11-22",
    ]  # fmt: skip


def test_a_hook_is_not_run_dry(tmp_path):
    site, told = read(make(tmp_path), "as now"), []
    by_hook(site, ["touch", str(tmp_path / "x"), "{site}"], dry_run=True, tell=told.append)
    assert told == [f"would run touch {tmp_path / 'x'} {tmp_path / 'site'}"]
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [(["false"], "HOOK: false ended with 1"), (["no-such-command"], "No such file or directory")],
)
def test_a_hook_that_fails_is_told(tmp_path, words, says):
    with pytest.raises(PublishError, match=says):
        by_hook(read(make(tmp_path), "as now"), words, dry_run=False, tell=print)


@pytest.mark.parametrize("hook", ["", "  ", "rsync 'a"])
def test_a_hook_that_is_no_command_is_told(hook):
    with pytest.raises(PublishError, match="HOOK is"):
        words_of(hook)


@pytest.fixture
def run(source, monkeypatch):
    """A function that runs the command in *source*, whose site is made from what is there."""
    monkeypatch.setattr(main_module, "ROOT", source)
    monkeypatch.setattr(main_module, "fingerprint", lambda *_: "as now")
    make(source / "build")

    def run(*more):
        words = ["publish", "--params", str(source / "params"), "--build", str(source / "build")]
        return CliRunner().invoke(main, [*words, *more], catch_exceptions=False)

    return run


def test_the_command_tells_what_it_did(run, remote, tmp_path):
    assert run("--dry-run").output.endswith("removed, if this were no dry run.\n")
    assert "added          0.0 kB  index.html" in run("--dry-run").output
    first, second = run(), run()
    assert first.output == (
        "Published the edition of 2026-11-22 to gh-pages of origin: "
        "7 added, 0 changed, 0 removed.\n"
    )
    assert second.output == "Nothing changed since the last publish to gh-pages of origin.\n"
    assert published(remote)
    assert "7 added" in run("--site", str(tmp_path / "out")).output
    assert run("--hook", "true {site}").exit_code == 0
    assert run("--hook", "true", "--site", "out").exit_code == 2


def test_the_command_refuses_what_is_not_committed(run, source, remote, tmp_path):
    (source / "params" / "chip.yaml").write_text("")
    for more in ([], ["--dry-run"], ["--site", str(tmp_path / "out")], ["--hook", "true"]):
        done = run(*more)
        assert done.exit_code == 1
        assert "not committed:\n   M params/chip.yaml\nCommit it" in done.stderr
        assert done.stderr.endswith("Not published.\n")
    assert git(remote, "for-each-ref") == ""
    assert run("--allow-dirty").exit_code == 0
    assert "with uncommitted changes" in git(remote, "log", "-1", "--format=%B", "gh-pages")


def test_params_from_elsewhere_are_not_committed(run, source, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    done = run("--params", str(tmp_path / "elsewhere"))
    assert "not the params of" in done.stderr
    assert source


def test_a_folder_without_git_can_be_published_into_another(run, source, tmp_path):
    (source / ".git").rename(tmp_path / "git")
    assert "7 added" in run("--site", str(tmp_path / "out")).output
    assert "not in a git repository" in run().stderr


def test_a_new_clone_lists_the_editions_that_are_published(to_pages, source, put, tmp_path):
    to_pages({**PAGES, "editions/2026-11/data/a.csv": "a\r\n"})
    put()
    found = branches.editions(source, remote="origin", branch="gh-pages")
    assert found == {
        "editions/2026-11/data/a.csv": b"a\r\n",
        "editions/2026-11/index.html": PAGES["editions/2026-11/index.html"].encode(),
    }
    assert publish.editions(tmp_path / "out") == {
        "editions/2026-11/index.html": found["editions/2026-11/index.html"]
    }
    clone = make(tmp_path / "clone", DECEMBER, edition="2026-12-20")
    assert publish.keep_editions(found, clone, "2026-12") == {"2026-11"}
    assert (clone / "editions" / "2026-11" / "data" / "a.csv").read_bytes() == b"a\r\n"
    assert publish.others(clone, "2026-12-20") == sorted(found)
    with pytest.raises(PublishError, match="no site"):  # it is to be built again
        read(clone, "as now")
    make(tmp_path / "clone", {**DECEMBER, **{p: t.decode() for p, t in found.items()}})
    assert publish.keep_editions(found, clone, "2026-12") == set()
    assert read(clone, "as now")


def test_the_edition_of_this_month_is_made_and_not_kept(to_pages, source, tmp_path):
    assert branches.editions(source, remote="origin", branch="gh-pages") == {}
    to_pages()
    found = branches.editions(source, remote="origin", branch="gh-pages")
    assert publish.keep_editions(found, tmp_path / "clone" / "site", "2026-11") == set()
    assert not (tmp_path / "clone").exists()
