"""What a result may be when its inputs are ranges: tornado bars and percentiles.

A function takes its inputs by name, as floats or as arrays that broadcast, and all inputs are
above 0. Between low and high an input is taken to be log-triangular with its peak at mid: it never
leaves its range, and half of mid is as likely as twice mid where both are in it. Inputs are taken
to be independent; where two move together, the percentiles are too narrow or too wide.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reportlib.params import Reading

DRAWS = 4096
SEED = 0  # whatever it is, a report has the same bytes twice
PERCENTILES = (10, 50, 90)

Function = Callable[..., Any]


@dataclass(frozen=True)
class Range:
    """A low, a middle and a high value."""

    low: float
    mid: float
    high: float

    @classmethod
    def of(cls, reading: Reading[float]) -> "Range":
        """The range of a reading; its value alone where the source gives no other."""
        return cls(reading.low or reading.value, reading.value, reading.high or reading.value)


Inputs = Mapping[str, Range]


@dataclass(frozen=True)
class Bar:
    """A result at both ends of one input, with all others in the middle."""

    name: str
    at_low: float
    at_high: float

    @property
    def swing(self) -> float:
        """How far the result moves."""
        return abs(self.at_high - self.at_low)


def tornado(function: Function, inputs: Inputs) -> list[Bar]:
    """Return a bar for each input that moves the result, the widest first.

    >>> tornado(lambda a, b: a / b, {"a": Range(1, 2, 3), "b": Range(1, 2, 4)})
    [Bar(name='b', at_low=2.0, at_high=0.5), Bar(name='a', at_low=0.5, at_high=1.5)]
    """
    middle = {name: value.mid for name, value in inputs.items()}
    bars = [
        Bar(
            name,
            float(function(**middle | {name: value.low})),
            float(function(**middle | {name: value.high})),
        )
        for name, value in inputs.items()
        if value.low < value.high
    ]
    return sorted((b for b in bars if b.swing), key=lambda bar: bar.swing, reverse=True)


def percentiles(function: Function, inputs: Inputs) -> Range:
    """Return the 10th, 50th and 90th percentile of the result.

    >>> result = percentiles(lambda a: a, {"a": Range(0.5, 1, 2)})
    >>> round(result.low, 2), round(result.mid, 2), round(result.high, 2)
    (0.68, 1.0, 1.47)
    """
    results = np.broadcast_to(function(**draws(inputs)), DRAWS)
    return Range(*(float(value) for value in np.percentile(results, PERCENTILES)))


def draws(inputs: Inputs) -> dict[str, NDArray[np.float64]]:
    """Return a Latin hypercube: each input at its quantiles, each stratum once, shuffled alone."""
    strata = (np.arange(DRAWS) + 0.5) / DRAWS
    generator = np.random.default_rng(SEED)
    return {name: _quantile(value, generator.permutation(strata)) for name, value in inputs.items()}


def _quantile(value: Range, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the quantiles of a log-triangular distribution."""
    low, mid, high = np.log([value.low, value.mid, value.high])
    rising = low + np.sqrt(share * (high - low) * (mid - low))
    falling = high - np.sqrt((1 - share) * (high - low) * (high - mid))
    return np.exp(np.where(share * (high - low) < mid - low, rising, falling))
