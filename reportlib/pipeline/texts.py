"""Texts that take long to make, pictures of charts and chapters: kept by what they are made of."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Lock

from reportlib.digests import digest
from reportlib.pipeline.cache import Cache
from reportlib.pipeline.forks import Submit
from reportlib.pipeline.keys import versions


class Texts:
    """What was made since a build began, and what earlier builds made.

    Outside of a build nothing is kept: every text is made when it is asked for.
    """

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._cache: Cache | None = None
        self._submit: Submit | None = None
        self._made: dict[str, Future[str]] = {}
        self._lock = Lock()

    @contextmanager
    def kept(self, cache: Cache, submit: Submit | None) -> Iterator[None]:
        """Keep texts in *cache*, and in memory meanwhile; make what holds us up by *submit*."""
        self._cache, self._submit = cache, submit
        try:
            yield
        finally:
            self._cache = self._submit = None
            self._made.clear()

    def of(
        self, make: Callable[..., str], *arguments: str, version: str, holds_up: bool = False
    ) -> str:
        """Return what *make* makes of *arguments*, or has made, or is making, in its *version*.

        What *holds_up* all threads of a process is made in another.
        """
        cache, submit = self._cache, self._submit
        if cache is None:
            return make(*arguments)
        key = digest(versions(), version, make.__name__, *arguments)
        with self._lock:
            ours = key not in self._made
            text = self._made.setdefault(key, Future())
        if ours:
            try:
                kept = cache.get(key)
                if kept is None:
                    there = submit if holds_up else None
                    made = there(make, *arguments).result() if there else make(*arguments)
                    kept = made.encode()
                    cache.put(key, kept)
                text.set_result(kept.decode())
            except BaseException as error:
                text.set_exception(error)
                raise
        return text.result()


TEXTS = Texts()
