"""Demand over supply in scenarios: laws, break-even, mixes, slips in the file, and the history."""

from dataclasses import replace
from datetime import date

import pytest
import small_params
from hypothesis import given
from hypothesis import strategies as st

from reportlib import checks, frames, params
from reportlib.calculations.supply import grown, in_service
from reportlib.cases import outlook
from reportlib.exhibits.tables import outlook as tables
from reportlib.params import coverage

NUMBERS = params.load(params.DEFAULT_ROOT)
OUTLOOKS = outlook.outlooks(NUMBERS)
YEARS = st.integers(0, NUMBERS.scenarios.horizon)
SCENARIOS = st.sampled_from(sorted(OUTLOOKS))
MORE = st.floats(1, 10)


def values(name):
    return tables.middle(OUTLOOKS[name])


def ahead(name, year, field):
    """Return what *field* says of a year of a scenario, as a function of other inputs."""
    function, middle = getattr(OUTLOOKS[name], field), values(name)
    return lambda **others: float(function(year, **middle | others))


@given(SCENARIOS, YEARS, MORE)
def test_more_tokens_never_need_less(name, year, more):
    share, tokens = ahead(name, year, "share"), values(name)["token_factor"]

    assert share(token_factor=tokens * more) >= share()


@given(SCENARIOS, YEARS, MORE)
def test_more_supply_never_raises_the_share(name, year, more):
    share, middle = ahead(name, year, "share"), values(name)

    for factor in ("supply_factor", "dram_wafers"):
        assert share(**{factor: middle[factor] * more}) <= share()


@given(SCENARIOS, YEARS, MORE)
def test_what_serves_longer_leaves_more(name, year, more):
    share, lifetime = ahead(name, year, "share"), values(name)["lifetime"]

    assert share(lifetime=lifetime * more) <= share()


@given(SCENARIOS, YEARS, MORE)
def test_a_level_that_is_too_low_cancels_in_the_pace(name, year, more):
    untold = values(name)["untold_ratio"]
    higher = {"untold_ratio": untold * more}

    for field in ("pace", "additions"):
        of = ahead(name, year, field)
        assert of(**higher) == pytest.approx(of())
    assert ahead(name, year, "share")(**higher) == pytest.approx(
        more * ahead(name, year, "share")()
    )


@pytest.mark.parametrize("name", OUTLOOKS)
def test_break_even_breaks_even(name):
    of, middle = OUTLOOKS[name], values(name)
    pace = ahead(name, of.horizon, "pace")

    assert pace(token_factor=of.even_tokens(**middle)) == pytest.approx(1)
    assert pace(efficiency_factor=of.even_efficiency(**middle)) == pytest.approx(1)


@pytest.mark.parametrize("name", OUTLOOKS)
def test_today_is_one_and_needs_what_is_made(name):
    assert ahead(name, 0, "pace")() == 1
    assert ahead(name, 0, "additions")() == pytest.approx(1)


def test_where_all_grows_alike_nothing_moves():
    middle = values("steady")
    rate = middle["supply_factor"]
    alike = {
        "token_factor": rate * middle["efficiency_factor"],
        "past_supply_factor": rate,
        "bandwidth_factor": 1.0,
        "compute_factor": 1.0,
    }

    for year in range(OUTLOOKS["steady"].horizon + 1):
        assert ahead("steady", year, "pace")(**alike) == pytest.approx(1)
        assert ahead("steady", year, "additions")(**alike) == pytest.approx(1)


def test_the_fleet_is_what_was_made_in_its_lifetime():
    of, middle = OUTLOOKS["steady"], values("steady") | {"bandwidth_factor": 1.3}
    years = middle["lifetime"] / outlook.supply.YEAR

    for bound, faster in (("capacity", 1.0), ("bandwidth", 1.3)):
        stacks = of.stacks(2, **middle)[bound]
        made = {
            age: grown(2 - age, before=middle["past_supply_factor"] * faster,
                       after=middle["supply_factor"] * faster)
            for age in range(10)
        }  # fmt: skip
        serving = sum(made[age] * in_service(age, years) for age in made)
        assert stacks.there / stacks.new == pytest.approx(serving / made[0])


def test_the_fleet_of_today_is_that_of_supply():
    of, middle = OUTLOOKS["agents"], values("agents")
    arguments = outlook.supply.taken(outlook.supply.share_of_supply, middle)
    one = replace(of, models={"deepseek-v3": NUMBERS.models["deepseek-v3"]})
    alone = {n: v for n, v in middle.items() if "mix." not in n or "deepseek-v3" in n}

    share = outlook.supply.share_of_supply(
        one.models["deepseek-v3"], of.memory, of.chip, **arguments
    )

    assert one.share(0, **alone | {"lifetime": outlook.supply.YEAR}) == pytest.approx(share)


