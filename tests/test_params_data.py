"""What is in ``params/`` is cited, complete and not one of the numbers that others got wrong."""

import shutil
from datetime import date

import pytest

from reportlib import cases, params
from reportlib.params import coverage
from reportlib.params.architecture import MIXERS

EDITION = date(2026, 11, 22)
DAYS = [date(2025, 6, 1), date(2025, 10, 1), date(2026, 3, 1), EDITION]


@pytest.fixture(scope="module")
def known():
    return {day: params.load(as_of=day) for day in (*DAYS, date.max)}


@pytest.fixture(scope="module")
def now(known):
    return known[EDITION]


@pytest.fixture(scope="module")
def readings(known):
    """Everything with a source in params, superseded readings and architectures included."""
    everything = known[date.max]
    found = {}
    records = everything.chips | everything.models | everything.memory
    records |= {"supply": everything.supply}
    for name, record in records.items():
        for path, number in params.numbers(record):
            found[f"{name}.{path}"] = number
            for reading in number.superseded:
                found[f"{name}.{path} until {reading.until}"] = reading
        if isinstance(record, params.Model):
            found[f"{name}.architecture"] = record.architecture
    return found


def test_sources_are_exactly_those_cited(now, readings):
    cited = {reading.source for reading in readings.values()}
    cited |= {row.source for row in (*now.market, *now.measurements)}

    assert cited | {now.claims.source} | set(coverage.cited_in_text()) == set(now.sources)


def test_sources_are_sorted_by_key(now):
    assert list(now.sources) == sorted(now.sources)


def test_a_source_that_was_read_says_when(now, readings):
    read = {
        reading.source
        for reading in readings.values()
        if reading.verification == "read" and getattr(reading, "confidence", "") != "assumed"
    }

    assert {key for key in read if now.sources[key].accessed is None} == set()


def test_what_is_recalled_says_so_in_a_note(readings):
    recalled = {name: r.note for name, r in readings.items() if r.verification == "recalled"}

    assert "gpt-3-175b.architecture" in recalled
    assert all("recalled" in note for note in recalled.values())


def test_the_cast_is_complete(now):
    wanted = {
        "a100-sxm-80gb", "ascend-910c", "blackhole-p150", "corsair", "gaudi-3", "gb10", "gh200",
        "groq-lpu-v1", "h100-sxm5", "maia-200", "mi455x", "mtia-450", "rubin-r200", "sn40l",
        "strix-halo", "tpu-8i", "tpu-8t", "trainium3", "wse-2", "wse-3",
    }  # fmt: skip

    assert wanted <= set(now.chips)
    assert len(now.chips) > 100


def test_a_chip_without_a_rate_is_an_exception(now):
    without = {name for name, chip in now.chips.items() if not chip.peak_compute}

    assert without == {"rubin-ultra", "wse-2"}


def test_who_stands_aside_has_a_file(now):
    assert set(now.report.aside.chips) <= set(now.chips)
    assert set(now.report.aside.models) <= set(now.models)


@pytest.mark.parametrize(
    ("chip", "precision", "dense"),
    [
        ("a100-sxm-80gb", "bf16", 312e12),
        ("h100-sxm5", "bf16", 989.5e12),
        ("h100-sxm5", "fp8", 1979e12),
        ("h200-sxm", "bf16", 989.5e12),
        ("b200", "bf16", 2.25e15),
        ("b200", "fp4", 9e15),
        ("b300", "int8", 153.5e12),
        ("b300", "fp4", 13.5e15),
        ("rubin-r200", "bf16", 4e15),
        ("rubin-r200", "fp8", 17.5e15),
        ("rubin-r200", "int8", 250e12),
        ("rubin-r200", "fp4", 35e15),
        ("mi300x", "bf16", 1.3e15),
        ("mi355x", "bf16", 2.5e15),
        ("mi455x", "bf16", 5e15),
        ("tpu7x", "bf16", 2307e12),
    ],
)
def test_compute_is_dense(now, chip, precision, dense):
    assert now.chips[chip].peak_compute[precision].value == dense


