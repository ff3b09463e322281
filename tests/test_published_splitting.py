"""Models that are split over chips reproduce what other people have measured and published."""

from math import comb

import numpy as np
import pytest

from reportlib.calculations.collectives import (
    all_reduce_time,
    all_to_all_time,
    in_switch_all_reduce_time,
    remote_copies,
    remote_ranks,
    ring_all_reduce_time,
    two_level_all_reduce_time,
)
from reportlib.calculations.decode import critical_batch_size
from reportlib.calculations.experts import (
    busiest_rank_experts,
    coverage_tokens,
    expert_critical_batch_size,
    most_distinct_experts,
    padding_factor,
    skewed_distinct_experts,
    tokens_per_expert,
)
from reportlib.calculations.splitting import (
    balanced_chips,
    doubling_speed_up,
    fixed_step_time,
    kv_copies,
    pipeline_bubble,
    split_context_length,
    splits_evenly,
    weight_bytes_per_chip,
)

GIB = 2**30
AICONFIGURATOR = (
    "https://github.com/ai-dynamo/aiconfigurator, aic-core/src/aiconfigurator_core/systems/data"
    " at 095f58a51c4ca8e61b66ec108d86f223f8d559ce: */comm/nccl/*/nccl_perf.parquet and"
    " */comm/{trtllm,vllm}/*/custom_allreduce_perf.parquet"
)
DEEPEP = "https://github.com/deepseek-ai/DeepEP, docs/legacy.md, low-latency kernels"
ML_ENGINEERING = (
    "https://github.com/stas00/ml-engineering, network/benchmarks/README.md"
    " at 0cc3de50b2dd083c34d848a1dcb5bfe65fe3dace"
)
PCIE = (
    "https://github.com/voipmonitor/rtx6kpro, hardware/pcie-bandwidth.md"
    " at 070506ff96a20039f71a067adcb250e8fe3414f8: the faster of custom and NCCL"
)
VLLM_MEMORY = (
    "https://github.com/llm-d-incubation/llm-d-planner/blob/"
    "e50305af90f0812e77e1827f3bc740fe75b76370/docs/empirical-vllm-memory-results.md: measured"
)

# Seconds of the fastest of NCCL, TensorRT-LLM and, on H100, vLLM, by bytes.
SIZES = [2**13, 2**14, 2**17, 2**20, 2**24, 2**28]
MEASURED = {
    ("A100", 2): [4.68e-6, 5.11e-6, 5.192e-6, 11.561e-6, 128.2e-6, 1430.1e-6],
    ("A100", 4): [6.011e-6, 6.318e-6, 7.342e-6, 23.112e-6, 183.5e-6, 1926.6e-6],
    ("A100", 8): [7.997e-6, 8.376e-6, 11.725e-6, 38.85e-6, 216.5e-6, 2175.877e-6],
    ("H100", 2): [2.796e-6, 2.98e-6, 3.285e-6, 6.161e-6, 80.784e-6, 881.29e-6],
    ("H100", 4): [3.201e-6, 3.258e-6, 4.265e-6, 12.625e-6, 98.747e-6, 1180.557e-6],
    ("H100", 8): [3.608e-6, 3.837e-6, 6.395e-6, 14.823e-6, 92.373e-6, 1088.697e-6],
    ("B300", 2): [4.734e-6, 5.136e-6, 5.119e-6, 6.166e-6, 43.222e-6, 515.82e-6],
    ("B300", 4): [5.114e-6, 5.577e-6, 5.565e-6, 9.49e-6, 72.066e-6, 653.23e-6],
    ("B300", 8): [5.441e-6, 5.819e-6, 6.26e-6, 17.472e-6, 83.751e-6, 715.16e-6],
}
# Links of the data sheets, one direction, of which 0.7 is sustained; latencies fitted to MEASURED.
SUSTAINED = 0.7
LINKS = {
    "A100": {"link_bandwidth": SUSTAINED * 300e9, "latency": 5.9e-6},
    "H100": {"link_bandwidth": SUSTAINED * 450e9, "latency": 3.1e-6},
    "B300": {"link_bandwidth": SUSTAINED * 900e9, "latency": 5.0e-6},
}


