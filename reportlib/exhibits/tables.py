"""Tidy tables: records and calculations in, DataFrames of SI floats out.

One row per case, one column per quantity, named as in the glossary. A number that the records
do not have is NaN. Columns that end in ``_cite`` hold the source and the marks of their number.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from reportlib import cases
from reportlib.calculations import capacity, decode, roofline, stacks, transformer
from reportlib.calculations.precision import BYTES_PER_VALUE
from reportlib.params import Chip, Model, Params, Precision, Reading
from reportlib.units import Count

MARKS = {
    "derived": "d", "reported": "r", "estimated": "e", "assumed": "a", "relayed": "q",
    "recalled": "m",
}  # fmt: skip
DAYS_PER_YEAR = 365.25
BITS_PER_BYTE = 8
MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|@$^~]")  # what would be more than a letter there
ANATOMY = (
    "chip", "memory_kind", "stacks", "stacks_cite", "interface_width", "data_rate_per_pin",
    "data_rate_per_pin_cite", "implied_data_rate", "stack_capacity", "computed_bandwidth",
    "memory_bandwidth", "difference", "independent",
)  # fmt: skip
BATCHES_TRIED = 400  # from one user to a full memory


def cite(number: Any) -> str:
    """Return the citation of *number*, if there is one, and in superscript how sure it is."""
    if number is None:
        return ""
    sure = (getattr(number, "confidence", "stated"), number.verification)
    marks = "".join(MARKS.get(word, "") for word in sure)
    return f"\N{NO-BREAK SPACE}[@{number.source}]" + (f"^{marks}^" if marks else "")


def numbers_of(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Every number that stands, of each record of a *kind*, in one cell: as printed, with marks.

    *frame* is that of `frames.numbers`. Numbers that follow one another and share a source and
    marks are cited once.
    """
    standing = frame[(frame["kind"] == kind) & frame["until"].isna()]
    rows = [
        {
            "name": name,
            "numbers": "; ".join(
                ", ".join(map(_as_printed, run)) + citation
                for citation, run in groupby(numbers.itertuples(), key=cite)
            ),
        }
        for (_, name), numbers in standing.groupby(["id", "name"], sort=False)
    ]
    return pd.DataFrame(rows, columns=["name", "numbers"])


def _as_printed(row: Any) -> str:
    """Return a number of `frames.numbers` in words: what it is, as printed, and of what."""
    words = row.quantity.removeprefix("architecture.").replace(".", " ").replace("_", " ")
    basis = f" ({row.basis})" if row.basis else ""
    return MARKDOWN.sub(r"\\\g<0>", f"{words} {row.text}{basis}")


def coverage(frame: pd.DataFrame) -> pd.DataFrame:
    """How many numbers stand, by kind of record and by how sure they are."""
    standing = frame[frame["until"].isna()]
    counts = [pd.crosstab(standing["kind"], standing[by]) for by in ("confidence", "verification")]
    return pd.concat(counts, axis=1).reset_index()


def number(reading: Reading[Any] | None) -> float:
    """Return the value of *reading*, NaN where there is none."""
    return np.nan if reading is None else float(reading.value)


def link_bandwidth(chip: Chip) -> float:
    """Return the rate of *chip*'s scale-up link in one direction, NaN where none is known."""
    link = chip.scale_up and chip.scale_up.bandwidth
    return link.one_way if link else np.nan


def status(chip: Chip) -> str | None:
    """Return "shipping", "announced" or "cancelled", where a source says so."""
    return chip.status.value if chip.status else None


def chips(records: Mapping[str, Chip], precision: Precision = "bf16") -> pd.DataFrame:
    """What each chip holds, how fast it reads and computes, and how sure that is."""
    rows = [
        {
            "chip": chip.name,
            "vendor": chip.vendor,
            "memory_kind": chip.memory_kind,
            "status": status(chip),
            "memory_capacity": chip.memory_capacity.value,
            "memory_bandwidth": chip.memory_bandwidth.value,
            "peak_compute": number(chip.peak_compute.get(precision)),
            "power": number(chip.power),
            "link_bandwidth": link_bandwidth(chip),
            "memory_sweep_time": capacity.memory_sweep_time(
                chip.memory_capacity.value, chip.memory_bandwidth.value
            ),
            "ridge_point": roofline.ridge_point(
                cases.peak_compute(chip, precision), chip.memory_bandwidth.value
            ),
            "memory_capacity_cite": cite(chip.memory_capacity),
            "memory_bandwidth_cite": cite(chip.memory_bandwidth),
            "peak_compute_cite": cite(chip.peak_compute.get(precision)),
            "power_cite": cite(chip.power),
            "link_bandwidth_cite": cite(chip.scale_up.bandwidth if chip.scale_up else None),
        }
        for chip in records.values()
    ]
    return pd.DataFrame(rows).sort_values("memory_bandwidth", ignore_index=True)


