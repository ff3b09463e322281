"""Our figures are those that others have published, row by row of published_reference.csv.

oracles/published_reference.csv has 318 published figures, as printed and with their sources.
`theirs` says what to read where `value` is not a plain number, `ours` names a function below and
`arguments` what it takes. By `relation` ours is theirs ("="), or bounds what was measured: theirs
is "at most" or "at least" ours. `tolerance` is how far theirs may lie from ours, in that direction
only if ours is a bound. `why_not` says why a row is not computed, `remark` how one was read.
"""

import csv
import re
from collections import Counter
from datetime import date
from functools import cache
from inspect import signature
from pathlib import Path

import numpy as np
import pytest

from reportlib import cases, params
from reportlib.calculations.capacity import chips_needed, memory_sweep_time
from reportlib.calculations.collectives import (
    all_reduce_time,
    all_to_all_time,
    in_switch_all_reduce_time,
    remote_copies,
    ring_all_reduce_time,
)
from reportlib.calculations.decode import (
    critical_batch_size,
    decode_step_time,
    multiply_time,
    read_time,
    required_bandwidth,
    tokens_per_second,
)
from reportlib.calculations.precision import BITS_PER_BYTE, BYTES_PER_VALUE
from reportlib.calculations.splitting import (
    split_batch_size,
    split_context_length,
    usable_capacity,
)
from reportlib.calculations.transformer import matmul_flop
from reportlib.cases.models import kv_cache_bytes_per_token, prompt_flop
from reportlib.cases.predictions import Case

CSV = Path(__file__).parent / "oracles" / "published_reference.csv"
ROWS = {row["ref_id"]: row for row in csv.DictReader(CSV.read_text("utf-8").splitlines())}
UNITS = {
    "": 1, "chips": 1, "requests/GPU": 1, "tokens": 1, "tok/s": 1, "tok/s/NPU": 1, "%": 0.01,
    "kB": 1e3, "MB": 1e6, "GB": 1e9, "B": 1, "KiB": 2**10, "GiB": 2**30,
    "GB/s": 1e9, "GB/s busbw": 1e9, "TB/s": 1e12, "TFLOPS": 1e12, "GFLOPs/token": 1e9,
    "s": 1, "ms": 1e-3, "us": 1e-6, "ms per context token": 1e-3,
}  # fmt: skip
GIB = UNITS["GiB"]

# Models of which params have no file, with the dimensions of their config.json, recalled.
OTHERS = {
    "gpt-2-xl": {
        "layers": 48,
        "hidden_size": 1600,
        "vocabulary": 50_257,
        "attention": {"kind": "gqa", "heads": 25, "kv_heads": 25, "head_dim": 64},
        "feed_forward": {"size": 6400, "gated": False},
    },
    "qwen3-0.6b": {
        "layers": 28,
        "hidden_size": 1024,
        "vocabulary": 151_936,
        "tied_embeddings": True,
        "attention": {"kind": "gqa", "heads": 16, "kv_heads": 8, "head_dim": 128, "norms": True},
        "feed_forward": {"size": 3072},
    },
    "mistral-small-3.2-24b": {
        "layers": 40,
        "hidden_size": 5120,
        "vocabulary": 131_072,
        "attention": {"kind": "gqa", "heads": 32, "kv_heads": 8, "head_dim": 128},
        "feed_forward": {"size": 32_768},
    },
    "gemma-3-4b": {
        "layers": 34,
        "hidden_size": 2560,
        "vocabulary": 262_208,
        "tied_embeddings": True,
        "norms_per_layer": 4,
        "attention": [
            {"kind": "gqa", "heads": 8, "kv_heads": 4, "head_dim": 256, "norms": True, **layers}
            for layers in ({"layers": 5}, {"layers": 29, "window": 1024})
        ],
        "feed_forward": {"size": 10_240},
    },
}


@cache
def loaded(as_of=None):
    """Return params as known on a day."""
    return params.load(params.DEFAULT_ROOT, as_of=as_of)


MODELS = loaded().models | {
    name: params.Model.model_validate(
        {
            "name": name,
            "developer": name,
            "architecture": {"source": "recalled", "context_length": 1, **dimensions},
        }
    )
    for name, dimensions in OTHERS.items()
}


def chip_named(name, as_of=""):
    """Return a chip, as known on a day."""
    return (loaded(date.fromisoformat(as_of)) if as_of else loaded()).chips[name]


def listed(text):
    """Return the parts of an argument of several."""
    return text.split("/")


def weights(model, weight_format, chips=1):
    """Return the bytes of the weights on each chip."""
    return cases.stored_weight_bytes(MODELS[model], cases.format_named(weight_format)) / chips


