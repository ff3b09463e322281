"""The doctor names what is broken, and a remedy; it starts where much is broken."""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections import namedtuple
from functools import partial
from pathlib import Path

import pytest

from reportlib.pipeline import doctor
from reportlib.pipeline.doctor import installed, machine, working
from reportlib.pipeline.doctor.finding import Finding, asked

ROOT = Path(__file__).parents[1]
Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil has it


def expect(finding, state, *words, remedy=""):
    """Check that *finding* is in *state*, tells *words*, and advises *remedy*."""
    assert finding.state == state, finding
    assert all(word in finding.found for word in words), finding
    assert remedy in finding.remedy, finding
    assert bool(finding.remedy) == (state != "ok"), finding


def test_an_old_python_is_told(tmp_path):
    expect(installed.python(tmp_path, (3, 10, 4)), "fail", "3.10.4", remedy="Python 3.11 or newer")


def test_an_environment_that_is_not_there_or_is_another_is_told(tmp_path, monkeypatch):
    expect(installed.python(tmp_path), "warn", "there is no", remedy="make report")

    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.99.1\n")
    expect(installed.python(tmp_path), "warn", "not that of", remedy="make doctor")

    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    expect(installed.python(tmp_path), "fail", "3.99.1", remedy="rm -rf .venv && make report")

    expect(installed.python(tmp_path, (3, 99, 4)), "ok")


def test_variables_that_were_forgotten_are_told():
    expect(installed.variables({"HOME": "/home"}), "ok")
    found = installed.variables({"AS_OF": "2020-01-01", "PYTHONPATH": "/x"})
    expect(found, "warn", "AS_OF=2020-01-01", "PYTHONPATH", remedy="unset AS_OF PYTHONPATH")


@pytest.fixture
def lock(tmp_path):
    """A made-up lock: of each line, a library."""

    def write(*lines):
        path = tmp_path / "made-up.lock"
        path.write_text(
            "".join(f"{line} \\\n    --hash=sha256:00\n    # via x\n" for line in lines)
        )
        return path

    return write


def test_libraries_are_compared_with_the_lock(lock):
    version = installed.metadata.version("click")
    there = f"click=={version}"
    check = partial(installed.libraries, "libraries")

    expect(check(lock(there, "none-such==1 ; sys_platform == 'none'")), "ok", "1 are as in")
    expect(
        check(lock("click==0.1")), "warn", f"click {version} instead of 0.1", remedy="rm -rf .venv"
    )
    found = check(lock("click==0.1", "none-such==1 ; python_full_version >= '3.11'"))
    expect(found, "fail", "missing: none-such; click", remedy="rm -rf .venv")
    many = check(lock(*(f"none-such-{number}==1" for number in range(9))))
    expect(many, "fail", "none-such-4 and 4 more", remedy="rm -rf .venv")


def test_without_packaging_what_depends_on_machines_is_passed_over(lock, monkeypatch):
    monkeypatch.setitem(sys.modules, "packaging.markers", None)
    found = installed.libraries("libraries", lock("a==1", "b==1 ; python_version >= '3'"))
    expect(found, "fail", "missing: a", remedy="rm -rf .venv")
    assert "b" not in found.found.removeprefix("missing: ")


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_line_of_a_lock_is_read(name):
    text = (ROOT / name).read_text()
    lines = [line for line in text.splitlines() if line and line[0] not in " #"]
    assert [found[0] for found in installed.PIN.findall(text)] == [s.split("==")[0] for s in lines]
    assert dict(installed.pins(text)).keys() < {line.split("==")[0] for line in lines}


@pytest.fixture
def site(tmp_path):
    """A made-up site-packages with one library of two modules."""
    folder = tmp_path / "site-packages"
    (folder / "made").mkdir(parents=True)
    (folder / "made-1.dist-info").mkdir()
    for name in ("one", "two"):
        (folder / "made" / f"{name}.py").write_text("1\n")
    record = "made/one.py,sha256=0,2\nmade/two.py,sha256=0,2\nmade/none.pyc,sha256=0,9\nmade/x,,\n"
    (folder / "made" / "x").touch()
    (folder / "made-1.dist-info" / "RECORD").write_text(record)
    return folder


def test_files_that_are_gone_or_cut_short_are_told(site):
    expect(installed.files(site), "ok", "4 of libraries")
    (site / "made" / "one.py").write_text("")
    expect(installed.files(site), "fail", "1 of made-1", remedy="rm -rf .venv")
    (site / "made" / "two.py").unlink()
    expect(installed.files(site), "fail", "2 of made-1", remedy="rm -rf .venv")


