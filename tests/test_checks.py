"""What is odd in params is told, with what to do; what is explained is not."""

import os
from datetime import date

import pytest
import small_params
from click.testing import CliRunner

from reportlib import checks, params
from reportlib.__main__ import main
from reportlib.params import coverage


@pytest.fixture
def small(tmp_path):
    return small_params.write(tmp_path)


def doubts(root):
    return list(map(str, checks.doubts(params.load(root, date.max), root)))


def test_nothing_in_params_is_odd_without_a_word_of_why():
    assert doubts(params.DEFAULT_ROOT) == []


def test_nothing_is_odd_in_a_sound_file(small):
    assert doubts(small) == []


CHIP, MODEL = "chips/chip-1.yaml", "models/model-1.yaml"
ODD = [
    (
        CHIP,
        "fp8: {value: 2 PFLOP/s, source: somewhere}",
        "fp8: {value: 3 PFLOP/s, source: somewhere%s}",
        "peak_compute.fp8: 3 PFLOP/s is 3 times bf16, not 1, 2 or 4; is it a sparse rate?",
    ),
    (
        CHIP,
        "fp4: {value: 4000 TFLOP/s, source: somewhere}",
        "fp4: {value: 8000 TFLOP/s, source: somewhere%s}",
        "peak_compute.fp4: 8000 TFLOP/s is 8 times bf16",
    ),
    (
        CHIP,
        "stack_capacity: {value: 16 GB, source: somewhere}",
        "stack_capacity: {value: 18 GB, source: somewhere%s}",
        "memory_stacks.stack_capacity: 5 stacks of 18 GB make 90 GB, not 80 GB;",
    ),
    (
        "memory/memory-1.yaml",
        "data_rate_per_pin: {value: 6.4 Gbit/s, source: somewhere}",
        "data_rate_per_pin: {value: 5.2 Gbit/s, source: somewhere%s}",
        "data_rate_per_pin: 1024 pins at 5.2 Gbit/s make 666 GB/s, not 819 GB/s;",
    ),
    (
        MODEL,
        "parameters: {value: 8 billion, source: somewhere}\nactive",
        "parameters: {value: 8.1 billion, source: somewhere%s}\nactive",
        "parameters: the dimensions make 8,030,261,248, not 8.1 billion;",
    ),
    (
        MODEL,
        "active_parameters: {value: 7.5 billion, source: somewhere}",
        "active_parameters: {value: 7 billion, source: somewhere%s}",
        "active_parameters: the dimensions make 7,504,924,672, not 7 billion;",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "said"), ODD)
def test_an_odd_number_is_told_where_it_stands(small, file, old, new, said):
    line = small_params.replace(small, file, old, new % "")

    (found,) = doubts(small)

    assert found.startswith(f"params/{file}:{line}: {said}")
    assert found.endswith("mend what is wrong, or say why in the note here")


@pytest.mark.parametrize(("file", "old", "new", "said"), ODD)
def test_a_note_on_the_odd_number_settles_it(small, file, old, new, said):
    small_params.replace(small, file, old, new % ", note: so it is printed")

    assert doubts(small) == [], said


@pytest.mark.parametrize(("stated", "told"), [("8 billion", 0), ("7.9 billion", 1), ("8e9", 0)])
def test_what_a_text_rounds_away_is_not_odd(small, stated, told):
    small_params.replace(small, MODEL, "7.5 billion", stated)  # the dimensions make 7.505

    assert len(doubts(small)) == told


def test_pins_that_do_not_make_the_bandwidth_are_told(small):
    line = small_params.replace(small, CHIP, "value: 5.2 Gbit/s", "value: 4 Gbit/s") - 1

    (found,) = doubts(small)

    assert found == (
        f"params/{CHIP}:{line}: memory_stacks.data_rate_per_pin: 5 stacks of 1024 pins at 4 Gbit/s "
        "make 2.56 TB/s, not 3.35 TB/s; mend what is wrong, or say why in the note here"
    )


def test_pins_that_did_not_make_the_bandwidth_of_their_time_are_told_with_the_day(small):
    small_params.replace(small, CHIP, "value: 4.7 Gbit/s", "value: 6 Gbit/s")

    (found,) = doubts(small)

    assert "make 3.84 TB/s, not 3 TB/s" in found
    assert found.endswith("(as known on 2025-08-31)")


@pytest.mark.parametrize(("rate", "told"), [("4 Gbit/s", 0), ("0.65 Gbit/s", 1), ("5.2 GB/s", 1)])
def test_no_note_settles_bytes_for_bits(small, rate, told):
    small_params.replace(
        small, CHIP, "value: 5.2 Gbit/s", f"value: {rate}\n    note: so it is printed"
    )

    assert len(doubts(small)) == told


