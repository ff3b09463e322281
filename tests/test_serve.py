"""The preview answers this machine only, reloads what it shows, and tells what is wrong."""

import asyncio
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from livereload.handlers import LiveReloadHandler
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from reportlib.pipeline import serve
from reportlib.pipeline import watch as watching
from reportlib.pipeline.serve import State, Trouble, page_of, serving, with_reloading
from reportlib.pipeline.watch import Commands, Watching

ROOT = Path(__file__).parents[1]
HOSTILE = "</title></pre><script>alert(1)</script>\"'&"
POLICY = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; script-src 'sha256-abc='; style-src 'self'\">"
)
PAGE = f"<html><head>{POLICY}</head><body>Good</body></html>"
MAKER = r"""
import json, pathlib, sys
folder, source = map(pathlib.Path, sys.argv[1:])
print("noise on stderr", file=sys.stderr)
runs = 0
for line in sys.stdin:
    runs += 1
    text = source.read_text()
    if "die" in text:
        sys.exit("it died")
    if "wrong" in text:
        problem = {"file": "params/a.yaml", "line": 7, "field": "memory", "message": text}
        told = {"text": "", "problems": [problem]}
    else:
        quickly = json.loads(line)["quickly"]
        page = "<html><head></head><body>%s, run %d</body></html>" % (text, runs)
        (folder / "index.html").write_text(page)
        told = {"seconds": 0.1, "exact": not ("prose" in text and quickly), "changed": True}
    print(json.dumps(told), flush=True)
"""


