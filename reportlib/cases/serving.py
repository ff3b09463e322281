"""A case as it is served: requests of like length in steady state, and what they cost.

A Case is one decode step; here it meets prefill, drafts, slower memory, and ways to split a model
other than by tensors. All lengths, batches and numbers of chips may be arrays. Where an engine is
asked for, None stands for none: times are then bounds (see predictions).

Left out: queueing, lengths that vary, and what is told in the modules of each calculation.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from reportlib.calculations import (
    collectives,
    decode,
    economics,
    experts,
    offload,
    serving,
    speculation,
    splitting,
)
from reportlib.calculations.transformer import matmul_flop
from reportlib.cases.engines import ALL_REDUCES, Engine, expected_step_time
from reportlib.cases.models import kv_cache_bytes, parameters
from reportlib.cases.predictions import ACTIVATION_BYTES, USABLE_SHARE, Case
from reportlib.cases.supply import inputs
from reportlib.params import Chip, Model, Supply
from reportlib.params.architecture import (
    AnyMixer,
    GatedDeltaNet,
    GroupedQueryAttention,
    Mamba2,
)
from reportlib.params.records import Tier
from reportlib.units import (
    Bytes,
    BytesPerSecond,
    Count,
    Dollars,
    DollarsPerSecond,
    Joules,
    PerSecond,
    Seconds,
    Watts,
)

LONGEST: Count = 2**40  # tokens; what keeps so many keeps any number
HOST = 8  # chips that one computer joins over PCIe [@rtx6kpro-pcie]
MOST_CHIPS = 64  # that split tensors here; published set-ups stay below
ALL_TO_ALLS = 2  # a layer of experts: tokens to them, and results back [@deepep-v1]


def request_case(
    case: Case, *, input_length: Count, output_length: Count, cached_length: Count = 0
) -> Case:
    """*case* amid requests of these lengths: contexts at their mean, memory for the longest.

    *input_length* is beside *cached_length* tokens of each prompt that are known.
    """
    prompt = cached_length + input_length
    return replace(
        case,
        context_length=serving.mean_live_context(input_tokens=prompt, output_tokens=output_length),
        input_length=input_length,
        cached_length=cached_length,
        longest_context=prompt + output_length,
    )


def step_time(case: Case, engine: Engine | None, drafts: Count = 0) -> Seconds:
    """Time of a step that computes the next token of each sequence and verifies *drafts* guesses.

    Weights of blocks are read once, and experts as *drafts* + 1 tokens of each sequence choose
    them, as independently as tokens of different sequences. These tokens are multiplied, attend
    and are exchanged between chips, each as one at the case's context; caches and states are
    read once a sequence, whatever its drafts.
    """
    step = case.step
    verified = {
        name: speculation.verify_tokens(step[name], drafts)
        for name in ("tokens", "matmul_flop", "attention_flop", "message_bytes")
    }
    if engine:
        return expected_step_time(engine.constants, **step | verified)
    flop = verified["matmul_flop"] + verified["attention_flop"]
    return np.maximum(case.decode_floor, decode.multiply_time(flop, case.fastest_compute))


def prefill_time(case: Case, engine: Engine | None) -> Seconds:
    """Time to read one prompt; NaN where an engine is given and no rate is published."""
    alone = replace(case, batch_size=1)
    return alone.prefill_time(engine) if engine else alone.prefill_floor


@dataclass(frozen=True)
class Replica:
    """Chips that keep a batch of requests going, and read prompts between the steps.

    *case* is that of request_case. With *drafts*, *acceptance* is the share of guesses that are
    right, and *draft_time* what one for the whole batch takes: the step_time of a draft model's
    case, or a share of this one's.
    """

    case: Case
    engine: Engine | None
    output_length: Count  # above 1
    drafts: Count = 0
    acceptance: Count = 0
    draft_time: Seconds = 0

    @cached_property
    def tokens_per_step(self) -> Count:
        """Tokens that a step yields each sequence: more than 1 with drafts."""
        return speculation.tokens_per_round(self.acceptance, self.drafts)

    @cached_property
    def steps(self) -> Count:
        """Decode steps of a request; its prefill yields its first token."""
        return serving.decode_steps(self.output_length, self.tokens_per_step)

    @cached_property
    def prefill_time(self) -> Seconds:
        """Time to read one prompt: that to the first token, where nothing waits."""
        return prefill_time(self.case, self.engine)

    @cached_property
    def step_time(self) -> Seconds:
        """Time of a decode step, with its drafts."""
        return speculation.round_time(
            verify_time=step_time(self.case, self.engine, self.drafts),
            drafts=self.drafts,
            draft_time=self.draft_time,
        )

    @cached_property
    def speculative_speedup(self) -> Count:
        """How many times faster decoding is than without drafts."""
        return speculation.speculative_speedup(
            tokens_per_round=self.tokens_per_step,
            step_time=step_time(self.case, self.engine),
            round_time=self.step_time,
        )

    @property
    def _shared(self) -> dict[str, Count]:
        return {
            "prefill_time": self.prefill_time,
            "steps": self.steps,
            "step_time": self.step_time,
            "batch_size": self.case.batch_size,
        }

    @property
    def sequences_per_second(self) -> PerSecond:
        """Requests that are finished per second."""
        return serving.sequences_per_second(serving.time_per_sequence(**self._shared), replicas=1)

    @property
    def tokens_per_second(self) -> PerSecond:
        """Output tokens per second, of all sequences."""
        return serving.output_tokens_per_second(self.sequences_per_second, self.output_length)

    @property
    def tokens_per_chip_second(self) -> PerSecond:
        """Output tokens per second and chip."""
        return self.tokens_per_second / self.case.chips

    @property
    def decode_tokens_per_second(self) -> PerSecond:
        """Output tokens per second while it decodes."""
        return decode.tokens_per_second(self.case.batch_size * self.tokens_per_step, self.step_time)

    @property
    def time_per_output_token(self) -> Seconds:
        """Mean time between the tokens of a sequence, with prefills of others between them."""
        return serving.shared_time_per_step(**self._shared) / self.tokens_per_step

    @property
    def request_latency(self) -> Seconds:
        """Time from when a prompt is read first to the last token."""
        return serving.request_latency(
            time_to_first_token=self.prefill_time,
            time_per_step=self.time_per_output_token * self.tokens_per_step,
            steps=self.steps,
        )

    @property
    def concurrency(self) -> Count:
        """Requests in progress: the batch, by another way."""
        return serving.concurrency(self.sequences_per_second, self.request_latency)


@dataclass(frozen=True)
class Pair:
    """A replica that only prefills and one that only decodes, in the best ratio of their chips.

    Both are of the same requests. Caches go over *link_bandwidth*, that of all links of a
    prefilling replica in one direction, layer by layer.
    """

    prefill: Replica
    decode: Replica
    link_bandwidth: BytesPerSecond

    @cached_property
    def _rates(self) -> dict[str, PerSecond]:
        one = serving.time_per_sequence(
            prefill_time=0,
            steps=self.decode.steps,
            step_time=self.decode.step_time,
            batch_size=self.decode.case.batch_size,
        )
        return {
            "prefills_per_chip_second": serving.sequences_per_second(
                self.prefill.prefill_time, replicas=1
            )
            / self.prefill.case.chips,
            "decodes_per_chip_second": serving.sequences_per_second(one, replicas=1)
            / self.decode.case.chips,
        }

    @property
    def prefill_chips_per_decode_chip(self) -> Count:
        """Ratio of chips at which neither waits for the other."""
        return serving.prefill_chips_per_decode_chip(**self._rates)

    @property
    def tokens_per_chip_second(self) -> PerSecond:
        """Output tokens per second and chip, of both kinds of chips."""
        return serving.output_tokens_per_second(
            serving.disaggregated_sequences_per_chip_second(**self._rates),
            self.decode.output_length,
        )

    @cached_property
    def time_to_first_token(self) -> Seconds:
        """Time to read a prompt and to send what is left of its cache."""
        case = self.prefill.case
        prompt = case.cached_length + case.input_length
        exposed = serving.exposed_transfer_time(
            transfer_time=serving.kv_transfer_time(
                kv_cache_bytes(case.model, prompt, case.kv_precision), self.link_bandwidth
            ),
            prefill_time=self.prefill.prefill_time,
            layers=case.model.architecture.layers,
        )
        return self.prefill.prefill_time + exposed

    @property
    def time_per_output_token(self) -> Seconds:
        """Mean time between the tokens of a sequence: no prefill comes between them."""
        return self.decode.step_time / self.decode.tokens_per_step

    @property
    def request_latency(self) -> Seconds:
        """Time from when a prompt is read first to the last token."""
        return serving.request_latency(
            time_to_first_token=self.time_to_first_token,
            time_per_step=self.decode.step_time,
            steps=self.decode.steps,
        )


def at_middle(of: Supply, function: Callable[..., Any]) -> Any:
    """What *function* is with the middle of each input that it takes by name from params.

    >>> from reportlib import params
    >>> at_middle(
    ...     params.load(params.DEFAULT_ROOT).supply,
    ...     lambda *, utilization, diameter: (utilization, diameter),
    ... )
    (0.5, 0.3)
    """
    return function(**{name: value.mid for name, value in inputs(of, function).items()})


def output_cost(replica: Replica, *, price: DollarsPerSecond, utilization: Count) -> Dollars:
    """Cost of a million tokens of output at the *price* of one chip; NaN where that is unknown."""
    cost = economics.output_token_cost(
        price=price * replica.case.chips,
        step_time=replica.step_time,
        batch_size=replica.case.batch_size * replica.tokens_per_step,
        utilization=utilization,
    )
    return economics.cost_per_million_tokens(cost)


def input_cost(replica: Replica, *, price: DollarsPerSecond, utilization: Count) -> Dollars:
    """Cost of a million tokens of input that no cache holds, as above."""
    cost = economics.input_token_cost(
        price=price * replica.case.chips,
        prefill_time=replica.prefill_time,
        input_length=replica.case.input_length,
        utilization=utilization,
    )
    return economics.cost_per_million_tokens(cost)


def output_energy(
    replica: Replica,
    *,
    power_usage_effectiveness: Count,
    host_power: Watts,
    idle_share: Count,
    decode_activity: Count,
) -> Joules:
    """Energy of a token of output while it decodes; NaN where the chip's power is unknown."""
    return economics.energy_per_token(
        power=_power(replica.case, host_power, idle_share, decode_activity),
        power_usage_effectiveness=power_usage_effectiveness,
        tokens_per_second=replica.decode_tokens_per_second,
    )


