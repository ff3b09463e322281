"""The what-if panel: a decode step of numbers, and of inputs that a reader chooses on the page."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

import numpy as np

from reportlib.calculations.precision import BYTES_PER_VALUE
from reportlib.cases import what_if
from reportlib.exhibits.expressions import Expression, choose, item, number, quantity, written
from reportlib.exhibits.tables.parts import status
from reportlib.params import Chip, Model, Precision
from reportlib.units import Seconds

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
# Inputs that run in powers of two: their exponents.
BATCHES, CONTEXTS, CHIPS = range(11), range(8, 18), range(7)
SHARES = range(10, 101, 5)  # of peak rates, in per cent
SLOWEST = 0.001  # tokens per second, below which digits say nothing
UNKNOWN = "rate not published"


@dataclass(frozen=True)
class Panel:
    """What a reader chooses from, what is chosen at first, and formulas of all that follows.

    *signals* are in the order in which they need each other; *title*, *texts* and *bars*, from
    start to end, are formulas of them.
    """

    models: Sequence[str]
    chips: Sequence[str]
    precisions: Sequence[str]
    first: Mapping[str, int]
    signals: Mapping[str, str]
    title: Sequence[str]
    texts: Mapping[str, str]
    bars: Mapping[str, tuple[str, str]]


def title(model: Any, chip: Any, precision: Any, setting: what_if.Setting) -> list[Any]:
    """The setting in words, on two lines."""
    several = choose(setting.chips == 1, "", number(setting.chips) + " × ")
    users = number(setting.batch_size) + choose(setting.batch_size == 1, " user", " users")
    share = number(100 * setting.efficiency) + "\N{NO-BREAK SPACE}% of peak rates"
    return [
        model + " in " + precision + " on " + several + chip,
        users + " at " + number(setting.context_length) + " tokens, " + share,
    ]


def texts(of: what_if.Outcome, setting: what_if.Setting) -> dict[str, Any]:
    """Each quantity in words."""
    memory = of.weights_time + of.kv_time
    exchange = choose(setting.chips == 1, "none", quantity(of.exchange_time, "s"))
    of_memory = choose(of.kv_time > of.weights_time, "reading KV caches", "reading weights")
    slower = choose(of.multiply_time > memory, "arithmetic", of_memory)
    apart = of.exchange_time > np.maximum(memory, of.multiply_time)
    fits = choose(of.max_batch_size >= setting.batch_size, ": fits", ": does not fit")
    held = quantity(of.bytes_per_chip, "B") + " of " + quantity(of.usable_bytes_per_chip, "B")
    return {
        "Read weights": quantity(of.weights_time, "s"),
        "Read KV caches": quantity(of.kv_time, "s"),
        "Multiply": _if_known(of.multiply_time, quantity(of.multiply_time, "s")),
        "Exchange": exchange,
        "Step": _if_known(of.step_time, quantity(of.step_time, "s")),
        "Bound by": _if_known(of.step_time, choose(apart, "exchanges between chips", slower)),
        "Each user gets": _speed(of.tokens_per_second_per_user),
        "Each chip yields": _speed(of.tokens_per_second_per_chip),
        "Memory per chip": held + fits,
        "Users that fit": choose(of.max_batch_size < 1, "none", number(of.max_batch_size)),
    }


def _speed(rate: Any) -> Any:
    said = choose(rate < SLOWEST, f"under {SLOWEST}", number(rate))
    return _if_known(rate, said + " tokens/s")


def _if_known(value: Any, said: Any) -> Any:
    return choose(np.isnan(value), UNKNOWN, said)


def bars(of: what_if.Outcome) -> dict[str, tuple[Any, Any]]:
    """Start and end of the parts, arithmetic beside memory and exchanges after, and of all."""
    read = of.weights_time + of.kv_time
    multiplied = choose(np.isnan(of.multiply_time), 0, of.multiply_time)
    slower = np.maximum(read, multiplied)
    return {
        "Read weights": (0, of.weights_time),
        "Read KV caches": (of.weights_time, read),
        "Multiply": (0, multiplied),
        "Exchange": (slower, slower + of.exchange_time),
        "Step": (0, slower + of.exchange_time),
    }


def said(
    model: Model, chip: Chip, precision: Precision, setting: what_if.Setting, latency: Seconds
) -> tuple[list[str], dict[str, str]]:
    """What the panel says of one setting: its title, and its texts by quantity."""
    of = what_if.outcome(model, chip, precision, setting, latency)
    return title(model.name, _marked(chip), precision.upper(), setting), texts(of, setting)


def panel(
    models: Iterable[Model],
    chips: Iterable[Chip],
    *,
    precision: Precision,
    setting: what_if.Setting,
    latency: Seconds,
) -> Panel:
    """A panel of *models* and *chips*, each named once; the first of them are chosen at first."""
    models, chips = list(dict.fromkeys(models)), list(dict.fromkeys(chips))
    which_model, which_chip, which = map(Expression, ("model", "chip", "precision"))
    signals: dict[str, Expression] = {
        "batch_size": Expression("pow(2, log_batch)"),
        "context_length": Expression("pow(2, log_context)"),
        "chips": Expression("pow(2, log_chips)"),
        "efficiency": Expression("(percent / 100)"),
        "bytes_per_weight": item([BYTES_PER_VALUE[p] for p in PRECISIONS], which),
    }
    chosen = _inputs(what_if.Setting)
    weight: Any = Expression("bytes_per_weight")
    signals |= _items([what_if.work(model, chosen) for model in models], which_model)
    rated = {p: _items([what_if.peaks(c, p) for c in chips], which_chip) for p in PRECISIONS}
    signals |= rated[precision]
    signals["peak_compute"] = item([rated[p]["peak_compute"] for p in PRECISIONS], which)
    signals |= _fields(
        what_if.outcome_of(
            _inputs(what_if.Work),
            _inputs(what_if.Peaks),
            chosen,
            bytes_per_weight=weight,
            latency=latency,
        )
    )
    outcome = _inputs(what_if.Outcome)
    names = [each.name for each in models], [_marked(each) for each in chips]
    labels = [p.upper() for p in PRECISIONS]
    words = title(
        item(names[0], which_model), item(names[1], which_chip), item(labels, which), chosen
    )
    told = texts(outcome, chosen)
    return Panel(
        *names,
        precisions=labels,
        first={
            "model": 0,
            "chip": 0,
            "precision": PRECISIONS.index(precision),
            "log_batch": round(math.log2(setting.batch_size)),
            "log_context": round(math.log2(setting.context_length)),
            "log_chips": round(math.log2(setting.chips)),
            "percent": round(100 * setting.efficiency),
        },
        signals={name: written(formula) for name, formula in signals.items()},
        title=[written(line) for line in words],
        texts={name: written(text) for name, text in told.items()},
        bars={name: (written(a), written(b)) for name, (a, b) in bars(outcome).items()},
    )


def start(
    model: Model, chip: Chip, precision: Precision, *, batch_size: int, context_length: int
) -> what_if.Setting:
    """The setting nearest to these on which *model* fits, or the largest, at peak rates."""
    powers = {
        "batch_size": _power(batch_size, BATCHES),
        "context_length": _power(context_length, CONTEXTS),
    }
    tried = [what_if.Setting(**powers, chips=2**n, efficiency=1) for n in CHIPS]
    results = [what_if.outcome(model, chip, precision, each, 0) for each in tried]
    holding = (s for s, of in zip(tried, results, strict=True) if of.max_batch_size >= s.batch_size)
    return next(holding, tried[-1])


def _power(value: float, exponents: range) -> int:
    """Return the power of two nearest to *value* that the panel has."""
    return 2 ** min(max(round(math.log2(value)), exponents[0]), exponents[-1])


def _marked(chip: Chip) -> str:
    """Return the name of *chip*, and that it is announced only if it is."""
    return chip.name if status(chip) in {None, "shipping"} else f"{chip.name} ({status(chip)})"


def _fields(of: Any) -> dict[str, Any]:
    return {field.name: getattr(of, field.name) for field in fields(of)}


def _inputs(kind: Any) -> Any:
    """A record of inputs, each called as its field."""
    return kind(**{field.name: Expression(field.name) for field in fields(kind)})


def _items(records: Sequence[Any], position: Expression) -> dict[str, Expression]:
    """Each field of the record at *position*."""
    columns = [_fields(record) for record in records]
    return {name: item([column[name] for column in columns], position) for name in columns[0]}
