"""YAML as text with places: every scalar stays the text that was written, with its line.

Nothing is executed or converted: no tags, no anchors, no dates or numbers guessed from text.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Path_ = tuple[str | int, ...]
LARGEST_FILE = 1_000_000  # bytes; params are written by hand
DEEPEST = 40  # levels of nesting
PLAIN_TAGS = {f"tag:yaml.org,2002:{t}" for t in ("str", "int", "float", "bool", "timestamp")}
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
            if path.stat().st_size > LARGEST_FILE:
                self.add((), f"larger than {LARGEST_FILE} bytes; split it")
                return
            root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        except UnicodeDecodeError as error:
            self.add((), f"byte {error.start} is not UTF-8; save the file as UTF-8")
        except OSError as error:
            self.add((), f"cannot be read ({error.strerror})")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._lines[()] = mark.line + 1 if mark else 1
            self.add((), f"not YAML: {error.problem or error.context}")
        except (yaml.YAMLError, RecursionError) as error:
            self.add((), f"not YAML: {str(error).splitlines()[0]}")
        else:
            self.data = {} if root is None else self._plain(root, (), set())

    def line(self, path: Path_) -> int:
        """Return the line of *path*, or of the nearest part above it that is in the file."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def add(self, path: Path_, message: str) -> None:
        """Record a problem at *path*."""
        field = ".".join(map(str, path))
        self.problems.append(Problem(self.name, self.line(path), field, message))

    def _plain(self, node: yaml.Node, path: Path_, seen: set[int]) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in seen or len(path) > DEEPEST:
            self.add(path, "anchors, aliases and deep nesting are not read; write the value out")
            return None
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, seen)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(n, (*path, i), seen) for i, n in enumerate(node.value)]
        if node.tag == NULL_TAG:
            return None
        if node.tag not in PLAIN_TAGS:
            self.add(path, f"tag {node.tag!r} is not read; write plain text")
        return node.value

    def _mapping(self, node: yaml.MappingNode, path: Path_, seen: set[int]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in data:
                first = self._lines[*path, key]
                self.problems.append(
                    Problem(
                        self.name,
                        line,
                        ".".join(map(str, (*path, key))),
                        f"stands twice (first on line {first}); keep one",
                    )
                )
            else:
                self._lines[*path, key] = line
                data[key] = self._plain(value_node, (*path, key), seen)
        return data
