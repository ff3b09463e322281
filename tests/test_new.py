"""A new file begins with every field of its record, and is refused until it is filled."""

import json
import re

import pytest
import small_params
from click.testing import CliRunner

from reportlib.__main__ import main
from reportlib.params import ParamsError, load, scaffold, schema


@pytest.fixture
def small(tmp_path):
    return small_params.write(tmp_path)


def new(root, *words):
    return CliRunner().invoke(main, ["new", *words, "--params", str(root)], catch_exceptions=False)


def refused(root):
    with pytest.raises(ParamsError) as refusal:
        load(root)
    return str(refusal.value).splitlines()


def test_a_new_chip_is_refused_by_name_for_each_field_that_is_empty(small):
    done = new(small, "chip", "RTX 6090 (48 GB)", "--vendor", "NVIDIA")
    path = small / "chips" / "rtx-6090-48-gb.yaml"
    fields = {
        "memory_kind": "", "memory_capacity": ".value .source",
        "memory_bandwidth": ".value .source", "peak_compute.bf16": ".value .source",
    }  # fmt: skip
    expected = {f + end for f, ends in fields.items() for end in ends.split(" ") if end or not ends}

    found = refused(small)

    assert done.exit_code == 0
    assert done.output.startswith(f"{path} is begun. Next:\n")
    assert all(line.startswith("params/chips/rtx-6090-48-gb.yaml:") for line in found)
    assert {line.split(": ")[1] for line in found if ": empty; write a value" in line} == expected
    assert path.read_text().startswith(f"{schema.first_line('chip')}\n# Fill what is empty")
    assert "\nvendor: NVIDIA  # who makes or sells it\n" in path.read_text()


def test_a_new_chip_that_is_filled_is_loaded(small):
    new(small, "chip", "Chip 2", "--vendor", "Somebody")
    path = small / "chips" / "chip-2.yaml"
    text = path.read_text().replace("memory_kind:", "memory_kind: HBM9")
    values = {"memory_capacity": "96 GB", "memory_bandwidth": "9 TB/s", "bf16": "9 PFLOP/s"}
    for field, value in values.items():
        text = text.replace(
            f" {field}: {{value: , source: }}", f" {field}: {{value: {value}, source: somewhere}}"
        ).replace(
            f"\n{field}: {{value: , source: }}", f"\n{field}: {{value: {value}, source: somewhere}}"
        )
    path.write_text(text)

    chip = load(small).chips["chip-2"]

    assert (chip.name, chip.memory_bandwidth.value) == ("Chip 2", 9e12)


@pytest.mark.parametrize("kind", schema.FOLDERS)
def test_every_field_of_a_record_stands_in_a_new_file_once_and_explained(kind):
    fields = schema.schema(kind)["properties"]
    lines = scaffold.text(kind, {"name": "X"}).splitlines()

    for field in fields:
        (line,) = (line for line in lines if re.match(f"(# )?{field}:", line))
        assert "  # " in line


@pytest.mark.parametrize("kind", schema.FOLDERS)
def test_what_is_uncommented_is_known(small, kind):
    text = scaffold.text(kind, {"name": "X"})
    text = re.sub(r"(?s)(\n +)# or, instead:.*?(?=\n  \w)", "", text)  # of several, keep the first
    text = "\n".join(line for line in text.splitlines() if re.match(r"[ #]*\w+:( |$)", line))
    while re.search("(?m)^ *# ", text):
        text = re.sub("(?m)^( *)# ", r"\1", text)
    (small / schema.FOLDERS[kind] / "x.yaml").write_text(text)

    found = refused(small)

    assert text.count(":") > 20
    assert [line for line in found if "unknown" in line or "twice" in line or "YAML" in line] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("chip", "Chip 1"), "chip-1.yaml exists; edit it, or choose another name"),
        (("model", "MODEL 1"), "model-1.yaml exists; edit it"),
        (("memory", "memory-1"), "memory-1.yaml exists; edit it"),
        (("chip", "<b>"), "'<b>' is not a name (write 1 to 40 letters"),
        (("chip", "X", "--vendor", "a|b"), "'a|b' is not a name"),
        (("chip", "(-)"), "'(-)' has no letter or digit for a file name"),
        (("chip", "\N{GREEK CAPITAL LETTER OMEGA}"), "write it in Latin letters"),
        (("model",), "what is the model called?"),
        (("modl", "X"), "Did you mean 'model'?"),
        (("chip", "X", "--vendr", "Y"), "--vendor"),
    ],
)
def test_what_cannot_be_begun_is_refused_and_nothing_written(small, words, said):
    before = {path: path.read_bytes() for path in small.rglob("*.*")}

    done = new(small, *words)

    assert done.exit_code != 0
    assert said in done.output
    assert {path: path.read_bytes() for path in small.rglob("*.*")} == before


def test_a_new_memory_begins_with_its_required_fields(small):
    assert new(small, "memory", "HBM5").exit_code == 0

    text = (small / "memory" / "hbm5.yaml").read_text()

    assert "\nname: HBM5  # " in text
    assert text.index("\nfamily:") < text.index("\n# bandwidth:")


CONFIG = {
    "model_type": "llama",
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": False,
    "something_new": 7,
}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    return path


def test_a_model_is_read_from_its_config(small, config):
    done = new(
        small, "model", "--from-config", str(config), "--name", "Model 2", "--developer",
        "Somebody", "--source", "somewhere",
    )  # fmt: skip

    architecture = load(small).models["model-2"].architecture

    assert (
        architecture.model_copy(update={"note": ""}) == load(small).models["model-1"].architecture
    )
    assert "to look up: something_new: " in done.output
    assert (small / "models" / "model-2.yaml").read_text().startswith(schema.first_line("model"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--source", "somewere"), "'somewere' is not in params/sources.yaml; did you mean some"),
        (("--developer", "<b>"), "'<b>' is not a name"),
    ],
)
def test_words_for_a_config_are_checked_too(small, config, words, said):
    done = new(small, "model", "Model 2", "--from-config", str(config), *words)

    assert done.exit_code == 1
    assert said in done.output
    assert not (small / "models" / "model-2.yaml").exists()


@pytest.mark.parametrize(
    "content", ["", "[1]", "null", '"a"', "\xff", '{"quantization_config": 3}']
)
def test_a_file_that_is_no_config_is_refused(small, config, content):
    config.write_bytes(content.encode("latin-1"))

    done = new(small, "model", "Model 2", "--from-config", str(config))

    assert done.exit_code == 1
    assert "config.json is not the config of a model (" in done.output
    assert not (small / "models" / "model-2.yaml").exists()
