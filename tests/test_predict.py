"""The command that predicts: one case by flags, many in a table, and what it says of wrong ones."""

import csv
import io
import json
import shutil
from dataclasses import asdict

import pytest
import small_params
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from reportlib import params
from reportlib.__main__ import main
from reportlib.cases.steps import keeps_weights_on_chip
from reportlib.inputs import INPUTS
from reportlib.predict import OUTPUTS, Prediction, predict

PARAMS = params.load(params.DEFAULT_ROOT)
CASE = {"chip": "h100-sxm5", "model": "llama-3-8b"}
COLUMNS = [
    "weight_bytes", "kv_cache_bytes_per_token", "kv_cache_bytes", "fits", "chips_needed",
    "max_batch_size", "decode_step_time_floor", "decode_step_time", "decode_step_time_low",
    "decode_step_time_high", "tokens_per_second_ceiling", "tokens_per_second",
    "communication_time", "prefill_time_floor", "prefill_time", "bound", "note", "problem",
]  # fmt: skip
TIMES = [name for name in COLUMNS if "time" in name or name.startswith("tokens_per_second")]


@pytest.fixture(autouse=True)
def _loaded_once(monkeypatch):
    """Params of the report are read once for all tests: it takes longer than all predictions."""
    load = params.load

    def loaded(root=None, as_of=None):
        ours = root is None or root == params.DEFAULT_ROOT
        return PARAMS if ours and as_of is None else load(root, as_of)

    monkeypatch.setattr(params, "load", loaded)


def run(*words):
    return CliRunner().invoke(main, ["predict", *map(str, words)], catch_exceptions=False)


def flags(given):
    return [word for name, value in given.items()
            for word in (f"--{name.replace('_', '-')}", value)]  # fmt: skip


def table(tmp_path, content, *words):
    """Return what the command makes of a table, and the rows of its answer."""
    file = tmp_path / "cases.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = run("--cases", file, *words)
    assert done.exit_code == 0, done.output
    return done, list(csv.DictReader(io.StringIO(done.stdout)))


def of(**given):
    return predict(PARAMS, CASE | given)


# What is given


def test_the_answer_has_these_columns():
    assert set(COLUMNS) <= set(OUTPUTS)
    assert not set(OUTPUTS) & set(INPUTS)


def test_one_case_is_told_in_units():
    done = run(*flags(CASE))

    assert done.exit_code == 0
    said = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert said["weight_bytes"] == "16.1\N{NO-BREAK SPACE}GB"
    assert said["decode_step_time_floor"] == "4.52\N{NO-BREAK SPACE}ms"
    assert "problem" not in said


def test_one_case_is_told_in_json():
    done = run(*flags(CASE), "--json")

    assert done.exit_code == 0
    assert json.loads(done.stdout) == asdict(of())


def test_json_has_no_number_that_is_none():
    """NaN and infinity are not JSON."""

    def refuse(text):
        raise AssertionError(text)

    for chip in ("wse-2", "rubin-ultra", "groq-lpu-v1", "h100-sxm5"):
        said = run(*flags(CASE | {"chip": chip, "tensor_parallel": "8"}), "--json").stdout
        assert json.loads(said, parse_constant=refuse)["weight_bytes"] > 0


CASES = [
    {},
    {"precision": "fp8", "batch_size": "32", "input_length": "2048", "output_length": "256"},
    {"precision": "q4_k_m", "engine": "llama.cpp", "kv_precision": "fp8"},
    {"model": "llama-3-70b", "tensor_parallel": "8", "engine": "vLLM"},
    {"model": "deepseek-v3", "tensor_parallel": "16", "weight_bits": "8.25"},
    {"chip": "wse-3"},
    {"chip": "nonsense"},
]


def test_flags_and_table_agree(tmp_path):
    content = io.StringIO()
    out = csv.DictWriter(content, list(INPUTS))
    out.writeheader()
    out.writerows(CASE | case for case in CASES)

    done, rows = table(tmp_path, content.getvalue())

    assert done.stderr.rstrip().endswith(f"{len(CASES)} cases, 1 with a problem")
    for case, row in zip(CASES, rows, strict=True):
        said = json.loads(run(*flags(CASE | case), "--json").stdout)
        assert {name: row[name] for name in INPUTS} == dict.fromkeys(INPUTS, "") | CASE | case
        for name in OUTPUTS:
            match said[name]:
                case None:
                    assert row[name] == "", name
                case bool(value):
                    assert row[name] == str(value).lower(), name
                case float(value):
                    assert float(row[name]) == pytest.approx(value, rel=1e-5), name
                case value:
                    assert row[name] == value, name


