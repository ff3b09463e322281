"""Results that take long, kept for as long as they are asked of the very same records."""

import operator
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """The last results of a function of records that cannot be hashed.

    >>> kept, record = Kept(size=2), {}
    >>> kept.of((record, 1), lambda: "made"), kept.of((record, 1), lambda: "made again")
    ('made', 'made')
    """

    def __init__(self, size: int) -> None:
        """Keep *size* results."""
        self._known: deque[tuple[tuple[Any, ...], T]] = deque(maxlen=size)

    def of(self, records: tuple[Any, ...], make: Callable[[], T]) -> T:
        """Return what was made of *records*, these very ones, or else make it."""
        for known, result in self._known:
            if len(known) == len(records) and all(map(operator.is_, known, records)):
                return result
        self._known.append((records, make()))
        return self._known[-1][1]
