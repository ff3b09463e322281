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


def test_a_chip_is_there_from_the_day_of_its_announcement():
    chip = load().chips["h100-sxm5"]
    assert chip.announced.value == date(2022, 3, 22)

    assert "h100-sxm5" in load(as_of=date(2022, 3, 22)).chips
    assert "h100-sxm5" not in load(as_of=date(2022, 3, 21)).chips


def test_a_day_before_all_chips_is_refused(params_copy, monkeypatch):
    for path in (params_copy / "chips").iterdir():
        if path.stem != "h100-sxm5":
            path.unlink()
    monkeypatch.setenv("AS_OF", "2020-01-01")

    with pytest.raises(ParamsError, match=r"^params/report.yaml:\d+: as_of: no chip was announced"):
        load(params_copy)


@pytest.mark.parametrize("text", ["soon", "2026-02-30", "20260301", "2026-03-01 ", "٢٠٢٦-٠٣-٠١"])
def test_a_day_that_is_none_is_one_clear_error(monkeypatch, text):
    monkeypatch.setenv("AS_OF", text)

    with pytest.raises(ParamsError) as refusal:
        load()

    assert str(refusal.value) == f"AS_OF:1: {text!r} is not a date (write AS_OF=2026-03-01)"


def test_no_text_is_no_day(monkeypatch):
    monkeypatch.setenv("AS_OF", "")

    assert load().report.as_of == date(2026, 11, 22)
