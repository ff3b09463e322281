"""What a chip, a model, a source and a claim are: frozen records that know exactly their fields.

Rates are peaks, compute is dense (never 2:4-sparse), and capacity is what the vendor sells.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from reportlib.params.architecture import Architecture
from reportlib.params.readings import Cited, Day, Entry, LinkRate, Name, Price, Record, Text
from reportlib.units import Bytes, BytesPerSecond, Count, FlopPerSecond, Seconds, Watts

Precision = Literal["bf16", "fp8", "int8", "fp4"]
Segment = Literal["datacenter", "workstation", "consumer"]
Status = Literal["shipping", "announced", "cancelled"]


class MemoryStacks(Record):
    """On-package memory: how many stacks, how wide each, how fast a pin."""

    count: Cited[Count]
    interface_width: Cited[Count] | None = None  # data pins of one stack
    data_rate_per_pin: Cited[BytesPerSecond] | None = None  # written in Gbit/s
    stack_capacity: Cited[Bytes] | None = None  # of one stack


class Tier(Record):
    """Further memory beside the main one: SRAM, LPDDR, flash."""

    memory_capacity: Cited[Bytes] | None = None
    memory_bandwidth: Cited[BytesPerSecond] | None = None


class ScaleUp(Record):
    """The link to neighbouring chips, and how many chips it joins."""

    bandwidth: LinkRate | None = None
    domain_size: Cited[Count] | None = None


def _rates(data: Any) -> Any:
    """Return no rates for the words that say so, and nothing else without one."""
    if data == "not published":
        return {}
    if data == {}:
        msg = "empty; write a rate, or: peak_compute: not published"
        raise ValueError(msg)
    return data


Rates = dict[Precision, Cited[FlopPerSecond]]


class Chip(Entry):
    """An accelerator package."""

    vendor: Name
    segment: Segment = "datacenter"
    memory_kind: Name
    memory_capacity: Cited[Bytes]
    memory_bandwidth: Cited[BytesPerSecond]
    peak_compute: Annotated[
        Rates,
        BeforeValidator(_rates, json_schema_input_type=Rates | Literal["not published"]),
    ]
    status: Cited[Status] | None = None
    announced: Cited[Day] | None = None
    available: Cited[Day] | None = None
    power: Cited[Watts] | None = None
    price: Price | None = None
    process: Cited[Text] | None = None
    memory_stacks: MemoryStacks | None = None
    scale_up: ScaleUp | None = None
    tiers: dict[Name, Tier] = Field(default_factory=dict)
    note: str = ""


class Training(Record):
    """The run that made a model, as its makers state it."""

    tokens: Cited[Count]  # that it was trained on before it was tuned
    chip: str  # the name of a file of params/chips, without its ending
    chip_time: Cited[Seconds]  # of all chips together, written in h


class Model(Entry):
    """A language model: dimensions from its configuration, sizes as its makers state them."""

    developer: Name
    architecture: Architecture
    native_precision: Precision = "bf16"  # of the published weights
    released: Cited[Day] | None = None
    parameters: Cited[Count] | None = None
    active_parameters: Cited[Count] | None = None
    training: Training | None = None
    note: str = ""


Address = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.:-]+/(?:[A-Za-z0-9._~-]+/)*$")]


class Claim(Record):
    """A statement that the report checks against its own numbers."""

    id: str
    statement: Text
    measure: str
    stated: str
    relation: Literal["about", "at least", "at most"] = "about"
    within: Annotated[float, Field(ge=0, le=1)] = 0.05  # relative tolerance
    arguments: dict[str, str] = Field(default_factory=dict)
    note: Text = ""


class Claims(Record):
    """The statements of one text, and a day on which its figures were current."""

    source: str
    as_of: Day
    note: str
    claims: tuple[Claim, ...]


class Cast(Record):
    """Chips and models by the names of their files; one without a file is left out."""

    chips: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


class Report(Record):
    """What the report is called, its edition date, its cast and its sections."""

    title: Text
    subtitle: Text
    publisher: Text
    address: Address | None = None  # where the site is published, as https://example.org/hbm/
    as_of: Day
    previous: Day | None = None  # edition with which the appendix compares; else that of the claims
    headline: Cast  # whom the report is about, most wanted first
    aside: Cast = Cast()  # who stands in the appendix only
    sections: dict[str, dict[str, Any] | None]
