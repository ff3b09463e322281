"""Tables of all chips: what they have, what it is made of, how it grew, what it gives a user."""

from collections.abc import Iterable, Mapping
from datetime import date

import numpy as np
import pandas as pd

from reportlib import cases
from reportlib.calculations import capacity, roofline, stacks
from reportlib.exhibits.tables.parts import cite, link_bandwidth, number, status
from reportlib.params import Chip, Model, Precision
from reportlib.units import Count

DAYS_PER_YEAR = 365.25

BITS_PER_BYTE = 8

ANATOMY = (
    "chip", "memory_kind", "stacks", "stacks_cite", "interface_width", "data_rate_per_pin",
    "data_rate_per_pin_cite", "implied_data_rate", "stack_capacity", "computed_bandwidth",
    "memory_bandwidth", "difference", "independent",
)  # fmt: skip


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
