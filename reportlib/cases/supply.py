"""Supply of HBM, demand for it, and what tokens cost: the inputs of params, asked of calculations.

Each function takes by name what it needs of `Params.supply`, as floats or arrays; `inputs` finds
the ranges for it, so that `ranges.tornado` and `ranges.percentiles` can ask how sure the result
is. The softest inputs are yields, which nobody publishes [@chosun-hbm4-yield], and the tokens of
those who do not count them. The supply can be held against a forecast of shipments, more than 30
billion Gbit in 2026 [@chosun-hbm-2026].

One model stands for all models, and one kind of memory or chip for all; their work is spread
evenly over all chips. The demand is what known tokens need at least, not what will be bought.
"""

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reportlib.calculations import decode, economics, supply
from reportlib.calculations.precision import BYTES_PER_VALUE
from reportlib.cases.models import (
    flop_per_token,
    kv_cache_bytes,
    kv_read_bytes,
    parameters,
    weight_bytes,
)
from reportlib.cases.ranges import Range
from reportlib.cases.steps import peak_compute
from reportlib.params import Chip, MemoryTechnology, Model, Precision, Reading, Supply, numbers
from reportlib.units import (
    Bytes,
    BytesPerSquareMetre,
    Count,
    Dollars,
    DollarsPerJoule,
    DollarsPerSecond,
    Joules,
    Metres,
    PerSecond,
    Seconds,
    Watts,
)

YEAR: Seconds = 365.25 * 86_400
PRECISION: Precision = "fp8"  # of weights, as they are kept and multiplied


def inputs(of: Supply, function: Callable[..., Any]) -> dict[str, Range]:
    """Return the ranges of what *function* takes by name.

    *function* may be a partial one, whose other arguments are bound. One that takes any name gets
    all of them.
    """
    named = {path.rpartition(".")[2]: Range.of(reading) for path, reading in numbers(of)}
    return taken(function, named)


def gross_dies(
    memory: MemoryTechnology,
    *,
    diameter: Metres,
    bit_density: BytesPerSquareMetre,
    dies_per_stack: Count,
) -> Count:
    """Dies on a wafer, working or not, for stacks of *memory* of the capacity as it ships."""
    area = supply.die_area(_value(memory.capacity) / dies_per_stack, bit_density)
    return supply.gross_dies(diameter, area)


def kept_share(*, dies_per_stack: Count, die_yield: Count, loss_per_layer: Count) -> Count:
    """Share of dies that end in a working stack.

    >>> round(kept_share(dies_per_stack=12, die_yield=0.75, loss_per_layer=0.01), 3)
    0.665
    """
    return die_yield * supply.stack_yield(dies_per_stack, loss_per_layer)


def stacks_per_wafer(
    memory: MemoryTechnology,
    *,
    diameter: Metres,
    bit_density: BytesPerSquareMetre,
    dies_per_stack: Count,
    die_yield: Count,
    loss_per_layer: Count,
) -> Count:
    """Working stacks of *memory*, of the capacity as it ships, that a wafer makes."""
    return supply.stacks_per_wafer(
        gross_dies=gross_dies(
            memory, diameter=diameter, bit_density=bit_density, dies_per_stack=dies_per_stack
        ),
        die_yield=die_yield,
        dies_per_stack=dies_per_stack,
        stack_yield=supply.stack_yield(dies_per_stack, loss_per_layer),
    )


def yearly_supply(
    memory: MemoryTechnology,
    *,
    dram_wafers: PerSecond,
    hbm_share: Count,
    diameter: Metres,
    bit_density: BytesPerSquareMetre,
    dies_per_stack: Count,
    die_yield: Count,
    loss_per_layer: Count,
) -> Bytes:
    """Bytes of HBM that a year makes, if all of it were *memory*."""
    stacks = stacks_per_wafer(
        memory,
        diameter=diameter,
        bit_density=bit_density,
        dies_per_stack=dies_per_stack,
        die_yield=die_yield,
        loss_per_layer=loss_per_layer,
    )
    made = supply.supplied_stacks(dram_wafers * hbm_share, stacks)
    return made * YEAR * _value(memory.capacity)


def yearly_stacks(memory: MemoryTechnology, **values: Any) -> Count:
    """Stacks that a year makes, if all were *memory*; *values* are all inputs by name."""
    return yearly_supply(memory, **taken(yearly_supply, values)) / _value(memory.capacity)


def bandwidth_bound_stacks(
    model: Model,
    memory: MemoryTechnology,
    *,
    google_tokens: PerSecond,
    china_tokens: PerSecond,
    untold_ratio: Count,
    output_share: Count,
    peak_ratio: Count,
    batch_size: Count,
    context_length: Count,
    achieved_bandwidth: Count,
) -> Count:
    """Stacks that the reads of decoding take, if *model* wrote all output."""
    tokens = (google_tokens + china_tokens) * untold_ratio * output_share * peak_ratio
    return supply.bandwidth_bound_stacks(
        traffic=supply.memory_traffic(
            tokens, _bytes_per_output_token(model, batch_size, context_length)
        ),
        stack_bandwidth=_value(memory.bandwidth),
        achieved_share=achieved_bandwidth,
    )