def test_missing_byte_code_is_told_and_the_remedy_mends_it(site, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    found = installed.bytecode([site])
    expect(found, "warn", f"2 of 2 in {site}", remedy="-m compileall -q -j 0")
    subprocess.run(shlex.split(found.remedy), check=True)
    expect(installed.bytecode([site]), "ok", "2 modules")

    os.utime(site / "made" / "one.py", (1, 1))  # as copying it would
    expect(installed.bytecode([site]), "warn", "1 of 2", remedy="-m compileall")

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    found = installed.bytecode([site])
    name = "PYTHONDONTWRITEBYTECODE"
    expect(found, "warn", f"{name} is set", remedy=f"unset {name}; ")


def test_slow_imports_are_named():
    expect(installed.imports(["json", "csv"]), "ok", "json, csv in 0.")
    found = installed.imports(["json", "csv"], slow=0)
    expect(found, "warn", "of them ", remedy="byte code")
    assert found.found.count(" s,") == 3
    failed = installed.imports(["json", "none_such"])
    expect(failed, "fail", "ModuleNotFoundError", "none_such", remedy="rm -rf .venv")


@pytest.mark.parametrize(
    ("name", "told"), [("hbm-none", "hbm-none of jupyter_client"), ("hbm-warm", f"from {ROOT}")]
)
def test_a_project_that_is_not_installed_from_here_is_told(tmp_path, name, told):
    value = "reportlib.pipeline.kernels:WarmProvisioner"
    group = '[project.entry-points."jupyter_client.kernel_provisioners"]'
    (tmp_path / "pyproject.toml").write_text(f'{group}\n{name} = "{value}"\n')
    found = installed.ourselves(tmp_path / "pyproject.toml")
    expect(found, "fail", told, remedy="--editable .")


@pytest.fixture
def specs(tmp_path, monkeypatch):
    """A folder of kernelspecs, which is the only one."""
    for name in ("ENV_JUPYTER_PATH", "SYSTEM_JUPYTER_PATH"):
        monkeypatch.setattr(f"jupyter_core.paths.{name}", [])
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "none"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    return tmp_path / "kernels"


def test_a_missing_kernelspec_is_told(specs):
    assert not specs.exists()
    expect(working.kernelspecs(), "fail", "missing: ", "hbm-warm", remedy="rm -rf .venv")


def test_kernels_of_another_environment_are_told(specs):
    for name in ("python3", "hbm-warm"):
        (specs / name).mkdir(parents=True)
        spec = {"argv": ["/elsewhere/python"], "display_name": name, "language": "python"}
        (specs / name / "kernel.json").write_text(json.dumps(spec))
    found = working.kernelspecs()
    expect(found, "warn", f"hbm-warm is that of {specs / 'hbm-warm'}", remedy="unset JUPYTER_PATH")


def test_a_kernel_that_does_not_answer_is_told():
    expect(working.kernel(longest=0.01), "fail", "no answer within", remedy="what else")


@pytest.mark.parametrize(
    ("platform", "way", "seconds", "state", "told"),
    [
        ("linux", "warm", 3, "ok", "started warm"),
        ("linux", "warm", 33, "warn", "after 33.0 s"),
        ("linux", "plain", 3, "warn", "a reason"),
        ("darwin", "plain", 3, "ok", "on Linux only"),
    ],
)
def test_a_kernel_that_is_slow_or_plain_is_told(
    monkeypatch, *, platform, way, seconds, state, told
):
    answer = json.dumps({"way": way, "seconds": seconds})
    done = subprocess.CompletedProcess([], 0, f"{answer}\n", "a reason\n")
    monkeypatch.setattr(working, "asked", lambda *_words, **_options: done)
    monkeypatch.setattr(sys, "platform", platform)
    expect(working.kernel(), state, told)


def test_what_dead_builds_left_is_told(tmp_path):
    ours = f"{sys.prefix}/bin/python"
    server = (ours, "-c", "main(7, ['reportlib.pipeline.preload'])")
    kernel = (ours, "-m", "ipykernel_launcher")

    me = os.getuid()

    def process(pid, parent, *command, name="python", owner=me):
        (tmp_path / str(pid)).mkdir()
        status = f"Name:\t{name}\nPPid:\t{parent}\nUid:\t{owner}\t0\t0\t0\n"
        (tmp_path / str(pid) / "status").write_text(status)
        (tmp_path / str(pid) / "cmdline").write_text("\0".join(command))

    process(1, 0, "/sbin/init", name="init")
    process(10, 1, ours, "-m", "reportlib", "report")
    process(11, 10, *server)
    process(12, 11, *server)
    process(20, 1, *kernel, owner=me + 1)
    process(21, 1, "/elsewhere/python", *kernel[1:])
    process(22, 30, *kernel)
    process(30, 1, "/usr/bin/code", name="code")
    (tmp_path / "99").mkdir()  # it has just ended
    expect(machine.leftovers(tmp_path), "ok", "no kernels")

    process(40, 1, *server)
    process(41, 40, *server)
    process(42, 43, *kernel)
    process(43, 1, "/usr/lib/systemd/systemd", "--user", name="systemd")
    found = machine.leftovers(tmp_path)
    expect(found, "warn", "3 process(es)", remedy="kill 40 41 42")

    expect(machine.leftovers(tmp_path / "none"), "ok", "on Linux only")


def read_only(folder, monkeypatch):
    """Let *folder* be one that cannot be written to; root could, whatever its mode."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o500)
    if os.geteuid() == 0:

        def refuse(dir):  # as tempfile has it
            assert dir == folder
            raise PermissionError(13, "Permission denied", str(dir))

        monkeypatch.setattr(tempfile, "TemporaryFile", refuse)


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path, monkeypatch):
    check = partial(machine.disk, "build folder", remedy="BUILD=/other")
    expect(check(tmp_path / "not" / "yet"), "ok", "GB free")
    (tmp_path / "file").touch()
    expect(check(tmp_path / "file"), "fail", "cannot be written to", remedy="BUILD=/other")

    read_only(tmp_path / "build", monkeypatch)
    found = check(tmp_path / "build")
    expect(found, "fail", "build cannot be written to: Permission denied", remedy="BUILD=/other")


@pytest.mark.parametrize(("free", "state"), [(5e7, "fail"), (5e8, "warn"), (5e9, "ok")])
def test_a_full_disk_is_told(tmp_path, monkeypatch, free, state):
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: Usage(1e12, 1e12 - free, free))
    expect(machine.disk("temp folder", tmp_path, "elsewhere"), state, f"{free / 1e9:.1f} GB free")


def test_no_temporary_folder_is_told(monkeypatch):
    def none():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    expect(machine.scratch(), "fail", "there is none", remedy="TMPDIR")


def test_a_cache_that_keeps_nothing_is_told(tmp_path, monkeypatch):
    expect(machine.cache(tmp_path / "cache"), "ok", "0 MB in 0 files")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "entry").write_bytes(b"." * 3_000_000)
    expect(machine.cache(tmp_path / "cache"), "ok", "3 MB in 1 files")
    read_only(tmp_path / "cache", monkeypatch)
    expect(machine.cache(tmp_path / "cache"), "warn", "no more can be kept", remedy="rm -rf")


@pytest.fixture
def linux(tmp_path):
    """A made-up root folder of Linux: memory in kB, and limits of control groups in bytes."""

    def make(total, available, groups="0::/", **limits):
        (tmp_path / "proc" / "self").mkdir(parents=True)
        text = f"MemTotal:  {total} kB\nMemFree:  1 kB\nMemAvailable:  {available} kB\n"
        (tmp_path / "proc" / "meminfo").write_text(text)
        (tmp_path / "proc" / "self" / "cgroup").write_text(f"{groups}\n")
        for place, limit in limits.items():
            path = tmp_path / "sys" / "fs" / "cgroup" / place.replace("__", "/").replace("_of", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{limit}\n")
        return tmp_path

    return make


def test_memory_that_is_enough(linux):
    root = linux(8_000_000, 4_000_000, memory_ofmax="max")
    expect(machine.memory(root), "ok", "8.2 GB, 4.1 GB of them free")


def test_a_small_machine_is_told(linux):
    expect(machine.memory(linux(1_000_000, 900_000)), "fail", "1.0 GB", remedy="1.5 GB")


def test_a_busy_machine_is_told(linux):
    expect(machine.memory(linux(8_000_000, 900_000)), "warn", "0.9 GB of them", remedy="end other")


@pytest.mark.parametrize(
    ("groups", "place"),
    [
        ("0::/a/b", "a__memory_ofmax"),
        ("0::/a/b", "a__b__memory_ofmax"),
        ("4:memory:/a\n0::/", "memory__a__memory_oflimit_in_bytes"),
        ("4:memory:/unseen\n0::/", "memory__memory_oflimit_in_bytes"),
    ],
)
def test_the_limit_of_a_control_group_is_told(linux, groups, place):
    root = linux(8_000_000, 4_000_000, groups, **{place: 1_000_000_000})
    expect(machine.memory(root), "fail", "limited to 1.0 GB", remedy="Docker: --memory")


@pytest.mark.parametrize(
    ("name", "module", "code"),
    [
        ("Typst", "typst", "def compile(_): return b''"),
        ("Pandoc", "pypandoc", "def convert_text(*_): raise OSError('No pandoc was found')"),
        ("vl-convert", "vl_convert", "import os, signal; os.kill(os.getpid(), signal.SIGILL)"),
        ("fonts", "manimgx_fonts", ""),
    ],
)
def test_a_tool_that_does_not_work_is_told(tmp_path, monkeypatch, name, module, code):
    (tmp_path / module).mkdir()
    (tmp_path / module / "__init__.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    told = {"Typst": "AssertionError", "Pandoc": "OSError: No pandoc", "vl-convert": "SIGILL"}
    found = working.tool(name, working.TOOLS[name])
    expect(found, "fail", told.get(name, "fonts are missing"), remedy="rm -rf .venv")


def test_what_takes_for_ever_is_ended():
    done = asked("-c", "import time; time.sleep(99)", longest=0.2)
    assert done.returncode == 1
    assert "no answer" in done.stderr
    assert -asked("-c", "import os; os.kill(os.getpid(), 9)").returncode == signal.SIGKILL


def test_commands_that_are_missing_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    expect(machine.git(), "warn", "publish", remedy="install git")
    expect(machine.optional(), "ok", "no Chromium", "no Node", "no Java")
    for name in ("git", "google-chrome", "java"):
        (tmp_path / name).touch(mode=0o700)
    expect(machine.git(), "ok", str(tmp_path))
    expect(machine.optional(), "ok", "Chromium is there", "no Node", "Java is there")


def test_params_that_cannot_be_read_are_told(params_copy):
    chip = next((params_copy / "chips").glob("*.yaml"))
    chip.write_text("name: [")
    found = working.numbers(params_copy)
    expect(found, "fail", chip.name, remedy="-m reportlib check")


BROKEN = Finding("one", "fail", "is broken", "mend it")
DOUBTFUL = Finding("two", "warn", "is [old]", "mend it")


def _raises():
    msg = "No module named 'none_such'"
    raise ModuleNotFoundError(msg)


def told(monkeypatch, *findings, as_json=False):
    made = {finding.name: lambda finding=finding: finding for finding in findings}
    monkeypatch.setattr(doctor, "checks", lambda *_: made)
    return doctor.run(Path("params"), Path("build"), as_json=as_json)


def test_a_check_that_cannot_be_made_is_told_and_others_are_made():
    one, two = doctor.examine({"one": _raises, "two": lambda: DOUBTFUL})
    expect(one, "fail", "none_such", remedy="rm -rf .venv")
    assert two == DOUBTFUL


def test_only_a_failure_ends_with_1(monkeypatch, capsys):
    assert told(monkeypatch, BROKEN, DOUBTFUL) == 1
    text = capsys.readouterr().out
    assert text.splitlines()[:2] == ["fail  one  is broken", "warn  two  is [old]"]
    assert "1. one, two:\n   mend it\n" in text
    assert told(monkeypatch, DOUBTFUL) == 0
    assert told(monkeypatch, Finding("one", "ok", "is well")) == 0
    assert capsys.readouterr().out.endswith("Nothing is wrong.\n")


def test_json_is_for_programs(monkeypatch, capsys):
    assert told(monkeypatch, BROKEN, as_json=True) == 1
    assert Finding(**json.loads(capsys.readouterr().out)[0]) == BROKEN


@pytest.mark.parametrize("rich", [True, False])
def test_a_terminal_gets_a_table_where_rich_is(monkeypatch, capsys, rich):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    if not rich:
        monkeypatch.setitem(sys.modules, "rich.table", None)
    assert told(monkeypatch, BROKEN, DOUBTFUL) == 1
    text = capsys.readouterr().out
    assert ("What was found" in text) == rich
    assert "is [old]" in text
    assert "1. one, two:\n   mend it\n" in text


def test_it_starts_without_any_library():
    words = [sys.executable, "-S", "-m", "reportlib.pipeline.doctor", "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout


def test_this_environment_is_examined_as_a_whole(tmp_path):
    words = [sys.executable, "-m", "reportlib", "doctor", "--json", "--build", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    found = {told["name"]: Finding(**told) for told in json.loads(done.stdout)}

    assert list(found) == list(doctor.checks(ROOT / "params", tmp_path))
    assert not [finding for finding in found.values() if "cannot be checked" in finding.found]
    assert done.returncode == any(finding.state == "fail" for finding in found.values())
    for name in ("reportlib", "kernelspecs", *working.TOOLS):
        expect(found[name], "ok")
    assert found["imports"].state != "fail"
    assert "answers after" in found["kernel"].found
    assert list(tmp_path.iterdir()) == []
