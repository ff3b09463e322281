"""A claim is judged by the numbers of the day, and says when it cannot be."""

from dataclasses import replace

import numpy as np
import pytest

from reportlib import params
from reportlib.exhibits import claims
from reportlib.params import Claim, ParamsError

NUMBERS = params.load(params.DEFAULT_ROOT)


def judged(numbers):
    return claims.table(numbers).set_index(claims.table(numbers)["statement"])


def verdict(numbers, identifier):
    of = next(claim for claim in numbers.claims.claims if claim.id == identifier)
    return judged(numbers).loc[of.statement]


def with_bandwidth(numbers, chip, value):
    old = numbers.chips[chip]
    new = old.memory_bandwidth.model_copy(update={"value": value, "superseded": ()})
    changed = old.model_copy(update={"memory_bandwidth": new})
    return replace(numbers, chips={**numbers.chips, chip: changed})


def with_claim(**fields):
    claim = Claim.model_validate({"id": "x", "statement": "X."} | fields)
    return replace(NUMBERS, claims=NUMBERS.claims.model_copy(update={"claims": (claim,)}))


@pytest.mark.parametrize("identifier", ["r200-bandwidth", "mi455x-bandwidth", "amd-bandwidth"])
def test_what_changed_since_was_true_when_written(identifier):
    row = verdict(NUMBERS, identifier)

    assert row["verdict"] == "true when written"
    assert "then" in row["computed"]
    assert "now" in row["computed"]


def test_edition_of_the_articles_day_confirms_what_changed_later():
    then = params.load(params.DEFAULT_ROOT, NUMBERS.claims.as_of)

    assert verdict(then, "mi455x-bandwidth")["verdict"] == "confirmed"
    assert verdict(then, "amd-bandwidth")["verdict"] == "confirmed"


def test_figure_that_never_stood_is_refuted():
    assert (
        verdict(with_bandwidth(NUMBERS, "mi455x", 1e12), "mi455x-bandwidth")["verdict"] == "refuted"
    )


@pytest.mark.parametrize("chip", ["rubin-r200", "mi455x", "wse-3", "h100-sxm5"])
def test_claim_about_a_chip_that_is_gone_is_not_checkable(chip):
    without = replace(NUMBERS, chips={i: c for i, c in NUMBERS.chips.items() if i != chip})
    about = [c for c in NUMBERS.claims.claims if chip in c.arguments.values()]

    assert about
    for claim in about:
        assert verdict(without, claim.id)["verdict"] == "not checkable"
        assert chip in verdict(without, claim.id)["computed"]


def test_claim_that_holds_in_some_cases_depends():
    row = verdict(NUMBERS, "mi455x-whole")

    assert row["verdict"] == "depends"
    assert "2 of 6 cases" in row["computed"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"measure": "bandwith", "stated": "1"}, "'bandwith' is not one of"),
        ({"measure": "memory_bandwidth", "stated": "22 Tb/s"}, "is not a quantity in B/s"),
        ({"measure": "memory_bandwidth", "stated": "22 GB"}, "is not a quantity in B/s"),
    ],
)
def test_claim_that_cannot_be_computed_stops_the_build(fields, problem):
    with pytest.raises(ParamsError, match=problem):
        claims.check(with_claim(**fields))


def test_repository_has_the_claims_of_the_article():
    claims.check(NUMBERS)

    assert len(NUMBERS.claims.claims) >= 20


def test_two_claims_of_one_id_stop_the_build():
    claim = NUMBERS.claims.claims[0]
    twice = NUMBERS.claims.model_copy(update={"claims": (claim, claim)})

    with pytest.raises(ParamsError, match=f"'{claim.id}' is the id of another claim"):
        claims.check(replace(NUMBERS, claims=twice))


def test_a_claim_names_the_records_that_it_is_about():
    table = claims.table(NUMBERS).set_index("id")

    assert table.loc["amd-bandwidth", "about"] == "chip mi455x, chip rubin-r200"
    assert "model deepseek-v3" in table.loc["mi455x-whole", "about"]


def communication(numbers, **arguments):
    claim = next(c for c in NUMBERS.claims.claims if c.id == "split-communication")
    words = claim.arguments | {"models": "llama-3-70b", "chips": "h100-sxm5"} | arguments
    return claims.MEASURES["communication_share"].compute(claims.Arguments(numbers, words))


def with_latency(numbers, value):
    rows = [
        row.model_copy(update={"value": value, "low": value, "high": value})
        if (row.engine_class, row.quantity) == ("serving", "collective_latency")
        else row
        for row in numbers.calibration
    ]
    return replace(numbers, calibration=tuple(rows))


def test_exchanges_are_the_larger_part_of_a_step_in_some_cases():
    assert verdict(NUMBERS, "split-communication")["verdict"] == "depends"


def test_slow_exchanges_take_most_of_every_step_and_quick_ones_of_none():
    slow, quick = (communication(with_latency(NUMBERS, time)) for time in (1e4, 1e-3))

    assert slow.min() > 0.5
    assert quick.max() < 0.5


def test_only_models_that_one_chip_does_not_hold_are_split():
    held = communication(NUMBERS, precisions="bf16")

    assert np.array_equal(communication(NUMBERS, precisions="bf16 fp8"), held)
    with pytest.raises(claims.NotCheckable, match="that one does not"):
        communication(NUMBERS, precisions="fp8")


def test_exchanges_of_an_edition_without_constants_are_not_checkable():
    row = verdict(replace(NUMBERS, engines=None), "split-communication")

    assert row["verdict"] == "not checkable"
    assert "no engines.yaml" in row["computed"]


def test_whether_memory_is_infrastructure_depends_on_the_scenario():
    row = verdict(NUMBERS, "infrastructure")
    cases = sum(1 for _ in NUMBERS.scenarios.scenarios) * NUMBERS.scenarios.horizon

    assert row["verdict"] == "depends"
    assert f"of {cases} cases" in row["computed"]


def with_scenario(numbers, identifier):
    of = numbers.scenarios
    alone = of.model_copy(update={"scenarios": {identifier: of.scenarios[identifier]}})
    return replace(numbers, scenarios=alone)


@pytest.mark.parametrize(("scenario", "found"), [("agents", "confirmed"), ("digestion", "refuted")])
def test_a_single_scenario_may_settle_whether_memory_is_infrastructure(scenario, found):
    assert verdict(with_scenario(NUMBERS, scenario), "infrastructure")["verdict"] == found


@pytest.mark.parametrize("gone", [{"scenarios": None}, {"supply": None}, {"memory": {}}])
def test_infrastructure_is_not_checkable_without_what_it_is_computed_from(gone):
    row = verdict(replace(NUMBERS, **gone), "infrastructure")

    assert row["verdict"] == "not checkable"
    assert row["computed"].startswith("no ")
