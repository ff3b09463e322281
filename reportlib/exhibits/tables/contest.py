"""Tables of two chips against each other: who serves more per chip, and how sure that is.

Each chip is the first or the second of a pair. A contest gives both the same model and format, and
judges them by output tokens per second and chip while they decode, on whatever number of chips of
one domain of links serves most per chip. In the same work both decode one batch at one context; for
the same promise each gathers as many users as it can while every one is as fast as was promised.

A ratio is sure where its interval is on one side of one. The interval spans the ends of the ranges
that sources give, and the factor by which forecasts of two chips miss their ratio: measured, where
two chips ran the same, and wider by that of announcements for each chip that is announced.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from reportlib import cases
from reportlib.calculations import decode
from reportlib.cases.engines import PERCENTILE, Engine, widened
from reportlib.exhibits.memory import Kept
from reportlib.exhibits.tables import reality
from reportlib.exhibits.tables.parts import cite, link_bandwidth, number, status
from reportlib.params import Chip, Model, Params, Precision, Reading
from reportlib.units import Count, show

SAME = 0.005  # a difference below half a per cent is none
UNKNOWN = 1e6  # a factor within which any ratio lies, unless one chip alone holds the work
FLOOR = "floor"  # the column of reality.comparisons with times at peak rates
FEWEST_PAIRS = 8  # of chips that both ran the same, for a factor of their kind
BATCH_SIZES = sorted({round(4096 ** (n / 60)) for n in range(61)})  # that a service may gather
USERS = (1, 4, 16, 64, 256, 1024)  # of the cases of the same work
CONTEXT_LENGTHS = (1024, 8192, 32_768, 131_072)
ALIKE = ("source", "model", "engine", "weight_format", "chips", "batch_size", "context_length")

Pair = tuple[Chip, Chip]


@dataclass(frozen=True)
class Clock:
    """By what two chips' times are told: bounds, or what is expected of engines of a class."""

    engines: tuple[Engine | None, Engine | None]
    spread: Count  # measured ratios of two chips lie within this factor of these, P10 to P90
    pairs: int  # of chips that this was measured on

    @property
    def expects(self) -> bool:
        """Whether times are expected ones."""
        return self.engines[0] is not None

    def band(self, pair: Pair) -> Count:
        """Factor within which the ratio of *pair* may lie: wider for chips that are announced.

        Not known where one keeps weights on the die: the pairs measured were of others.
        """
        if any(map(cases.keeps_weights_on_chip, pair)):
            return UNKNOWN
        return widened(widened(self.spread, pair[0]), pair[1])


def ceilings(params: Params, pair: Pair) -> Clock:
    """Times at peak rates, which nothing beats."""
    return _clock(measured_pairs(params, FLOOR), pair, (None, None))


def expected(params: Params, pair: Pair, engine: str) -> Clock:
    """Times that are expected of *engine*; at peak rates where its constants are not known."""
    pairs = measured_pairs(params, "without_chip")
    try:
        first, second = (cases.engine(params, engine, chip) for chip in pair)
    except LookupError:
        return ceilings(params, pair)
    return ceilings(params, pair) if pairs.empty else _clock(pairs, pair, (first, second))


def _clock(pairs: pd.DataFrame, pair: Pair, engines: tuple[Engine | None, Engine | None]) -> Clock:
    """Return the clock whose errors are those of pairs across vendors or not, or of all if few."""
    alike = pairs[pairs["across"] == (pair[0].vendor != pair[1].vendor)]
    chosen = alike if len(alike) >= FEWEST_PAIRS else pairs
    known = np.exp(np.log(chosen["miss"]).quantile(PERCENTILE)) if len(chosen) else UNKNOWN
    return Clock(engines, float(known), len(chosen))


_pairs: Kept[pd.DataFrame] = Kept(size=4)


def measured_pairs(params: Params, told: str) -> pd.DataFrame:
    """Pairs of chips on which the same was measured, and by what factor their ratio was missed.

    *told* is the column of reality.comparisons that foretold each time. ``miss`` is the median
    over all that both chips ran.
    """
    compared = reality.comparisons(params)
    return _pairs.of((compared, told), lambda: _measured_pairs(params, compared, told))


