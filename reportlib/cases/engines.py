"""What an engine reaches of a chip: constants fitted to measurements, by class of engine.

A constant is a median over chips and builds that differ; its class is told by the engine's name
and by the chip (params/engines.yaml). `python -m reportlib calibrate` fits them anew.
"""

import math
from dataclasses import dataclass, fields
from typing import Literal, get_args

from reportlib.calculations import collectives, decode, prefill
from reportlib.calculations.experts import skewed_distinct_experts
from reportlib.params import Chip, Params
from reportlib.params.engines import Engines
from reportlib.units import Bytes, BytesPerSecond, Count, FlopPerSecond, Seconds

Regime = Literal["dense", "experts", "batched", "split"]
REGIMES: tuple[Regime, ...] = get_args(Regime)
SPREAD = "spread_"  # before a regime: the name of its quantity
PERCENTILE = 0.8  # of cases, that lie within a spread: between P10 and P90


@dataclass(frozen=True)
class Constants:
    """What an engine reaches; efficiencies are shares of peaks, in (0, 1]."""

    weight_efficiency: Count  # of the bandwidth, in reading weights of 16 bits
    quantized_efficiency: Count  # of that, in reading narrower ones
    expert_efficiency: Count  # of that, in reading routed experts
    kv_efficiency: Count  # of the bandwidth, in reading KV caches
    compute_efficiency: Count  # of dense compute, in decoding
    prefill_efficiency: Count  # of dense compute, in reading prompts
    expert_prefill_efficiency: Count  # of that, in models with experts
    layer_time: Seconds  # that a layer takes beside reading
    expert_layer_time: Seconds  # that a layer takes more if it has experts
    routing_skew: Count  # of the experts that tokens choose (see skewed_distinct_experts)
    collective_latency: Seconds  # of one exchange between chips
    host_time: Seconds  # in which a host launches a layer


@dataclass(frozen=True)
class Engine:
    """A class of engines: its constants, and how far measurements lie from what they predict."""

    id: str
    name: str
    constants: Constants
    spread: dict[Regime, Count]  # measured times lie within this factor of predicted, P10 to P90
    known: bool  # whether the name that was asked for is of a class


ALL_REDUCES = 2  # a layer: after attention and after the block [@pope-2022]


def exchange_time(
    *,
    layers: Count,
    message_bytes: Bytes,
    chips: Count,
    link_bandwidth: BytesPerSecond,
    latency: Seconds,
) -> Seconds:
    """Time of all sums over chips in one pass, each of *message_bytes*."""
    return (
        ALL_REDUCES
        * layers
        * collectives.all_reduce_time(
            message_bytes=message_bytes,
            chips=chips,
            link_bandwidth=link_bandwidth,
            latency=latency,
            direct=1,
            in_switch=0,
        )
    )


def expected_step_time(
    reached: Constants,
    *,
    weight_bytes: Bytes,
    routed_bytes: Bytes,
    experts: Count,
    active_experts: Count,
    tokens: Count,
    kv_bytes: Bytes,
    matmul_flop: Count,
    attention_flop: Count,
    memory_bandwidth: BytesPerSecond,
    peak_compute: FlopPerSecond,
    quantized: Count,
    layers: Count,
    expert_layers: Count,
    message_bytes: Bytes,
    chips: Count,
    link_bandwidth: BytesPerSecond,
) -> Seconds:
    """Time of a decode step under an engine that reaches so much; arrays of cases, too.

    *routed_bytes* are those of all routed experts, of which *tokens* tokens read some.
    """
    distinct = skewed_distinct_experts(
        experts=experts,
        active_experts=active_experts,
        tokens=tokens,
        skew=reached.routing_skew,
    )
    weights = reached.weight_efficiency * reached.quantized_efficiency**quantized
    return decode.decode_step_time(
        weight_bytes=weight_bytes,
        expert_bytes=routed_bytes * distinct / experts,
        kv_bytes=kv_bytes,
        matmul_flop=matmul_flop,
        attention_flop=attention_flop,
        memory_bandwidth=memory_bandwidth,
        peak_compute=peak_compute,
        weight_efficiency=weights,
        expert_efficiency=weights * reached.expert_efficiency,
        kv_efficiency=reached.kv_efficiency,
        compute_efficiency=reached.compute_efficiency,
        fixed_time=layers * reached.layer_time + expert_layers * reached.expert_layer_time,
        communication_time=exchange_time(
            layers=layers,
            message_bytes=message_bytes,
            chips=chips,
            link_bandwidth=link_bandwidth,
            latency=reached.collective_latency,
        ),
        host_time=layers * reached.host_time,
    )


