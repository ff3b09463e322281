"""Axes: tight logarithmic scales with few, round, labelled ticks, and names placed on them."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

import altair as alt
import numpy as np
import pandas as pd

from reportlib.units import show

CHARACTER, LINE = 6.4, 13.0  # px of the charts' 12 px font
GAP = 8.0  # px between a point and its name
MOST_TICKS = 8
ROOM_OF_TICK = 55  # px
TICKS = (((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 3), ((1,), 6))
PASSES = 4  # over all names; each pass moves a name where the others now leave room
# Where a name may stand: its anchor to the point in multiples of GAP, and how it is aligned.
PLACES = (
    (1.1, 0, "left"), (-1.1, 0, "right"), (0, -1.5, "center"), (0, 1.6, "center"),
    (0.8, -1.2, "left"), (0.8, 1.3, "left"), (-0.8, -1.2, "right"), (-0.8, 1.3, "right"),
    (0.8, -2.6, "left"), (0.8, 2.8, "left"), (-0.8, -2.6, "right"), (-0.8, 2.8, "right"),
)  # fmt: skip
NEAR = 8  # of these places are so near that a name cannot be taken for that of another point

Channel = TypeVar("Channel", alt.X, alt.Y)
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class LogScale:
    """A logarithmic scale that spans *low* to *high*."""

    low: float
    high: float

    @classmethod
    def over(cls, values: Iterable[float], pad: tuple[float, float] = (0.05, 0.05)) -> "LogScale":
        """Return the scale of *values*, with shares of its span left free at both ends."""
        numbers = np.log10(np.asarray([v for v in values if v > 0 and math.isfinite(v)] or [1.0]))
        low, high = float(numbers.min()), float(numbers.max())
        span = max(high - low, 0.3)
        return cls(10 ** (low - pad[0] * span), 10 ** (high + pad[1] * span))

    def ticks(self, most: float = MOST_TICKS) -> list[float]:
        """Round numbers on the scale: 1, 2 and 5 of each power of ten, or fewer, at *most* some."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        for digits, step in TICKS:
            powers = range(first, last + 1, step)
            values = [float(f"{digit}e{power}") for power in powers for digit in digits]
            values = [value for value in values if self.low <= value <= self.high]
            if len(values) <= most:
                break
        return values

    def axis(
        self,
        channel: type[Channel],
        field: str,
        title: str,
        unit: str = "",
        length: float = ROOM_OF_TICK * MOST_TICKS,
    ) -> Channel:
        """Return the channel for *field* on an axis of *length* px, ticks labelled in *unit*."""
        values = self.ticks(length / ROOM_OF_TICK)
        labels = [show(value, unit) if unit else f"{value:,.12g}" for value in values]
        return channel(
            f"{field}:Q",
            title=title,
            scale=alt.Scale(type="log", domain=[self.low, self.high], nice=False),
            axis=alt.Axis(values=values, labelExpr=f"{labels}[indexof({values}, datum.value)]"),
        )

    def pixels(
        self, values: "pd.Series[float]", length: float
    ) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        """Return where *values* stand on an axis of *length* px."""
        span = math.log(self.high / self.low)
        return np.log(values.to_numpy(dtype=float) / self.low) / span * length


def named(
    table: pd.DataFrame, name: str, *, x: tuple[str, LogScale], y: tuple[str, LogScale],
    size: tuple[float, float], avoid: pd.DataFrame | None = None,
    first: Collection[str] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return *table* with the columns ``dx``, ``dy`` and ``align`` of each row's name.

    Each is placed where it covers the least of points, of other names and of the line through
    *avoid*, on a plot of *size* px. Where *first* is given, only those names are sure of a place;
    another gets one if it covers nothing near its point, else its ``align`` is empty.
    """

    def pixels(rows: pd.DataFrame) -> list[tuple[float, float]]:
        across, up = x[1].pixels(rows[x[0]], size[0]), y[1].pixels(rows[y[0]], size[1])
        return list(zip(across, size[1] - up, strict=True))

    points = pixels(table)
    fixed: list[Box] = [(px - 6, py - 6, px + 6, py + 6) for px, py in points]
    if avoid is not None:
        fixed += [(px - 4, py - 4, px + 4, py + 4) for px, py in pixels(avoid)]
    boxes = [
        [_box(px, py, place, len(text)) for place in PLACES]
        for (px, py), text in zip(points, table[name], strict=True)
    ]
    standing = [
        [_outside(box, size) + sum(_overlap(box, other) for other in fixed) for box in own]
        for own in boxes
    ]
    names: dict[int, Box] = {}
    chosen: dict[int, tuple[float, float, str]] = {}

    def place(row: int, places: int = len(PLACES), most: float = math.inf) -> None:
        others = [box for other, box in names.items() if other != row]
        costs = [
            cost + sum(_overlap(box, other) for other in others)
            for box, cost in zip(boxes[row][:places], standing[row], strict=False)
        ]
        best = int(np.argmin(costs))
        if costs[best] <= most:
            (across, down, align), names[row] = PLACES[best], boxes[row][best]
            chosen[row] = (across * GAP, down * GAP, align)
        else:
            chosen[row] = (0.0, 0.0, "")

    sure = [row for row, text in enumerate(table[name]) if first is None or text in first]
    for row in sure * PASSES:
        place(row)
    for row in sorted(set(range(len(points))) - set(sure)):
        place(row, places=NEAR, most=0.0)
    places = [chosen[row] for row in range(len(points))]
    dx, dy, align = zip(*places, strict=True) if places else ((), (), ())
    return table.assign(dx=dx, dy=dy, align=align)


def spread(values: "pd.Series[float]", scale: LogScale, length: float) -> list[float]:
    """Return heights near *values*, far enough apart that names at them do not overlap."""
    heights = scale.pixels(values, length)
    order = np.argsort(values.to_numpy(), kind="stable")  # logarithms may tie where values do not
    room = LINE * np.arange(len(order))
    spare = heights[order] - room
    # Pushed up only, and pushed down only; both keep their distances, and so does their mean.
    up, down = np.maximum.accumulate(spare), np.minimum.accumulate(spare[::-1])[::-1]
    moved = np.empty_like(heights)
    moved[order] = (up + down) / 2 + room
    return list(scale.low * np.exp(moved / length * math.log(scale.high / scale.low)))


def _box(px: float, py: float, place: tuple[float, float, str], length: int) -> Box:
    """Return what a name of *length* characters covers at *place* by a point."""
    x, y = px + place[0] * GAP, py + place[1] * GAP
    across = length * CHARACTER
    left = {"left": x, "right": x - across, "center": x - across / 2}[place[2]]
    return (left, y - LINE / 2, left + across, y + LINE / 2)


def _outside(box: Box, size: tuple[float, float]) -> float:
    """Return how much it costs that a name leaves the plot: more than to cover any other."""
    inside = box[0] >= 0 and box[1] >= 0 and box[2] <= size[0] and box[3] <= size[1]
    return 0.0 if inside else 1e6


def _overlap(a: Box, b: Box) -> float:
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(across, 0) * max(down, 0)
