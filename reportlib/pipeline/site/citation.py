"""How to cite an edition: CITATION.cff, BibTeX and a sentence."""

import json

from reportlib.params import Report
from reportlib.pipeline.site.place import absolute

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
SPECIAL = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}"}


def archived(report: Report) -> str:
    """Return the path at which this edition stays."""
    return f"editions/{report.as_of:%Y-%m}/index.html"


def cff(report: Report, address: str) -> str:
    """Return CITATION.cff: the publisher is the author, as an entity."""
    who = {"name": report.publisher}
    what = {
        "type": "report",
        "title": report.title,
        "authors": [who],
        "institution": who,
        "year": report.as_of.year,
        "month": report.as_of.month,
        "date-released": report.as_of,
        "edition": report.as_of.isoformat(),
        **({"url": absolute(address, archived(report))} if address else {}),
    }
    whole = {
        "cff-version": "1.2.0",
        "message": "If you use this report or its data, please cite it as below.",
        "type": "dataset",
        "title": report.title,
        "abstract": report.subtitle,
        "authors": [who],
        "version": report.as_of.isoformat(),
        "date-released": report.as_of,
        "license": "MIT",
        **({"url": address} if address else {}),
        "preferred-citation": what,
    }
    return _yaml(whole)


def _yaml(value: object, indent: str = "") -> str:
    """Return *value* as YAML, its texts quoted as JSON quotes them, which YAML reads alike."""
    lines = ""
    for key, child in dict(value).items():  # type: ignore[call-overload]
        if isinstance(child, dict):
            lines += f"{indent}{key}:\n{_yaml(child, indent + '  ')}"
        elif isinstance(child, list):
            entries = "".join(
                f"{indent}  - {_yaml(entry, indent + '    ').strip()}\n" for entry in child
            )
            lines += f"{indent}{key}:\n{entries}"
        else:
            text = json.dumps(child, ensure_ascii=False) if isinstance(child, str) else child
            lines += f"{indent}{key}: {text}\n"
    return lines


def bibtex(report: Report, address: str) -> str:
    """Return the edition as a BibTeX entry, for any style."""
    fields = {
        "title": f"{{{_tex(report.title)}}}",
        "author": f"{{{_tex(report.publisher)}}}",
        "institution": _tex(report.publisher),
        "year": str(report.as_of.year),
        "month": MONTHS[report.as_of.month - 1],
        "note": f"Edition of {report.as_of}",
        **({"url": absolute(address, archived(report))} if address else {}),
    }
    lines = [
        f"  {name:<11} = {text if name == 'month' else f'{{{text}}}'},"
        for name, text in fields.items()
    ]
    key = "".join(filter(str.isalnum, report.publisher.lower()))
    entry = f"@techreport{{{key}{report.as_of:%Y%m},"
    return "\n".join((entry, *lines, "}")) + "\n"


def _tex(text: str) -> str:
    return "".join(SPECIAL.get(letter, letter) for letter in text)


def sentence(report: Report, address: str) -> str:
    """Return the edition as a list of references has it."""
    where = f" {absolute(address, archived(report))}" if address else ""
    who = f"{report.publisher} ({report.as_of.year})"
    return f"{who}. {report.title}. Edition of {report.as_of}.{where}"