def expected_prefill_time(
    reached: Constants,
    *,
    flop: Count,
    passes: Count,
    weight_bytes_per_pass: Bytes,
    kv_bytes: Bytes,
    memory_bandwidth: BytesPerSecond,
    peak_compute: FlopPerSecond,
    quantized: Count,
    has_experts: Count,
    layers: Count,
    message_bytes: Bytes,
    chips: Count,
    link_bandwidth: BytesPerSecond,
) -> Seconds:
    """Time to read prompts under an engine that reaches so much; arrays of cases, too."""
    return prefill.prefill_time(
        flop=flop,
        passes=passes,
        weight_bytes_per_pass=weight_bytes_per_pass,
        kv_bytes=kv_bytes,
        memory_bandwidth=memory_bandwidth,
        peak_compute=peak_compute,
        bandwidth_efficiency=reached.weight_efficiency * reached.quantized_efficiency**quantized,
        compute_efficiency=reached.prefill_efficiency
        * reached.expert_prefill_efficiency**has_experts,
        layers=layers,
        time_per_layer=reached.layer_time,
        communication_time=exchange_time(
            layers=layers,
            message_bytes=message_bytes,
            chips=chips,
            link_bandwidth=link_bandwidth,
            latency=reached.collective_latency,
        ),
    )


def engine_class(engines: Engines, name: str, chip: Chip) -> tuple[str, bool]:
    """Id of the class of the engine *name* on *chip*, and whether there is one but the default."""
    if name in engines.classes:
        return name, True
    matching = (key for key, of in engines.classes.items() if of.has(name, chip))
    found = next(matching, None)
    return found or engines.default, found is not None


def engine(params: Params, name: str | None, chip: Chip) -> Engine:
    """Class of the engine *name* on *chip*: an id or what classes match; None is the default.

    Raises LookupError if params have no classes, or no constants of this one.
    """
    if params.engines is None:
        msg = "params have no engines.yaml, and so no expected times"
        raise LookupError(msg)
    key, known = engine_class(params.engines, name or params.engines.default, chip)
    constants = params.constants.get(key, {})
    if not set(QUANTITIES) <= set(constants):
        msg = f"calibration.csv lacks constants of {key!r}; run python -m reportlib calibrate"
        raise LookupError(msg)
    return Engine(
        id=key,
        name=params.engines.classes[key].name,
        constants=Constants(**{field.name: constants[field.name] for field in fields(Constants)}),
        spread={regime: constants[SPREAD + regime] for regime in REGIMES},
        known=known,
    )


QUANTITIES = (*(f.name for f in fields(Constants)), *(SPREAD + regime for regime in REGIMES))
ANNOUNCED_SPREAD = 1.2


def widened(spread: Count, chip: Chip) -> Count:
    """Spread of a prediction, as a factor; wider for a chip that is announced.

    Bandwidths of announced chips moved by about a fifth before they shipped: MI455X from 19.6 to
    23.3 TB/s, Rubin from 13 through 22 to 19.2.
    """
    announced = chip.status is not None and chip.status.value == "announced"
    more = math.log(ANNOUNCED_SPREAD) if announced else 0.0
    return math.exp(math.hypot(math.log(spread), more))
