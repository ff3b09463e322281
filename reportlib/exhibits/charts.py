"""Charts: a table in, an Altair chart out. Nothing is calculated here but where things stand."""

from collections.abc import Sequence
from typing import Any, TypeVar

import altair as alt
import numpy as np
import pandas as pd

from reportlib.exhibits import labels
from reportlib.exhibits.theme import (
    DASHES,
    EMPHASIS,
    INK,
    MUTED,
    PAPER,
    PARTS,
    WIDTH,
    vendor_colors,
)
from reportlib.units import show

HEIGHT = 340
SI = "s"  # d3's format for SI prefixes

Channel = TypeVar("Channel", alt.X, alt.Y)


def step_parts(table: pd.DataFrame) -> alt.LayerChart:
    """Time of the three parts of a decode step as bars, on a logarithmic axis."""
    order = list(PARTS)
    table = table.assign(label=[show(time, "s") for time in table["time"]])
    base = alt.Chart(table).encode(
        y=alt.Y("part:N", sort=order, title=None),
        tooltip=[_tip("part:N", "Part"), _tip("time:Q", "Time (s)", ".3s")],
    )
    dots = base.mark_circle(size=140, opacity=1).encode(
        x=_log(alt.X, "time", "Time of one decode step (s, logarithmic)", SI),
        color=_colors(PARTS, "part"),
    )
    text = base.mark_text(align="left", dx=12).encode(
        x=_log(alt.X, "time", "", SI), text=alt.Text("label:N")
    )
    return (dots + text).properties(
        width=WIDTH, height=alt.Step(34)
    )


def transport_ratios(table: pd.DataFrame) -> alt.LayerChart:
    """How many times longer memory takes than arithmetic: a row a model, a dot a batch size."""
    sizes = [f"{size:,.0f}" for size in sorted(table["batch_size"].unique())]
    table = table.assign(batch=[f"{size:,.0f}" for size in table["batch_size"]])
    order = list(dict.fromkeys(table["model"]))
    shades = ["#08306b", "#2171b5", "#6baed6", "#b0b7c0"][: len(sizes)]
    dots = (
        alt.Chart(table)
        .mark_circle(size=110, opacity=1)
        .encode(
            x=_log(alt.X, "transport_ratio", "Memory time over arithmetic time (logarithmic)", "~g"),
            y=alt.Y("model:N", sort=order, title=None),
            color=alt.Color(
                "batch:N",
                sort=sizes,
                scale=alt.Scale(domain=sizes, range=shades),
                legend=alt.Legend(title="Batch size", orient="top"),
            ),
            tooltip=[
                _tip("model:N", "Model"),
                _tip("batch:N", "Batch size"),
                _tip("transport_ratio:Q", "Memory over arithmetic", ".3r"),
            ],
        )
    )
    line = alt.Chart(pd.DataFrame({"x": [1.0]})).mark_rule(color=INK, strokeDash=[4, 3])
    return (line.encode(x="x:Q") + dots).properties(width=WIDTH, height=alt.Step(26))


def roofline(points: pd.DataFrame, roof: pd.DataFrame, *, chip: str) -> alt.LayerChart:
    """The roof of a chip, and the work of decoding and prefill below it."""
    points = labels.placed(
        points, name="case", x="arithmetic_intensity", y="attainable_compute",
        size=(WIDTH, HEIGHT),
    )  # fmt: skip
    x = _log(alt.X, "arithmetic_intensity", "Arithmetic intensity (FLOP/B, logarithmic)", "~g")
    y = _log(alt.Y, "attainable_compute", f"Attainable on {chip} (FLOP/s, logarithmic)", "~s")
    line = alt.Chart(roof).mark_line(color=INK, strokeWidth=2).encode(x=x, y=y)
    colors = {"decode": EMPHASIS, "attention": "#d55e00", "prefill": "#009e73"}
    dots = (
        alt.Chart(points)
        .mark_circle(size=120, opacity=1)
        .encode(
            x=x,
            y=y,
            color=_colors(colors, "kind"),
            tooltip=[
                _tip("case:N", "Work"),
                _tip("arithmetic_intensity:Q", "FLOP/B", ".3r"),
                _tip("attainable_compute:Q", "FLOP/s", ".3s"),
            ],
        )
    )
    return alt.layer(line, dots, *_names(points, "case", x, y)).properties(
        width=WIDTH, height=HEIGHT
    )


