"""Tables of memories from SRAM to flash, what a slower one costs, and which chips use which."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
import pandas as pd

from reportlib import cases
from reportlib.calculations import capacity, offload, serving
from reportlib.cases.predictions import PCIE
from reportlib.cases.ranges import Range
from reportlib.exhibits.tables.parts import cite, link_bandwidth, number, status
from reportlib.params import Chip, MemoryTechnology, Model, Precision, Reading
from reportlib.params.evidence import MemoryFigures
from reportlib.units import BytesPerSecond, Count

TERABYTE_PER_SECOND: BytesPerSecond = 1e12
FAMILIES = ("SRAM", "HBM", "GDDR", "LPDDR", "DDR", "CXL", "flash")  # about as fast as they come
OTHER = "other"
RECOMPUTED = "computed anew"
SIZES = {  # what a unit's capacity is, the first that is known
    "capacity": "of parts",  # made, sampled or planned
    "die_capacity": "largest die",  # of a chip, which is one die
    "largest_capacity": "at most",
}

UNITS = (
    "name", "technology", "family", "device", "bandwidth", "bandwidth_cite", "capacity",
    "capacity_is", "capacity_cite", "memory_sweep_time", "price", "price_cite", "bandwidth_price",
    "energy", "energy_cite",
)  # fmt: skip
READINGS = ("technology", "family", "of", "value", "low", "high", "value_cite")
SLOWED = ["tier", "bandwidth", "slow_share", "one_after_other", "at_once", "free_share"]
TIERS = (
    "chip", "memory_kind", "memory_capacity", "memory_bandwidth", "tier", "tier_capacity",
    "tier_capacity_cite", "tier_bandwidth", "tier_bandwidth_cite",
)  # fmt: skip


def units(memories: Iterable[MemoryTechnology]) -> pd.DataFrame:
    """What one unit of each memory holds and delivers: a stack, a chip, a module, a drive.

    A technology has a row, and so has each product among its alternatives that says both what it
    holds and what it delivers. A product without a price or an energy has those of its technology.
    """
    rows = []
    for memory in memories:
        rows.append(_unit(memory, memory.name, memory))
        rows += [
            _unit(memory, name, figures)
            for name, figures in memory.alternatives.items()
            if figures.bandwidth and figures.capacity
        ]
    table = pd.DataFrame(rows, columns=list(UNITS))
    return table.sort_values("bandwidth", ascending=False, kind="stable", ignore_index=True)


def _unit(memory: MemoryTechnology, name: str, figures: MemoryFigures) -> dict[str, Any]:
    size, what = _size(memory, figures)
    price, energy = figures.price or memory.price, figures.energy or memory.energy
    sweep_time = capacity.memory_sweep_time(number(size), number(figures.bandwidth))
    return {
        "name": name,
        "technology": memory.name,
        "family": memory.family,
        "device": memory.device,
        "bandwidth": number(figures.bandwidth),
        "bandwidth_cite": cite(figures.bandwidth),
        "capacity": number(size),
        "capacity_is": what,
        "capacity_cite": cite(size),
        "memory_sweep_time": sweep_time,
        "price": number(price),
        "price_cite": cite(price),
        "bandwidth_price": capacity.bandwidth_price(
            price=number(price), memory_sweep_time=sweep_time, bandwidth=TERABYTE_PER_SECOND
        ),
        "energy": number(energy),
        "energy_cite": cite(energy),
    }


def _size(
    memory: MemoryTechnology, figures: MemoryFigures
) -> tuple[Reading[float] | None, str | None]:
    """Return what one unit holds, and what is meant by it."""
    for field, what in SIZES.items():
        size = getattr(figures, field)
        if size and (field != "die_capacity" or memory.device == "chip"):
            return size, what
    return None, None


def readings(
    memories: Iterable[MemoryTechnology], figure: Literal["price", "energy"]
) -> pd.DataFrame:
    """Every reading of a figure, of a technology and of its alternatives, with its range."""
    rows = []
    for memory in memories:
        own: Iterable[tuple[str, MemoryFigures]] = [("", memory)]
        for name, figures in chain(own, memory.alternatives.items()):
            reading = getattr(figures, figure)
            if reading is None:
                continue
            ends = Range.of(reading)
            rows.append(
                {
                    "technology": memory.name,
                    "family": memory.family,
                    "of": name or memory.name,
                    "value": reading.value,
                    "low": ends.low,
                    "high": ends.high,
                    "value_cite": cite(reading),
                }
            )
    return pd.DataFrame(rows, columns=list(READINGS))


def slower(
    memories: Mapping[str, MemoryTechnology], wanted: Sequence[str], chip: Chip
) -> dict[str, BytesPerSecond]:
    """Rates at which *chip* could read from elsewhere: a unit of memories *wanted*, and its links.

    By what they are, the fastest first; those that are no slower than its own memory are left out.
    """
    found = {
        f"{memories[i].name} ({memories[i].device})": number(memories[i].bandwidth)
        for i in wanted
        if i in memories
    }
    found["another chip (link)"] = link_bandwidth(chip)
    found["the host (PCIe 5.0)"] = PCIE
    rates = {name: rate for name, rate in found.items() if rate < chip.memory_bandwidth.value}
    return dict(sorted(rates.items(), key=lambda item: -item[1]))


def slow_downs(
    chip: Chip, rates: Mapping[str, BytesPerSecond], slow_shares: Sequence[float]
) -> pd.DataFrame:
    """How many times longer *chip* reads, by the share of the bytes that lie in a slower memory."""
    share: Any = np.asarray(slow_shares, dtype=float)
    own = chip.memory_bandwidth.value
    tables = []
    for name, rate in rates.items():
        split = {
            "fast_bytes": 1 - share,
            "slow_bytes": share,
            "fast_bandwidth": own,
            "slow_bandwidth": rate,
        }
        columns = {
            "tier": name,
            "bandwidth": rate,
            "slow_share": share,
            "one_after_other": offload.sequential_read_time(**split) * own,
            "at_once": offload.parallel_read_time(**split) * own,
            "free_share": offload.balanced_slow_share(own, rate),
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=SLOWED)


def spilled_speeds(
    model: Model,
    chip: Chip,
    rates: Mapping[str, BytesPerSecond],
    *,
    precision: Precision,
    usable_share: Count,
    context_length: Count,
) -> pd.DataFrame:
    """Ceiling on one user's speed where one chip keeps elsewhere what it has no room for."""
    step = cases.step(model, chip, precision=precision, batch_size=1, context_length=context_length)
    fast_share = offload.largest_fast_share(
        bytes_needed=cases.weight_bytes(model, precision)
        + cases.kv_cache_bytes(model, context_length),
        fast_capacity=chip.memory_capacity.value,
        usable_share=usable_share,
    )
    table = slow_downs(chip, rates, [1 - fast_share])
    own_time = step.weights_time + step.kv_time
    for order in ("one_after_other", "at_once"):
        table[order] = 1 / (table[order] * own_time)
    return table


