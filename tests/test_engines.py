"""An engine's name and its chip tell its class, and each class has constants that can be."""

from collections import Counter
from dataclasses import replace
from math import exp, hypot, log

import pytest

from reportlib import params
from reportlib.cases.engines import (
    ANNOUNCED_SPREAD,
    QUANTITIES,
    REGIMES,
    SPREAD,
    Constants,
    engine,
    engine_class,
    widened,
)
from reportlib.params.engines import Engines

PARAMS = params.load(params.DEFAULT_ROOT)
CHIPS, CLASSES = PARAMS.chips, PARAMS.engines.classes
every_class = pytest.mark.parametrize("identifier", CLASSES)

# Engine as people write it, chip, class.
NAMES = [
    ("llama.cpp", "h100-sxm5", "llama-cpp-hbm"),
    ("llama.cpp ROCm build 6000", "mi300x", "llama-cpp-hbm"),
    ("Ollama", "a100-pcie-80gb", "llama-cpp-hbm"),
    ("llama.cpp (2023-12)", "rtx-4090", "llama-cpp-cuda-2024"),
    ("llama.cpp, May 2024", "rtx-3090-ti", "llama-cpp-cuda-2024"),
    ("llama.cpp (2023-12)", "m2-ultra", "llama-cpp-metal-2024"),
    ("llama.cpp (2025-12)", "m2-ultra", "llama-cpp-metal"),
    ("llama-cpp-python", "m4-max", "llama-cpp-metal"),
    ("Ollama 0.5", "m3-max-40c", "llama-cpp-metal"),
    ("llama.cpp ROCm", "rx-7900-xt", "llama-cpp-rocm"),
    ("llama.cpp (HIP)", "strix-halo", "llama-cpp-rocm"),
    ("llama.cpp Vulkan", "strix-halo", "llama-cpp-vulkan"),
    ("llama.cpp Vulkan", "rtx-4090", "llama-cpp-vulkan"),
    ("llama.cpp build 7082", "gb10", "llama-cpp-cuda-2026"),
    ("llama.cpp CUDA", "rtx-5090", "llama-cpp-cuda-2026"),
    ("LLAMA.CPP", "rtx-4090", "llama-cpp-cuda"),
    ("ollama", "rtx-4090", "llama-cpp-cuda"),
    ("llama.cpp", "strix-halo", "llama-cpp"),
    ("MLX 0.20", "m4-max", "mlx"),
    ("mlx-lm", "m3-ultra", "mlx"),
    ("gpt-fast", "a100-sxm-80gb", "compiled"),
    ("MLC-LLM", "rtx-4090", "compiled"),
    ("ExLlamaV2", "rtx-3090-ti", "compiled"),
    ("TensorRT-LLM 0.17", "h200-sxm", "tensorrt-llm"),
    ("trtllm-serve", "b200", "tensorrt-llm"),
    ("AWS Neuron", "trainium1", "neuron"),
    ("vLLM 2023", "h100-sxm5", "launch-bound"),
    ("Hugging Face Transformers", "h100-sxm5", "launch-bound"),
    ("vLLM", "h100-sxm5", "serving"),
    ("vLLM 0.9.1", "mi300x", "serving"),
    ("SGLang", "b200", "serving"),
    ("LMDeploy", "h100-sxm5", "serving"),
    ("text-generation-inference", "gaudi-2", "serving"),
]


@pytest.mark.parametrize(("name", "chip", "expected"), NAMES)
def test_a_name_on_a_chip_is_of_a_class(name, chip, expected):
    found = engine(PARAMS, name, CHIPS[chip])

    assert (found.id, found.known) == (expected, True)
    assert found.name == CLASSES[expected].name


def test_every_class_that_has_names_is_tried():
    assert {expected for *_, expected in NAMES} == set(CLASSES) - {PARAMS.engines.default}


@every_class
def test_the_id_of_a_class_is_a_name_of_it_on_any_chip(identifier):
    for chip in CHIPS.values():
        assert engine_class(PARAMS.engines, identifier, chip) == (identifier, True)


@pytest.mark.parametrize("name", ["FasterTransformer", "llama", "Serving", "*", "[a-z]", ""])
@pytest.mark.parametrize("chip", ["h100-sxm5", "m4-max", "strix-halo"])
def test_an_unknown_name_is_of_the_default_class_and_says_so(name, chip):
    assert engine_class(PARAMS.engines, name, CHIPS[chip]) == (PARAMS.engines.default, False)


@pytest.mark.parametrize("name", [None, ""])
def test_no_name_is_the_default_class_and_known(name):
    found = engine(PARAMS, name, CHIPS["h100-sxm5"])

    assert (found.id, found.known) == (PARAMS.engines.default, True)