def batch_costs(table: pd.DataFrame) -> alt.LayerChart:
    """Time per token of the three parts against batch size."""
    ends = table.loc[table.groupby("part")["batch_size"].idxmin()]
    x = _log(alt.X, "batch_size", "Batch size (logarithmic)", "~s")
    y = _log(alt.Y, "time_per_token", "Time per token (s, logarithmic)", SI)
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=40))
        .encode(
            x=x,
            y=y,
            color=_colors(PARTS, "part"),
            tooltip=[
                _tip("part:N", "Part"),
                _tip("batch_size:Q", "Batch size", ",.0f"),
                _tip("time_per_token:Q", "Time per token (s)", ".3s"),
            ],
        )
    )
    names = (
        alt.Chart(ends)
        .mark_text(align="left", dx=10, dy=-9)
        .encode(x=x, y=y, text="part:N", color=_colors(PARTS, "part"))
    )
    return (lines + names).properties(width=WIDTH, height=HEIGHT)


def critical_batch_sizes(table: pd.DataFrame) -> alt.LayerChart:
    """Batch size from which on decoding is compute-bound, against context, a line a chip."""
    return _lines(
        table,
        x=_log(alt.X, "context_length", "Context length (tokens, logarithmic)", "~s"),
        y=_log(alt.Y, "batch_size", "Critical batch size (logarithmic)", "~s"),
        x_field="context_length",
        y_field="batch_size",
    )


def concurrency(table: pd.DataFrame) -> alt.LayerChart:
    """Users that fit against context, a line a chip."""
    return _lines(
        table,
        x=_log(alt.X, "context_length", "Context length (tokens, logarithmic)", "~s"),
        y=_log(alt.Y, "max_batch_size", "Users at a time (logarithmic)", "~s"),
        x_field="context_length",
        y_field="max_batch_size",
    )


def fits(table: pd.DataFrame) -> alt.LayerChart:
    """Chips needed for the weights, as a grid of models and chips."""
    models, chips = (list(dict.fromkeys(table[name])) for name in ("model", "chip"))
    table = table.assign(
        shown=[f"{n:,.0f}" for n in table["chips_needed"]],
        logarithm=np.log2(table["chips_needed"]).clip(upper=7),
    )
    base = alt.Chart(table).encode(
        x=alt.X("chip:N", sort=chips, title=None, axis=alt.Axis(orient="top", labelAngle=-40)),
        y=alt.Y("model:N", sort=models, title=None),
        tooltip=[
            _tip("model:N", "Model"),
            _tip("chip:N", "Chip"),
            _tip("chips_needed:Q", "Chips", ",.0f"),
        ],
    )
    cells = base.mark_rect(stroke=PAPER).encode(
        color=alt.Color(
            "logarithm:Q",
            scale=alt.Scale(domain=[0, 7], range=["#cfe8f7", "#08519c"]),
            legend=None,
        )
    )
    text = base.mark_text(fontSize=11).encode(
        text="shown:N",
        color=alt.condition("datum.logarithm > 3", alt.value("#fffffe"), alt.value("#1b1f25")),
    )
    return (cells + text).properties(width=WIDTH - 40, height=alt.Step(26))


def sweep_times(table: pd.DataFrame) -> alt.LayerChart:
    """Memory sweep time by chip, on a logarithmic axis."""
    table = table.sort_values("memory_sweep_time")
    table = table.assign(label=[show(time, "s") for time in table["memory_sweep_time"]])
    base = alt.Chart(table).encode(
        x=_log(alt.X, "memory_sweep_time", "Memory sweep time (s, logarithmic)", SI),
        y=alt.Y("chip:N", sort=list(table["chip"]), title=None),
        tooltip=[
            _tip("chip:N", "Chip"),
            _tip("memory_kind:N", "Memory"),
            _tip("memory_sweep_time:Q", "Sweep time (s)", ".3s"),
        ],
    )
    dots = _vendor_marks(base, table)
    text = base.mark_text(align="left", dx=10).encode(text="label:N")
    return (dots + text).properties(width=WIDTH, height=alt.Step(23))


