"""Fits find constants that are there, give those of params again, and predict what they never saw.

The accuracy that is promised is that of `held_out.csv`: times expected of measurements whose chip,
or whose source, was left out of the fit.
"""

from collections.abc import Iterable
from dataclasses import asdict, replace

import numpy as np
import pytest

from reportlib import params
from reportlib.cases.engines import REGIMES, Constants, engine, engine_class
from reportlib.cases.measured import Observation, observation, observations

PARAMS = params.load(params.DEFAULT_ROOT)
SEEN = {seen.row.id: seen for seen in observations(PARAMS)}
CLASSES = PARAMS.engines.classes
TOLERANCE = 0.02  # of a constant that is fitted anew, three digits of which are kept


@pytest.fixture(scope="module")
def calibrate():
    pytest.importorskip("scipy", reason="scipy is for development: fits need it")
    from reportlib import calibrate

    return calibrate


@pytest.fixture(scope="module")
def members(calibrate):
    """The observations of each class of engines."""
    return calibrate.members(PARAMS)


# What is measured


def test_no_measurement_is_above_its_bound():
    """Whatever has been published: where one is, the bound is wrong, or its row is suspect."""
    above = {key: seen.floor / seen.time for key, seen in SEEN.items() if seen.floor > seen.time}

    assert above == {}
    assert len(SEEN) > 1100


def test_some_measurements_come_near_their_bound():
    nearest = sorted((seen.floor / seen.time for seen in SEEN.values()), reverse=True)

    assert nearest[10] > 0.85  # bounds are not loose


@pytest.mark.parametrize("kind", ["step", "prefill", "request", "throughput"])
def test_every_kind_of_measurement_is_compared(kind):
    of_kind = [seen for seen in SEEN.values() if seen.timed == kind]

    assert len(of_kind) > 50
    assert all(0 < seen.time < 1e4 for seen in of_kind)


def test_each_measurement_is_compared_or_says_why_not():
    for row in PARAMS.mapped_measurements():
        found = observation(PARAMS, row)
        assert isinstance(found, Observation) == (row.id in SEEN), row.id
        assert isinstance(found, Observation) or found.strip(), row.id


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("quality", "suspect", "quality: suspect"),
        ("quality", "exclude", "quality: exclude"),
        ("speculative_decoding", "yes", "speculative decoding: yes"),
        ("speculative_decoding", "unknown", "speculative decoding: unknown"),
    ],
)
def test_a_doubtful_measurement_is_left_out(field, value, why):
    row = next(iter(SEEN.values())).row.model_copy(update={field: value})

    assert observation(PARAMS, row) == why


# Fits


@pytest.mark.parametrize("identifier", ["llama-cpp-cuda-2024", "neuron", "mlx"])
def test_a_class_that_is_fitted_anew_has_the_constants_of_params(calibrate, members, identifier):
    found, _ = calibrate.fit(members[identifier], host_bound=CLASSES[identifier].host_bound)
    stored = {r.quantity: r.value * r.scale for r in PARAMS.calibration
              if r.engine_class == identifier}  # fmt: skip

    for name, value in asdict(found).items():
        assert value == pytest.approx(stored[name], rel=TOLERANCE), name


@pytest.mark.parametrize(("identifier", "seen"), [("mlx", "step"), ("launch-bound", "step")])
def test_all_decode_steps_of_a_class_have_been_left_out_once(members, identifier, seen):
    steps = {of.row.id for of in members[identifier] if of.timed == seen}

    assert {r.measurement for r in PARAMS.held_out if r.engine_class == identifier} == steps


def test_what_is_left_out_anew_is_that_of_params(calibrate, members):
    stored = {r.measurement: (r.without_chip, r.without_source) for r in PARAMS.held_out}

    left_out = calibrate.leave_out(members["llama-cpp-metal-2024"], host_bound=False)

    assert len(left_out) > 10
    for of in left_out:
        expected = (of.without_chip * 1e3, of.without_source * 1e3)
        assert expected == pytest.approx(stored[of.seen.row.id], rel=TOLERANCE)


KNOWN = Constants(
    weight_efficiency=0.7,
    quantized_efficiency=0.9,
    expert_efficiency=0.85,
    kv_efficiency=0.6,
    compute_efficiency=0.5,
    prefill_efficiency=0.3,
    expert_prefill_efficiency=0.5,
    layer_time=120e-6,
    expert_layer_time=30e-6,
    routing_skew=0.5,
    collective_latency=10e-6,
    host_time=5e-6,
)


def as_if(seen: Iterable[Observation], reached: Constants) -> list[Observation]:
    """Return *seen* as an engine of such constants would have been timed."""
    found = engine(PARAMS, None, PARAMS.chips["h100-sxm5"])
    known = replace(found, constants=reached)
    return [replace(of, time=float(of.expected(known))) for of in seen]


def test_constants_that_made_the_measurements_are_found(calibrate, members):
    seen = as_if(members["llama-cpp-cuda-2024"], KNOWN)

    found, deviation = calibrate.fit(seen)

    again = [of.time for of in as_if(seen, found)]
    assert again == pytest.approx([of.time for of in seen], rel=0.05)  # priors pull a little
    for name in ("weight_efficiency", "layer_time", "prefill_efficiency"):
        assert getattr(found, name) == pytest.approx(getattr(KNOWN, name), rel=0.1), name
    assert (deviation > 0).all()


