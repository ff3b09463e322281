"""What the tables of chips say of speed, cost, energy and memory on the die."""

from dataclasses import replace

import numpy as np
import pytest

from reportlib import cases, params
from reportlib.cases import supply
from reportlib.exhibits.tables import chips as tables

NOW = params.load(params.DEFAULT_ROOT)
CAST = NOW.headline_chips()
MODELS = list(NOW.headline_models().values())
LARGE = NOW.models["llama-3.1-405b"]
SERVED = {"precision": "bf16", "context_length": 8192, "engine": "vllm"}
FITS = {"precision": "bf16", "usable_share": 0.9}
HOSTED = tables.hosted(NOW.shown_chips().values())


@pytest.fixture(scope="module")
def predicted():
    return tables.predictions(NOW, MODELS, CAST, **SERVED)


def test_an_expected_speed_is_in_its_band_and_below_the_ceiling(predicted):
    assert (predicted["low"] < predicted["expected"]).all()
    assert (predicted["expected"] < predicted["high"]).all()
    assert (predicted["high"] <= predicted["ceiling"]).all()


def test_the_band_of_an_announced_chip_is_wider(predicted):
    alone = predicted[(predicted["chips"] == 1) & (predicted["high"] < predicted["ceiling"])]
    width = (alone["high"] / alone["low"]).groupby(alone["status"]).max()

    assert width["announced"] > width["shipping"] * 1.05


def test_memory_on_the_die_has_no_predicted_speed(predicted):
    assert any(cases.keeps_weights_on_chip(chip) for chip in CAST.values())
    assert not set(predicted["chip"]) & {
        chip.name for chip in CAST.values() if cases.keeps_weights_on_chip(chip)
    }


def test_without_constants_there_is_a_ceiling_and_no_more():
    table = tables.predictions(replace(NOW, engines=None), MODELS[:1], CAST, **SERVED)

    assert table["ceiling"].notna().all()
    assert table[["expected", "low", "high"]].isna().all(axis=None)


def test_only_priced_chips_cost_and_only_rated_ones_draw():
    priced = {chip.name for chip in HOSTED if chip.price and chip.power}
    rated = {chip.name for chip in HOSTED if chip.power}

    assert set(tables.costs(NOW, MODELS[:1], HOSTED)["chip"]) == priced
    assert set(tables.energies(NOW, MODELS[:1], HOSTED)["chip"]) == rated > priced


def test_a_median_is_in_its_band():
    for table in (tables.costs(NOW, MODELS, HOSTED), tables.energies(NOW, MODELS, HOSTED)):
        assert (table["low"] < table["mid"]).all()
        assert (table["mid"] < table["high"]).all()


def test_an_owned_chip_costs_its_owning_price():
    h100 = NOW.chips["h100-sxm5"]
    middle = {k: v.mid for k, v in supply.inputs(NOW.supply, supply.owned_output_cost).items()}
    price = supply.owning_price(h100, **supply.taken(supply.owning_price, middle))
    rented = {**middle, "rental_price": price}

    for owned, cost in (
        (supply.owned_output_cost, supply.output_cost),
        (supply.owned_input_cost, supply.input_cost),
    ):
        assert owned(LARGE, h100, **middle) == pytest.approx(
            cost(LARGE, h100, **supply.taken(cost, rented))
        )


def test_without_inputs_nothing_has_a_cost():
    blind = replace(NOW, supply=None)

    assert tables.costs(blind, MODELS, HOSTED).empty
    assert tables.owning_prices(blind, HOSTED).empty
    assert tables.widest_inputs(blind, LARGE, HOSTED[0]) == []


def test_a_chip_is_of_the_kind_that_its_memory_makes_it():
    kinds = tables.architectures(NOW.shown_chips().values()).set_index("architecture")["chips"]

    assert "WSE-3" in kinds["SRAM on the die with a larger tier"]
    assert "Rubin R200" in kinds["HBM with a larger tier"]
    assert {"H100 SXM5", "TPU7x"} <= set(kinds["HBM"])
    assert sum(map(len, kinds)) == len(NOW.shown_chips())


def test_a_large_model_takes_about_twenty_wafers():
    joined = tables.joined(LARGE, NOW.shown_chips().values(), **FITS).set_index("chip")
    wafers = joined.loc["WSE-3"]

    assert wafers["chips_needed"] == 21  # 812 GB over 0.9 of 44 GB
    assert wafers["read_time"] == pytest.approx(812e9 / (21 * 21e15), rel=0.01)


def test_a_trend_leads_from_the_first_chip_to_the_best():
    history = tables.generations(NOW.shown_chips())
    trends = tables.trends(history)
    best = history.groupby("quantity")["multiple"].max()

    for quantity, rows in trends.groupby("quantity"):
        assert rows["multiple"].tolist() == [1, best[quantity]]
        assert rows["growth"].nunique() == 1


def test_the_fastest_rate_has_the_higher_ridge():
    ridges = tables.ridge_points(NOW.shown_chips()).pivot_table(
        index="chip", columns="rate", values="ridge_point"
    )

    assert (ridges[tables.FASTEST] >= ridges[tables.GIVEN]).all()
    assert ridges.loc["H100 SXM5", tables.GIVEN] == pytest.approx(295, rel=0.01)
    assert np.isfinite(ridges).all(axis=None)