def capacity_bound_stacks(
    model: Model,
    memory: MemoryTechnology,
    *,
    google_tokens: PerSecond,
    china_tokens: PerSecond,
    untold_ratio: Count,
    output_share: Count,
    peak_ratio: Count,
    user_speed: PerSecond,
    batch_size: Count,
    context_length: Count,
    usable_share: Count,
) -> Count:
    """Stacks that hold weights and KV caches of all who are being answered."""
    tokens = (google_tokens + china_tokens) * untold_ratio * output_share * peak_ratio
    return supply.capacity_bound_stacks(
        sequences=supply.concurrent_sequences(tokens, user_speed),
        batch_size=batch_size,
        weight_bytes=weight_bytes(model, PRECISION),
        kv_bytes_per_sequence=kv_cache_bytes(model, context_length),
        stack_capacity=_value(memory.capacity),
        usable_share=usable_share,
    )


def compute_bound_stacks(
    model: Model,
    chip: Chip,
    *,
    google_tokens: PerSecond,
    china_tokens: PerSecond,
    untold_ratio: Count,
    output_share: Count,
    cache_hit_rate: Count,
    peak_ratio: Count,
    context_length: Count,
    achieved_compute: Count,
) -> Count:
    """Stacks on the chips that the arithmetic of prefill takes: *model* on *chip*."""
    tokens = (google_tokens + china_tokens) * untold_ratio * peak_ratio
    prefilled = tokens * (1 - output_share) * (1 - cache_hit_rate)
    return supply.compute_bound_stacks(
        compute=prefilled * _flop_per_input_token(model, context_length),
        peak_compute=peak_compute(chip, PRECISION),
        achieved_share=achieved_compute,
        stacks_per_chip=_value(chip.memory_stacks.count if chip.memory_stacks else None),
    )


def share_of_supply(model: Model, memory: MemoryTechnology, chip: Chip, **values: Any) -> Count:
    """Stacks that serve known tokens, over those that a year makes to serve.

    One fleet reads, holds and computes, so that the largest of the three bounds counts. *values*
    are all inputs by name.
    """
    needed = [
        bandwidth_bound_stacks(model, memory, **taken(bandwidth_bound_stacks, values)),
        capacity_bound_stacks(model, memory, **taken(capacity_bound_stacks, values)),
        compute_bound_stacks(model, chip, **taken(compute_bound_stacks, values)),
    ]
    made = yearly_stacks(memory, **values) * values["serving_share"]
    return functools.reduce(np.maximum, needed) / made


def owning_price(
    chip: Chip,
    *,
    system_ratio: Count,
    discount_rate: Count,
    lifetime: Seconds,
    upkeep_share: Count,
    energy_price: DollarsPerJoule,
    power_usage_effectiveness: Count,
    host_power: Watts,
    idle_share: Count,
    decode_activity: Count,
    utilization: Count,
) -> DollarsPerSecond:
    """Price of keeping *chip* with its share of a system; NaN where price or power is unknown.

    The price of a system, or of a share of one, has all of it in it already.
    """
    alone = chip.price is not None and chip.price.basis in {"list", "street"}
    power = economics.drawn_power(
        rated_power=_value(chip.power),
        idle_share=idle_share,
        activity=decode_activity * utilization,
    )
    return economics.owning_price(
        capital=_value(chip.price) * (system_ratio if alone else 1),
        recovery_factor=economics.capital_recovery_factor(discount_rate, lifetime / YEAR),
        upkeep_share=upkeep_share,
        period=YEAR,
        power=power + host_power,
        power_usage_effectiveness=power_usage_effectiveness,
        energy_price=energy_price,
    )


def output_cost(
    model: Model,
    chip: Chip,
    *,
    rental_price: DollarsPerSecond,
    batch_size: Count,
    context_length: Count,
    achieved_bandwidth: Count,
    achieved_compute: Count,
    utilization: Count,
) -> Dollars:
    """Cost of a million tokens of output, at the price of *chip*, rented or owned."""
    cost = economics.output_token_cost(
        price=rental_price,
        step_time=_step_time(
            model,
            chip,
            batch_size=batch_size,
            context_length=context_length,
            achieved_bandwidth=achieved_bandwidth,
            achieved_compute=achieved_compute,
        ),
        batch_size=batch_size,
        utilization=utilization,
    )
    return economics.cost_per_million_tokens(cost)


def input_cost(
    model: Model,
    chip: Chip,
    *,
    rental_price: DollarsPerSecond,
    context_length: Count,
    achieved_compute: Count,
    utilization: Count,
) -> Dollars:
    """Cost of a million tokens of input that no cache holds."""
    cost = economics.input_token_cost(
        price=rental_price,
        prefill_time=_prefill_time(model, chip, context_length, achieved_compute),
        input_length=1,
        utilization=utilization,
    )
    return economics.cost_per_million_tokens(cost)


def owned_output_cost(model: Model, chip: Chip, **values: Any) -> Dollars:
    """Cost of a million tokens of output on a *chip* that one owns; *values* are all inputs."""
    price = owning_price(chip, **taken(owning_price, values))
    return output_cost(model, chip, **taken(output_cost, values | {"rental_price": price}))