def test_one_wild_measurement_hardly_moves_a_fit(calibrate, members):
    seen = as_if(members["llama-cpp-cuda-2024"], KNOWN)
    wild = [replace(seen[0], time=seen[0].time * 10), *seen[1:]]

    before, after = (calibrate.fit(some)[0].weight_efficiency for some in (seen, wild))

    assert after == pytest.approx(before, rel=0.05)


def test_without_measurements_constants_are_those_that_are_usual(calibrate):
    found, deviation = calibrate.fit([])

    usual = {name: median for name, (median, _) in calibrate.PRIORS.items()}
    assert asdict(found) == pytest.approx(usual)
    assert list(deviation) == [width for _, width in calibrate.PRIORS.values()]


def test_a_measurement_that_is_left_out_does_not_tell_of_itself(calibrate, members):
    """However wrong it is, its own expected time stays; those of other chips move."""
    seen = members["llama-cpp-metal-2024"]
    first = next(n for n, of in enumerate(seen) if of.timed == "step")
    wrong = [*seen[:first], replace(seen[first], time=seen[first].time * 3), *seen[first + 1 :]]

    before, after = (calibrate.leave_out(some, host_bound=False) for some in (seen, wrong))

    for old, new in zip(before, after, strict=True):
        same_chip = old.seen.row.chip == seen[first].row.chip
        assert (new.without_chip == old.without_chip) == same_chip
        assert new.without_source == old.without_source  # all are of one source
    assert len({of.row.chip for of in seen}) > 1


@pytest.mark.parametrize("identifier", CLASSES)
def test_a_class_is_fitted_to_its_own_measurements_and_those_that_it_pools(members, identifier):
    own = {identifier, *CLASSES[identifier].pools}
    found = {
        engine_class(PARAMS.engines, of.row.engine, of.case.chip)[0] for of in members[identifier]
    }

    assert members[identifier]
    assert found <= (set(CLASSES) if identifier == PARAMS.engines.default else own)


# How accurate it is


LEFT_OUT = [(SEEN[line.measurement], line) for line in PARAMS.held_out]


def of_regime(regime):
    return [(seen, line) for seen, line in LEFT_OUT if seen.case.regime == regime]


def errors(rows, field):
    """Relative distances of expected from measured times."""
    return np.array([abs(getattr(line, field) / 1e3 / seen.time - 1) for seen, line in rows])


def covered(rows, field):
    """Share of measurements that lie in the band around what was expected of them."""
    inside = []
    for seen, line in rows:
        spread = seen.case.spread(engine(PARAMS, line.engine_class, seen.case.chip))
        expected = getattr(line, field) / 1e3
        inside.append(expected / spread <= seen.time <= expected * spread)
    return np.mean(inside)


def test_every_line_is_a_decode_step_that_is_compared_and_of_its_class():
    lines = [line.measurement for line in PARAMS.held_out]

    assert len(lines) == len(set(lines)) > 500
    for seen, line in LEFT_OUT:
        found = engine_class(PARAMS.engines, seen.row.engine, seen.case.chip)
        assert (seen.timed, found) == ("step", (line.engine_class, True))


# Regime, quantile, most that the distance of expected from measured times is: relative, by chip
# and by source that were left out.
PROMISES = [
    ("dense", 0.5, 0.10, 0.15),
    ("dense", 0.9, 0.28, 0.36),
    ("experts", 0.5, 0.20, 0.20),
    ("experts", 0.9, 0.35, 0.35),
    ("batched", 0.5, 0.20, 0.20),
    ("split", 0.5, 0.33, 0.30),
]


@pytest.mark.parametrize(("regime", "quantile", "by_chip", "by_source"), PROMISES)
def test_expected_times_are_as_accurate_as_is_said(regime, quantile, by_chip, by_source):
    rows = of_regime(regime)

    assert len(rows) > 50
    assert np.quantile(errors(rows, "without_chip"), quantile) <= by_chip
    assert np.quantile(errors(rows, "without_source"), quantile) <= by_source


@pytest.mark.parametrize("field", ["without_chip", "without_source"])
@pytest.mark.parametrize("regime", REGIMES)
def test_about_four_fifths_of_measurements_lie_in_their_band(regime, field):
    assert 0.7 <= covered(of_regime(regime), field) <= 0.9
    assert 0.7 <= covered(LEFT_OUT, field) <= 0.9


def test_expected_times_are_not_all_too_long_nor_too_short():
    ratios = np.array([line.without_chip / 1e3 / seen.time for seen, line in LEFT_OUT])

    assert np.median(ratios) == pytest.approx(1, abs=0.1)


def test_constants_suit_what_they_were_fitted_to_better_than_what_was_left_out():
    fitted = [seen.time / float(seen.expected(engine(PARAMS, line.engine_class, seen.case.chip)))
              for seen, line in LEFT_OUT]  # fmt: skip

    inside = np.median(np.abs(np.log(fitted)))
    assert inside < np.median(np.log1p(errors(LEFT_OUT, "without_chip")))
