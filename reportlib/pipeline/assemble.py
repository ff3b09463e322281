"""Merge executed notebooks into one, keeping nothing that differs between two equal runs."""

from collections.abc import Mapping
from datetime import date

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from reportlib.exhibits.words import listed
from reportlib.params import Params, Report, Source

HIDDEN = {"parameters", "injected-parameters", "setup"}


def assemble(
    sections: Mapping[str, NotebookNode],
    report: Report,
    sources: Mapping[str, Source],
    basis: str = "",
) -> NotebookNode:
    """Return one notebook: title and bibliography in its metadata, the sections in order.

    *basis* says on its title page what the report rests on.
    """
    merged = new_notebook()
    merged.metadata["panorama"] = {
        "title": report.title,
        "subtitle": report.subtitle,
        "publisher": report.publisher,
        "date": report.as_of.isoformat(),
        "basis": basis,
        "references": [csl_item(key, source) for key, source in sorted(sources.items())],
    }
    for name, notebook in sections.items():
        merged.cells += shown(name, notebook)
    merged.cells.append(new_markdown_cell("# Sources {.unnumbered}\n\n::: {#refs}\n:::"))
    for number, cell in enumerate(merged.cells):
        cell.id = f"cell-{number}"
    return merged


def shown(name: str, notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells of section *name* that a reader sees; the first heading gets its label."""
    cells = []
    label = f"sec-{name.partition('_')[2].replace('_', '-') or name}"
    for cell in notebook.cells:
        if HIDDEN & set(cell.metadata.get("tags", [])):
            continue
        cell.metadata = NotebookNode(notebook=name)
        if cell.cell_type == "markdown" and label and cell.source.startswith("# "):
            heading, _, rest = cell.source.partition("\n")
            words, _, attributes = heading.partition(" {")
            cell.source = f"{words} {{#{label} {attributes or '}'}\n{rest}"
            label = ""
        if cell.cell_type == "code":
            cell.execution_count = None
            # What a cell prints may hold paths or process ids; what it displays is the report.
            cell.outputs = [o for o in cell.outputs if o.output_type != "stream"]
            for output in cell.outputs:
                output.pop("execution_count", None)
        cells.append(cell)
    return cells


def basis(numbers: Params) -> str:
    """Return in a few words what the report rests on."""
    kinds = {
        "chips": numbers.chips,
        "models": numbers.models,
        "measurements": numbers.measurements,
        "sources": numbers.sources,
    }
    return listed(f"{len(records):,} {kind}" for kind, records in kinds.items() if len(records) > 1)


def csl_item(key: str, source: Source) -> dict[str, object]:
    """Return *source* as citation software reads it (CSL-JSON)."""
    item: dict[str, object] = {
        "id": key,
        "type": source.type,
        "title": source.title,
        "publisher": source.publisher,
    }
    if source.author:
        item["author"] = [{"literal": source.author}]
    if source.URL:
        item["URL"] = str(source.URL)
    if source.issued:
        item["issued"] = _date_parts(source.issued)
    if source.accessed:
        item["accessed"] = _date_parts(source.accessed)
    if source.note:
        item["note"] = source.note
    return item


def _date_parts(day: str | date) -> dict[str, object]:
    return {"date-parts": [[int(part) for part in str(day).split("-")]]}
