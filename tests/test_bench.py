"""What is measured is right: grid, cases in full and a loop over cases have the same results."""

import numpy as np
import pytest

from reportlib.bench import kernels as bench
from reportlib.cases.formats import format_named
from reportlib.cases.predictions import Case
from reportlib.params import load

CHIPS = bench.CHIPS_PER_BLOCK + 2  # more than a block


@pytest.fixture(scope="module")
def params():
    return load()


@pytest.mark.parametrize("name", [bench.DENSE[0], bench.EXPERTS[-1]])
@pytest.mark.parametrize("kernel", bench.KERNELS, ids=lambda kernel: kernel.name)
def test_grid_has_the_numbers_of_single_cases(params, kernel, name):
    model, chips = params.models[name], list(params.chips.values())[:CHIPS]
    shape = (CHIPS, len(bench.DEGREES), len(bench.BATCHES), len(bench.CONTEXTS))

    grid = bench.on_grid(kernel, model, chips)
    together = np.concatenate([kernel.function(**block) for block in bench.blocks(grid)])

    assert together.shape == shape
    for place in np.random.default_rng(0).integers(shape, size=(50, len(shape))):
        chip, degree, batch, context = place
        case = Case(
            model=model,
            chip=chips[chip],
            weight_format=format_named("bf16"),
            batch_size=float(bench.BATCHES[batch]),
            context_length=float(bench.CONTEXTS[context]),
            chips=bench.DEGREES[degree],
        )
        alone = kernel.function(**kernel.work(case))
        assert together[tuple(place)] == pytest.approx(alone, rel=1e-9)
        if kernel.name == "floor":
            assert alone == pytest.approx(case.decode_floor, rel=1e-12)
        else:
            expected = bench.expected_step_time(bench.REACHED, **case.step)
            assert alone == pytest.approx(expected, rel=1e-12)

    full = bench.in_full(grid)
    assert kernel.function(**full) == pytest.approx(together[0].ravel(), rel=1e-9)
    loop = [kernel.function(**case) for case in bench.one_by_one(full)]
    assert loop[0] == pytest.approx(together[0, 0, 0, 0], rel=1e-9)
    assert loop[-1] == pytest.approx(together[0, -1, -1, -1], rel=1e-9)