# KV caches


def kv_per_token(*, model, bits=16):
    """Return the bytes that a token leaves."""
    return [kv_cache_bytes_per_token(MODELS[name]) * bits / 16 for name in listed(model)]


def kv_of_sequence(*, model, tokens, precision="bf16"):
    """Return the bytes of the cache of a sequence."""
    return cases.kv_cache_bytes(MODELS[model], tokens, precision)


def requests(*, model, tokens, memory):
    """Return how many sequences fit into so many GB that are free of weights."""
    return split_batch_size(
        usable_capacity=memory * UNITS["GB"],
        weight_bytes_per_chip=0,
        kv_bytes_per_sequence=cases.kv_cache_bytes(MODELS[model], tokens),
        kv_share=1,
    )


# Capacity; memory and what is reserved of it are in GiB


def weight_bytes(*, model, stored, chips=1):
    """Return the bytes of the weights on each chip."""
    return weights(model, stored, chips)


def routed_share(*, model):
    """Return the share of the parameters that routed experts have."""
    count = cases.parameters(MODELS[model])
    return count.routed / count.total


def kv_room(*, model, stored, memory, reserved, share=0.9, chips=1):
    """Return the bytes that are left for caches on each chip."""
    return usable_capacity(
        memory_capacity=memory * GIB, usable_share=share, reserved_bytes=reserved * GIB
    ) - weights(model, stored, chips)


def kv_tokens(*, model, stored, memory, chips=1):
    """Return how many tokens fit beside the weights if windowed layers keep all, too."""
    return split_context_length(
        usable_capacity=usable_capacity(
            memory_capacity=memory * GIB, usable_share=0.9, reserved_bytes=0
        ),
        weight_bytes_per_chip=weights(model, stored, chips),
        batch_size=1,
        kv_bytes_per_token=kv_cache_bytes_per_token(MODELS[model]),
        kv_share=1 / chips,
    )


def fits(*, model, stored, memory, cards=1, reserved=0, share=0.9, tokens=1024):
    """Return whether weights and a sequence fit into the memory of so many cards together."""
    room = usable_capacity(
        memory_capacity=np.multiply(memory, cards) * GIB,
        usable_share=share,
        reserved_bytes=reserved * GIB,
    )
    sequences = split_batch_size(
        usable_capacity=room,
        weight_bytes_per_chip=np.array([weights(model, name) for name in listed(stored)]),
        kv_bytes_per_sequence=cases.kv_cache_bytes(MODELS[model], tokens),
        kv_share=1,
    )
    return sequences >= 1


def slices(*, model, chip, bits):
    """Return the power of two of chips whose memory holds the weights."""
    needed = chips_needed(
        bytes_needed=cases.parameters(MODELS[model]).total * bits / BITS_PER_BYTE,
        memory_capacity=chip_named(chip).memory_capacity.value,
        usable_share=1,
    )
    return 2 ** np.ceil(np.log2(needed))


def weights_and_caches(*, model, precision, batch, context):
    """Return the bytes of both, at one precision."""
    of = MODELS[model]
    kept = batch * cases.kv_cache_bytes(of, context, precision)
    return cases.weight_bytes(of, precision) + kept


# Times


def step_floor(*, model, chip, precision, kv="bf16", batch, context, chips):
    """Return the least time of a decode step."""
    return Case(
        model=MODELS[model],
        chip=chip_named(chip),
        weight_format=cases.uniform(precision),
        kv_precision=kv,
        batch_size=batch,
        context_length=context,
        chips=chips,
    ).decode_floor


def step_of_parts(*, parameters, kv_per_token, batch, context, chip, chips):
    """Return the time of a step in int8 at peak rates that reads caches after multiplying."""
    of = chip_named(chip)
    return decode_step_time(
        weight_bytes=parameters,
        expert_bytes=0,
        kv_bytes=batch * context * kv_per_token,
        matmul_flop=matmul_flop(parameters, batch),
        attention_flop=0,
        memory_bandwidth=chips * of.memory_bandwidth.value,
        peak_compute=chips * of.peak_compute["bf16"].value,
        **dict.fromkeys(
            (
                "weight_efficiency",
                "expert_efficiency",
                "kv_efficiency",
                "compute_efficiency",
            ),
            1,
        ),
        fixed_time=0,
        communication_time=0,
        host_time=0,
    )


def sweep(*, chip):
    """Return the time to read all of the memory."""
    of = chip_named(chip)
    return memory_sweep_time(of.memory_capacity.value, of.memory_bandwidth.value)


