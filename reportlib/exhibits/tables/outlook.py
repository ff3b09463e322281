"""Tables of demand over supply by scenario and year, and of the memory market's own history."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from itertools import combinations
from typing import Any

import pandas as pd

from reportlib.cases.outlook import LATER, MIX, NotModelled, Outlook, outlooks
from reportlib.cases.ranges import Range, percentiles, tornado
from reportlib.cases.supply import YEAR
from reportlib.exhibits.tables.parts import MARKDOWN, cite
from reportlib.exhibits.words import NBSP, count, of_all, percent
from reportlib.params import MarketPoint, Params
from reportlib.units import Count

LEAST_SWING = 0.01  # of the result; what moves it less is no bar
INPUTS = {
    "token_factor": "growth of tokens a year",
    "supply_factor": "growth of supply a year",
    "efficiency_factor": "gain in efficiency a year",
    "past_supply_factor": "growth of supply until today",
    "bandwidth_factor": "gain in HBM bandwidth a year",
    "compute_factor": "gain in arithmetic a year",
    "user_speed": "tokens/s of a user",
}
TODAY = "Today"
RESULTS = {"revenue", "operating profit", "DRAM revenue"}  # which charts have
SIDES = {"structural": "infrastructure", "cyclical": "a cycle"}
QUARTER, YEAR_ALONE = re.compile(r"(\d{4})Q([1-4])"), re.compile(r"\d{4}")
OUTTURN, BEFOREHAND = "outturn", "forecast or first report"
CHANGE = "conventional DRAM contract price change"
REVENUES = {  # panels, in billions of dollars: of whom, and whether of a quarter
    "DRAM, by quarter": ({"DRAM industry"}, True),
    "All memory, by year": ({"memory market"}, False),
    "HBM, by year": ({"HBM market"}, False),
}
MAKER = "SK hynix"  # the one whose margin can be computed
HISTORY = ["panel", "period", "end", "value", "source_cite", "maker", "whole_year", "forecast"]
COURSE = ["scenario", "year", "pace_low", "pace", "pace_high"]
# What to watch: of whom, which metrics, and what a rise would speak for, which is our judgement.
WATCHED: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "Contract price of DRAM, change",
        "DRAM industry",
        (CHANGE, f"{CHANGE} (outturn)"),
        "either: scarcity that lasts and the top of a cycle both begin so",
    ),
    (
        "Multi-year agreements of Micron",
        "Micron",
        ("strategic customer agreements",),
        "infrastructure: volumes are promised for years",
    ),
    (
        "Micron's revenue at market price",
        "Micron",
        ("share of revenue still at market price",),
        "a cycle: income moves with the price",
    ),
    (
        "Capital spending of Micron",
        "Micron",
        ("FY26 capex", "FY26 capex (raised)"),
        "a cycle: supply answers, some years later",
    ),
    (
        "Capital spending of SK hynix",
        "SK hynix",
        ("capex",),
        "a cycle: supply answers, some years later",
    ),
    (
        "Capital spending of four cloud firms",
        "four largest US cloud firms",
        ("capex",),
        "infrastructure, if revenue follows; the demand rests on it",
    ),
    (
        "HBM's share of DRAM wafers",
        "HBM",
        ("share of DRAM wafer input",),
        "infrastructure: a lasting use takes wafers from the rest",
    ),
    (
        "Profit per wafer, HBM against DDR5",
        "HBM",
        ("profit per wafer versus DDR5 64GB RDIMM",),
        "infrastructure: makers keep their wafers in HBM",
    ),
    (
        "Price of a stack of HBM4",
        "HBM4",
        ("price",),
        "either: scarcity, whether it lasts or not",
    ),
)


def known(params: Params) -> tuple[dict[str, Outlook], str]:
    """Return the scenarios that can be computed; or none, and what is missing."""
    try:
        return outlooks(params), ""
    except NotModelled as reason:
        return {}, str(reason)


def middle(outlook: Outlook) -> dict[str, float]:
    """Return every input of a scenario at the middle of its range."""
    return {name: value.mid for name, value in outlook.inputs.items()}


def courses(of: Mapping[str, Outlook], first_year: int) -> pd.DataFrame:
    """Demand over supply as a multiple of today's, by scenario and year: P10, median and P90."""
    rows = []
    for outlook in of.values():
        for year in range(outlook.horizon + 1):
            pace = percentiles(partial(outlook.pace, year), outlook.inputs)
            name = outlook.scenario.name
            rows.append((name, first_year + year, pace.low, pace.mid, pace.high))
    return pd.DataFrame(rows, columns=COURSE)


