"""Files that are written whole or not at all."""

import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from reportlib.digests import of_bytes, of_file

LONGEST_WRITE = 60  # seconds; what is half written for longer was left by a process that died


def abandoned(half_written: os.stat_result) -> bool:
    """Whether nobody writes to the file any more."""
    return time.time() - half_written.st_mtime > LONGEST_WRITE


def sweep(folder: Path) -> None:
    """Remove what builds that were killed left half written in *folder*, beside what it was for."""
    with suppress(OSError):
        for path in folder.glob(".*"):
            name = re.fullmatch(r"\.(.+)[.-][a-z0-9_]{8}", path.name)
            if name and (folder / name[1]).exists() and abandoned(path.stat()):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()


def write_whole(path: Path, content: bytes) -> None:
    """Put *content* at *path* by rename: a reader sees the old file or the new one, whole.

    Raises OSError, with the old file as it was, when the disk is full or the folder read-only.
    """
    write_together({path: content})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Put each content at its path, as `write_whole` does, once all of them are on the disk."""
    staged: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            staged[path] = Path(name)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            staged[path].chmod(0o666 & ~umask)
        for path, temporary in staged.items():
            temporary.replace(path)
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)


class Staged:
    """Files that take the place of those of a folder together, when all are there."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        """Stage files for *folder* in *scratch*, on the same disk."""
        self._folder, self._scratch = folder, scratch
        self.digests: dict[str, str] = {}

    def put(self, path: str, content: bytes) -> None:
        """Stage a file, unless it is there as it is."""
        self.digests[path] = of_bytes(content)
        if of_file(self._folder / path) != self.digests[path]:
            staged = self._scratch / path
            staged.parent.mkdir(parents=True, exist_ok=True)
            staged.write_bytes(content)
            os.utime(self._scratch)  # it is in use, however long it takes

    def place(self) -> None:
        """Put all in place, each whole, and remove what is no longer part of the folder."""
        for staged in sorted(path for path in self._scratch.rglob("*") if path.is_file()):
            path = self._folder / staged.relative_to(self._scratch)
            with suppress(NotADirectoryError, FileExistsError):
                path.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(path)
        present = [path for path in self._folder.rglob("*") if path.is_file()]
        missing = self.digests.keys() - {p.relative_to(self._folder).as_posix() for p in present}
        if missing:
            raise FileNotFoundError(errno.ENOENT, "is gone; build again", min(missing))
        for path in present:
            if path.relative_to(self._folder).as_posix() not in self.digests:
                path.unlink()
        for folder in sorted(self._folder.rglob("*"), reverse=True):
            if folder.is_dir():
                with suppress(OSError):  # it is not empty
                    folder.rmdir()