def matmul_time(*, model, chip, chips, tokens, share=1):
    """Return the time to multiply tokens with all parameters at a share of the peak."""
    return multiply_time(
        matmul_flop(cases.parameters(MODELS[model]).total, tokens),
        share * chips * chip_named(chip).peak_compute["bf16"].value,
    )


def compute_share(*, time, **work):
    """Return the share of the peak that work in so many seconds reached."""
    return matmul_time(**work) / time


def training_flop(*, model, tokens):
    """Return the FLOP of training a token: those of reading it, and twice as many backwards."""
    passes = 3

    def forward(of):
        head = cases.parameters(of).by_class["head"]  # prompt_flop has it of the last token only
        return (prompt_flop(of, tokens) + matmul_flop(head, tokens - 1)) / tokens

    return [passes * forward(MODELS[name]) for name in listed(model)]


def exchange_bound(*, layers, tokens, hidden_size, bytes_per_value, copies, link):
    """Return the tokens per second if nothing but exchanges took time: two batches take turns."""
    time = all_to_all_time(
        tokens=tokens,
        bytes_per_token=hidden_size * bytes_per_value,
        copies=copies,
        link_bandwidth=link * UNITS["GB/s"],
        latency=0,
    )
    return tokens_per_second(1, 2 * layers * time)


def compute_bound(*, model, chip, precision):
    """Return the tokens per second that a chip's arithmetic allows, attention left out."""
    flop = matmul_flop(cases.parameters(MODELS[model]).active, tokens=1)
    return tokens_per_second(
        1, multiply_time(flop, cases.peak_compute(chip_named(chip), precision))
    )


def critical_batch(*, chip, stored, math):
    """Return the batch at which linear layers are balanced."""
    of = chip_named(chip)
    return critical_batch_size(
        bytes_per_parameter=BYTES_PER_VALUE[stored],
        peak_compute=of.peak_compute[math].value,
        memory_bandwidth=of.memory_bandwidth.value,
    )


# Chips


def memory(*, chip, as_of=""):
    """Return capacity and bandwidth."""
    of = chip_named(chip, as_of)
    return [of.memory_capacity.value, of.memory_bandwidth.value]


def bandwidth(*, chip):
    """Return the bandwidth of the memory."""
    return chip_named(chip).memory_bandwidth.value


def peak(*, chip, precision="bf16"):
    """Return the dense peak."""
    return chip_named(chip).peak_compute[precision].value


def weight_bandwidth(*, model, stored, speed):
    """Return the bandwidth that reads weights at so many tokens per second."""
    return required_bandwidth(weights(model, stored), steps_per_second=speed)


def kv_slope(*, model, chip, precision):
    """Return the time to read the cache of one more token."""
    return [
        read_time(kv_cache_bytes_per_token(MODELS[model], name), bandwidth(chip=chip))
        for name in listed(precision)
    ]


# Exchanges; links of the data sheets, one direction. An NVLink switch sustains 0.7 of them.

SUSTAINED = 0.7
LATENCIES = {  # of engines' kernels, seconds; as in test_published_splitting
    ("trtllm", "a100-sxm-80gb"): 5.9e-6,
    ("trtllm", "h100-sxm5"): 3.1e-6,
    ("vllm", "h100-sxm5"): 4.7e-6,
    ("trtllm", "b300"): 5.0e-6,
}
NCCL = {  # seconds to start a ring, and of each of its steps: fitted to 8192 B on 2, 4, 8 chips
    "a100-sxm-80gb": (9.25e-6, 0.86e-6),
    "h100-sxm5": (5.23e-6, 0.77e-6),
    "b300": (7.35e-6, 1.32e-6),
    "gb300": (7.26e-6, 1.38e-6),
}


def one_way(chip):
    """Return the bandwidth of a chip's links in one direction."""
    return chip_named(chip).scale_up.bandwidth.one_way


def all_reduce(*, library, chip, chips, message, in_switch=0):
    """Return the time to sum a message: an engine's kernel, NCCL's ring, or in the switch."""
    link = {
        "message_bytes": message,
        "chips": chips,
        "link_bandwidth": SUSTAINED * one_way(chip),
    }
    if in_switch:
        return in_switch_all_reduce_time(**link, latency=LATENCIES["trtllm", chip])
    if library == "nccl":
        start, step = NCCL[chip]
        return start + ring_all_reduce_time(**link, latency=step)
    return all_reduce_time(**link, latency=LATENCIES[library, chip], direct=1, in_switch=0)


NETWORK = {"link_bandwidth": 0.85 * 50e9, "latency": 20e-6}  # as in test_published_splitting
NVLINK_LATENCY = 20e-6
NODE = 8