def step_times(
    model: Model,
    chip: Chip,
    *,
    precision: Precision,
    context_length: Count,
    batch_sizes: Sequence[int],
) -> pd.DataFrame:
    """Times of the three parts of a decode step, per step and per token, by batch size."""
    sizes: Any = np.array(batch_sizes)
    step = cases.step(
        model, chip, precision=precision, batch_size=sizes, context_length=context_length
    )
    parts = {
        "read weights": step.weights_time,
        "read KV cache": step.kv_time,
        "multiply": step.multiply_time,
    }
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "part": part,
                    "batch_size": step.batch_size,
                    "time": time,
                    "time_per_token": time / step.batch_size,
                }
            )
            for part, time in parts.items()
        ],
        ignore_index=True,
    )


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
    """Batch size from which on a step is compute-bound, by context; no row where none is."""
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
        rows += [
            {"chip": chip.name, "vendor": chip.vendor, "context_length": c, "batch_size": b}
            for c, b in zip(contexts, batch_sizes, strict=True)
            if np.isfinite(b)
        ]
    return pd.DataFrame(rows, columns=["chip", "vendor", "context_length", "batch_size"])


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


def levers(model: Model, *, context_length: int, batch_size: int) -> pd.DataFrame:
    """How far each lever cuts the bytes that a token of *model* costs, one at a time."""
    attention = model.architecture.attention
    parameters = cases.parameters(model)

    def bytes_per_token(precision: Precision, batch: int, kv_precision: Precision) -> float:
        weights = parameters.read(batch) * BYTES_PER_VALUE[precision] / batch
        return float(weights + cases.kv_read_bytes(model, context_length, kv_precision))

    base = bytes_per_token("bf16", 1, "bf16")
    batched = bytes_per_token("bf16", batch_size, "bf16")
    rows = [
        ("Weights in FP8", "one user", base, bytes_per_token("fp8", 1, "bf16")),
        ("Weights in FP4 (MXFP4)", "one user", base, bytes_per_token("fp4", 1, "bf16")),
        (f"Batch of {batch_size}", "from one user", base, batched),
        ("KV cache in FP8", f"batch of {batch_size}", batched,
         bytes_per_token("bf16", batch_size, "fp8")),
    ]  # fmt: skip
    grouped = {m.heads / m.kv_heads for m in attention if m.kind == "gqa" and not m.index}
    all_heads = max(grouped, default=1)
    if all_heads > 1 and len(grouped) == len({m.kind for m in attention}) == 1:
        kv_bytes = float(cases.kv_read_bytes(model, context_length))
        rows.append(
            ("Grouped queries, against a KV head per query head", f"batch of {batch_size}",
             batched + (all_heads - 1) * kv_bytes, batched)
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=["lever", "case", "before", "after"])
    table["factor"] = table["before"] / table["after"]
    return table.sort_values("factor", ascending=False, ignore_index=True)


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


def fits(
    models: Iterable[Model], chips: Iterable[Chip], *, precision: Precision, usable_share: Count
) -> pd.DataFrame:
    """Chips needed to hold the weights, for every model and chip."""
    rows = [
        {
            "model": model.name,
            "chip": chip.name,
            "memory_capacity": chip.memory_capacity.value,
            "weight_bytes": cases.weight_bytes(model, precision),
            "chips_needed": float(
                cases.chips_needed(model, chip, precision=precision, usable_share=usable_share)
            ),
        }
        for model in models
        for chip in chips
    ]
    return pd.DataFrame(rows).sort_values(["weight_bytes", "memory_capacity"], ignore_index=True)