def fetch_times(
    model: Model,
    chip: Chip,
    rates: Mapping[str, BytesPerSecond],
    *,
    precision: Precision,
    context_lengths: Sequence[int],
) -> pd.DataFrame:
    """Time to get the KV cache of a prompt: from each slower memory, or by computing it anew.

    Computed at the chip's peak, which flatters that way.
    """
    lengths: Any = np.asarray(context_lengths, dtype=float)
    kept = cases.kv_cache_bytes(model, lengths)
    times = {name: serving.kv_transfer_time(kept, rate) for name, rate in rates.items()}
    times[RECOMPUTED] = _prompt(model, chip, precision, lengths).prefill_floor
    return pd.concat(
        [
            pd.DataFrame({"way": way, "context_length": lengths, "time": time})
            for way, time in times.items()
        ],
        ignore_index=True,
    )


def break_even_bandwidths(
    models: Iterable[Model], chip: Chip, *, precision: Precision, context_length: int
) -> pd.DataFrame:
    """Rate above which a KV cache is fetched sooner than it is computed at the chip's peak."""
    rows = []
    for model in models:
        kept = float(cases.kv_cache_bytes(model, context_length))
        prefill_time = float(_prompt(model, chip, precision, context_length).prefill_floor)
        rows.append(
            {
                "model": model.name,
                "kv_cache_bytes": kept,
                "prefill_time": prefill_time,
                "bandwidth": offload.effective_bandwidth(kept, prefill_time),
            }
        )
    return pd.DataFrame(rows).sort_values("bandwidth", ignore_index=True)


def _prompt(model: Model, chip: Chip, precision: Precision, length: Any) -> cases.Case:
    """Return a case that reads one prompt of *length*."""
    return cases.Case(model, chip, cases.uniform(precision), input_length=length)


def family(memory_kind: str) -> str:
    """Return the family of a chip's memory; "other" for names that say none."""
    return next((f for f in FAMILIES if memory_kind.upper().startswith(f.upper())), OTHER)


def kinds(chips: Iterable[Chip]) -> pd.DataFrame:
    """What chips hold and how fast they read it, with the kind of their main memory."""
    rows = [
        {
            "chip": chip.name,
            "vendor": chip.vendor,
            "status": status(chip),
            "memory_kind": chip.memory_kind,
            "family": family(chip.memory_kind),
            "memory_capacity": chip.memory_capacity.value,
            "memory_bandwidth": chip.memory_bandwidth.value,
            "memory_capacity_cite": cite(chip.memory_capacity),
            "memory_bandwidth_cite": cite(chip.memory_bandwidth),
        }
        for chip in chips
    ]
    return pd.DataFrame(rows)


def outstanding(table: pd.DataFrame) -> list[str]:
    """Names of the chips of *kinds* that hold most or read fastest in their family."""
    ends = [
        table.loc[table.groupby("family")[figure].idxmax(), "chip"]
        for figure in ("memory_capacity", "memory_bandwidth")
    ]
    return list(chain(*ends))


def further_tiers(chips: Iterable[Chip]) -> pd.DataFrame:
    """The memories that chips have beside their main one."""
    rows = [
        {
            "chip": chip.name,
            "memory_kind": chip.memory_kind,
            "memory_capacity": chip.memory_capacity.value,
            "memory_bandwidth": chip.memory_bandwidth.value,
            "tier": name,
            "tier_capacity": number(tier.memory_capacity),
            "tier_capacity_cite": cite(tier.memory_capacity),
            "tier_bandwidth": number(tier.memory_bandwidth),
            "tier_bandwidth_cite": cite(tier.memory_bandwidth),
        }
        for chip in chips
        for name, tier in chip.tiers.items()
    ]
    return pd.DataFrame(rows, columns=list(TIERS))
