"""Tables of pages: of one chip, of one model, and of two chips side by side.

Speeds are ceilings: bounds at peak rates that no engine beats. They are told of memory beside the
die; memory on the die is read so fast that other waits set the pace.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from reportlib import cases, frames
from reportlib.calculations import capacity, decode, roofline
from reportlib.calculations.precision import BYTES_PER_VALUE
from reportlib.exhibits.tables import contest, memory_bound, reality
from reportlib.exhibits.tables.parts import MARKDOWN, cite, link_bandwidth, number, status
from reportlib.exhibits.words import count, listed, ratio, source
from reportlib.params import Chip, Model, Params, Precision, Reading
from reportlib.units import Count, show

USABLE_SHARE = cases.USABLE_SHARE
MOST_CHIPS = 64  # over which a model is split here
USERS = [1, 4, 16, 64, 256, 1024]  # at a time, on pages of two chips
TOLD_USERS = [1, 64, 1024]  # of these, in a table
PRECISIONS: tuple[Precision, ...] = ("bf16", "fp8", "fp4")  # in which weights are kept
RATES: tuple[Precision, ...] = ("bf16", "fp8", "int8", "fp4")
SHORT, POINTS = 256.0, 16  # tokens of the shortest context of a curve; its points at most
MOST_ROWS = 12  # of measurements
DIGITS, SMALL = 4, 0.1  # digits of rates, and a ratio that is told as a fraction
SEGMENTS = {
    "datacenter": "for data centres",
    "workstation": "for workstations",
    "consumer": "for consumers",
}
WORDS = {
    "peak compute": "dense compute", "scale up": "links", "memory stacks": "stacks",
    "tiers": "further memory", "count": "number", "bf16": "BF16", "fp8": "FP8", "int8": "INT8",
    "fp4": "FP4",
    "kind": "mechanism",
}  # fmt: skip
CEILINGS = (
    "model", "model_link", "chip", "chip_link", "vendor", "status", "on_die", "memory_capacity",
    "memory_bandwidth", "weight_bytes", "chips", "speed", "users", "rate",
)  # fmt: skip
MEASURED = (
    "name", "link", "timed", "engines", "measurements", "least", "median", "most", "cites",
)  # fmt: skip
Records = Literal["chips", "models"]


def printed(numbers: Params, kind: Records, key: str) -> pd.DataFrame:
    """Every number of one record as its source prints it, each before those that it superseded."""
    nothing: dict[str, Any] = {"memory": {}, "supply": None, "scenarios": None}
    alone: dict[str, Any] = {"chips": {}, "models": {}, kind: {key: getattr(numbers, kind)[key]}}
    readings: Any = list(frames.numbers(replace(numbers, **nothing, **alone)).itertuples())
    several = any(".attention.1." in row.quantity for row in readings)
    rows = [
        {
            "quantity": _quantity(row.quantity if several else row.quantity.replace(".0.", ".")),
            "value": _as_printed(row),
            "cite": cite(row),
            "note": plain(row.note) if isinstance(row.note, str) else "",
        }
        for row in readings
    ]
    return pd.DataFrame(rows, columns=["quantity", "value", "cite", "note"])


def _quantity(path: str) -> str:
    """Return the path of a number in its file in words.

    >>> _quantity("peak_compute.bf16"), _quantity("architecture.attention.0.kv_heads")
    ('Dense compute, BF16', 'Attention, 1, kv heads')
    """
    parts = path.removeprefix("architecture.").replace("_", " ").split(".")
    text = ", ".join(f"{int(p) + 1}" if p.isdecimal() else WORDS.get(p, p) for p in parts)
    return text[:1].upper() + text[1:]


def _as_printed(row: Any) -> str:
    """Return a number of `frames.numbers` as printed, of what it is, and until when it stood."""
    text = {"True": "yes", "False": "no"}.get(row.text, row.text)
    about = [row.basis] if row.basis else []
    about += [f"until {row.until}"] if row.until else []
    return plain(text + (f" ({', '.join(about)})" if about else ""))


def plain(text: str) -> str:
    """Return *text* as Markdown that says just that."""
    return MARKDOWN.sub(r"\\\g<0>", text)


def dated(day: Reading[Any]) -> str:
    """Return a day, or a month, with its preposition."""
    return f"{'on' if len(day.text) > len('2026-07') else 'in'} {day.text}"


def dates(chip: Chip) -> str:
    """Since when there is *chip*, and whether it can be had: sentences, as far as it is known."""
    told = [
        f"{word} {dated(day)}{source(day)}"
        for word, day in (("announced", chip.announced), ("first shipped", chip.available))
        if day
    ]
    sentences = [f"It was {listed(told)}."] if told else []
    if chip.status:
        what = {"shipping": "It is shipping", "cancelled": "It was cancelled"}
        words = what.get(chip.status.value, "It is announced, not shipping")
        sentences.append(f"{words}{source(chip.status)}.")
    return " ".join(sentences)


def compared(names: Sequence[str], sizes: Sequence[float], rates: Sequence[float]) -> str:
    """Which of two holds how much more, and which reads how much faster, in words.

    >>> compared(["A", "B"], [80e9, 180e9], [3.35e12, 8e12])
    'B holds 2.25 times as much as A, and reads 2.39 times as fast'
    >>> compared(["A", "B"], [80e9, 80e9], [3.35e12, 2e12])
    'Both hold as much, and A reads 1.68 times as fast as B'
    """
    more, faster = _leader(sizes), _leader(rates)
    holds, reads = "Both hold as much", "both read as fast"
    if more is not None:
        times = ratio(sizes[more] / sizes[1 - more])
        holds = f"{names[more]} holds {times} times as much as {names[1 - more]}"
    if faster is not None:
        reads = f"reads {ratio(rates[faster] / rates[1 - faster])} times as fast"
        if faster != more:
            reads = f"{names[faster]} {reads} as {names[1 - faster]}"
    return f"{holds}, and {reads}"


def _leader(values: Sequence[float]) -> int | None:
    """Return the place of the larger of two values, or nothing if they are the same."""
    if abs(values[0] / values[1] - 1) < contest.SAME:
        return None
    return int(values[1] > values[0])


def cautions(chips: Iterable[Chip]) -> str:
    """What makes a comparison of *chips* doubtful, in words; empty where nothing does."""
    found = []
    for chip in chips:
        if cases.keeps_weights_on_chip(chip):
            found.append(f"{chip.name} keeps its memory on the die.")
        if not chip.peak_compute:
            found.append(f"No dense rate of arithmetic of {chip.name} is known: only reads count.")
        if status(chip) == "announced":
            found.append(f"{chip.name} is announced, not shipping.")
    return " ".join(found)


def links(records: Mapping[str, Chip | Model], folder: str) -> dict[str, str]:
    """A link to the page of each record, by its name."""
    return {of.name: f"[{of.name}](../{folder}/{key}.html)" for key, of in records.items()}


def comparisons(numbers: Params, key: str) -> list[str]:
    """Links to the pages of the chip *key* beside each of the headline, if it is one itself."""
    cast = numbers.headline_chips()
    pairs = {other: sorted((key, other)) for other in cast if key in cast and other != key}
    return [f"[{cast[o].name}](../compare/{a}-vs-{b}.html)" for o, (a, b) in pairs.items()]


def ceilings(
    models: Mapping[str, Model],
    chips: Mapping[str, Chip],
    *,
    precision: Precision,
    context_length: Count,
) -> pd.DataFrame:
    """Fewest chips that hold each model and a context, and what they can write at most.

    ``chips`` is NaN where MOST_CHIPS do not hold it; of the numbers over which engines split all
    heads. ``speed`` is of one user, ``rate`` of a chip with as many ``users`` as memory holds.
    """
    to_model, to_chip = links(models, "models"), links(chips, "chips")
    rows = []
    for model, chip in itertools.product(models.values(), chips.values()):
        case = cases.Case(
            model,
            chip,
            cases.uniform(precision),
            context_length=context_length,
            longest_context=context_length,
        )
        degree = cases.smallest_chips(case, cases.allowed_degrees(model, MOST_CHIPS))
        split = replace(case, chips=degree)
        users = float(split.max_batch_size)
        full = replace(split, batch_size=users)
        on_die = cases.keeps_weights_on_chip(chip)
        rows.append(
            {
                "model": model.name,
                "model_link": to_model[model.name],
                "chip": chip.name,
                "chip_link": to_chip[chip.name],
                "vendor": chip.vendor,
                "status": status(chip),
                "on_die": on_die,
                "memory_capacity": chip.memory_capacity.value,
                "memory_bandwidth": chip.memory_bandwidth.value,
                "weight_bytes": float(case.weight_bytes),
                "chips": float(degree),
                "speed": np.nan if on_die else float(1 / split.decode_floor),
                "users": users,
                "rate": np.nan if on_die else users / float(full.decode_floor) / degree,
            }
        )
    return pd.DataFrame(rows, columns=list(CEILINGS))


def rated(chip: Chip, wanted: Precision) -> Precision | None:
    """Return *wanted* if *chip* has a rate for it, else the first precision of which it has one."""
    if not np.isnan(cases.peak_compute(chip, wanted)):
        return wanted
    return next((precision for precision in RATES if precision in chip.peak_compute), None)


def work(
    models: Iterable[Model],
    chip: Chip,
    *,
    precision: Precision,
    context_length: int,
    users: int,
) -> pd.DataFrame:
    """Arithmetic intensity of decoding for one user and for many, and of prefill, by model."""
    tables = []
    for model in models:
        points = memory_bound.roofline_points(
            model,
            chip,
            precision=precision,
            context_length=context_length,
            batch_sizes=[1, users],
        )
        points = points[points["kind"] != "attention"].assign(model=model.name)
        works = ["decoding for 1 user", f"decoding for {users:,} users", "prefill"]
        tables.append(points.assign(work=works))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(
        peak_share=table["attainable_compute"] / cases.peak_compute(chip, precision)
    )


def roof(chip: Chip, points: pd.DataFrame, precision: Precision) -> pd.DataFrame:
    """Height of *chip*'s roof: from left of all *points* by its ridge to right of them."""
    bandwidth, peak = chip.memory_bandwidth.value, cases.peak_compute(chip, precision)
    ridge = float(roofline.ridge_point(peak, bandwidth))
    reach = [*points["arithmetic_intensity"], ridge]
    intensity: Any = np.array([min(reach) / 2, ridge, max(reach) * 2])
    height = roofline.attainable_compute(
        arithmetic_intensity=intensity, peak_compute=peak, memory_bandwidth=bandwidth
    )
    return pd.DataFrame({"arithmetic_intensity": intensity, "attainable_compute": height})


