"""Tables of predicted beside measured: what is compared, how far off, and what was fitted.

An error is predicted over measured time, less one. Errors are told of decode steps: times that
are expected with constants fitted to all measurements, and to all but those of the same chip or
of the same source. Share of the ceiling is the least time over the measured.
"""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from reportlib.calculations import decode
from reportlib.cases.engines import PERCENTILE, Engine, engine, engine_class
from reportlib.cases.measured import Observation, observation
from reportlib.cases.predictions import Case
from reportlib.exhibits.memory import Kept
from reportlib.exhibits.tables.parts import MARKDOWN
from reportlib.params import Measurement, Params
from reportlib.params.engines import HeldOut
from reportlib.params.evidence import SCALES
from reportlib.units import Count

REGIMES = {
    "dense": "one user, dense model",
    "experts": "one user, experts",
    "batched": "batch, one chip",
    "split": "split over chips",
}
TIMED = {
    "step": "decode steps",
    "prefill": "prompts",
    "request": "whole requests",
    "throughput": "rates of output",
}
FITS = {
    "expected": "none",
    "without_chip": "chip",
    "without_source": "source",
}
ALL = "all"
REASONS = {
    "quality": "marked as doubtful; its note says why",
    "speculative decoding": "speculative decoding, or not told whether",
    "weight format": "weight format that is not told",
}
UNMAPPED = "its chip or model has no file here"
NARROWED = 0.95  # of a prior's width: a band that is wider is the prior's
MOVED = 0.25  # standard deviations of the prior: a constant that is nearer did not move
PRIOR = "any, before measurements"
PLAIN = {"routing_skew"}  # constants that are neither a share nor a time
NORMAL_P90 = 1.2816  # standard deviations from the median to P90
COMPARED = (
    "id", "chip", "model", "engine", "engine_class", "source", "weight_format", "chips",
    "batch_size", "context_length", "timed", "regime", "time", "floor", "share", "forms",
    "expected", "without_chip", "without_source", "band",
)  # fmt: skip


_named: Kept[tuple[list[str], list[str]]] = Kept(size=4)
_compared: Kept[pd.DataFrame] = Kept(size=4)
_rows: defaultdict[str, Kept[dict[str, Any] | None]] = defaultdict(lambda: Kept(size=2))


def comparisons(params: Params) -> pd.DataFrame:
    """What was measured beside what the model says of it: a row a measurement, times in seconds.

    ``forms`` is how far apart a step's times at peak rates are without and with overlap. Expected
    times are NaN where no constants are known.
    """
    measured = params.measurements
    chips, models = _named.of(
        (measured,),
        lambda: (
            sorted({row.chip or "" for row in measured}),
            sorted({row.model or "" for row in measured}),
        ),
    )
    records = (*map(params.chips.get, chips), *map(params.models.get, models))
    inputs = (measured, params.engines, params.calibration, params.held_out, *records)
    return _compared.of(inputs, lambda: _comparisons(params))


def _comparisons(params: Params) -> pd.DataFrame:
    engines = _engines(params)
    left_out = {row.measurement: row for row in params.held_out}
    rows = []
    for row in params.mapped_measurements():
        held = left_out.get(row.id)
        about = (params.chips[row.chip or ""], params.models[row.model or ""])
        records = (row, held, *about, params.engines, params.calibration)
        made = _rows[row.id].of(records, partial(_row, params, row, engines, held))
        rows += [made] if made else []
    return pd.DataFrame(rows, columns=list(COMPARED))


def _row(
    params: Params, row: Measurement, engines: Mapping[str, Engine], held: HeldOut | None
) -> dict[str, Any] | None:
    """Return what the model says of one measurement, or nothing if they cannot be compared."""
    seen = observation(params, row)
    if isinstance(seen, str):
        return None
    key = engine_class(params.engines, row.engine, seen.case.chip)[0] if params.engines else ""
    fitted = engines.get(key)
    return {
        "id": row.id,
        "chip": seen.case.chip.name,
        "model": seen.case.model.name,
        "engine": row.engine,
        "engine_class": fitted.name if fitted else "engines without constants",
        "source": row.source,
        "weight_format": row.weight_format,
        "chips": seen.case.chips,
        "batch_size": seen.case.batch_size,
        "context_length": seen.case.context_length,
        "timed": TIMED[seen.timed],
        "regime": REGIMES[seen.case.regime],
        "time": seen.time,
        "floor": float(seen.floor),
        "share": float(seen.floor) / seen.time,
        "forms": _forms(seen.case) if seen.timed == "step" else np.nan,
        "expected": _expected(seen, fitted),
        "without_chip": held.without_chip * SCALES[held.unit] if held else np.nan,
        "without_source": held.without_source * SCALES[held.unit] if held else np.nan,
        "band": seen.case.spread(fitted) if fitted else np.nan,
    }


