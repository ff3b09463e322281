"""The params as files for other programs: CSV and Parquet, beside the documents."""

import tempfile
from pathlib import Path

import fastparquet
import pandas as pd

from reportlib import frames
from reportlib.params import Params

FOLDER = "data"


def files(numbers: Params) -> dict[str, bytes]:
    """Return every table of the resolved params by its path, twice: as CSV and as Parquet."""
    contents = {}
    with tempfile.TemporaryDirectory(prefix="hbm-panorama-") as scratch:
        for name, frame in frames.FRAMES.items():
            table = _plain(frame(numbers))
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
