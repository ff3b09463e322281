"""Predictions by name: a case as texts from flags or a table, and what is predicted as columns.

A cell that is empty or left out means the default. A row that cannot be computed says why in
`problem`, and the others go on.
"""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TextIO

from reportlib.calculations.decode import multiply_time, tokens_per_second
from reportlib.cases.engines import Engine, engine
from reportlib.cases.formats import Format, format_or_bits
from reportlib.cases.models import kv_cache_bytes_per_token
from reportlib.cases.predictions import Case
from reportlib.cases.serving import allowed_degrees, fits
from reportlib.cases.steps import keeps_weights_on_chip
from reportlib.inputs import INPUTS
from reportlib.params import Params, Precision
from reportlib.units import Bytes, Count, PerSecond, Seconds, Unit, show

REST = "\0"  # cells without a column
CONTEXT = 1024
LIMITS = {"weight_bits": (1.0, 32.0), "tensor_parallel": (1.0, 10_000.0)}  # of others: 1 to 1e9
NATIVE = {"fp4": "mxfp4"}  # the four-bit weights that models are published in
GIB = 2**30 / 1e9  # a vendor's GB may be a GiB
KV_NAMES: Mapping[str, Precision] = {
    "bf16": "bf16", "fp16": "bf16", "f16": "bf16", "auto": "bf16",
    "fp8": "fp8", "fp8_e4m3": "fp8", "int8": "int8", "q8_0": "int8", "fp4": "fp4", "nvfp4": "fp4",
}  # fmt: skip


@dataclass(frozen=True)
class Prediction:
    """What is predicted of one case; None where it does not apply or is not known."""

    weight_bytes: Bytes | None = None
    kv_cache_bytes_per_token: Bytes | None = None
    kv_cache_bytes: Bytes | None = None
    fits: bool | None = None
    chips_needed: Count | None = None
    max_batch_size: Count | None = None
    decode_step_time_floor: Seconds | None = None
    decode_step_time: Seconds | None = None
    decode_step_time_low: Seconds | None = None
    decode_step_time_high: Seconds | None = None
    tokens_per_second_ceiling: PerSecond | None = None
    tokens_per_second: PerSecond | None = None
    communication_time: Seconds | None = None
    prefill_time_floor: Seconds | None = None
    prefill_time: Seconds | None = None
    bound: str = ""
    engine_class: str = ""
    note: str = ""
    problem: str = ""


OUTPUTS = tuple(field.name for field in fields(Prediction))


def predict(params: Params, given: Mapping[str, str]) -> Prediction:
    """What is predicted of the case that *given* names; its problem, if there is one."""
    try:
        case, notes = _case(params, given)
        return _prediction(case, _engine(params, given, case, notes), notes)
    except ValueError as error:
        return Prediction(problem=str(error.args[0]))


def _engine(
    params: Params, given: Mapping[str, str], case: Case, notes: list[str]
) -> Engine | None:
    """Return the class of the engine; without one there are bounds only."""
    name = given.get("engine", "").strip()
    try:
        found = engine(params, name or None, case.chip)
    except LookupError as error:
        notes.append(str(error.args[0]))
        return None
    if not found.known:
        notes.append(f"engine {name!r} is not known: {found.name} is assumed")
    return found


def _case(params: Params, given: Mapping[str, str]) -> tuple[Case, list[str]]:
    """Return the case that *given* names, and what is to be said of it."""
    if REST in given:
        msg = "more cells than there are columns; quote text with commas"
        raise ValueError(msg)
    chip = _named(params.chips, given.get("chip", ""), "chip")
    model = _named(params.models, given.get("model", ""), "model")
    native = NATIVE.get(model.native_precision, model.native_precision)
    asked, answered = (_number(given, name) for name in ("input_length", "output_length"))
    context = _number(given, "context_length")
    prompt = asked if asked is not None else (context or CONTEXT)
    context = context if context is not None else prompt + (answered or 0) / 2
    kv_name = given.get("kv_precision", "").strip().casefold() or "bf16"
    if kv_name not in KV_NAMES:
        msg = f"kv_precision: {kv_name!r} is not known (write bf16, fp8, int8 or fp4)"
        raise ValueError(msg)
    precision, bits = given.get("precision", "").strip(), _number(given, "weight_bits")
    case = Case(
        model=model,
        chip=chip,
        weight_format=_format(precision or native, bits),
        bits_per_weight=bits,
        kv_precision=KV_NAMES[kv_name],
        batch_size=_whole(given, "batch_size"),
        context_length=max(1, context),
        input_length=max(1, prompt),
        longest_context=max(1, context, prompt + (answered or 0)),
        chips=_whole(given, "tensor_parallel"),
    )
    return case, list(_notes(case))


