"""The data of an edition to download: tables, all params as JSON, and what their columns mean."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

from reportlib.exhibits import claims
from reportlib.exhibits.tables import chips, reality
from reportlib.exhibits.words import counted
from reportlib.params import Params, Precision
from reportlib.pipeline import data
from reportlib.pipeline.site import parts
from reportlib.pipeline.site.dictionary import Described, Table, as_json, dictionary
from reportlib.pipeline.site.page import around
from reportlib.pipeline.site.place import Place

LICENCE = Path(__file__).parents[3] / "LICENSE"
PRECISION: Precision = "bf16"  # of predictions, as the next two
CONTEXT_LENGTH = 8192
ENGINE = "vllm"
KILO, MEGA = 1e3, 1e6
SPDX = "https://spdx.org/licenses/MIT.html"
MIMES = {
    "csv": "text/csv",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
NOTE = (
    "The licence covers our code, our text and the arrangement of the data. The figures are facts "
    "that others published: each row names its source, and the table of sources says who that is. "
    "Documents, names and marks are their owners'."
)


def further_tables(numbers: Params) -> dict[str, pd.DataFrame]:
    """Return the tables of what is computed: predicted speeds, and predictions beside measured."""
    hosted = set(map(id, chips.hosted(numbers.chips.values())))
    records = {key: chip for key, chip in numbers.chips.items() if id(chip) in hosted}
    predicted = chips.predictions(
        numbers, numbers.models.values(), records,
        precision=PRECISION, context_length=CONTEXT_LENGTH, engine=ENGINE,
    )  # fmt: skip
    return {
        "predictions": predicted.assign(
            precision=PRECISION, context_length=CONTEXT_LENGTH, engine=ENGINE
        ),
        "comparisons": reality.comparisons(numbers),
    }


def downloads(
    numbers: Params, tables: Mapping[str, bytes], place: Place
) -> Iterator[tuple[str, bytes]]:
    """Yield the files of ``data/``; *tables* are those of the report, as `data.files` made them."""
    further = further_tables(numbers)
    files = {**tables, **data.encoded(further), **_json_files(numbers, further)}
    frames = {name: make(numbers) for name, make in data.TABLES.items()} | further
    described = dictionary(numbers, frames)
    files[f"{data.FOLDER}/dictionary.json"] = _json(as_json(described))
    files[f"{data.FOLDER}/LICENSE.txt"] = LICENCE.read_bytes() + f"\n{NOTE}\n".encode()
    yield from files.items()
    place = replace(place, facts=_facts(numbers, files, place.address))
    yield place.path, _page(described, files, place).encode()


def _facts(numbers: Params, files: Mapping[str, bytes], address: str) -> dict[str, Any]:
    """Return what schema.org knows of a data set, with where its files are."""
    return {
        "license": SPDX,
        "isAccessibleForFree": True,
        "version": numbers.report.as_of.isoformat(),
        "creator": {"@type": "Organization", "name": numbers.report.publisher},
        "variableMeasured": ["memory capacity", "memory bandwidth", "peak compute", "decode speed"],
        "distribution": [
            {
                "@type": "DataDownload",
                "name": path,
                "contentUrl": address + path if address else path.removeprefix(f"{data.FOLDER}/"),
                "encodingFormat": MIMES[path.rpartition(".")[2]],
                "contentSize": str(len(content)),
            }
            for path, content in files.items()
            if path.rpartition(".")[2] in MIMES
        ],
    }


def _json_files(numbers: Params, further: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
    """Return params as they were resolved, the judged claims and what is computed, as JSON."""
    judged = claims.table(numbers).set_index("id")
    told = [
        {**_plain(claim), **judged.loc[claim.id, ["computed", "verdict"]].to_dict()}
        for claim in numbers.claims.claims
    ]
    params = {field.name: _plain(getattr(numbers, field.name)) for field in fields(numbers)}
    rows = {
        name: json.loads(frame.to_json(orient="records", double_precision=15))
        for name, frame in further.items()
    }
    return {
        f"{data.FOLDER}/{name}.json": _json(content)
        for name, content in {"params": params, "claims": told, **rows}.items()
    }


def _plain(value: Any) -> Any:
    """Return *value* as JSON has it; of a record, every field."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", warnings=False)
    if isinstance(value, Mapping):
        return {key: _plain(child) for key, child in value.items()}
    if isinstance(value, tuple):
        return [_plain(child) for child in value]
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _json(content: Any) -> bytes:
    return (json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _page(described: list[Table], files: Mapping[str, bytes], place: Place) -> str:
    """Return the page of the downloads, with the dictionary of their columns."""
    rows = [
        [
            parts.link(table.name, f"#{table.name}"),
            escape(table.about),
            f"{table.rows:,}",
            " ".join(_formats(table.name, files)),
        ]
        for table in described
    ]
    heads = {"Table": False, "What it has": False, "Rows": True, "Files": False}
    caption = (
        "Every table of this edition. Values are in SI units unless a column says otherwise; "
        "empty means that it is not known."
    )
    files_of = {
        "params.json": "all parameters as this edition resolved them, with their sources",
        "claims.json": "the claims of the article, with what is computed and the verdict",
        "dictionary.json": "the dictionary below, for programs",
    }
    whole = parts.listed(
        f"{parts.link(name, name)} ({size(files[f'{data.FOLDER}/{name}'])}): {about}"
        for name, about in files_of.items()
    )
    columns = "".join(_section(table) for table in described)
    text = (
        parts.table(heads, rows, label="Tables", caption=caption)
        + f"<h2>As JSON</h2>\n{whole}"
        + '<h2 id="licence">Licence</h2>\n<p>MIT: <a href="LICENSE.txt">LICENSE.txt</a>. '
        + f'{escape(NOTE)}</p>\n<h2 id="dictionary">What the columns mean</h2>\n{columns}'
    )
    return around(place, text)


def _formats(name: str, files: Mapping[str, bytes]) -> Iterator[str]:
    for kind in ("csv", "parquet", "json"):
        path = f"{data.FOLDER}/{name}.{kind}"
        if path in files:
            yield f'<a href="{name}.{kind}">{kind.upper() if kind != "parquet" else "Parquet"}</a>'
            yield f'<span class="size">{size(files[path])}</span>'


def size(content: bytes) -> str:
    """Return the size of a file.

    >>> size(bytes(1234)), size(bytes(2_345_678))
    ('1 kB', '2.3 MB')
    """
    known = len(content)
    return f"{known / MEGA:.1f} MB" if known >= MEGA else f"{max(known / KILO, 1):.0f} kB"


def _section(table: Table) -> str:
    heads = {"Column": False, "Meaning": False, "Unit": False, "Type": False}
    rows = [_column(column) for column in table.columns]
    about = f"{escape(table.about)} {counted(table.rows, 'row').capitalize()}."
    found = parts.table(heads, rows, label=f"Columns of {table.name}", caption=about)
    return (
        f'<details id="{table.name}" class="columns-of"><summary>{table.name} '
        f"<span>{counted(len(rows), 'column')}</span></summary>\n{found}</details>\n"
    )


def _column(column: Described) -> list[str]:
    return [
        f"<code>{escape(column.name)}</code>",
        escape(column.meaning[:1].upper() + column.meaning[1:]),
        escape(column.unit),
        column.type,
    ]
