"""Memories, market points and measurements are cited, plausible and refused where spoilt."""

import csv
import re
from collections import Counter
from datetime import date

import pytest

from reportlib import params
from reportlib.params import ParamsError

MEMORY = """\
name: HBM9
family: HBM
device: stack
bandwidth: {value: 9 TB/s, source: aiwire-hbm4}
"""


@pytest.fixture(scope="module")
def now():
    return params.load()


@pytest.fixture(scope="module")
def best_rates(now):
    """The highest rated data rate per pin of each memory, vendors' grades included."""
    found = {}
    for name, memory in now.memory.items():
        figures = [memory, *memory.alternatives.values()]
        rates = [f.data_rate_per_pin.value for f in figures if f.data_rate_per_pin]
        if rates:
            found[name] = max(rates)
    return found


# Memory technologies


def test_there_are_all_memories_from_hbm2_to_sram(now):
    assert set(now.memory) == {
        "hbm2", "hbm2e", "hbm3", "hbm3e", "hbm4", "hbm4e", "hbf", "gddr6", "gddr6x", "gddr7",
        "lpddr5x", "ddr5", "cxl", "nvme", "sram",
    }  # fmt: skip


def test_every_number_of_a_memory_has_a_described_source(now):
    cited = {r.source for m in now.memory.values() for _, r in params.numbers(m)}

    assert cited
    assert cited <= set(now.sources)


def test_numbers_include_those_of_alternatives(now):
    paths = [path for path, _ in params.numbers(now.memory["hbm4"])]

    assert "alternatives.Samsung, at most.data_rate_per_pin" in paths


def test_width_times_data_rate_is_the_bandwidth_or_a_note_says_why(now):
    checked = {}
    for name, m in now.memory.items():
        if m.interface_width and m.data_rate_per_pin and m.bandwidth:
            product = m.interface_width.value * m.data_rate_per_pin.value
            checked[name] = product / m.bandwidth.value

    assert len(checked) == 11
    assert checked == pytest.approx(dict.fromkeys(checked, 1.0), rel=0.05)


def test_stack_times_die_is_the_largest_capacity_or_a_note_says_why(now):
    checked = {}
    for name, m in now.memory.items():
        if m.stack_height and m.die_capacity and m.largest_capacity:
            product = m.stack_height.value * m.die_capacity.value
            checked[name] = product / m.largest_capacity.value

    assert len(checked) == 7
    assert "16 dies of 32 Gbit, for which" in now.memory["hbm3"].largest_capacity.note
    del checked["hbm3"]
    assert checked == pytest.approx(dict.fromkeys(checked, 1.0), rel=1e-9)


def test_a_price_of_a_stack_is_that_of_its_bytes(now):
    for name in ("hbm3e", "hbm4"):
        m = now.memory[name]
        assert m.price.value * m.capacity.value == pytest.approx(m.unit_price.value, rel=0.01)


@pytest.mark.parametrize(
    ("memory", "rated", "lowest", "highest"),
    [("hbm3e", 9.2e9 / 8, 6.3e9 / 8, 9.6e9 / 8), ("hbm4", 8e9 / 8, 7.6e9 / 8, 10.7e9 / 8)],
)
def test_a_rated_data_rate_is_not_what_products_run(now, memory, rated, lowest, highest):
    m = now.memory[memory]

    assert m.data_rate_per_pin.value == rated
    assert (m.data_rate_in_products.low, m.data_rate_in_products.high) == (lowest, highest)


def test_products_run_below_the_best_grade_of_their_memory(now, best_rates):
    within = {m: now.memory[m].data_rate_in_products for m in ("hbm3e", "hbm4")}
    assert all(reading.high < best_rates[m] for m, reading in within.items())

    run = {}
    for name, chip in now.chips.items():
        kind, stacks = chip.memory_kind.lower(), chip.memory_stacks
        if stacks and stacks.data_rate_per_pin and kind in best_rates:
            run[name] = stacks.data_rate_per_pin.value / best_rates[kind]
    assert len(run) > 3
    assert max(run.values()) <= 1, run