def all_reduce_errors(chip, sizes):
    """Return by how much of the measured times of these sizes ours differ."""
    return np.array(
        [
            all_reduce_time(message_bytes=size, chips=chips, direct=1, in_switch=0, **LINKS[chip])
            / times[SIZES.index(size)]
            - 1
            for (name, chips), times in MEASURED.items()
            if name == chip
            for size in sizes
        ]
    )


@pytest.mark.parametrize(
    ("chip", "mean", "worst"), [("A100", 0.18, 0.48), ("H100", 0.11, 0.39), ("B300", 0.11, 0.33)]
)
def test_all_reduces_are_those_measured(chip, mean, worst):
    errors = np.abs(all_reduce_errors(chip, SIZES))

    assert errors.mean() < mean
    assert errors.max() < worst


@pytest.mark.parametrize(
    ("chip", "mean", "worst"), [("A100", 0.16, 0.28), ("H100", 0.06, 0.13), ("B300", 0.05, 0.12)]
)
def test_all_reduces_of_decode_steps_are_those_measured(chip, mean, worst):
    errors = np.abs(all_reduce_errors(chip, SIZES[:3]))

    assert errors.mean() < mean
    assert errors.max() < worst


def test_a_ring_of_whole_latencies_is_ten_times_too_slow_for_decode_steps():
    ring = ring_all_reduce_time(message_bytes=2**13, chips=8, **LINKS["H100"])

    assert ring > 10 * MEASURED["H100", 8][0]


# Seconds of NCCL's own ring for 8192 bytes on 2, 4 and 8 chips: a start, and as much per step.
NCCL_RINGS = {
    "A100": ({2: 10.97e-6, 4: 14.68e-6, 8: 21.27e-6}, 0.86e-6),
    "H100": ({2: 6.77e-6, 4: 10.04e-6, 8: 15.96e-6}, 0.77e-6),
    "B300": ({2: 9.99e-6, 4: 15.03e-6, 8: 25.8e-6}, 1.32e-6),
    "GB300": ({2: 10.02e-6, 4: 15.55e-6}, 1.38e-6),
}


@pytest.mark.parametrize(("measured", "per_step"), NCCL_RINGS.values(), ids=NCCL_RINGS)
def test_a_ring_grows_by_two_steps_for_each_chip(measured, per_step):
    start, *ours = (
        ring_all_reduce_time(
            message_bytes=2**13, chips=chips, link_bandwidth=1e12, latency=per_step
        )
        for chips in measured
    )
    first, *theirs = measured.values()

    assert np.array(ours) - start == pytest.approx(np.array(theirs) - first, rel=0.08)


def bus_bandwidth_time(message_bytes, bus_bandwidth, chips):
    """Return the time behind what nccl-tests call bus bandwidth."""
    return 2 * (chips - 1) / chips * message_bytes / bus_bandwidth


H800_NETWORK = {"link_bandwidth": 0.85 * 50e9, "latency": 20e-6}
H800_NVLINK = {"link_bandwidth": 0.77 * 200e9, "latency": 20e-6}
DISPATCH = {"tokens": 128, "bytes_per_token": 7168 + 7168 / 128 * 4}  # FP8, with scales
COMBINE = {"tokens": 128, "bytes_per_token": 7168 * 2}


def between_nodes(message, ranks):
    """Return the time of all-to-all on nodes of 8, each expert's copy on its own."""
    return all_to_all_time(**message, copies=remote_copies(8, ranks=ranks / 8), **H800_NETWORK)


