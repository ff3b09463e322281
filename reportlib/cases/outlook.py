"""The demand for HBM over its supply, year by year, in each scenario of params.

Demand is what tokens take at least: a mix of models holds, reads and computes. Supply is all HBM
that still serves, made in a year and in those before; newer HBM reads faster. Stacks are counted
as those that are made today, so that both can be compared. One fleet does all: the bound that takes
most of it counts.

Tokens that nobody counts, idle chips and spares are not in the demand, so that its level is too
low, by a factor that nobody knows. The pace, demand over supply as a multiple of today's, is free
of that factor.
"""

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from reportlib.calculations import supply as formulas
from reportlib.cases import supply
from reportlib.cases.ranges import Inputs, Range
from reportlib.cases.steps import peak_compute
from reportlib.params import Chip, MemoryTechnology, Model, Params, Reading, Scenario, Scenarios
from reportlib.params import Supply as Figures
from reportlib.units import Count

LATER, MIX = "later.", "mix."  # before the names of inputs of the last year, and of models


class NotModelled(LookupError):  # noqa: N818 - an answer, not a fault
    """Something that the outlook is computed from is not there."""


@dataclass(frozen=True)
class Stacks:
    """Stacks of a year by one bound: those needed, those there to serve, the new among them."""

    needed: Count
    there: Count
    new: Count


@dataclass(frozen=True)
class Outlook:
    """A scenario with all that it is computed from; *values* are all of its inputs, by name."""

    scenario: Scenario
    horizon: int  # years
    models: Mapping[str, Model]  # of the mixes, as far as they have a file
    memory: MemoryTechnology
    chip: Chip | None  # none where its arithmetic is not known
    inputs: Inputs

    def stacks(self, year: int, **values: Any) -> dict[str, Stacks]:
        """The stacks of a *year*, counted from today's, by bound."""
        way = year / self.horizon
        now = _of_year(values, way)
        wanted = (values["token_factor"] / values["efficiency_factor"]) ** year
        serving = supply.yearly_stacks(self.memory, **now) * now["serving_share"]
        found = {}
        for bound, speed_factor in self._speed_factors(values).items():
            cohorts = list(_cohorts(year, speed_factor, values))
            found[bound] = Stacks(
                needed=wanted * self._needed(bound, now, self._mix(values, way)),
                there=serving * sum(cohorts),
                new=serving * cohorts[0],
            )
        return found

    def shares(self, year: int, **values: Any) -> dict[str, Count]:
        """Stacks that tokens take at least, over those that are there to serve, by bound."""
        return {bound: of.needed / of.there for bound, of in self.stacks(year, **values).items()}

    def share(self, year: int, **values: Any) -> Count:
        """The largest of the shares."""
        return functools.reduce(np.maximum, self.shares(year, **values).values())

    def pace(self, year: int, **values: Any) -> Count:
        """Demand over supply in *year*, as a multiple of what it is today."""
        return self.share(year, **values) / self.share(0, **values)

    def additions(self, year: int, **values: Any) -> Count:
        """Stacks that *year* needs on top of earlier ones, over those made in it.

        If today's fleet just suffices, and if all that was made since has been bought.
        """
        today = self.share(0, **values)
        needs = (
            formulas.additions_needed(needed=of.needed / today, there=of.there - of.new) / of.new
            for of in self.stacks(year, **values).values()
        )
        return functools.reduce(np.maximum, needs)

    def even_tokens(self, **values: Any) -> Count:
        """Yearly factor of tokens at which demand over supply is in the last year what it is today.

        Demand is proportional to tokens, and so the factor is found without a search.
        """
        return values["token_factor"] / self._excess(values)

    def even_efficiency(self, **values: Any) -> Count:
        """Yearly factor of efficiency at which demand over supply is then what it is today."""
        return values["efficiency_factor"] * self._excess(values)

    def _excess(self, values: Mapping[str, Any]) -> Count:
        return formulas.yearly_factor(self.pace(self.horizon, **values), self.horizon)

    def _speed_factors(self, values: Mapping[str, Any]) -> dict[str, Count]:
        """Return by bound how much more of it a stack gives than one of the year before."""
        factors = {"capacity": 1.0, "bandwidth": values["bandwidth_factor"]}
        return factors | ({"compute": values["compute_factor"]} if self.chip else {})

    def _needed(self, bound: str, now: Mapping[str, Any], mix: Mapping[str, Count]) -> Count:
        """Return the stacks that the *mix* of models takes, with the inputs of a year."""
        function = getattr(supply, f"{bound}_bound_stacks")
        other = self.chip if bound == "compute" else self.memory
        arguments = supply.taken(function, now)
        needed = (
            share * function(self.models[name], other, **arguments) for name, share in mix.items()
        )
        return sum(needed) / sum(mix.values())

    def _mix(self, values: Mapping[str, Any], way: float) -> dict[str, Count]:
        """Return the shares of models, a part of the *way* from today's to those of the last year.

        In parts of their sum, which is not 1 where a model is left out.
        """
        if self.scenario.mix is None:
            return {name: values[MIX + name] for name in self.models}
        return {
            name: (1 - way) * values.get(MIX + name, 0.0)
            + way * values.get(LATER + MIX + name, 0.0)
            for name in self.models
        }