def concurrency(
    model: Model,
    chips: Iterable[Chip],
    *,
    precision: Precision,
    usable_share: Count,
    context_lengths: Sequence[int],
    replica: int,
) -> pd.DataFrame:
    """Users whose KV caches fit beside the weights on *replica* chips, by context."""
    contexts: Any = np.array(context_lengths, dtype=float)
    tables = [
        pd.DataFrame(
            {
                "chip": chip.name,
                "vendor": chip.vendor,
                "context_length": contexts,
                "max_batch_size": _users(
                    model,
                    chip,
                    chips=replica,
                    context_length=contexts,
                    precision=precision,
                    usable_share=usable_share,
                ),
            }
        )
        for chip in chips
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[table["max_batch_size"] >= 1].reset_index(drop=True)


def _users(
    model: Model,
    chip: Chip,
    *,
    precision: Precision,
    usable_share: Count,
    chips: Count,
    context_length: Any,
) -> Any:
    return capacity.leftover_batch_size(
        chips=chips,
        memory_capacity=chip.memory_capacity.value,
        usable_share=usable_share,
        weight_bytes=cases.weight_bytes(model, precision),
        kv_bytes_per_sequence=cases.kv_cache_bytes(model, context_length),
    )


def frontiers(
    models: Iterable[Model],
    chips: Iterable[Chip],
    *,
    precision: Precision,
    usable_share: Count,
    context_length: int,
    replica: int,
) -> pd.DataFrame:
    """Speed per user against throughput per chip, over all batches that *replica* chips hold."""
    tables = []
    for model in models:
        for chip in chips:
            users = float(
                _users(
                    model,
                    chip,
                    chips=replica,
                    context_length=float(context_length),
                    precision=precision,
                    usable_share=usable_share,
                )
            )
            if users < 1:
                continue
            batch_sizes: Any = np.unique(np.round(np.geomspace(1, users, 24)))
            step = cases.step(
                model,
                chip,
                precision=precision,
                batch_size=batch_sizes,
                context_length=context_length,
                chips=replica,
            )
            tables.append(
                pd.DataFrame(
                    {
                        "model": model.name,
                        "chip": chip.name,
                        "vendor": chip.vendor,
                        "batch_size": batch_sizes,
                        "tokens_per_second_per_user": 1 / step.floor,
                        "tokens_per_second_per_chip": decode.tokens_per_second(
                            batch_sizes, step.floor
                        )
                        / replica,
                    }
                )
            )
    columns = ["model", "chip", "vendor", "batch_size"]
    columns += ["tokens_per_second_per_user", "tokens_per_second_per_chip"]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    return table.dropna()


def head_to_head(
    models: Iterable[Model],
    pairs: Mapping[str, tuple[Chip, Chip]],
    *,
    precision: Precision,
    usable_share: Count,
    wanted_speeds: Sequence[float],
    context_lengths: Sequence[int],
) -> pd.DataFrame:
    """Throughput per chip of the first of two chips over the second, as read on several days.

    By the speed that every user is promised and by context. Zero or infinite where only one of
    the two is fast enough, NaN where neither is.
    """
    tables = []
    for model in models:
        for edition, pair in pairs.items():
            for context in context_lengths:
                rates = [
                    _best_rates(
                        model,
                        chip,
                        wanted_speeds=wanted_speeds,
                        context_length=context,
                        precision=precision,
                        usable_share=usable_share,
                    )
                    for chip in pair
                ]
                with np.errstate(divide="ignore", invalid="ignore"):
                    ratio = rates[0] / rates[1]
                row = {"model": model.name, "edition": edition, "context_length": context}
                tables.append(pd.DataFrame(row | {"wanted_speed": wanted_speeds, "ratio": ratio}))
    return pd.concat(tables, ignore_index=True)


def _best_rates(
    model: Model,
    chip: Chip,
    *,
    precision: Precision,
    usable_share: Count,
    wanted_speeds: Sequence[float],
    context_length: int,
) -> Any:
    """Most tokens/s per chip at each wanted speed, on as few chips as hold one user; 0 if none.

    The batch grows until memory is full or a user would be slower than promised.
    """
    chips = cases.chips_needed(
        model,
        chip,
        precision=precision,
        usable_share=usable_share,
        kv_bytes=cases.kv_cache_bytes(model, context_length),
    )
    users = float(
        _users(
            model,
            chip,
            chips=chips,
            context_length=float(context_length),
            precision=precision,
            usable_share=usable_share,
        )
    )
    batch_sizes: Any = np.unique(np.round(np.geomspace(1, max(users, 1), BATCHES_TRIED)))
    step = cases.step(
        model,
        chip,
        precision=precision,
        batch_size=batch_sizes,
        context_length=context_length,
        chips=chips,
    )
    rates = decode.tokens_per_second(batch_sizes, step.floor) / chips
    fast_enough = 1 / step.floor >= np.asarray(wanted_speeds)[:, None]
    return np.where(fast_enough, rates, 0.0).max(axis=1)


def pair_by_day(
    params: Params, pair: Sequence[str], days: Iterable[date]
) -> dict[str, tuple[Chip, Chip]]:
    """Return two chips as known on each of *days* on which both were, under the day's name."""
    known = {day: params.on(day).chips for day in days}
    return {
        str(day): (chips[pair[0]], chips[pair[1]])
        for day, chips in known.items()
        if all(chip in chips for chip in pair)
    }


def stack_anatomy(records: Iterable[Chip]) -> pd.DataFrame:
    """Stacks times width times pin rate, against the bandwidth that the vendor prints."""
    rows = []
    for chip in records:
        memory = chip.memory_stacks
        if memory is None:
            continue
        rate = memory.data_rate_per_pin
        computed = stacks.stack_bandwidth(
            stacks=memory.count.value,
            interface_width=number(memory.interface_width),
            data_rate_per_pin=number(memory.data_rate_per_pin),
        )
        implied = chip.memory_bandwidth.value / (
            memory.count.value * number(memory.interface_width)
        )
        rows.append(
            {
                "chip": chip.name,
                "memory_kind": chip.memory_kind,
                "stacks": memory.count.value,
                "stacks_cite": cite(memory.count),
                "interface_width": number(memory.interface_width),
                "data_rate_per_pin": BITS_PER_BYTE * number(rate),
                "data_rate_per_pin_cite": cite(memory.data_rate_per_pin),
                "implied_data_rate": BITS_PER_BYTE * implied,
                "stack_capacity": chip.memory_capacity.value / memory.count.value,
                "computed_bandwidth": computed,
                "memory_bandwidth": chip.memory_bandwidth.value,
                "difference": computed / chip.memory_bandwidth.value - 1,
                "independent": rate is not None and rate.confidence != "derived",
            }
        )
    return pd.DataFrame(rows, columns=list(ANATOMY))


def decode_ceilings(
    models: Iterable[Model],
    records: Iterable[Chip],
    *,
    precision: Precision,
    usable_share: Count,
    context_length: int,
) -> pd.DataFrame:
    """Chips that hold each model, and the ceiling on one user's speed on them.

    NaN for memory on the die: there reads are not what a step waits for.
    """
    rows = []
    for model in models:
        for chip in records:
            kv_bytes = cases.kv_cache_bytes(model, context_length)
            chips = cases.chips_needed(
                model, chip, precision=precision, usable_share=usable_share, kv_bytes=kv_bytes
            )
            step = cases.step(
                model,
                chip,
                precision=precision,
                batch_size=1,
                context_length=context_length,
                chips=chips,
            )
            on_chip = cases.keeps_weights_on_chip(chip)
            rows.append(
                {
                    "model": model.name,
                    "chip": chip.name,
                    "vendor": chip.vendor,
                    "status": status(chip),
                    "chips_needed": float(chips),
                    "tokens_per_second_per_user": np.nan if on_chip else float(1 / step.floor),
                }
            )
    return pd.DataFrame(rows)


def generations(records: Mapping[str, Chip], precision: Precision = "bf16") -> pd.DataFrame:
    """Dated HBM chips, each quantity as a multiple of the earliest chip's.

    A chip stands at the day since which all of its figures are those of this edition: what was
    announced and changed later counts from the change.
    """
    table = chips(records, precision)
    since = {chip.name: figures_since(chip) for chip in records.values()}
    table["since"] = pd.to_datetime(table["chip"].map(since))
    dated = table["since"].notna() & table["memory_kind"].str.startswith("HBM")
    table = table[dated & table["peak_compute"].notna()]
    long = table.sort_values(["since", "chip"]).melt(
        id_vars=["chip", "vendor", "status", "since"],
        value_vars=["peak_compute", "memory_bandwidth", "memory_capacity"],
        var_name="quantity",
        value_name="value",
    )
    first = long.groupby("quantity")["value"].transform("first")
    long["multiple"] = long["value"] / first
    return long


def figures_since(chip: Chip) -> date | None:
    """Return the day since which the main figures of *chip* are what they are, if it is known."""
    if chip.announced is None:
        return None
    figures = [chip.memory_capacity, chip.memory_bandwidth, *chip.peak_compute.values()]
    changes = [figure.superseded[-1].until for figure in figures if figure.superseded]
    return max([chip.announced.value, *changes])


def annual_growth(table: pd.DataFrame) -> dict[str, float]:
    """Yearly rate of growth of each quantity, from the first chip to the greatest value so far."""
    growth = {}
    for quantity, rows in table.groupby("quantity"):
        best = rows.sort_values("value").iloc[-1]
        years = (best["since"] - rows["since"].min()).days / DAYS_PER_YEAR
        growth[str(quantity)] = (
            float(stacks.annual_growth(first=1.0, last=best["multiple"], years=years))
            if years > 0
            else np.nan
        )
    return growth


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
