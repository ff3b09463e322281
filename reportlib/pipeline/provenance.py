"""What a site was made from, in the words of W3C PROV, and whether it can be made again.

``provenance.json`` (PROV-JSON) tells every input and output by its SHA-256, the libraries and
Python by their versions, the newest revision that changed an input, the edition and the command.
It tells nothing of who built it, where or when: two builds of the same inputs say the same.
"""

import json
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from prov import Error
from prov.model import ProvDocument

from reportlib.digests import of_file
from reportlib.pipeline import repository
from reportlib.pipeline.build import INPUTS
from reportlib.pipeline.publish import PROVENANCE

NAMESPACE = "urn:hbm-panorama:"
LOCK = "requirements.lock"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)
COMMAND = re.compile(r"python -m reportlib site((?: --[a-z-]+(?: [\w.-]+)?)*)")
KINDS = ("input", "package", "platform", "output")


class ProvenanceError(RuntimeError):
    """A site does not tell what it is made from."""


def provenance(
    root: Path,
    params: Path,
    outputs: Mapping[str, str],
    command: str,
    *,
    edition: str,
    address: str = "",
) -> bytes:
    """Return provenance.json: *outputs*, by their digests, were made by *command*.

    *command* names no folder, as ``python -m reportlib site --as-of 2026-03-01``; *edition* is the
    day of the edition, *address* what SITE_ADDRESS said. Input files are those below *root* that a
    build reads, and *params*.
    """
    document = ProvDocument()
    document.add_namespace("hbm", NAMESPACE)
    about = {"hbm:command": command, "hbm:edition": edition}
    about |= {"hbm:address": address} if address else {}
    activity = document.activity("hbm:build", other_attributes=about)
    told: list[tuple[str, str, dict[str, Any]]] = [
        *(("input", path, {"hbm:sha256": digest}) for path, digest in inputs(root, params).items()),
        *(("package", name, {"hbm:version": text}) for name, text in packages(root).items()),
        *(("platform", name, {"hbm:version": text}) for name, text in platforms().items()),
    ]
    revision = repository.newest(root)
    if revision:
        clean = not repository.uncommitted(root)
        told.append(("revision", revision, {"hbm:clean": clean}))
    for kind, name, attributes in told:
        entity = document.entity(_name(kind, name), attributes | {"prov:type": f"hbm:{kind}"})
        document.used(activity, entity)
    for path, digest in sorted(outputs.items()):
        attributes = {"prov:type": "hbm:output", "hbm:sha256": digest}
        document.wasGeneratedBy(document.entity(_name("output", path), attributes), activity)
    text = document.serialize(format="json")
    content = json.dumps(json.loads(text or ""), indent=1, sort_keys=True, ensure_ascii=False)
    return f"{content}\n".encode()


def _name(kind: str, name: str) -> str:
    """Return the name of an entity; PROV allows few characters in it.

    >>> _name("input", "params/chips/a (b).yaml")
    'hbm:input/params/chips/a%20%28b%29.yaml'
    """
    return f"hbm:{kind}/{quote(name)}"


def inputs(root: Path, params: Path) -> dict[str, str]:
    """Return the digests of all that documents are made from, by name."""
    ours = [path for pattern in INPUTS for path in root.glob(pattern)]
    names = {path.relative_to(root).as_posix(): path for path in ours}
    names |= {f"params/{p.relative_to(params).as_posix()}": p for p in params.rglob("*")}
    return {
        name: of_file(path)
        for name, path in sorted(names.items())
        if path.is_file() and "__pycache__" not in path.parts
    }


def packages(root: Path) -> dict[str, str]:
    """Return the versions of the libraries that the lock names, as they are installed."""
    found = {}
    for name in PINNED.findall((root / LOCK).read_text(encoding="utf-8")):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # it is for another platform
            continue
    return dict(sorted(found.items()))


