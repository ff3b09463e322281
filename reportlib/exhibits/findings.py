"""Key findings: sentences with numbers of the build, each with the exhibit that shows them.

A finding is a function of the params and of its section's parameters. It is nothing where its
sentence would have no meaning, and it is not told where its section is not in the report.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import pandas as pd

from reportlib import cases
from reportlib.cases.ranges import percentiles
from reportlib.exhibits import claims
from reportlib.exhibits.memory import Kept
from reportlib.exhibits.sections import parameters
from reportlib.exhibits.tables import chips, contest, levers, memory_bound, outlook, reality
from reportlib.exhibits.words import SAME, compared, count, listed, of_all, percent, span
from reportlib.params import Chip, Model, Params
from reportlib.params import numbers as readings
from reportlib.units import show

COLUMNS = ("id", "exhibit", "about", "quantity", "value", "unit", "sentence")
SHOWN_LEVERS = 3
ROUNDING = 1e-9  # a relative difference that is none
IN_WORDS = {
    "confirmed": "confirmed",
    "true when written": "true when written and no longer",
    "depends": "true in some cases only",
    "refuted": "refuted",
    "not checkable": "not checkable here",
}


@dataclass(frozen=True)
class Said:
    """A sentence without its end, its numbers as (value, unit) by name, and whom it is about."""

    sentence: str
    numbers: Mapping[str, tuple[float, str]]
    about: tuple[Chip | Model, ...] = ()


Tell = Callable[[Params, Mapping[str, Any]], Said | None]


@dataclass(frozen=True)
class Finding:
    """What a sentence says: moved where its numbers or its subjects are others, not its words."""

    id: str
    exhibit: str  # as it is cited: fig-critical
    sentence: str
    numbers: Mapping[str, tuple[float, str]]
    about: tuple[str, ...]  # as "chip h100-sxm5"

    @property
    def markdown(self) -> str:
        """The whole sentence, with a link to its exhibit."""
        return f"{self.sentence} ([@{self.exhibit}])."


def same(one: Finding | None, other: Finding | None) -> bool:
    """Whether two findings say the same numbers of the same records, in whatever words."""
    if one is None or other is None:
        return one is other
    return (
        one.about == other.about
        and one.numbers.keys() == other.numbers.keys()
        and all(alike(number, other.numbers[name]) for name, number in one.numbers.items())
    )


def alike(one: tuple[float, str], other: tuple[float, str]) -> bool:
    """Whether two numbers are the same but for rounding."""
    return math.isclose(one[0], other[0], rel_tol=ROUNDING) and one[1] == other[1]


def tell(params: Params, identifier: str) -> Finding | None:
    """Return one finding, or None where there is nothing to say."""
    section, exhibit, tell_it = FINDINGS[identifier]
    rated = any(chip.peak_compute for chip in params.chips.values())
    if section not in params.report.sections or not (rated and params.models):
        return None
    said = tell_it(params, parameters(params.report, section))
    if said is None:
        return None
    about = tuple(dict.fromkeys(_key(params, record) for record in said.about))
    return Finding(identifier, exhibit, said.sentence, said.numbers, about)


def findings(params: Params) -> list[Finding]:
    """Return all that there is to say, what matters most first."""
    told = (tell(params, identifier) for identifier in FINDINGS)
    return [finding for finding in told if finding]


def markdown(params: Params, most: int) -> str:
    """Return the first findings as a list in Markdown, *most* of them at most."""
    return "\n".join(f"- {finding.markdown}" for finding in findings(params)[:most])


def table(params: Params) -> pd.DataFrame:
    """A row for each number of each finding, with the sentence that says it."""
    rows = [
        {
            "id": finding.id,
            "exhibit": finding.exhibit,
            "about": ", ".join(finding.about),
            "quantity": quantity,
            "value": value,
            "unit": unit,
            "sentence": finding.sentence,
        }
        for finding in findings(params)
        for quantity, (value, unit) in finding.numbers.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def scoreboard(params: Params) -> pd.DataFrame:
    """Every claim under its verdict, counted up within it."""
    judged = claims.table(params)
    judged["verdict"] = pd.Categorical(judged["verdict"], claims.VERDICTS, ordered=True)
    judged = judged.sort_values("verdict", kind="stable", ignore_index=True)
    counted = judged.groupby("verdict", observed=True)
    return judged.assign(
        verdict=judged["verdict"].astype(str),
        place=counted.cumcount() + 1,
        claims=counted["id"].transform("size").astype(int),
    )


def _key(params: Params, record: Chip | Model) -> str:
    """Return the kind and the id of a record of *params*."""
    kind = "chip" if isinstance(record, Chip) else "model"
    records: Mapping[str, Any] = params.chips if kind == "chip" else params.models
    return f"{kind} {next(key for key, known in records.items() if known is record)}"


def _transport(params: Params, of: Mapping[str, Any]) -> Said:
    """Memory against arithmetic for one user: the reference model on the reference chip."""
    chip, precision = cases.reference_chip(params, of["chip_id"], of["precision"])
    model = params.model(of["model_id"])
    step = cases.step(
        model, chip, precision=precision, batch_size=1, context_length=of["context_length"]
    )
    ratio = float(step.transport_ratio)
    return Said(
        f"To write one token with {model.name} in {precision.upper()} for one user, {chip.name} "
        f"spends {count(ratio)} times as long on memory as on arithmetic",
        {"memory time over arithmetic time": (ratio, "")},
        (chip, model),
    )


def _critical(params: Params, of: Mapping[str, Any]) -> Said | None:
    """Context above which no batch makes decoding compute-bound."""
    chip, precision = cases.reference_chip(params, of["chip_id"], of["precision"])
    model = params.model(of["model_id"])
    limit = float(cases.critical_context_length(model, chip, precision))
    if not math.isfinite(limit):
        return None
    where = f"above a context of {count(limit)} tokens" if limit >= 1 else "at any context"
    return Said(
        f"Batching has a limit: {where}, {model.name} in {precision.upper()} on {chip.name} waits "
        "for memory at every batch size",
        {"critical context": (limit, "tokens")},
        (chip, model),
    )


def _needs(params: Params, of: Mapping[str, Any]) -> Said:
    """Chips that hold the reference model, and that feed it at the wanted speed."""
    chip, precision = cases.reference_chip(params, of["chip_id"], of["precision"])
    model, speed = params.model(of["model_id"]), of["wanted_speed"]
    need = memory_bound.requirements([model], chip, precision=precision, speed=speed).iloc[0]
    hold, feed = math.ceil(need["capacity_share"]), math.ceil(need["bandwidth_share"])
    return Said(
        f"{model.name} in {precision.upper()} is {show(need['weight_bytes'], 'B')} of weights, "
        f"and {speed:g} tokens a second for one user read {show(need['required_bandwidth'], 'B/s')}"
        f": by capacity that takes {count(hold)} {chip.name}, by bandwidth {count(feed)}",
        {
            "weights": (need["weight_bytes"], "B"),
            "wanted speed": (speed, "tokens/s"),
            "bandwidth needed": (need["required_bandwidth"], "B/s"),
            "chips by capacity": (hold, ""),
            "chips by bandwidth": (feed, ""),
        },
        (chip, model),
    )


def _levers(params: Params, of: Mapping[str, Any]) -> Said | None:
    """The levers that are worth most for the reference model, for one user and for several."""
    chip, precision = cases.reference_chip(params, of["chip_id"], of["precision"])
    model, sizes = params.model(of["model_id"]), (1, of["users"])
    share, drafts, draft_share = of["guesses"]
    works = {
        "one user" if size == 1 else f"{size} users": levers.Work(
            chip, precision, size, of["context_length"]
        )
        for size in dict.fromkeys(sizes)
    }
    guessing = levers.Guessing(share, int(drafts), draft_share)
    factors = levers.levers([model], model, works, guessing).groupby("lever")["factor"].max()
    best = factors[factors > 1].sort_values(ascending=False, kind="stable").head(SHOWN_LEVERS)
    if best.empty:
        return None
    names = {
        name: name if name[:2].isupper() else name[0].lower() + name[1:] for name in best.index
    }
    return Said(
        f"One lever at a time makes a token of {model.name} on {chip.name} at most "
        + listed(f"{count(factor)} times ({names[name]})" for name, factor in best.items())
        + f" as cheap, for {' or '.join(works)}",
        {f"factor of {names[name]}": (float(factor), "") for name, factor in best.items()},
        (chip, model),
    )


def _pair(params: Params, of: Mapping[str, Any]) -> Said | None:
    """Capacity and bandwidth of two chips against each other, now and on an earlier day."""
    ids = params.pair(of["pair"])
    if ids[0] == ids[1]:
        return None
    before = date.fromisoformat(of["before"])
    first, second = (params.chips[i] for i in ids)
    now = _ratios(first, second)
    earlier = [before] if before < params.report.as_of else []
    readings = contest.by_day(params, ids, earlier)
    then = _ratios(*readings[str(before)]) if readings else now
    numbers = {f"{what} over {second.name}": (ratio, "") for what, ratio in now.items()}
    sentence = f"Beside {_named(second)}, {_named(first)} has " + " and ".join(
        f"{compared(ratio)} {what}" for what, ratio in now.items()
    )
    moved = [what for what in now if abs(then[what] / now[what] - 1) >= SAME]
    if moved:
        numbers |= {f"{what} over {second.name} on {before}": (then[what], "") for what in moved}
        sentence += f"; on {before} it had " + " and ".join(
            f"{compared(then[what])} {what}" for what in moved
        )
    flipped = [what for what in moved if _leads(then[what]) * _leads(now[what]) < 0]
    if flipped:
        sentence += f", so that the lead in {listed(flipped)} has changed hands since"
    return Said(sentence, numbers, (first, second))


_outcomes: Kept["pd.Series[str]"] = Kept(size=4)


def _contest(params: Params, of: Mapping[str, Any]) -> Said | None:
    """Which of two chips serves more for the same work, in how many cases, and how surely."""
    ids = params.pair(of["pair"])
    two = first, second = (params.chips[ids[0]], params.chips[ids[1]])
    models = list(params.headline_models().values()) or [params.model(of["model_id"])]
    clock = contest.expected(params, two, of["engine"])
    rules = contest.same_cases(of["precision"], of["users"], of["context_length"])
    records = (*two, *models, params.engines, params.calibration, reality.comparisons(params))
    outcomes = _outcomes.of(
        (*records, params.report.sections["25_head_to_head"]),
        lambda: contest.same_work(models, {"now": two}, clock, rules)["outcome"],
    )
    held = outcomes[outcomes != "neither"]
    if ids[0] == ids[1] or held.empty:
        return None
    leads, sure = contest.leads(outcomes, [first.name, second.name]), contest.sureness(outcomes)
    who, open_ = held.str.split().str[0], held.str.endswith("open")
    return Said(
        "Per chip, with the same work and "
        f"{'by expected times' if clock.expects else 'at peak rates'}, {leads}"
        + (f"; {sure}" if sure else ""),
        {
            "cases": (float(len(held)), ""),
            f"cases for {first.name}": (float((who == "first").sum()), ""),
            f"cases for {second.name}": (float((who == "second").sum()), ""),
            "sure leads": (float(((who != "same") & ~open_).sum()), ""),
        },
        (first, second, *models),
    )


def _named(chip: Chip) -> str:
    """Return the name of *chip*, and whether no more than an announcement is known of it."""
    announced = chip.status and chip.status.value == "announced"
    return f"{chip.name} (announced)" if announced else chip.name


def _ratios(first: Chip, second: Chip) -> dict[str, float]:
    return {
        "capacity": first.memory_capacity.value / second.memory_capacity.value,
        "bandwidth": first.memory_bandwidth.value / second.memory_bandwidth.value,
    }


def _leads(ratio: float) -> int:
    """Return 1 where the first is ahead, -1 where the second is, 0 where neither is."""
    return 0 if abs(ratio - 1) < SAME else (1 if ratio > 1 else -1)


def _sweep(params: Params, _: Mapping[str, Any]) -> Said | None:
    """The shortest and the longest time in which a chip reads all that it holds."""
    shown = params.shown_chips()
    times = chips.chips(shown).sort_values("memory_sweep_time", kind="stable")
    quick, slow = times.iloc[0], times.iloc[-1]
    if not quick["memory_sweep_time"] < slow["memory_sweep_time"]:
        return None
    names = {chip.name: chip for chip in shown.values()}
    return Said(
        f"To read all of its memory once, a chip takes from {show(quick['memory_sweep_time'], 's')}"
        f" on {quick['chip']} to {show(slow['memory_sweep_time'], 's')} on {slow['chip']}",
        {
            "shortest sweep": (quick["memory_sweep_time"], "s"),
            "longest sweep": (slow["memory_sweep_time"], "s"),
        },
        (names[quick["chip"]], names[slow["chip"]]),
    )


def _on_die(params: Params, of: Mapping[str, Any]) -> Said | None:
    """How fast memory on the die is, and how many dies the models of the cast take."""
    shown = params.shown_chips()
    known = [shown[i] for i in params.chip_order() if i in shown]
    dies = [chip for chip in known if cases.keeps_weights_on_chip(chip)]
    others = [c for c in params.chips.values() if not cases.keeps_weights_on_chip(c)]
    models = list(params.headline_models().values())
    if not (dies and others and models):
        return None
    die, other = dies[0], max(others, key=lambda chip: chip.memory_bandwidth.value)
    setting = {"precision": of["precision"], "usable_share": of["usable_share"]}
    needed = {m: float(cases.chips_needed(m, die, **setting)) for m in models}
    faster = die.memory_bandwidth.value / other.memory_bandwidth.value
    return Said(
        f"{die.name} keeps {show(die.memory_capacity.value, 'B')} on the die and reads them at "
        f"{count(faster)} times the highest bandwidth beside a die, that of {other.name}; "
        f"in {of['precision'].upper()}, "
        + listed(f"{model.name} takes {count(chips)} of it" for model, chips in needed.items()),
        {
            "capacity on the die": (die.memory_capacity.value, "B"),
            f"bandwidth over {other.name}": (faster, ""),
            **{f"chips for {model.name}": (chips, "") for model, chips in needed.items()},
        },
        (die, other, *models),
    )


def _reality(params: Params, _: Mapping[str, Any]) -> Said | None:
    """Whether a measurement beat its ceiling, and how far expected times are from measured."""
    rows = reality.comparisons(params)
    if rows.empty:
        return None
    over, known = int((rows["share"] > 1).sum()), reality.steps(rows)
    numbers = {
        "measurements compared": (float(len(rows)), ""),
        "that beat the ceiling": (float(over), ""),
    }
    sentence = (
        f"Of {len(rows):,} published measurement{'s' * (len(rows) > 1)}, {over or 'none'} "
        f"{'beat' if over > 1 else 'beats'} the ceiling of the model"
    )
    if len(known):
        error = float((known["without_chip"] / known["time"] - 1).abs().median())
        within = reality.factor(known)
        numbers |= {"median error, as a share": (error, ""), "factor of four fifths": (within, "")}
        sentence += (
            f"; for chips left out of its fit, expected decode steps have a median error of "
            f"{percent(error)}, and four fifths lie within a factor of {count(within)}"
        )
    return Said(sentence, numbers)


_ranges: Kept[dict[str, float]] = Kept(size=4)


def _outlook(params: Params, _: Mapping[str, Any]) -> Said | None:
    """Demand for HBM over its supply in the last year of each scenario, in the middle of draws."""
    scenarios, _why = outlook.known(params)
    of, figures = params.scenarios, params.supply
    if not (scenarios and of and figures):
        return None
    records = [(o.memory, o.chip, *o.models.values()) for o in scenarios.values()]
    paces = _ranges.of(
        (of, figures, *itertools.chain.from_iterable(records)),
        lambda: {
            o.scenario.name: percentiles(partial(o.pace, o.horizon), o.inputs).mid
            for o in scenarios.values()
        },
    )
    first, last = figures.as_of.year, figures.as_of.year + of.horizon
    assumed = [reading.confidence == "assumed" for _, reading in readings(of)]
    return Said(
        f"By {last}, demand for HBM over its supply is at the median "
        f"{span(min(paces.values()), max(paces.values()), '')} times what it is in {first}, and no "
        f"less than that in {outlook.among(pace >= 1 for pace in paces.values())}; "
        f"{of_all(assumed, 'inputs')} of the scenarios are assumed",
        {
            **{f"pace in {name}": (pace, "") for name, pace in paces.items()},
            "inputs assumed": (float(sum(assumed)), ""),
        },
    )


def _verdicts(params: Params, _: Mapping[str, Any]) -> Said | None:
    """How the claims of the article were judged."""
    verdicts = claims.table(params)["verdict"].value_counts()
    counts = {name: int(verdicts[name]) for name in claims.VERDICTS if name in verdicts}
    if not counts:
        return None
    total = sum(counts.values())
    return Said(
        f"Claims of the article that this report grew from, {total} in all: "
        + listed(f"{n} {IN_WORDS[name]}" for name, n in counts.items()),
        {"claims": (float(total), "")} | {name: (float(n), "") for name, n in counts.items()},
    )


# What matters most comes first; the front page shows the first of them.
FINDINGS: Mapping[str, tuple[str, str, Tell]] = {
    "transport": ("10_memory_bound", "fig-ratio", _transport),
    "critical-context": ("10_memory_bound", "fig-critical", _critical),
    "needs": ("10_memory_bound", "tbl-needs", _needs),
    "pair": ("25_head_to_head", "tbl-pair", _pair),
    "contest": ("25_head_to_head", "fig-duel", _contest),
    "outlook": ("70_cyclical_or_infrastructure", "fig-outlook", _outlook),
    "reality": ("80_model_against_reality", "fig-reality", _reality),
    "verdicts": ("90_claims", "tbl-claims", _verdicts),
    "levers": ("10_memory_bound", "fig-levers", _levers),
    "on-die": ("20_capacity_vs_bandwidth", "fig-fits", _on_die),
    "sweep": ("20_capacity_vs_bandwidth", "fig-sweep", _sweep),
}