@pytest.mark.parametrize(
    ("chip", "precision", "said"),
    [
        ("h100-sxm5", "bf16", "half of the 1,979 TFLOP/s"),
        ("b300", "fp4", "1.33 times dense, not 2"),
        ("rubin-r200", "fp4", "must not be halved"),
        ("mi455x", "fp8", "without a sparsity label"),
        ("wse-3", "bf16", "not published"),
        ("m2-ultra", "bf16", "FP32"),
    ],
)
def test_a_rate_of_doubtful_basis_says_so(now, chip, precision, said):
    assert said in now.chips[chip].peak_compute[precision].note


@pytest.mark.parametrize(
    ("chip", "capacity"),
    [
        ("tpu7x", 192 * 2**30),
        ("tpu-v5p", 95 * 2**30),
        ("h100-sxm5", 80e9),
        ("b200", 180e9),
        ("b300", 270e9),
        ("mi300x", 192e9),
        ("groq-lpu-v1", 230e6),
        ("h100-nvl", 94e9),
        ("mi325x", 256e9),
        ("trainium2", 96 * 2**30),
    ],
)
def test_capacity_is_decimal_or_binary_as_printed_and_of_one_package(now, chip, capacity):
    assert now.chips[chip].memory_capacity.value == capacity


@pytest.mark.parametrize(
    ("chip", "readings_by_day"),
    [
        ("rubin-r200", [13e12, 20.5e12, 22e12, 19.2e12]),
        ("mi455x", [None, 19.6e12, 19.6e12, 23.3e12]),
    ],
)
def test_bandwidth_is_what_was_known_on_the_day(known, chip, readings_by_day):
    found = [known[day].chips.get(chip) for day in DAYS]

    assert [c and c.memory_bandwidth.value for c in found] == readings_by_day


def test_a_capacity_that_shrank_before_shipping_keeps_the_announced_one(now):
    capacity = now.chips["mi325x"].memory_capacity

    assert [reading.text for reading in capacity.superseded] == ["288 GB"]


@pytest.mark.parametrize("chip", ["rubin-ultra", "rubin-cpx", "gh200", "rubin-r200", "mi455x"])
def test_what_changed_after_its_announcement_has_a_history(now, chip):
    readings = [number for _, number in params.numbers(now.chips[chip])]

    assert any(reading.superseded for reading in readings)


def test_rubin_bandwidth_keeps_every_reading_and_names_the_datasheet_peak(now):
    bandwidth = now.chips["rubin-r200"].memory_bandwidth

    assert [r.text for r in bandwidth.superseded] == ["13 TB/s", "20.5 TB/s", "22 TB/s"]
    assert "MaxLPS" in bandwidth.note
    assert "22 TB/s remains the peak" in bandwidth.note


def test_bandwidth_of_a_wafer_is_marked_as_memory_on_the_chip(now):
    wafer = now.chips["wse-3"]

    assert (wafer.memory_kind, wafer.memory_bandwidth.value) == ("SRAM", 21e15)
    assert "not a rate of memory beside the chip" in wafer.memory_bandwidth.note


@pytest.mark.parametrize(
    ("chip", "one_way"),
    [
        ("a100-sxm-80gb", 300e9),
        ("h100-sxm5", 450e9),
        ("b200", 900e9),
        ("rubin-r200", 1.5e12),
        ("mi300x", 448e9),
        ("mi455x", 1.8e12),
        ("tpu7x", 600e9),
    ],
)
def test_links_are_halved_where_both_directions_are_printed(now, chip, one_way):
    assert now.chips[chip].scale_up.bandwidth.one_way == one_way


def test_links_are_printed_as_the_sum_of_both_directions_by_most_vendors(now):
    links = [
        c.scale_up.bandwidth for c in now.chips.values() if c.scale_up and c.scale_up.bandwidth
    ]

    assert len(links) > 30
    assert sum(link.directions == "both" for link in links) > len(links) / 2


def test_the_fabric_of_a_wafer_is_printed_in_bits_and_is_no_memory(now):
    rates = [number.value for path, number in params.numbers(now.chips["wse-3"]) if "band" in path]

    assert max(rates) == 21e15  # the fabric's 214 Pbit/s would be 26.75e15, or 214e15 misread


