"""What an edition says as files for other programs: CSV and Parquet, beside the documents.

Params, and what follows from them: the key findings and the verdicts on claims.
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import fastparquet
import pandas as pd

from reportlib import frames
from reportlib.exhibits import claims, findings
from reportlib.params import Params

FOLDER = "data"
TABLES: Mapping[str, Callable[[Params], pd.DataFrame]] = {
    **frames.FRAMES,
    "findings": findings.table,
    "claims": claims.table,
}


def files(numbers: Params) -> dict[str, bytes]:
    """Return every table of an edition by its path, twice: as CSV and as Parquet."""
    return encoded({name: frame(numbers) for name, frame in TABLES.items()})


def encoded(tables: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
    """Return *tables* by their paths, each as CSV and as Parquet."""
    contents = {}
    with tempfile.TemporaryDirectory(prefix="hbm-panorama-") as scratch:
        for name, frame in tables.items():
            table = _plain(frame)
            path = Path(scratch, f"{name}.parquet")
            fastparquet.write(str(path), table, object_encoding="utf8", write_index=False)
            contents[f"{FOLDER}/{path.name}"] = path.read_bytes()
            text = table.to_csv(index=False, lineterminator="\n")
            contents[f"{FOLDER}/{name}.csv"] = text.encode()
    return contents


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return *table* with numbers as floats and everything else as text, none where unknown."""
    return table.apply(
        lambda column: (
            column
            if pd.api.types.is_numeric_dtype(column)
            else column.map(str, na_action="ignore").astype(object).where(column.notna(), None)
        )
    )
