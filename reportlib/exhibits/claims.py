"""The claims of a text, each computed from the records and judged, with what stood when written.

A claim names a measure: a function of its arguments that returns one value, or one for each of
several cases. It is confirmed when the stated value holds in all cases, depends when in some.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from reportlib import cases
from reportlib.calculations import decode
from reportlib.calculations.precision import BYTES_PER_VALUE
from reportlib.cases.outlook import NotModelled, outlooks
from reportlib.cases.ranges import percentiles
from reportlib.exhibits.memory import Kept
from reportlib.exhibits.words import NBSP, count, percent
from reportlib.params import Chip, Claim, Model, Params, ParamsError, Precision, problem
from reportlib.units import Unit, show

BATCH_SIZES: Any = np.array([1, 8, 64, 512])
CONTEXT_LENGTHS: Any = np.array([256, 2048, 16_384, 131_072])
USABLE_SHARE = 0.9
VERDICTS = ("confirmed", "true when written", "depends", "refuted", "not checkable")
COLUMNS = ("id", "statement", "stated", "computed", "verdict", "note", "about")
RECORDS = {  # by argument
    "chip": "chip",
    "chips": "chip",
    "than": "chip",
    "model": "model",
    "models": "model",
}
HOLDS = {
    "about": lambda ours, stated, within: abs(ours / stated - 1) <= within,
    "at least": lambda ours, stated, within: ours >= stated * (1 - within),
    "at most": lambda ours, stated, within: ours <= stated * (1 + within),
}


RecordT = TypeVar("RecordT")


class NotCheckable(LookupError):  # noqa: N818 - an answer, not a fault
    """A claim is about something that the records do not hold."""


@dataclass(frozen=True)
class Arguments:
    """The words of a claim, looked up in the records of a day."""

    params: Params
    words: dict[str, str]

    def chip(self, name: str = "chip") -> Chip:
        """The chip of argument *name*."""
        return self._record(self.params.chips, self.words[name], "chip")

    def chips(self) -> list[Chip]:
        """The chips of argument `chips`."""
        ids = self.words["chips"].split()
        return [self._record(self.params.chips, i, "chip") for i in ids]

    def model(self) -> Model:
        """The model of argument `model`."""
        return self._record(self.params.models, self.words["model"], "model")

    def models(self) -> list[Model]:
        """The models of argument `models`."""
        ids = self.words["models"].split()
        return [self._record(self.params.models, i, "model") for i in ids]

    def precisions(self) -> list[Precision]:
        """The precisions of argument `precisions`, or `precision`."""
        words = self.words.get("precisions") or self.words["precision"]
        return [p for p in cases.WIDER if p in words.split()]

    def count(self, name: str) -> float:
        """The number of argument *name*."""
        return Unit("").parse(self.words[name])

    @staticmethod
    def _record(records: Mapping[str, RecordT], key: str, kind: str) -> RecordT:
        if key not in records:
            msg = f"no {kind} {key} in this edition"
            raise NotCheckable(msg)
        return records[key]


@dataclass(frozen=True)
class Measure:
    """What a claim is about: its unit, and how it is computed."""

    unit: str
    compute: Callable[[Arguments], Any]
    things: str = ""  # what a plain number counts


_bound: Kept[Any] = Kept(size=4)


def _memory_bound_share(of: Arguments) -> Any:
    """Share of models for which memory takes longer than arithmetic, by batch and context."""
    smallest = of.count("smallest")
    models = [m for m in of.params.models.values() if cases.parameters(m).total >= smallest]
    if not models:
        msg = f"no model of {show(smallest)} parameters or more in this edition"
        raise NotCheckable(msg)
    return _bound.of(
        (of.chip(), *models),
        lambda: np.mean([_transport_ratio(of, m, "bf16") > 1 for m in models], axis=0),
    )


def _transport_ratio(of: Arguments, model: Model, precision: Precision) -> Any:
    step = cases.step(
        model,
        of.chip(),
        precision=precision,
        batch_size=BATCH_SIZES[:, None],
        context_length=CONTEXT_LENGTHS,
    )
    return np.ravel(step.transport_ratio)


def _chips_needed(of: Arguments, chip: Chip) -> Any:
    return np.array(
        [
            cases.chips_needed(model, chip, precision=precision, usable_share=USABLE_SHARE)
            for model in of.models()
            for precision in of.precisions()
        ]
    )


def _weight_bytes(of: Arguments) -> Any:
    return cases.weight_bytes(of.model(), of.precisions()[0])


def _bytes_per_token(of: Arguments) -> Any:
    read = cases.parameters(of.model()).read(1)
    return read * BYTES_PER_VALUE[of.precisions()[0]]


def _capacity_ratio(of: Arguments) -> float:
    return of.chip().memory_capacity.value / of.chip("than").memory_capacity.value


def _bandwidth_ratio(of: Arguments) -> float:
    return of.chip().memory_bandwidth.value / of.chip("than").memory_bandwidth.value


_exchanges: Kept[Any] = Kept(size=4)


def _communication_share(of: Arguments) -> Any:
    """Share of a step that exchanges take, where a model fits on no fewer than two chips.

    By numbers of chips of one domain that hold it, batch and context.
    """
    records = (of.words, of.params.engines, of.params.calibration, *of.chips(), *of.models())
    found = _exchanges.of(records, partial(_all_shares, of))
    if not found.size:
        msg = "no such chips of one domain hold a model that one does not"
        raise NotCheckable(msg)
    return found


def _all_shares(of: Arguments) -> Any:
    shares = [
        _shares(of, model, chip, precision)
        for chip, model in itertools.product(of.chips(), of.models())
        for precision in of.precisions()
        if cases.chips_needed(model, chip, precision=precision, usable_share=USABLE_SHARE) > 1
    ]
    return np.concatenate([np.empty(0), *shares])


def _shares(of: Arguments, model: Model, chip: Chip, precision: Precision) -> Any:
    try:
        engine = cases.engine(of.params, of.words["engine"], chip)
    except LookupError as reason:
        raise NotCheckable(str(reason)) from reason
    degrees: Any = np.array(cases.domain_degrees(model, chip), dtype=float)
    case = cases.Case(
        model,
        chip,
        cases.uniform(precision),
        batch_size=BATCH_SIZES[:, None, None],
        context_length=CONTEXT_LENGTHS[:, None],
        longest_context=CONTEXT_LENGTHS[:, None],
        chips=degrees[degrees > 1],
    )
    shares: Any = case.communication_time(engine) / case.decode_time(engine)
    return shares[cases.fits(case)]


_paces: Kept[Any] = Kept(size=4)


def _paces_of_demand(of: Arguments) -> Any:
    """Median of demand over supply in each scenario and year, as a multiple of today's."""
    try:
        scenarios = outlooks(of.params)
    except NotModelled as reason:
        raise NotCheckable(str(reason)) from None
    records = [(o.memory, o.chip, *o.models.values()) for o in scenarios.values()]
    return _paces.of(
        (of.params.supply, of.params.scenarios, *itertools.chain.from_iterable(records)),
        lambda: np.array(
            [
                percentiles(partial(outlook.pace, year), outlook.inputs).mid
                for outlook in scenarios.values()
                for year in range(1, outlook.horizon + 1)
            ]
        ),
    )


