"""Published measurements as cases: what was timed, and what the model says of the same.

A row can be compared if it is clean (no doubt of its quality, no speculative decoding), its chip
and model have files, its weight format is known, and its batch and lengths are told. Chips that
split a model by layers do not work at once, and are left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from reportlib.cases.engines import Engine
from reportlib.cases.formats import format_or_bits
from reportlib.cases.predictions import Case, bits
from reportlib.cases.steps import keeps_weights_on_chip
from reportlib.params import Params
from reportlib.params.evidence import Measurement
from reportlib.units import Count, Seconds

Timed = Literal["step", "prefill", "request", "throughput"]
STEPS = {"decode_tokens_per_second", "decode_tokens_per_second_per_user", "time_per_output_token"}
OUTPUTS = {"output_tokens_per_second", "output_tokens_per_second_per_chip"}


@dataclass(frozen=True)
class Observation:
    """A measurement, the case that it is of, and the time that it took."""

    row: Measurement
    case: Case
    timed: Timed
    time: Seconds  # of a decode step, of a batch's prompts, or of a batch from end to end
    output_length: Count = 0

    @property
    def floor(self) -> Seconds:
        """Least time that the same could take."""
        match self.timed:
            case "prefill":
                return self.case.prefill_floor
            case "request":
                return self.case.prefill_floor + self.output_length * self.case.decode_floor
            case _:
                return self.case.decode_floor

    def expected(self, engine: Engine) -> Seconds:
        """Time that the model expects of the same."""
        match self.timed:
            case "prefill":
                return self.case.prefill_time(engine)
            case "request":
                steps = self.output_length * self.case.decode_time(engine)
                return self.case.prefill_time(engine) + steps
            case _:
                return self.case.decode_time(engine)


def observations(params: Params) -> Iterator[Observation]:
    """Yield what can be compared of all measurements."""
    for row in params.mapped_measurements():
        found = observation(params, row)
        if isinstance(found, Observation):
            yield found


def observation(params: Params, row: Measurement) -> Observation | str:
    """Return what *row* measured, or why it cannot be compared."""
    why = _unclean(row)
    if why:
        return why
    case = _case(params, row)
    if isinstance(case, str):
        return case
    batch, value = case.batch_size, row.si_value
    times: dict[str, tuple[Timed, Seconds]] = {
        "decode_tokens_per_second": ("step", batch / value),
        "decode_tokens_per_second_per_user": ("step", 1 / value),
        "time_per_output_token": ("step", value),
        "prefill_tokens_per_second": ("prefill", batch * case.input_length / value),
    }
    if row.regime == "batch1":  # later requests queue for their first token
        times["time_to_first_token"] = ("prefill", value)
    if row.metric in times:
        return Observation(row, case, *times[row.metric])
    if row.metric not in OUTPUTS:
        return f"a {row.metric} is not predicted"
    return _outputs(row, case)


def _outputs(row: Measurement, case: Case) -> Observation | str:
    """Return what a rate of output over all time measured: a batch, or as many as fit."""
    batch = case.batch_size
    rate = row.si_value * (case.chips if row.metric.endswith("per_chip") else 1)
    if row.regime == "batched" and row.batch_size and row.input_length and row.output_length:
        time = batch * row.output_length / rate
        return Observation(row, case, "request", time, row.output_length)
    largest = float(case.max_batch_size)
    if largest < 1:
        return "does not fit by our reckoning"
    return Observation(row, replace(case, batch_size=largest), "throughput", largest / rate)


def _unclean(row: Measurement) -> str:
    if row.quality != "ok":
        return f"quality: {row.quality}"
    if row.speculative_decoding != "no":
        return f"speculative decoding: {row.speculative_decoding}"
    if row.metric in STEPS and row.regime != "batch1" and not row.batch_size:
        return "batch not told"
    if row.metric.startswith("prefill") and not row.input_length:
        return "prompt not told"
    if (row.chips or 1) > 1 and not row.tensor_parallel:
        return "chips in parallel by other means than tensors"
    return ""


def _case(params: Params, row: Measurement) -> Case | str:
    chip, model = params.chips[row.chip or ""], params.models[row.model or ""]
    if keeps_weights_on_chip(chip):
        return "weights in SRAM"
    size = bits(row.weight_size, model) if row.weight_size else None
    try:
        weight_format = format_or_bits(row.weight_format, size)
    except ValueError:
        return f"weight format {row.weight_format!r}"
    before, asked, answered = row.kv_depth or 0, row.input_length or 0, row.output_length or 0
    decoding = before or asked
    return Case(
        model=model,
        chip=chip,
        weight_format=weight_format,
        bits_per_weight=size,
        kv_precision="fp8" if "fp8" in row.kv_format.casefold() else "bf16",
        batch_size=row.batch_size or 1,
        context_length=max(1, decoding + answered / 2),
        input_length=max(1, asked),
        cached_length=before,
        longest_context=max(1, decoding + answered),
        chips=row.chips or row.tensor_parallel or 1,
    )
