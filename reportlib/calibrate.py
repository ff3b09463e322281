"""Fits the constants of engines to clean measurements, and tells how well they predict others.

Each class of engines is fitted by itself: least squares of the logarithm of measured over
expected time, with residuals beyond a tenth counting less than by their square, each chip and
model of a source about once, and each constant held near what such constants usually are (a
prior) where measurements do not tell. `spread_…` is the factor within which four fifths of
measurements lie of times that are expected with their chip left out of the fit, and with their
source left out; classes with few measurements borrow from all others.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reportlib.cases.engines import (
    PERCENTILE,
    REGIMES,
    SPREAD,
    Constants,
    engine_class,
    expected_prefill_time,
    expected_step_time,
)
from reportlib.cases.measured import Observation, observations
from reportlib.params import Params
from reportlib.params.engines import Constant, HeldOut
from reportlib.params.readings import Record

Floats = NDArray[np.float64]

# What such constants are elsewhere, and the standard deviation of their logarithm: fits to an
# operator database [@aiconfigurator-collectives] with room for whole engines.
PRIORS: Mapping[str, tuple[float, float]] = {
    "weight_efficiency": (0.82, 0.12),
    "quantized_efficiency": (0.95, 0.08),
    "expert_efficiency": (0.85, 0.2),
    "kv_efficiency": (0.75, 0.3),
    "compute_efficiency": (0.5, 0.4),
    "prefill_efficiency": (0.45, 0.4),
    "expert_prefill_efficiency": (0.5, 0.5),
    "layer_time": (60e-6, 0.8),
    "expert_layer_time": (30e-6, 1.2),
    "routing_skew": (0.5, 0.5),
    "collective_latency": (10e-6, 0.4),
    "host_time": (5e-6, 0.3),
}
HOST_BOUND = {"host_time": (400e-6, 0.8)}  # where the host launches each kernel
OUTLYING = 0.1  # of a logarithm: residuals beyond count less
SHARES = {name for name in PRIORS if name.endswith("_efficiency")}
BORROWED = 8  # measurements of other classes that count in a spread
UNTOLD = 0.95  # of its prior's deviation: a constant with more was not told by measurements
NORMAL_P90 = 1.2816  # standard deviations from the median to P90


@dataclass(frozen=True)
class Sample:
    """Observations of one kind as arrays: arguments of a formula, and measured times."""

    arguments: Mapping[str, Floats]
    time: Floats
    weight: Floats
    expected: Callable[..., Any]

    def residuals(self, logarithms: Floats) -> Floats:
        """Logarithm of expected over measured times."""
        ratio = self.expected(_constants(logarithms), **self.arguments) / self.time
        return np.log(np.asarray(ratio, dtype=float))


def _constants(logarithms: Floats) -> Constants:
    values = dict(zip(PRIORS, np.exp(logarithms), strict=True))
    return Constants(**{k: min(v, 1.0) if k in SHARES else v for k, v in values.items()})


def _work(seen: Observation) -> dict[str, Any]:
    match seen.timed:
        case "step":
            return seen.case.step
        case "prefill":
            return seen.case.prompts
        case _:
            prompts = {f"prompt {k}": v for k, v in seen.case.prompts.items()}
            return {**prompts, **seen.case.step, "steps": seen.output_length}


def _expected_request_time(reached: Constants, *, steps: Floats, **work: Any) -> Floats:
    prompts = {k.removeprefix("prompt "): v for k, v in work.items() if k.startswith("prompt ")}
    step = {k: v for k, v in work.items() if not k.startswith("prompt ")}
    return expected_prefill_time(reached, **prompts) + steps * expected_step_time(reached, **step)


EXPECTED: Mapping[str, Callable[..., Any]] = {
    "step": expected_step_time,
    "prefill": expected_prefill_time,
    "request": _expected_request_time,
}


def _sample(seen: Sequence[Observation], timed: str) -> Sample | None:
    rows = [of for of in seen if of.timed == timed]
    works = [_work(of) for of in rows]
    known = [n for n, work in enumerate(works) if not np.isnan(list(work.values())).any()]
    if not known:
        return None
    alike = [(r.row.source, r.row.chip, r.row.model) for r in rows]
    weight = np.array([alike.count(alike[n]) ** -0.25 for n in known])
    return Sample(
        arguments={name: np.array([float(works[n][name]) for n in known]) for name in works[0]},
        time=np.array([rows[n].time for n in known]),
        weight=weight,
        expected=EXPECTED[timed],
    )


def fit(seen: Sequence[Observation], *, host_bound: bool = False) -> tuple[Constants, Floats]:
    """Return the constants that suit *seen* best, and the standard deviations of logarithms.

    Prompts tell of the efficiencies of prefill alone, decode steps of all others, requests of both.
    """
    from scipy.optimize import least_squares

    priors = _priors(host_bound=host_bound)
    middle = np.log([median for median, _ in priors.values()])
    width = np.array([deviation for _, deviation in priors.values()])
    found, deviation = middle.copy(), width.copy()
    of_prefill = np.array(["prefill" in name for name in priors])
    stages = ((("prefill", "request"), of_prefill), (("step", "request"), ~of_prefill))
    for kinds, free in (stages[1], stages[0], stages[1]):
        samples = [s for s in (_sample(seen, timed) for timed in kinds) if s]
        if not samples:
            continue

        def misfit(
            some: Floats, samples: list[Sample] = samples, free: NDArray[np.bool_] = free
        ) -> Floats:
            all_ = found.copy()
            all_[free] = some
            parts = [(some - middle[free]) / width[free]]
            for sample in samples:
                far = sample.residuals(all_) / OUTLYING
                parts.append(sample.weight * np.sign(far) * np.sqrt(2 * (np.hypot(1, far) - 1)))
            return np.concatenate(parts)

        best = least_squares(misfit, found[free])
        found[free] = best.x
        deviation[free] = np.sqrt(np.diag(np.linalg.inv(best.jac.T @ best.jac)))
    return _constants(found), deviation


@dataclass(frozen=True)
class LeftOut:
    """An observation, and the time expected of it by constants that were fitted without it."""

    seen: Observation
    without_chip: float
    without_source: float

    @property
    def distances(self) -> tuple[float, float]:
        """Logarithms of measured over expected times, without signs."""
        expected = np.array([self.without_chip, self.without_source])
        chip, source = np.abs(np.log(self.seen.time / expected))
        return float(chip), float(source)


def members(params: Params) -> dict[str, list[Observation]]:
    """The observations of each class of engines, with those of classes that it pools."""
    if params.engines is None:
        return {}
    of_class: dict[str, list[Observation]] = {key: [] for key in params.engines.classes}
    clean = [seen for seen in observations(params) if seen.timed in EXPECTED]
    for seen in clean:
        of_class[engine_class(params.engines, seen.row.engine, seen.case.chip)[0]].append(seen)
    pooled = {
        key: [*of_class[key], *(seen for other in about.pools for seen in of_class[other])]
        for key, about in params.engines.classes.items()
    }
    return {**pooled, params.engines.default: clean}


def leave_out(seen: Sequence[Observation], *, host_bound: bool) -> list[LeftOut]:
    """Expect each decode step by a fit without its chip, and by one without its source."""
    expected: dict[str, dict[str, float]] = {"chip": {}, "source": {}}
    for field, times in expected.items():
        for left_out in sorted({getattr(of.row, field) for of in seen}):
            rest = [of for of in seen if getattr(of.row, field) != left_out]
            constants, _ = fit(rest, host_bound=host_bound)
            for of in seen:
                if getattr(of.row, field) == left_out and of.timed == "step":
                    time = expected_step_time(constants, **of.case.step)
                    times[of.row.id] = float(time)
    return [
        LeftOut(of, expected["chip"][of.row.id], expected["source"][of.row.id])
        for of in seen
        if of.timed == "step"
    ]


def spread(of_class: Sequence[LeftOut], of_all: Sequence[LeftOut]) -> float:
    """Factor that four fifths of measurements lie within, a few of all classes among them."""

    def most(some: Sequence[LeftOut]) -> float:
        distances = [d for of in some for d in of.distances]
        return float(np.quantile(distances, PERCENTILE)) if distances else 0.0

    count = len(of_class)
    return float(np.exp((count * most(of_class) + BORROWED * most(of_all)) / (count + BORROWED)))


def calibration(params: Params) -> tuple[list[Constant], list[HeldOut]]:
    """Fit all classes, and return their constants and what was expected of rows left out."""
    if params.engines is None:
        return [], []
    about = params.engines.classes
    classes = members(params)
    left_out = {
        key: leave_out(seen, host_bound=about[key].host_bound) for key, seen in classes.items()
    }
    single = [key for key in classes if key != params.engines.default and not about[key].pools]
    everything = [of for key in single for of in left_out[key]]
    constants: list[Constant] = []
    for key, seen in classes.items():
        found, deviation = fit(seen, host_bound=about[key].host_bound)
        constants += _lines(key, found, deviation, seen, _priors(host_bound=about[key].host_bound))
        for regime in REGIMES:
            rows = [of for of in left_out[key] if of.seen.case.regime == regime]
            others = [of for of in everything if of.seen.case.regime == regime]
            factor = spread(rows, others)
            name = SPREAD + regime
            constants.append(_line(key, name, (factor, factor, factor), len(rows)))
    lines = [_held_out(key, of) for key in single for of in left_out[key]]
    return constants, sorted(lines, key=lambda line: line.measurement)


def _held_out(key: str, of: LeftOut) -> HeldOut:
    chip, source = (float(f"{time * 1e3:.4g}") for time in (of.without_chip, of.without_source))
    return HeldOut(
        measurement=of.seen.row.id,
        engine_class=key,
        without_chip=chip,
        without_source=source,
        unit="ms",
    )


def _priors(*, host_bound: bool) -> Mapping[str, tuple[float, float]]:
    return {**PRIORS, **(HOST_BOUND if host_bound else {})}


def _lines(
    key: str,
    found: Constants,
    deviation: Floats,
    seen: Sequence[Observation],
    priors: Mapping[str, tuple[float, float]],
) -> Iterator[Constant]:
    for field, sigma in zip(fields(found), deviation, strict=True):
        value, band = getattr(found, field.name), float(np.exp(NORMAL_P90 * sigma))
        timed = "prefill" if "prefill" in field.name else "step"
        rows = sum(of.timed in {timed, "request"} for of in seen)
        high = value * band
        if field.name in SHARES:
            high = min(high, 1.0)
        told = sigma < UNTOLD * priors[field.name][1]
        yield _line(key, field.name, (value, value / band, high), rows if told else 0)


def _line(key: str, quantity: str, numbers: tuple[float, float, float], rows: int) -> Constant:
    """Return a line of calibration.csv, three digits to a number."""
    scale = 1e6 if quantity.endswith(("_time", "_latency")) else 1.0
    value, low, high = (float(f"{number * scale:.3g}") for number in numbers)
    return Constant(
        engine_class=key,
        quantity=quantity,
        value=value,
        low=low,
        high=high,
        unit="" if scale == 1 else "µs",
        rows=rows or None,
    )


def write(params: Params, root: Path) -> None:
    """Write calibration.csv and held_out.csv of *root*; what is not known is an empty cell."""
    constants, left_out = calibration(params)
    tables: dict[str, Sequence[Record]] = {"calibration.csv": constants, "held_out.csv": left_out}
    for name, rows in tables.items():
        with (root / name).open("w", newline="", encoding="utf-8") as file:
            out = csv.DictWriter(file, list(type(rows[0]).model_fields), lineterminator="\n")
            out.writeheader()
            for row in rows:
                out.writerow({k: f"{v:g}" if isinstance(v, float) else v for k, v in row})