def _engines(params: Params) -> dict[str, Engine]:
    """Return the classes of engines that have constants, by id."""
    found = {}
    for key in params.engines.classes if params.engines else ():
        with suppress(LookupError):
            found[key] = engine(params, key, next(iter(params.chips.values())))
    return found


def _expected(seen: Observation, fitted: Engine | None) -> float:
    """Return the time that is expected of what *fitted* was fitted to: steps and prompts."""
    known = fitted and seen.timed in {"step", "prefill"}
    return float(seen.expected(fitted)) if fitted and known else np.nan


def _forms(case: Case) -> float:
    """Return a step's time at peak rates if nothing overlaps over that if all does."""
    step = case.step
    work = {
        "weight_bytes": step["weight_bytes"]
        + step["routed_bytes"] * step["active_experts"] / step["experts"],
        "kv_bytes": step["kv_bytes"],
        "flop": step["matmul_flop"] + step["attention_flop"],
        "memory_bandwidth": case.memory_bandwidth,
        "peak_compute": case.fastest_compute,
    }
    return float(decode.decode_step_sum(**work) / decode.decode_step_floor(**work))


def reasons(params: Params) -> pd.DataFrame:
    """Why measurements are not compared: how many of how many sources, by reason."""
    mapped = {row.id for row in params.mapped_measurements()}
    found = []
    for row in params.measurements:
        why = observation(params, row) if row.id in mapped else UNMAPPED
        if isinstance(why, str):
            found.append({"reason": _reason(why), "id": row.id, "source": row.source})
    table = pd.DataFrame(found, columns=["reason", "id", "source"]).groupby("reason")
    counts = table.agg(rows=("id", "count"), sources=("source", "nunique")).reset_index()
    return counts.sort_values(["rows", "reason"], ascending=[False, True], ignore_index=True)


def _reason(why: str) -> str:
    """Return a reason without what is of one measurement: what follows a colon or a quote."""
    general = re.split(r":| '", why)[0]
    return REASONS.get(general, general.replace("_", " "))


def steps(compared: pd.DataFrame) -> pd.DataFrame:
    """Decode steps of which times are expected, with a measurement's chip left out and without."""
    known = compared[list(FITS)].notna().all(axis=1)
    return compared[known & (compared["timed"] == TIMED["step"])].reset_index(drop=True)


def errors(
    known: pd.DataFrame, by: str, order: Sequence[str], fits: Sequence[str] = tuple(FITS)
) -> pd.DataFrame:
    """Error of the *steps* that are *known*, for each value of the column *by* and for all.

    ``within`` is the share of measured times within the band of the predicted.
    """
    both = pd.concat([known, known.assign(**{by: ALL})])
    long = both.melt([by, "chip", "source", "time", "band"], list(fits), "fit", "predicted")
    long["error"] = long["predicted"] / long["time"] - 1
    long["size"] = long["error"].abs()
    long["within"] = _distance(long["predicted"], long["time"]) <= np.log(
        long["band"].astype(float)
    )
    table = (
        long.groupby([by, "fit"])
        .agg(
            rows=("error", "size"),
            chips=("chip", "nunique"),
            sources=("source", "nunique"),
            median=("size", "median"),
            p90=("size", lambda size: size.quantile(0.9)),
            bias=("error", "median"),
            within=("within", "mean"),
        )
        .reset_index()
    )
    table["bias"] = table["bias"].round(2) + 0.0  # no minus before nought
    places = {name: n for n, name in enumerate([*order, ALL, *fits])}
    table = table.sort_values([by, "fit"], key=lambda c: c.map(places), ignore_index=True)
    return table.assign(left_out=table["fit"].map(FITS)).drop(columns="fit")


def _distance(predicted: Any, measured: Any) -> Any:
    """Return the logarithm of the factor between two times."""
    return np.abs(np.log(np.asarray(predicted, dtype=float) / np.asarray(measured, dtype=float)))


def factor(known: pd.DataFrame, fit: str = "without_chip") -> float:
    """Factor within which four fifths of measured times lie of predicted ones; NaN of none."""
    if known.empty:
        return math.nan
    return float(np.exp(np.quantile(_distance(known[fit], known["time"]), PERCENTILE)))