def run(function, *arguments):
    """Return what *function* returns in a thread: this one's may have a loop of a browser."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


@pytest.fixture
def folder(tmp_path):
    site = tmp_path / "site"
    (site / "chips").mkdir(parents=True)
    (site / "index.html").write_text(PAGE)
    (site / "chips" / "index.html").write_text("<html><head></head>Chips</html>")
    (site / "a.css").write_text("p{}")
    (tmp_path / "secret.html").write_text("secret")
    return site


async def got(address, *, ok=True, **more):
    """Return the answer of *address*."""
    request = HTTPRequest(address, follow_redirects=False, **more)
    answer = await AsyncHTTPClient().fetch(request, raise_error=False)
    assert not ok or answer.code == 200, answer
    return answer


def served(state, work):
    """Serve *state* while *work* has the address, and return what comes of it."""

    async def meanwhile():
        async with serving(state, None) as address:
            return await work(address)

    return run(asyncio.run, meanwhile())


def test_it_listens_on_this_machine_only(folder):
    async def work(address):
        port = int(address.rstrip("/").rpartition(":")[2])
        listening = subprocess.run(  # noqa: ASYNC221
            ["cat", "/proc/net/tcp", "/proc/net/tcp6"], capture_output=True, text=True, check=False
        ).stdout
        return [line.split()[1] for line in listening.splitlines() if f":{port:04X} " in line]

    assert served(State(folder), work)
    assert {place.partition(":")[0] for place in served(State(folder), work)} == {"0100007F"}


def test_a_port_that_is_taken_is_told_or_another_is_taken(folder, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(serve, "PORT", port)

        async def work(address):
            await asyncio.sleep(0)
            return address

        assert not served(State(folder), work).endswith(f":{port}/")
        with pytest.raises(serve.ServeError, match=f"port {port} cannot be had"):
            serve._socket(port)  # noqa: SLF001


def test_pages_are_served_with_the_script_and_files_as_they_are(folder):
    async def work(address):
        page, other = await got(address), await got(f"{address}chips/")
        style = await got(f"{address}a.css")
        script = await got(f"{address}livereload.js")
        return page, other, style, script

    page, other, style, script = served(State(folder), work)
    text = page.body.decode()
    host = re.search(r"connect-src ws://(\S+)/livereload", text)[1]
    assert f"script-src 'sha256-abc=' http://{host}/livereload.js" in text
    assert "default-src 'none'; " in text
    assert "style-src 'self'" in text
    assert '<script src="/livereload.js"></script></head>' in text
    assert "Chips" in other.body.decode()
    assert (style.body, style.headers["Content-Type"]) == (b"p{}", "text/css")
    assert b"LiveReload" in script.body
    assert page.headers["Cache-Control"] == "no-store"
    assert (folder / "index.html").read_text() == PAGE


def test_what_others_ask_is_refused(folder):
    async def work(address):
        host = address.rstrip("/").rpartition("/")[2]
        strange = await got(address, ok=False, headers={"Host": "evil.example"})
        outside = await got(f"{address}%2e%2e/secret.html", ok=False)
        (folder / "link").symlink_to(folder.parent)
        linked = await got(f"{address}link/secret.html", ok=False)
        with pytest.raises(Exception, match="403"):
            await websocket_connect(
                HTTPRequest(f"ws://{host}/livereload", headers={"Origin": "http://evil.example"})
            )
        return strange.code, outside.code, linked.code

    assert served(State(folder), work) == (403, 404, 404)


def test_folders_lead_to_their_index_and_nothing_is_told(folder):
    async def work(address):
        moved = await got(f"{address}chips", ok=False)
        missing = await got(f"{address}none.html", ok=False)
        (folder / "404.html").write_text("<html><head></head>Ours</html>")
        ours = await got(f"{address}none.html", ok=False)
        return moved.headers["Location"], missing.code, missing.body, ours.code, ours.body

    place, code, body, ours_code, ours = served(State(folder), work)
    assert place == "/chips/"
    assert (code, ours_code) == (404, 404)
    assert b"Not here" in body
    assert b"Ours" in ours
    assert b"livereload.js" in body


def test_the_report_by_itself_is_the_first_page_where_there_is_no_site(tmp_path):
    (tmp_path / "hbm-panorama.html").write_text("<html><head></head>Report</html>")
    assert b"Report" in served(State(tmp_path), got).body


def test_what_is_wrong_stands_in_the_place_of_pages(folder):
    problem = {"file": "params/a.yaml", "line": 7, "field": "memory", "message": "80 GiB?"}
    state = State(folder, Trouble("", [problem]))

    async def work(address):
        return (await got(address)).body.decode(), (await got(f"{address}?last-good")).body

    told, last = served(state, work)
    for words in ("params/a.yaml:7", "memory", "80 GiB?", 'href="?last-good"', "livereload.js"):
        assert words in told
    assert b"Good" in last


@pytest.mark.parametrize("field", ["file", "line", "field", "message"])
def test_what_is_wrong_cannot_become_part_of_the_page(field):
    problem = {"file": "a", "line": 1, "field": "b", "message": "c", field: HOSTILE}
    for page in (page_of(Trouble("", [problem])), page_of(Trouble(HOSTILE))):
        assert "<script" not in page
        assert "&lt;script&gt;" in page


def test_policies_on_several_lines_and_none_at_all():
    meta = '<meta http-equiv="Content-Security-Policy"\n content="script-src \'none\';\n a b;">'
    assert with_reloading(f"{meta}</head>", "localhost:1").startswith(
        '<meta http-equiv="Content-Security-Policy"\n content="script-src '
        'http://localhost:1/livereload.js; a b; connect-src ws://localhost:1/livereload">'
    )


def test_pages_without_a_policy_or_a_head_are_left_whole():
    assert with_reloading("<p>x</p>", "127.0.0.1:1") == "<p>x</p>"
    assert with_reloading("<head></head>", "localhost:1").startswith("<head><script src=")


@pytest.fixture
def project(tmp_path, folder):
    """A project whose page a stand-in makes of one file."""
    (tmp_path / "maker.py").write_text(MAKER)
    for name in ("notebooks", "params", "reportlib"):
        (tmp_path / name).mkdir()
    (tmp_path / "notebooks" / "text").write_text("first")
    shutil.rmtree(folder)
    folder.mkdir()
    return tmp_path


class Watched:
    """A watch of *project*, with what it told and what its page says."""

    def __init__(self, project, address, told):
        """Know where things are."""
        self.project, self.address, self.told = project, address, told

    def write(self, text, name="notebooks/text"):
        """Edit a file."""
        (self.project / name).write_text(text)

    async def until(self, words):
        """Wait until the page has *words*, and return it."""
        for _ in range(400):
            page = (await got(self.address)).body.decode()
            if words in page:
                return page
            await asyncio.sleep(0.02)
        pytest.fail(f"never said {words!r}: {page}\n{self.told}")


def watched(project, work, *, whole=None):
    """Watch *project* while *work* goes on, and return what comes of it."""

    async def watch():
        told, state = [], State(project / "site")
        command = [sys.executable, str(project / "maker.py"), str(project / "site")]
        command.append(str(project / "notebooks" / "text"))
        watching_it = Watching(state, Commands(command, whole), told.append)
        task = asyncio.create_task(watching_it.run(project, project / "params"))
        try:
            async with serving(state, None) as address:
                return await work(Watched(project, address, told))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return run(asyncio.run, watch())


def test_an_edit_is_built_and_shown(project):
    async def work(watch):
        assert "Building" in (await got(watch.address)).body.decode()
        await watch.until("first, run 1")
        async with listening(watch.address) as messages:
            watch.write("second")
            await watch.until("second, run 2")
            assert '"command": "reload"' in await messages.read_message()
        assert any("notebooks/text changed" in line for line in watch.told)

    watched(project, work)


@asynccontextmanager
async def listening(address):
    """Yield a socket that hears when pages are to be loaded again, as browsers do."""
    heard = await websocket_connect(f"{address.replace('http', 'ws')}livereload")
    await heard.write_message('{"command": "hello"}')
    await heard.read_message()
    await heard.write_message('{"command": "info", "url": "x"}')
    while not LiveReloadHandler.waiters:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    try:
        yield heard
    finally:
        heard.close()
        await heard.read_message()


def test_what_is_wrong_is_shown_until_it_is_mended(project):
    async def work(watch):
        await watch.until("first, run 1")
        watch.write("wrong <b>")
        page = await watch.until("params/a.yaml:7")
        assert "wrong &lt;b&gt;" in page
        last = (await got(f"{watch.address}?last-good")).body.decode()
        assert "first, run 1" in last
        async with listening(watch.address) as messages:
            watch.write("mended")
            await watch.until("mended, run 3")
            assert "reload" in await messages.read_message()
        assert "not built:\nparams/a.yaml:7: memory: wrong <b>" in watch.told

    watched(project, work)


def test_another_process_takes_over_when_the_library_changes(project):
    async def work(watch):
        await watch.until("first, run 1")
        watch.write("new = 1", "reportlib/new.py")
        while len(watch.told) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        assert watch.told[1] == "reportlib/new.py changed"
        await watch.until("first, run 1")
        watch.write("second")
        await watch.until("second, run 2")

    watched(project, work)


def test_a_process_that_dies_is_told_and_another_takes_its_place(project):
    async def work(watch):
        await watch.until("first, run 1")
        watch.write("die")
        page = await watch.until("it died")
        assert "noise on stderr" in page
        watch.write("second")
        await watch.until("second, run 1")

    watched(project, work)


def test_what_was_only_updated_is_executed_after_a_rest(project, monkeypatch):
    monkeypatch.setattr(watching, "REST", 0.2)

    async def work(watch):
        await watch.until("first, run 1")
        watch.write("prose")
        await watch.until("prose, run 2")
        await watch.until("prose, run 3")

    watched(project, work)


def test_the_whole_report_is_made_when_it_is_quiet(project, monkeypatch):
    monkeypatch.setattr(watching, "QUIET", 0.1)
    code = f"open({str(project / 'whole')!r}, 'w').write('made')"

    async def work(watch):
        await watch.until("first, run 1")
        for _ in range(200):
            if (project / "whole").exists():
                return
            await asyncio.sleep(0.02)
        pytest.fail("never made")

    watched(project, work, whole=[sys.executable, "-c", code])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_when_it_ends_nothing_is_left_running(project, number, environment):
    code = (
        "import sys, os; from pathlib import Path\n"
        "from reportlib.pipeline import watch; from reportlib.pipeline.serve import State\n"
        f"root = Path({str(project)!r})\n"
        "command = [sys.executable, str(root/'maker.py'), str(root/'site')]\n"
        "command.append(str(root/'notebooks'/'text'))\n"
        "say = lambda text: print(text, flush=True)\n"
        "watch.run(watch.watch(root, root/'params', State(root/'site'), watch.Commands(command),"
        " port=None, tell=say))\n"
    )
    watch = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert "127.0.0.1" in watch.stdout.readline()
        assert "built in" in watch.stdout.readline()
        made = subprocess.run(
            ["pgrep", "-f", str(project / "maker.py")], capture_output=True, text=True, check=False
        ).stdout.split()
        assert len(made) == 1
        watch.send_signal(number)
        assert watch.wait(10) == 0
    finally:
        watch.kill()
        watch.communicate()
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{process}").exists() for process in made):
        assert time.monotonic() < deadline, "something is left running"
        time.sleep(0.05)
