"""Memory technologies, points of the memory market and measured speeds: frozen records.

What a measurement's metric counts differs, and mixing them is the largest source of error:
*decode* rates count steps of one token after the prompt, *output* rates count output tokens over
all time, the prompt's included; both are of the whole batch unless they say per user, per chip or
per node. A time per output token is that of a step, whatever the batch; the time to the first
token under load has the queue in it.
"""

import datetime as dt
import re
from functools import cache
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from reportlib.params.readings import (
    Cited,
    Confidence,
    Day,
    Entry,
    Name,
    Record,
    Size,
    Text,
    Verification,
    _printable,
)
from reportlib.units import (
    Bytes,
    BytesPerSecond,
    Count,
    Dollars,
    DollarsPerByte,
    JoulesPerByte,
    Seconds,
    Volts,
    Watts,
)

Family = Literal["HBM", "GDDR", "LPDDR", "DDR", "CXL", "flash", "SRAM"]
Device = Literal["stack", "chip", "module", "bus", "drive", "array"]
Bearing = Literal["cyclical", "structural", "neutral"]
Metric = Literal[
    "decode_tokens_per_second",
    "decode_tokens_per_second_per_user",
    "prefill_tokens_per_second",
    "prefill_tokens_per_second_per_chip",
    "prefill_tokens_per_second_per_node",
    "output_tokens_per_second",
    "output_tokens_per_second_per_chip",
    "output_tokens_per_second_per_node",
    "queries_per_second",
    "time_per_output_token",
    "inter_token_latency",
    "time_to_first_token",
    "phase_latency",
]
Statistic = Literal["mean", "median", "fit"]
Regime = Literal["batch1", "batched", "saturated"]
Quality = Literal["ok", "suspect", "exclude"]
SCALES = {"token/s": 1.0, "query/s": 1.0, "s": 1.0, "ms": 1e-3}


class MemoryFigures(Record):
    """What is said of one unit of a memory: a stack, a chip, a module, a drive."""

    interface_width: Cited[Count] | None = None  # data pins, or lanes of a serial link
    data_rate_per_pin: Cited[BytesPerSecond] | None = None  # rated, written in Gbit/s
    data_rate_in_products: Cited[BytesPerSecond] | None = None  # the fastest that chips run it at
    bandwidth: Cited[BytesPerSecond] | None = None
    capacity: Cited[Bytes] | None = None  # of a unit as it ships
    largest_capacity: Cited[Bytes] | None = None  # that the standard or the maker provides for
    die_capacity: Cited[Bytes] | None = None  # the largest, written in Gbit
    stack_height: Cited[Count] | None = None  # dies in the highest stack
    energy: Cited[JoulesPerByte] | None = None  # to move data, written in pJ/bit
    price: Cited[DollarsPerByte] | None = None  # written in USD/GB
    unit_price: Cited[Dollars] | None = None
    added_latency: Cited[Seconds] | None = None  # beyond that of memory beside the processor
    power: Cited[Watts] | None = None
    voltage: Cited[Volts] | None = None


class MemoryTechnology(MemoryFigures, Entry):
    """A kind of memory, and other readings of its figures: grades, revisions, price talk."""

    family: Family
    device: Device  # what one unit is
    standard: Cited[Text] | None = None
    introduced: Cited[Day] | None = None  # the standard's day, or that of the first parts
    signalling: Cited[Text] | None = None
    alternatives: dict[Name, MemoryFigures] = Field(default_factory=dict)
    note: Text = ""


@cache
def _since(text: str) -> dt.date:
    """Return the first day of ``2026``, ``2026-07``, ``2026-07-23`` or ``2025-07/2025-09``."""
    days: list[dt.date | None] = []
    for part in text.split("/", 1):
        written = re.fullmatch(r"\d{4}(-\d\d){0,2}", part, re.ASCII)
        try:
            days.append(dt.date.fromisoformat(f"{part}-01-01"[:10]) if written else None)
        except ValueError:
            days.append(None)
    first, last = days[0], days[-1]
    if first is None or last is None or first > last:
        msg = f"{text!r} is not a time (write 2026, 2026-07, 2026-07-23 or 2025-07/2025-09)"
        raise ValueError(msg)
    return first


def _dated(text: str) -> str:
    _since(text)
    return text


def _words(text: str) -> str:
    return text if text.isascii() else _printable(text)  # there are many of them


Time = Annotated[str, AfterValidator(_dated)]
Words = Annotated[str, AfterValidator(_words)]
Word = Annotated[str, Field(min_length=1, max_length=40)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Length = Annotated[float, Field(ge=0, le=10**8)]  # tokens; a mean need not be whole


class Row(Record):
    """A line of a CSV file with its source."""

    id: Word
    source: str
    date: Time  # when it was measured, said or published
    verification: Verification
    note: Words = ""

    @property
    def since(self) -> dt.date:
        """The first day of its date."""
        return _since(self.date)


class MarketPoint(Row):
    """A figure of the memory market, or a statement where the source has no figure.

    Its date is the end of the period where it is a result of one, and the day of publication
    where it is a statement or a forecast.
    """

    period: Words  # that the figure is of
    entity: Words
    metric: Words
    value: Number | None = None
    low: Number | None = None  # the ends of a range; one alone is "over" or "up to"
    high: Number | None = None
    statement: Words = ""
    unit: Words = ""
    bearing: Bearing  # what it speaks for: a cycle, a lasting change, or neither; our judgement
    confidence: Confidence

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        numbers = [n for n in (self.low, self.value, self.high) if n is not None]
        if not numbers and not self.statement:
            msg = "has neither a value, a range nor a statement; write one"
            raise ValueError(msg)
        if numbers and not self.unit:
            msg = "has a number without a unit; write the unit"
            raise ValueError(msg)
        if numbers != sorted(numbers):
            msg = f"low, value and high are not in this order: {numbers}"
            raise ValueError(msg)
        return self


class Measurement(Row):
    """A published measured speed and the conditions that are known of it."""

    place: Words = ""  # the file or table within the source
    chip: Id | None = None  # of params/chips; none where `unmapped` says why
    model: Id | None = None  # of params/models, with the same dimensions
    chip_as_printed: Words
    model_as_printed: Words
    chips: Size | None = None
    weight_format: Words
    weight_size: Bytes | None = None
    kv_format: Words = ""
    batch_size: Size | None = None  # sequences at once: the batch, or the requests in flight
    input_length: Length | None = None
    output_length: Length | None = None
    kv_depth: Length | None = None  # tokens in the cache before it starts
    workload: Words = ""  # what batch and lengths are where they are no numbers
    tensor_parallel: Size | None = None
    parallelism: Words = ""
    engine: Words
    metric: Metric
    statistic: Statistic | None = None
    value: Positive
    unit: Literal["token/s", "query/s", "ms", "s"]
    speculative_decoding: Words  # no, unknown, or which
    regime: Regime
    quality: Quality  # only what is ok belongs in a fit
    unmapped: Words = ""

    @property
    def si_value(self) -> float:
        """The value in seconds, or in tokens or queries a second."""
        return self.value * SCALES[self.unit]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.chip is None or self.model is None) != bool(self.unmapped):
            msg = "leave chip or model empty where no file fits, and then say why in unmapped"
            raise ValueError(msg)
        rate = "_per_second" in self.metric
        expected = ("query/s" if self.metric[:5] == "queri" else "token/s") if rate else "ms or s"
        if self.unit not in expected.split(" or "):
            msg = f"a {self.metric} in {self.unit!r}; write it in {expected}"
            raise ValueError(msg)
        return self