def test_flags_fill_cells_that_are_empty(tmp_path):
    _, rows = table(
        tmp_path, "chip,model,batch_size\nh100-sxm5,,4\n,llama-3-70b, \n",
        "--model", "llama-3-8b", "--chip", "b200", "--batch-size", "8",
    )  # fmt: skip

    expected = [of(batch_size="4"), of(chip="b200", model="llama-3-70b", batch_size="8")]
    assert [float(row["kv_cache_bytes"]) for row in rows] == [
        pytest.approx(prediction.kv_cache_bytes, rel=1e-5) for prediction in expected
    ]
    assert [row["chip"] for row in rows] == ["h100-sxm5", ""]  # as they were given


def test_an_empty_cell_is_the_default():
    assert of(**dict.fromkeys([name for name in INPUTS if name not in CASE], " ")) == of()
    assert of(batch_size="1", context_length="1024", tensor_parallel="1", precision="bf16",
              kv_precision="bf16", output_length="0", engine="any") == of()  # fmt: skip


def test_the_context_is_by_default_the_prompt_and_half_of_the_answer():
    given = {"input_length": "2000", "output_length": "1000"}

    found = of(**given)
    assert found.kv_cache_bytes == of(context_length="2500").kv_cache_bytes
    assert found.max_batch_size == of(context_length="3000").max_batch_size
    assert found.prefill_time == of(input_length="2000").prefill_time


@pytest.mark.parametrize("name", ["h100-sxm5", "H100-SXM5", " h100-sxm5 ", "H100 SXM5"])
def test_a_chip_is_named_by_its_id_or_its_name(name):
    name = PARAMS.chips["h100-sxm5"].name if name == "H100 SXM5" else name

    assert of(chip=name) == of()


def test_how_a_spreadsheet_saves_a_table_does_not_matter(tmp_path):
    plain = 'chip,model,batch_size,mine\nh100-sxm5,llama-3-8b,1,"say ""hi"", then"\n'
    saved = b"\xef\xbb\xbf" + plain.replace("h100-sxm5", '"h100-sxm5"').encode().replace(
        b"\n", b"\r\n"
    )

    done, rows = table(tmp_path, saved)

    assert rows == table(tmp_path, plain)[1]
    assert rows[0]["mine"] == 'say "hi", then'
    assert "column 'mine' is copied, not used" in done.stderr


def test_a_column_that_is_nearly_an_input_is_told(tmp_path):
    done, _ = table(tmp_path, "chip,model,batch-size\nh100-sxm5,llama-3-8b,8\n")

    assert "'batch-size' is copied, not used (did you mean batch_size?)" in done.stderr


def test_many_rows_are_answered_in_their_order(tmp_path):
    sizes = [str(1 + n % 7) for n in range(300)]
    content = "batch_size,chip,model\n" + "".join(f"{n},h100-sxm5,llama-3-8b\n" for n in sizes)

    _, rows = table(tmp_path, content)

    assert [row["batch_size"] for row in rows] == sizes
    assert len({row["decode_step_time"] for row in rows}) == 7


def test_a_table_is_written_to_a_file(tmp_path):
    content = "chip,model\nh100-sxm5,llama-3-8b\n"
    _, rows = table(tmp_path, content)
    target = tmp_path / "new" / "predicted.csv"

    done = run("--cases", tmp_path / "cases.csv", "--output", target)

    assert (done.exit_code, done.stdout) == (0, "")
    assert list(csv.DictReader(io.StringIO(target.read_text()))) == rows


# What is wrong


WRONG = [
    ({"chip": ""}, "chip: empty"),
    ({"model": ""}, "model: empty"),
    ({"chip": "h100-smx5"}, "did you mean h100-sxm5?"),
    ({"model": "lama-3-8b"}, "did you mean llama-3-8b?"),
    ({"chip": "../../etc/passwd"}, "no '../../etc/passwd' in params/chips"),
    ({"precision": "fp9"}, "is not a weight format"),
    ({"kv_precision": "fp9"}, "kv_precision: 'fp9' is not known"),
    ({"batch_size": "2.5"}, "batch_size: '2.5' is not a whole number"),
    ({"tensor_parallel": "1.5"}, "tensor_parallel: '1.5' is not a whole number"),
    ({"tensor_parallel": "0.5"}, "tensor_parallel: '0.5' is not between 1 and 10000"),
    ({"batch_size": "1e300"}, "batch_size: '1e300' is not between 1 and 1e+09"),
    ({"weight_bits": "400"}, "weight_bits: '400' is not between 1 and 32"),
    ({"context_length": "1,5"}, "write 1.5, with a point"),
    ({"output_length": "-1"}, "output_length: '-1' is not a positive"),
    *(
        ({name: value}, f"{name}: {value!r} is not ")
        for name in ("batch_size", "context_length", "input_length", "tensor_parallel",
                     "weight_bits")
        for value in ("0", "-1", "nan", "inf", "1e999", "many", "128k", "1_000", "１２")
        if value != "0" or not name.endswith("_length")
    ),
]  # fmt: skip