def test_inputs_move_from_todays_to_those_of_the_last_year():
    of, middle = OUTLOOKS["agents"], values("agents")
    still = {n: v for n, v in middle.items() if not n.startswith(outlook.LATER)}
    mix = {n: middle[outlook.LATER + n] for n in middle if n.startswith(outlook.MIX)}
    ended = still | mix | {
        "context_length": middle["later.context_length"],
        "cache_hit_rate": middle["later.cache_hit_rate"],
    }  # fmt: skip
    unmixed = replace(of, scenario=of.scenario.model_copy(update={"mix": None}))

    assert of.shares(0, **middle) == unmixed.shares(0, **still)
    last = of.shares(of.horizon, **middle)
    assert last == pytest.approx(unmixed.shares(of.horizon, **ended))


def without(numbers, *models):
    return replace(numbers, models={i: m for i, m in numbers.models.items() if i not in models})


def test_a_model_that_is_gone_leaves_its_tokens_to_the_others():
    fewer = without(NUMBERS, "gpt-oss-120b", "deepseek-v4-pro")
    of = outlook.outlooks(fewer)["agents"]
    one = NUMBERS.models["deepseek-v3"]
    middle = tables.middle(of)
    taken = outlook.supply.taken(outlook.supply.bandwidth_bound_stacks, middle)

    assert outlook.left_out(fewer) == ["deepseek-v4-pro", "gpt-oss-120b"]
    assert of.stacks(0, **middle)["bandwidth"].needed == pytest.approx(
        outlook.supply.bandwidth_bound_stacks(one, of.memory, **taken)
    )


def test_without_its_chip_computing_is_left_out():
    gone = replace(NUMBERS, chips={i: c for i, c in NUMBERS.chips.items() if i != "b300"})
    of = outlook.outlooks(gone)["steady"]

    assert set(of.shares(0, **tables.middle(of))) == {"capacity", "bandwidth"}
    assert set(tables.bounds({"steady": of})["bound"]) == {"capacity", "bandwidth"}


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ({"scenarios": None}, "no scenarios in this edition"),
        ({"supply": None}, "no figures of supply and demand in this edition"),
        ({"memory": {}}, "no capacity and bandwidth of hbm3e in this edition"),
        ({"models": {}}, "none of the models gpt-oss-120b, deepseek-v3, deepseek-v4-pro"),
    ],
)
def test_what_is_missing_is_named(gone, said):
    of, missing = tables.known(replace(NUMBERS, **gone))

    assert of == {}
    assert missing.startswith(said)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("horizon: 5", "horizon: 50", "horizon: '50' does not do: input should be less than"),
        ("    name: Agents", "    names: Agents", "scenarios.agents.names: unknown key, did you"),
        ("value: 40,000", "value: 40 KB", "scenarios.agents.later.context_length.value: '40 KB'"),
        ("  steady:", "  Steady:", "scenarios.Steady: 'Steady' does not do"),
        ("source: aiwire-hbm4", "source: aiwire", "bandwidth_factor.source: 'aiwire' is not in"),
    ],
)  # fmt: skip
def test_a_slip_is_told_by_file_line_and_field(params_copy, old, new, said):
    line = small_params.replace(params_copy, "scenarios.yaml", old, new)

    with pytest.raises(params.ParamsError) as refusal:
        params.load(params_copy)

    assert f"params/scenarios.yaml:{line}: {said}" in str(refusal.value)


@pytest.mark.parametrize(
    ("share", "place", "sum_"),
    [("value: 20%", "mix", "105"), ("deepseek-v4-pro: {value: 10%", "scenarios.leaps.mix", "115")],
)
def test_shares_of_a_mix_that_do_not_add_up_are_refused(params_copy, share, place, sum_):
    small_params.replace(params_copy, "scenarios.yaml", share, share[:-3] + "25%")

    with pytest.raises(params.ParamsError) as refusal:
        params.load(params_copy)

    assert f" {place}: the shares add up to {sum_} %, not 100 %" in str(refusal.value)


def test_there_are_no_scenarios_before_their_day(params_copy):
    day = NUMBERS.scenarios.as_of

    assert params.load(as_of=day).scenarios == NUMBERS.scenarios
    assert params.load(as_of=date(2026, 3, 1)).scenarios is None
    (params_copy / "scenarios.yaml").unlink()
    assert params.load(params_copy).scenarios is None