def bounds(of: Mapping[str, Outlook]) -> pd.DataFrame:
    """Share of the serving fleet that tokens take at least, by bound: today and in the last year.

    With all inputs in the middle; ``binds`` marks the largest of a scenario.
    """
    points = [(TODAY, 0, outlook) for outlook in [*of.values()][:1]]
    points += [(outlook.scenario.name, outlook.horizon, outlook) for outlook in of.values()]
    rows = []
    for name, year, outlook in points:
        shares = outlook.shares(year, **middle(outlook))
        tightest = _tightest(shares)
        rows += [(name, b, float(share), b == tightest) for b, share in shares.items()]
    return pd.DataFrame(rows, columns=["scenario", "bound", "share", "binds"])


def slowest(of: Mapping[str, Outlook]) -> tuple[str, float, float]:
    """The scenario of the lowest demand over supply after a year, this ratio, and additions then.

    Medians: the additions needed are over those made.
    """
    after = {
        key: percentiles(partial(outlook.pace, 1), outlook.inputs).mid
        for key, outlook in of.items()
    }
    key = min(after, key=after.__getitem__)
    added = percentiles(partial(of[key].additions, 1), of[key].inputs).mid
    return of[key].scenario.name, after[key], added


def among(holds: Iterable[bool]) -> str:
    """Return in which part of the scenarios something holds, in words.

    >>> among([True, False]), among([True, True]), among([False]), among([True])
    ('1 of 2 scenarios', 'all 2 scenarios', 'no scenario', 'the only scenario')
    """
    held = list(holds)
    if not any(held):
        return "no scenario"
    return of_all(held, "scenarios") if len(held) > 1 else "the only scenario"


def runner_up(table: pd.DataFrame, scenario: str) -> float:
    """Return what the second of a scenario's bounds takes, over what the first does."""
    *_, second, first = sorted(table.loc[table["scenario"] == scenario, "share"])
    return float(second / first)


def movers(outlook: Outlook, last_year: int, most: int) -> pd.DataFrame:
    """The inputs that move demand over supply in the last year most, one at a time."""
    function = partial(outlook.pace, outlook.horizon)
    expected = float(function(**middle(outlook)))
    bars = [b for b in tornado(function, outlook.inputs) if b.swing > LEAST_SWING * expected]
    rows = [
        {
            "input": _named(bar.name, outlook, last_year),
            "range": _between(bar.name, outlook.inputs[bar.name]),
            "at_low": bar.at_low,
            "at_high": bar.at_high,
            "middle": expected,
        }
        for bar in bars[:most]
    ]
    return pd.DataFrame(rows, columns=["input", "range", "at_low", "at_high", "middle"])


def break_even(
    outlook: Outlook, *, token_factors: Sequence[float], efficiency_factors: Sequence[float]
) -> pd.DataFrame:
    """Demand over supply in the last year, as a multiple of today's, by three yearly factors.

    Of tokens, of efficiency, and of supply at both ends and in the middle of its range.
    """
    values, supplied = middle(outlook), outlook.inputs["supply_factor"]
    rows = []
    for supply_factor in sorted({supplied.low, supplied.mid, supplied.high}):
        for token_factor in token_factors:
            for efficiency_factor in efficiency_factors:
                factors = {
                    "supply_factor": supply_factor,
                    "token_factor": token_factor,
                    "efficiency_factor": efficiency_factor,
                }
                pace = float(outlook.pace(outlook.horizon, **values | factors))
                rows.append(factors | {"pace": pace})
    return pd.DataFrame(rows)