def _measured_pairs(params: Params, compared: pd.DataFrame, told: str) -> pd.DataFrame:
    steps = compared[(compared["timed"] == reality.TIMED["step"]) & compared[told].notna()]
    error = np.log((steps[told] / steps["time"]).astype(float))
    each = steps.assign(error=error).groupby([*ALIKE, "chip"], as_index=False)["error"].mean()
    both = each.merge(each, on=list(ALIKE), suffixes=("", "_other"))
    both = both[both["chip"] < both["chip_other"]]
    both["miss"] = (both["error"] - both["error_other"]).abs()
    pairs = both.groupby(["chip", "chip_other"], as_index=False)["miss"].median()
    vendor = {chip.name: chip.vendor for chip in params.chips.values()}
    across = pairs["chip"].map(vendor) != pairs["chip_other"].map(vendor)
    return pairs.assign(miss=np.exp(pairs["miss"].astype(float)), across=across)


def by_day(params: Params, pair: Sequence[str], days: Iterable[date]) -> dict[str, Pair]:
    """Return two chips as known on each of *days* on which both were, under the day's name."""
    known = {day: params.on(day).chips for day in days}
    return {
        str(day): (chips[pair[0]], chips[pair[1]])
        for day, chips in known.items()
        if all(chip in chips for chip in pair)
    }


def ranged(pair: Pair, precision: Precision) -> list[Reading[float]]:
    """The rates of arithmetic of a pair for which their sources give a range."""
    rates = [_rate(chip, precision) for chip in dict.fromkeys(pair)]
    return [rate for rate in rates if rate and (rate.low or rate.high)]


def _rate(chip: Chip, precision: Precision) -> Reading[float] | None:
    """Return the rate of arithmetic of *chip* in *precision*, or in the next wider that it has."""
    rates = (chip.peak_compute.get(wider) for wider in cases.WIDER[precision])
    return next((rate for rate in rates if rate), None)


def beside(pairs: Mapping[str, Pair], precision: Precision) -> pd.DataFrame:
    """What each chip of a pair has, as known on each day; links in one direction."""
    rows = []
    for edition, pair in pairs.items():
        for chip in pair:
            rate = _rate(chip, precision)
            link = chip.scale_up.bandwidth if chip.scale_up else None
            rows.append(
                {
                    "edition": edition,
                    "chip": chip.name,
                    "status": status(chip),
                    "status_cite": cite(chip.status),
                    "memory_capacity": chip.memory_capacity.value,
                    "memory_capacity_cite": cite(chip.memory_capacity),
                    "memory_bandwidth": chip.memory_bandwidth.value,
                    "memory_bandwidth_cite": cite(chip.memory_bandwidth),
                    "peak_compute": number(rate),
                    "peak_compute_cite": cite(rate),
                    "link_bandwidth": link_bandwidth(chip),
                    "link_bandwidth_cite": cite(link),
                }
            )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class _Side:
    """What a chip serves, by number of chips, context and batch; nothing where it does not fit."""

    degrees: Any
    rates: Any  # output tokens per second and chip
    speeds: Any  # output tokens per second of each user

    def at_work(self, slower: Count = 1.0) -> Any:
        """Highest rate for each context and batch, if all times are *slower* by a factor."""
        return self.rates.max(axis=0) / slower

    def as_promised(self, wanted: Any, slower: Count = 1.0) -> Any:
        """Highest rate for each context and speed that every user is promised."""
        fast = self.speeds[..., None] >= wanted * slower
        return np.where(fast, self.rates[..., None], 0.0).max(axis=(0, 2)) / slower

    @property
    def chips(self) -> Any:
        """Number of chips that serves most, for each context and batch; 0 where none holds it."""
        best = self.degrees[self.rates.argmax(axis=0)]
        return np.where(self.rates.max(axis=0) > 0, best, 0.0)