def expert_exchange(*, ranks, bytes_per_value):
    """Return the time of DeepEP's low-latency kernels on H800: 128 tokens to 8 experts each."""
    scales = 4 / 128 if bytes_per_value == 1 else 0  # of FP8
    message = {"tokens": 128, "bytes_per_token": 7168 * (bytes_per_value + scales)}
    if ranks <= NODE:
        nvlink = {"link_bandwidth": 0.77 * one_way("h800-sxm"), "latency": NVLINK_LATENCY}
        return all_to_all_time(**message, copies=remote_copies(8, ranks=ranks), **nvlink)
    return all_to_all_time(**message, copies=remote_copies(8, ranks=ranks / NODE), **NETWORK)


def exchange_bandwidth(*, ranks):
    """Return the most that DeepEP's normal kernels can print, which count a token's own node."""
    if ranks <= NODE:
        return one_way("h800-sxm")
    network = 400e9 / BITS_PER_BYTE
    return network / remote_copies(1, ranks=ranks / NODE)


def bus_bandwidth(*, algorithm, chips):
    """Return what nccl-tests call bus bandwidth, of the bandwidth seen by the algorithm in GB/s."""
    sent_per_byte = ring_all_reduce_time(message_bytes=1, chips=chips, link_bandwidth=1, latency=0)
    return algorithm * UNITS["GB/s"] * sent_per_byte


OURS = {
    of.__name__: of
    for of in (
        kv_per_token, kv_of_sequence, requests, weight_bytes, routed_share, kv_room, kv_tokens,
        fits, slices, weights_and_caches, step_floor, step_of_parts, sweep, matmul_time,
        compute_share, training_flop, exchange_bound, compute_bound, critical_batch, memory,
        bandwidth, peak, weight_bandwidth, kv_slope, all_reduce, expert_exchange,
        exchange_bandwidth, bus_bandwidth,
    )
}  # fmt: skip
COMPUTED = {key: row for key, row in ROWS.items() if row["ours"]}


def argument(text):
    """Return a number, an array of them, or text."""
    try:
        numbers = [float(part) for part in listed(text)]
    except ValueError:
        return text
    return np.array(numbers) if len(numbers) > 1 else numbers[0]


def ours(row):
    """Return what we compute for a row, in SI units."""
    arguments = dict(pair.split("=", 1) for pair in row["arguments"].split())
    return np.atleast_1d(
        OURS[row["ours"]](**{
            name: text if name == "as_of" else argument(text) for name, text in arguments.items()
        })
    ).astype(float)  # fmt: skip


def theirs(row):
    """Return what a row prints, in SI units; what stands in brackets does not count."""
    unit = re.sub(r"\(.*?\)", "", row["unit"]).strip()
    printed = re.sub(r"\(.*?\)", "", row["theirs"] or row["value"])
    numbers = [re.fullmatch(r"(\S+) ?(.*)", part.strip()) for part in printed.split(" / ")]
    return np.array([float(number[1]) * UNITS[number[2] or unit] for number in numbers])


@pytest.mark.parametrize("key", COMPUTED)
def test_ours_is_what_is_published(key):
    row = COMPUTED[key]
    computed, printed, tolerance = ours(row), theirs(row), float(row["tolerance"])

    match row["relation"]:
        case "=":
            assert computed == pytest.approx(printed, rel=tolerance, abs=0)
        case "at most":
            assert (printed <= computed).all()
            assert (printed >= computed * (1 - tolerance)).all()
        case "at least":
            assert (printed >= computed).all()
            assert (printed <= computed * (1 + tolerance)).all()
        case other:
            pytest.fail(f"{other!r} is no relation")


def test_every_row_is_computed_or_says_why_not():
    kinds = ("computed", "bounded", "not computed")
    counts = Counter()
    for key, row in ROWS.items():
        assert bool(row["ours"]) != bool(row["why_not"]), key
        assert row["source"], key
        kind = (row["relation"] != "=") if row["ours"] else 2
        counts[row["category"], kinds[kind]] += 1

    for category in sorted({category for category, _ in counts}):
        shown = ", ".join(f"{counts[category, kind]} {kind}" for kind in kinds)
        print(f"{category}: {shown}")  # noqa: T201 - shown with -s
    assert counts.total() == 318
    assert sum(n for (_, kind), n in counts.items() if kind == "not computed") < 10


def test_all_computations_and_arguments_are_used():
    used = {name: set() for name in OURS}
    for row in COMPUTED.values():
        used[row["ours"]] |= {pair.split("=", 1)[0] for pair in row["arguments"].split()}

    for name, of in OURS.items():
        wanted = {key for key, p in signature(of).parameters.items() if p.kind != p.VAR_KEYWORD}
        assert used[name] >= wanted, name
