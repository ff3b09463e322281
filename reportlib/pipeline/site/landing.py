"""The landing page: what the report finds, ways in, what changed, how to cite it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import escape

from reportlib.exhibits import editions, findings
from reportlib.exhibits.findings import Finding
from reportlib.exhibits.tables.editions import came
from reportlib.exhibits.words import counted, listed
from reportlib.params import Params
from reportlib.pipeline.site import citation, parts
from reportlib.pipeline.site.page import around
from reportlib.pipeline.site.place import Place
from reportlib.pipeline.site.reading import FIRST, ReportPage

MOST = 8  # findings
PICTURES = ("fig-roofline", "fig-plane")
CLAIMS = "tbl-claims"
CHANGED = "sec-what-changed"
DEFINITION = (
    "A language model writes one token at a time, and for each it reads every weight that it uses "
    "from memory."
)


def landing(
    numbers: Params,
    report: ReportPage,
    *,
    counts: Mapping[str, int],
    sizes: Mapping[str, str],
    place: Place,
) -> str:
    """Return the landing page; *counts* are of pages by kind, *sizes* those of the documents."""
    told = findings.findings(numbers)[:MOST]
    blocks = [
        _answer(told, report),
        _documents(sizes),
        *_key_findings(told[1:], report),
        *_pictures(report),
        "<h2>Look up</h2>",
        parts.listed(_ways(report, counts), "ways"),
        *_changes(numbers, report),
        *_citing(numbers, place),
    ]
    return around(place, "\n".join(blocks))


def _sentence(finding: Finding, report: ReportPage) -> str:
    """Return a finding with a link to the exhibit that shows it."""
    text = escape(finding.sentence, quote=False)
    name = report.numbers.get(finding.exhibit)
    return f"{text} ({parts.link(name, report.paths[finding.exhibit])})." if name else f"{text}."


def _answer(told: list[Finding], report: ReportPage) -> str:
    first = f" {_sentence(told[0], report)}" if told else ""
    return f'<p class="answer">{DEFINITION}{first}</p>'


def _documents(sizes: Mapping[str, str]) -> str:
    return (
        f'<p class="ways-in"><a class="first" href="{FIRST}">Read the report</a> '
        f'<a href="report/hbm-panorama.pdf">PDF, {sizes["pdf"]}</a> '
        f'<a href="report/hbm-panorama.html">One HTML file, {sizes["html"]}</a></p>'
    )


def _key_findings(told: list[Finding], report: ReportPage) -> Iterator[str]:
    if told:
        yield "<h2>Key findings</h2>"
        yield parts.listed((_sentence(finding, report) for finding in told), "findings")


def _pictures(report: ReportPage) -> Iterator[str]:
    shown = [name for name in PICTURES if name in report.figures]
    if shown:
        yield '<div class="pictures">'
        for name in shown:
            figure = report.figures[name]
            where = parts.link(figure.number, report.paths[name])
            caption = escape(_first_sentence(figure.caption), quote=False)
            yield (
                f'<figure><div class="chart" tabindex="0" role="group" '
                f'aria-label="{escape(figure.number)}"><div>{figure.svg}</div></div>'
                f"<figcaption>{where} {caption}</figcaption></figure>"
            )
        yield "</div>"


def _first_sentence(text: str) -> str:
    """Return the claim that a caption makes, without how to read the picture.

    >>> _first_sentence("A reads 1.2 times as fast. Hollow: announced.")
    'A reads 1.2 times as fast.'
    """
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]


def _ways(report: ReportPage, counts: Mapping[str, int]) -> Iterator[str]:
    told = {
        "Chips": ("chips/index.html", counted(counts["chip"], "chip"), "memory, bandwidth, speed"),
        "Models": (
            "models/index.html",
            counted(counts["model"], "model"),
            "weights, KV cache, chips",
        ),
        "Compare": ("compare/index.html", counted(counts["compare"], "pair"), "who wins where"),
        "Editions": ("editions/index.html", "", "the report as it stood"),
        "Data": ("data/index.html", "", "CSV, Parquet, JSON, with a dictionary"),
        "The claims": (report.paths.get(CLAIMS, ""), "", "what an article said, judged"),
    }
    for name, (path, number, about) in told.items():
        if path:
            words = escape(": ".join(filter(None, (number, about))))
            yield f'<a href="{path}"><strong>{name}</strong> <span>{words}</span></a>'


def _changes(numbers: Params, report: ReportPage) -> Iterator[str]:
    """Yield what moved since the day that the report's own appendix compares with."""
    day, today = numbers.previous, numbers.report.as_of
    yield "<h2>This edition</h2>"
    archived = f"/{today:%Y-%m}/index.html"
    kept = parts.link(f"{today:%B %Y}", f"editions{archived}")
    if day >= today:
        yield f"<p>Edition of {today}; it stays at {kept}.</p>"
        return
    before = replace(editions.edition(numbers.edition(day), str(day)), params=None)
    moved = editions.difference(before, replace(editions.edition(numbers, ""), params=None))
    reread = sum(number.old != number.new for number in moved.numbers)
    turned = [
        *([f"{counted(len(moved.verdicts), 'verdict')} on claims"] if moved.verdicts else []),
        *([counted(len(moved.findings), "finding")] if moved.findings else []),
        *([counted(reread, "number")] if reread else []),
    ]
    said = [
        *([f"{listed(turned)} changed"] if turned else []),
        *([f"{listed(came(moved))} came"] if came(moved) else []),
    ]
    since = f" Since {day}, {', and '.join(said)}." if said else f" Nothing moved since {day}."
    there = report.paths.get(CHANGED)
    where = f" {parts.link('What changed, and why', there)}." if there else ""
    yield f"<p>Edition of {today}; it stays at {kept}.{escape(since)}{where}</p>"
    if moved.verdicts:
        yield parts.listed(
            (
                f'{escape(turn.statement, quote=False)} <span class="turn">'
                f"{escape(turn.old or 'not judged')} → {escape(turn.new or 'not judged')}</span>"
                for turn in moved.verdicts
            ),
            "turns",
        )


def _citing(numbers: Params, place: Place) -> Iterator[str]:
    yield '<h2 id="cite">Cite this</h2>'
    yield f"<p>{escape(citation.sentence(numbers.report, place.address), quote=False)}</p>"
    entry = escape(citation.bibtex(numbers.report, place.address), quote=False)
    yield f'<pre tabindex="0" role="group" aria-label="BibTeX"><code>{entry}</code></pre>'
    yield (
        '<p><a href="citation.bib">citation.bib</a> · <a href="CITATION.cff">CITATION.cff</a> · '
        '<a href="feed.xml">Atom</a> and <a href="feed.json">JSON</a> feeds tell of new editions '
        "and of verdicts that change.</p>"
    )