def outlooks(params: Params) -> dict[str, Outlook]:
    """Return every scenario by its id; raises NotModelled, saying what is not there.

    A model of a mix that has no file is left out: the others share its tokens.
    """
    of, figures = params.scenarios, params.supply
    if of is None or figures is None:
        missing = "scenarios" if of is None else "figures of supply and demand"
        msg = f"no {missing} in this edition"
        raise NotModelled(msg)
    memory = params.memory.get(of.memory)
    if memory is None or memory.capacity is None or memory.bandwidth is None:
        msg = f"no capacity and bandwidth of {of.memory} in this edition"
        raise NotModelled(msg)
    for mix in (of.mix, *(scenario.mix for scenario in of.scenarios.values())):
        if mix and not mix.keys() & params.models.keys():
            msg = f"none of the models {', '.join(mix)} in this edition"
            raise NotModelled(msg)
    chip = params.chips.get(of.chip)
    return {
        name: Outlook(
            scenario=scenario,
            horizon=of.horizon,
            models={
                i: params.models[i] for i in (of.mix | (scenario.mix or {})) if i in params.models
            },
            memory=memory,
            chip=chip if chip and _computes(chip) else None,
            inputs=_inputs(scenario, of, figures, params.models),
        )
        for name, scenario in of.scenarios.items()
    }


def left_out(params: Params) -> list[str]:
    """Return the ids of models in mixes that have no file."""
    of = params.scenarios
    mixes = [of.mix, *(scenario.mix or {} for scenario in of.scenarios.values())] if of else []
    return sorted({name for mix in mixes for name in mix} - params.models.keys())


def _inputs(
    scenario: Scenario, of: Scenarios, figures: Figures, models: Mapping[str, Model]
) -> Inputs:
    """Return the ranges of all inputs by name: of supply, of all scenarios, and of this one."""
    shared = {name: reading for name, reading in of if isinstance(reading, Reading)}
    own = {name: reading for name, reading in scenario if isinstance(reading, Reading)}
    later = {LATER + name: reading for name, reading in scenario.later if reading}
    mixes = {MIX + name: reading for name, reading in of.mix.items() if name in models}
    mixes |= {
        LATER + MIX + name: reading
        for name, reading in (scenario.mix or {}).items()
        if name in models
    }
    readings = shared | own | later | mixes
    return supply.inputs(figures, Outlook.pace) | {n: Range.of(r) for n, r in readings.items()}


def _computes(chip: Chip) -> bool:
    """Whether it is known how much *chip* computes, and with how many stacks."""
    return chip.memory_stacks is not None and not math.isnan(peak_compute(chip, supply.PRECISION))


def _of_year(values: Mapping[str, Any], way: float) -> dict[str, Any]:
    """Return the inputs of supply.yaml a part of the *way* to what the scenario makes of them."""
    return {
        name: formulas.moved(value, values[LATER + name], way) if LATER + name in values else value
        for name, value in values.items()
    }


def _cohorts(year: int, speed_factor: Count, values: Mapping[str, Any]) -> Iterator[Count]:
    """Yield what is there of the stacks made in *year*, in the year before and so on.

    In stacks of today that give as much, over those made today.
    """
    lifetime = values["lifetime"] / supply.YEAR
    for age in range(math.ceil(np.max(lifetime))):
        yield formulas.in_service(age, lifetime) * formulas.grown(
            year - age,
            before=values["past_supply_factor"] * speed_factor,
            after=values["supply_factor"] * speed_factor,
        )
