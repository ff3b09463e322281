"""What files contain, in short: by it one knows whether to do something again."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def digest(*texts: str) -> str:
    """Return a digest of *texts*, in order.

    >>> digest("a", "bc") == digest("ab", "c")
    False
    """
    return of_bytes(repr(texts).encode())


def of_files(paths: Iterable[Path], root: Path) -> str:
    """Return a digest of the names and contents of those *paths* that are files of *root*."""
    files = sorted(p for p in paths if p.is_file() and "__pycache__" not in p.parts)
    return digest(*(f"{p.relative_to(root).as_posix()} {of_file(p)}" for p in files))


def of_file(path: Path) -> str:
    """Return a digest of the content of a file, or why it cannot be read."""
    try:
        return of_bytes(path.read_bytes())
    except OSError as error:
        return str(error.strerror)


def of_bytes(content: bytes) -> str:
    """Return a digest of *content*."""
    return hashlib.sha256(content).hexdigest()
