"""Tables of what makes decoding faster, each lever by its factor, and of the experts of a batch."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from reportlib import cases
from reportlib.calculations import experts, speculation, transformer
from reportlib.calculations.precision import BYTES_PER_VALUE
from reportlib.cases.steps import Step
from reportlib.exhibits.tables.parts import cite
from reportlib.params import Chip, Model, Precision
from reportlib.params.architecture import (
    AnyMixer,
    GroupedQueryAttention,
    LatentAttention,
    LinearMixer,
)
from reportlib.units import Count

COLUMNS = ("lever", "model", "setting", "before", "after")
NARROWER: tuple[Precision, ...] = ("fp8", "fp4")
EXPECTED = ("experts_read", "fewest_read", "most_read")  # shares of all
SKEW = 1  # of favourites, as Zipf's law has it


@dataclass(frozen=True)
class Work:
    """A number of sequences at one context on one chip, weights in *precision*."""

    chip: Chip
    precision: Precision
    batch_size: int
    context_length: int

    def step(self, model: Model) -> Step:
        """A decode step of *model*."""
        return cases.step(
            model,
            self.chip,
            precision=self.precision,
            batch_size=self.batch_size,
            context_length=self.context_length,
        )

    def with_attention(self, model: Model, mixers: Sequence[AnyMixer]) -> Step:
        """A step of *model* whose caches are those of other *mixers*; its weights stay."""
        of = model.architecture.model_copy(update={"attention": tuple(mixers)})
        other = model.model_copy(update={"architecture": of})
        step = self.step(model)
        further = cases.attention_flop(other, self.context_length) - cases.attention_flop(
            model, self.context_length
        )
        return replace(
            step,
            kv_bytes=self.batch_size * cases.kv_read_bytes(other, self.context_length),
            flop=step.flop + self.batch_size * further,
        )


Lever = Callable[[Model, Work], Step | None]  # a step without the lever, None if it has none


def _grouped(model: Model, work: Work) -> Step | None:
    mixers = model.architecture.attention
    if not all(m.kind == "gqa" and m.kv_heads < m.heads and not m.index for m in mixers):
        return None
    alone = [m.model_copy(update={"kv_heads": m.heads}) for m in mixers if m.kind == "gqa"]
    return work.with_attention(model, alone)


def _latent(model: Model, work: Work) -> Step | None:
    mixers = model.architecture.attention
    if not all(m.kind == "mla" and not m.index for m in mixers):
        return None
    return work.with_attention(model, [_full(m) for m in mixers if isinstance(m, LatentAttention)])


def _full(of: LatentAttention) -> GroupedQueryAttention:
    """Return attention that keeps the keys and values of all heads as they are."""
    return GroupedQueryAttention(
        kind="gqa",
        layers=of.layers,
        heads=of.heads,
        kv_heads=of.heads,
        head_dim=of.nope_head_dim + of.rope_head_dim,
        value_head_dim=of.value_head_dim,
    )


def _sliding(model: Model, work: Work) -> Step | None:
    mixers = model.architecture.attention
    if not any(m.kind == "gqa" and m.window for m in mixers):
        return None
    seeing = [m.model_copy(update={"window": None}) if m.kind == "gqa" else m for m in mixers]
    return work.with_attention(model, seeing)


def _sparse(model: Model, work: Work) -> Step | None:
    mixers = model.architecture.attention
    if not any(m.kind in {"gqa", "mla"} and getattr(m, "index", None) for m in mixers):
        return None
    reading = [m.model_copy(update={"index": None}) if m.kind in {"gqa", "mla"} else m
               for m in mixers]  # fmt: skip
    return work.with_attention(model, reading)


def _linear(model: Model, work: Work) -> Step | None:
    of = model.architecture
    full = [m for m in of.attention if not isinstance(m, LinearMixer)]
    if len(full) != 1 or len(of.attention) == 1:
        return None
    layers = sum(of.mixer_layers(m) for m in of.attention)
    return work.with_attention(model, [full[0].model_copy(update={"layers": layers})])


def _experts(model: Model, work: Work) -> Step | None:
    count = cases.parameters(model)
    if not count.routed:
        return None
    step = work.step(model)
    further = transformer.matmul_flop(count.all_read - count.active, tokens=work.batch_size)
    return replace(
        step,
        weight_bytes=count.all_read * BYTES_PER_VALUE[work.precision],
        flop=step.flop + further,
    )


OF_MODELS: dict[str, Lever] = {
    "Grouped queries": _grouped,
    "Latent attention": _latent,
    "Sliding window": _sliding,
    "Sparse attention": _sparse,
    "Linear attention": _linear,
    "Mixture of experts": _experts,
}


@dataclass(frozen=True)
class Guessing:
    """Speculative decoding: the share of guesses that are right, how many, and what one takes."""

    acceptance: Count
    drafts: int
    draft_share: Count  # of the time of a step


def levers(
    models: Collection[Model],
    model: Model,
    works: Mapping[str, Work],
    guessing: Guessing,
) -> pd.DataFrame:
    """Time per token before and after each lever, one at a time, at each of *works*, by name.

    Levers that are part of a model's design are those of *model*, or where it lacks one of the
    first of *models* that has it, against the same model without it. Times are floors.
    """
    rows = [
        row
        for setting, work in works.items()
        for row in (*_applied(model, work, setting, guessing), *_built_in(models, work, setting))
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS)).dropna()
    table["factor"] = table["before"] / table["after"]
    largest = table.groupby("lever")["factor"].transform("max")
    by_factor = table.assign(largest=largest).sort_values(
        ["largest", "lever"], ascending=False, kind="stable"
    )
    return by_factor.drop(columns="largest").reset_index(drop=True)


Row = tuple[str, str, str, float, float]


def _applied(model: Model, work: Work, setting: str, guessing: Guessing) -> Iterator[Row]:
    """Yield what can be done with *model* as it is."""
    step = work.step(model)
    before = float(step.floor)
    per_token = before / work.batch_size

    def row(lever: str, faster: Any) -> Row:
        return lever, model.name, setting, per_token, per_token * float(faster) / before

    for precision in NARROWER:
        if BYTES_PER_VALUE[precision] < BYTES_PER_VALUE[work.precision]:
            narrow = replace(work, precision=precision).step(model)
            yield row(f"Weights in {precision.upper()}", narrow.floor)
    read = work.batch_size * cases.kv_read_bytes(model, work.context_length, "fp8")
    yield row("KV cache in FP8", replace(step, kv_bytes=read).floor)
    yield row("Speculative decoding", before / _speculative_speedup(model, work, guessing))
    if work.batch_size > 1:
        alone = float(replace(work, batch_size=1).step(model).floor)
        yield "Batching", model.name, setting, alone, per_token


def _speculative_speedup(model: Model, work: Work, guessing: Guessing) -> Count:
    """Factor of guessing: the verifying step meets all guesses, and reads each cache once."""
    step = work.step(model)
    tokens = int(speculation.verify_tokens(work.batch_size, guessing.drafts))
    verified = replace(work, batch_size=tokens).step(model)
    return speculation.speculative_speedup(
        tokens_per_round=speculation.tokens_per_round(guessing.acceptance, guessing.drafts),
        step_time=step.floor,
        round_time=speculation.round_time(
            verify_time=replace(verified, kv_bytes=step.kv_bytes).floor,
            drafts=guessing.drafts,
            draft_time=guessing.draft_share * step.floor,
        ),
    )


def _built_in(models: Collection[Model], work: Work, setting: str) -> Iterator[Row]:
    """Yield what models are built with, each by the first that has it."""
    for lever, without in OF_MODELS.items():
        found = ((model, without(model, work)) for model in models)
        model, before = next(((m, step) for m, step in found if step), (None, None))
        if model and before:
            times = [float(step.floor) / work.batch_size for step in (before, work.step(model))]
            yield lever, model.name, setting, times[0], times[1]


def expert_coverage(models: Iterable[Model], tokens: Sequence[int]) -> pd.DataFrame:
    """Share of the routed experts of a layer that a step reads, by tokens, a row a model.

    Between bounds: if a few are all tokens' favourites, and if no two tokens share one.
    """
    steps: Any = np.array(tokens, dtype=float)
    tables = []
    for model in models:
        count = cases.parameters(model)
        if not count.routed:
            continue
        routing = {
            "experts": count.experts, "active_experts": count.active_experts, "tokens": steps
        }  # fmt: skip
        read = (
            transformer.distinct_experts(**routing),
            experts.skewed_distinct_experts(**routing, skew=SKEW),
            experts.most_distinct_experts(**routing),
        )
        tables.append(
            pd.DataFrame(
                {
                    "model": model.name,
                    "experts": count.experts,
                    "active_experts": count.active_experts,
                    "experts_cite": cite(model.architecture),
                    "tokens": steps,
                    **dict(zip(EXPECTED, (r / count.experts for r in read), strict=True)),
                }
            )
        )
    columns = ["model", "experts", "active_experts", "experts_cite", "tokens", *EXPECTED]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