def _format(name: str, bits: Count | None) -> Format:
    """Return the format of *name*, or say of which field it is the fault."""
    try:
        return format_or_bits(name, bits)
    except ValueError as error:
        msg = f"precision: {error}"
        raise ValueError(msg) from None


def _notes(case: Case) -> Iterator[str]:
    if keeps_weights_on_chip(case.chip):
        yield "weights stay in SRAM: a model of reads from memory does not apply"
    if case.chip.status and case.chip.status.value == "announced":
        yield "the chip is announced: nobody has measured it, and its figures may change"
    if not case.chip.peak_compute:
        yield "no peak compute is published: arithmetic is left out"
    if case.chip.status and case.chip.status.value == "cancelled":
        yield "the chip is cancelled"
    most = case.model.architecture.context_length
    if case.longest_context > most:
        yield f"the model takes {most:,} tokens at most"
    if case.chips not in allowed_degrees(case.model, int(case.chips)):
        yield f"engines do not split its heads over {case.chips:.0f} chips"


def _prediction(case: Case, found: Engine | None, notes: list[str]) -> Prediction:
    fit = bool(fits(case))
    sizes = {
        "weight_bytes": case.weight_bytes,
        "kv_cache_bytes_per_token": kv_cache_bytes_per_token(case.model, case.kv_precision),
        "kv_cache_bytes": case.kv_cache_bytes,
        "fits": fit,
        "chips_needed": case.chips_needed,
        "max_batch_size": case.max_batch_size,
    }
    room = case.chips * case.chip.memory_capacity.value
    needed = case.weight_bytes + case.longest_kv_cache_bytes
    times: dict[str, Any] = {}
    bound = "" if fit else "capacity"
    if needed > room * GIB:
        notes.append(
            f"{show(needed, 'B')} of weights and caches in {show(room, 'B')}: not timed, as at "
            f"least {case.chips_needed:.0f} chips are needed"
        )
    elif not keeps_weights_on_chip(case.chip):
        if not fit:
            notes.append("timed although it takes more of the memory than engines are set to")
        times = _times(case, found)
        bound = bound or (_bound(case, found, times) if found else "")
    plain = {key: _plain(value) for key, value in (sizes | times).items()}
    return Prediction(
        **plain,
        bound=bound,
        engine_class=found.id if found else "",
        note="; ".join(note.replace("\N{NO-BREAK SPACE}", " ") for note in notes),
    )


def _times(case: Case, found: Engine | None) -> dict[str, Any]:
    floor = case.decode_floor
    bounds = {
        "decode_step_time_floor": floor,
        "tokens_per_second_ceiling": tokens_per_second(case.batch_size, floor),
        "prefill_time_floor": case.prefill_floor,
    }
    if found is None:
        return bounds
    time, spread = case.decode_time(found), case.spread(found)
    return bounds | {
        "decode_step_time": time,
        "decode_step_time_low": max(floor, time / spread),
        "decode_step_time_high": time * spread,
        "tokens_per_second": tokens_per_second(case.batch_size, time),
        "communication_time": case.communication_time(found),
        "prefill_time": case.prefill_time(found),
    }


def _bound(case: Case, found: Engine, times: Mapping[str, Any]) -> str:
    """Return what most of the expected step waits for; what is neither counts as memory."""
    compute = multiply_time(
        case.step["matmul_flop"] + case.step["attention_flop"],
        found.constants.compute_efficiency * case.step["peak_compute"],
    )
    communication = times["communication_time"]
    memory = times["decode_step_time"] - communication
    if communication > memory:
        return "communication"
    return "compute" if compute > memory / 2 else "memory"


