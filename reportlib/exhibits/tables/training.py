"""Tables of training beside inference: work, memory, and what runs and requests take."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from reportlib import cases
from reportlib.calculations import capacity, decode, roofline, serving
from reportlib.calculations.precision import BYTES_PER_VALUE
from reportlib.exhibits.tables.parts import cite
from reportlib.params import Chip, Model, Params, Precision
from reportlib.units import Bytes, Count

TRAINING, PREFILL, DECODE = "training", "prefill", "decode"
WAITING, WORKING = "Of the time that a user waits", "Of the time that chips work"
HALF = 0.5  # of the time
RUNS = (
    "model", "parameters", "tokens", "tokens_cite", "run_flop", "chip_time", "chip_time_cite",
    "chip", "reached_share", "break_even_tokens", "break_even_ratio",
)  # fmt: skip


def training_step(model: Model, tokens: Any, sequence_length: Count) -> cases.TrainingStep:
    """A step of one copy of *model* that passes sequence after sequence and keeps activations."""
    return cases.TrainingStep(
        model,
        tokens=tokens,
        sequence_length=np.minimum(tokens, sequence_length),
        passes=np.maximum(tokens / sequence_length, 1),
    )


def users(number: int) -> str:
    """Return a number of users in words."""
    return "1 user" if number == 1 else f"{number:,} users"


def _work(model: Model, kind: str, tokens: Any, *, precision: Precision, context: Any) -> Any:
    """Return the FLOP and the bytes of a step over *tokens* tokens.

    *context* is the length of the sequences that are trained on or that decode.
    """
    if kind == TRAINING:
        step = training_step(model, tokens, context)
        return step.flop, step.traffic
    weights = cases.parameters(model).read(tokens) * BYTES_PER_VALUE[precision]
    if kind == PREFILL:
        return cases.prompt_flop(model, tokens), weights + cases.kv_cache_bytes(model, tokens)
    caches = tokens * cases.kv_read_bytes(model, context)
    return tokens * cases.flop_per_token(model, context), weights + caches


def work_points(
    model: Model,
    chip: Chip,
    *,
    precision: Precision,
    sequence_length: int,
    step_tokens: int,
    prompt_lengths: Sequence[int],
    batch_sizes: Sequence[int],
) -> pd.DataFrame:
    """Arithmetic intensity of a training step, of prompts and of decode steps, and the bound."""
    points = [
        (f"training on {step_tokens:,} tokens", TRAINING, step_tokens),
        *((f"prefill of {n:,} tokens", PREFILL, n) for n in prompt_lengths),
        *((f"decode for {users(n)}", DECODE, n) for n in batch_sizes),
    ]
    table = pd.DataFrame(points, columns=["case", "kind", "tokens"])
    works = [
        _work(model, kind, float(tokens), precision=precision, context=sequence_length)
        for _, kind, tokens in points
    ]
    intensity: Any = np.array([float(flop / moved) for flop, moved in works])
    peak, bandwidth = cases.peak_compute(chip, precision), chip.memory_bandwidth.value
    ridge = roofline.ridge_point(peak, bandwidth)
    return table.assign(
        flop=[float(flop) for flop, _ in works],
        bytes_moved=[float(moved) for _, moved in works],
        arithmetic_intensity=intensity,
        attainable_compute=roofline.attainable_compute(
            arithmetic_intensity=intensity, peak_compute=peak, memory_bandwidth=bandwidth
        ),
        compute_share=roofline.compute_utilization(intensity, ridge),
        bound=np.where(intensity < ridge, "memory", "arithmetic"),
    )


def memory_shares(
    model: Model,
    chip: Chip,
    *,
    precision: Precision,
    sequence_length: int,
    context_lengths: Sequence[int],
    tokens: Sequence[float],
) -> pd.DataFrame:
    """Share of memory in a step's time, one after the other at peak rates, by tokens of the step.

    A step of decoding has a token of each sequence of its batch.
    """
    works = [
        ("training", TRAINING, sequence_length),
        ("prefill", PREFILL, 0),
        *((f"decode at {n:,} of context", DECODE, n) for n in context_lengths),
    ]
    counts: Any = np.asarray(tokens, dtype=float)
    tables = []
    for name, kind, context in works:
        flop, moved = _work(model, kind, counts, precision=precision, context=context)
        reading = decode.read_time(moved, chip.memory_bandwidth.value)
        computing = decode.multiply_time(flop, cases.peak_compute(chip, precision))
        share = reading / (reading + computing)
        tables.append(
            pd.DataFrame({"work": name, "kind": kind, "tokens": counts, "memory_share": share})
        )
    return pd.concat(tables, ignore_index=True)


def balanced_tokens(shares: pd.DataFrame) -> dict[str, float]:
    """Tokens of a step at which memory takes as long as arithmetic, by work.

    Interpolated between those in *shares*; infinite where none of them is enough.
    """
    found = {}
    for work, rows in shares.groupby("work", sort=False):
        enough = rows["memory_share"].to_numpy() <= HALF
        first = int(enough.argmax())
        around = rows.iloc[max(first - 1, 0) : first + 1].iloc[::-1]
        tokens = np.exp(np.interp(HALF, around["memory_share"], np.log(around["tokens"])))
        found[str(work)] = float(tokens) if enough.any() else np.inf
    return found


def memory_held(
    model: Model,
    chip: Chip,
    *,
    precision: Precision,
    sequence_length: int,
    batch_sizes: Sequence[int],
    usable_share: Count,
) -> pd.DataFrame:
    """Bytes that training and inference hold, in all and a parameter, and chips that hold them.

    Of training: one sequence at a time, its activations kept or computed anew.
    """
    situations: dict[str, dict[str, Bytes]] = {}
    for words, recomputed in (("activations kept", False), ("checkpointed", True)):
        step = cases.TrainingStep(model, sequence_length, sequence_length, recomputed=recomputed)
        situations[f"Training, {words}"] = {
            "weights": step.weight_bytes,
            "gradients": step.gradient_bytes,
            "optimizer": step.optimizer_bytes,
            "activations": step.activation_bytes,
        }
    for size in batch_sizes:
        situations[f"Inference, {users(size)}"] = {
            "weights": cases.weight_bytes(model, precision),
            "KV caches": size * cases.kv_cache_bytes(model, sequence_length),
        }
    count = cases.parameters(model).total
    rows = [
        {
            "situation": situation,
            "part": part,
            "held_bytes": float(held),
            "bytes_per_parameter": float(held) / count,
            "total_bytes": float(sum(parts.values())),
            "total_per_parameter": float(sum(parts.values())) / count,
            "chips_needed": float(
                capacity.chips_needed(
                    bytes_needed=sum(parts.values()),
                    memory_capacity=chip.memory_capacity.value,
                    usable_share=usable_share,
                )
            ),
        }
        for situation, parts in situations.items()
        for part, held in parts.items()
    ]
    return pd.DataFrame(rows)


def requests(
    case: cases.Case,
    engine: cases.Engine | None,
    *,
    input_lengths: Sequence[int],
    output_lengths: Sequence[int],
) -> pd.DataFrame:
    """Share of decoding in a request's time, by the lengths of its prompt and of its answer.

    As the user waits for it, whose answer no prompt of another interrupts, and as chips work for
    it, which decode for all users of *case* at once. NaN where memory does not hold them, or the
    engine's rate of prompts is not known.
    """
    rows = []
    for prompt in input_lengths:
        for answer in output_lengths:
            of = cases.request_case(case, input_length=prompt, output_length=answer)
            replica = cases.Replica(of, engine, answer)
            sizes = {WAITING: 1, WORKING: of.batch_size}
            times = {
                view: serving.time_per_sequence(
                    prefill_time=replica.prefill_time,
                    steps=replica.steps,
                    step_time=replica.step_time,
                    batch_size=size,
                )
                for view, size in sizes.items()
            }
            there = 1.0 if cases.fits(of) else np.nan
            rows += [
                {
                    "view": view,
                    "input_length": prompt,
                    "output_length": answer,
                    "prefill_time": there * float(replica.prefill_time),
                    "time": there * float(time),
                    "decode_share": there * (1 - float(replica.prefill_time / time)),
                }
                for view, time in times.items()
            ]
    return pd.DataFrame(rows)


def runs(numbers: Params, models: Iterable[Model], *, context_length: int) -> pd.DataFrame:
    """The training runs whose tokens are known: arithmetic, time, and tokens served for as much."""
    rows = [
        {
            "model": model.name,
            "parameters": cases.parameters(model).active,
            "tokens": model.training.tokens.value,
            "tokens_cite": cite(model.training.tokens),
            "run_flop": cases.run_flop(model),
            "chip_time": model.training.chip_time.value,
            "chip_time_cite": cite(model.training.chip_time),
            "chip": _name(numbers, model.training.chip),
            "reached_share": cases.reached_share(numbers, model),
            "break_even_tokens": cases.break_even_tokens(model, context_length),
            "break_even_ratio": cases.break_even_tokens(model, context_length)
            / model.training.tokens.value,
        }
        for model in models
        if model.training
    ]
    return pd.DataFrame(rows, columns=list(RUNS)).sort_values("run_flop", ignore_index=True)


def _name(numbers: Params, chip: str) -> str:
    """Return the name of a chip that may be without a file."""
    return numbers.chips[chip].name if chip in numbers.chips else ""
