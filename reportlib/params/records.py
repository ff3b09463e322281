"""What a chip, a model, a source and a claim are: frozen records that know exactly their fields.

A number is `{value, source}` with its text as the source prints it. Rates are peaks, compute is
dense (never 2:4-sparse), links count one direction, and capacity is what the vendor sells.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    PlainValidator,
    field_validator,
    model_validator,
)

from reportlib.units import (
    Bytes,
    BytesPerSecond,
    Count,
    Dollars,
    FlopPerSecond,
    Watts,
)

Precision = Literal["bf16", "fp8", "int8", "fp4"]
Confidence = Literal["stated", "derived", "reported", "estimated"]
Verification = Literal["read", "relayed", "recalled"]
Status = Literal["shipping", "announced", "cancelled"]

T = TypeVar("T")


class Record(BaseModel):
    """A frozen record that knows exactly its own fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _day(text: Any) -> date:
    """Return ``2026-07-23``, or ``2026-07`` as the first of the month."""
    if isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d(-\d\d)?", text):
        try:
            return date.fromisoformat(text if len(text) > len("2026-07") else f"{text}-01")
        except ValueError:
            pass
    msg = f"{text!r} is not a date (write 2026-07-23, or 2026-07)"
    raise ValueError(msg)


Day = Annotated[date, PlainValidator(_day)]

LONGEST_NAME = 40
NAME_MARKS = " .+-/()&,'"
SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")  # what the documents' font has letters of


def _printable(text: str) -> str:
    """Return *text*, which the documents print; the PDF has no letters of other scripts."""
    for c in text:
        kind = unicodedata.category(c)
        foreign = kind[0] == "L" and not unicodedata.name(c, "").startswith(SCRIPTS)
        if (foreign and kind != "Lm") or kind in {"So", "Mn", "Mc", "Me"}:
            msg = f"{text!r} has {c!r}, for which the PDF has no letter; write it in Latin letters"
            raise ValueError(msg)
    return text


def _name(text: str) -> str:
    """Return *text*, which stands in tables, legends and sentences as it is."""
    plain = all(unicodedata.category(c)[0] in "LN" or c in NAME_MARKS for c in text)
    if not plain or text != text.strip() or not 0 < len(text) <= LONGEST_NAME:
        msg = (
            f"{text!r} is not a name (write 1 to {LONGEST_NAME} letters, digits, spaces "
            f"and {NAME_MARKS.strip()})"
        )
        raise ValueError(msg)
    return text


Text = Annotated[str, AfterValidator(_printable)]
Name = Annotated[str, AfterValidator(_name), AfterValidator(_printable)]
Size = Annotated[int, Field(ge=1, le=10**8)]  # a dimension of a model; larger ones are slips
Some = Annotated[int, Field(ge=0, le=10**8)]


class Source(Record):
    """A document that numbers were read from: a CSL item, as citation software has it."""

    type: Literal[
        "article", "article-journal", "book", "dataset", "paper-conference", "report", "software",
        "webpage",
    ]  # fmt: skip
    title: Text
    publisher: Text
    author: Text | None = None
    URL: HttpUrl | None = None
    issued: Annotated[str, Field(pattern=r"^\d{4}(-\d\d(-\d\d)?)?$")] | None = None
    accessed: Day | None = None
    note: Text | None = None