@dataclass(frozen=True)
class Rules:
    """What both chips of a contest have in common."""

    precision: Precision
    batch_sizes: Sequence[float]
    context_lengths: Sequence[float]

    def side(self, model: Model, chip: Chip, engine: Engine | None) -> _Side:
        """What *chip* serves of *model*."""
        degrees: Any = np.array(cases.domain_degrees(model, chip), dtype=float)
        degree, context, batch = _across(degrees, self.context_lengths, self.batch_sizes)
        case = cases.Case(
            model,
            chip,
            cases.uniform(self.precision),
            batch_size=batch,
            context_length=context,
            longest_context=context,
            chips=degree,
        )
        time, held = cases.step_time(case, engine), cases.fits(case)
        rates = decode.tokens_per_second(batch, time) / degree
        return _Side(degrees, np.where(held, rates, 0.0), np.where(held, 1 / time, 0.0))


def same_cases(precision: Precision, users: int, context_length: int) -> Rules:
    """The cases of the same work, with one more of *users* at *context_length*."""
    contexts = sorted({*CONTEXT_LENGTHS, context_length})
    return Rules(precision, sorted({*USERS, users}), contexts)


def _across(*axes: Any) -> Any:
    """Return *axes* as arrays that broadcast to all combinations."""
    return np.ix_(*(np.asarray(axis, dtype=float) for axis in axes))


def same_work(
    models: Iterable[Model], pairs: Mapping[str, Pair], by: Clock, rules: Rules
) -> pd.DataFrame:
    """Output tokens per second and chip of pairs at one batch and context, by day or reading.

    ``first_chips`` and ``second_chips`` are the numbers of chips that serve most, 0 if none holds
    the work. ``ratio`` is that of the first chip over the second, from ``low`` to ``high``.
    """
    tables = []
    for model, (edition, pair) in itertools.product(models, pairs.items()):
        sides = _sides(model, pair, by, rules)
        columns = {
            "first_chips": sides[0]["value"].chips,
            "second_chips": sides[1]["value"].chips,
            **_judged(sides, _Side.at_work, by.band(pair)),
        }
        axes = {"context_length": rules.context_lengths, "batch_size": rules.batch_sizes}
        tables.append(_long(axes, columns).assign(model=model.name, edition=edition))
    return pd.concat(tables, ignore_index=True)


def same_promise(
    models: Iterable[Model],
    pairs: Mapping[str, Pair],
    by: Clock,
    rules: Rules,
    wanted_speeds: Sequence[float],
) -> pd.DataFrame:
    """The same for users who are promised a speed: each chip gathers as many as serve most."""
    tables = []
    wanted: Any = np.asarray(wanted_speeds, dtype=float)
    for model, (edition, pair) in itertools.product(models, pairs.items()):
        sides = _sides(model, pair, by, rules)
        columns = _judged(
            sides,
            lambda side, slower=1.0: side.as_promised(wanted, slower),
            by.band(pair),
        )
        axes = {"context_length": rules.context_lengths, "wanted_speed": wanted_speeds}
        tables.append(_long(axes, columns).assign(model=model.name, edition=edition))
    return pd.concat(tables, ignore_index=True)


def _sides(model: Model, pair: Pair, by: Clock, rules: Rules) -> list[dict[str, _Side]]:
    """Return what each chip serves: as read, at both ends of its ranges, as read before."""
    return [
        {name: rules.side(model, read, engine) for name, read in _readings(chip).items()}
        for chip, engine in zip(pair, by.engines, strict=True)
    ]


def _readings(chip: Chip) -> dict[str, Chip]:
    """Return a chip as read, at the ends of ranges, and with the bandwidth that it had before."""
    return {
        "value": chip,
        "low": _at_end(chip, "low"),
        "high": _at_end(chip, "high"),
        "before": with_bandwidth(chip, _last_two(chip)[-1]),
    }


def _at_end(chip: Chip, end: str) -> Chip:
    """Return *chip* with rates and capacity at one end of their ranges, where sources give one."""

    def moved(reading: Any) -> Any:
        return reading.model_copy(update={"value": getattr(reading, end) or reading.value})

    names = "memory_capacity", "memory_bandwidth"
    changes = {name: moved(getattr(chip, name)) for name in names}
    rates = {precision: moved(rate) for precision, rate in chip.peak_compute.items()}
    return chip.model_copy(update={**changes, "peak_compute": rates})


