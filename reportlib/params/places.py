"""YAML as text with places: every scalar stays the text that was written, with its line.

Nothing is executed or converted: no tags, no anchors, no dates or numbers guessed from text.
"""

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any

import yaml

Path_ = tuple[str | int, ...]
LARGEST_FILE = 1_000_000  # bytes; params are written by hand
DEEPEST = 40  # levels of nesting
LONGEST_QUOTE = 400  # characters that a message takes from a file
PLAIN_TAGS = {
    f"tag:yaml.org,2002:{t}" for t in ("str", "int", "float", "bool", "timestamp", "map", "seq")
}
NULL_TAG = "tag:yaml.org,2002:null"


@dataclass(frozen=True, order=True)
class Problem:
    """Something in a file that has to be mended, and how: one line for the reader."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        """Return ``file:line: field: text, expectation, remedy``."""
        field = f" {self.field}:" if self.field else ""
        return f"{self.file}:{self.line}:{field} {self.message}"


class ParamsError(ValueError):
    """Files under ``params/`` cannot be used as they are: all problems at once, one a line."""

    def __init__(self, problems: list[Problem]) -> None:
        """Keep the *problems*, in the order of files and lines."""
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Document:
    """A YAML file: its data as text, and the line on which each part of it stands."""

    def __init__(self, path: Path, name: str) -> None:
        """Read *path*; *name* is what problems call it. Problems are kept, not raised."""
        self.name = name
        self.problems: list[Problem] = []
        self._lines: dict[Path_, int] = {(): 1}
        self.data: Any = None
        try:
            about = path.stat()
            if not S_ISREG(about.st_mode):
                self.add((), "cannot be read (not a file)")
                return
            if about.st_size > LARGEST_FILE:
                self.add((), f"larger than {LARGEST_FILE} bytes; split it")
                return
            content = path.read_bytes()
            text = content.decode()
            refusal = _refusal(text)
            if refusal:
                self._lines[()], message = refusal
                self.add((), message)
                return
            root = yaml.compose(text, Loader=yaml.CSafeLoader)
        except UnicodeDecodeError as error:
            self._lines[()] = content.count(b"\n", 0, error.start) + 1
            self.add((), f"byte {error.start} is not UTF-8; save the file as UTF-8")
        except OSError as error:
            self.add((), f"cannot be read ({error.strerror})")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._lines[()] = mark.line + 1 if mark else 1
            self.add((), f"not YAML: {error.problem or error.context}")
        except yaml.YAMLError as error:
            self._lines[()] = content.count(b"\n", 0, getattr(error, "position", 0)) + 1
            self.add((), f"not YAML: {str(error).splitlines()[0]}")
        else:
            self.data = {} if root is None else self._plain(root, ())

    def line(self, path: Path_) -> int:
        """Return the line of *path*, or of the nearest part above it that is in the file."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def add(self, path: Path_, message: str) -> None:
        """Record a problem at *path*."""
        problem = Problem(self.name, self.line(path), _field(path), _shortened(message))
        self.problems.append(problem)

    def _plain(self, node: yaml.Node, path: Path_) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if node.tag not in PLAIN_TAGS | {NULL_TAG}:
            self.add(path, f"tag {node.tag!r} is not read; write plain text")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(n, (*path, i)) for i, n in enumerate(node.value)]
        if node.tag == NULL_TAG:
            return None
        hidden = _hidden(node.value)
        if hidden:
            self.add(path, f"has the invisible character {hidden!a}; remove it")
        return node.value

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or _hidden(key):
                message = f"{_shortened(ascii(key))} cannot be a key; write a word"
                self.problems.append(Problem(self.name, line, _field(path), message))
                continue
            if key in data:
                first = self._lines[*path, key]
                self.problems.append(
                    Problem(
                        self.name,
                        line,
                        _field((*path, key)),
                        f"stands twice (first on line {first}); keep one",
                    )
                )
            else:
                self._lines[*path, key] = line
                data[key] = self._plain(value_node, (*path, key))
        return data


def _field(path: Path_) -> str:
    return ".".join(k if k.isprintable() else ascii(k) for k in (_shortened(str(p)) for p in path))


def _shortened(text: str) -> str:
    """Return *text* without its middle when it is long; its end holds the advice."""
    half = LONGEST_QUOTE // 2
    return text if len(text) <= LONGEST_QUOTE else f"{text[:half]} … {text[-half:]}"


def _refusal(text: str) -> tuple[int, str] | None:
    """Return the line and the account of what must not even be composed, if there is any.

    Composing is recursive, in C: nesting without limit would end the process, not raise; and
    aliases of aliases grow without limit.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if getattr(event, "anchor", None):
            return line, "anchors and aliases are not read; write the value out"
        if depth > DEEPEST:
            return line, f"nested more than {DEEPEST} levels deep; write it flatter"
    return None


def _hidden(text: str) -> str:
    """Return the first control, format or unassigned character of *text*, or nothing.

    They would be invisible to a reviewer, and can make text look like other text.
    """
    if text.isprintable():
        return ""
    categories = ((c, unicodedata.category(c)) for c in text)
    return next((c for c, kind in categories if kind[0] == "C" and c not in "\n\t"), "")
