"""What moved between two editions, in words: for a terminal, and for a comment in Markdown."""

import re
from collections.abc import Iterator, Sequence

from reportlib.exhibits.editions import (
    ADDED,
    EARLIER,
    Difference,
    MovedNumber,
    MovedRecord,
    few,
)
from reportlib.exhibits.tables.parts import MARKDOWN
from reportlib.exhibits.words import listed

MOST_ROWS = 30  # of a table in a comment
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # what a terminal would obey


def as_text(moved: Difference) -> list[str]:
    """Return lines for a terminal."""
    return [CONTROL.sub("\N{REPLACEMENT CHARACTER}", line) for line in _text(moved)]


def _text(moved: Difference) -> Iterator[str]:
    if not moved:
        yield f"Nothing moved from {moved.old} to {moved.new}."
        return
    yield f"From {moved.old} to {moved.new}"
    why = "because of" if moved.tried else "changed of what it names:"
    yield _heading("Verdicts", moved.verdicts)
    for verdict in moved.verdicts:
        yield f"  {verdict.id}: {_arrow(verdict.old, verdict.new)}"
        yield f"    {verdict.statement}"
        yield f"    computed: {_arrow(verdict.old_computed, verdict.new_computed)}"
        yield f"    {why} {few(verdict.causes)}"
    yield _heading("Findings", moved.findings)
    for finding in moved.findings:
        yield f"  {finding.id}: {finding.change}"
        yield from (f"    was: {finding.old}.",) if finding.old else ()
        yield from (f"    is:  {finding.new}.",) if finding.new else ()
        yield from (f"    {number}" for number in finding.numbers)
        yield f"    {why} {few(finding.causes)}"
    yield _heading("Numbers", moved.numbers)
    for number in moved.numbers:
        of = f"{number.kind} {number.id} {number.quantity}"
        yield f"  {of}: {_texts(number)} ({_sources(number)})"
    yield _heading("Records that came or went", moved.records)
    for record in moved.records:
        yield f"  {record.kind} {record.id}: {record.change}, {record.name}, {_numbers(record)}"
    for rows in moved.rows:
        yield f"Rows of {rows.table}: {rows.added:,} added, {rows.removed:,} removed"


def as_markdown(moved: Difference) -> list[str]:
    """Return lines for a comment: what moved and why, the numbers in a table."""
    return list(_markdown(moved))


def _markdown(moved: Difference) -> Iterator[str]:
    names = f"{_plain(moved.old)} to {_plain(moved.new)}"
    if not moved:
        yield f"Nothing moved from {names}."
        return
    yield f"### From {names}"
    why = "because of" if moved.tried else "changed of what it names:"
    yield ""
    yield f"**{_heading('Verdicts', moved.verdicts)}**"
    yield ""
    for verdict in moved.verdicts:
        yield f"- {_plain(verdict.statement)} {_arrow(verdict.old, verdict.new, bold=True)}"
        yield f"  <br>computed: {_plain(_arrow(verdict.old_computed, verdict.new_computed))}"
        yield f"  <br>{why} {_plain(few(verdict.causes))}"
    yield ""
    yield f"**{_heading('Findings', moved.findings)}**"
    yield ""
    for finding in moved.findings:
        lines = [f"*{word}* {_plain(sentence)}." for word, sentence in
                 (("was:", finding.old), ("is:", finding.new)) if sentence]  # fmt: skip
        yield f"- {' <br>'.join(lines)}"
        yield f"  <br>{why} {_plain(few(finding.causes))}"
    yield ""
    yield f"**{_heading('Numbers', moved.numbers)}**"
    yield ""
    if moved.numbers:
        yield "| Of | Quantity | Was | Is | Source |"
        yield "| :-- | :-- | :-- | :-- | :-- |"
    for n in moved.numbers[:MOST_ROWS]:
        cells = (n.name, n.quantity, n.old, n.new if n.change != EARLIER else EARLIER, _sources(n))
        yield f"| {' | '.join(_plain(cell) or '–' for cell in cells)} |"
    if len(moved.numbers) > MOST_ROWS:
        yield f"\nand {len(moved.numbers) - MOST_ROWS:,} more"
    yield ""
    for sign, records in (
        ("Added", [r for r in moved.records if r.change == ADDED]),
        ("Removed", [r for r in moved.records if r.change != ADDED]),
    ):
        if records:
            yield f"{sign}: {_plain(listed(r.name for r in records))}."
    for rows in moved.rows:
        yield f"Rows of {rows.table}: {rows.added:,} added, {rows.removed:,} removed."


def _heading(what: str, moved: Sequence[object]) -> str:
    return f"{what}: {f'{len(moved):,} moved' if moved else 'none moved'}"


def _arrow(old: str, new: str, *, bold: bool = False) -> str:
    return " → ".join(f"**{word or 'none'}**" if bold else word or "none" for word in (old, new))


def _texts(number: MovedNumber) -> str:
    if number.change == EARLIER:
        return f"{number.new}, {EARLIER}"
    return _arrow(number.old, number.new)


def _sources(number: MovedNumber) -> str:
    sources = dict.fromkeys(filter(None, (number.old_source, number.new_source)))
    return " → ".join(sources)


def _numbers(record: MovedRecord) -> str:
    return f"{record.numbers:,} number{'s' * (record.numbers > 1)}"


def _plain(text: str) -> str:
    """Return *text* without what Markdown, a page or a mention would take for more than letters."""
    text = CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
    return MARKDOWN.sub(r"\\\g<0>", text).replace("\n", " ").replace("\\@", "@\N{ZERO WIDTH SPACE}")
