"""How many cases a second the calculations do: ``python -m reportlib.bench.kernels``.

Cases are a grid of chips, degrees of splitting, batches and contexts for each model, their
arguments made of the records beforehand. An argument, and what is calculated of it alone, has
only the axes that it depends on; NumPy broadcasts the rest. Beside it are the same function with
every argument in full, where nothing is shared between cases, and in a loop over cases. All
rates are of one run and per second of processor time, the best of several repeats; only their
ratios say much about another machine.

Coverage of experts, an integral that is solved for, is most of an expected time in full and in
the loop, of dense models too. Broadcast, it is calculated once for each model and batch of a block
of chips. The step is the same time with coverage and exchanges given.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

from reportlib.bench import build_option, keep
from reportlib.calculations.decode import decode_step_floor, decode_step_time
from reportlib.calculations.experts import skewed_distinct_experts
from reportlib.calibrate import PRIORS
from reportlib.cases.engines import Constants, exchange_time, expected_step_time
from reportlib.cases.formats import format_named
from reportlib.cases.predictions import Case
from reportlib.params import Chip, Model, load

Floats = NDArray[np.float64]
Arguments = Mapping[str, Floats]

AXES = ("chip", "degree", "batch", "context")
DEGREES = (1, 2, 4, 8)
BATCHES: Any = np.arange(1, 33) * 8.0
CONTEXTS: Any = np.arange(1, 65) * 2048.0
CHIPS_PER_BLOCK = 32  # 2 MB an intermediate result: they stay in the cache
LOOPED = 200  # cases of each model
REPEATS = 7

DENSE = ("llama-3.1-8b", "gemma-3-27b", "llama-3.3-70b", "llama-3.1-405b")
EXPERTS = ("mixtral-8x7b", "gpt-oss-120b", "qwen3-235b-a22b", "deepseek-v3")
WANTED = {"dense": 20e6, "experts": 5e6}  # cases a second

REACHED = Constants(**{name: middle for name, (middle, _) in PRIORS.items()})  # time is the same


@dataclass(frozen=True)
class Kernel:
    """A function of a decode step, and its arguments for a case."""

    name: str
    function: Callable[..., Any]
    work: Callable[[Case], Mapping[str, Any]]


def _step_work(case: Case) -> dict[str, Any]:
    """Return arguments of the step, as expected_step_time makes them."""
    step = case.step
    distinct = skewed_distinct_experts(
        **{name: step[name] for name in ("experts", "active_experts", "tokens")},
        skew=REACHED.routing_skew,
    )
    exchanges = ("layers", "message_bytes", "chips", "link_bandwidth")
    weights = REACHED.weight_efficiency * REACHED.quantized_efficiency ** step["quantized"]
    given = ("weight_bytes", "kv_bytes", "matmul_flop", "attention_flop")
    rates = ("memory_bandwidth", "peak_compute")
    return {
        **{name: step[name] for name in (*given, *rates)},
        "expert_bytes": step["routed_bytes"] * distinct / step["experts"],
        "weight_efficiency": weights,
        "expert_efficiency": weights * REACHED.expert_efficiency,
        "kv_efficiency": REACHED.kv_efficiency,
        "compute_efficiency": REACHED.compute_efficiency,
        "fixed_time": step["layers"] * REACHED.layer_time
        + step["expert_layers"] * REACHED.expert_layer_time,
        "communication_time": exchange_time(
            **{name: step[name] for name in exchanges}, latency=REACHED.collective_latency
        ),
        "host_time": step["layers"] * REACHED.host_time,
    }


KERNELS = (
    Kernel("floor", decode_step_floor, lambda case: case.least_step),
    Kernel("step", decode_step_time, _step_work),
    Kernel("expected", partial(expected_step_time, REACHED), lambda case: case.step),
)


def on_grid(kernel: Kernel, model: Model, chips: Sequence[Chip]) -> Arguments:
    """Arguments on AXES, of length 1 along those that they do not depend on."""
    works = [
        [
            kernel.work(
                Case(
                    model=model,
                    chip=chip,
                    weight_format=format_named("bf16"),
                    batch_size=BATCHES[:, np.newaxis],
                    context_length=CONTEXTS,
                    chips=degree,
                )
            )
            for degree in DEGREES
        ]
        for chip in chips
    ]
    plane = (BATCHES.size, CONTEXTS.size)
    return {
        name: _without_copies(
            np.array([[np.broadcast_to(work[name], plane) for work in row] for row in works], float)
        )
        for name in works[0][0]
    }


def _without_copies(values: Floats) -> Floats:
    for axis in range(values.ndim):
        first = values.take([0], axis)
        if (values == first).all():
            values = first
    return values


def blocks(arguments: Arguments) -> Iterator[Arguments]:
    """Split the grid by chips, so that results between fit the cache."""
    chips = max(len(values) for values in arguments.values())
    for start in range(0, chips, CHIPS_PER_BLOCK):
        some = slice(start, start + CHIPS_PER_BLOCK)
        yield {name: v[some] if len(v) > 1 else v for name, v in arguments.items()}


def in_full(arguments: Arguments) -> Arguments:
    """Every argument of every case of the grid's first chip, in a row."""
    first = {name: values[:1] for name, values in arguments.items()}
    return dict(zip(first, (v.ravel() for v in np.broadcast_arrays(*first.values())), strict=True))


