"""Tables of the supply of HBM: its generations, the way from wafers to stacks, and who makes it.

What is said of a period before it is over is foretold, whoever says it.
"""

import calendar
import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from reportlib.calculations import stacks
from reportlib.calculations import supply as wafers
from reportlib.cases import ranges
from reportlib.cases import supply as cases
from reportlib.exhibits.tables.chips import DAYS_PER_YEAR, figures_since
from reportlib.exhibits.tables.parts import cite, number, status
from reportlib.exhibits.tables.tiers import family
from reportlib.exhibits.words import count, listed, percent
from reportlib.params import Chip, MarketPoint, MemoryTechnology, Supply
from reportlib.units import Bytes, show

BITS_PER_BYTE = 8
GIGABYTE: Bytes = 1e9
BILLION_GIGABITS: Bytes = 1e18 / BITS_PER_BYTE
PERCENT = 100
QUANTITIES = ("bandwidth", "data_rate_per_pin", "interface_width", "largest_capacity")
DIES, KEPT, WORKING, CAPACITY = "dies", "dies in working stacks", "working stacks", "capacity"
TOGETHER = "all inputs together"
SHARES = {  # metrics of market.csv, and what HBM's share is of
    "share of DRAM wafer input": "wafers",
    "share of DRAM bit supply": "bits",
    "share of DRAM bits": "bits",
    "share of DRAM bits (forecast)": "bits",
}
SUPPLIED = {  # metrics of market.csv that suppliers divide among them, and what is divided
    "DRAM wafer capacity": "wafers of all DRAM",
    "HBM wafer capacity": "wafers of HBM",
    "HBM shipment share": "HBM shipped",
    "Rubin HBM4 share": "HBM4 for Rubin",
}
PERIOD = re.compile(r"(?:end-)?(\d{4})(?:Q([1-4])|-(\d\d))?")

GENERATIONS = (
    "name", "standard", "introduced", "interface_width", "data_rate_per_pin", "slowest_in_products",
    "fastest_in_products", "stack_height", "capacity", "largest_capacity", "bandwidth",
    "interface_width_cite", "data_rate_per_pin_cite", "stack_height_cite", "capacity_cite",
    "largest_capacity_cite", "bandwidth_cite", "introduced_cite",
)  # fmt: skip
STACKS = ("chip", "vendor", "status", "memory_kind", "since", "quantity", "value", "value_cite")
POINT = ("period", "ends", "said", "foretold", "low", "value", "high", "source", "value_cite")

NO_BARS = pd.DataFrame(columns=["input", "input_low", "input_high", "at_low", "at_high", "middle"])


def generations(memories: Iterable[MemoryTechnology]) -> pd.DataFrame:
    """The generations of HBM with their day, oldest first: one stack of each."""
    rows = []
    for memory in memories:
        if memory.family != "HBM" or memory.introduced is None:
            continue
        runs = memory.data_rate_in_products
        row: dict[str, Any] = {
            "name": memory.name,
            "standard": memory.standard.value if memory.standard else None,
            "introduced": memory.introduced.value,
            "introduced_cite": cite(memory.introduced),
            "slowest_in_products": BITS_PER_BYTE * (runs.low or runs.value) if runs else np.nan,
            "fastest_in_products": BITS_PER_BYTE * (runs.high or runs.value) if runs else np.nan,
        }
        for figure in (*QUANTITIES, "stack_height", "capacity"):
            reading = getattr(memory, figure)
            row |= {figure: number(reading), f"{figure}_cite": cite(reading)}
        row["data_rate_per_pin"] *= BITS_PER_BYTE
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(GENERATIONS))
    return table.sort_values("introduced", ignore_index=True)


