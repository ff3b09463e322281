"""Tables of what fits, for how many users, how fast, and of what splitting a model costs."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from reportlib import cases
from reportlib.calculations import capacity
from reportlib.cases.engines import Engine
from reportlib.exhibits.tables.parts import cite, link_bandwidth, status
from reportlib.params import Chip, Model, Params, Precision
from reportlib.params.engines import Constant
from reportlib.units import Count

BATCH_SIZES = [float(2**n) for n in range(13)]  # that serving is tried with
UNSHIPPED = "announced", "cancelled"
LATENCY = "collective_latency"
FRONTIER = (
    "model", "chip", "vendor", "chips", "batch_size", "tokens_per_second_per_user",
    "tokens_per_second_per_chip",
)  # fmt: skip
SPLITTING = (
    "batch_size", "chip", "vendor", "chips", "share", "low", "high", "tokens_per_second_per_user",
    "kv_copies", "balanced", "balances", "link_bandwidth", "link_bandwidth_cite",
)  # fmt: skip


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
    context_length: int,
    replica: int,
) -> pd.DataFrame:
    """Users whose KV caches fit beside the weights on *replica* chips, for chips that hold one."""
    rows = [
        {
            "chip": chip.name,
            "max_batch_size": float(
                capacity.leftover_batch_size(
                    chips=replica,
                    memory_capacity=chip.memory_capacity.value,
                    usable_share=usable_share,
                    weight_bytes=cases.weight_bytes(model, precision),
                    kv_bytes_per_sequence=cases.kv_cache_bytes(model, context_length),
                )
            ),
        }
        for chip in chips
    ]
    table = pd.DataFrame(rows).sort_values("max_batch_size", kind="stable")
    return table[table["max_batch_size"] >= 1].reset_index(drop=True)


def chips_for_users(
    models: Iterable[Model],
    chips: Iterable[Chip],
    *,
    precision: Precision,
    usable_share: Count,
    users: int,
    context_length: int,
) -> pd.DataFrame:
    """Chips needed to hold the weights, and with them the KV caches of *users* users."""
    setting: dict[str, Any] = {"precision": precision, "usable_share": usable_share}
    rows = [
        {
            "model": model.name,
            "chip": chip.name,
            "vendor": chip.vendor,
            "status": status(chip),
            "memory_capacity": chip.memory_capacity.value,
            "memory_capacity_cite": cite(chip.memory_capacity),
            "kv_bytes": users * cases.kv_cache_bytes(model, context_length),
            "for_weights": float(cases.chips_needed(model, chip, **setting)),
            "for_users": float(
                cases.chips_needed(
                    model,
                    chip,
                    kv_bytes=users * cases.kv_cache_bytes(model, context_length),
                    **setting,
                )
            ),
        }
        for model in models
        for chip in chips
    ]
    return pd.DataFrame(rows)


def largest_card(params: Params) -> list[Chip]:
    """The card of a data centre with most memory among those without links but PCIe, if any."""
    cards = [
        chip
        for chip in params.chips.values()
        if chip.segment == "datacenter"
        and chip.memory_kind.startswith("GDDR")
        and not (chip.scale_up and chip.scale_up.bandwidth)
        and status(chip) not in UNSHIPPED
    ]
    return sorted(cards, key=lambda chip: chip.memory_capacity.value)[-1:]


def engines(params: Params, chips: Iterable[Chip], name: str) -> dict[str, Engine]:
    """The class of the engine *name* on each chip, by the chip's name; none without constants."""
    try:
        return {chip.name: cases.engine(params, name, chip) for chip in chips}
    except LookupError:
        return {}


def exchange_latency(params: Params, engine: Engine | None) -> Constant | None:
    """What is known of the time that an exchange between chips takes at least, under *engine*."""
    known = {(row.engine_class, row.quantity): row for row in params.calibration}
    return known[engine.id, LATENCY] if engine else None


def splitting(
    model: Model,
    chips: Iterable[Chip],
    engines: Mapping[str, Engine],
    latency: Constant | None,
    *,
    precision: Precision,
    batch_sizes: Sequence[int],
    context_length: int,
) -> pd.DataFrame:
    """Share of a decode step that exchanges take, by batch, chip and number of chips.

    Nothing of chips of which no engine is known.
    From as many as hold the weights and caches to as many as links join. ``low`` and ``high`` are
    at the ends of the band of *latency*; ``kv_copies`` is how often all chips hold a cache.
    ``balanced`` is the number beyond which twice as many chips are less than a third faster, and
    ``balances`` marks the first number of chips that is no less.
    """
    rows = []
    for batch_size, chip in itertools.product(batch_sizes, chips):
        if latency is None or chip.name not in engines:
            continue
        engine = engines[chip.name]
        case = cases.Case(
            model,
            chip,
            cases.uniform(precision),
            batch_size=batch_size,
            context_length=context_length,
            longest_context=context_length,
        )
        balanced = float(cases.balanced_chips(case, engine))
        once = cases.kv_cache_bytes(model, context_length)
        degrees = cases.domain_degrees(model, chip)
        holding = [degree for degree in degrees if cases.fits(replace(case, chips=degree))]
        first = next((degree for degree in holding if degree >= balanced), None)
        for degree in holding:
            split = replace(case, chips=degree)
            share, low, high = (
                _exchange_share(split, engine, value * latency.scale)
                for value in (latency.value, latency.low, latency.high)
            )
            copies = cases.kv_cache_bytes(model, context_length, chips=degree) / once
            rows.append(
                {
                    "batch_size": batch_size,
                    "chip": chip.name,
                    "vendor": chip.vendor,
                    "chips": degree,
                    "share": share,
                    "low": low,
                    "high": high,
                    "tokens_per_second_per_user": 1 / float(split.decode_time(engine)),
                    "kv_copies": float(copies),
                    "balanced": balanced,
                    "balances": degree == first,
                    "link_bandwidth": link_bandwidth(chip),
                    "link_bandwidth_cite": cite(chip.scale_up.bandwidth if chip.scale_up else None),
                }
            )
    return pd.DataFrame(rows, columns=list(SPLITTING))


def _exchange_share(case: cases.Case, engine: Engine, latency: float) -> float:
    reached = replace(engine, constants=replace(engine.constants, collective_latency=latency))
    return float(case.communication_time(reached) / case.decode_time(reached))


def expected_frontiers(
    models: Iterable[Model],
    chips: Iterable[Chip],
    engines: Mapping[str, Engine],
    *,
    precision: Precision,
    input_length: int,
    output_length: int,
) -> pd.DataFrame:
    """Speed per user against throughput per chip as expected of engines, prompts included.

    Over batches and numbers of chips of one domain: those that no other beats in both. Nothing of
    chips of which no engine is known.
    """
    tables = []
    for model, chip in itertools.product(models, (c for c in chips if c.name in engines)):
        best = cases.sweep(
            cases.Case(model, chip, cases.uniform(precision)),
            engines[chip.name],
            output_length=output_length,
            batch_sizes=BATCH_SIZES,
            input_lengths=[float(input_length)],
            chips=[float(degree) for degree in cases.domain_degrees(model, chip)],
            weight_formats=[cases.uniform(precision)],
        ).frontier()
        tables.append(
            pd.DataFrame(
                {
                    "model": model.name,
                    "chip": chip.name,
                    "vendor": chip.vendor,
                    "chips": best.chips,
                    "batch_size": best.batch_size,
                    "tokens_per_second_per_user": best.tokens_per_user_second,
                    "tokens_per_second_per_chip": best.tokens_per_chip_second,
                }
            )
        )
    found = [table for table in tables if len(table)]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(FRONTIER))
