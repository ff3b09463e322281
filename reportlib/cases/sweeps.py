"""Many ways to serve one model: batches, prompts, chips and formats, and which are worth having."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reportlib.cases.engines import Engine
from reportlib.cases.formats import Format
from reportlib.cases.frontier import frontier
from reportlib.cases.predictions import Case
from reportlib.cases.serving import Replica, fits, request_case, step_time
from reportlib.units import Count, Seconds

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Configurations, one to an element of each array; all arrays are flat and of one length.

    Times and rates are expected ones, of a replica that also reads the prompts.
    """

    weight_format: NDArray[np.str_]
    chips: Numbers
    input_length: Numbers
    batch_size: Numbers
    fits: NDArray[np.bool_]  # into memory
    step_floor: Numbers  # least time of a decode step
    step_time: Numbers
    time_to_first_token: Numbers  # where nothing waits
    time_per_output_token: Numbers  # with prefills of others in between
    tokens_per_chip_second: Numbers  # of output
    tokens_per_user_second: Numbers

    def __len__(self) -> int:
        """Return the number of configurations."""
        return len(self.batch_size)

    def where(self, mask: NDArray[Any]) -> "Sweep":
        """The configurations that *mask* marks, or that it has the positions of."""
        return Sweep(**{field.name: getattr(self, field.name)[mask] for field in fields(self)})

    def feasible(
        self, *, time_to_first_token: Seconds = math.inf, time_per_output_token: Seconds = math.inf
    ) -> NDArray[np.bool_]:
        """Mask of those that fit and whose users wait no longer than is allowed.

        None of which a time is unknown.
        """
        return (
            self.fits
            & (self.time_to_first_token <= time_to_first_token)
            & (self.time_per_output_token <= time_per_output_token)
        )

    def frontier(
        self, *, time_to_first_token: Seconds = math.inf, time_per_output_token: Seconds = math.inf
    ) -> "Sweep":
        """Those feasible ones that no other beats in time per token and throughput.

        Of each length of prompts by itself, in order of it and of the time.
        """
        allowed = self.feasible(
            time_to_first_token=time_to_first_token, time_per_output_token=time_per_output_token
        )
        best = np.zeros(len(self), dtype=bool)
        for length in np.unique(self.input_length):
            rivals = np.flatnonzero(allowed & (self.input_length == length))
            best[rivals] = frontier(
                self.time_per_output_token[rivals], self.tokens_per_chip_second[rivals]
            )
        found = self.where(best)
        return found.where(np.lexsort((found.time_per_output_token, found.input_length)))


def sweep(
    case: Case,
    engine: Engine,
    *,
    output_length: Count,
    batch_sizes: ArrayLike,
    input_lengths: ArrayLike,
    chips: ArrayLike,
    weight_formats: Iterable[Format],
) -> Sweep:
    """Every combination of these, of requests with as much output each; the rest is that of *case*.

    A format has its own size: *case* should give no bits_per_weight.
    """
    parts = [
        _of_format(
            replace(case, weight_format=weight_format),
            engine,
            output_length,
            np.ix_(
                *(np.asarray(axis, dtype=float) for axis in (chips, input_lengths, batch_sizes))
            ),
        )
        for weight_format in weight_formats
    ]
    return Sweep(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Sweep)
        }
    )


def _of_format(case: Case, engine: Engine, output_length: Count, axes: Sequence[Any]) -> Sweep:
    """Return the combinations of *axes*, which broadcast: chips, prompts and batches."""
    chips, input_length, batch_size = axes
    of = request_case(
        replace(case, chips=chips, batch_size=batch_size),
        input_length=input_length,
        output_length=output_length,
        cached_length=case.cached_length,
    )
    replica = Replica(of, engine, output_length)
    time_per_token = replica.time_per_output_token
    columns = {
        "weight_format": case.weight_format.name,
        "chips": chips,
        "input_length": input_length,
        "batch_size": batch_size,
        "fits": fits(of),
        "step_floor": step_time(of, None),
        "step_time": replica.step_time,
        "time_to_first_token": replica.prefill_time,
        "time_per_output_token": time_per_token,
        "tokens_per_chip_second": replica.tokens_per_chip_second,
        "tokens_per_user_second": 1 / time_per_token,
    }
    shape = np.broadcast_shapes(*(axis.shape for axis in axes))
    return Sweep(**{name: np.broadcast_to(of, shape).ravel() for name, of in columns.items()})
