"""Classes of inference engines that behave alike, and what was fitted to their measurements."""

from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from reportlib.params.evidence import Id, Positive, Word, Words
from reportlib.params.readings import Name, Record, Size
from reportlib.params.records import Chip

Pattern = Annotated[str, AfterValidator(str.casefold), Field(min_length=1, max_length=80)]


class EngineClass(Record):
    """Engines of which one set of constants is fitted, told by their names and the chip."""

    name: Name
    engines: tuple[Pattern, ...] = ()  # names, as shells match them: vllm*, *metal*
    vendors: tuple[Name, ...] = ()  # of the chip; left out: any
    memory: Name | None = None  # that the chip's kind of memory starts with; left out: any
    pools: tuple[Id, ...] = ()  # further classes whose measurements count
    host_bound: bool = False  # whether the host launches each kernel of each step
    note: Words = ""

    def has(self, engine: str, chip: Chip) -> bool:
        """Whether *engine* on *chip* is of this class."""
        named = any(fnmatchcase(engine.casefold(), pattern) for pattern in self.engines)
        made = not self.vendors or chip.vendor in self.vendors
        return named and made and chip.memory_kind.startswith(self.memory or "")


class Engines(Record):
    """All classes, the first that fits counting, and the one for engines that none does."""

    default: Id  # of the class for engines that no other fits
    classes: dict[Id, EngineClass]  # by id; the first that fits counts

    @model_validator(mode="after")
    def _known(self) -> Self:
        wanted = {self.default, *(name for of in self.classes.values() for name in of.pools)}
        unknown = sorted(wanted - set(self.classes))
        if unknown:
            msg = f"no class is called {unknown[0]!r} (there are: {', '.join(self.classes)})"
            raise ValueError(msg)
        return self


class Constant(Record):
    """A line of calibration.csv: a constant of a class, with the band that its fit leaves."""

    engine_class: Id
    quantity: Words
    value: Positive
    low: Positive
    high: Positive
    unit: Literal["", "µs"] = ""
    rows: Size | None = None  # measurements that it was fitted to

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not self.low <= self.value <= self.high:
            msg = (
                f"low, value and high are not in this order: {self.low}, {self.value}, {self.high}"
            )
            raise ValueError(msg)
        if self.quantity.endswith("_efficiency") and self.high > 1:
            msg = f"{self.quantity} is a share of a peak, and above 1"
            raise ValueError(msg)
        if self.quantity.startswith("spread_") and self.low < 1:
            msg = f"{self.quantity} is a factor of at least 1"
            raise ValueError(msg)
        if self.quantity.endswith(("_time", "_latency")) != bool(self.unit):
            msg = f"{self.quantity} in {self.unit or 'no unit'}; times, and only they, are in µs"
            raise ValueError(msg)
        return self

    @property
    def scale(self) -> float:
        """What turns its numbers into SI units."""
        return 1e-6 if self.unit else 1.0


class HeldOut(Record):
    """A line of held_out.csv: times that fits expected of a measurement they were made without."""

    measurement: Word
    engine_class: Id
    without_chip: Positive  # time that is expected if its chip is left out of the fit
    without_source: Positive
    unit: Literal["ms"]
