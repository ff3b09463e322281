"""The report tells itself of any cast: each chip or model may go, and strange ones may come."""

import re
from pathlib import Path

import pytest

from reportlib import params

ROOT = Path(__file__).parents[1]
NUMBERS = params.load(params.DEFAULT_ROOT)
TOLD = f"{NUMBERS.report.headline} {NUMBERS.report.sections} {NUMBERS.claims}"  # names, in text
FILES = sorted((ROOT / "params").glob("*s/*.yaml"))
NAMED = [path for path in FILES if f"'{path.stem}'" in TOLD]
# Python's words for what is not there; "None of the chips" is English.
LEAKED = re.compile(r"\b(?:nan|NaN|NaT|inf)\b|\bNone\b(?! of\b|[’'\"])")
CHIP = {
    "name": "Strange 1",
    "vendor": "Nobody",
    "memory_kind": "HBM9",
    "memory_capacity": "{value: 80 GB, source: nvidia-h100}",
    "memory_bandwidth": "{value: 3 TB/s, source: nvidia-h100}",
    "peak_compute": "{bf16: {value: 1 PFLOP/s, source: nvidia-h100}}",
}
STRANGE = {
    "minimal": {},
    "only fp8": {"peak_compute": "{fp8: {value: 1 PFLOP/s, source: nvidia-h100}}"},
    "only fp4": {"peak_compute": "{fp4: {value: 1 PFLOP/s, source: nvidia-h100}}"},
    "nothing published": {"peak_compute": "not published"},
    "only int8": {"peak_compute": "{int8: {value: 1 POP/s, source: nvidia-h100}}"},
    "large": {
        "memory_capacity": "{value: 1 TB, source: nvidia-h100}",
        "memory_bandwidth": "{value: 40 TB/s, source: nvidia-h100}",
    },
    "tiny": {
        "memory_capacity": "{value: 1 B, source: nvidia-h100}",
        "memory_bandwidth": "{value: 1 B/s, source: nvidia-h100}",
        "peak_compute": "{bf16: {value: 1 FLOP/s, source: nvidia-h100}}",
    },
    "on-chip": {"memory_kind": "SRAM", "memory_capacity": "{value: 1 MB, source: nvidia-h100}"},
    "stacks only counted": {"memory_stacks": "{count: {value: 8, source: nvidia-h100}}"},
    "oldest": {"announced": "{value: 2010-01-01, source: nvidia-h100}"},
    "punctuated": {"name": "O'Neil & Co (v1.0)/x"},
}


def check(told):
    assert told.faults == []
    leaks = {place: LEAKED.search(text) for place, text in told.texts.items()}
    assert {
        place: m.string[max(0, m.start() - 60) : m.end() + 30] for place, m in leaks.items() if m
    } == {}


def write(folder, changes):
    lines = [f"{key}: {value}\n" for key, value in (CHIP | changes).items()]
    (folder / "chips" / "strange.yaml").write_text("".join(lines))


@pytest.mark.parametrize("gone", NAMED, ids=lambda path: path.stem)
def test_what_the_report_names_may_go(tell, params_copy, gone):
    (params_copy / gone.relative_to(ROOT / "params")).unlink()

    check(tell(params_copy, draw=False))


@pytest.mark.parametrize("half", [0, 1])
def test_half_of_all_files_may_go(tell, params_copy, half):
    assert len(NAMED) > 8
    for gone in FILES[half::2]:
        (params_copy / gone.relative_to(ROOT / "params")).unlink()

    check(tell(params_copy, draw=False))


@pytest.mark.parametrize("kind", STRANGE)
def test_a_strange_chip_may_come(tell, params_copy, kind):
    write(params_copy, STRANGE[kind])

    told = tell(params_copy)

    check(told)
    name = (CHIP | STRANGE[kind])["name"]
    assert name in told.texts["30_chip_comparison: chips"]


@pytest.mark.parametrize("kind", ["minimal", "only fp8", "large", "tiny", "on-chip"])
def test_a_strange_chip_may_be_the_only_one(tell, params_copy, kind):
    for path in (params_copy / "chips").iterdir():
        path.unlink()
    write(params_copy, STRANGE[kind])

    check(tell(params_copy))


@pytest.mark.parametrize("model", ["gemma-3-27b", "deepseek-v3"])
def test_one_model_is_enough(tell, params_copy, model):
    for path in (params_copy / "models").iterdir():
        if path.stem != model:
            path.unlink()

    check(tell(params_copy))


@pytest.mark.parametrize("day", ["2020-06-01", "2026-03-01"])
def test_an_earlier_edition_can_be_told(tell, params_copy, monkeypatch, day):
    monkeypatch.setenv("AS_OF", day)

    told = tell(params_copy)

    check(told)
    assert any("Back edition" in text and day in text for text in told.texts.values())


@pytest.mark.parametrize("precision", ["fp8", "fp4", "int8"])
def test_any_precision_can_be_asked_for(tell, params_copy, precision):
    report = params_copy / "report.yaml"
    report.write_text(re.sub(r"(precision:) \w+", rf"\1 {precision}", report.read_text()))

    check(tell(params_copy))
