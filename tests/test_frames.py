"""Params as tables: every number is there, once, as its source prints it and in SI units."""

import io
import subprocess
import sys
from pathlib import Path

import fastparquet
import pandas as pd
import pytest

from reportlib import frames, params
from reportlib.exhibits import tables
from reportlib.pipeline import data

ROOT = Path(__file__).parents[1]
NUMBERS = params.load(params.DEFAULT_ROOT)


@pytest.fixture(scope="module")
def every():
    return frames.numbers(NUMBERS)


@pytest.fixture(scope="module")
def files():
    return data.files(NUMBERS)


def row(table, key, quantity):
    found = table[(table["id"] == key) & (table["quantity"] == quantity) & table["until"].isna()]
    assert len(found) == 1
    return found.iloc[0]


def test_a_number_has_its_text_its_value_its_unit_and_its_source(every):
    bandwidth = row(every, "h100-sxm5", "memory_bandwidth")

    assert (bandwidth["text"], bandwidth["value"], bandwidth["unit"]) == (
        "3.35 TB/s", 3.35e12, "B/s",
    )  # fmt: skip
    assert bandwidth["source"] in NUMBERS.sources


def test_every_number_that_a_record_cites_is_there(every):
    for kind, records in (("chip", NUMBERS.chips), ("model", NUMBERS.models)):
        for key, record in records.items():
            cited = {path for path, _ in params.numbers(record)}
            listed = every[(every["kind"] == kind) & (every["id"] == key)]
            assert cited <= set(listed["quantity"])


def test_every_source_of_the_table_is_in_the_bibliography(every):
    assert set(every["source"]) <= set(frames.sources(NUMBERS)["source"])


def test_a_dimension_has_the_source_of_its_architecture(every):
    layers = row(every, "llama-3-70b", "architecture.layers")

    assert (layers["value"], layers["text"]) == (80, "80")
    assert layers["source"] == NUMBERS.models["llama-3-70b"].architecture.source


def test_an_earlier_reading_has_the_day_on_which_it_ended(every):
    rubin = every[(every["id"] == "rubin-r200") & (every["quantity"] == "memory_bandwidth")]

    assert list(rubin["value"]) == [19.2e12, 13e12, 20.5e12, 22e12]
    assert rubin["until"].map(str).iloc[-1] == "2026-09-19"


def test_a_link_says_how_many_directions_it_counts(every):
    link = row(every, "h100-sxm5", "scale_up.bandwidth")

    assert (link["value"], link["basis"]) == (900e9, "both directions")


def test_wide_tables_have_a_row_a_record():
    chips, models = frames.chips(NUMBERS), frames.models(NUMBERS)

    assert list(chips["id"]) == list(NUMBERS.chips)
    assert list(models["id"]) == list(NUMBERS.models)
    assert chips.set_index("id")["memory_capacity"]["h100-sxm5"] == 80e9


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # fastparquet's file
@pytest.mark.parametrize("name", data.TABLES)
def test_csv_and_parquet_say_the_same(files, name, tmp_path):
    path = tmp_path / "table.parquet"
    path.write_bytes(files[f"data/{name}.parquet"])
    binary = fastparquet.ParquetFile(path).to_pandas()
    text = pd.read_csv(io.BytesIO(files[f"data/{name}.csv"]), keep_default_na=False, dtype=str)

    assert list(binary) == list(text)
    assert len(binary) == len(text) > 0


def test_the_same_params_give_the_same_files(files):
    assert data.files(NUMBERS) == files


def test_the_appendix_cites_runs_of_numbers_once():
    rows = [
        ("memory_capacity", "80 GB", "page", "stated", "read"),
        ("memory_bandwidth", "3 TB/s", "page", "stated", "read"),
        ("power", "700 W", "page", "reported", "relayed"),
        ("process", "N4 *", "press", "stated", "read"),
    ]
    names = ["quantity", "text", "source", "confidence", "verification"]
    table = pd.DataFrame(rows, columns=names).assign(
        kind="chip", id="x", name="X", basis="", until=None
    )

    cell = (
        tables.numbers.numbers_of(table, "chip")
        .loc[0, "numbers"]
        .replace("\N{NO-BREAK SPACE}", "~")
    )

    assert cell.split("; ") == [
        "memory capacity 80 GB, memory bandwidth 3 TB/s~[@page]",
        "power 700 W~[@page]^rq^",
        "process N4 \\*~[@press]",
    ]


def test_the_lines_of_the_readme_give_tables():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = readme.split("```python\n")[1].split("```")[0]

    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nprint(len(chips))"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip

    assert int(done.stdout.split()[-1]) == len(NUMBERS.chips)
