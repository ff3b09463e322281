"""Tables of what fits, how many users, how fast, and of two chips against each other."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from reportlib import cases
from reportlib.calculations import capacity, decode
from reportlib.params import Chip, Model, Params, Precision
from reportlib.units import Count

BATCHES_TRIED = 400  # from one user to a full memory


def fits(
    models: Iterable[Model], chips: Iterable[Chip], *, precision: Precision, usable_share: Count
) -> pd.DataFrame:
    """Chips needed to hold the weights, for every model and chip."""
    rows = [
        {
            "model": model.name,
            "chip": chip.name,
            "memory_capacity": chip.memory_capacity.value,
            "weight_bytes": cases.weight_bytes(model, precision),
            "chips_needed": float(
                cases.chips_needed(model, chip, precision=precision, usable_share=usable_share)
            ),
        }
        for model in models
        for chip in chips
    ]
    return pd.DataFrame(rows).sort_values(["weight_bytes", "memory_capacity"], ignore_index=True)


def concurrency(
    model: Model,
    chips: Iterable[Chip],
    *,
    precision: Precision,
    usable_share: Count,
    context_lengths: Sequence[int],
    replica: int,
) -> pd.DataFrame:
    """Users whose KV caches fit beside the weights on *replica* chips, by context."""
    contexts: Any = np.array(context_lengths, dtype=float)
    tables = [
        pd.DataFrame(
            {
                "chip": chip.name,
                "vendor": chip.vendor,
                "context_length": contexts,
                "max_batch_size": _users(
                    model,
                    chip,
                    chips=replica,
                    context_length=contexts,
                    precision=precision,
                    usable_share=usable_share,
                ),
            }
        )
        for chip in chips
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[table["max_batch_size"] >= 1].reset_index(drop=True)


def _users(
    model: Model,
    chip: Chip,
    *,
    precision: Precision,
    usable_share: Count,
    chips: Count,
    context_length: Any,
) -> Any:
    return capacity.leftover_batch_size(
        chips=chips,
        memory_capacity=chip.memory_capacity.value,
        usable_share=usable_share,
        weight_bytes=cases.weight_bytes(model, precision),
        kv_bytes_per_sequence=cases.kv_cache_bytes(model, context_length),
    )


def frontiers(
    models: Iterable[Model],
    chips: Iterable[Chip],
    *,
    precision: Precision,
    usable_share: Count,
    context_length: int,
    replica: int,
) -> pd.DataFrame:
    """Speed per user against throughput per chip, over all batches that *replica* chips hold."""
    tables = []
    for model in models:
        for chip in chips:
            users = float(
                _users(
                    model,
                    chip,
                    chips=replica,
                    context_length=float(context_length),
                    precision=precision,
                    usable_share=usable_share,
                )
            )
            if users < 1:
                continue
            batch_sizes: Any = np.unique(np.round(np.geomspace(1, users, 24)))
            step = cases.step(
                model,
                chip,
                precision=precision,
                batch_size=batch_sizes,
                context_length=context_length,
                chips=replica,
            )
            tables.append(
                pd.DataFrame(
                    {
                        "model": model.name,
                        "chip": chip.name,
                        "vendor": chip.vendor,
                        "batch_size": batch_sizes,
                        "tokens_per_second_per_user": 1 / step.floor,
                        "tokens_per_second_per_chip": decode.tokens_per_second(
                            batch_sizes, step.floor
                        )
                        / replica,
                    }
                )
            )
    columns = ["model", "chip", "vendor", "batch_size"]
    columns += ["tokens_per_second_per_user", "tokens_per_second_per_chip"]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    return table.dropna()


def head_to_head(
    models: Iterable[Model],
    pairs: Mapping[str, tuple[Chip, Chip]],
    *,
    precision: Precision,
    usable_share: Count,
    wanted_speeds: Sequence[float],
    context_lengths: Sequence[int],
) -> pd.DataFrame:
    """Throughput per chip of the first of two chips over the second, as read on several days.

    By the speed that every user is promised and by context. Zero or infinite where only one of
    the two is fast enough, NaN where neither is.
    """
    tables = []
    for model in models:
        for edition, pair in pairs.items():
            for context in context_lengths:
                rates = [
                    _best_rates(
                        model,
                        chip,
                        wanted_speeds=wanted_speeds,
                        context_length=context,
                        precision=precision,
                        usable_share=usable_share,
                    )
                    for chip in pair
                ]
                with np.errstate(divide="ignore", invalid="ignore"):
                    ratio = rates[0] / rates[1]
                row = {"model": model.name, "edition": edition, "context_length": context}
                tables.append(pd.DataFrame(row | {"wanted_speed": wanted_speeds, "ratio": ratio}))
    return pd.concat(tables, ignore_index=True)


def _best_rates(
    model: Model,
    chip: Chip,
    *,
    precision: Precision,
    usable_share: Count,
    wanted_speeds: Sequence[float],
    context_length: int,
) -> Any:
    """Most tokens/s per chip at each wanted speed, on as few chips as hold one user; 0 if none.

    The batch grows until memory is full or a user would be slower than promised.
    """
    chips = cases.chips_needed(
        model,
        chip,
        precision=precision,
        usable_share=usable_share,
        kv_bytes=cases.kv_cache_bytes(model, context_length),
    )
    users = float(
        _users(
            model,
            chip,
            chips=chips,
            context_length=float(context_length),
            precision=precision,
            usable_share=usable_share,
        )
    )
    batch_sizes: Any = np.unique(np.round(np.geomspace(1, max(users, 1), BATCHES_TRIED)))
    step = cases.step(
        model,
        chip,
        precision=precision,
        batch_size=batch_sizes,
        context_length=context_length,
        chips=chips,
    )
    rates = decode.tokens_per_second(batch_sizes, step.floor) / chips
    fast_enough = 1 / step.floor >= np.asarray(wanted_speeds)[:, None]
    return np.where(fast_enough, rates, 0.0).max(axis=1)


def pair_by_day(
    params: Params, pair: Sequence[str], days: Iterable[date]
) -> dict[str, tuple[Chip, Chip]]:
    """Return two chips as known on each of *days* on which both were, under the day's name."""
    known = {day: params.on(day).chips for day in days}
    return {
        str(day): (chips[pair[0]], chips[pair[1]])
        for day, chips in known.items()
        if all(chip in chips for chip in pair)
    }