def test_the_numbers_of_scenarios_are_among_all_numbers():
    rows = frames.numbers(NUMBERS).query("kind == 'scenarios'").set_index("quantity")

    assert len(rows) == coverage.tallies(NUMBERS)["scenarios"].numbers
    assert rows.loc["scenarios.agents.later.context_length", "value"] == 40_000
    assert rows.loc["mix.deepseek-v3", "confidence"] == "assumed"


def test_an_assumption_says_that_it_is_one():
    readings = dict(params.numbers(NUMBERS.scenarios))

    assert {p for p, r in readings.items() if r.confidence == "assumed"} == {
        p for p, r in readings.items() if r.source == "own-assumptions"
    }
    assert all(r.note for r in readings.values())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("as_of: 2026-06-30", "as_of: 2027-06-30", "as_of: later than the edition"),
        ("chip: b300", "chip: b30", "chip: 'b30' is the name of no file; did you mean b300?"),
        ("memory: hbm3e", "memory: hbm5", "memory: 'hbm5' is the name of no file; did you mean"),
    ],
)
def test_odd_things_are_doubted(params_copy, old, new, said):
    line = small_params.replace(params_copy, "scenarios.yaml", old, new)

    doubts = checks.doubts(params.load(params_copy, date.max), params_copy)

    assert any(str(d).startswith(f"params/scenarios.yaml:{line}: {said}") for d in doubts)


def test_a_bar_has_an_input_that_moves_the_answer():
    bars = tables.movers(OUTLOOKS["agents"], 2031, 99)

    assert "context length in 2031" in set(bars["input"])
    assert "context length today" in set(bars["input"])
    assert not {"untold ratio", "google tokens", "die yield"} & set(bars["input"])
    assert (bars["at_low"] - bars["at_high"]).abs().is_monotonic_decreasing


def test_the_slowest_scenario_adds_less_than_it_needs_of_today():
    name, pace, added = tables.slowest(OUTLOOKS)
    paces = tables.courses(OUTLOOKS, 2026).query("year == 2027").set_index("scenario")["pace"]

    assert pace == paces.min() == paces[name]
    assert added < pace < 1


def test_the_bound_of_the_largest_share_binds():
    table = tables.bounds(OUTLOOKS)

    for name, rows in table.groupby("scenario"):
        (binding,) = rows.loc[rows["binds"], "share"]
        assert binding == rows["share"].max()
        assert 0 < tables.runner_up(table, name) <= 1


def test_evidence_is_of_one_side_recent_and_told_once():
    sides = tables.evidence(NUMBERS.market, 4)

    assert sides.groupby("speaks_for").size().to_dict() == {"a cycle": 4, "infrastructure": 4}
    assert not sides["what"].duplicated().any()
    for _, rows in sides.groupby("speaks_for"):
        assert rows["date"].str[:7].is_monotonic_decreasing


def test_a_forecast_is_what_was_said_before_its_period_ended():
    rows = tables.revenues(NUMBERS.market).set_index(["panel", "period"])

    assert rows.loc[("All memory, by year", "2022"), "forecast"].all()  # said in 2020
    assert not rows.loc[("All memory, by year", "2019"), "forecast"].any()


def test_a_margin_is_profit_over_revenue():
    rows = tables.margins(NUMBERS.market).set_index(["panel", "period"])["value"]

    assert rows["SK hynix: operating margin, %", "2026Q2"] == pytest.approx(76, abs=0.5)
    assert rows["SK hynix: operating margin, %", "2023Q2"] == pytest.approx(-39, abs=0.5)


def test_the_deepest_fall_is_from_a_high_to_a_later_low():
    falls = tables.falls(tables.revenues(NUMBERS.market)).set_index("panel")
    dram = falls.loc["DRAM, by quarter"]

    assert (dram["high_period"], dram["low_period"]) == ("2021Q3", "2023Q2")
    assert dram["fall"] == pytest.approx(1 - 11.43 / 26.569)
    assert falls.loc["All memory, by year", "fall"] == pytest.approx(0.32, abs=0.005)


def test_an_indicator_has_the_latest_value():
    rows = tables.indicators(NUMBERS).set_index("indicator")

    assert rows.loc["Multi-year agreements of Micron", "value"] == "26 (2026-09)"
    assert rows.loc["Operating margin of SK hynix", "value"].startswith("76")
    assert rows["value_cite"].str.contains("@").all()


def test_the_history_of_a_market_without_points_is_empty():
    nothing = replace(NUMBERS, market=(), supply=None)

    for made in (tables.prices, tables.revenues, tables.margins):
        assert made(()).empty
    assert tables.falls(tables.revenues(())).empty
    assert tables.swings(tables.margins(())).empty
    assert tables.forecasts_met(tables.prices(())).empty
    assert tables.evidence((), 5).empty
    assert tables.indicators(nothing).empty