def growth(table: pd.DataFrame) -> pd.DataFrame:
    """Figures of *generations* as multiples of those of the first that has each."""
    long = table.melt(
        id_vars=["name", "introduced"], value_vars=list(QUANTITIES), var_name="quantity"
    ).dropna(subset=["value"])
    long["multiple"] = long["value"] / long.groupby("quantity")["value"].transform("first")
    long["introduced"] = pd.to_datetime(long["introduced"])
    return long.reset_index(drop=True)


def stacks_per_chip(chips: Iterable[Chip]) -> pd.DataFrame:
    """Dated chips with HBM: how many stacks each has, and what it holds.

    A chip stands at the day since which its main figures are those of this edition.
    """
    rows = []
    for chip in chips:
        since = figures_since(chip)
        if since is None or family(chip.memory_kind) != "HBM" or chip.memory_stacks is None:
            continue
        for quantity, reading in {
            "stacks": chip.memory_stacks.count,
            "memory_capacity": chip.memory_capacity,
        }.items():
            about = (chip.name, chip.vendor, status(chip), chip.memory_kind, pd.Timestamp(since))
            rows.append(
                dict(zip(STACKS, (*about, quantity, reading.value, cite(reading)), strict=True))
            )
    table = pd.DataFrame(rows, columns=list(STACKS))
    return table.sort_values(["since", "chip", "quantity"], ignore_index=True)


def yearly_growth(table: pd.DataFrame) -> dict[str, float]:
    """Yearly growth of each quantity of *stacks_per_chip*, from the first chip to the greatest."""
    found = {}
    for quantity, rows in table.groupby("quantity"):
        best = rows[rows["value"] == rows["value"].max()].iloc[0]
        years = (best["since"] - rows["since"].iloc[0]).days / DAYS_PER_YEAR
        if years > 0:
            found[str(quantity)] = float(
                stacks.annual_growth(first=rows["value"].iloc[0], last=best["value"], years=years)
            )
    return found


def shipping(memories: Mapping[str, MemoryTechnology], wanted: str) -> MemoryTechnology | None:
    """Return the HBM *wanted*, or the newest of which a stack as it ships is known."""
    days = {
        i: memory.introduced.value
        for i, memory in memories.items()
        if memory.family == "HBM" and memory.capacity and memory.introduced
    }
    if not days:
        return None
    return memories[wanted if wanted in days else max(days, key=days.__getitem__)]


def kept_shares(of: Supply) -> dict[float, float]:
    """Share of dies that end in a working stack, by the fewest and the most dies of a stack."""
    inputs = cases.inputs(of, cases.kept_share)
    middle = {name: value.mid for name, value in inputs.items()}
    heights = inputs["dies_per_stack"]
    return {
        height: float(cases.kept_share(**middle | {"dies_per_stack": height}))
        for height in (heights.low, heights.high)
    }