@pytest.mark.parametrize("first", ["narrow", "wide"])
def test_the_first_class_that_fits_counts(first):
    of = {
        "narrow": {"name": "Narrow", "engines": ["*fast*"], "vendors": ["NVIDIA"]},
        "wide": {"name": "Wide", "engines": ["*FAST*", "*slow*"]},
        "rest": {"name": "Rest"},
    }
    order = sorted(of, key=lambda key: key != first)
    engines = Engines.model_validate(
        {"default": "rest", "classes": {key: of[key] for key in order}}
    )

    assert engine_class(engines, "So Fast 2", CHIPS["h100-sxm5"]) == (first, True)
    assert engine_class(engines, "So Fast 2", CHIPS["mi300x"]) == ("wide", True)
    assert engine_class(engines, "slow", CHIPS["h100-sxm5"]) == ("wide", True)
    assert engine_class(engines, "other", CHIPS["h100-sxm5"]) == ("rest", False)


def test_a_class_may_be_of_one_kind_of_memory():
    engines = Engines.model_validate(
        {
            "default": "any",
            "classes": {
                "stacked": {"name": "Stacked", "engines": ["*"], "memory": "HBM"},
                "any": {"name": "Any"},
            },
        }
    )

    found = {key for key in CHIPS if engine_class(engines, "x", CHIPS[key])[0] == "stacked"}

    assert {"h100-sxm5", "mi300x"} <= found < set(CHIPS)
    assert found == {key for key, chip in CHIPS.items() if chip.memory_kind.startswith("HBM")}


@pytest.mark.parametrize(
    "change", [{"default": "nobody"}, {"classes": {"any": {"name": "A", "pools": ["nobody"]}}}]
)
def test_a_class_that_is_not_there_is_refused(change):
    given = {"default": "any", "classes": {"any": {"name": "A"}}} | change

    with pytest.raises(ValueError, match="no class is called 'nobody'"):
        Engines.model_validate(given)


# Constants


@every_class
def test_every_class_has_each_quantity_once(identifier):
    found = Counter(row.quantity for row in PARAMS.calibration if row.engine_class == identifier)

    assert found == dict.fromkeys(QUANTITIES, 1)


def test_no_constant_is_of_a_class_that_is_not_there():
    assert {row.engine_class for row in PARAMS.calibration} == set(CLASSES)
    assert {row.engine_class for row in PARAMS.held_out} <= set(CLASSES)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_constant_is_one_that_can_be(quantity):
    is_time = quantity.endswith(("_time", "_latency"))
    most = 1 if quantity.endswith("_efficiency") else 3  # of spreads, and of the skew

    for row in (row for row in PARAMS.calibration if row.quantity == quantity):
        assert 0 < row.low <= row.value <= row.high, row.engine_class
        assert row.unit == ("µs" if is_time else ""), row.engine_class
        # The slowest hosts take about a millisecond for a layer.
        assert row.high * row.scale < (2e-3 if is_time else most + 1e-9), row.engine_class
        if quantity.startswith(SPREAD):
            assert row.value >= 1, row.engine_class


@every_class
def test_an_engine_has_the_constants_of_its_class_in_si_units(identifier):
    found = engine(PARAMS, identifier, CHIPS["h100-sxm5"])
    rows = {r.quantity: r for r in PARAMS.calibration if r.engine_class == identifier}

    for name in Constants.__dataclass_fields__:
        scale = 1e-6 if rows[name].unit else 1
        assert getattr(found.constants, name) == pytest.approx(rows[name].value * scale)
    assert found.spread == {regime: rows[SPREAD + regime].value for regime in REGIMES}


def test_hosts_launch_each_layer_in_one_class_only():
    bound = [key for key, about in CLASSES.items() if about.host_bound]
    times = {key: engine(PARAMS, key, CHIPS["h100-sxm5"]).constants.host_time for key in CLASSES}

    assert len(bound) == 1
    assert times[bound[0]] > 10 * max(time for key, time in times.items() if key not in bound)


# Bands


@pytest.mark.parametrize("spread", [1.0, 1.2, 2.0])
def test_a_chip_that_is_announced_has_a_wider_band(spread):
    announced = [c for c in CHIPS.values() if c.status and c.status.value == "announced"]
    others = [c for c in CHIPS.values() if c not in announced]
    expected = exp(hypot(log(spread), log(ANNOUNCED_SPREAD)))

    assert announced
    assert all(widened(spread, chip) == pytest.approx(expected) for chip in announced)
    assert all(widened(spread, chip) == pytest.approx(spread) for chip in others)
    assert expected > spread


def test_params_without_classes_or_constants_have_no_engine():
    chip = CHIPS["h100-sxm5"]
    with pytest.raises(LookupError, match=r"no engines\.yaml"):
        engine(replace(PARAMS, engines=None), "vllm", chip)
    with pytest.raises(LookupError, match="lacks constants of 'serving'"):
        engine(replace(PARAMS, calibration=()), "vllm", chip)
    some = tuple(r for r in PARAMS.calibration if r.quantity != "layer_time")
    with pytest.raises(LookupError, match="lacks constants of 'serving'"):
        engine(replace(PARAMS, calibration=some), "vllm", chip)