def peers(numbers: Params, key: str) -> pd.DataFrame:
    """The chip *key* and all that are sold to the same and keep their memory at a like place.

    In the order of how near they are to it in capacity and bandwidth: itself first.
    """
    chip = numbers.chips[key]
    rows = [
        {
            "id": other,
            "chip": of.name,
            "vendor": of.vendor,
            "status": status(of),
            "memory_capacity": of.memory_capacity.value,
            "memory_bandwidth": of.memory_bandwidth.value,
            "memory_sweep_time": capacity.memory_sweep_time(
                of.memory_capacity.value, of.memory_bandwidth.value
            ),
            "distance": float(
                np.hypot(
                    np.log(of.memory_capacity.value / chip.memory_capacity.value),
                    np.log(of.memory_bandwidth.value / chip.memory_bandwidth.value),
                )
            ),
            "other": other != key,
        }
        for other, of in numbers.chips.items()
        if group(of) == group(chip)
    ]
    return pd.DataFrame(rows).sort_values(["other", "distance", "chip"], ignore_index=True)


def group(chip: Chip) -> str:
    """Which chips are like *chip*, in words."""
    place = "on the die" if cases.keeps_weights_on_chip(chip) else "beside the die"
    return f"{SEGMENTS[chip.segment]} with memory {place}"