def with_bandwidth(chip: Chip, value: float) -> Chip:
    """Return *chip* with this memory bandwidth, and no other reading of it."""
    reading = chip.memory_bandwidth.model_copy(update={"value": value, "superseded": ()})
    return chip.model_copy(update={"memory_bandwidth": reading})


def _judged(sides: Sequence[Mapping[str, _Side]], pick: Any, band: Count) -> dict[str, Any]:
    """Return the rates that *pick* takes of each side, their ratio, its interval, and who wins."""
    first, second = sides
    half = np.sqrt(band)  # of the band on each side
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = pick(first["value"]), pick(second["value"])
        ratio = rates[0] / rates[1]
        low = pick(first["low"], half) / pick(second["high"], 1 / half)
        high = pick(first["high"], 1 / half) / pick(second["low"], half)
        before = [
            pick(first[one]) / pick(second[other])
            for one, other in (("before", "value"), ("value", "before"), ("before", "before"))
        ]
        turned = np.any([(other - 1) * (ratio - 1) < 0 for other in before], axis=0)
    sure = np.where(ratio > 1, low > 1, high < 1) & ~turned
    names = np.where(ratio > 1, "first", "second").astype(object) + np.where(sure, "", " open")
    outcome = np.where(
        np.abs(ratio - 1) < SAME, "same", np.where(np.isnan(ratio), "neither", names)
    )
    return {
        "first_rate": rates[0],
        "second_rate": rates[1],
        "ratio": ratio,
        "low": low,
        "high": high,
        "turned": turned,
        "outcome": outcome,
    }