def foretold_share(known: pd.DataFrame) -> float:
    """Share of steps that lie within the factor of other sources' steps of the same regime.

    No step counts in the factor by which it is judged. NaN where there is but one source.
    """
    distances = pd.Series(_distance(known["without_source"], known["time"]), index=known.index)
    held = []
    for (source, regime), rows in known.groupby(["source", "regime"]):
        others = (known["source"] != source) & (known["regime"] == regime)
        if others.any():
            held.append(distances[rows.index] <= distances[others].quantile(PERCENTILE))
    return float(pd.concat(held).mean()) if held else math.nan


def shares(compared: pd.DataFrame) -> pd.DataFrame:
    """Share of the ceiling that was reached, by class of engine and what was timed."""
    return (
        compared.groupby(["engine_class", "timed"], sort=False)["share"]
        .agg(
            rows="size",
            p10=lambda share: share.quantile(0.1),
            median="median",
            p90=lambda share: share.quantile(0.9),
            most="max",
        )
        .reset_index()
    )


def violations(compared: pd.DataFrame) -> pd.DataFrame:
    """Measurements that are faster than the ceiling, the fastest first."""
    over = compared[compared["share"] > 1].sort_values("share", ascending=False)
    return _printable(over.reset_index(drop=True))


def worst(known: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Steps that are farthest from what is expected of them with their chip left out."""
    distances = pd.Series(_distance(known["without_chip"], known["time"]), index=known.index)
    first = known.loc[distances.sort_values(ascending=False, kind="stable").index[:rows]]
    ratio = first["time"] / first["without_chip"]
    far = np.exp(distances[first.index])
    return _printable(first.assign(ratio=ratio, distance=far).reset_index(drop=True))


def _printable(table: pd.DataFrame) -> pd.DataFrame:
    """Return *table* with what sources print fit for a cell, and the sources as citations."""
    escaped = {
        name: [MARKDOWN.sub(r"\\\g<0>", text) for text in table[name]]
        for name in ("engine", "weight_format")
    }
    return table.assign(**escaped, source_cite=[f"[@{source}]" for source in table["source"]])


def constants(
    params: Params,
    priors: Mapping[str, tuple[Count, Count]],
    host_bound: Mapping[str, tuple[Count, Count]],
) -> pd.DataFrame:
    """Constants of each class of engines as text: a row a class, after one of the priors.

    Efficiencies are in per cent and times in µs, with their bands. *priors* have the median, and
    the standard deviation of the logarithm, that each constant had before measurements;
    *host_bound* those of engines whose host launches kernels. A constant that is still there, and
    whose band is still as wide, is marked p and has no band of its own.
    """
    rows: dict[str, dict[str, Any]] = {}
    classes = params.engines.classes if params.engines else {}
    for line in params.calibration:
        about = classes.get(line.engine_class)
        prior = {**priors, **(host_bound if about and about.host_bound else {})}.get(line.quantity)
        if about is None or prior is None:
            continue
        row = rows.setdefault(line.engine_class, {"engine_class": about.name})
        told = "prompts" if "prefill" in line.quantity else "steps"
        row[told] = max(row.get(told, 0), line.rows or 0)
        still = abs(math.log(line.value * line.scale / prior[0])) < MOVED * prior[1]
        wide = math.log(line.value / line.low) / NORMAL_P90 > NARROWED * prior[1]
        numbers = [n * line.scale for n in (line.value, line.low, line.high)]
        row[line.quantity] = (
            f"{_digits(line.quantity, numbers[0])}^p^"
            if still and wide
            else _banded(line.quantity, *numbers)
        )
    if rows:
        before = {name: _prior(name, *prior) for name, prior in priors.items()}
        rows = {"": {"engine_class": PRIOR, **before}, **rows}
    return pd.DataFrame(rows.values(), columns=["engine_class", "steps", "prompts", *priors])


def _prior(quantity: str, median: Count, deviation: Count) -> str:
    """Return a prior with its band as text."""
    band = math.exp(NORMAL_P90 * deviation)
    high = min(median * band, 1.0) if quantity.endswith("_efficiency") else median * band
    return _banded(quantity, median, median / band, high)


def _banded(quantity: str, value: float, low: float, high: float) -> str:
    value_, low_, high_ = (_digits(quantity, number) for number in (value, low, high))
    return f"{value_} ({low_}–{high_})"


def _digits(quantity: str, value: float) -> str:
    """Return two digits of a constant: of a share in per cent, of a time in µs."""
    scale = 100.0 if quantity.endswith("_efficiency") else 1e6
    return f"{float(f'{value * (1.0 if quantity in PLAIN else scale):.2g}'):g}"