def standing(among: pd.DataFrame, quantity: str, words: tuple[str, str, str]) -> str:
    """How the first of *among* stands to the others in a quantity, in words; ties are told.

    >>> of = pd.DataFrame({"memory_capacity": [80.0, 80.2, 40.0, 16.0, 141.0]})
    >>> standing(of, "memory_capacity", ("more than", "as much as", "less than"))
    'more than 2 others, as much as 1 and less than 1'
    """
    own, others = among[quantity].iloc[0], among[quantity].iloc[1:]
    same = np.isclose(others, own, rtol=contest.SAME)
    numbers = (others < own) & ~same, same, (others > own) & ~same
    told = [f"{word} {sum(held):,}" for word, held in zip(words, numbers, strict=True) if sum(held)]
    if told:
        told[0] += " other" if told[0].endswith(" 1") else " others"
    return listed(told)


def measured(numbers: Params, kind: Records, key: str) -> pd.DataFrame:
    """What was measured of a record beside its ceiling: by the other record and what was timed.

    Shares are those of the ceiling that were reached. Most measurements first.
    """
    of, other = ("chip", "model") if kind == "chips" else ("model", "chip")
    rows = tuple(row for row in numbers.measurements if getattr(row, of) == key)
    compared = reality.comparisons(replace(numbers, measurements=rows))
    others: Mapping[str, Any] = numbers.models if kind == "chips" else numbers.chips
    to = links(others, f"{other}s")
    found = [
        {
            "name": name,
            "link": to[str(name)],
            "timed": timed,
            "engines": "; ".join(sorted(set(runs["engine_class"]))),
            "measurements": len(runs),
            "least": runs["share"].min(),
            "median": runs["share"].median(),
            "most": runs["share"].max(),
            "cites": f"[{'; '.join(f'@{source}' for source in sorted(set(runs['source'])))}]",
        }
        for (name, timed), runs in compared.groupby([other, "timed"])
    ]
    table = pd.DataFrame(found, columns=list(MEASURED))
    order = ["measurements", "name", "timed"]
    return table.sort_values(order, ascending=[False, True, True], ignore_index=True)


