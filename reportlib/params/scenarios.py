"""What may become of tokens, models, efficiency and supply: a few scenarios, each to be edited.

All scenarios begin on one day, with the inputs of supply.yaml. From there rates hold year after
year, and what a scenario changes moves evenly towards the value of the last year.
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from reportlib.params.evidence import Id
from reportlib.params.readings import Cited, Day, Entry, Name, Record, Size, Text
from reportlib.units import Count, PerSecond

WHOLE = 0.001  # how far from 1 the shares of a mix may add up


def _adds_up(shares: dict[str, Cited[Count]]) -> dict[str, Cited[Count]]:
    total = sum(share.value for share in shares.values())
    if abs(total - 1) > WHOLE:
        msg = f"the shares add up to {100 * total:.4g} %, not 100 %; change one of them"
        raise ValueError(msg)
    return shares


Mix = Annotated[dict[Id, Cited[Count]], AfterValidator(_adds_up)]


class Later(Record):
    """Inputs of supply.yaml that are others in the last year; what is left out stays as it is."""

    untold_ratio: Cited[Count] | None = None  # tokens of all, over those of Google and China
    output_share: Cited[Count] | None = None  # of tokens that are output
    cache_hit_rate: Cited[Count] | None = None  # share of input that a prefix cache holds
    peak_ratio: Cited[Count] | None = None  # busiest hour over the mean
    user_speed: Cited[PerSecond] | None = None  # output tokens per second that a user sees
    batch_size: Cited[Count] | None = None  # sequences that share one copy of the weights
    context_length: Cited[Count] | None = None  # mean over decode steps
    achieved_bandwidth: Cited[Count] | None = None  # share of the peak that decoding reaches
    achieved_compute: Cited[Count] | None = None  # share of the dense peak that prefill reaches
    serving_share: Cited[Count] | None = None  # of HBM that serves tokens rather than trains


class Scenario(Record):
    """One course of things."""

    name: Name
    story: Text  # what happens, in one sentence
    token_factor: Cited[Count]  # tokens of a year over those of the year before
    supply_factor: Cited[Count]  # bytes of HBM made in a year, over those of the year before
    efficiency_factor: Cited[Count]  # tokens that a memory serves, over those of the year before
    mix: Mix | None = None  # shares of models in the last year; left out: as today
    later: Later = Later()  # further inputs of the last year


class Scenarios(Entry):
    """Scenarios, and what they have in common."""

    as_of: Day  # the day on which they were written; there are none for editions before it
    horizon: Annotated[Size, Field(le=20)]  # years that they look ahead
    memory: Id  # the kind of HBM that a year makes today: a file in params/memory
    chip: Id  # the chip whose arithmetic comes with it: a file in params/chips
    mix: Mix  # shares of output tokens today, by models of params/models that stand for all
    past_token_factor: Cited[Count]  # as token_factor, in the year before
    past_supply_factor: Cited[Count]  # as supply_factor, in the years before
    bandwidth_factor: Cited[Count]  # bandwidth of a byte of new HBM, over that of the year before
    compute_factor: Cited[Count]  # arithmetic that comes with it, over that of the year before
    scenarios: dict[Id, Scenario]