def platforms() -> dict[str, str]:
    """Return what libraries run on."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


@dataclass(frozen=True)
class Told:
    """What provenance.json tells."""

    edition: str
    options: list[str]  # of the command
    revision: str
    facts: Mapping[str, Mapping[str, str]]  # digest or version, by kind and name
    address: str = ""  # that SITE_ADDRESS said


def read(site: Path) -> Told:
    """Return what the provenance.json of *site* tells."""
    path = site / PROVENANCE
    try:
        document = ProvDocument.deserialize(content=path.read_text(encoding="utf-8"), format="json")
        content = json.loads(path.read_text(encoding="utf-8"))
        build, entities = content["activity"]["hbm:build"], content["entity"]
        facts: dict[str, dict[str, str]] = {kind: {} for kind in (*KINDS, "revision")}
        for name, told in entities.items():
            kind, _, rest = name.removeprefix("hbm:").partition("/")
            facts[kind][rest] = str(told.get("hbm:sha256") or told.get("hbm:version", ""))
        command = COMMAND.fullmatch(build["hbm:command"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, Error) as error:
        msg = f"{path}: not the provenance of a site ({type(error).__name__}: {error})"
        raise ProvenanceError(msg) from None
    if command is None or document is None:
        msg = f"{path}: {build['hbm:command']!r} is not a command that builds a site"
        raise ProvenanceError(msg)
    revisions = facts.pop("revision")
    return Told(
        build["hbm:edition"], command[1].split(), next(iter(revisions), ""), facts,
        str(build.get("hbm:address", "")),
    )  # fmt: skip


@dataclass
class Verdict:
    """What was found of a site."""

    changed: list[str] = field(default_factory=list)  # of what it is made from
    harmed: list[str] = field(default_factory=list)  # files that are not as recorded
    different: list[str] = field(default_factory=list)  # files that a build makes otherwise

    @property
    def equal(self) -> bool:
        """Whether a build makes the very same site."""
        return not (self.harmed or self.different)


def compare(root: Path, params: Path, told: Told) -> list[str]:
    """Return how what is here differs from what a site is made from."""
    here = {
        "input": {quote(name): digest for name, digest in inputs(root, params).items()},
        "package": packages(root),
        "platform": platforms(),
    }
    lines = [
        line for kind, found in here.items() for line in _differences(kind, told.facts[kind], found)
    ]
    now = repository.newest(root)
    if now != told.revision:
        lines.append(f"revision: {told.revision or 'none'} then, {now or 'none'} here")
    return lines


def _differences(kind: str, then: Mapping[str, str], here: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*then, *here}):
        if name not in here:
            yield f"{kind} {name}: is not here"
        elif name not in then:
            yield f"{kind} {name}: was not there then"
        elif then[name] != here[name]:
            values = "" if kind == "input" else f": {then[name]} then, {here[name]} here"
            yield f"{kind} {name}{values or ': is another here'}"


def verify(
    site: Path,
    told: Told,
    build: Callable[[Path], Path],
    scratch: Path,
) -> Verdict:
    """Return whether *build* makes the very files of *site* again, in *scratch*.

    *build* returns the folder in which it made them. Of its provenance.json the revision may
    differ: commits that change no input do not change a site.
    """
    verdict = Verdict()
    recorded = told.facts["output"]
    present = _files(site)
    for name in sorted({*recorded, *present} - {PROVENANCE}):
        if name not in present:
            verdict.harmed.append(f"{name}: is missing")
        elif name not in recorded:
            verdict.harmed.append(f"{name}: was not built")
        elif of_file(present[name]) != recorded[name]:
            verdict.harmed.append(f"{name}: is not as it was built")
    made = _files(build(scratch))
    for name in sorted({*made, *present} - {PROVENANCE}):
        if name not in made:
            verdict.different.append(f"{name}: is not made again")
        elif name not in present:
            verdict.different.append(f"{name}: is made, and is not in the site")
        else:
            verdict.different += _difference(name, present[name], made[name])
    if PROVENANCE not in made:
        verdict.different.append(f"{PROVENANCE}: is not made again")
    elif _without_revision(present[PROVENANCE]) != _without_revision(made[PROVENANCE]):
        verdict.different.append(f"{PROVENANCE}: tells otherwise")
    return verdict


def _files(folder: Path) -> dict[str, Path]:
    return {quote(p.relative_to(folder).as_posix()): p for p in folder.rglob("*") if p.is_file()}


def _difference(name: str, old: Path, new: Path) -> list[str]:
    """Return where two files begin to differ, or nothing."""
    then, now = old.read_bytes(), new.read_bytes()
    if then == now:
        return []
    pairs = enumerate(zip(then, now, strict=False))
    place = next((n for n, (a, b) in pairs if a != b), min(len(then), len(now)))
    return [f"{name}: {len(then):,} bytes, {len(now):,} made again, different from byte {place:,}"]


def _without_revision(path: Path) -> dict[str, Any]:
    """Return what a provenance.json tells, but for revisions and for how relations are named."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return {
        "activity": content["activity"],
        "entity": {n: e for n, e in content["entity"].items() if not n.startswith("hbm:revision/")},
    }
