"""The data of charts, as the page carries it: with sources in words, and no more than is used."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

CITED = "_cite"  # the end of a column's name that holds sources, as in the tables
CITATION = re.compile(r"\s*\[(@[^\]]+)\](?:\^([a-z]+)\^)?")
SURENESS = {
    "d": "derived", "r": "reported", "e": "estimated", "a": "assumed", "q": "quoted",
    "m": "from memory",
}  # fmt: skip
LONGEST_SOURCE = 70  # characters of publisher and title
PARTS = ("layer", "concat", "hconcat", "vconcat")


def with_sources(
    spec: Mapping[str, Any], references: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return *spec* with the words of sources for their keys, in all its datasets.

    Without *references*, as in a notebook by itself, the keys stay. Raises KeyError for a source
    that is not among them.
    """
    datasets = {
        name: [
            {
                column: source_words(value, references)
                if column.endswith(CITED) and isinstance(value, str)
                else value
                for column, value in row.items()
            }
            for row in rows
        ]
        for name, rows in spec.get("datasets", {}).items()
    }
    return {**spec, "datasets": datasets} if datasets else dict(spec)


def source_words(citation: str, references: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a citation in Markdown as plain text: publisher, title, and how sure the number is.

    >>> h100 = {"publisher": "NVIDIA", "title": "H100 datasheet"}
    >>> source_words(" [@nvidia-h100]^dq^", {"nvidia-h100": h100})
    'NVIDIA, H100 datasheet (derived, quoted)'
    """

    def words(match: re.Match[str]) -> str:
        keys = re.findall(r"@([\w.:-]*\w)", match[1])
        names = [_name(references[key]) if references else key for key in keys]
        sure = ", ".join(SURENESS[mark] for mark in match[2] or "")
        return f" {'; '.join(names)}" + (f" ({sure})" if sure else "")

    return CITATION.sub(words, citation).strip()


def _name(source: Mapping[str, Any]) -> str:
    return _shortened(f"{source['publisher']}, {source['title']}")


@cache
def _shortened(words: str) -> str:
    return textwrap.shorten(words, LONGEST_SOURCE, placeholder=" …")


def compact(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return *spec* with its datasets by column.

    ``usermeta.data`` names the datasets that a reader can point at: what the chart is about.
    Of the others, the lines and names that guide the eye, only the columns that a view names stay.
    """
    views = list(_views(spec))
    told = {data for _, data in views}
    datasets = spec.get("datasets", {})
    pointed = [name for name in datasets if name in told] or list(datasets)
    columns = {}
    for name, rows in datasets.items():
        said = " ".join(text for text, _ in views if name in text)
        names = dict.fromkeys(column for row in rows for column in row)
        used = [c for c in names if name in pointed or re.search(rf"\b{re.escape(c)}\b", said)]
        columns[name] = {c: _shortest([_plain(row.get(c)) for row in rows]) for c in used}
    usermeta = {**spec.get("usermeta", {}), "data": pointed}
    return {**spec, "datasets": columns, "usermeta": usermeta}


def _views(
    spec: Mapping[str, Any], above: str = "", data: str = "", *, told: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield of every single view all that concerns it, as text, and the dataset its tips tell."""
    text = above + json.dumps({k: v for k, v in spec.items() if k not in {"datasets", *PARTS}})
    data = spec.get("data", {}).get("name", data)
    told = told or "tooltip" in spec.get("encoding", {})
    parts = [part for kind in PARTS for part in spec.get(kind, [])]
    if "spec" in spec:
        parts.append(spec["spec"])
    for part in parts:
        yield from _views(part, text, data, told=told)
    if not parts:
        yield text, data if told else ""


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shortest(values: list[Any]) -> Any:
    """Return a column; or, where values come again, each once and the place that every row has."""
    texts = [json.dumps(value) for value in values]
    once = dict(zip(texts, values, strict=True))
    place = {text: number for number, text in enumerate(once)}
    encoded = {"values": list(once.values()), "at": [place[text] for text in texts]}
    return min(values, encoded, key=lambda form: len(json.dumps(form)))