def input_energy(
    replica: Replica,
    *,
    power_usage_effectiveness: Count,
    host_power: Watts,
    idle_share: Count,
    prefill_activity: Count,
) -> Joules:
    """Energy of a token of input that no cache holds, while it is read."""
    return economics.energy_per_token(
        power=_power(replica.case, host_power, idle_share, prefill_activity),
        power_usage_effectiveness=power_usage_effectiveness,
        tokens_per_second=decode.tokens_per_second(replica.case.input_length, replica.prefill_time),
    )


def _power(case: Case, host_power: Watts, idle_share: Count, activity: Count) -> Watts:
    """Return what all chips and their share of hosts draw."""
    rated = case.chip.power.value if case.chip.power else math.nan
    drawn = economics.drawn_power(rated_power=rated, idle_share=idle_share, activity=activity)
    return case.chips * (drawn + host_power)


def slower_tier(chip: Chip) -> Tier | None:
    """The fastest further memory of *chip* of which capacity and bandwidth are known.

    None where there is none: tiers that are faster than the main memory are caches.
    """
    known = {
        tier.memory_bandwidth.value: tier
        for tier in chip.tiers.values()
        if tier.memory_bandwidth and tier.memory_capacity
    }
    slower = [rate for rate in known if rate < chip.memory_bandwidth.value]
    return known[max(slower)] if slower else None