def scenarios(of: Mapping[str, Outlook]) -> pd.DataFrame:
    """What each scenario assumes, what comes of it, and the growth of tokens that would be even."""
    rows = []
    for outlook in of.values():
        scenario = outlook.scenario
        pace = percentiles(partial(outlook.pace, outlook.horizon), outlook.inputs)
        even = percentiles(outlook.even_tokens, outlook.inputs)
        shares = outlook.shares(outlook.horizon, **middle(outlook))
        rows.append(
            {
                "scenario": scenario.name,
                "token_factor": scenario.token_factor.value,
                "token_factor_cite": cite(scenario.token_factor),
                "supply_factor": scenario.supply_factor.value,
                "supply_factor_cite": cite(scenario.supply_factor),
                "efficiency_factor": scenario.efficiency_factor.value,
                "efficiency_factor_cite": cite(scenario.efficiency_factor),
                "pace": pace.mid,
                "range": f"{pace.low:.2f} to {pace.high:.2f}",
                "even_tokens": even.mid,
                "even_range": f"{even.low:.2f} to {even.high:.2f}",
                "binds": _tightest(shares),
            }
        )
    return pd.DataFrame(rows)


def prices(market: Iterable[MarketPoint]) -> pd.DataFrame:
    """Changes of DRAM's contract price by quarter: what was forecast, and what came."""
    rows = [
        {
            "quarter": row.period,
            "kind": OUTTURN if row.metric.endswith("(outturn)") else BEFOREHAND,
            "low": row.low,
            "high": row.high,
            "date": row.date,
            "source_cite": cite(row),
        }
        for row in market
        if row.metric in {CHANGE, f"{CHANGE} (outturn)"} and None not in {row.low, row.high}
    ]
    columns = ["quarter", "kind", "low", "high", "date", "source_cite"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        ["quarter", "date"], kind="stable", ignore_index=True
    )


def revenues(market: Iterable[MarketPoint]) -> pd.DataFrame:
    """Revenue in billions of dollars, by panel and by the end of its period."""
    rows = [
        {
            "panel": panel,
            "period": row.period,
            "end": _end(row).isoformat(),
            "value": row.value,
            "forecast": _end(row) > row.since,
            "source_cite": cite(row),
        }
        for row in market
        for panel, (entities, quarterly) in REVENUES.items()
        if row.entity in entities
        and row.unit == "billion USD"
        and row.metric.startswith(("revenue", "TAM"))
        and row.value is not None
        and bool(QUARTER.fullmatch(row.period)) == quarterly
    ]
    return _by_panel(rows, REVENUES)


def margins(market: Sequence[MarketPoint]) -> pd.DataFrame:
    """What makers keep: margins, and the profit of one that does not tell its margin."""
    profits = {(row.entity, row.period): row for row in market if row.metric == "operating profit"}
    rows = []
    for row in market:
        profit = profits.get((row.entity, row.period))
        panel, value = "", row.value
        match row.entity, row.metric:
            case "SK hynix", "operating margin":
                panel = f"{MAKER}: operating margin, %"
            case "SK hynix", "revenue" if profit and profit.value and row.value:
                panel, value = f"{MAKER}: operating margin, %", 100 * profit.value / row.value
            case "Micron", "gross margin":
                panel = "Micron: gross margin, %"
            case "Samsung DS", "operating profit":
                panel = f"Samsung DS: operating profit, {row.unit}"
        if panel and value is not None:
            rows.append(
                {
                    "panel": panel,
                    "maker": row.entity.removesuffix(" DS"),
                    "period": row.period,
                    "whole_year": row.period.startswith("FY"),
                    "end": _end(row).isoformat(),
                    "value": value,
                    "source_cite": cite(row),
                }
            )
    return _by_panel(rows, sorted({str(row["panel"]) for row in rows}))