def wafer(memory: MemoryTechnology, of: Supply) -> pd.DataFrame:
    """What becomes of one wafer, by what it is: percentiles of dies, stacks and capacity."""
    stacked = partial(cases.stacks_per_wafer, memory)
    size = number(memory.capacity)

    def capacity(**values: Any) -> Any:
        return size * stacked(**values)

    found = {
        DIES: _percentiles(of, partial(cases.gross_dies, memory)),
        KEPT: _percentiles(of, cases.kept_share),
        WORKING: _percentiles(of, stacked),
        CAPACITY: ranges.percentiles(capacity, cases.inputs(of, stacked)),
    }
    return pd.DataFrame(
        [
            {"what": what, "low": made.low, "mid": made.mid, "high": made.high}
            for what, made in found.items()
        ]
    ).set_index("what")


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of *wafer* as text, each in its own unit."""
    words: dict[str, Callable[[float], str]] = {
        KEPT: percent,
        CAPACITY: lambda size: show(size, "B"),
    }
    rows = [
        {"what": what} | {end: words.get(str(what), count)(row[end]) for end in row.index}
        for what, row in table.iterrows()
    ]
    return pd.DataFrame(rows)


def _percentiles(of: Supply, function: Callable[..., Any]) -> ranges.Range:
    return ranges.percentiles(function, cases.inputs(of, function))


def yearly_supply(memory: MemoryTechnology, of: Supply) -> ranges.Range:
    """Bytes of HBM that a year makes: the 10th, the 50th and the 90th percentile."""
    return _percentiles(of, partial(cases.yearly_supply, memory))


def supply_tornado(memory: MemoryTechnology, of: Supply) -> pd.DataFrame:
    """Yearly supply at both ends of each input, and at the percentiles of all of them together."""
    function = partial(cases.yearly_supply, memory)
    inputs = cases.inputs(of, function)
    middle = float(function(**{name: value.mid for name, value in inputs.items()}))
    whole = yearly_supply(memory, of)
    rows = [
        {
            "input": bar.name,
            "input_low": inputs[bar.name].low,
            "input_high": inputs[bar.name].high,
            "at_low": bar.at_low,
            "at_high": bar.at_high,
            "middle": middle,
        }
        for bar in ranges.tornado(function, inputs)
    ]
    together = {"input": TOGETHER, "at_low": whole.low, "at_high": whole.high, "middle": middle}
    return pd.DataFrame([together, *rows], columns=NO_BARS.columns)


def foretold_shipments(market: Iterable[MarketPoint]) -> pd.DataFrame:
    """Forecasts of the HBM that a year ships, in bytes; *low* alone is "more than"."""
    rows = [
        _point(row, BILLION_GIGABITS)
        for row in market
        if (row.entity, row.metric, row.unit) == ("HBM", "shipments forecast", "billion Gbit")
    ]
    table = pd.DataFrame(rows, columns=list(POINT))
    return table.assign(amount=table["value"].fillna(table["low"]))


def shares_of_dram(market: Iterable[MarketPoint]) -> pd.DataFrame:
    """HBM's share of the wafers and of the bits of all DRAM, as said on a day."""
    rows = [
        {"of": SHARES[row.metric]} | _point(row, 1 / PERCENT)
        for row in market
        if row.entity == "HBM" and row.metric in SHARES
    ]
    table = pd.DataFrame(rows, columns=["of", *POINT])
    return table.sort_values(["of", "ends", "said"], ignore_index=True)