def spilled(case: Case, *, slow_bandwidth: BytesPerSecond, slow_capacity: Bytes = math.inf) -> Case:
    """*case* on chips that keep in a slower memory what does not fit into their own.

    Both rates and sizes are of one chip, over its link if that is slower. What spills, weights or
    caches, is read as often as the rest, and after it; engines reach the same share of both
    bandwidths. It is spilled for the batch and the longest context that *case* has: change them
    before, not after. With a link to a host, give what it sustains.
    """
    own = case.chip.memory_capacity.value, case.chip.memory_bandwidth.value
    caches = case.batch_size * kv_cache_bytes(
        case.model, case.longest_context, case.kv_precision, chips=case.chips
    )
    share = offload.largest_fast_share(
        bytes_needed=case.weight_bytes + caches,
        fast_capacity=case.chips * own[0],
        usable_share=USABLE_SHARE,
    )
    time = offload.sequential_read_time(
        fast_bytes=share,
        slow_bytes=1 - share,
        fast_bandwidth=own[1],
        slow_bandwidth=slow_bandwidth,
    )
    both = own[0] + slow_capacity, offload.effective_bandwidth(1, time)
    names = "memory_capacity", "memory_bandwidth"
    readings = {
        name: getattr(case.chip, name).model_copy(update={"value": value})
        for name, value in zip(names, both, strict=True)
    }
    return replace(case, chip=case.chip.model_copy(update=readings))