def test_a_chip_without_a_link_leaves_it_out(now):
    assert now.chips["rtx-4090"].scale_up is None


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_stacks_times_width_times_pin_rate_is_the_bandwidth(known, day):
    checked = {}
    for name, chip in known[day].chips.items():
        stacks = chip.memory_stacks
        if stacks and stacks.interface_width and stacks.data_rate_per_pin:
            pins = stacks.count.value * stacks.interface_width.value
            checked[name] = pins * stacks.data_rate_per_pin.value / chip.memory_bandwidth.value

    assert {"h100-sxm5", "h200-sxm", "rubin-r200"} <= set(checked)
    # 5 %: the pin rate of the H200 is printed as "about 6.5".
    assert checked == pytest.approx(dict.fromkeys(checked, 1.0), rel=0.05)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("llama-3-70b", 70_553_706_496),
        ("llama-3.1-8b", 8_030_261_248),
        ("llama-3.1-405b", 405_853_388_800),
        ("mixtral-8x7b", 46_702_792_704),
        ("qwen3-235b-a22b", 235_093_634_560),
        ("deepseek-v3", 671_026_419_200),
        ("kimi-k2", 1_026_408_232_448),
        ("gpt-oss-120b", 116_829_156_672),
        ("falcon-180b", 179_522_565_120),
        # but for the norm after the embedding, 2 · 14,336
        ("bloom-176b", 176_247_271_424 - 28_672),
    ],
)
def test_dimensions_amount_to_the_parameters_of_the_published_weights(now, model, parameters):
    assert cases.parameters(now.models[model]).total == parameters


def printed_digit(number):
    """Return the size of the last digit that *number* is printed with, trailing zeros aside."""
    digits = number.text.partition(" ")[0]
    scale = number.value / float(digits)
    decimals = len(digits.partition(".")[2])
    zeros = 0 if decimals else len(digits) - len(digits.rstrip("0"))
    return scale * 10.0 ** (zeros - decimals)


def test_dimensions_agree_with_what_the_makers_state_or_the_note_says_why(now):
    apart = {}
    for name, model in now.models.items():
        stated, counted = model.parameters, cases.parameters(model).total
        if abs(counted - stated.value) > max(printed_digit(stated), 0.005 * stated.value):
            apart[name] = stated.note

    assert set(apart) == {"glm-4.5", "llama-4-scout", "step-3.7-flash"}
    assert all("without" in note or "counts" in note for note in apart.values())


def test_dimensions_agree_with_the_active_parameters_that_the_makers_state(now):
    stated = {n: m.active_parameters for n, m in now.models.items() if m.active_parameters}
    counted = {n: cases.parameters(now.models[n]).active for n in stated}

    assert len(stated) > 20
    # 11 %: some count the input embedding, or leave out the output head, as notes say.
    assert counted == pytest.approx({n: s.value for n, s in stated.items()}, rel=0.11)


def test_native_precision_is_that_of_the_published_weights(now):
    narrow = {n: m.native_precision for n, m in now.models.items() if m.native_precision != "bf16"}

    assert narrow == {
        "deepseek-v3": "fp8",
        "deepseek-r1": "fp8",
        "deepseek-v3.2": "fp8",
        "kimi-k2": "fp8",
        "mimo-v2-flash": "fp8",
        "minimax-m2.5": "fp8",
        "deepseek-v4-pro": "fp4",
        "deepseek-v4-flash": "fp4",
        "gpt-oss-120b": "fp4",
        "gpt-oss-20b": "fp4",
        "kimi-k3": "fp4",
    }


@pytest.mark.parametrize(
    ("model", "window", "layers"),
    [
        ("gpt-oss-120b", 128, 18),
        ("gemma-3-27b", 1024, 52),
        ("gemma-4-26b-a4b", 1024, 25),
        ("mimo-v2-flash", 128, 39),
        ("llama-4-maverick", 8192, 36),
    ],
)
def test_only_some_layers_have_a_sliding_window(now, model, window, layers):
    full, sliding = now.models[model].architecture.attention

    assert (sliding.window, sliding.layers) == (window, layers)
    assert full.window is None
    assert full.layers + layers == now.models[model].architecture.layers


def test_every_kind_of_mixer_is_entered(now):
    kinds = {mixer.kind for m in now.models.values() for mixer in m.architecture.attention}

    assert kinds == set(MIXERS)


def test_a_copy_of_a_folder_is_read_as_the_folder_was(tmp_path):
    copy = shutil.copytree(params.DEFAULT_ROOT, tmp_path / "params")

    assert params.load(copy, as_of=EDITION) is params.load(as_of=EDITION)