def trade_ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Wafers that a byte of HBM takes, over those of other DRAM, where one source has both."""
    rows = []
    for _, of in table.dropna(subset=["value"]).groupby(["period", "source"], sort=False):
        by = {row["of"]: row for row in of.to_dict("records")}
        if {"wafers", "bits"} <= set(by):
            wafer_share, bit_share = by["wafers"]["value"], by["bits"]["value"]
            rows.append(
                {name: by["wafers"][name] for name in ("period", "ends", "said", "foretold")}
                | {
                    "wafers": wafer_share,
                    "bits": bit_share,
                    "trade_ratio": wafers.trade_ratio(
                        wafers=wafer_share,
                        capacity=bit_share,
                        other_wafers=1 - wafer_share,
                        other_capacity=1 - bit_share,
                    ),
                    "wafers_cite": by["wafers"]["value_cite"],
                    "bits_cite": by["bits"]["value_cite"],
                }
            )
    columns = [
        "period", "ends", "said", "foretold", "wafers", "bits", "trade_ratio", "wafers_cite",
        "bits_cite",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).sort_values("ends", ignore_index=True)


def suppliers(market: Iterable[MarketPoint]) -> pd.DataFrame:
    """What share each supplier has of wafers, shipments or a chip's supply.

    Wafers are printed as numbers; their shares are of the suppliers that are named together.
    """
    rows = [
        {"what": SUPPLIED[row.metric], "supplier": row.entity, "unit": row.unit} | _point(row, 1)
        for row in market
        if row.metric in SUPPLIED
    ]
    table = pd.DataFrame(rows, columns=["what", "supplier", "unit", *POINT])
    middle = table["value"].fillna(table[["low", "high"]].mean(axis=1))
    together = middle.groupby([table["what"], table["period"]]).transform("sum")
    whole = together.where(table["unit"] != "%", PERCENT)
    for name in ("low", "high"):
        table[f"{name}_share"] = table[name] / whole
    table["middle_share"] = middle / whole
    table["label"] = [
        percent(middle) if np.isnan(low) else f"{PERCENT * low:.0f} to {percent(high)}"
        for low, middle, high in zip(
            table["low_share"], table["middle_share"], table["high_share"], strict=True
        )
    ]
    return table.sort_values(["ends", "what", "middle_share"], ignore_index=True)


def largest(table: pd.DataFrame) -> list[str]:
    """Who has the largest share of each thing that *suppliers* divide, in words."""
    words = []
    for (what, period), of in table.groupby(["what", "period"], sort=False):
        most = of[of["middle_share"] == of["middle_share"].max()]
        each = " each" if len(most) > 1 else ""
        when = f"{period}, foretold" if most["foretold"].all() else period
        names = listed(sorted(most["supplier"]))
        words.append(f"{names} {most['label'].iloc[0]}{each} of {what} ({when})")
    return words


def stack_prices(
    memories: Iterable[MemoryTechnology], market: Iterable[MarketPoint]
) -> pd.DataFrame:
    """Prices of HBM by the stack and by the byte, as the market had them or a model has them.

    A price of a stack is divided by what a stack of the memory holds as it ships.
    """
    kinds = {memory.name: memory for memory in memories if memory.family == "HBM"}
    rows = []
    for row in market:
        if row.entity in kinds and row.unit in {"USD per stack", "USD per GB"}:
            point = _point(row, 1 if row.unit == "USD per stack" else 1 / GIGABYTE)
            ends = [point[end] for end in ("low", "value", "high") if not np.isnan(point[end])]
            what = row.metric if row.period in row.metric else f"{row.metric}, {row.period}"
            about = {"memory": row.entity, "of": what, "said": row.date}
            size = number(kinds[row.entity].capacity) if row.unit == "USD per stack" else 1.0
            stack = point["value"] if row.unit == "USD per stack" else np.nan
            prices = {"low": min(ends) / size, "high": max(ends) / size}
            rows.append(about | prices | {"stack": stack, "source": row.source, "cite": cite(row)})
    told = {row["source"] for row in rows}
    for memory in kinds.values():
        for name, figures in {"": memory, **memory.alternatives}.items():
            reading = figures.unit_price or figures.price
            if reading is None or reading.source in told:
                continue
            stack = number(figures.unit_price)
            price = number(figures.price) if figures.price else stack / number(memory.capacity)
            rows.append(
                {
                    "memory": memory.name,
                    "of": name or "price model",
                    "stack": stack,
                    "low": price,
                    "high": price,
                    "source": reading.source,
                    "cite": cite(reading),
                }
            )
    columns = ["memory", "of", "said", "stack", "low", "high", "source", "cite"]
    return pd.DataFrame(rows, columns=columns).sort_values(["memory", "said"], ignore_index=True)


def _point(row: MarketPoint, scale: float) -> dict[str, Any]:
    """Return a point of the market: its numbers times *scale*, and what is known of it."""
    ends = _end(row.period)
    return {
        "period": row.period,
        "ends": pd.Timestamp(ends) if ends else pd.NaT,
        "said": row.date,
        "foretold": ends is not None and row.since < ends.replace(day=1),
        **{name: scale * _or_nan(getattr(row, name)) for name in ("low", "value", "high")},
        "source": row.source,
        "value_cite": cite(row),
    }


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _end(period: str) -> dt.date | None:
    """Return the last day of a year, a quarter or a month; None for periods told otherwise."""
    found = PERIOD.fullmatch(period)
    if found is None:
        return None
    year = int(found[1])
    month = int(found[3]) if found[3] else 3 * int(found[2] or 4)
    return dt.date(year, month, calendar.monthrange(year, month)[1])