def expert_parallel_step_time(case: Case, engine: Engine) -> Seconds:
    """Expected time of a step on chips that share experts, and have all other weights each.

    Each of the case's chips decodes its share of the batch and holds its share of the experts,
    evenly; all wait for the one whose experts get most tokens, and for two exchanges of tokens
    in each layer of experts, which do not overlap with anything. Tokens choose experts evenly.
    """
    count, ranks = parameters(case.model), case.chips
    routing = {
        "experts": count.experts,
        "active_experts": count.active_experts,
        "tokens": case.batch_size,
        "ranks": ranks,
    }
    read = case.routed_bytes * experts.busiest_rank_experts(**routing) / count.experts
    computed = count.routed / count.experts * experts.busiest_rank_tokens(**routing)
    rank = replace(case, batch_size=np.ceil(case.batch_size / ranks), chips=1)
    reached = engine.constants
    exchanges = ALL_TO_ALLS * all_to_all_time(case, engine)
    return expected_step_time(
        replace(reached, expert_layer_time=reached.expert_layer_time + exchanges),
        **rank.step
        | {
            "weight_bytes": case.resident_bytes + read / reached.expert_efficiency,
            "routed_bytes": 0,  # as it depends on the rank: in the line above
            "matmul_flop": matmul_flop(count.resident, rank.batch_size) + matmul_flop(computed, 1),
        },
    )


def all_to_all_time(case: Case, engine: Engine) -> Seconds:
    """Time to send the tokens of a chip to their experts on the others, or results back.

    In 16 bits, a copy for each expert, within one domain of links.
    """
    count, model = parameters(case.model), case.model.architecture
    return collectives.all_to_all_time(
        tokens=np.ceil(case.batch_size / case.chips),
        bytes_per_token=model.hidden_size * ACTIVATION_BYTES,
        copies=collectives.remote_copies(count.active_experts, case.chips),
        link_bandwidth=case.step["link_bandwidth"],
        latency=engine.constants.collective_latency,
    )


def expert_parallel_batch_size(case: Case) -> Count:
    """Largest batch of longest contexts on chips that share experts only, as above."""
    weights = splitting.weight_bytes_per_chip(
        split_bytes=0,
        chips=1,
        kv_bytes=0,
        kv_heads=1,
        expert_bytes=case.routed_bytes,
        expert_ranks=case.chips,
        copied_bytes=case.weight_bytes - case.routed_bytes,
    )
    return case.chips * splitting.split_batch_size(
        usable_capacity=case.chip.memory_capacity.value * USABLE_SHARE,
        weight_bytes_per_chip=weights,
        kv_bytes_per_sequence=kv_cache_bytes(case.model, case.longest_context, case.kv_precision),
        kv_share=1,
    )


