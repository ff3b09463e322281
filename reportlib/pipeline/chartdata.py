"""The data of charts, as the page carries it: with sources in words."""

import re
import textwrap
from collections.abc import Mapping
from typing import Any

CITED = "_cite"  # the end of a column's name that holds sources, as in the tables
CITATION = re.compile(r"\s*\[(@[^\]]+)\](?:\^([a-z]+)\^)?")
SURENESS = {
    "d": "derived", "r": "reported", "e": "estimated", "a": "assumed", "q": "quoted",
    "m": "from memory",
}  # fmt: skip
LONGEST_SOURCE = 70  # characters of publisher and title


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
    words = f"{source['publisher']}, {source['title']}"
    return textwrap.shorten(words, LONGEST_SOURCE, placeholder=" …")
