"""An edition shows what was known on its day, whoever names the day."""

import re
from datetime import date

import pytest

from reportlib.params import ParamsError, load


def test_the_report_names_the_day(params_copy):
    path = params_copy / "report.yaml"
    path.write_text(re.sub(r"(?m)^as_of: \S+", "as_of: 2025-12-31", path.read_text()))

    known = load(params_copy)

    assert known.report.as_of == date(2025, 12, 31)
    assert known.chips["rubin-r200"].memory_bandwidth.text == "20.5 TB/s"


def test_the_environment_comes_before_the_report_and_an_argument_before_both(monkeypatch):
    monkeypatch.setenv("AS_OF", "2026-03")

    assert load().report.as_of == date(2026, 3, 1)
    assert load(as_of=date(2025, 6, 1)).report.as_of == date(2025, 6, 1)


def test_a_record_that_did_not_change_is_the_very_same():
    now = load()
    then = now.on(date(2026, 3, 1))

    assert then.chips["h100-sxm5"] is now.chips["h100-sxm5"]
    assert then.chips["mi455x"].vendor == now.chips["mi455x"].vendor
    assert then.chips["mi455x"].memory_bandwidth.text != now.chips["mi455x"].memory_bandwidth.text


def test_a_chip_is_there_from_the_day_of_its_announcement():
    chip = load().chips["h100-sxm5"]
    assert chip.announced.value == date(2022, 3, 22)

    assert "h100-sxm5" in load(as_of=date(2022, 3, 22)).chips
    assert "h100-sxm5" not in load(as_of=date(2022, 3, 21)).chips


@pytest.mark.parametrize(
    ("kind", "kept", "wanted"),
    [("chips", "h100-sxm5", "chip with a peak_compute"), ("models", "kimi-k2", "model")],
)
def test_a_day_before_all_there_is_is_refused(params_copy, monkeypatch, kind, kept, wanted):
    for path in (params_copy / kind).iterdir():
        if path.stem != kept:
            path.unlink()
    monkeypatch.setenv("AS_OF", "2021-01-01")

    with pytest.raises(ParamsError, match=rf"^params/report.yaml:\d+: as_of: no {wanted} was"):
        load(params_copy)


def test_chips_without_any_rate_of_compute_are_refused(params_copy):
    for path in (params_copy / "chips").iterdir():
        if path.stem != "wse-2":
            path.unlink()

    with pytest.raises(ParamsError, match="no chip with a peak_compute was known"):
        load(params_copy)


def test_what_has_a_later_date_is_not_in_a_back_edition():
    now, then = load(), load(as_of=date(2024, 1, 1))

    assert "deepseek-v3" in set(now.models) - set(then.models)
    assert "llama-2-70b" in set(now.models) - set(then.models)  # has no date
    assert "hbm4" in set(now.memory) - set(then.memory)
    assert 0 < len(then.measurements) < len(now.measurements)
    assert 0 < len(then.market) < len(now.market)
    assert now.latest == then.latest == now.report.as_of


@pytest.mark.parametrize("text", ["soon", "2026-02-30", "20260301", "2026-03-01 ", "٢٠٢٦-٠٣-٠١"])
def test_a_day_that_is_none_is_one_clear_error(monkeypatch, text):
    monkeypatch.setenv("AS_OF", text)

    with pytest.raises(ParamsError) as refusal:
        load()

    assert str(refusal.value) == f"AS_OF:1: {text!r} is not a date (write AS_OF=2026-03-01)"


def test_no_text_is_no_day(monkeypatch):
    monkeypatch.setenv("AS_OF", "")

    assert load().report.as_of == date(2026, 11, 22)