@pytest.mark.parametrize(
    ("direction", "note", "told"),
    [
        ("one", "bidirectional total", "'bidirectional'"),
        ("one", "the sum of both", "'sum of both'"),
        ("one", "the sum of 18 links", None),
        ("one", "of both directions", "'both directions'"),
        ("one", "of 18 links", None),
        ("both", "bidirectional total", None),
        ("one", "half of the bidirectional total, confidence: derived", None),
    ],
)
def test_a_link_whose_note_and_directions_differ_is_told(small, direction, note, told):
    old = "directions: both, source: somewhere"
    new = f"directions: {direction}, source: somewhere, note: {note}"
    line = small_params.replace(small, CHIP, old, new)
    start = f"params/{CHIP}:{line}: scale_up.bandwidth.directions: one, but the note says {told};"

    found = doubts(small)

    assert [text[: len(start)] for text in found] == ([start] if told else [])


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("report.yaml", "[chip-1]", "[chip-2]", "headline.chips.0: 'chip-2' is the name of no file; did you mean chip-1?"),  # noqa: E501
        ("report.yaml", "[model-1]", "[m]", "headline.models.0: 'm' is the name of no file; add the file, or take the id out"),  # noqa: E501
        ("report.yaml", "{}", "\n  a: {chip_id: chp-1}", "sections.a.chip_id: 'chp-1' is the name of no file; did you mean chip-1?"),  # noqa: E501
        ("report.yaml", "{}", "\n  a: {model_id: modl-1}", "sections.a.model_id: 'modl-1' is"),
        ("report.yaml", "{}", "\n  a: {pair: [chip-1, chip1]}", "sections.a.pair: 'chip1' is"),
        ("claims.yaml", "{chip: chip-1}", "{chip: chip-l}", "claims.0.arguments.chip: 'chip-l' is"),
    ],
)  # fmt: skip
def test_a_name_of_no_file_is_told_with_the_nearest(small, file, old, new, said):
    small_params.replace(small, file, old, new)

    (found,) = doubts(small)

    assert f": {said}" in found
    assert found.startswith(f"params/{file}:")


def check(root, **options):
    return CliRunner().invoke(
        main, ["check", "--params", str(root)], catch_exceptions=False, **options
    )


def test_check_tells_what_there_is_and_what_is_doubtful(small):
    small_params.replace(small, CHIP, "2 PFLOP/s", "3 PFLOP/s")

    done = check(small)

    assert done.exit_code == 0, done.stderr
    assert "Doubts: 1\nparams/chips/chip-1.yaml:12: peak_compute.fp8: " in done.stdout
    assert "chip-1                            available, process\n" in done.stdout
    assert "HBM_PARAMS" not in os.environ


def test_check_of_sound_params_has_no_doubts(small):
    assert check(small).stdout.endswith("Doubts: none\n")


def test_check_refuses_what_a_build_refuses(small):
    small_params.replace(small, CHIP, "3.35 TB/s", "3.35 Tb/s")
    small_params.replace(small, MODEL, "layers: 32", "layer: 32")

    done = check(small)

    assert done.exit_code == 1
    assert done.stdout == ""
    assert "chip-1.yaml:6: memory_bandwidth.value: '3.35 Tb/s' is not a quantity" in done.stderr
    assert "model-1.yaml:5: architecture.layer: unknown key, did you mean layers?" in done.stderr
    assert "3 problem(s) in the parameters." in done.stderr


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("claims.yaml", "measure: memory_capacity", "measure: size", "'size' is not one of"),
        ("report.yaml", "{}", "{90_clams: {}}", "no notebooks/90_clams.ipynb; did you mean 90_"),
    ],
)
def test_check_refuses_what_only_later_steps_know(small, file, old, new, said):
    small_params.replace(small, file, old, new)

    done = check(small)

    assert done.exit_code == 1
    assert said in done.stderr


def test_check_is_plain_where_nobody_sees_colours(small):
    small_params.replace(small, CHIP, "2 PFLOP/s", "3 PFLOP/s")

    assert "\x1b" not in check(small).output
    assert "\x1b[33mparams/chips" in check(small, color=True).output


def test_numbers_are_counted_by_what_they_rest_on(small):
    small_params.replace(
        small,
        CHIP,
        "value: 700 W, source: somewhere",
        "value: 700 W, source: somewhere, confidence: reported, verification: relayed, note: so",
    )

    found = coverage.tallies(params.load(small, date.max))

    chips, models, memory = found["chips"], found["models"], found["memory"]
    assert (chips.records, chips.numbers) == (1, 18)
    assert (chips.grades["stated"], chips.grades["reported"]) == (17, 1)
    assert (chips.grades["read"], chips.grades["relayed"]) == (17, 1)
    assert (models.numbers, models.grades["stated"], models.grades["read"]) == (4, 3, 4)
    assert memory.numbers == 3


def test_what_is_dated_after_the_edition_is_not_in_the_report(small):
    path = small / "chips" / "chip-1.yaml"
    path.write_text(path.read_text().replace("2024-03-18", "2027-03-18"))

    assert any("dated after the edition of 2026-11-22" in doubt for doubt in doubts(small))


@pytest.mark.parametrize("name", ["chips/mine.yaml.txt", "chips/mine/chip-2.yaml", "memory/m.json"])
def test_a_file_that_is_not_read_is_named(small, name):
    (small / name).parent.mkdir(parents=True, exist_ok=True)
    (small / name).write_text("name: Mine\n")

    assert any(name in doubt and "not read" in doubt for doubt in doubts(small))


def test_a_source_that_nothing_cites_is_named(small):
    in_text = next(coverage.cited_in_text())
    with (small / "sources.yaml").open("a") as file:
        for key in ("unused", in_text):
            file.write(f"{key}: {{type: book, title: Unread, publisher: Nobody}}\n")

    assert coverage.uncited(params.load(small, date.max)) == {"unused"}


def test_a_chip_without_stacks_lacks_them_once(small):
    text = (small / CHIP).read_text()
    start, end = text.index("memory_stacks:"), text.index("scale_up:")
    (small / CHIP).write_text(text[:start] + text[end:])

    assert coverage.gaps(params.load(small))["chip-1"] == ["available", "process", "memory_stacks"]
