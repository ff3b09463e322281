"""Where to write the names of points, so that they cover neither each other nor a point."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

CHARACTER, LINE = 6.6, 13.0  # px of the charts' 12 px font
GAP = 8.0  # px between a point and its name
# Where a name may stand: its anchor to the point in multiples of GAP, and how it is aligned.
PLACES = (
    (1, 0, "left"), (-1, 0, "right"), (0, -1.4, "center"), (0, 1.5, "center"),
    (0.8, -1.2, "left"), (0.8, 1.3, "left"), (-0.8, -1.2, "right"), (-0.8, 1.3, "right"),
    (0.8, -2.6, "left"), (0.8, 2.8, "left"), (-0.8, -2.6, "right"), (-0.8, 2.8, "right"),
)  # fmt: skip


def placed(
    table: pd.DataFrame, *, name: str, x: str, y: str, size: tuple[float, float],
    log: Sequence[bool] = (True, True),
) -> pd.DataFrame:  # fmt: skip
    """Return *table* with the columns ``dx``, ``dy`` and ``align`` of each row's name.

    *size* is that of the plot in px; *log* says which axes are logarithmic. Names are placed one
    by one, each where it covers the least.
    """
    points = np.column_stack(
        [_pixels(table[x], size[0], log[0]), size[1] - _pixels(table[y], size[1], log[1])]
    )
    boxes = [(px - 5, py - 5, px + 5, py + 5) for px, py in points]
    chosen = []
    for point, text in zip(points, table[name], strict=True):
        options = [(*place, _box(point, place, len(text), size[0])) for place in PLACES]
        costs = [sum(_overlap(option[3], box) for box in boxes) for option in options]
        best = options[int(np.argmin(costs))]
        boxes.append(best[3])
        chosen.append((best[0] * GAP, best[1] * GAP, best[2]))
    places = pd.DataFrame(chosen, columns=["dx", "dy", "align"], index=table.index)
    return table.assign(**{column: places[column] for column in places})


Box = tuple[float, float, float, float]


def _pixels(values: "pd.Series[float]", length: float, log: bool) -> "np.ndarray":  # noqa: FBT001
    numbers = np.log(values.to_numpy(dtype=float)) if log else values.to_numpy(dtype=float)
    low, high = numbers.min(), numbers.max()
    return (numbers - low) / ((high - low) or 1) * length


def _box(
    point: np.ndarray, place: tuple[float, float, str], length: int, width: float
) -> Box:
    x, y = point[0] + place[0] * GAP, point[1] + place[1] * GAP
    across = length * CHARACTER
    left = {"left": x, "right": x - across, "center": x - across / 2}[place[2]]
    outside = 1e4 * (left < 0 or left + across > width + GAP)
    return (left - outside, y - LINE / 2, left + across + outside, y + LINE / 2)


def _overlap(a: Box, b: Box) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    return across * down if across > 0 and down > 0 else 0.0
