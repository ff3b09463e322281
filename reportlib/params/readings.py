"""A number as `{value, source}`: its text as the source prints it, and what is known of it."""

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

from reportlib.units import BytesPerSecond, Dollars

Confidence = Literal["stated", "derived", "reported", "estimated", "assumed"]
Verification = Literal["read", "relayed", "recalled"]

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
    for c in text if not text.isascii() else "":
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
    for word in text.split():
        scripts = {unicodedata.name(c).split()[0] for c in word if c.isalpha()} & set(SCRIPTS)
        if len(scripts) > 1:
            kinds = " and ".join(sorted(scripts))
            msg = f"{text!r} mixes {kinds} letters in {word!r}; use one script"
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


def citable(text: str) -> str:
    """Return *text*, by which prose cites a source."""
    if not SOURCE_KEY.fullmatch(text) or text.startswith(CROSS_REFERENCES):
        msg = f"{text!r} cannot be cited; write a key like nvidia-h100, not fig-, tbl-, eq- or sec-"
        raise ValueError(msg)
    return text


CROSS_REFERENCES = ("fig-", "tbl-", "eq-", "sec-")  # what else is cited so, but no source
SOURCE_KEY = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
SourceKey = Annotated[str, AfterValidator(citable)]


class Entry(Record):
    """What has a file and a name of its own; the file may bring along sources that it cites."""

    name: Name
    sources: dict[SourceKey, Source] = Field(default_factory=dict)

    def __hash__(self) -> int:
        """Return the hash of the name: mappings have none, and a name is not given twice."""
        return hash(self.name)


class Reading(Record, Generic[T]):
    """A value, as text in the file and as a number here, and where it comes from."""

    value: T
    source: str
    confidence: Confidence = "stated"
    verification: Verification = "read"
    note: str = ""
    low: T | None = None  # the ends of a range, where the source gives one
    high: T | None = None
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
        low, high = self.low or self.value, self.high or self.value
        if not low <= self.value <= high:  # type: ignore[operator]
            msg = f"{self.text!r} is not between its low and its high"
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
                then = {name: value for name, value in reading if name != "until"}
                return self.model_copy(update=then | {"superseded": self.superseded[:position]})
        return self


class Directed(Record):
    """What a link's rate counts: one direction, or the sum of both as most vendors print."""

    directions: Literal["one", "both"]

    @property
    def basis(self) -> str:
        """The same in words."""
        return "one direction" if self.directions == "one" else "both directions"


class SupersededRate(Directed, Superseded[BytesPerSecond]):
    """An earlier rate of a link."""


class LinkRate(Directed, Cited[BytesPerSecond]):
    """The rate of a link as printed; what it counts has to be said."""

    superseded: tuple[SupersededRate, ...] = ()

    @property
    def one_way(self) -> BytesPerSecond:
        """The rate in one direction, which is what a collective can use."""
        return self.value / (2 if self.directions == "both" else 1)


class Priced(Record):
    """What a price is the price of, and who asks it."""

    basis: Literal["list", "street", "system", "share of a system"]


class SupersededPrice(Priced, Superseded[Dollars]):
    """An earlier price."""


class Price(Priced, Cited[Dollars]):
    """A price; a system's is that of all that is sold with the chip."""

    superseded: tuple[SupersededPrice, ...] = ()


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
