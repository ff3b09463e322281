"""Predicted beside measured: ceilings hold, errors are what they are called, nothing is hidden."""

import dataclasses
import math
import re

import numpy as np
import pandas as pd
import pytest
import small_params
from hypothesis import given
from hypothesis import strategies as st

from reportlib import calibrate, params
from reportlib.exhibits.tables import reality

NUMBERS = params.load(params.DEFAULT_ROOT)
COMPARED = reality.comparisons(NUMBERS)
KNOWN = reality.steps(COMPARED)
SECTION = "80_model_against_reality"


def known(**columns):
    """Steps of which only these columns differ."""
    size = max(len(values) for values in columns.values())
    same = {"chip": "C", "source": "S", "regime": "R", "engine_class": "E", "band": 2.0}
    return pd.DataFrame({k: [v] * size for k, v in same.items()} | columns)


def test_no_measurement_is_faster_than_its_ceiling():
    assert len(COMPARED) > 1000
    assert COMPARED.loc[COMPARED["share"] > 1, "id"].tolist() == []


def test_every_measurement_is_compared_or_has_a_reason():
    assert len(COMPARED) + reality.reasons(NUMBERS)["rows"].sum() == len(NUMBERS.measurements)


def test_a_reason_has_no_name_of_a_field():
    assert not reality.reasons(NUMBERS)["reason"].str.contains("[_':]", regex=True).any()


def test_a_step_without_overlap_takes_at_most_twice_as_long():
    assert KNOWN["forms"].between(1, 2).all()


def test_all_that_was_left_out_of_a_fit_is_told_of():
    assert set(KNOWN["id"]) == {row.measurement for row in NUMBERS.held_out}


def test_left_out_steps_are_told_less_well_than_fitted_ones():
    whole = reality.errors(KNOWN, "regime", []).set_index(["regime", "left_out"])["median"]

    assert whole[reality.ALL, "none"] < whole[reality.ALL, "chip"]
    assert whole[reality.ALL, "none"] < whole[reality.ALL, "source"]


def test_an_error_is_predicted_over_measured_less_one():
    steps = known(
        time=[1.0, 1.0, 2.0],
        expected=[1.0, 1.0, 2.0],
        without_chip=[1.5, 0.9, 8.0],  # +50 %, -10 %, +300 %
        without_source=[1.0, 1.0, 2.0],
        chip=["A", "A", "B"],
    )

    table = reality.errors(steps, "regime", ["R"]).set_index(["regime", "left_out"])
    row = table.loc[("R", "chip")]

    assert (row["rows"], row["chips"], row["sources"]) == (3, 2, 1)
    assert row["median"] == pytest.approx(0.5)
    assert row["p90"] == pytest.approx(2.5)
    assert row["bias"] == pytest.approx(0.5)
    assert row["within"] == pytest.approx(2 / 3)  # of a factor of two
    assert table.loc[("R", "none"), "median"] == 0


def test_errors_come_in_the_order_of_regimes_and_all_of_them_last():
    table = reality.errors(KNOWN, "regime", list(reality.REGIMES.values()))
    counts = table[table["left_out"] == "chip"]

    assert list(counts["regime"].iloc[:-1]) == [
        r for r in reality.REGIMES.values() if r in set(KNOWN["regime"])
    ]
    assert counts["rows"].iloc[-1] == counts["rows"].iloc[:-1].sum() == len(KNOWN)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=40))
def test_at_least_four_fifths_lie_within_the_factor(ratios):
    steps = known(time=ratios, without_chip=[1.0] * len(ratios))
    distances = np.abs(np.log(ratios))

    factor = reality.factor(steps)

    assert factor >= 1
    assert np.mean(distances <= math.log(factor) + 1e-9) >= 0.8 - 1 / len(ratios)


def test_a_source_does_not_count_in_the_factor_by_which_it_is_judged():
    near, far = [1.0, 1.1, 1.1, 1.1], [3.0, 3.0, 3.0, 3.0]
    steps = known(time=near + far, without_source=[1.0] * 8, source=["near"] * 4 + ["far"] * 4)

    assert reality.foretold_share(steps) == 0.5
    assert math.isnan(reality.foretold_share(steps.iloc[:4]))


def test_the_worst_come_first_too_slow_or_too_fast():
    steps = known(
        time=[1.0, 4.0, 1.0, 1.2], without_chip=[1.0, 1.0, 3.0, 1.0], engine=["a_b*c"] * 4,
        weight_format=["Q4_K_M"] * 4,
    )  # fmt: skip

    table = reality.worst(steps, 2)

    assert list(table["ratio"]) == pytest.approx([4, 1 / 3])
    assert list(table["distance"]) == pytest.approx([4, 3])
    assert table.loc[0, "engine"] == r"a\_b\*c"
    assert table.loc[0, "source_cite"] == "[@S]"