def _not_modelled(_: Arguments) -> Any:
    msg = "not modelled in this edition"
    raise NotCheckable(msg)


MEASURES = {
    "memory_capacity": Measure("B", lambda of: of.chip().memory_capacity.value),
    "memory_bandwidth": Measure("B/s", lambda of: of.chip().memory_bandwidth.value),
    "capacity_share": Measure("%", _capacity_ratio),
    "bandwidth_share": Measure("%", _bandwidth_ratio),
    "times_bandwidth": Measure("", _bandwidth_ratio, "times"),
    "times_less_capacity": Measure("", lambda of: 1 / _capacity_ratio(of), "times"),
    "weight_bytes": Measure("B", _weight_bytes),
    "required_bandwidth": Measure(
        "B/s", lambda of: decode.required_bandwidth(_bytes_per_token(of), of.count("speed"))
    ),
    "speed_ceiling": Measure(
        "", lambda of: of.chip().memory_bandwidth.value / _bytes_per_token(of), "tokens/s"
    ),
    "chips_needed": Measure("", lambda of: _chips_needed(of, of.chip()), "chips"),
    "chips_needed_ratio": Measure(
        "", lambda of: _chips_needed(of, of.chip()) / _chips_needed(of, of.chip("than")), "times"
    ),
    "memory_bound_share": Measure("%", _memory_bound_share),
    "transport_ratio": Measure(
        "", lambda of: _transport_ratio(of, of.model(), of.precisions()[0]), "times"
    ),
    "communication_share": Measure("%", _communication_share),
    "pace_of_demand": Measure("", _paces_of_demand, "times"),
    "not_modelled": Measure("", _not_modelled),
}