PUBLISHED = {
    # All-to-all, seconds; the network's latency and share are fitted to these ten
    **{
        f"{name} to {ranks} ranks": (
            between_nodes(message, ranks),
            microseconds / 1e6,
            0.09,
            DEEPEP,
        )
        for name, message, measured in (
            ("dispatch", DISPATCH, {16: 118, 32: 155, 64: 173, 128: 192, 256: 194}),
            ("combine", COMBINE, {16: 195, 32: 273, 64: 314, 128: 369, 256: 360}),
        )
        for ranks, microseconds in measured.items()
    },
    "dispatch in a node": (
        all_to_all_time(**DISPATCH, copies=remote_copies(8, ranks=8), **H800_NVLINK),
        77e-6,
        0.19,
        f"{DEEPEP}, with the NVLink bandwidth of its normal kernels, 153 of 200 GB/s",
    ),
    "combine in a node": (
        all_to_all_time(**COMBINE, copies=remote_copies(8, ranks=8), **H800_NVLINK),
        114e-6,
        0.1,
        DEEPEP,
    ),
    # All-reduces, seconds
    **{
        f"all-reduce of {size} B in the switch of 8 H200": (
            in_switch_all_reduce_time(
                message_bytes=size, chips=8, link_bandwidth=0.69 * 450e9, latency=9e-6
            ),
            bus_bandwidth_time(size, bus_bandwidth, chips=8),
            within,
            ML_ENGINEERING,
        )
        for size, bus_bandwidth, within in (
            (2**15, 3.15e9, 0.02),
            (2**20, 74.57e9, 0.12),
            (2**24, 255.90e9, 0.32),
            (2**27, 414.54e9, 0.12),
            (2**30, 465.91e9, 0.04),
            (2**34, 482.25e9, 0.01),
        )
    },
    **{
        f"all-reduce of {size} B on 8 GPUs over PCIe": (
            all_reduce_time(
                message_bytes=size,
                chips=8,
                link_bandwidth=0.44 * 63e9,
                latency=7.5e-6,
                direct=1,
                in_switch=0,
            ),
            microseconds / 1e6,
            0.22,
            PCIE,
        )
        for size, microseconds in (
            (2**8, 7.5),
            (2**10, 7.5),
            (2**13, 9.2),
            (2**15, 16.5),
            (2**16, 24.1),
            (2**18, 28.0),
        )
    },
    **{
        f"all-reduce of {size} B on 4 nodes of 8 B200": (
            two_level_all_reduce_time(
                message_bytes=size,
                chips_per_node=8,
                nodes=4,
                link_bandwidth=SUSTAINED * 900e9,
                latency=5e-6,
                network_bandwidth=50e9,
                network_latency=110e-6,
            ),
            bus_bandwidth_time(size, bus_bandwidth, chips=32),
            0.4,
            f"{ML_ENGINEERING}, with a latency fitted to these",
        )
        for size, bus_bandwidth in (
            (2**15, 0.65e9),
            (2**18, 4.06e9),
            (2**20, 12.47e9),
            (2**24, 71.80e9),
            (2**27, 260.50e9),
            (2**30, 365.99e9),
        )
    },
    # Splits
    "copies of 8 KV heads on 16 chips": (
        kv_copies(8, chips=16),
        2,
        0,
        "https://github.com/vllm-project/vllm-ascend/pull/11886: 8 global heads, TP 16, yields 16",
    ),
    "40 heads on 6 chips": (
        splits_evenly(heads=40, kv_heads=40, chips=6),
        0,
        0,
        "https://github.com/vllm-project/vllm/issues/4232: refused",
    ),
    "tokens of Mistral Small 3.2 24B in 28.20 GiB": (
        split_context_length(
            usable_capacity=28.20 * GIB,
            weight_bytes_per_chip=0,
            batch_size=1,
            kv_bytes_per_token=40 * 2 * 8 * 128 * 2,
            kv_share=1,
        ),
        184_832,
        0.001,
        VLLM_MEMORY,
    ),
    "bubble of 8 stages and 32 micro-batches": (
        pipeline_bubble(stages=8, micro_batches=32),
        7 / 39,
        1e-9,
        "https://blog.rakeshraushan.org/ml/applied-ml/pipeline-parallelism.html, after GPipe",
    ),
}

LLAMA_70B_STEP = {"bytes_read": 139e9, "memory_bandwidth": 3.35e12}
ROUTINGS = {
    "Mixtral": {"experts": 8, "active_experts": 2},
    "DeepSeek-V3": {"experts": 256, "active_experts": 8},
    "DeepSeek-V4 Pro": {"experts": 384, "active_experts": 6},
    "Kimi K3": {"experts": 896, "active_experts": 16},
}

