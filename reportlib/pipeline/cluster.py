"""Pages made on other machines, by the workers of a Dask cluster.

Workers need what `requirements-cluster.lock` names and the same checkout, and no shared disk. Each
makes one page at a time; ``dask worker --nthreads 1`` with as many workers as cores serves best.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reportlib.pipeline.build import BuildError
from reportlib.pipeline.site.build import Workers

SECONDS_TO_ANSWER = 10


@contextmanager
def workers(scheduler: str) -> Iterator[Workers]:
    """Yield the workers of the cluster whose *scheduler* is at tcp://HOST:PORT.

    What a worker that was lost had to make, another makes.
    """
    try:
        from distributed import Client
    except ImportError:
        msg = "A cluster needs Dask: run `make cluster`, here and on every machine of it."
        raise BuildError(msg) from None
    try:
        client: Any = Client(scheduler, timeout=SECONDS_TO_ANSWER)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        msg = f"No Dask scheduler answers at {scheduler}: {error}"
        raise BuildError(msg) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=SECONDS_TO_ANSWER)
        except TimeoutError:
            msg = f"No worker has joined {scheduler}: start some, `dask worker {scheduler}`"
            raise BuildError(msg) from None
        number = len(client.scheduler_info()["workers"])
        yield Workers(client.get_executor(pure=False).submit, number)
