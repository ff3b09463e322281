"""Small sites, made up and recorded as a build records its own."""

import json
from pathlib import Path

from reportlib.digests import of_bytes

PAGES = {
    "index.html": "<h1>Panorama</h1>",
    "chips/one.html": "<h1>One</h1>",
    "assets/a.0123.css": "p{}",
    "editions/2026-11/index.html": "<h1>November</h1>",
    "editions/index.html": "<a href=2026-11/>November</a>",
}


def make(folder: Path, pages=None, *, inputs="as now", edition="2026-11-22") -> Path:
    """Write a site of *pages* into *folder*/site, beside it its record; return the site."""
    site = folder / "site"
    told = {"activity": {"hbm:build": {"hbm:edition": edition}}}
    pages = {**(PAGES if pages is None else pages), "provenance.json": json.dumps(told)}
    for path in [p for p in site.rglob("*") if p.is_file()]:
        path.unlink()
    for name, text in pages.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_bytes(text.encode())
    record = {"inputs": inputs, "files": {n: of_bytes(t.encode()) for n, t in pages.items()}}
    (folder / "site.json").write_text(json.dumps(record))
    return site