def weights(model: Model, speed: Count) -> pd.DataFrame:
    """What *model* stores and reads by precision, and what it takes to write at a *speed*.

    For one user, without caches.
    """
    rows = []
    for precision in PRECISIONS:
        read = cases.parameters(model).read(1) * BYTES_PER_VALUE[precision]
        rows.append(
            {
                "precision": precision.upper(),
                "weight_bytes": cases.weight_bytes(model, precision),
                "bytes_per_token": read,
                "required_bandwidth": decode.required_bandwidth(read, speed),
            }
        )
    return pd.DataFrame(rows)


def caches(models: Mapping[str, Model]) -> pd.DataFrame:
    """KV cache of one sequence by context, of each model up to the longest that it takes."""
    rows = []
    for model in models.values():
        last = model.architecture.context_length
        contexts: Any = last / 2.0 ** np.arange(POINTS)[::-1]
        contexts = contexts[contexts >= min(SHORT, last)]
        sizes = np.broadcast_to(cases.kv_cache_bytes(model, contexts), contexts.shape)
        rows += [
            {"model": model.name, "context_length": context, "kv_cache_bytes": size}
            for context, size in zip(contexts, sizes, strict=True)
        ]
    return pd.DataFrame(rows)


def beside(first: Chip, second: Chip) -> pd.DataFrame:
    """Two chips quantity by quantity, as text, with the ratio of the first to the second."""
    both = first, second
    rows = [
        _words("Status", [chip.status for chip in both]),
        _words("Announced", [chip.announced for chip in both]),
        {
            "quantity": "Memory",
            "first": first.memory_kind,
            "second": second.memory_kind,
            "ratio": "",
        },
        _row("Capacity", "B", [chip.memory_capacity for chip in both]),
        _row("Bandwidth", "B/s", [chip.memory_bandwidth for chip in both]),
        _computed("Time to read all memory", "s", [_sweep_time(chip) for chip in both]),
        *(
            _row(
                f"Dense {name.upper()}",
                "OP/s" if name == "int8" else "FLOP/s",
                [chip.peak_compute.get(name) for chip in both],
            )
            for name in RATES
        ),
        _computed(
            "Links, one way",
            "B/s",
            [link_bandwidth(chip) for chip in both],
            [cite(chip.scale_up and chip.scale_up.bandwidth) for chip in both],
        ),
        _row("Linked chips", "", [chip.scale_up and chip.scale_up.domain_size for chip in both]),
        _row("Power", "W", [chip.power for chip in both]),
        _computed("Bandwidth per watt", "B/s", [_per(chip, chip.power) for chip in both]),
        *_prices(both),
    ]
    return pd.DataFrame([row for row in rows if row["first"] or row["second"]])


def _row(name: str, unit: str, readings: Sequence[Any]) -> dict[str, Any]:
    values, cites = [number(reading) for reading in readings], [cite(r) for r in readings]
    return _computed(name, unit, values, cites)


def _words(name: str, readings: Sequence[Any]) -> dict[str, Any]:
    first, second = (f"{reading.text}{cite(reading)}" if reading else "" for reading in readings)
    return {"quantity": name, "first": first, "second": second, "ratio": ""}


def _computed(
    name: str, unit: str, values: Sequence[float], cites: Sequence[str] = ("", "")
) -> dict[str, Any]:
    shown = [
        "" if np.isnan(value) else (show(value, unit, DIGITS) if unit else count(value)) + cited
        for value, cited in zip(values, cites, strict=True)
    ]
    return {
        "quantity": name,
        "first": shown[0],
        "second": shown[1],
        "ratio": _over(values[0] / values[1]),
    }


def _over(quotient: float) -> str:
    """Return a ratio, small ones as fractions.

    >>> _over(2.25), _over(1 / 6269)
    ('2.25', '1/6,269')
    """
    if np.isnan(quotient):
        return ""
    return ratio(quotient) if quotient > SMALL else f"1/{ratio(1 / quotient)}"


