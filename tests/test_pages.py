"""Pages of the site are the same wherever they are made, and who makes them may be lost."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace

import pytest
from conftest import ROOT
from distributed import Client

from reportlib import params
from reportlib.pipeline import cluster, pages
from reportlib.pipeline.build import BuildError
from reportlib.pipeline.cache import Cache
from reportlib.pipeline.pages import Made, OtherCodeError, Page, PageInfo
from reportlib.pipeline.site import build as building
from reportlib.pipeline.site.build import Workers

CHIPS, MODELS = ["b200", "h100-sxm5", "wse-3"], ["llama-3-70b"]


@pytest.fixture(scope="module")
def given():
    return pages.inputs(ROOT / "notebooks" / "pages", params.DEFAULT_ROOT, "", "")


@pytest.fixture(scope="module")
def few():
    return pages.wanted(CHIPS[:2], MODELS, CHIPS[:2])


@pytest.fixture(scope="module")
def here(given, few):
    """Pages that were made in this process."""
    return {made.page.path: made for made in pages.make(given, few)}


def contents(made):
    return {page.page.path: (page.content, page.info, page.failure) for page in made}


def test_there_is_a_page_for_each_chip_model_and_pair():
    numbers = params.load(params.DEFAULT_ROOT)
    chips, models = list(numbers.chips), list(numbers.models)

    wanted = pages.wanted(chips, models, chips)

    assert len(wanted) == len(chips) + len(models) + len(chips) * (len(chips) - 1) // 2
    assert len({page.path for page in wanted}) == len(wanted)


def test_a_page_says_what_it_is(here):
    page = here["chips/h100-sxm5.html"]

    assert "H100" in page.info.title
    assert page.info.description.endswith(".")
    assert b"<title>" in page.content
    assert b"H100" in page.content
    assert here["compare/b200-vs-h100-sxm5.html"].failure == ""


def test_processes_beside_this_one_make_the_same(given, few, here):
    with building.local(2) as workers:
        made = list(building.made(given, few, workers, Cache(None)))

    assert contents(made) == contents(here.values())


def test_a_page_that_fails_is_told_and_others_are_made(given):
    wrong, right = (
        Page("chips/gone.html", "chip", (("chip", "gone"),)),
        pages.wanted([], MODELS, []),
    )

    made = pages.make(given, [wrong, *right])

    assert "KeyError: 'gone'" in made[0].failure
    assert made[0].info is None
    assert made[1].failure == ""


def test_a_chip_that_says_less_than_the_other_is_drawn(given):
    (made,) = pages.make(given, pages.wanted([], [], ["a100-pcie-80gb", "b200"]))

    assert made.failure == ""
    assert b'id="fig-pair-rates"' in made.content


def test_other_code_is_refused(given, few):
    with pytest.raises(OtherCodeError, match="another version of reportlib"):
        pages.make(replace(given, code="other"), few)


def asked_of(batches):
    """Return workers that make pages of nothing; *batches* becomes what they were asked."""

    def submit(make, _, batch):
        assert make is pages.make
        batches.append(list(batch))
        future = Future()
        info = [PageInfo(p.path, p.kind, p.path, p.path, "A page.", "") for p in batch]
        future.set_result([Made(p, b"x", i) for p, i in zip(batch, info, strict=True)])
        return future

    return Workers(submit, 2)


def test_pages_are_asked_for_a_few_at_a_time_and_kept(given, tmp_path):
    many, cache = pages.wanted([f"c{n}" for n in range(100)], [], []), Cache(tmp_path / "cache")
    asked, asked_again = [], []

    made = building.made(given, many, asked_of(asked), cache)
    first = next(made)
    assert len(asked) <= 8  # not all of them, before any is taken
    rest = list(made)

    assert {page.page for page in [first, *rest]} == set(many)
    again = building.made(given, many, asked_of(asked_again), cache)
    assert contents(again) == contents([first, *rest])
    assert asked_again == []


@contextmanager
def dask(tmp_path, *commands):
    """Yield the address of a Dask scheduler, and its workers' processes."""
    ours = {k: v for k, v in os.environ.items() if k not in {"AS_OF", "HBM_PARAMS"}}
    started = []

    def start(*words):
        command = [sys.executable, "-m", "dask", *map(str, words)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen(command, env=ours, cwd=tmp_path, **quiet))
        return started[-1]

    about = tmp_path / "scheduler.json"
    here = ("--host", "127.0.0.1", "--port", 0, "--no-dashboard")
    start("scheduler", *here, "--scheduler-file", about)
    try:
        until(about.exists)
        address = json.loads(about.read_text())["address"]
        workers = [start("worker", address, "--nthreads", 1, *more) for more in commands]
        with Client(address) as client:
            client.wait_for_workers(len(workers), timeout=60)
        yield address, workers
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_cluster_makes_the_same_though_a_worker_is_lost(given, here, tmp_path):
    many = pages.wanted(CHIPS[:2], MODELS, CHIPS[:2])
    many += [page for chip in CHIPS for page in pages.wanted([chip], [], []) if page not in many]
    with (
        dask(tmp_path, ["--no-nanny"], []) as (address, (lost, _)),
        cluster.workers(address) as workers,
    ):
        assert workers.number == 2
        made = []
        for page in building.made(given, many, workers, Cache(None)):
            made.append(page)
            if len(made) == 1:
                lost.send_signal(signal.SIGKILL)

    assert {path: contents(made)[path] for path in here} == contents(here.values())
    assert len(made) == len(many)
    assert not any(page.failure for page in made)


def test_a_cluster_that_does_not_answer_says_so(monkeypatch):
    monkeypatch.setattr(cluster, "SECONDS_TO_ANSWER", 1)

    with pytest.raises(BuildError, match=r"127\.0\.0\.1:9"), cluster.workers("tcp://127.0.0.1:9"):
        pass


def _dies():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_dies_is_told_with_a_remedy(given, few):
    def make():
        with building.local(1) as workers:
            workers.submit(_dies)
            list(building.made(given, few, workers, Cache(None)))

    with pytest.raises(ChildProcessError, match="for want of memory: try fewer --workers"):
        make()
