"""A preview of what was built, on this machine only, which reloads the browser.

What is built stays as it is: only the copy that the browser gets has the script that reloads it,
and a policy that lets this one script in. While a build fails, pages say why instead.
"""

import mimetypes
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from livereload.handlers import LiveReloadHandler, LiveReloadJSHandler
from tornado import web
from tornado.httpserver import HTTPServer

from reportlib.pipeline.build import DOCUMENTS

ADDRESS = "127.0.0.1"
PORT = 8200
NAMES = {ADDRESS, "localhost"}
POLICY = re.compile(r'(<meta\s+http-equiv="Content-Security-Policy"\s+content=")([^"]*)(")')
SCRIPT = "/livereload.js"
SOCKET = "/livereload"  # where the script looks for it
INDEX = "index.html"
MISSING = "404.html"
LAST = "last-good"  # in an address: show the page as it was last built
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:60rem;padding:0 1rem;"
    "color-scheme:light dark}pre{overflow:auto;padding:1rem;border:1px solid}"
    "td,th{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0}"
)


class ServeError(RuntimeError):
    """What was built cannot be served: why, and what to do."""


@dataclass(frozen=True)
class Trouble:
    """Why a build failed: problems by their places, and what else there is to read."""

    text: str
    problems: list[Mapping[str, Any]] = field(default_factory=list)  # file, line, field, message


@dataclass
class State:
    """What browsers are shown."""

    folder: Path
    trouble: Trouble | None = None
    waiting: bool = False  # for the first build


def with_reloading(page: str, host: str) -> str:
    """Return *page* with the script that reloads it, which its policy then allows.

    >>> with_reloading("<html><head></head></html>", "127.0.0.1:1")
    '<html><head><script src="/livereload.js"></script></head></html>'
    """
    allowed = {"script-src": f"http://{host}{SCRIPT}", "connect-src": f"ws://{host}{SOCKET}"}
    page = POLICY.sub(lambda policy: policy[1] + _allowing(policy[2], allowed) + policy[3], page)
    return page.replace("</head>", f'<script src="{SCRIPT}"></script></head>', 1)


def _allowing(policy: str, sources: Mapping[str, str]) -> str:
    """Return a content security policy that allows *sources*, too.

    >>> _allowing("default-src 'none'; img-src data:", {"script-src": "a", "img-src": "b"})
    "default-src 'none'; img-src data: b; script-src a"
    """
    directives = dict(part.split(maxsplit=1) for part in policy.split(";") if " " in part.strip())
    for name, source in sources.items():
        before = directives.get(name, "").replace("'none'", "").strip()
        directives[name] = f"{before} {source}".strip()
    return "; ".join(f"{name} {given}" for name, given in directives.items())


def page_of(trouble: Trouble) -> str:
    """Return the page that tells what is wrong."""
    rows = "".join(
        f"<tr><td><code>{escape(str(p['file']))}:{escape(str(p['line']))}</code></td>"
        f"<td><code>{escape(str(p['field']))}</code></td><td>{escape(str(p['message']))}</td></tr>"
        for p in trouble.problems
    )
    head = "<tr><th>File and line</th><th>Field</th><th>What is wrong, and what to do</th></tr>"
    table = f"<table>{head}{rows}</table>" if rows else ""
    text = f"<pre>{escape(trouble.text)}</pre>" if trouble.text else ""
    return _page(
        "Not built",
        f"{table}{text}<p>This page gives way to the report as soon as it can be built. "
        f'<a href="?{LAST}">The last good one</a> is as it was.</p>',
    )


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body><h1>{title}</h1>{body}</body></html>"
    )


class _Ours(web.RequestHandler):
    """What all handlers do: answer only who asks for this machine by its own name."""

    def prepare(self) -> None:
        """Refuse pages of others that had a name of theirs lead here."""
        if self.request.host_name not in NAMES:
            raise web.HTTPError(HTTPStatus.FORBIDDEN)


class Pages(_Ours):
    """The files of a folder; pages reload, or say what is wrong."""

    def initialize(self, state: State) -> None:
        """Serve the folder of *state*."""
        self.state = state

    def set_default_headers(self) -> None:
        """Have browsers keep nothing."""
        self.set_header("Cache-Control", "no-store")

    def get(self, path: str) -> None:
        """Answer with a file, or with what is wrong."""
        root = self.state.folder.resolve()
        file = (root / path).resolve()
        if file != root and root not in file.parents:
            raise web.HTTPError(HTTPStatus.NOT_FOUND)
        if file.is_dir():
            if path and not path.endswith("/"):
                self.redirect(f"/{path}/")
                return
            file = next((file / n for n in (INDEX, DOCUMENTS[0]) if (file / n).is_file()), file)
        page = file.is_dir() or file.suffix == ".html"
        if page and self.state.trouble and LAST not in self.request.query_arguments:
            self._send_page(page_of(self.state.trouble))
        elif page and self.state.waiting:
            self._send_page(_page("Building", "<p>A moment.</p>"))
        elif not file.is_file():
            self.set_status(HTTPStatus.NOT_FOUND)
            other = root / MISSING
            text = other.read_text(encoding="utf-8") if other.is_file() else _page("Not here", "")
            self._send_page(text)
        elif page:
            self._send_page(file.read_text(encoding="utf-8"))
        else:
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            self.set_header("Content-Type", kind)
            self.write(file.read_bytes())

    def head(self, path: str) -> None:
        """Answer as for the file; Tornado leaves its content out."""
        self.get(path)

    def _send_page(self, page: str) -> None:
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.write(with_reloading(page, self.request.host))


class Script(_Ours, LiveReloadJSHandler):  # type: ignore[misc]  # livereload has no types
    """The script that reloads pages."""


class Reload(_Ours, LiveReloadHandler):  # type: ignore[misc]
    """The socket by which pages learn that they have changed."""

    def check_origin(self, origin: str) -> bool:
        """Whether a page of ours asks."""
        return urlsplit(origin).hostname in NAMES


@asynccontextmanager
async def serving(state: State, port: int | None) -> AsyncIterator[str]:
    """Serve *state* meanwhile, and yield the address; on any free port, unless one is named."""
    listening = _socket(port)
    listening.settimeout(0)
    application = web.Application(
        [(SCRIPT, Script), (SOCKET, Reload), (r"/(.*)", Pages, {"state": state})],
        log_function=lambda _: None,
    )
    server = HTTPServer(application)
    server.add_socket(listening)
    try:
        yield f"http://{ADDRESS}:{listening.getsockname()[1]}/"
    finally:
        server.stop()
        for page in list(LiveReloadHandler.waiters):
            page.close()
        LiveReloadHandler.waiters.clear()
        await server.close_all_connections()


def _socket(port: int | None) -> socket.socket:
    try:
        return socket.create_server((ADDRESS, PORT if port is None else port))
    except OSError as error:
        if port is not None:
            msg = f"port {port} cannot be had ({error.strerror}); name another, or none: PORT="
            raise ServeError(msg) from None
    return socket.create_server((ADDRESS, 0))


def reload() -> None:
    """Have every page that is open load itself again."""
    message = {"command": "reload", "path": "*", "liveCSS": False}
    for page in list(LiveReloadHandler.waiters):
        page.send_message(message)
