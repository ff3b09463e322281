"""Indexes of the site: chips, models, pairs and editions, each a table to sort and to filter."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from reportlib.exhibits.tables import chips as chip_tables
from reportlib.exhibits.tables import memory_bound
from reportlib.exhibits.words import count, counted
from reportlib.params import Params
from reportlib.pipeline.pages import PageInfo
from reportlib.pipeline.site import parts
from reportlib.pipeline.site.archive import PDF, Edition, Turn
from reportlib.pipeline.site.page import around
from reportlib.pipeline.site.place import Place
from reportlib.units import show

DIGITS = 4
MOST_IN_A_TABLE = 200  # pairs; more are listed by their first chip
BETWEEN = "-vs-"


def chips(numbers: Params, pages: Mapping[str, PageInfo], place: Place) -> str:
    """Return the index of chips, from the highest bandwidth to the lowest."""
    paths = _paths({key: chip.name for key, chip in numbers.chips.items()}, pages)
    frame = chip_tables.chips(numbers.chips).sort_values(
        ["memory_bandwidth", "chip"], ascending=[False, True]
    )
    rows = [
        [
            _name(row["chip"], paths),
            escape(row["vendor"]),
            escape(row["memory_kind"]),
            escape(row["status"]),
            _quantity(row["memory_capacity"], "B"),
            _quantity(row["memory_bandwidth"], "B/s"),
            _quantity(row["memory_sweep_time"], "s", 3),
            _quantity(row["peak_compute"], "FLOP/s"),
            _quantity(row["power"], "W"),
        ]
        for row in _rows(frame)
    ]
    heads = {
        "Chip": False, "Vendor": False, "Memory": False, "Status": False, "Capacity": True,
        "Bandwidth": True, "Sweep": True, "BF16 compute": True, "Power": True,
    }  # fmt: skip
    caption = (
        "The sweep is the time to read all of the memory once; compute is dense, in BF16. A dash: "
        "not published. Each chip’s page has the sources of its numbers."
    )
    return around(place, parts.table(heads, rows, label="Chips", caption=caption))


def models(numbers: Params, pages: Mapping[str, PageInfo], place: Place) -> str:
    """Return the index of models, from the largest to the smallest."""
    paths = _paths({key: model.name for key, model in numbers.models.items()}, pages)
    native = {model.name: model.native_precision for model in numbers.models.values()}
    chip = next(iter({**numbers.headline_chips(), **numbers.chips}.values()))
    frame = memory_bound.models(numbers.models.values(), chip, "bf16").sort_values(
        ["parameters", "model"], ascending=[False, True]
    )
    rows = [
        [
            _name(row["model"], paths),
            escape(row["developer"]),
            escape(row["attention"]),
            f"{count(row['parameters'] / 1e9)} billion",
            f"{count(row['active_parameters'] / 1e9)} billion",
            native[row["model"]].upper(),
            _quantity(row["kv_cache_bytes_per_token"], "B"),
            f"{row['context_length']:,}",
        ]
        for row in _rows(frame)
    ]
    heads = {
        "Model": False, "Developer": False, "Attention": False, "Parameters": True, "Active": True,
        "Published in": False, "Cache a token": True, "Longest context": True,
    }  # fmt: skip
    caption = (
        "Parameters are computed from the dimensions; the active ones multiply each token. The "
        "cache is what each further token of a long context adds, in BF16."
    )
    return around(place, parts.table(heads, rows, label="Models", caption=caption))


def compare(numbers: Params, pages: Mapping[str, PageInfo], place: Place) -> str:
    """Return the index of pairs; with a script a reader chooses two chips that have a page."""
    names = {key: chip.name for key, chip in numbers.chips.items()}
    told = [_Pair.of(page, names) for page in pages.values()]
    if len(told) <= MOST_IN_A_TABLE:
        rows = [[parts.link(pair.name, pair.file), escape(pair.about)] for pair in told]
        caption = f"{counted(len(told), 'pair')} of chips, side by side."
        heads = {"Pair": False, "In short": False}
        found = parts.table(heads, rows, label="Pairs", caption=caption)
    else:
        found = "".join(_group(first, told) for first in dict.fromkeys(p.first for p in told))
    return around(place, _chooser(told, names) + found)


@dataclass(frozen=True)
class _Pair:
    first: str
    second: str
    file: str
    name: str
    about: str

    @classmethod
    def of(cls, page: PageInfo, names: Mapping[str, str]) -> "_Pair":
        """Return the pair of *page*; without what its description repeats."""
        path = PurePosixPath(page.path)
        first, _, second = path.stem.partition(BETWEEN)
        about = page.description.removeprefix(
            f"{names.get(first, first)} and {names.get(second, second)} side by side. "
        )
        return cls(first, second, path.name, page.name, about)


def _chooser(pairs: Sequence[_Pair], names: Mapping[str, str]) -> str:
    """Return two lists to choose from; the script takes pairs from the links of the page."""
    known = {key for pair in pairs for key in (pair.first, pair.second)}
    options = "".join(
        f'<option value="{escape(key)}">{escape(name)}</option>'
        for key, name in sorted(names.items(), key=lambda item: item[1].casefold())
        if key in known
    )
    if not options:
        return "<p>There are no pairs in this edition.</p>\n"
    return (
        '<form class="chooser" hidden>\n'
        f'<label>One chip <select name="first">{options}</select></label>\n'
        f'<label>The other <select name="second">{options}</select></label>\n'
        "<button>Compare</button>\n</form>\n"
    )


def _group(first: str, pairs: Sequence[_Pair]) -> str:
    """Return the pairs that name *first* first, folded."""
    ours = [pair for pair in pairs if pair.first == first]
    links = parts.listed((parts.link(pair.name, pair.file) for pair in ours), "pairs")
    name = escape(ours[0].name.partition(" against ")[0])
    number = counted(len(ours), "pair")
    return f"<details><summary>{name} <span>{number}</span></summary>\n{links}</details>\n"


def editions(known: Sequence[Edition], turned: Sequence[Turn], place: Place) -> str:
    """Return the index of editions, the newest first."""
    changes = {edition.month: [t for t in turned if t.edition == edition] for edition in known}
    rows = [
        [
            parts.link(edition.day, f"{edition.month}/index.html"),
            parts.link("PDF", f"{edition.month}/{PDF}") if PDF in edition.paths else "",
            "<br>".join(
                f"{escape(turn.statement, quote=False)} {escape(turn.old)} → {escape(turn.new)}"
                for turn in changes[edition.month]
            ),
        ]
        for edition in reversed(known)
    ]
    heads = {"Edition": False, "Document": False, "Verdicts that changed": False}
    caption = (
        "An edition stays as it was published; one that is made again within its month replaces "
        "that month’s. A dash: none changed, or there is no edition before it."
    )
    return around(place, parts.table(heads, rows, label="Editions", caption=caption))


def _paths(names: Mapping[str, str], pages: Mapping[str, PageInfo]) -> dict[str, str]:
    """Return the files of pages by the name of what each is of."""
    return {
        names[key]: PurePosixPath(page.path).name for key, page in pages.items() if key in names
    }


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of *frame* by column; what is not told in words is empty."""
    words = frame.select_dtypes(exclude="number").columns
    return frame.fillna(dict.fromkeys(words, "")).to_dict("records")  # type: ignore[return-value]


def _name(name: str, files: Mapping[str, str]) -> str:
    return parts.link(name, files[name]) if name in files else escape(name)


def _quantity(value: float, unit: str, digits: int = DIGITS) -> str:
    return "" if pd.isna(value) or math.isinf(value) else show(value, unit, digits)