def check(params: Params, root: Path | None = None) -> None:
    """Raise ParamsError when a claim names no measure, or states its value in another unit.

    *root* is the folder that *params* were read from, by default that of `params.load`.
    """
    problems = []
    ids: set[str] = set()
    for position, claim in enumerate(params.claims.claims):
        place = ("claims", position)
        if claim.id in ids:
            message = f"{claim.id!r} is the id of another claim; give each its own"
            problems.append(problem("claims.yaml", (*place, "id"), message, root))
        ids.add(claim.id)
        if claim.measure not in MEASURES:
            message = f"{claim.measure!r} is not one of {', '.join(MEASURES)}"
            problems.append(problem("claims.yaml", (*place, "measure"), message, root))
            continue
        try:
            _stated(claim)
        except ValueError as error:
            problems.append(problem("claims.yaml", (*place, "stated"), str(error), root))
    if problems:
        raise ParamsError(problems)


def _stated(claim: Claim) -> float:
    return Unit(MEASURES[claim.measure].unit.replace("%", "")).parse(claim.stated)


def table(params: Params) -> pd.DataFrame:
    """Every claim with its stated value, what was computed, the verdict and the reason."""
    rows = [judged(claim, params) for claim in params.claims.claims]
    return pd.DataFrame(rows, columns=list(COLUMNS))


_written: Kept[Params] = Kept(size=2)


def as_written(params: Params) -> Params:
    """Return what was known when the claims were written."""
    day = min(params.claims.as_of, params.report.as_of)
    return _written.of((params,), lambda: params.on(day))


def judged(claim: Claim, params: Params) -> dict[str, str]:
    """Return the row of one claim, by what is known and by what was when it was written."""
    stated = _with(claim.stated, MEASURES[claim.measure].things).replace(" ", NBSP)
    now, held_now = _evaluated(claim, params)
    if isinstance(now, str):
        verdict, computed = "not checkable", now
    else:
        computed = _printed(claim, now)
        if held_now.all():
            verdict = "confirmed"
        elif held_now.any():
            verdict = "depends"
            computed += f"; holds in {held_now.sum()} of {held_now.size} cases"
        else:
            verdict = "refuted"
            then, held_then = _evaluated(claim, as_written(params))
            if not isinstance(then, str) and held_then.all():
                verdict = "true when written"
                computed = f"{_printed(claim, then)} then, {computed} now"
    return {
        "id": claim.id,
        "statement": claim.statement,
        "stated": "" if claim.measure == "not_modelled" else f"{claim.relation} {stated}",
        "computed": computed,
        "verdict": verdict,
        "note": claim.note,
        "about": about(claim),
    }


def about(claim: Claim) -> str:
    """Return the records that a claim names, as "chip mi455x, chip rubin-r200"."""
    named = (
        f"{RECORDS[argument]} {key}"
        for argument, keys in claim.arguments.items()
        if argument in RECORDS
        for key in keys.split()
    )
    return ", ".join(dict.fromkeys(named))


def _evaluated(claim: Claim, params: Params) -> tuple[Any, Any]:
    """Return the values of a claim's cases and whether each holds, or the reason why none."""
    try:
        ours = np.atleast_1d(MEASURES[claim.measure].compute(Arguments(params, claim.arguments)))
    except NotCheckable as reason:
        return str(reason), None
    if np.isnan(ours).any():
        return "a number that it needs is not published", None
    return ours, HOLDS[claim.relation](ours, _stated(claim), claim.within)


def _printed(claim: Claim, values: Any) -> str:
    """Return the least and the greatest of *values*, or the one that there is."""
    unit, things = MEASURES[claim.measure].unit, MEASURES[claim.measure].things

    def text(value: float) -> str:
        if unit == "%":
            return percent(value)
        return show(value, unit) if unit else count(value)

    low, high = text(values.min()), text(values.max())
    return _with(low if low == high else f"{low} to {high}", things)


def _with(number: str, things: str) -> str:
    """Return a number with what it counts: 1 chip, but 1 times."""
    return f"{number} {'chip' if (number, things) == ('1', 'chips') else things}".strip()