def frontiers(table: pd.DataFrame) -> alt.FacetChart:
    """Speed per user against throughput per chip, a panel a model, a line a chip."""
    colors = vendor_colors(table["vendor"])
    chips = list(dict.fromkeys(table["chip"]))
    chosen = alt.selection_point(fields=["chip"], bind="legend")
    return (
        alt.Chart(table)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=_log(alt.X, "tokens_per_second_per_user", "Tokens/s per user (log)", "~s"),
            y=_log(alt.Y, "tokens_per_second_per_chip", "Tokens/s per chip (log)", "~s"),
            color=alt.Color(
                "chip:N",
                sort=chips,
                scale=alt.Scale(domain=chips, range=_chip_colors(table, chips, colors)),
                legend=alt.Legend(title=None, orient="top", symbolType="stroke"),
            ),
            strokeDash=alt.StrokeDash(
                "chip:N",
                sort=chips,
                scale=alt.Scale(domain=chips, range=_chip_dashes(table, chips)),
            ),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.15)),
            order="batch_size:Q",
            tooltip=[
                _tip("chip:N", "Chip"),
                _tip("batch_size:Q", "Batch size", ",.0f"),
                _tip("tokens_per_second_per_user:Q", "Tokens/s per user", ".3s"),
                _tip("tokens_per_second_per_chip:Q", "Tokens/s per chip", ".3s"),
            ],
        )
        .add_params(chosen)
        .properties(width=190, height=220)
        .facet(alt.Facet("model:N", title=None, sort=list(dict.fromkeys(table["model"]))))
        .resolve_scale(x="independent", y="independent")
    )