def pipeline_step_time(
    case: Case, engine: Engine, *, stages: Count, micro_batches: Count
) -> Seconds:
    """Expected time between a sequence's tokens in a pipeline of like stages.

    The case's chips are those of one stage, and its batch is that of all *micro_batches*.
    """
    micro = replace(case, batch_size=case.batch_size / micro_batches)
    return splitting.pipeline_step_time(
        stage_time=micro.decode_time(engine) / stages,
        stages=stages,
        micro_batches=micro_batches,
        transfer_time=collectives.point_to_point_time(
            micro.step["message_bytes"],
            link_bandwidth=micro.step["link_bandwidth"],
            latency=engine.constants.collective_latency,
        ),
    )


def fits(case: Case) -> Any:
    """Whether memory holds the weights and the batch's longest contexts, with copies of caches."""
    return case.max_batch_size >= case.batch_size


def allowed_degrees(model: Model, most: int) -> list[int]:
    """Numbers of chips up to *most* over which engines split all heads of *model*.

    A latent or compressed cache counts as one KV head; of linear layers, keys or groups share.
    """
    degrees: Any = np.arange(1, most + 1)
    allowed = np.ones(most)
    for mixer in model.architecture.attention:
        heads, kv_heads = _heads(mixer)
        allowed *= splitting.splits_evenly(heads=heads, kv_heads=kv_heads, chips=degrees)
    return [int(degree) for degree in degrees[allowed > 0]]


def domain_size(chip: Chip) -> int:
    """How many chips links join, so that each reaches all: a host's where nothing is published."""
    size = chip.scale_up and chip.scale_up.domain_size
    return int(size.value) if size else HOST


def domain_degrees(model: Model, chip: Chip) -> list[int]:
    """Numbers of chips of one domain over which engines split all heads of *model*."""
    return allowed_degrees(model, min(domain_size(chip), MOST_CHIPS))


def _heads(mixer: AnyMixer) -> tuple[Count, Count]:
    """Return the heads of queries and those that keep something."""
    match mixer:
        case GroupedQueryAttention():
            return mixer.heads, mixer.kv_heads
        case GatedDeltaNet():
            return mixer.value_heads, mixer.key_heads
        case Mamba2():
            return mixer.heads, mixer.groups
        case _:
            return mixer.heads, 1


def smallest_chips(case: Case, degrees: list[int]) -> Count:
    """Smallest of *degrees*, numbers of chips in order, that holds the case; NaN if none does."""
    holding = (degree for degree in degrees if fits(replace(case, chips=degree)))
    return next(holding, math.nan)


def largest_context(case: Case) -> Count:
    """Longest context that each sequence of the batch can have in memory, in whole tokens.

    Whatever layers keep: by bisection. 0 where not one token fits, infinite where layers keep no
    more of long contexts than of short ones. What the model takes is not asked.
    """
    shape = np.broadcast_shapes(np.shape(case.batch_size), np.shape(case.chips))
    least: Any = np.zeros(shape)
    above: Any = np.full(shape, LONGEST + 1)
    while (above - least > 1).any():
        middle = np.floor((least + above) / 2)
        holds = fits(replace(case, longest_context=middle))
        least, above = np.where(holds, middle, least), np.where(holds, above, middle)
    least[least == LONGEST] = math.inf
    return least


def balanced_chips(case: Case, engine: Engine) -> Count:
    """Number of chips beyond which twice as many are less than a third faster.

    There what splitting shortens takes as long as what it does not: launches, and the latency of
    exchanges. Leaves out bytes that chips exchange, and copies of caches.
    """
    reached = engine.constants
    unlaunched = replace(reached, layer_time=0, expert_layer_time=0, host_time=0)
    alone = replace(case, chips=1)
    model = case.model.architecture
    fixed = splitting.fixed_step_time(
        layers=model.layers,
        layer_time=reached.layer_time,
        all_reduces=ALL_REDUCES,
        latency=reached.collective_latency,
    )
    shortened = expected_step_time(unlaunched, **alone.step)
    return splitting.balanced_chips(
        bytes_read=shortened * alone.memory_bandwidth,
        memory_bandwidth=alone.memory_bandwidth,
        fixed_step_time=fixed + model.expert_layers * reached.expert_layer_time,
    )