def falls(revenue: pd.DataFrame) -> pd.DataFrame:
    """The deepest fall of each panel's revenue between two points, and the last point after it."""
    rows = []
    for panel, points in revenue[~revenue["forecast"].astype(bool)].groupby("panel", sort=False):
        pairs = combinations(points.to_dict("records"), 2)
        fallen = [(high, low) for high, low in pairs if low["value"] < high["value"]]
        if fallen:
            high, low = min(fallen, key=lambda pair: pair[1]["value"] / pair[0]["value"])
            last = points.to_dict("records")[-1]
            rows.append(
                {
                    "panel": panel,
                    "high_period": high["period"],
                    "low_period": low["period"],
                    "fall": 1 - low["value"] / high["value"],
                    "last_period": last["period"],
                    "rise": last["value"] / low["value"],
                }
            )
    columns = ["panel", "high_period", "low_period", "fall", "last_period", "rise"]
    return pd.DataFrame(rows, columns=columns)


def swings(margin: pd.DataFrame) -> pd.DataFrame:
    """The lowest, the highest and the last point of each panel that has several."""
    rows = []
    for panel, frame in margin.groupby("panel", sort=False):
        points = frame.to_dict("records")
        low, high = (f(points, key=lambda point: point["value"]) for f in (min, max))
        if low["value"] < high["value"]:
            what, unit = str(panel).rsplit(", ", 1)
            ends = {"low": low, "high": high, "last": points[-1]}
            fields = {f"{n}_{f}": p[f] for n, p in ends.items() for f in ("value", "period")}
            rows.append({"what": what, "unit": unit} | fields)
    return pd.DataFrame(rows)


def forecasts_met(change: pd.DataFrame) -> pd.DataFrame:
    """Quarters of which a change of price was forecast and an outturn came, and which was more."""
    pairs = change.pivot_table(index="quarter", columns="kind", values=["low", "high"])
    rows = [
        {
            "quarter": quarter,
            "above": row["low", OUTTURN] > row["high", BEFOREHAND],
            "below": row["high", OUTTURN] < row["low", BEFOREHAND],
        }
        for quarter, row in pairs.dropna().iterrows()
        if OUTTURN in row["low"] and BEFOREHAND in row["low"]
    ]
    return pd.DataFrame(rows, columns=["quarter", "above", "below"])


def evidence(market: Iterable[MarketPoint], each: int) -> pd.DataFrame:
    """The latest points that speak for each side, *each* at most, of every metric the last.

    Without revenues and profits, whose size alone speaks for nothing.
    """
    rows = []
    recent = sorted(market, key=lambda row: row.since, reverse=True)
    for bearing, side in SIDES.items():
        seen: dict[tuple[str, str], MarketPoint] = {}
        for row in recent:
            if row.bearing == bearing and row.metric not in RESULTS:
                seen.setdefault((row.entity, re.sub(r" \(.*\)", "", row.metric)), row)
        rows += [
            {
                "speaks_for": side,
                "date": row.date,
                "what": _plain(f"{row.entity}, {row.metric}"),
                "value": _plain(said(row)),
                "value_cite": cite(row),
                "note": _plain(row.note),
            }
            for row in list(seen.values())[:each]
        ]
    columns = ["speaks_for", "date", "what", "value", "value_cite", "note"]
    return pd.DataFrame(rows, columns=columns)