def head_to_head(table: pd.DataFrame, *, first: str, second: str) -> alt.FacetChart:
    """Which of two chips serves more tokens per chip, over batch size and context."""
    table = table.assign(
        batch=[f"{b:,.0f}" for b in table["batch_size"]],
        context=[f"{c // 1024:,.0f}k" if c >= 1024 else f"{c:.0f}" for c in table["context_length"]],
        logarithm=np.log2(table["ratio"]),
        shown=[f"{r:.2f}" for r in table["ratio"]],
    )
    batches = list(dict.fromkeys(table.sort_values("batch_size")["batch"]))
    contexts = list(dict.fromkeys(table.sort_values("context_length")["context"]))
    base = alt.Chart(table).encode(
        x=alt.X("batch:N", sort=batches, title="Batch size", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("context:N", sort=contexts[::-1], title="Context (tokens)"),
        tooltip=[
            _tip("batch:N", "Batch size"),
            _tip("context:N", "Context"),
            _tip("ratio:Q", f"{first} over {second}, per chip", ".2f"),
        ],
    )
    cells = base.mark_rect(stroke=PAPER).encode(
        color=alt.Color(
            "logarithm:Q",
            scale=alt.Scale(
                domain=[-1, 0, 1], range=["#d55e00", "#f3f4f6", "#009e73"], clamp=True
            ),
            legend=None,
        )
    )
    text = base.mark_text(fontSize=9.5, color="#1b1f25").encode(text="shown:N")
    return (
        (cells + text)
        .properties(width=170, height=118)
        .facet(
            column=alt.Column(
                "model:N", title=None, sort=list(dict.fromkeys(table["model"]))
            ),
            row=alt.Row("edition:N", title=None, sort=list(dict.fromkeys(table["edition"]))),
        )
    )


def capacity_bandwidth(table: pd.DataFrame, *, sweep_times: Sequence[float]) -> alt.LayerChart:
    """Capacity against bandwidth, with lines of equal sweep time."""
    table = labels.placed(
        table, name="chip", x="memory_capacity", y="memory_bandwidth", size=(WIDTH, HEIGHT)
    )
    low, high = table["memory_capacity"].min() / 1.6, table["memory_capacity"].max() * 1.9
    x = _log(alt.X, "memory_capacity", "Memory capacity (B, logarithmic)", "~s", [low, high])
    domain = [table["memory_bandwidth"].min() / 1.8, table["memory_bandwidth"].max() * 1.8]
    y = _log(alt.Y, "memory_bandwidth", "Memory bandwidth (B/s, logarithmic)", "~s", domain)
    lines = pd.DataFrame(
        {"memory_capacity": c, "memory_bandwidth": c / time, "time": time}
        for time in sweep_times
        for c in np.geomspace(low, high, 60)
        if domain[0] <= c / time <= domain[1]
    )
    base = alt.Chart(table).encode(
        x=x,
        y=y,
        tooltip=[
            _tip("chip:N", "Chip"),
            _tip("memory_kind:N", "Memory"),
            _tip("memory_capacity:Q", "Capacity (B)", ".4s"),
            _tip("memory_bandwidth:Q", "Bandwidth (B/s)", ".4s"),
        ],
    )
    guides = (
        alt.Chart(lines)
        .mark_line(strokeDash=[2, 3], color=MUTED, strokeWidth=1)
        .encode(x=x, y=y, detail="time:N")
    )
    ends = lines.loc[lines.groupby("time")["memory_capacity"].idxmin()]
    ends = ends.assign(label=[_sweep_label(time) for time in ends["time"]])
    marks = (
        alt.Chart(ends)
        .mark_text(align="left", dx=3, dy=-7, fontSize=11, color=MUTED)
        .encode(x=x, y=y, text="label:N")
    )
    return alt.layer(
        guides, marks, _vendor_marks(base, table), *_names(table, "chip", x, y)
    ).properties(width=WIDTH, height=HEIGHT + 60)


def generations(table: pd.DataFrame, *, names: dict[str, str]) -> alt.FacetChart:
    """Compute, bandwidth and capacity of dated HBM chips over time, a panel each."""
    colors = vendor_colors(table["vendor"])
    table = table.assign(quantity=[names[quantity] for quantity in table["quantity"]])
    base = alt.Chart(table).encode(
        x=alt.X("announced:T", title="Announced", axis=alt.Axis(format="%Y", tickCount="year")),
        y=_log(alt.Y, "multiple", "Multiple of the first (log)", "~g"),
        color=_colors(colors, "vendor", legend=True),
        tooltip=[
            _tip("chip:N", "Chip"),
            _tip("announced:T", "Announced", "%Y-%m"),
            _tip("value:Q", "Value", ".3s"),
            _tip("multiple:Q", "Multiple", ".3r"),
        ],
    )
    return (
        base.mark_point(size=70, filled=True, opacity=0.9)
        .properties(width=195, height=220)
        .facet(alt.Facet("quantity:N", title=None, sort=list(names.values())))
    )


def decode_ceilings(table: pd.DataFrame) -> alt.FacetChart:
    """The ceiling on one user's speed, a panel a model, a row a chip."""
    table = table.dropna(subset=["tokens_per_second_per_user"])
    table = table.assign(
        label=[
            f"{speed:,.0f} on {chips:,.0f}"
            for speed, chips in zip(
                table["tokens_per_second_per_user"], table["chips_needed"], strict=True
            )
        ]
    )
    order = list(
        table.groupby("chip")["tokens_per_second_per_user"].max().sort_values().index[::-1]
    )
    base = alt.Chart(table).encode(
        x=_log(alt.X, "tokens_per_second_per_user", "Tokens/s per user (log)", "~s"),
        y=alt.Y("chip:N", sort=order, title=None),
        tooltip=[
            _tip("model:N", "Model"),
            _tip("chip:N", "Chip"),
            _tip("chips_needed:Q", "Chips", ",.0f"),
            _tip("tokens_per_second_per_user:Q", "Tokens/s per user, at most", ".3s"),
        ],
    )
    text = base.mark_text(align="left", dx=9, fontSize=10.5).encode(text="label:N")
    return (
        alt.layer(_vendor_marks(base, table), text, data=table)
        .properties(width=185, height=alt.Step(23))
        .facet(alt.Facet("model:N", title=None, sort=list(dict.fromkeys(table["model"]))))
    )


def _lines(table: pd.DataFrame, *, x: alt.X, y: alt.Y, x_field: str, y_field: str) -> Any:
    """One line a chip, in its vendor's colour, named at its end."""
    colors = vendor_colors(table["vendor"])
    chips = list(dict.fromkeys(table["chip"]))
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=x,
            y=y,
            color=_colors(colors, "vendor"),
            strokeDash=alt.StrokeDash(
                "chip:N",
                scale=alt.Scale(domain=chips, range=_chip_dashes(table, chips)),
                legend=None,
            ),
            detail="chip:N",
            tooltip=[
                _tip("chip:N", "Chip"),
                _tip(f"{x_field}:Q", "Context (tokens)", ",.0f"),
                _tip(f"{y_field}:Q", "At a time", ",.0f"),
            ],
        )
    )
    ends = table.loc[table.groupby("chip")[x_field].idxmin()]
    ends = labels.placed(ends, name="chip", x=x_field, y=y_field, size=(1, HEIGHT))
    spread = _spread(np.log(ends[y_field].to_numpy(dtype=float)), np.log(table[y_field]))
    ends = ends.assign(**{y_field: np.exp(spread)})
    names = (
        alt.Chart(ends)
        .mark_text(align="right", dx=-8)
        .encode(x=x, y=y, text="chip:N", color=_colors(colors, "vendor"))
    )
    return (lines + names).properties(width=WIDTH - 60, height=HEIGHT)


