"""Tables of what moved since an earlier edition: verdicts, findings and numbers, and why."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import pandas as pd

from reportlib.exhibits.editions import ADDED, Difference, difference, edition, few
from reportlib.exhibits.tables.parts import MARKDOWN
from reportlib.params import Params

FILE = re.compile(r"\b([a-z_]+)\.(?:yaml|csv):")
WORDS = {"memory_stacks.count": "stacks", "memory_stacks.": "", "scale_up.": "link ", "_": " "}
RECORD = re.compile(r"\b(chip|model|memory) ([a-z0-9.-]+):")  # at the head of a cause
CAME = {  # one, and several
    "chip": ("chip", "chips"),
    "model": ("model", "models"),
    "memory": ("memory technology", "memory technologies"),
    "measurements": ("measurement", "measurements"),
    "market": ("point of the market's history", "points of the market's history"),
}
VERDICTS = ("statement", "old", "new", "old_computed", "new_computed", "causes")
FINDINGS = ("old", "new", "causes")
NUMBERS = ("name", "quantity", "old", "new", "old_cite", "new_cite")


def since(params: Params) -> Difference:
    """What moved since the earlier day that *params* name, or nothing if it is not earlier."""
    day = min(params.previous, params.report.as_of)
    return difference(edition(params.edition(day), str(day)), edition(params, "this edition"))


def verdicts(moved: Difference, params: Params) -> pd.DataFrame:
    """Each claim that is judged otherwise, with its old and new verdict and what moved it."""
    rows = [
        {name: getattr(verdict, name) for name in VERDICTS}
        | {"causes": _causes(verdict.causes, params)}
        for verdict in moved.verdicts
    ]
    return pd.DataFrame(rows, columns=list(VERDICTS))


def findings(moved: Difference, params: Params) -> pd.DataFrame:
    """Each finding that says other numbers, as it was and as it is, and what moved it."""
    rows = [
        {
            "old": finding.old,
            "new": f"{finding.new} ([@{finding.exhibit}])" if finding.new else "",
            "causes": _causes(finding.causes, params),
        }
        for finding in moved.findings
    ]
    return pd.DataFrame(rows, columns=list(FINDINGS))


def numbers(moved: Difference) -> pd.DataFrame:
    """Each number that is printed otherwise, of what was known before, with both sources."""
    rows = [
        {
            "name": number.name,
            "quantity": _words(number.quantity),
            "old": number.old,
            "new": number.new,
            "old_cite": _cite(number.old_source),
            "new_cite": _cite(number.new_source),
        }
        for number in moved.numbers
        if number.old != number.new
    ]
    return pd.DataFrame(rows, columns=list(NUMBERS))


def came(moved: Difference) -> list[str]:
    """How many chips, models, measurements and so on came since, in words."""
    added = Counter(record.kind for record in moved.records if record.change == ADDED)
    added.update({rows.table: rows.added for rows in moved.rows})
    return [
        f"{added[kind]:,} {names[added[kind] > 1]}" for kind, names in CAME.items() if added[kind]
    ]


def _causes(causes: Sequence[str], params: Params) -> str:
    """Return the first causes, with names instead of ids."""
    return few(list(_named(causes, params)))


def _named(causes: Sequence[str], params: Params) -> Iterator[str]:
    records = {"chip": params.chips, "model": params.models, "memory": params.memory}
    for cause in causes:
        words = RECORD.sub(lambda m: f"{records[m[1]][m[2]].name}:", FILE.sub(r"\1:", cause))
        yield MARKDOWN.sub(r"\\\g<0>", _words(words))


def _words(path: str) -> str:
    """Return the dotted path of a number in words."""
    for name, word in WORDS.items():
        path = path.replace(name, word)
    return path


def _cite(source: str) -> str:
    return f"\N{NO-BREAK SPACE}[@{source}]" if source else ""