# Theirs is our formula, worked apart from the code: it guards against slips and changes, not
# against a wrong formula.
WORKED_BY_HAND = {
    # 80 · (40.6 + 2 · 2.4) µs; 139/3.35 ms / 3.632 ms
    "fixed time of Llama 3 70B on H100": (
        fixed_step_time(layers=80, layer_time=40.6e-6, all_reduces=2, latency=2.4e-6),
        3.632e-3,
        1e-9,
    ),
    "balanced H100 for Llama 3 70B": (
        balanced_chips(**LLAMA_70B_STEP, fixed_step_time=3.632e-3),
        11.4,
        0.005,
    ),
    "doubling at balance": (doubling_speed_up(11, balanced_chips=11), 4 / 3, 1e-9),
    # 58 · 256 experts of 3 · 7168 · 2048 B, and the rest of 671 GB on every chip
    "weights of DeepSeek-V3 on 64 ranks": (
        weight_bytes_per_chip(
            split_bytes=0,
            chips=1,
            kv_bytes=0,
            kv_heads=1,
            expert_bytes=653.9e9,
            expert_ranks=64,
            copied_bytes=17.1e9,
        ),
        27.317e9,
        0.001,
    ),
    # Simulated draws
    **{
        f"experts of DeepSeek-V3 read by 32 tokens, skew {skew}": (
            skewed_distinct_experts(**ROUTINGS["DeepSeek-V3"], tokens=32, skew=skew),
            simulated,
            0.005,
        )
        for skew, simulated in ((0, 163.3), (0.5, 148.7), (1, 105.9))
    },
    "experts of DeepSeek-V3 that 32 tokens can read": (
        most_distinct_experts(**ROUTINGS["DeepSeek-V3"], tokens=32),
        256,
        0,
    ),
    **{
        f"tokens that read 95 % of the experts of {name}": (
            coverage_tokens(**ROUTINGS[name], share=0.95),
            tokens,
            0.05,
        )
        for name, tokens in (
            ("Mixtral", 10),
            ("DeepSeek-V3", 94),
            ("DeepSeek-V4 Pro", 190),
            ("Kimi K3", 166),
        )
    },
    # Ranks hold 32 and 4 experts
    "remote ranks of DeepSeek-V3, of 8": (
        remote_ranks(**ROUTINGS["DeepSeek-V3"], ranks=8),
        7 * (1 - comb(224, 8) / comb(256, 8)),
        1e-4,
    ),
    "remote ranks of DeepSeek-V3, of 64": (
        remote_ranks(**ROUTINGS["DeepSeek-V3"], ranks=64),
        63 * (1 - comb(252, 8) / comb(256, 8)),
        1e-4,
    ),
    # Simulated draws: 24.21
    "experts of the busiest of 8 ranks, DeepSeek-V3": (
        busiest_rank_experts(**ROUTINGS["DeepSeek-V3"], tokens=32, ranks=8),
        24.21,
        0.01,
    ),
    # 989e12/3.35e12 · 256/8
    "critical batch of DeepSeek-V3's experts on H100": (
        expert_critical_batch_size(
            critical_batch_size=critical_batch_size(
                bytes_per_parameter=2, peak_compute=989e12, memory_bandwidth=3.35e12
            ),
            **ROUTINGS["DeepSeek-V3"],
        ),
        9447,
        0.0001,
    ),
    # 256/163.3 tokens in tiles of 64
    "padding of DeepSeek-V3's experts at 32 tokens": (
        padding_factor(
            tokens_per_expert(active_experts=8, tokens=32, distinct_experts=163.3), tile=64
        ),
        64 * 163.3 / 256,
        1e-9,
    ),
}


@pytest.mark.parametrize(("ours", "theirs", "within", "source"), PUBLISHED.values(), ids=PUBLISHED)
def test_published(ours, theirs, within, source):
    assert source
    assert ours == pytest.approx(theirs, rel=within, abs=0)


@pytest.mark.parametrize(("ours", "theirs", "within"), WORKED_BY_HAND.values(), ids=WORKED_BY_HAND)
def test_worked_by_hand(ours, theirs, within):
    assert ours == pytest.approx(theirs, rel=within, abs=0)
