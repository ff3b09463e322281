"""Tables of all chips: what they have, what it is made of, how it grew, what it gives a user."""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from reportlib import cases
from reportlib.calculations import capacity, roofline, stacks
from reportlib.cases import ranges, supply
from reportlib.exhibits.tables.parts import cite, known_engine, link_bandwidth, number, status
from reportlib.params import Chip, Model, Params, Precision
from reportlib.units import Count

DAYS_PER_YEAR = 365.25
MOST_CHIPS = 64  # over which a model is split here
FAMILIES = ("HBM", "GDDR", "LPDDR", "SRAM")  # kinds of memory by how their names begin
Kinds = Mapping[str, Callable[..., Any]]
PREDICTED = (
    "model", "chip", "vendor", "status", "chips", "ceiling", "expected", "low", "high",
    "measurements",
)  # fmt: skip
GIVEN, FASTEST = "given", "fastest"
RIDGES = (
    "chip", "vendor", "status", "since", "rate", "precision", "ridge_point", "peak_compute_cite",
    "memory_bandwidth_cite",
)  # fmt: skip
RANGED = (
    "model", "chip", "vendor", "status", "kind", "low", "mid", "high", "price", "basis",
    "price_cite", "power", "power_cite",
)  # fmt: skip

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
            "on_die": cases.keeps_weights_on_chip(chip),
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


def trends(table: pd.DataFrame) -> pd.DataFrame:
    """Of each quantity of *table*, the first chip and the one with the greatest value so far."""
    groups = table.groupby("quantity", sort=False)["multiple"]
    ends = pd.concat([groups.head(1), table.loc[groups.idxmax(), "multiple"]])
    return table.loc[ends.index].assign(
        growth=lambda rows: rows["quantity"].map(annual_growth(table))
    )


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


def ridge_points(records: Mapping[str, Chip], precision: Precision = "bf16") -> pd.DataFrame:
    """Compute over bandwidth of dated HBM chips: in *precision*, and at their fastest rate."""
    table = generations(records, precision)
    bandwidth = table[table["quantity"] == "memory_bandwidth"]
    named = {chip.name: chip for chip in records.values()}
    rows = [
        {
            **{name: row[name] for name in ("chip", "vendor", "status", "since")},
            "rate": rate,
            "precision": at,
            "ridge_point": roofline.ridge_point(
                named[row["chip"]].peak_compute[at].value, row["value"]
            ),
            "peak_compute_cite": cite(named[row["chip"]].peak_compute[at]),
            "memory_bandwidth_cite": cite(named[row["chip"]].memory_bandwidth),
        }
        for row in bandwidth.to_dict("records")
        for rate, at in ((GIVEN, precision), (FASTEST, _fastest(named[row["chip"]])))
    ]
    return pd.DataFrame(rows, columns=list(RIDGES))


def _fastest(chip: Chip) -> Precision:
    return max(chip.peak_compute, key=lambda precision: chip.peak_compute[precision].value)


def predictions(
    numbers: Params,
    models: Iterable[Model],
    records: Mapping[str, Chip],
    *,
    precision: Precision,
    context_length: int,
    engine: str,
) -> pd.DataFrame:
    """One user's speed on the fewest chips over which engines split a model: bound and expected.

    Expected of *engine*, with the band in which measured speeds lie from P10 to P90, cut off at
    the ceiling; ``measurements`` are those of the chip. NaN where no constants are known. No row
    where as many chips as are tried do not hold the model, nor for memory on the die.
    """
    measured = [row.chip for row in numbers.mapped_measurements()]
    rows = []
    for model in models:
        degrees = cases.allowed_degrees(model, MOST_CHIPS)
        for key, chip in records.items():
            case = cases.Case(
                model,
                chip,
                cases.uniform(precision),
                context_length=context_length,
                longest_context=context_length,
            )
            split = replace(case, chips=cases.smallest_chips(case, degrees))
            if cases.keeps_weights_on_chip(chip) or np.isnan(split.chips):
                continue
            reached = known_engine(numbers, chip, engine)
            time = float(split.decode_time(reached)) if reached else np.nan
            spread = float(split.spread(reached)) if reached else np.nan
            ceiling = float(1 / split.decode_floor)
            rows.append(
                {
                    "model": model.name,
                    "chip": chip.name,
                    "vendor": chip.vendor,
                    "status": status(chip),
                    "chips": float(split.chips),
                    "ceiling": ceiling,
                    "expected": 1 / time,
                    "low": 1 / (time * spread),
                    "high": np.minimum(spread / time, ceiling),
                    "measurements": measured.count(key),
                }
            )
    return pd.DataFrame(rows, columns=list(PREDICTED))


def hosted(records: Iterable[Chip]) -> list[Chip]:
    """Return the chips of which such tables are: for data centres, with memory beside the die."""
    return [
        chip
        for chip in records
        if chip.segment == "datacenter" and not cases.keeps_weights_on_chip(chip)
    ]


def costs(numbers: Params, models: Iterable[Model], records: Iterable[Chip]) -> pd.DataFrame:
    """Cost of a million tokens on chips that one owns: percentiles over all inputs' ranges.

    Of chips with a price and a rated power.
    """
    priced = [chip for chip in records if chip.price and chip.power]
    kinds: Kinds = {"output": supply.owned_output_cost, "input": supply.owned_input_cost}
    return _ranged(numbers, models, priced, kinds)