class Reading(Record, Generic[T]):
    """A value, as text in the file and as a number here, and where it comes from."""

    value: T
    source: str
    confidence: Confidence = "stated"
    verification: Verification = "read"
    note: str = ""
    text: str = ""

    @model_validator(mode="before")
    @classmethod
    def _keep_text(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            if data is None:
                msg = "empty; write {value: …, source: KEY}, or leave the field out"
                raise ValueError(msg)
            msg = f"{data!r} has no source (write {{value: {data}, source: KEY}})"
            raise ValueError(msg)  # noqa: TRY004 - pydantic collects ValueErrors
        if "text" in data:
            msg = "text is not a key of a number"
            raise ValueError(msg)
        return data | {"text": str(data.get("value"))}

    @model_validator(mode="after")
    def _explain(self) -> Self:
        if self.confidence != "stated" and not self.note:
            msg = f"{self.text!r} is {self.confidence}: add a note that says how"
            raise ValueError(msg)
        return self


class Superseded(Reading[T], Generic[T]):
    """An earlier reading, and the day from which another one stood."""

    until: Day


class Cited(Reading[T], Generic[T]):
    """A number with its source, and the readings that it superseded, oldest first."""

    superseded: tuple[Superseded[T], ...] = ()

    @field_validator("superseded")
    @classmethod
    def _in_order(cls, readings: tuple[Superseded[T], ...]) -> tuple[Superseded[T], ...]:
        days = [reading.until for reading in readings]
        if days != sorted(set(days)):
            msg = f"superseded readings end on {', '.join(map(str, days))}: list the oldest first"
            raise ValueError(msg)
        return readings

    def on(self, day: date) -> "Cited[T]":
        """Return the reading that stood on *day*, with those that it had superseded by then."""
        for position, reading in enumerate(self.superseded):
            if day < reading.until:
                fields = {name: getattr(reading, name) for name in Reading.model_fields}
                fields["superseded"] = self.superseded[:position]
                return self.model_copy(update=fields)
        return self


class MemoryStacks(Record):
    """On-package memory: how many stacks, how wide each, how fast a pin."""

    count: Cited[Count]
    interface_width: Cited[Count] | None = None  # data pins of one stack
    data_rate_per_pin: Cited[BytesPerSecond] | None = None  # written in Gbit/s


class Tier(Record):
    """Further memory beside the main one: SRAM, LPDDR, flash."""

    memory_capacity: Cited[Bytes] | None = None
    memory_bandwidth: Cited[BytesPerSecond] | None = None


class ScaleUp(Record):
    """The link to neighbouring chips: bandwidth in one direction, chips it joins."""

    bandwidth: Cited[BytesPerSecond] | None = None
    domain_size: Cited[Count] | None = None


class Chip(Record):
    """An accelerator package."""

    name: Name
    vendor: Name
    memory_kind: Name
    memory_capacity: Cited[Bytes]
    memory_bandwidth: Cited[BytesPerSecond]
    peak_compute: Annotated[dict[Precision, Cited[FlopPerSecond]], Field(min_length=1)]
    status: Cited[Status] | None = None
    announced: Cited[Day] | None = None
    available: Cited[Day] | None = None
    power: Cited[Watts] | None = None
    price: Cited[Dollars] | None = None
    process: Cited[str] | None = None
    memory_stacks: MemoryStacks | None = None
    scale_up: ScaleUp | None = None
    tiers: dict[Name, Tier] = {}
    note: str = ""


class GroupedQueryAttention(Record):
    """Keys and values kept per KV head; multi-head when every query head has its own."""

    kind: Literal["gqa"]
    heads: Size
    kv_heads: Size
    head_dim: Size
    sliding_window: Size | None = None  # tokens that a sliding layer looks back
    sliding_layers: Some = 0
    biases: bool = False
    norms: bool = False  # RMS norms of queries and keys
    sinks: bool = False  # one learned logit a head


class LatentAttention(Record):
    """Multi-head latent attention: one compressed vector a token, and a rotary key."""

    kind: Literal["mla"]
    heads: Size
    query_rank: Size | None = None
    kv_rank: Size
    nope_head_dim: Size
    rope_head_dim: Size
    value_head_dim: Size


class FeedForward(Record):
    """The dense block: two matrices, or three when gated."""

    size: Size
    gated: bool = True
    biases: bool = False


class Experts(Record):
    """The mixture-of-experts block of all layers but the first *dense_layers*."""

    count: Size
    active: Size
    size: Size
    shared: Some = 0
    dense_layers: Some = 0
    biases: bool = False
    router_bias: bool = False


class Architecture(Record):
    """The dimensions of a decoder, all read from one file."""

    source: str
    verification: Verification = "read"
    note: str = ""
    layers: Size
    hidden_size: Size
    vocabulary: Size
    tied_embeddings: bool = False
    norms_per_layer: Size = 2
    learned_positions: Some = 0
    attention: Annotated[GroupedQueryAttention | LatentAttention, Field(discriminator="kind")]
    feed_forward: FeedForward | None = None
    experts: Experts | None = None
    context_length: Size  # the longest that the model takes

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.experts is None and self.feed_forward is None:
            msg = "has neither feed_forward nor experts; add one"
            raise ValueError(msg)
        dense_layers = self.experts.dense_layers if self.experts else 0
        if dense_layers and self.feed_forward is None:
            msg = "experts.dense_layers needs a feed_forward for those layers"
            raise ValueError(msg)
        if self.experts and self.experts.active > self.experts.count:
            msg = f"{self.experts.active} active experts of {self.experts.count}"
            raise ValueError(msg)
        sliding = getattr(self.attention, "sliding_layers", 0)
        if sliding and not getattr(self.attention, "sliding_window", None):
            msg = "attention.sliding_layers needs a sliding_window, in tokens"
            raise ValueError(msg)
        if max(sliding, dense_layers) > self.layers:
            msg = f"names more layers than the model's {self.layers}"
            raise ValueError(msg)
        return self


class Model(Record):
    """A language model: dimensions from its configuration, sizes as its makers state them."""

    name: Name
    developer: Name
    architecture: Architecture
    native_precision: Precision = "bf16"  # of the published weights
    released: Cited[Day] | None = None
    parameters: Cited[Count] | None = None
    active_parameters: Cited[Count] | None = None
    note: str = ""


class Claim(Record):
    """A statement that the report checks against its own numbers."""

    id: str
    statement: Text
    measure: str
    stated: str
    relation: Literal["about", "at least", "at most"] = "about"
    within: Annotated[float, Field(ge=0, le=1)] = 0.05  # relative tolerance
    arguments: dict[str, str] = {}
    note: Text = ""


class Claims(Record):
    """The statements of one text, and a day on which its figures were current."""

    source: str
    as_of: Day
    note: str
    claims: tuple[Claim, ...]


class Headline(Record):
    """The cast of the report, most wanted first."""

    chips: tuple[str, ...]
    models: tuple[str, ...]


class Report(Record):
    """What the report is called, its edition date, its cast and its sections."""

    title: Text
    subtitle: Text
    publisher: Text
    as_of: Day
    headline: Headline
    sections: dict[str, dict[str, Any] | None]


def numbers(record: BaseModel, path: str = "") -> Iterator[tuple[str, Reading[Any]]]:
    """Yield every cited number under *record*, by its dotted path."""
    for name, value in record:
        here = f"{path}.{name}" if path else name
        children = value.items() if isinstance(value, dict) else [("", value)]
        for key, child in children:
            below = f"{here}.{key}".rstrip(".")
            if isinstance(child, Reading):
                yield below, child
            elif isinstance(child, BaseModel):
                yield from numbers(child, below)