def test_a_violation_is_listed():
    row = NUMBERS.measurements[0]
    fast = dataclasses.replace(
        NUMBERS, measurements=(row.model_copy(update={"value": 1e6}), *NUMBERS.measurements[1:9])
    )

    over = reality.violations(reality.comparisons(fast))

    assert list(over["id"]) == [row.id]


def _marked(quantity, **changes):
    lines = tuple(
        line.model_copy(update=changes)
        for line in NUMBERS.calibration
        if (line.engine_class, line.quantity) == ("any", quantity)
    )
    return reality.constants(
        dataclasses.replace(NUMBERS, calibration=lines), calibrate.PRIORS, calibrate.HOST_BOUND
    )[quantity].tolist()


def test_a_constant_that_did_not_move_is_marked_as_a_prior():
    median, deviation = calibrate.PRIORS["weight_efficiency"]
    band = math.exp(calibrate.NORMAL_P90 * deviation)
    prior = {"value": median, "low": median / band, "high": median * band}
    narrow = {"value": median, "low": median / band**0.5, "high": median * band**0.5}
    moved = {"value": 0.6, "low": 0.6 / band, "high": 0.6 * band}

    assert _marked("weight_efficiency", **prior) == ["82 (70–96)", "82^p^"]
    assert _marked("weight_efficiency", **narrow) == ["82 (70–96)", "82 (76–89)"]
    assert _marked("weight_efficiency", **moved) == ["82 (70–96)", "60 (51–70)"]


def test_constants_are_of_all_classes_that_were_fitted():
    table = reality.constants(NUMBERS, calibrate.PRIORS, calibrate.HOST_BOUND)

    assert len(table) == 1 + len({line.engine_class for line in NUMBERS.calibration})
    assert table.iloc[1:].notna().all(axis=None)
    assert table.iloc[1:]["host_time"].str.endswith("^p^").any()


def _only_this_section(folder):
    path = folder / "report.yaml"
    text = path.read_text(encoding="utf-8")
    start = text.index("\nsections:")
    path.write_text(f"{text[:start]}\nsections: {{{SECTION}: {{}}}}\n", encoding="utf-8")
    return folder


def _told(tell, folder):
    """Run the section, and return its text, in which all that it points at is shown."""
    told = tell(_only_this_section(folder))
    assert told.faults == []
    text = "\n".join(told.texts.values())
    shown = {f"{e['kind'][:3]}-{e['id']}".replace("tab-", "tbl-")
             for _, e in told.outputs[SECTION] if "id" in e}  # fmt: skip
    assert set(re.findall(r"@((?:tbl|fig)-[\w-]+)", text)) <= shown
    assert not re.search(r"\b(?:nan|NaN|inf|None %)\b", text)
    return text


def _keep(path, wanted):
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([lines[0], *filter(wanted, lines[1:])]), encoding="utf-8")


def test_the_section_is_told(tell, params_copy):
    text = _told(tell, params_copy)

    assert "[@tbl-worst]" in text
    assert "Takeaway" in text


def test_without_measurements_there_is_nothing_to_compare(tell, tmp_path):
    text = _told(tell, small_params.write(tmp_path))

    assert "there is nothing to compare" in text
    assert "Without measurements" in text


def test_without_engines_only_ceilings_are_compared(tell, params_copy):
    for name in ("engines.yaml", "calibration.csv", "held_out.csv"):
        (params_copy / name).unlink()

    text = _told(tell, params_copy)

    assert "there is nothing to compare" in text
    assert "The ceiling holds for all" in text


@pytest.mark.parametrize("file", ["calibration.csv", "held_out.csv"])
def test_without_a_fit_no_time_is_expected(tell, params_copy, file):
    _keep(params_copy / file, lambda _: False)

    assert "Expected times could not be tested" in _told(tell, params_copy)


@pytest.mark.parametrize("kept", [r"M0001,", r"M000[1-4],"])
def test_few_measurements_are_enough(tell, params_copy, kept):
    _keep(params_copy / "measurements.csv", re.compile(kept).match)

    assert "Takeaway" in _told(tell, params_copy)


def test_a_measurement_that_beats_the_ceiling_is_told(tell, params_copy):
    path = params_copy / "measurements.csv"
    text = path.read_text(encoding="utf-8")
    assert text.count(",72.79,") == 1
    path.write_text(text.replace(",72.79,", ",7279,"), encoding="utf-8")

    text = _told(tell, params_copy)

    assert "[@tbl-violations]" in text
    assert re.search(r"1 of [\d,]+ measurements beats the ceiling", text)
