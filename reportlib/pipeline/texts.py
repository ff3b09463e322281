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
    def kept(self, cache: Cache, submit: Submit) -> Iterator[None]:
        """Keep texts in *cache*, and in memory meanwhile; make by *submit* what holds us up."""
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
        if cache is None or submit is None:
            return make(*arguments)
        key = digest(versions(), version, make.__name__, *arguments)
        with self._lock:
            ours = key not in self._made
            text = self._made.setdefault(key, Future())
        if ours:

            def made() -> str:
                return submit(make, *arguments).result() if holds_up else make(*arguments)

            try:
                text.set_result(cache.kept(key, lambda: made().encode()).decode())
            except BaseException as error:
                text.set_exception(error)
                raise
        return text.result()


TEXTS = Texts()