def _prices(both: tuple[Chip, Chip]) -> list[dict[str, Any]]:
    """Return prices, and what they buy; compared where they are of the same kind."""
    values = [number(chip.price) for chip in both]
    told = [f" ({chip.price.basis}){cite(chip.price)}" if chip.price else "" for chip in both]
    row = _computed("Price", "USD", values, told)
    if len({chip.price.basis for chip in both if chip.price}) > 1:
        return [row | {"ratio": ""}]
    return [
        row,
        _computed("Bandwidth per dollar", "B/s", [_per(chip, chip.price) for chip in both]),
    ]


def _sweep_time(chip: Chip) -> float:
    return float(
        capacity.memory_sweep_time(chip.memory_capacity.value, chip.memory_bandwidth.value)
    )


def _per(chip: Chip, reading: Any) -> float:
    return chip.memory_bandwidth.value / number(reading)


def cast(numbers: Params) -> dict[str, Model]:
    """The models that pages are told with: those of the headline, or else the first."""
    return numbers.headline_models() or dict(itertools.islice(numbers.shown_models().items(), 1))


def contested(numbers: Params, held: pd.DataFrame) -> list[Model]:
    """The models of the cast; the last gives way to the largest that one chip holds, if none is.

    *held* is that of `ceilings`, of two chips and all models.
    """
    models = list(cast(numbers).values())
    alone = held[held["chips"] == 1].sort_values(["weight_bytes", "model"])
    if alone.empty or {model.name for model in models} & set(alone["model"]):
        return models
    largest = alone["model"].iloc[-1]
    found = next(model for model in numbers.models.values() if model.name == largest)
    return [*models[:-1], found] if len(models) > 1 else [*models, found]


def alone(held: pd.DataFrame, chip: str) -> list[str]:
    """Links to the models that one *chip* holds, the largest first."""
    fitting = held[(held["chip"] == chip) & (held["chips"] == 1)]
    ordered = fitting.sort_values(["weight_bytes", "model"], ascending=[False, True])
    return list(ordered["model_link"])


def duel(
    models: Iterable[Model],
    pair: contest.Pair,
    by: contest.Clock,
    *,
    precision: Precision,
    context_length: int,
) -> pd.DataFrame:
    """The contest of two chips at one context, for USERS at a time."""
    rules = contest.Rules(precision, USERS, [context_length])
    return contest.same_work(models, {"now": pair}, by, rules)


def rates(met: pd.DataFrame, pair: contest.Pair) -> pd.DataFrame:
    """Output tokens per second and chip of both chips, where they hold the work: long."""
    sides = []
    for side, chip in zip(("first", "second"), pair, strict=True):
        rows = met[met[f"{side}_chips"] > 0]
        sides.append(
            pd.DataFrame(
                {
                    "model": rows["model"],
                    "chip": chip.name,
                    "vendor": chip.vendor,
                    "status": status(chip),
                    "users": rows["batch_size"],
                    "rate": rows[f"{side}_rate"],
                    "chips": rows[f"{side}_chips"],
                }
            )
        )
    return pd.concat(sides, ignore_index=True)


def verdicts(met: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Who serves more per chip in a contest for some numbers of users, in words."""
    rows = []
    for row in met[met["batch_size"].isin(TOLD_USERS)].to_dict("records"):
        who, *doubt = row["outcome"].split()
        held = row["first_chips"] > 0, row["second_chips"] > 0
        leader = {"same": "as much", "neither": "neither holds it"}.get(who)
        if leader is None:
            leader = names[0] if who == "first" else names[1]
            leader += (", not sure" if doubt else "") if all(held) else ", which alone holds it"
        rows.append(
            {
                "model": row["model"],
                "users": row["batch_size"],
                "first": _served(row["first_rate"], row["first_chips"]),
                "second": _served(row["second_rate"], row["second_chips"]),
                "ratio": _over(row["ratio"]) if all(held) else "",
                "leader": leader,
            }
        )
    return pd.DataFrame(rows)


def _served(rate: float, chips: float) -> str:
    return f"{count(rate)} ({chips:,.0f})" if chips else ""


def prepare(numbers: Params) -> None:
    """Find out what all pages of two chips share: once, in a process that theirs are forked from.

    It is kept, and found where `params.load` gives these very *numbers* again.
    """
    contest.measured_pairs(numbers, contest.FLOOR)