def test_newer_hbm_is_faster_and_larger(now):
    generations = [now.memory[i] for i in ("hbm2", "hbm2e", "hbm3", "hbm3e", "hbm4", "hbm4e")]

    for figure in ("bandwidth", "introduced"):
        values = [getattr(m, figure).value for m in generations]
        assert values == sorted(set(values))
    sizes = [m.largest_capacity.value for m in generations]
    assert sizes[0] < sizes[-1]


def test_a_memory_is_there_from_the_day_of_its_introduction():
    assert "hbm4" in params.load(as_of=date(2025, 4, 16)).memory
    assert "hbm4" not in params.load(as_of=date(2025, 4, 15)).memory


def test_a_memory_is_added_by_one_file(spare_copy):
    (spare_copy / "memory" / "hbm9.yaml").write_text(MEMORY)

    memory = params.load(spare_copy).memory["hbm9"]

    assert (memory.name, memory.bandwidth.value) == ("HBM9", 9e12)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("9 TB/s", "9 Tb/s", "4: bandwidth.value: '9 Tb/s' is not a quantity in B/s"),
        ("family: HBM", "family: HBN", "2: family: 'HBN' is not one of 'HBM'"),
        ("bandwidth", "bandwith", "4: bandwith: unknown key, did you mean bandwidth?"),
        ("aiwire-hbm4", "aiwire-hbm5", "4: bandwidth.source: 'aiwire-hbm5' is not in"),
        ("HBM9", "HBM4", "1: name: 'HBM4' is the name in hbm4.yaml too; give each its own"),
    ],
)
def test_a_spoilt_memory_is_refused(spare_copy, old, new, said):
    (spare_copy / "memory" / "hbm9.yaml").write_text(MEMORY.replace(old, new))

    assert any(f"params/memory/hbm9.yaml:{said}" in line for line in problems(spare_copy))


def test_a_copy_may_be_without_evidence(params_copy):
    for path in (params_copy / "memory").iterdir():
        path.unlink()
    (params_copy / "memory").rmdir()
    (params_copy / "market.csv").unlink()
    (params_copy / "measurements.csv").unlink()

    known = params.load(params_copy)

    assert (known.memory, known.market, known.measurements) == ({}, (), ())


# Market points and measurements


def test_every_row_is_loaded_with_a_described_source(now):
    assert (len(now.market), len(now.measurements)) == (185, 1769)
    assert {row.source for row in (*now.market, *now.measurements)} <= set(now.sources)


def test_measurements_by_regime_quality_and_verification_are_those_collected(now):
    assert Counter(m.regime for m in now.measurements) == {
        "batch1": 1079, "batched": 376, "saturated": 314,
    }  # fmt: skip
    assert Counter(m.quality for m in now.measurements) == {
        "ok": 1728,
        "suspect": 22,
        "exclude": 19,
    }
    assert Counter(m.verification for m in now.measurements) == {
        "read": 1595, "relayed": 166, "recalled": 8,
    }  # fmt: skip


def test_every_measurement_is_of_a_chip_and_a_model_with_files_or_says_why_not(now):
    chips = {m.chip for m in now.measurements} - {None}
    models = {m.model for m in now.measurements} - {None}

    assert chips <= set(now.chips)
    assert models <= set(now.models)
    assert all(m.unmapped for m in now.measurements if not (m.chip and m.model))
    assert len(now.mapped_measurements()) == sum(not m.unmapped for m in now.measurements) > 1000


