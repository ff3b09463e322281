"""Tables of decode steps: their parts, the roofline, and when memory is the slower."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from reportlib import cases
from reportlib.calculations import capacity, decode, roofline, transformer
from reportlib.calculations.precision import BYTES_PER_VALUE
from reportlib.exhibits.tables.parts import cite, number
from reportlib.params import Chip, Model, Params, Precision, Reading
from reportlib.units import Count, FlopPerSecond

FURTHER, HIGHER = 1.6, 1.3  # times, from one point of a curve to the next
LARGEST_BATCH = 10_000  # of a curve that grows without limit
OFFLINE = "MLPerf Offline"  # what its workloads start with


def transport_ratios(
    models: Iterable[Model],
    chip: Chip,
    *,
    precision: Precision,
    context_length: Count,
    batch_sizes: Sequence[int],
) -> pd.DataFrame:
    """How many times longer memory takes than arithmetic, by model and batch size."""
    rows = [
        {
            "model": model.name,
            "parameters": cases.parameters(model).total,
            "batch_size": batch_size,
            "transport_ratio": float(
                cases.step(
                    model,
                    chip,
                    precision=precision,
                    batch_size=batch_size,
                    context_length=context_length,
                ).transport_ratio
            ),
        }
        for model in models
        for batch_size in batch_sizes
    ]
    return pd.DataFrame(rows).sort_values(["parameters", "batch_size"], ignore_index=True)


def roofline_points(
    model: Model,
    chip: Chip,
    *,
    precision: Precision,
    context_length: int,
    batch_sizes: Sequence[int],
) -> pd.DataFrame:
    """Arithmetic intensity of decoding by batch size, of its parts, and of prefill."""
    sizes: Any = np.array(batch_sizes)
    steps = cases.step(
        model, chip, precision=precision, batch_size=sizes, context_length=context_length
    )
    intensities: Any = roofline.arithmetic_intensity(
        steps.flop, steps.weight_bytes + steps.kv_bytes
    )
    decoding = [
        (f"decode, batch {size}", "decode", size, intensity)
        for size, intensity in zip(batch_sizes, intensities, strict=True)
    ]
    attention = roofline.arithmetic_intensity(
        cases.attention_flop(model, context_length), cases.kv_read_bytes(model, context_length)
    )
    prompt: Any = np.arange(1, context_length + 1)
    flop = transformer.matmul_flop(cases.parameters(model).active, tokens=context_length)
    flop = flop + np.sum(cases.attention_flop(model, prompt))
    prefill = roofline.arithmetic_intensity(
        flop,
        cases.parameters(model).read(context_length) * BYTES_PER_VALUE[precision]
        + cases.kv_cache_bytes(model, context_length),
    )
    points = [
        *decoding,
        ("attention alone, any batch", "attention", 1, attention),
        (f"prefill of {context_length:,} tokens", "prefill", 1, prefill),
    ]
    table = pd.DataFrame(points, columns=["case", "kind", "batch_size", "arithmetic_intensity"])
    intensity: Any = table["arithmetic_intensity"]
    table["attainable_compute"] = roofline.attainable_compute(
        arithmetic_intensity=intensity,
        peak_compute=cases.peak_compute(chip, precision),
        memory_bandwidth=chip.memory_bandwidth.value,
    )
    return table


def roof(chip: Chip, *, precision: Precision, intensities: Sequence[float]) -> pd.DataFrame:
    """Height of *chip*'s roof over a range of intensities."""
    intensity: Any = np.geomspace(min(intensities), max(intensities), 100)
    height = roofline.attainable_compute(
        arithmetic_intensity=intensity,
        peak_compute=cases.peak_compute(chip, precision),
        memory_bandwidth=chip.memory_bandwidth.value,
    )
    return pd.DataFrame({"arithmetic_intensity": intensity, "attainable_compute": height})