def _spread(positions: np.ndarray, axis: Any) -> np.ndarray:
    """Return *positions* moved apart until names at them do not overlap, in the same order."""
    step = 1.05 * labels.LINE / HEIGHT * (float(np.max(axis)) - float(np.min(axis)))
    order = np.argsort(positions)
    moved = positions[order].copy()
    for _ in range(200):
        gaps = np.diff(moved)
        tight = np.flatnonzero(gaps < step - 1e-9)
        if not tight.size:
            break
        for i in tight:
            push = (step - (moved[i + 1] - moved[i])) / 2
            moved[i] -= max(push, 0)
            moved[i + 1] += max(push, 0)
    result = positions.copy()
    result[order] = moved
    return result


def _chip_colors(table: pd.DataFrame, chips: list[str], colors: dict[str, str]) -> list[str]:
    vendor = dict(zip(table["chip"], table["vendor"], strict=True))
    return [colors[vendor[chip]] for chip in chips]


def _chip_dashes(table: pd.DataFrame, chips: list[str]) -> list[list[int]]:
    """Return a dash pattern for each chip, the first solid, different within a vendor."""
    vendor = dict(zip(table["chip"], table["vendor"], strict=True))
    of_vendor: dict[str, int] = {}
    dashes = []
    for chip in chips:
        position = of_vendor.setdefault(vendor[chip], 0)
        dashes.append(list(DASHES[position % len(DASHES)]))
        of_vendor[vendor[chip]] += 1
    return dashes


def _vendor_marks(base: alt.Chart, table: pd.DataFrame) -> alt.Chart:
    """Dots in the vendor's colour, hollow for chips that are announced only."""
    colors = vendor_colors(table["vendor"])
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    return base.mark_point(size=90, strokeWidth=2, opacity=1).encode(
        color=_colors(colors, "vendor", legend=True),
        fill=alt.condition(
            alt.datum.status == "announced",
            alt.value(PAPER),
            alt.Fill("vendor:N", scale=scale, legend=None),
        ),
    )


def _names(table: pd.DataFrame, name: str, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Names of points, a layer for each place that labels.placed gave."""
    return [
        alt.Chart(rows)
        .mark_text(align=align, dx=dx, dy=dy, baseline="middle")
        .encode(x=x, y=y, text=f"{name}:N")
        for (dx, dy, align), rows in table.groupby(["dx", "dy", "align"])
    ]


def _log(
    channel: type[Channel], field: str, title: str, form: str, domain: Sequence[float] = ()
) -> Channel:
    """A logarithmic axis, with a few round ticks."""
    scale = alt.Scale(type="log", domain=list(domain) or alt.Undefined)
    axis = alt.Axis(format=form, tickCount=6)
    return channel(f"{field}:Q", title=title or None, scale=scale, axis=axis)


def _colors(colors: dict[str, str], field: str, *, legend: bool = False) -> alt.Color:
    return alt.Color(
        f"{field}:N",
        scale=alt.Scale(domain=list(colors), range=list(colors.values())),
        legend=alt.Legend(title=None, orient="top") if legend and len(colors) > 1 else None,
    )


def _tip(field: str, title: str, form: str = "") -> alt.Tooltip:
    return alt.Tooltip(field, title=title, **({"format": form} if form else {}))


def _sweep_label(seconds: float) -> str:
    return f"{seconds * 1e3:g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:g} µs"