@pytest.mark.parametrize(
    ("row", "chip", "why"),
    [
        ("M0561", None, "form factor not stated"),  # an H100
        ("M0569", None, "form factor not stated"),  # an A100
        ("M2513", None, "form factor not stated"),  # the post says "a single H100 GPU"
        ("M1034", None, "run on the CPU cores"),  # a Strix Halo
        ("M1066", None, "an RTX A2000"),  # in a board that is named for its CPU
        ("M1067", None, "GPU core count not stated"),
        ("M1711", None, "edition not stated"),  # RTX PRO 6000: editions differ by 11 %
        ("M2621", "rtx-pro-6000-blackwell", ""),
        ("M1744", "gb300", ""),
        ("M2549", "h800-sxm", ""),
    ],
)
def test_a_chip_is_named_only_where_its_form_is_known(now, row, chip, why):
    (found,) = (m for m in now.measurements if m.id == row)

    assert found.chip == chip
    assert why in found.unmapped


def test_a_card_with_two_chips_counts_as_one(now):
    counts = {m.chip_as_printed: m.chips for m in now.measurements if m.chip == "wormhole-n300"}

    assert counts == {"Wormhole n300 (2 chips)": 1, "Wormhole (QuietBox 8 chips)": 4}


def test_fine_tunes_stand_under_the_model_whose_dimensions_they_share(now):
    models = {m.model_as_printed: m.model for m in now.measurements}

    assert models["Llama-3.1-8B (Shisa V2)"] == "llama-3.1-8b"
    assert models["DeepSeek-R1-0528"] == "deepseek-r1"
    assert models["DeepSeek-R1-Distill-Qwen-14B"] is models["QwQ-32B"] is None


def test_what_is_recalled_or_transcribed_is_not_marked_read(now):
    for m in now.measurements:
        assert (m.verification == "recalled") == m.note.startswith("recalled")
        transcribed = "transcription" in (now.sources[m.source].note or "")
        assert (m.verification == "relayed") == transcribed, m.id
    assert {m.verification for m in now.market} == {"read", "relayed"}


def test_a_source_that_was_read_says_when(now):
    rows = (*now.market, *now.measurements)
    numbers = (r for m in now.memory.values() for _, r in params.numbers(m))
    read = {r.source for r in (*rows, *numbers) if r.verification == "read"}

    assert {key for key in read if now.sources[key].accessed is None} == set()


def test_no_decode_is_faster_than_memory_can_be_read(now):
    # Each token of a dense model reads all weights but the input embedding. A chip or a size that
    # was mistaken would stand above 1.
    reached = {}
    for m in now.mapped_measurements():
        single = m.metric == "decode_tokens_per_second_per_user" and m.batch_size == 1
        plain = m.quality == "ok" and m.speculative_decoding == "no" and m.weight_size and m.chips
        if single and plain and now.models[m.model].architecture.experts is None:
            chips = 1 if m.parallelism == "layer split" else m.chips
            bandwidth = chips * now.chips[m.chip].memory_bandwidth.value
            reached[m.id] = m.si_value * m.weight_size / bandwidth

    assert len(reached) > 200
    assert 0.9 < max(reached.values()) < 1


def test_values_are_seconds_and_rates_whatever_was_printed(now):
    rows = {m.id: m for m in now.measurements}

    assert (rows["M1529"].value, rows["M1529"].unit) == (53.679, "ms")
    assert rows["M1529"].si_value == pytest.approx(0.053679)
    assert rows["M2500"].si_value == 1.12


def test_a_row_is_known_from_its_day():
    before = params.load(as_of=date(2024, 4, 30))
    after = params.load(as_of=date(2024, 5, 1))

    assert len(after.measurements) > len(before.measurements) > 0
    assert 0 < len(before.market) < len(params.load().market)
    assert max(point.since for point in before.market) <= date(2024, 4, 30)


def test_market_points_have_signs_ranges_and_words(now):
    points = {point.id: point for point in now.market}

    assert points["m052"].value == -7.73  # a loss
    assert (points["m037"].low, points["m037"].high) == (18, 23)
    assert (points["m130"].low, points["m130"].high) == (30, None)
    assert points["m123"].statement == "sold out"
    assert Counter(p.bearing for p in now.market) == {
        "cyclical": 60, "neutral": 82, "structural": 43,
    }  # fmt: skip


