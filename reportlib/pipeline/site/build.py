"""One site: the report, a page for each chip, model and pair, and all that is around them.

Pages are made in batches by any executor that has `submit` as those of concurrent.futures have;
as many are under way as keep its workers busy, and each is written as it comes, so that what is
held of a page is what indexes say of it. Files are put in place, each whole, when all are there.
"""

import gzip
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from reportlib.digests import of_file
from reportlib.exhibits.words import counted
from reportlib.pipeline import forks, pages, provenance
from reportlib.pipeline.build import DOCUMENTS, NOTEBOOKS, RECORD, ROOT, BuildError
from reportlib.pipeline.cache import Cache
from reportlib.pipeline.files import Staged, write_whole
from reportlib.pipeline.pages import Inputs, Made, Page, PageInfo
from reportlib.pipeline.publish import record_of

Progress = Callable[[int, int, int], None]

MOST_FAILURES = 5  # that are told in full
BATCH = 2  # pages: few enough to share out, enough to make the way there worth it


@dataclass(frozen=True)
class Workers:
    """Who makes pages: how to ask them, and how many there are."""

    submit: forks.Submit
    number: int


@contextmanager
def local(number: int) -> Iterator[Workers]:
    """Yield a *number* of processes of this machine."""
    with forks.helpers(number) as submit:
        yield Workers(submit, number)


def made(given: Inputs, wanted: Sequence[Page], workers: Workers, cache: Cache) -> Iterator[Made]:
    """Yield *wanted* pages as they come: those that are kept at once, then those that are made."""
    missing = []
    for page in wanted:
        kept = _kept(cache.get(given.key(page)), page)
        if kept:
            yield kept
        else:
            missing.append(page)
    batches = iter([missing[n : n + BATCH] for n in range(0, len(missing), BATCH)])
    under_way = {_asked(workers, given, batch) for batch in islice(batches, 2 * workers.number)}
    while under_way:
        done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
        under_way |= {_asked(workers, given, batch) for batch in islice(batches, len(done))}
        for batch in done:
            failure = batch.exception()
            if isinstance(failure, BrokenExecutor):
                raise failure  # what `forks.helpers` tells
            if failure:
                msg = f"Pages could not be made: {str(failure) or type(failure).__name__}"
                raise BuildError(msg) from failure
            for result in batch.result():
                if result.info:
                    cache.put(given.key(result.page), _packed(result))
                yield result


def _asked(workers: Workers, given: Inputs, batch: Sequence[Page]) -> Future[list[Made]]:
    return workers.submit(pages.make, given, batch)


def _packed(result: Made) -> bytes:
    told = json.dumps(asdict(result.info) if result.info else {}).encode()
    return told + b"\n" + gzip.compress(result.content, compresslevel=5, mtime=0)


def _kept(entry: bytes | None, page: Page) -> Made | None:
    if entry is None:
        return None
    told, _, content = entry.partition(b"\n")
    return Made(page, gzip.decompress(content), PageInfo(**json.loads(told)))


def build_site(
    target: Path,
    inputs: str,
    command: str,
    workers: Workers,
    *,
    all_pairs: bool,
    cached: bool,
    progress: Progress,
) -> str:
    """Build the site in *target*, whose report is there; until all is made, nothing changes.

    *inputs* is the digest of what it is made from, *command* how it is made. Returns the address
    that its pages tell, or nothing.
    """
    from reportlib import params
    from reportlib.pipeline import site

    root, folder = params.default_root(), target / "site"
    numbers = params.load(root)
    address = site.site_address(numbers.report)
    headline = [chip for chip in numbers.report.headline.chips if chip in numbers.chips]
    wanted = pages.wanted(
        list(numbers.chips), list(numbers.models), list(numbers.chips) if all_pairs else headline
    )
    given = pages.inputs(NOTEBOOKS / "pages", root, os.environ.get("AS_OF", ""), address)
    cache = Cache(target / "cache" if cached else None)
    infos: list[PageInfo] = []
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix=".site-", dir=target) as scratch:
        staged = Staged(folder, Path(scratch))
        progress(0, 0, len(wanted))
        for page in made(given, wanted, workers, cache):
            if page.info:
                staged.put(page.page.path, page.content)
                infos.append(page.info)
            else:
                failures.append(page.failure)
            progress(len(infos), len(failures), len(wanted))
        if failures:
            raise BuildError(_told(failures))
        html, pdf = ((target / name).read_bytes() for name in DOCUMENTS)
        tables = {
            name: (target / name).read_bytes()
            for name in json.loads((target / RECORD).read_bytes())["files"]
            if name not in DOCUMENTS
        }
        around = site.surroundings(
            numbers, html=html, pdf=pdf, tables=tables, pages=sorted(infos, key=lambda p: p.path),
            previous=folder if folder.is_dir() else None, address=address,
        )  # fmt: skip
        for path, content in around:
            staged.put(path, content)
        told = provenance.provenance(
            ROOT, root, staged.digests, command,
            edition=numbers.report.as_of.isoformat(), address=site.stated_address(),
        )  # fmt: skip
        staged.put("provenance.json", told)
        record = record_of(folder)
        record.unlink(missing_ok=True)  # until all files are there, nobody takes it for whole
        staged.place()
        about = _told_of(inputs, command) | {"files": staged.digests}
        write_whole(record, json.dumps(about, indent=1).encode())
    cache.prune()
    return address


def _told_of(inputs: str, command: str) -> dict[str, object]:
    """Return what the record of a site says besides its files; an address in params is an input."""
    from reportlib.pipeline.site import stated_address

    return {"inputs": inputs, "command": command, "address": stated_address()}


def _told(failures: Sequence[str]) -> str:
    more = len(failures) - MOST_FAILURES
    rest = [f"and {counted(more, 'more page')}"] if more > 0 else []
    return "\n\n".join([*failures[:MOST_FAILURES], *rest])


def unchanged_site(target: Path, inputs: str, command: str) -> bool:
    """Whether *target* has the site of *command* and *inputs*, untouched."""
    folder = target / "site"
    try:
        record = json.loads(record_of(folder).read_text(encoding="utf-8"))
        digests = {path: of_file(folder / path) for path in record["files"]}
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return bool(record == _told_of(inputs, command) | {"files": digests})
