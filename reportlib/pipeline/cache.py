"""What was made before, kept by a key: a digest of everything that it was made from.

An entry begins with the digest of its content. One that is not whole is none, and is made again.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from reportlib.digests import of_bytes
from reportlib.pipeline.files import abandoned

MOST_BYTES = 200_000_000


class Cache:
    """Entries in a folder, a file each; the longest unused go when there are too many."""

    def __init__(self, folder: Path | None) -> None:
        """Use *folder*, which need not be there; None keeps nothing."""
        self.folder = folder
        self._put: set[str] = set()

    def has(self, key: str) -> bool:
        """Whether there is an entry, whole or not."""
        return self.folder is not None and (self.folder / key).exists()

    def get(self, key: str) -> bytes | None:
        """Return what is kept under *key*, or None."""
        if self.folder is None:
            return None
        path = self.folder / key
        with suppress(OSError):
            told, _, content = path.read_bytes().partition(b"\n")
            if told.decode(errors="replace") == of_bytes(content):
                with suppress(OSError):  # of another user, or read only
                    os.utime(path)
                return content
        return None

    def put(self, key: str, content: bytes) -> None:
        """Keep *content* under *key*: whole, or not at all where it cannot be written."""
        if self.folder is None:
            return
        self._put.add(key)
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.folder, prefix=".")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(of_bytes(content).encode() + b"\n" + content)
                Path(name).replace(self.folder / key)
            finally:
                Path(name).unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove what this object has put: it may not be of what its keys say."""
        for key in self._put:
            if self.folder:
                (self.folder / key).unlink(missing_ok=True)

    def prune(self) -> None:
        """Remove the longest unused entries beyond MOST_BYTES, and what was left half written."""
        if self.folder is None:
            return
        room = MOST_BYTES
        with suppress(OSError):
            files = [(path.stat(), path) for path in self.folder.iterdir()]
            for stat, path in sorted(files, key=lambda f: f[0].st_mtime, reverse=True):
                room -= stat.st_size
                if room < 0 or (path.name[0] == "." and abandoned(stat)):
                    path.unlink(missing_ok=True)