def test_a_length_of_nothing_is_a_length():
    generated = of(input_length="0", output_length="128")

    assert generated.decode_step_time == of(context_length="64").decode_step_time
    assert generated.prefill_time == of(input_length="1").prefill_time


@pytest.mark.parametrize(("given", "why"), WRONG)
def test_a_wrong_case_says_why_and_predicts_nothing(given, why):
    found = of(**given)

    assert why in found.problem
    assert found == Prediction(problem=found.problem)


def test_a_wrong_row_does_not_stop_the_others(tmp_path):
    content = "chip,model,batch_size\n" + "".join(
        f'{row["chip"]},{row["model"]},"{row.get("batch_size", "")}"\nh100-sxm5,llama-3-8b,\n'
        for row in (CASE | given for given, _ in WRONG if set(given) <= {*CASE, "batch_size"})
    )

    done, rows = table(tmp_path, content)

    problems, sound = rows[::2], rows[1::2]
    assert all(row["problem"] and not row["weight_bytes"] for row in problems)
    assert all(not row["problem"] and row["decode_step_time"] for row in sound)
    assert done.stderr.rstrip().endswith(f"{len(rows)} cases, {len(problems)} with a problem")


def test_one_wrong_case_ends_in_an_error():
    done = run("--chip", "h100-smx5", "--model", "llama-3-8b")
    assert done.exit_code == 1
    assert "did you mean h100-sxm5?" in done.output

    done = run("--chip", "h100-smx5", "--model", "llama-3-8b", "--json")
    assert done.exit_code == 1
    assert "did you mean h100-sxm5?" in json.loads(done.stdout)["problem"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"h100-sxm5,llama-3-8b\n", ":1: no column 'chip'"),
        (b"chip;model\nh100-sxm5;llama-3-8b\n", ":1: no column 'chip'"),
        (b"chip\nh100-sxm5\n", ":1: no column 'model'"),
        (
            "chip,model,who\nh100-sxm5,llama-3-8b,Jos\xe9\n".encode("latin-1"),
            "not CSV in UTF-8 ('utf-8'",
        ),
        ("chip,model\nh100-sxm5,llama-3-8b\n".encode("utf-16"), "not CSV in UTF-8 ('utf-8'"),
        (b'chip,model\n"h100-sxm5,llama-3-8b\n', "not CSV in UTF-8 (unexpected end of data)"),
    ],
)
def test_what_is_no_table_of_cases_is_refused(tmp_path, content, why):
    file, target = tmp_path / "cases.csv", tmp_path / "predicted.csv"
    file.write_bytes(content)
    target.write_text("as it was")

    done = run("--cases", file, "--output", target)

    assert done.exit_code == 1
    assert f"{file}" in done.output
    assert why in done.output
    assert target.read_text() == "as it was"


@pytest.mark.parametrize("content", ["chip,model\n", "chip,model\n\n\n"])
def test_a_table_of_no_cases_has_a_header_alone(tmp_path, content):
    done, rows = table(tmp_path, content)

    assert rows == []
    assert done.stdout.startswith("chip,model,weight_bytes,")
    assert "0 cases, 0 with a problem" in done.stderr


def test_a_table_that_cannot_be_read_or_written_ends_in_an_error(tmp_path):
    assert run("--cases", tmp_path / "nowhere.csv").exit_code != 0

    table(tmp_path, "chip,model\nh100-sxm5,llama-3-8b\n")
    below_a_file = tmp_path / "cases.csv" / "predicted.csv"
    done = run("--cases", tmp_path / "cases.csv", "--output", below_a_file)
    assert done.exit_code == 1
    assert "cases.csv" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["cases.csv"]


texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from([*PARAMS.chips][:5] + [*PARAMS.models][:5] + ["fp8", "vllm", "1", "7", "1e3"]),
    st.integers(1, 10**9).map(str),
)


@settings(max_examples=30, deadline=None)
@given(case=st.fixed_dictionaries({}, optional=dict.fromkeys(INPUTS, texts)))
def test_any_text_is_predicted_of_or_is_a_problem(case):
    found = predict(PARAMS, CASE | case)

    assert bool(found.problem) != (found.weight_bytes is not None)


# What is predicted


