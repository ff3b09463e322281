"""Doubts about params that load: numbers of one file that do not go together, and names of no file.

A doubt is a warning, not an error: the number may be right and odd. A note on the odd number
settles it, because then a reader knows why.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from reportlib import cases
from reportlib.params import Chip, Model, Params, Precision, Problem, numbers, problem
from reportlib.params.evidence import MemoryTechnology
from reportlib.units import QUANTITY, show

Doubt = tuple[tuple[str | int, ...], str]  # a path in a file, and what is odd there

USUAL_RATIOS = (1, 2, 4)  # of dense rates at narrower precisions to the widest
RATIO_TOLERANCE = 0.02  # rates are printed with two or three digits
BANDWIDTH_TOLERANCE = 0.05  # pin rates are printed as "about 6.5"
CAPACITY_TOLERANCE = 0.01
PARAMETERS_TOLERANCE = 0.005
REMEDY = "mend what is wrong, or say why in the note here"
SLIP = 2.0  # a factor that no note explains: bits for bytes, both directions for one
BOTH_WAYS = re.compile(
    r"\b(bi-?directional|(?:sum of )?both(?: ways| directions)?|full duplex)\b", re.IGNORECASE
)


def doubts(params: Params, root: Path) -> list[Problem]:
    """Return what is odd in *params*, which were read from *root* for the last of days."""
    found = [
        problem(f"chips/{identifier}.yaml", path, message, root)
        for identifier, chip in params.chips.items()
        for path, message in _at_all_times(params, identifier, chip)
    ]
    found += [
        problem(f"models/{identifier}.yaml", path, message, root)
        for identifier, model in params.models.items()
        for path, message in about_model(model)
    ]
    found += [
        problem(f"memory/{identifier}.yaml", path, message, root)
        for identifier, memory in params.memory.items()
        for path, message in about_memory(memory)
    ]
    found += _after_the_edition(params, root)
    found += _unread(root)
    found += [problem("report.yaml", *doubt, root) for doubt in _names_in_report(params)]
    found += [problem("claims.yaml", *doubt, root) for doubt in _names_in_claims(params)]
    found += [problem("scenarios.yaml", *doubt, root) for doubt in _names_in_scenarios(params)]
    return sorted(found)


def _after_the_edition(params: Params, root: Path) -> Iterator[Problem]:
    """Yield what is dated after the edition, and so in none of its tables."""
    known = params.on(params.latest)
    for kind in ("chips", "models", "memory"):
        for identifier in sorted(set(getattr(params, kind)) - set(getattr(known, kind))):
            message = f"dated after the edition of {params.latest}, and so not in the report"
            yield problem(f"{kind}/{identifier}.yaml", (), message, root)
    for kind in ("supply", "scenarios"):
        if getattr(params, kind) and not getattr(known, kind):
            message = f"later than the edition of {params.latest}, and so not in the report"
            yield problem(f"{kind}.yaml", ("as_of",), message, root)


def _unread(root: Path) -> Iterator[Problem]:
    """Yield the files in the folders of records that look like records and are not read."""
    for path in sorted(
        p for kind in ("chips", "models", "memory") for p in (root / kind).rglob("*")
    ):
        known = path.parent.parent == root and path.suffix.lower() in {".yaml", ".yml"}
        if path.is_file() and not known and not path.name.startswith((".", "#")):
            name = path.relative_to(root.parent).as_posix()
            yield Problem(name, 1, "", "not read; a record is a .yaml file directly in its folder")


def _at_all_times(params: Params, identifier: str, chip: Chip) -> Iterator[Doubt]:
    """Yield the doubts about *chip* as it is known now, and as it was before each change."""
    changes = {old.until for _, n in numbers(chip) for old in getattr(n, "superseded", ())}
    alone = replace(params, chips={identifier: chip}, models={})
    told = set()
    for day in (date.max, *sorted(day - timedelta(days=1) for day in changes)):
        for known in alone.on(day).chips.values():
            for path, message in about_chip(known):
                if path not in told:
                    told.add(path)
                    yield path, message if day == date.max else f"{message} (as known on {day})"


def about_chip(chip: Chip) -> Iterator[Doubt]:
    """Yield what does not go together in *chip*."""
    yield from _compute_ratios(chip)
    yield from _stacks(chip)
    link = chip.scale_up and chip.scale_up.bandwidth
    if link and link.directions == "one" and link.confidence != "derived":
        said = BOTH_WAYS.search(link.note)
        if said:
            yield (
                ("scale_up", "bandwidth", "directions"),
                f"one, but the note says {said[0]!r}; write both, or mark the half as derived",
            )


def _compute_ratios(chip: Chip) -> Iterator[Doubt]:
    order = [p for p in get_args(Precision) if p in chip.peak_compute]
    base = "bf16" if "bf16" in order else next(iter(order), "")
    for precision in order:
        rate = chip.peak_compute[precision]
        ratio = rate.value / chip.peak_compute[base].value  # type: ignore[index]
        usual = any(abs(ratio / r - 1) <= RATIO_TOLERANCE for r in USUAL_RATIOS)
        if not usual and not rate.note:
            message = (
                f"{rate.text} is {ratio:.3g} times {base}, not 1, 2 or 4; is it a sparse rate? "
                f"{REMEDY}"
            )
            yield ("peak_compute", precision), message


def _stacks(chip: Chip) -> Iterator[Doubt]:
    stacks = chip.memory_stacks
    if stacks is None:
        return
    if stacks.interface_width and stacks.data_rate_per_pin:
        made = stacks.count.value * stacks.interface_width.value * stacks.data_rate_per_pin.value
        odd, note = made / chip.memory_bandwidth.value, stacks.data_rate_per_pin.note
        if not _settled(odd, BANDWIDTH_TOLERANCE, note):
            message = (
                f"{stacks.count.text} stacks of {stacks.interface_width.text} pins at "
                f"{stacks.data_rate_per_pin.text} make {_plain(made, 'B/s')}, not "
                f"{chip.memory_bandwidth.text}; {REMEDY}"
            )
            yield ("memory_stacks", "data_rate_per_pin"), message
    if stacks.stack_capacity:
        made = stacks.count.value * stacks.stack_capacity.value
        odd = made / chip.memory_capacity.value
        note = stacks.stack_capacity.note or chip.memory_capacity.note
        if not _settled(odd, CAPACITY_TOLERANCE, note):
            message = (
                f"{stacks.count.text} stacks of {stacks.stack_capacity.text} make "
                f"{_plain(made, 'B')}, not {chip.memory_capacity.text}; {REMEDY}"
            )
            yield ("memory_stacks", "stack_capacity"), message


def _settled(ratio: float, tolerance: float, note: str) -> bool:
    """Whether *ratio* is as good as 1, or off by no more than a *note* may explain."""
    return abs(ratio - 1) <= tolerance or (bool(note) and 1 / SLIP < ratio < SLIP)


def about_model(model: Model) -> Iterator[Doubt]:
    """Yield the stated numbers of parameters that the dimensions of *model* do not make."""
    count = cases.parameters(model)
    for field, stated, made in (
        ("parameters", model.parameters, count.total),
        ("active_parameters", model.active_parameters, count.active),
    ):
        if stated is None or stated.note:
            continue
        off = abs(made - stated.value)
        if off > PARAMETERS_TOLERANCE * stated.value and off > rounding(stated.text, stated.value):
            message = f"the dimensions make {made:,.0f}, not {stated.text}; {REMEDY}"
            yield (field,), message


def about_memory(memory: MemoryTechnology) -> Iterator[Doubt]:
    """Yield what does not go together in the figures of *memory*."""
    width, rate, bandwidth = memory.interface_width, memory.data_rate_per_pin, memory.bandwidth
    if width and rate and bandwidth:
        made = width.value * rate.value
        if not _settled(made / bandwidth.value, BANDWIDTH_TOLERANCE, rate.note):
            message = (
                f"{width.text} pins at {rate.text} make {_plain(made, 'B/s')}, not "
                f"{bandwidth.text}; {REMEDY}"
            )
            yield ("data_rate_per_pin",), message


def rounding(text: str, value: float) -> float:
    """Return how far off a number may be that is printed as *text*: half of its last digit.

    >>> rounding("8 billion", 8e9), rounding("1.04e12", 1.04e12)
    (500000000.0, 5000000000.0)
    """
    match = QUANTITY.fullmatch(text.strip())
    number = match["number"].replace(",", "") if match else "1"
    mantissa, _, exponent = number.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    scale = value / float(number)
    return scale * 10.0 ** (int(exponent or 0) - decimals) / 2


def _names_in_report(params: Params) -> Iterator[Doubt]:
    """Yield the ids in report.yaml that name no file: what uses them does without."""
    casts = {"headline": params.report.headline, "aside": params.report.aside}
    for field, cast in casts.items():
        for position, identifier in enumerate(cast.chips):
            yield from _unknown(identifier, params.chips, (field, "chips", position))
        for position, identifier in enumerate(cast.models):
            yield from _unknown(identifier, params.models, (field, "models", position))
    for section, values in params.report.sections.items():
        yield from _names_in(values or {}, params, ("sections", section))


def _names_in_claims(params: Params) -> Iterator[Doubt]:
    for position, claim in enumerate(params.claims.claims):
        yield from _names_in(claim.arguments, params, ("claims", position, "arguments"))


def _names_in_scenarios(params: Params) -> Iterator[Doubt]:
    """Yield the ids in scenarios.yaml that name no file: the model does without, or is not made."""
    of = params.scenarios
    if of is None:
        return
    yield from _unknown(of.memory, params.memory, ("memory",))
    yield from _unknown(of.chip, params.chips, ("chip",))
    for identifier in of.mix:
        yield from _unknown(identifier, params.models, ("mix", identifier))
    for name, scenario in of.scenarios.items():
        for identifier in scenario.mix or ():
            yield from _unknown(identifier, params.models, ("scenarios", name, "mix", identifier))


def _names_in(
    values: Mapping[str, Any], params: Params, path: tuple[str | int, ...]
) -> Iterator[Doubt]:
    """Yield the ids among the parameters of a section, or the arguments of a claim."""
    for name, value in values.items():
        about_chips = name.startswith("chip") or name in {"pair", "than"}
        if about_chips or name.startswith("model"):
            known: Mapping[str, Any] = params.chips if about_chips else params.models
            for identifier in value if isinstance(value, list) else str(value).split():
                yield from _unknown(identifier, known, (*path, name))


def _unknown(
    identifier: str, known: Mapping[str, Any], path: tuple[str | int, ...]
) -> Iterator[Doubt]:
    if identifier not in known:
        near = get_close_matches(identifier, known, n=1)
        remedy = f"did you mean {near[0]}?" if near else "add the file, or take the id out"
        yield path, f"{identifier!r} is the name of no file; {remedy}"


def _plain(value: float, unit: str) -> str:
    return show(value, unit).replace("\N{NO-BREAK SPACE}", " ")