def _plain(value: Any) -> Any:
    """Return a number as Python has it, None where it is not finite."""
    if isinstance(value, bool):
        return value
    number = float(value)
    return number if math.isfinite(number) else None


def _named(records: Mapping[str, Any], wanted: str, kind: str) -> Any:
    """Return the record that *wanted* is the id or the name of."""
    text = wanted.strip()
    if not text:
        msg = f"{kind}: empty; name one of params/{kind}s"
        raise ValueError(msg)
    names = {key.casefold(): key for key in records}
    names |= {record.name.casefold(): key for key, record in records.items()}
    if text.casefold() in names:
        return records[names[text.casefold()]]
    near = get_close_matches(text.casefold(), names, n=1, cutoff=0.5)
    hint = f"did you mean {names[near[0]]}?" if near else f"add params/{kind}s/{text}.yaml"
    msg = f"{kind}: no {text!r} in params/{kind}s ({hint})"
    raise ValueError(msg)


def _number(given: Mapping[str, str], name: str) -> float | None:
    """Return the positive number of a cell, None where it is empty; lengths may be 0."""
    text = given.get(name, "").strip()
    if not text:
        return None
    if name.endswith("_length") and text in {"0", "0.0"}:
        return 0.0
    try:
        number = Unit("").parse(text)
    except ValueError as error:
        msg = f"{name}: {error}"
        raise ValueError(msg) from None
    least, most = LIMITS.get(name, (1.0, 1e9))
    if not least <= number <= most:
        msg = f"{name}: {text!r} is not between {least:g} and {most:g}"
        raise ValueError(msg)
    return number


def _whole(given: Mapping[str, str], name: str) -> float:
    number = _number(given, name)
    if number is not None and not number.is_integer():
        msg = f"{name}: {given[name]!r} is not a whole number"
        raise ValueError(msg)
    return number or 1


def read_cases(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return the columns and the rows of a table of cases.

    Raises ValueError where it is no such table.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        table = csv.DictReader(file, restkey=REST, restval="", strict=True)
        try:
            columns = list(table.fieldnames or [])
            rows = [{**row, REST: "…"} if REST in row else row for row in table]
        except (csv.Error, UnicodeDecodeError) as error:
            msg = f"{path}:{table.line_num + 1}: not CSV in UTF-8 ({error})"
            raise ValueError(msg) from None
    missing = [name for name in ("chip", "model") if name not in columns]
    if missing:
        msg = f"{path}:1: no column {missing[0]!r}; columns are {', '.join(INPUTS)}"
        raise ValueError(msg)
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        msg = f"{path}:1: two columns are called {twice!r}; keep one"
        raise ValueError(msg)
    return columns, rows


def strangers(columns: Iterable[str]) -> Iterator[str]:
    """Yield what is to be said of columns that no input is called."""
    for column in columns:
        if column not in {*INPUTS, *OUTPUTS}:
            near = get_close_matches(column, INPUTS, n=1, cutoff=0.7)
            yield f"column {column!r} is copied, not used" + (
                f" (did you mean {near[0]}?)" if near else ""
            )


def write_table(
    file: TextIO, columns: Iterable[str], rows: Iterable[tuple[Mapping[str, str], Prediction]]
) -> int:
    """Write cases with what is predicted of them; return how many have a problem."""
    given = [column for column in columns if column not in OUTPUTS]
    out = csv.writer(file, lineterminator="\n")
    out.writerow([*given, *OUTPUTS])
    problems = 0
    for row, prediction in rows:
        values = asdict(prediction)
        problems += bool(prediction.problem)
        out.writerow([*(row.get(name, "") for name in given), *map(_cell, values.values())])
    return problems


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def as_json(prediction: Prediction) -> str:
    """Return a prediction as JSON; null where it does not apply."""
    return json.dumps(asdict(prediction), indent=2, ensure_ascii=False)


UNITS = {"bytes": "B", "time": "s", "tokens_per_second": "token/s"}


def as_text(prediction: Prediction) -> Iterator[str]:
    """Yield a line for each thing that is predicted, with its unit."""
    for name, value in asdict(prediction).items():
        if value is None or value == "":
            continue
        unit = next((u for part, u in UNITS.items() if part in name), "")
        text = show(value, unit) if isinstance(value, float) else str(value)
        yield f"{name:26}{text}"