def indicators(params: Params) -> pd.DataFrame:
    """What would tell the two apart: the latest value of each, and what a rise would speak for."""
    rows = []
    for name, entity, metrics, rise in WATCHED:
        latest = last_said(params.market, entity, *metrics)
        if latest:
            value = f"{said(latest)} ({latest.period})"
            rows.append((name, latest.date, _plain(value), cite(latest), rise))
    of_sk_hynix = [row for _, row in margins(params.market).iterrows() if row["maker"] == MAKER]
    if of_sk_hynix:
        last = max(of_sk_hynix, key=lambda row: str(row["end"]))
        value = f"{last['value']:.0f}{NBSP}% ({last['period']})"
        rise = "either: a high before a fall looks like one that lasts"
        rows.append((f"Operating margin of {MAKER}", last["end"][:7], value,
                     last["source_cite"], rise))  # fmt: skip
    if params.supply:
        tokens, day = params.supply.demand.google_tokens, params.supply.as_of
        rows.append(("Tokens that Google processes", f"{day:%Y-%m}", tokens.text, cite(tokens),
                     "infrastructure: use, not stock-building"))  # fmt: skip
    columns = ["indicator", "date", "value", "value_cite", "rise"]
    return pd.DataFrame(rows, columns=columns)


def last_said(market: Iterable[MarketPoint], entity: str, *metrics: str) -> MarketPoint | None:
    """Return the latest point of some metrics of *entity*, if there is one."""
    found = [row for row in market if row.entity == entity and row.metric in metrics]
    return max(found, key=lambda row: row.since, default=None)


def said(row: MarketPoint) -> str:
    """Return what a point says, as words: a number, a range or a statement.

    >>> from reportlib import params
    >>> rows = {row.id: row for row in params.load(params.DEFAULT_ROOT).market}
    >>> said(rows["m043"]), said(rows["m130"]), said(rows["m123"])
    ('10 to 15 % quarter on quarter', 'over 30 %', 'sold out')
    """
    unit = "" if row.unit == "count" else f" {row.unit}"
    if row.value is not None:
        return f"{row.value:,.6g}{unit}"
    match row.low, row.high:
        case None, None:
            return row.statement
        case low, None:
            return f"over {low:,.6g}{unit}"
        case None, high:
            return f"up to {high:,.6g}{unit}"
        case low, high:
            return f"{low:,.6g} to {high:,.6g}{unit}"


def _end(row: MarketPoint) -> date:
    """Return the first day of the month in which the period of a point ends."""
    quarter = QUARTER.fullmatch(row.period)
    if quarter:
        return date(int(quarter[1]), 3 * int(quarter[2]), 1)
    return date(int(row.period), 12, 1) if YEAR_ALONE.fullmatch(row.period) else row.since


def _by_panel(rows: list[dict[str, Any]], panels: Iterable[str]) -> pd.DataFrame:
    """Return *rows* in the order of *panels*, and in time in each."""
    order = list(panels)
    rows = sorted(rows, key=lambda row: (order.index(row["panel"]), row["end"]))
    return pd.DataFrame(rows, columns=list(rows[0]) if rows else HISTORY)


def _plain(text: str) -> str:
    """Return words of the market as they are, whatever they would mean in Markdown."""
    return MARKDOWN.sub(r"\\\g<0>", text)


def _tightest(shares: Mapping[str, Count]) -> str:
    """Return the bound with the largest share."""
    return max(shares, key=lambda bound: float(shares[bound]))


def _named(name: str, outlook: Outlook, last_year: int) -> str:
    """Return an input in words, with the time that it is of where it changes."""
    plain = name.removeprefix(LATER)
    model = plain.removeprefix(MIX)
    words = INPUTS.get(plain, plain.replace("_", " "))
    if plain.startswith(MIX):
        words = f"share of {outlook.models[model].name}"
    if name != plain:
        return f"{words} in {last_year}"
    return f"{words} today" if LATER + plain in outlook.inputs else words


def _between(name: str, of: Range) -> str:
    """Return the ends of an input's range in words."""
    if name == "lifetime":
        return f"{of.low / YEAR:.3g} to {of.high / YEAR:.3g} years"
    if of.high <= 1:
        return f"{percent(of.low)} to {percent(of.high)}"
    return f"{count(of.low)} to {count(of.high)}"