def owning_prices(numbers: Params, records: Iterable[Chip]) -> pd.DataFrame:
    """Price of a second of chips that one owns: percentiles over all inputs' ranges."""
    rows = []
    for chip in records:
        if numbers.supply and chip.price and chip.power:
            of = functools.partial(supply.owning_price, chip)
            found = ranges.percentiles(of, supply.inputs(numbers.supply, of))
            rows.append({"chip": chip.name, "low": found.low, "mid": found.mid, "high": found.high})
    return pd.DataFrame(rows, columns=["chip", "low", "mid", "high"])


def widest_inputs(numbers: Params, model: Model, chip: Chip, most: int = 3) -> list[str]:
    """Inputs whose ranges move the cost of output most, the widest first, in words."""
    if numbers.supply is None:
        return []
    of = functools.partial(supply.owned_output_cost, model, chip)
    bars = ranges.tornado(of, supply.inputs(numbers.supply, of))
    return [bar.name.replace("_", " ") for bar in bars[:most]]


def energies(numbers: Params, models: Iterable[Model], records: Iterable[Chip]) -> pd.DataFrame:
    """Energy of a token, host and building included: percentiles over all inputs' ranges.

    Of chips with a rated power.
    """
    rated = [chip for chip in records if chip.power]
    kinds: Kinds = {"output": supply.output_energy, "input": supply.input_energy}
    return _ranged(numbers, models, rated, kinds)


def _ranged(
    numbers: Params,
    models: Iterable[Model],
    records: list[Chip],
    kinds: Kinds,
) -> pd.DataFrame:
    rows = []
    for model in models:
        for chip in records:
            for kind, function in kinds.items():
                if numbers.supply is None:
                    continue
                of = functools.partial(function, model, chip)
                found = ranges.percentiles(of, supply.inputs(numbers.supply, of))
                rows.append(
                    {
                        "model": model.name,
                        "chip": chip.name,
                        "vendor": chip.vendor,
                        "status": status(chip),
                        "kind": kind,
                        "low": found.low,
                        "mid": found.mid,
                        "high": found.high,
                        "price": number(chip.price),
                        "basis": chip.price.basis if chip.price else "",
                        "price_cite": cite(chip.price),
                        "power": number(chip.power),
                        "power_cite": cite(chip.power),
                    }
                )
    return pd.DataFrame(rows, columns=list(RANGED)).dropna(subset=["mid"])


def output_over_input(table: pd.DataFrame) -> "pd.Series[float]":
    """How many times as much a token of output takes as one of input, by model and chip."""
    middle = table.pivot_table(index=["model", "chip"], columns="kind", values="mid")
    kinds = middle.reindex(columns=["output", "input"]).astype(float)
    return (kinds["output"] / kinds["input"]).dropna()


def architectures(records: Iterable[Chip]) -> pd.DataFrame:
    """Kinds of chips by their memory: how many, whose, and what they span.

    A chip is tiered where a further memory of it holds as much as its main one, or more.
    """
    rows = [
        {
            "architecture": _architecture(chip),
            "chip": chip.name,
            "vendor": chip.vendor,
            "memory_capacity": chip.memory_capacity.value,
            "memory_bandwidth": chip.memory_bandwidth.value,
            "memory_sweep_time": capacity.memory_sweep_time(
                chip.memory_capacity.value, chip.memory_bandwidth.value
            ),
            "domain_size": number(chip.scale_up.domain_size if chip.scale_up else None),
        }
        for chip in records
    ]
    table = pd.DataFrame(rows).groupby("architecture")
    spans = {
        f"{name}_{end}": (name, function)
        for name in ("memory_capacity", "memory_bandwidth", "memory_sweep_time", "domain_size")
        for end, function in (("least", "min"), ("most", "max"))
    }
    found = table.agg(chips=("chip", list), vendors=("vendor", "unique"), **spans)
    return found.sort_values("memory_sweep_time_least").reset_index()


def _architecture(chip: Chip) -> str:
    kind = chip.memory_kind.upper()
    family = next((name for name in FAMILIES if kind.startswith(name)), chip.memory_kind)
    place = " on the die" if cases.keeps_weights_on_chip(chip) else ""
    sizes = [number(tier.memory_capacity) for tier in chip.tiers.values()]
    tiered = any(size >= chip.memory_capacity.value for size in sizes)
    return f"{family}{place}" + (" with a larger tier" if tiered else "")


def joined(
    model: Model, records: Iterable[Chip], *, precision: Precision, usable_share: Count
) -> pd.DataFrame:
    """As many of each chip as hold the weights of *model*, their time to read them and power."""
    rows = []
    for chip in records:
        needed = cases.chips_needed(model, chip, precision=precision, usable_share=usable_share)
        bandwidth = float(needed * chip.memory_bandwidth.value)
        rows.append(
            {
                "chip": chip.name,
                "on_die": cases.keeps_weights_on_chip(chip),
                "chips_needed": float(needed),
                "read_time": cases.weight_bytes(model, precision) / bandwidth,
                "joint_power": float(needed * number(chip.power)),
            }
        )
    return pd.DataFrame(rows).sort_values("chips_needed", ignore_index=True)