def owned_input_cost(model: Model, chip: Chip, **values: Any) -> Dollars:
    """Cost of a million tokens of input that no cache holds, as above."""
    price = owning_price(chip, **taken(owning_price, values))
    return input_cost(model, chip, **taken(input_cost, values | {"rental_price": price}))


def blended_cost(model: Model, chip: Chip, **values: Any) -> Dollars:
    """Mean cost of a million tokens, input and output, cached or not; *values* as above."""
    return economics.blended_token_cost(
        input_cost=input_cost(model, chip, **taken(input_cost, values)),
        output_cost=output_cost(model, chip, **taken(output_cost, values)),
        **taken(economics.blended_token_cost, values),
    )


def output_energy(
    model: Model,
    chip: Chip,
    *,
    batch_size: Count,
    context_length: Count,
    achieved_bandwidth: Count,
    achieved_compute: Count,
    power_usage_effectiveness: Count,
    host_power: Watts,
    idle_share: Count,
    decode_activity: Count,
) -> Joules:
    """Energy of a token of output while the chip decodes; what it draws unused is left out."""
    step_time = _step_time(
        model,
        chip,
        batch_size=batch_size,
        context_length=context_length,
        achieved_bandwidth=achieved_bandwidth,
        achieved_compute=achieved_compute,
    )
    power = economics.drawn_power(
        rated_power=_value(chip.power), idle_share=idle_share, activity=decode_activity
    )
    return economics.energy_per_token(
        power=power + host_power,
        power_usage_effectiveness=power_usage_effectiveness,
        tokens_per_second=decode.tokens_per_second(batch_size, step_time),
    )


def input_energy(
    model: Model,
    chip: Chip,
    *,
    context_length: Count,
    achieved_compute: Count,
    power_usage_effectiveness: Count,
    host_power: Watts,
    idle_share: Count,
    prefill_activity: Count,
) -> Joules:
    """Energy of a token of input that no cache holds, while the chip prefills."""
    power = economics.drawn_power(
        rated_power=_value(chip.power), idle_share=idle_share, activity=prefill_activity
    )
    return economics.energy_per_token(
        power=power + host_power,
        power_usage_effectiveness=power_usage_effectiveness,
        tokens_per_second=1 / _prefill_time(model, chip, context_length, achieved_compute),
    )


def output_energy_of_parts(
    model: Model,
    chip: Chip,
    memory: MemoryTechnology,
    *,
    batch_size: Count,
    context_length: Count,
    achieved_bandwidth: Count,
    achieved_compute: Count,
    idle_share: Count,
    energy_per_flop: Joules,
) -> Joules:
    """Energy of a token of output on the chip alone, from the bytes and the FLOP that it takes.

    To be held against what the chip draws: the rest goes into moving data within it.
    """
    step_time = _step_time(
        model,
        chip,
        batch_size=batch_size,
        context_length=context_length,
        achieved_bandwidth=achieved_bandwidth,
        achieved_compute=achieved_compute,
    )
    return economics.step_energy(
        bytes_read=_bytes_per_output_token(model, batch_size, context_length),
        energy_per_byte=_value(memory.energy),
        flop=flop_per_token(model, context_length),
        energy_per_flop=energy_per_flop,
        static_power=_value(chip.power) * idle_share,
        step_time=step_time / batch_size,
    )


def _bytes_per_output_token(model: Model, batch_size: Count, context_length: Count) -> Bytes:
    weights = parameters(model).read(batch_size) * BYTES_PER_VALUE[PRECISION]
    return weights / batch_size + kv_read_bytes(model, context_length)


def _flop_per_input_token(model: Model, context_length: Count) -> Count:
    """FLOP of a token of the prompt, which on average has half of the context before it."""
    return flop_per_token(model, context_length / 2)


def _step_time(
    model: Model,
    chip: Chip,
    *,
    batch_size: Count,
    context_length: Count,
    achieved_bandwidth: Count,
    achieved_compute: Count,
) -> Seconds:
    """Time that a step takes on one chip, or that many chips take together divided among them."""
    return decode.decode_step_floor(
        weight_bytes=0,
        kv_bytes=batch_size * _bytes_per_output_token(model, batch_size, context_length),
        flop=batch_size * flop_per_token(model, context_length),
        memory_bandwidth=chip.memory_bandwidth.value * achieved_bandwidth,
        peak_compute=peak_compute(chip, PRECISION) * achieved_compute,
    )


def _prefill_time(
    model: Model, chip: Chip, context_length: Count, achieved_compute: Count
) -> Seconds:
    """Time that a token of the prompt takes one chip."""
    rate = peak_compute(chip, PRECISION) * achieved_compute
    return decode.multiply_time(_flop_per_input_token(model, context_length), rate)


def taken(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of *values* that *function* takes by name."""
    taken = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in taken):
        return dict(values)
    names = {p.name for p in taken if p.kind is p.KEYWORD_ONLY}
    return {name: value for name, value in values.items() if name in names}


def _value(reading: Reading[float] | None) -> float:
    return reading.value if reading else math.nan