def critical_batch_sizes(
    model: Model, chips: Iterable[Chip], *, precision: Precision, context_lengths: Sequence[int]
) -> pd.DataFrame:
    """Batch size from which on a step is compute-bound, by context, up to LARGEST_BATCH.

    No row where none is. Of *context_lengths* in order, those at which it has moved since the last.
    """
    contexts: Any = np.array(context_lengths, dtype=float)
    rows = []
    for chip in chips:
        batch_sizes: Any = decode.whole_step_critical_batch_size(
            weight_bytes=cases.parameters(model).all_read * BYTES_PER_VALUE[precision],
            flop_per_sequence=cases.flop_per_token(model, contexts),
            kv_bytes_per_sequence=cases.kv_read_bytes(model, contexts),
            peak_compute=cases.peak_compute(chip, precision),
            memory_bandwidth=chip.memory_bandwidth.value,
        )
        curve = [(c, b) for c, b in zip(contexts, batch_sizes, strict=True) if b <= LARGEST_BATCH]
        rows += [
            {"chip": chip.name, "vendor": chip.vendor, "context_length": c, "batch_size": b}
            for c, b in _telling(curve)
        ]
    return pd.DataFrame(rows, columns=["chip", "vendor", "context_length", "batch_size"])


def _telling(curve: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the ends of a rising curve, and points that are far enough from the one before."""
    kept = list(curve[:1])
    for point in curve[1:]:
        if point[0] > FURTHER * kept[-1][0] or point[1] > HIGHER * kept[-1][1]:
            kept.append(point)
    return kept + [point for point in curve[-1:] if point != kept[-1]]


def critical_contexts(
    models: Sequence[Model], chips: Iterable[Chip], *, precision: Precision
) -> pd.DataFrame:
    """Context above which decoding is memory-bound at every batch: a row a chip, models across."""
    return pd.DataFrame(
        {"chip": chip.name}
        | {
            model.name: float(cases.critical_context_length(model, chip, precision))
            for model in models
        }
        for chip in chips
    )


def requirements(
    models: Iterable[Model], chip: Chip, *, precision: Precision, speed: Count
) -> pd.DataFrame:
    """What each model needs to write *speed* tokens a second for one user, beside *chip*."""
    rows = []
    for model in models:
        read = cases.parameters(model).read(1) * BYTES_PER_VALUE[precision]
        needed = decode.required_bandwidth(read, speed)
        rows.append(
            {
                "model": model.name,
                "weight_bytes": cases.weight_bytes(model, precision),
                "bytes_per_token": read,
                "required_bandwidth": needed,
                "capacity_share": cases.weight_bytes(model, precision) / chip.memory_capacity.value,
                "bandwidth_share": needed / chip.memory_bandwidth.value,
            }
        )
    return pd.DataFrame(rows).sort_values("required_bandwidth", ignore_index=True)


def full_batches(
    models: Iterable[Model],
    chip: Chip,
    *,
    precision: Precision,
    replica: int,
    request_lengths: Sequence[int],
) -> pd.DataFrame:
    """Memory time over arithmetic time of requests, in the largest batches that a replica holds.

    *replica* is its number of chips. Each request is half prompt and half output. Arithmetic is
    that of both; memory reads weights and caches once in each decode step, and for prompts
    nothing. No row where not one request fits.
    """
    rows = []
    for model in models:
        for length in request_lengths:
            users = float(
                capacity.leftover_batch_size(
                    chips=replica,
                    memory_capacity=chip.memory_capacity.value,
                    usable_share=cases.USABLE_SHARE,
                    weight_bytes=cases.weight_bytes(model, precision),
                    kv_bytes_per_sequence=cases.kv_cache_bytes(model, length),
                )
            )
            if users < 1:
                continue
            step = cases.step(
                model,
                chip,
                precision=precision,
                batch_size=users,
                context_length=length * 3 / 4,
                chips=replica,
            )
            prompts = users * cases.prompt_flop(model, length / 2)
            computing = step.multiply_time * length / 2 + prompts / step.peak_compute
            reading = (step.weights_time + step.kv_time) * length / 2
            rows.append(
                {
                    "model": model.name,
                    "parameters": cases.parameters(model).total,
                    "has_experts": cases.parameters(model).routed > 0,
                    "request_length": length,
                    "batch_size": users,
                    "transport_ratio": float(reading / computing),
                }
            )
    columns = ["model", "parameters", "has_experts", "request_length", "batch_size",
               "transport_ratio"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns).dropna()
    return table.sort_values(["parameters", "request_length"], ignore_index=True)


def offline(numbers: Params) -> pd.DataFrame:
    """Share of peak compute that the output of MLPerf's offline runs took, prompts not counted.

    A row a run of a chip that has a rate for the weights' own precision.
    """
    rows = []
    for row in numbers.mapped_measurements():
        if not (row.workload.startswith(OFFLINE) and row.metric == "output_tokens_per_second"):
            continue
        chip, model = numbers.chips[row.chip or ""], numbers.models[row.model or ""]
        rate = _own_rate(chip, row.weight_format)
        if rate is None or row.quality != "ok":
            continue
        flop = cases.flop_per_token(model, (row.output_length or 0) / 2)
        rows.append(
            {
                "model": model.name,
                "has_experts": cases.parameters(model).routed > 0,
                "chip": chip.name,
                "chips": row.chips or 1,
                "tokens_per_second": row.si_value,
                "compute_share": row.si_value * flop / ((row.chips or 1) * rate.value),
                "source": row.source,
            }
        )
    columns = ["model", "has_experts", "chip", "chips", "tokens_per_second", "compute_share",
               "source"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _own_rate(chip: Chip, weight_format: str) -> Reading[FlopPerSecond] | None:
    """Return the rate of *chip* for weights of *weight_format*, if both are known."""
    with suppress(ValueError):
        return chip.peak_compute.get(cases.format_named(weight_format).math)
    return None


def kv_per_token(models: Iterable[Model], *, context_length: int) -> pd.DataFrame:
    """KV cache per token of context, on average over a context, by model."""
    rows = [
        {
            "model": model.name,
            "attention": _attention(model),
            "kv_cache_bytes_per_token": float(cases.kv_cache_bytes(model, context_length))
            / context_length,
            "kv_cache_bytes": float(cases.kv_cache_bytes(model, context_length)),
            "kv_read_bytes": float(cases.kv_read_bytes(model, context_length)),
        }
        for model in models
    ]
    return pd.DataFrame(rows).sort_values("kv_cache_bytes", ignore_index=True)


KINDS = {
    "mla": "latent",
    "compressed": "compressed",
    "gated-delta-net": "linear",
    "kda": "linear",
    "mamba2": "state space",
    "lightning": "linear",
}


def _attention(model: Model) -> str:
    """Return the kinds of a model's attention, that of most layers first."""
    layers: dict[str, int] = {}
    of = model.architecture
    for mixer in of.attention:
        kind = KINDS.get(mixer.kind, "grouped")
        if mixer.kind == "gqa" and mixer.kv_heads == mixer.heads:
            kind = "multi-head"
        layers[kind] = layers.get(kind, 0) + of.mixer_layers(mixer)
    words = " and ".join(sorted(layers, key=lambda kind: -layers[kind]))
    slides = any(mixer.kind == "gqa" and mixer.window for mixer in of.attention)
    chooses = any(getattr(mixer, "index", None) for mixer in of.attention)
    return words + ", sliding window" * slides + ", sparse" * chooses


def models(records: Iterable[Model], chip: Chip, precision: Precision) -> pd.DataFrame:
    """What each model holds, reads and keeps, beside what its makers state and its S* on *chip*."""
    rows = [
        {
            "model": model.name,
            "developer": model.developer,
            "attention": _attention(model),
            "parameters": cases.parameters(model).total,
            "active_parameters": cases.parameters(model).active,
            "stated_parameters": number(model.parameters),
            "kv_cache_bytes_per_token": cases.kv_cache_growth(model),
            "context_length": model.architecture.context_length,
            "critical_context_length": float(cases.critical_context_length(model, chip, precision)),
            "parameters_cite": cite(model.architecture),
            "stated_parameters_cite": cite(model.parameters),
        }
        for model in records
    ]
    return pd.DataFrame(rows).sort_values("parameters", ignore_index=True)