def test_a_case_that_does_not_fit_is_not_timed():
    found = of(model="llama-3.1-405b")

    assert (found.fits, found.bound, found.problem) == (False, "capacity", "")
    assert {name: getattr(found, name) for name in TIMES} == dict.fromkeys(TIMES)
    assert found.chips_needed == 12
    assert "not timed, as at least 12 chips are needed" in found.note
    assert of(model="llama-3.1-405b", tensor_parallel="16").decode_step_time > 0


@pytest.mark.parametrize("batch", ["10000", "1e9"])
def test_a_batch_that_does_not_fit_is_not_timed(batch):
    found = of(batch_size=batch)

    assert not found.fits
    assert found.decode_step_time is None
    assert found.max_batch_size < float(batch)


@pytest.mark.parametrize(
    "identifier", [i for i, chip in PARAMS.chips.items() if keeps_weights_on_chip(chip)]
)
def test_of_chips_that_keep_weights_in_SRAM_it_does_not_apply(identifier):  # noqa: N802
    found = of(chip=identifier, tensor_parallel="1024")

    assert found.weight_bytes
    assert found.decode_step_time is None
    assert "SRAM: a model of reads from memory does not apply" in found.note


def test_an_engine_that_is_not_known_is_told_in_the_note():
    found = of(engine="SuperServe 3")

    assert found.note == "engine 'SuperServe 3' is not known: any engine is assumed"
    assert found.engine_class == "any"
    assert found.decode_step_time == of().decode_step_time
    assert of(engine="vLLM").note == ""
    assert of(engine="vLLM").engine_class == "serving"


def test_an_announced_chip_and_a_split_that_engines_do_not_do_are_told():
    assert "the chip is announced" in of(chip="mi455x").note
    assert "engines do not split its heads over 7 chips" in of(tensor_parallel="7").note
    assert of(tensor_parallel="8").note == ""


def test_a_weight_format_of_no_known_name_is_told_by_its_bits():
    found = of(precision="secret-format", weight_bits="4")

    assert found.problem == ""
    assert found.weight_bytes < of(precision="q4_k_m").weight_bytes


@pytest.mark.parametrize("engine", ["", *PARAMS.engines.classes])
def test_a_prediction_is_in_order_and_bounds_are_kept(engine):
    for case in CASES[:5]:
        found = of(**{**case, "engine": engine})
        assert found.decode_step_time_floor <= found.decode_step_time_low
        assert found.decode_step_time_low <= found.decode_step_time <= found.decode_step_time_high
        assert found.tokens_per_second <= found.tokens_per_second_ceiling
        assert found.prefill_time_floor <= found.prefill_time
        assert found.communication_time < found.decode_step_time
        assert found.bound in {"memory", "compute", "communication"}


# Params of one's own

OWN_CHIP = """\
name: Chip 2
vendor: Somebody else
memory_kind: HBM4
memory_capacity: {value: 288 GB, source: somewhere}
memory_bandwidth: {value: 20 TB/s, source: somewhere}
peak_compute: not published
"""


@pytest.fixture
def small(tmp_path):
    """Small params with engines."""
    root = small_params.write(tmp_path)
    for name in ("engines.yaml", "calibration.csv"):
        shutil.copy(params.DEFAULT_ROOT / name, root)
    return root


def own(root, chip="chip-1"):
    return run("--params", root, "--chip", chip, "--model", "model-1", "--json")


def test_a_chip_is_added_by_a_file(small):
    assert own(small, "chip-2").exit_code == 1
    (small / "chips" / "chip-2.yaml").write_text(OWN_CHIP)

    first, second = (json.loads(own(small, chip).stdout) for chip in ("chip-1", "chip-2"))

    assert second["decode_step_time_floor"] == pytest.approx(
        first["decode_step_time_floor"] * 3.35 / 20
    )
    assert second["prefill_time"] is None
    assert second["note"] == "no peak compute is published: arithmetic is left out"


@pytest.mark.parametrize("missing", ["engines.yaml", "calibration.csv"])
def test_params_without_engines_say_so(small, missing):
    (small / missing).unlink()

    done = own(small)

    found = json.loads(done.stdout)
    assert done.exit_code == 0
    assert missing in found["note"]
    assert found["decode_step_time"] is None
    assert found["decode_step_time_floor"] > 0


def test_faults_of_params_are_told_with_their_lines(small):
    line = small_params.replace(small, "chips/chip-1.yaml", "3.35 TB/s", "3.35 Tb/s")

    done = own(small)

    assert done.exit_code == 1
    assert f"params/chips/chip-1.yaml:{line}: memory_bandwidth.value:" in done.output