def _long(axes: Mapping[str, Sequence[float]], columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return two-dimensional *columns* as a row for each pair of values of the two *axes*."""
    index = pd.MultiIndex.from_product(list(axes.values()), names=list(axes))
    flat = {name: np.ravel(values) for name, values in columns.items()}
    return pd.DataFrame(flat, index=index).reset_index()


def readings(
    models: Sequence[Model], pair: Pair, clocks: Mapping[str, Clock], rules: Rules
) -> pd.DataFrame:
    """In how many cases of the same work each chip wins, by what is read of both bandwidths.

    Each as it stands, and as it stood before that, where sources changed.
    """
    values = [_last_two(chip) for chip in pair]
    pairs = {
        f"{show(one, 'B/s')} against {show(other, 'B/s')}": (
            with_bandwidth(pair[0], one), with_bandwidth(pair[1], other)
        )
        for one, other in itertools.product(*values)
    }  # fmt: skip
    tables = [same_work(models, pairs, by, rules).assign(clock=name) for name, by in clocks.items()]
    counts = pd.concat(tables).groupby(["clock", "edition", "outcome"], sort=False).size()
    return counts.rename("cells").reset_index().rename(columns={"edition": "reading"})


def _last_two(chip: Chip) -> list[float]:
    """Return the bandwidth of *chip* and the one that was read before it, if there is another."""
    before = [old.value for old in chip.memory_bandwidth.superseded[-1:]]
    return list(dict.fromkeys([chip.memory_bandwidth.value, *before]))


def printed(chip: Chip) -> list[str]:
    """The bandwidth of *chip* as text, after the one that was read before it."""
    return [show(value, "B/s") for value in reversed(_last_two(chip))]


def by_chips(work: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """How often each chip leads in the same work, by which of the two needs fewer chips for it."""
    first, second = work["first_chips"], work["second_chips"]
    needed = {
        "as many of both": (first == second) & (first > 0),
        f"fewer of {names[0]}": (first > 0) & (second > 0) & (first < second),
        f"fewer of {names[1]}": (first > 0) & (second > 0) & (first > second),
        f"{names[0]} alone holds it": (first > 0) & (second == 0),
        f"{names[1]} alone holds it": (first == 0) & (second > 0),
    }
    rows = []
    for (name, mask), edition in itertools.product(needed.items(), work["edition"].unique()):
        outcomes = work.loc[mask & (work["edition"] == edition), "outcome"]
        if len(outcomes):
            counts = {f"{who}{sure}": int((outcomes == f"{who}{sure}").sum())
                      for who in ("first", "second") for sure in ("", " open")}  # fmt: skip
            rows.append(
                {
                    "edition": edition,
                    "needed": name,
                    "cases": len(outcomes),
                    "first": counts["first"] + counts["first open"],
                    "first_sure": counts["first"],
                    "second": counts["second"] + counts["second open"],
                    "second_sure": counts["second"],
                }
            )
    columns = "edition", "needed", "cases", "first", "first_sure", "second", "second_sure"
    return pd.DataFrame(rows, columns=list(columns)).sort_values(
        "edition", kind="stable", ignore_index=True
    )


def leads(outcomes: "pd.Series[str]", names: Sequence[str]) -> str:
    """In how many of the cases that someone wins or ties each chip serves more, in words.

    >>> leads(pd.Series(["first", "first open", "same", "neither"]), ["A", "B"])
    'A serves more in 2 of 3 cases, both serve as much in 1'
    """
    who = outcomes.str.split().str[0]
    held = int((who != "neither").sum())
    if not held:
        return "neither serves any case"
    counts = {
        f"{names[0]} serves more in": (who == "first").sum(),
        f"{names[1]} serves more in": (who == "second").sum(),
        "both serve as much in": (who == "same").sum(),
    }
    told = [f"{words} {count:,}" for words, count in counts.items() if count]
    told[0] += f" of {held:,} case{'s' if held > 1 else ''}"
    return ", ".join(told)


def sureness(outcomes: "pd.Series[str]") -> str:
    """How many of the leads are sure, in words; empty where there is no lead.

    >>> sureness(pd.Series(["first", "first open", "same"]))
    '1 of 2 leads is sure'
    """
    led = outcomes[outcomes.str.startswith(("first", "second"))]
    if led.empty:
        return ""
    sure = int((~led.str.endswith("open")).sum())
    if len(led) == 1:
        return f"the one lead is {'' if sure else 'not '}sure"
    if sure == len(led):
        return f"all {sure:,} leads are sure"
    told = f"{sure:,}" if sure else "none"
    return f"{told} of {len(led):,} leads {'is' if sure == 1 else 'are'} sure"


def turns(work: pd.DataFrame, context_length: float) -> list[str]:
    """Between which batches the lead changes hands at a context, in words, by model."""
    found = []
    for model, rows in work[work["context_length"] == context_length].groupby("model", sort=False):
        who = rows.sort_values("batch_size")
        who = who[who["outcome"].str.startswith(("first", "second"))]
        leader = who["outcome"].str.split().str[0].to_numpy()
        batches = who["batch_size"].to_numpy()
        found += [
            f"between {batches[n]:,.0f} and {batches[n + 1]:,.0f} users for {model}"
            for n in np.flatnonzero(leader[1:] != leader[:-1])
        ]
    return found


def led(read: pd.DataFrame) -> dict[str, str]:
    """In how many cases each chip leads, from the fewest to the most by what is read."""
    found = {}
    for who in ("first", "second"):
        mine = read["outcome"].str.split().str[0] == who
        counts = read["cells"].where(mine, 0).groupby(read["reading"]).sum()
        least, most = int(counts.min()), int(counts.max())
        found[who] = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return found


def cautions(pair: Pair) -> str:
    """What makes times of either chip doubtful, in words; empty where nothing does."""
    found = []
    for chip in dict.fromkeys(pair):
        if cases.keeps_weights_on_chip(chip):
            found.append(
                f"{chip.name} keeps what it holds in SRAM on the die, for which these times are "
                "no forecast."
            )
        if not chip.peak_compute:
            found.append(f"No rate of arithmetic is published for {chip.name}: it is left out.")
        if not (chip.scale_up and chip.scale_up.bandwidth):
            found.append(f"No link is published for {chip.name}: PCIe is assumed.")
    return " ".join(found)
