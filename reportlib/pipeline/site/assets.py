"""What all pages of the site share: styles, fonts and scripts, each under a name with its hash."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import PurePosixPath

from reportlib.pipeline.manuscript import FONTS
from reportlib.pipeline.page import (
    ASSETS,
    STYLES,
    WEB_FONTS,
    asset,
    charts_script,
    font_address,
    vega_bundle,
)

OWN = ASSETS / "site"
FOLDER = "assets"
SEARCH = f"{FOLDER}/search.js"  # names the documents of this build; the one name without a hash
READING = ("page.js", "exhibits.js", "tables.js", "cards.js")  # after the charts, which they use
READY = 'document.addEventListener("DOMContentLoaded", '
# Each part has a task of its own: all in one would be long, and the page deaf until it is over.
LATER = f"const later = (act) => {READY}() => setTimeout(act));\n"
AT_ONCE = {  # in the style itself: text that is painted before they are there moves as they come
    WEB_FONTS["IBM Plex Sans", 400, "normal"], WEB_FONTS["IBM Plex Sans", 700, "normal"],
}  # fmt: skip
HASH = 10  # digits of a hash that stand in a name


@cache
def shared_assets() -> dict[str, bytes]:
    """Return every shared file by its path from the root."""
    return dict(_named().values())


@cache
def paths() -> Mapping[str, str]:
    """Return the path of every shared file by its plain name."""
    return {name: path for name, (path, _) in _named().items()}


@cache
def _named() -> dict[str, tuple[str, bytes]]:
    fonts = {name: (FONTS / name).read_bytes() for name in WEB_FONTS.values()}
    found = {
        name: (hashed(name, content), content)
        for name, content in fonts.items()
        if name not in AT_ONCE
    }
    first, later = (
        "".join(
            f'@font-face{{font-family:"{family}";font-weight:{weight};font-style:{style};'
            f"font-display:swap;src:url({_place(name, found)})}}"
            for (family, weight, style), name in WEB_FONTS.items()
            if (name in AT_ONCE) == at_once
        )
        for at_once in (True, False)
    )
    reading = charts_script("linked.js") + "".join(map(asset, READING))
    texts = {
        "fonts.css": later,
        "site.css": first + "".join(map(asset, (*STYLES, "site/site.css"))),
        "reading.js": LATER + reading.replace(READY, "later("),
        "tables.js": asset("tables.js"),
        "site.js": "".join(map(asset, ("dialog.js", "site/search.js", "site/chooser.js"))),
        "minisearch.js": asset("site/minisearch-7.2.0.js"),
        "vega.js": vega_bundle(),
        "icon.svg": asset("site/icon.svg"),
    }
    for name, text in texts.items():
        content = text.encode()
        found[name] = (hashed(name, content), content)
    return found


def _place(font: str, files: Mapping[str, tuple[str, bytes]]) -> str:
    """Return the address of a font: beside the style, or in it."""
    return PurePosixPath(files[font][0]).name if font in files else font_address(font)


def hashed(name: str, content: bytes) -> str:
    """Return the path of a shared file, which differs where its content does.

    >>> hashed("a.css", b"")
    'assets/a-e3b0c44298.css'
    """
    path = PurePosixPath(name)
    return f"{FOLDER}/{path.stem}-{hashlib.sha256(content).hexdigest()[:HASH]}{path.suffix}"