# Spoilt rows


def problems(folder):
    with pytest.raises(ParamsError) as refusal:
        params.load(folder)
    lines = str(refusal.value).splitlines()
    assert all(re.fullmatch(r"params/[^:]+:\d+: .+", line) for line in lines), lines
    return lines


@pytest.fixture
def spare_copy(params_copy):
    """A copy of params with little in it, quick to load."""
    for folder, kept in (("chips", "h100-sxm5"), ("models", "llama-3-70b"), ("memory", "hbm4")):
        for path in (params_copy / folder).iterdir():
            if path.stem != kept:
                path.unlink()
    for name in ("market.csv", "measurements.csv"):
        lines = (params_copy / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (params_copy / name).write_text("".join(lines[:9]), encoding="utf-8")
    return params_copy


def rewritten(path, change):
    """Write *path* anew with its rows changed by *change*, a function of a list of dicts."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0])
    change(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize(
    ("file", "column", "cell", "said"),
    [
        ("measurements", "value", "fast", "value: 'fast' does not do: input should be a valid"),
        ("measurements", "value", "-3", "value: '-3' does not do: input should be greater than 0"),
        ("measurements", "value", "inf", "value: 'inf' does not do: input should be a finite"),
        ("measurements", "value", "", "value: empty; write a value"),
        ("measurements", "chips", "2.5", "chips: '2.5' does not do"),
        ("measurements", "metric", "tpot", "metric: 'tpot' is not one of 'decode_tokens_per_s"),
        ("measurements", "regime", "batch", "regime: 'batch' is not one of 'batch1'"),
        ("measurements", "quality", "good", "quality: 'good' is not one of 'ok'"),
        ("measurements", "verification", "seen", "verification: 'seen' is not one of 'read'"),
        ("measurements", "unit", "ms", "a decode_tokens_per_second_per_user in 'ms'; write it in"),
        ("measurements", "weight_size", "4.58", "weight_size: '4.58' is not a quantity in B"),
        ("measurements", "date", "May 2024", "date: 'May 2024' is not a time (write 2026, "),
        ("measurements", "date", "2024-13", "date: '2024-13' is not a time"),
        ("measurements", "date", "2025/2024", "date: '2025/2024' is not a time"),
        ("measurements", "source", "xiong", "source: 'xiong' is not in params/sources.yaml; "),
        ("measurements", "chip", "", "leave chip or model empty where no file fits, and then say"),
        ("measurements", "unmapped", "a CPU", "leave chip or model empty where no file fits"),
        ("measurements", "chip", "RTX 3070", "chip: 'RTX 3070' does not do: string should match"),
        ("measurements", "id", "M0002", "id: 'M0002' stands twice (first on line 2)"),
        ("measurements", "note", "a\N{RIGHT-TO-LEFT OVERRIDE}b", r"'a\u202eb' has an invisible"),
        ("measurements", "note", "\N{GRINNING FACE}", "for which the PDF has no letter"),
        ("market", "bearing", "bullish", "bearing: 'bullish' is not one of 'cyclical'"),
        ("market", "value", "3-8", "value: '3-8' does not do: input should be a valid number"),
        ("market", "value", "", "has neither a value, a range nor a statement; write one"),
        ("market", "unit", "", "has a number without a unit; write the unit"),
        ("market", "low", "99", "low, value and high are not in this order: [99.0, 8.56]"),
        ("market", "confidence", "sure", "confidence: 'sure' is not one of 'stated'"),
    ],
)
def test_a_spoilt_cell_is_refused_where_it_is_spoilt(spare_copy, file, column, cell, said):
    path = spare_copy / f"{file}.csv"
    rewritten(path, lambda rows: rows[0].update({column: cell}))

    found = problems(spare_copy)

    at = 3 if column == "id" else 2  # the second of two is the one that is too many
    assert any(line.startswith(f"params/{file}.csv:{at}: ") and said in line for line in found), (
        found
    )
    assert len(found) <= 2


def test_an_id_that_differs_from_other_rows_of_the_chip_is_a_slip(spare_copy):
    rewritten(spare_copy / "measurements.csv", lambda rows: rows[1].update(chip="rtx-3700"))

    assert problems(spare_copy) == [
        "params/measurements.csv:3: chip: 'rtx-3700', but RTX 3070 is 'rtx-3070' on line 2"
    ]


HEADER = b"id,period,date,entity,metric,value,unit,bearing,source,confidence,verification\n"
ROW = b"m1,2016Q1,2016-03,DRAM,revenue,8.56,billion USD,cyclical,evertiq-1q16,reported,read\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (HEADER + ROW.replace(b"DRAM", b"DRAM, all"), "2: 12 cells under 11 columns; quote text"),
        (HEADER + b"m1,2016Q1\n", "2: 2 cells under 11 columns"),
        (HEADER.replace(b"bearing", b"baering") + ROW, "1: baering: unknown column, did you"),
        (HEADER.replace(b"period,", b"") + ROW, "1: period: missing; every such file needs"),
        (HEADER.replace(b"metric", b"entity") + ROW, "1: entity: stands twice; keep one"),
        (HEADER.replace(b",", b";") + ROW, "1: no header that is known"),
        (HEADER + ROW + ROW, "3: id: 'm1' stands twice (first on line 2)"),
        (HEADER + b"\n" + ROW + ROW, "4: id: 'm1' stands twice (first on line 3)"),
        (HEADER + ROW.replace(b"2016Q1", b"2016\xff"), "2: byte "),
        ((HEADER + ROW).decode().encode("utf-16"), "1: byte 0 is not UTF-8"),
        (HEADER + ROW.replace(b"DRAM", b'"DRAM'), "2: not CSV: unexpected end of data"),
        (HEADER + ROW.replace(b"DRAM", b'"DR"AM'), "2: not CSV: "),
        (HEADER + ROW.replace(b"DRAM", b"DR\0AM"), r"2: entity: 'DR\x00AM' has an invisible"),
        (HEADER + ROW.replace(b"DRAM", b"D" * 200_000), "2: not CSV: field larger than field"),
        (b"", "1: no header that is known"),
        (b" " * 10_000_001, "1: larger than 10000000 bytes; split it"),
    ],
    ids=range(16),
)  # fmt: skip
def test_a_file_that_is_no_table_is_refused(spare_copy, content, said):
    (spare_copy / "market.csv").write_bytes(content)

    found = problems(spare_copy)

    assert any(line.startswith(f"params/market.csv:{said}") for line in found), found
    assert max(map(len, found)) < 1000


def test_what_is_not_a_file_is_refused(spare_copy):
    (spare_copy / "market.csv").unlink()
    (spare_copy / "market.csv").mkdir()

    assert problems(spare_copy) == ["params/market.csv:1: cannot be read (not a file)"]


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbf" + HEADER + ROW, (HEADER + ROW).replace(b"\n", b"\r\n")]
)
def test_what_a_spreadsheet_writes_is_read(spare_copy, content):
    (spare_copy / "market.csv").write_bytes(content)

    (point,) = params.load(spare_copy).market

    assert (point.id, point.value, point.verification) == ("m1", 8.56, "read")


def test_all_slips_of_both_tables_are_told_at_once(spare_copy):
    rewritten(spare_copy / "market.csv", lambda rows: rows[3].update(bearing="up", value="x"))
    rewritten(spare_copy / "measurements.csv", lambda rows: rows[5].update(quality="fine"))

    found = [line.split(":")[:3] for line in problems(spare_copy)]

    assert found == [
        ["params/market.csv", "5", " bearing"],
        ["params/market.csv", "5", " value"],
        ["params/measurements.csv", "7", " quality"],
    ]