def one_by_one(arguments: Arguments) -> list[dict[str, float]]:
    """Return a sample of the cases that arguments are in full of, as floats."""
    size = len(next(iter(arguments.values())))
    sample = np.linspace(0, size - 1, LOOPED).astype(int)
    return [{name: float(values[n]) for name, values in arguments.items()} for n in sample]


def _rate(function: Callable[..., Any], calls: Sequence[Mapping[str, Any]], cases: int) -> float:
    """Return the number of cases a second of processor time."""

    def once() -> float:
        started = time.process_time()
        for arguments in calls:
            function(**arguments)
        return time.process_time() - started

    return cases / min(once() for _ in range(REPEATS))


@dataclass(frozen=True)
class Rates:
    """What was measured of one kernel; rates in cases a second."""

    kernel: str
    models: str
    cases: int
    wanted: float
    broadcast: float
    in_full: float
    loop: float
    axes: Mapping[str, tuple[str, ...]]  # that each argument depends on, beside the model

    @property
    def ratio(self) -> float:
        """How many times as fast as the loop."""
        return self.broadcast / self.loop

    @property
    def ratio_in_full(self) -> float:
        """How many times as fast as the loop where no axis is shared."""
        return self.in_full / self.loop


def measure(kernel: Kernel, kind: str, models: Sequence[Model], chips: Sequence[Chip]) -> Rates:
    """Measure *kernel* over all cases of *models* on *chips*."""
    grids = [on_grid(kernel, model, chips) for model in models]
    cases = [np.broadcast_shapes(*(v.shape for v in grid.values())) for grid in grids]
    full = [in_full(grid) for grid in grids]
    single = [case for arguments in full for case in one_by_one(arguments)]
    size = int(sum(np.prod(shape) for shape in cases))
    depends = {
        name: tuple(
            axis for n, axis in enumerate(AXES) if any(grid[name].shape[n] > 1 for grid in grids)
        )
        for name in grids[0]
    }
    return Rates(
        kernel=kernel.name,
        models=kind,
        cases=size,
        wanted=WANTED[kind],
        broadcast=_rate(kernel.function, [b for grid in grids for b in blocks(grid)], size),
        in_full=_rate(kernel.function, full, sum(len(next(iter(f.values()))) for f in full)),
        loop=_rate(kernel.function, single, len(single)),
        axes=depends,
    )


def _table(measured: Sequence[Rates]) -> Table:
    title = "Decode steps: million cases a second of processor time, on one core"
    table = Table(title=title, box=box.SIMPLE)
    table.add_column("function", no_wrap=True)
    for heading in ("goal", "grid", "in full", "loop", "grid/loop", "full/loop"):
        table.add_column(heading, justify="right")
    for of in measured:
        table.add_row(
            f"{of.kernel}, {of.models}",
            *(f"{rate / 1e6:.3g}" for rate in (of.wanted, of.broadcast, of.in_full, of.loop)),
            *(f"{ratio:,.0f}" for ratio in (of.ratio, of.ratio_in_full)),
        )
    return table


def _axes(of: Rates) -> Iterator[str]:
    """Say which arguments depend on which axes."""
    for axes in sorted(set(of.axes.values()), key=lambda axes: [*map(AXES.index, axes)]):
        names = ", ".join(name for name, on in of.axes.items() if on == axes)
        yield f"  {' × '.join(('model', *axes))}: {names}"


@click.command()
@build_option
def main(build: Path) -> None:
    """Measure how many cases a second the calculations do."""
    params = load()
    chips = list(params.chips.values())
    measured = [
        measure(kernel, kind, [params.models[name] for name in names], chips)
        for kernel in KERNELS
        for kind, names in (("dense", DENSE), ("experts", EXPERTS))
    ]
    told = {
        "numpy": np.__version__,
        "kernels": [
            {**asdict(of), "ratio": of.ratio, "ratio_in_full": of.ratio_in_full} for of in measured
        ],
    }
    keep(build, "kernels", told)
    console = Console(soft_wrap=True)
    console.print(_table(measured))
    console.print(
        f"The grid has {measured[0].cases:,} cases a row. Arguments, and what is made of them "
        "alone, as coverage of experts, have only these axes of it and are shared along others:"
    )
    for of in measured:
        console.print(f"{of.kernel}, {of.models}", *_axes(of), sep="\n")
    console.print(
        "In full, over the cases of one chip, and in the loop, over a sample, nothing is shared: "
        "expected times find coverage and exchanges for every case, of dense models too. Steps are "
        "given both."
    )


if __name__ == "__main__":
    main()
