"""Two chips against each other, and what splitting costs: what tables and their words promise."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_golden import CLOCK, DAYS, HBM, HEADLINE, MODEL, NUMBERS, RULES, TWO, splitting

from reportlib import cases
from reportlib.exhibits import charts
from reportlib.exhibits.tables import contest

FIRST, SECOND = TWO
NAMES = [chip.name for chip in TWO]
PEAK = contest.ceilings(NUMBERS, TWO)
PLAIN = contest.Clock((None, None), 1.0, 0)  # peak rates without any doubt
SHIPPING = SECOND.status.model_copy(update={"value": "shipping"})


def changed(chip, **values):
    """*chip* as it ships, with other numbers and no other readings."""
    readings = {
        name: getattr(chip, name).model_copy(update={"value": value, "superseded": ()})
        for name, value in values.items()
    }
    return contest.with_bandwidth(chip, chip.memory_bandwidth.value).model_copy(
        update={"status": SHIPPING, **readings}
    )


def met(first, second, by=PLAIN, rules=RULES, models=HEADLINE):
    return contest.same_work(models, {"now": (first, second)}, by, rules)


def test_a_chip_serves_as_much_as_itself():
    work = met(FIRST, FIRST)

    assert set(work["outcome"]) == {"same", "neither"}


def test_who_is_first_does_not_matter():
    there, back = met(*TWO, by=CLOCK), met(*reversed(TWO), by=CLOCK)
    other = {"first": "second", "second": "first", "same": "same", "neither": "neither"}
    swapped = [" ".join([other[word] for word in text.split()[:1]] + text.split()[1:])
               for text in back["outcome"]]  # fmt: skip

    assert list(there["outcome"]) == swapped
    assert list(there["first_chips"]) == list(back["second_chips"])


def test_at_peak_rates_and_by_reading_alone_the_ratio_is_that_of_bandwidths():
    faster = changed(FIRST, memory_bandwidth=1.25 * FIRST.memory_bandwidth.value)
    work = met(faster, changed(FIRST))
    one = work[work["batch_size"] == 1]

    assert one["ratio"].dropna().size > 3
    assert one["ratio"].dropna().to_numpy() == pytest.approx(1.25)


def test_fewest_chips_that_hold_the_work_serve_most():
    work = met(*TWO, by=CLOCK)
    for row in work[work["first_chips"] > 1].itertuples():
        model = next(m for m in HEADLINE if m.name == row.model)
        fewer = cases.Case(
            model, FIRST, cases.uniform("fp8"), batch_size=row.batch_size,
            longest_context=row.context_length, chips=row.first_chips / 2,
        )  # fmt: skip
        assert not cases.fits(fewer)


def test_a_lead_is_sure_only_beyond_its_band():
    fast = changed(FIRST, memory_bandwidth=1.2 * FIRST.memory_bandwidth.value)
    outcomes = [
        set(met(fast, changed(FIRST), by=replace(PLAIN, spread=spread))["outcome"]) - {"neither"}
        for spread in (1.1, 1.3)
    ]

    assert outcomes == [{"first"}, {"first open"}]


def test_a_lead_that_an_earlier_reading_turns_around_is_not_sure():
    now = changed(FIRST, memory_bandwidth=1.2 * FIRST.memory_bandwidth.value)
    old = FIRST.memory_bandwidth.superseded[-1].model_copy(
        update={"value": 0.8 * FIRST.memory_bandwidth.value}
    )
    once = now.memory_bandwidth.model_copy(update={"superseded": (old,)})
    work = met(now.model_copy(update={"memory_bandwidth": once}), changed(FIRST))

    assert work.loc[work["outcome"] != "neither", "turned"].all()
    assert set(work["outcome"]) - {"neither"} == {"first open"}


def test_a_lead_that_an_end_of_a_range_turns_around_is_not_sure():
    base = changed(FIRST)
    rate = base.memory_bandwidth.model_copy(
        update={"value": 1.2 * base.memory_bandwidth.value, "low": base.memory_bandwidth.value / 2}
    )
    ranged = base.model_copy(update={"memory_bandwidth": rate})

    assert set(met(ranged, base)["outcome"]) - {"neither"} == {"first open"}


def test_what_is_announced_is_less_sure():
    announced = FIRST.model_copy(
        update={"status": SHIPPING.model_copy(update={"value": "announced"})}
    )

    assert PEAK.band((announced, SECOND)) > PEAK.band((changed(FIRST), SECOND)) > 1


def test_of_dies_that_keep_weights_nothing_is_sure_but_who_alone_holds_the_work():
    assert PEAK.band((NUMBERS.chips["wse-3"], SECOND)) == contest.UNKNOWN


def test_without_measured_pairs_only_who_alone_holds_the_work_leads_surely():
    empty = replace(NUMBERS, measurements=(), held_out=())
    by = contest.expected(empty, TWO, "serving")
    work = contest.same_work(HEADLINE, DAYS, by, RULES)
    alone = (work["ratio"] == 0) | np.isinf(work["ratio"])

    assert not by.expects
    assert alone.any()
    assert set(work.loc[alone, "outcome"]) <= {"first", "second"}
    assert work.loc[~alone, "outcome"].str.endswith(("open", "neither", "same")).all()


def test_without_constants_times_are_those_at_peak_rates():
    assert contest.expected(replace(NUMBERS, engines=None), TWO, "serving") == PEAK


def test_ratios_of_expected_times_are_missed_by_less_than_those_of_peak_rates():
    assert CLOCK.pairs > contest.FEWEST_PAIRS
    assert 1 < CLOCK.spread < PEAK.spread


def test_a_promise_is_kept():
    rules = replace(RULES, batch_sizes=contest.BATCH_SIZES)
    promise = contest.same_promise([MODEL], DAYS, CLOCK, rules, [5, 20, 1e6])
    side = rules.side(MODEL, next(iter(DAYS.values()))[0], CLOCK.engines[0])

    assert set(promise.loc[promise["wanted_speed"] == 1e6, "outcome"]) == {"neither"}
    best = promise[promise["edition"] == min(DAYS)].pivot_table(
        index="context_length", columns="wanted_speed", values="first_rate"
    )
    assert (best[5] >= best[20]).all()
    assert np.allclose(best[5], np.where(side.speeds >= 5, side.rates, 0).max(axis=(0, 2)))


def test_who_is_slower_by_a_factor_keeps_promises_that_are_lower_by_it():
    side = RULES.side(MODEL, FIRST, CLOCK.engines[0])
    wanted = np.array([5.0, 20.0, 60.0])

    assert np.allclose(side.as_promised(wanted, 2.0), side.as_promised(2 * wanted) / 2)


def test_counts_by_chips_are_those_of_the_map():
    work = contest.same_work(HEADLINE, DAYS, CLOCK, RULES)
    counts = contest.by_chips(work, NAMES)

    assert counts["cases"].sum() == (work["outcome"] != "neither").sum()
    assert counts["second_sure"].sum() == (work["outcome"] == "second").sum()


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        (["neither"], "neither serves any case"),
        (["first", "neither"], "A serves more in 1 of 1 case"),
        (["second open", "same"], "B serves more in 1 of 2 cases, both serve as much in 1"),
    ],
)
def test_leads_in_words(outcomes, words):
    assert contest.leads(pd.Series(outcomes), ["A", "B"]) == words


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        (["neither", "same"], ""),
        (["first"], "the one lead is sure"),
        (["first open"], "the one lead is not sure"),
        (["first", "second"], "all 2 leads are sure"),
        (["first", "second open"], "1 of 2 leads is sure"),
        (["first", "second", "second open"], "2 of 3 leads are sure"),
    ],
)
def test_sureness_in_words(outcomes, words):
    assert contest.sureness(pd.Series(outcomes)) == words


def test_the_lead_changes_hands_between_batches():
    work = pd.DataFrame(
        {
            "model": "M",
            "context_length": 8,
            "batch_size": [1, 2, 4, 8],
            "outcome": ["first", "same", "second open", "second"],
        }
    )

    assert contest.turns(work, 8) == ["between 1 and 4 users for M"]
    assert contest.turns(work, 9) == []


def test_cells_of_one_vendors_chips_differ():
    work = met(FIRST, changed(FIRST, memory_bandwidth=1e12), by=CLOCK)
    spec = charts.contest.same_work(
        pd.concat([work, work.assign(outcome="second")]), names=["A", "B"], vendors=["X", "X"]
    ).to_dict()
    (fills,) = [layer["encoding"]["fill"] for layer in spec["spec"]["layer"]
                if "fill" in layer["encoding"]]  # fmt: skip

    assert len(set(fills["scale"]["range"])) == len(fills["scale"]["range"])


def test_each_panel_has_its_own_cells():
    work = contest.same_work(HEADLINE, DAYS, CLOCK, RULES)
    spec = charts.contest.same_work(work, names=NAMES, vendors=["A", "B"]).to_dict()

    assert len(spec["datasets"]) == 1
    assert not any("data" in layer for layer in spec["spec"]["layer"])


def test_exchanges_take_nothing_on_one_chip_and_more_with_a_longer_latency():
    split = splitting(MODEL)
    alone, several = split[split["chips"] == 1], split[split["chips"] > 1]

    assert (alone["share"] == 0).all()
    assert (several["low"] < several["share"]).all()
    assert (several["share"] < several["high"]).all()


def test_a_group_is_no_larger_than_links_join_and_holds_the_work():
    split = splitting(MODEL)
    for chip in HBM:
        chips = split.loc[split["chip"] == chip.name, "chips"]
        assert chips.max() <= cases.domain_size(chip)


def test_caches_are_copied_beyond_their_heads():
    split = splitting(NUMBERS.models["deepseek-v3"])

    assert len(split)
    assert (split["kv_copies"] == split["chips"]).all()  # one latent, on each chip
