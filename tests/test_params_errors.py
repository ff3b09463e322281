"""A file under params/ that cannot be used is refused with its name, line and field."""

import random
import re
import shutil

import pytest

from reportlib.params import DEFAULT_ROOT, ParamsError, load

KEPT = (
    "report.yaml", "claims.yaml", "chips/h100-sxm5.yaml", "chips/rubin-r200.yaml",
    "models/llama-3-8b.yaml", "models/deepseek-v3.yaml",
)  # fmt: skip
LINE = re.compile(r"params/[^:]+:\d+: .+")
MINIMAL = """\
name: X 1
vendor: Nobody
memory_kind: HBM9
memory_capacity: {value: 80 GB, source: nvidia-h100}
memory_bandwidth:
  value: 3.35 TB/s
  source: nvidia-h100
peak_compute:
  bf16: {value: 1 PFLOP/s, source: nvidia-h100}
"""


@pytest.fixture
def params_copy(tmp_path):
    """A few files of params/ to spoil, with the sources that they name: all would take longer."""
    folder = tmp_path / "params"
    for name in KEPT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DEFAULT_ROOT / name, folder / name)
    named = {
        key
        for name in KEPT
        for key in re.findall(r"source: ([\w.-]+)", (folder / name).read_text(encoding="utf-8"))
    }
    sources = re.split(r"(?m)^(?=\S)", (DEFAULT_ROOT / "sources.yaml").read_text(encoding="utf-8"))
    kept = [entry for entry in sources if entry.partition(":")[0] in named]
    (folder / "sources.yaml").write_text("".join(kept), encoding="utf-8")
    return folder


def problems(folder):
    """Return what stands in the way of loading *folder*, a line each."""
    with pytest.raises(ParamsError) as refusal:
        load(folder)
    lines = str(refusal.value).splitlines()
    assert all(LINE.fullmatch(line) for line in lines), lines
    return lines


def spoilt(folder, old, new):
    assert old in MINIMAL
    (folder / "chips" / "x.yaml").write_text(MINIMAL.replace(old, new))
    return problems(folder)


def test_a_minimal_chip_is_enough(params_copy):
    (params_copy / "chips" / "x.yaml").write_text(MINIMAL)

    chip = load(params_copy).chips["x"]

    assert (chip.name, chip.memory_bandwidth.value) == ("X 1", 3.35e12)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("3.35 TB/s", "3.35 Tb/s", "6: memory_bandwidth.value: '3.35 Tb/s' is not a quantity in B/s (bits or bytes? Write 3.35 Tbit/s or 3.35 TB/s)"),  # noqa: E501
        ("3.35 TB/s", "-3.35 TB/s", "6: memory_bandwidth.value: '-3.35 TB/s' is not a positive"),
        ("80 GB", "1e400 GB", "4: memory_capacity.value: '1e400 GB' is not a positive, finite"),
        ("3.35 TB/s", "", "6: memory_bandwidth.value: empty"),
        ("{value: 80 GB, source: nvidia-h100}", "80 GB", "4: memory_capacity: '80 GB' has no source (write {value: 80 GB, source: KEY})"),  # noqa: E501
        ("{value: 80 GB, source: nvidia-h100}", "", "4: memory_capacity: empty; write {value"),
        (", source: nvidia-h100}\nmemory_b", "}\nmemory_b", "4: memory_capacity.source: missing"),
        ("  source: nvidia-h100", "  source: nvidia-h10", "7: memory_bandwidth.source: 'nvidia-h10' is not in params/sources.yaml; did you mean nvidia-h100?"),  # noqa: E501
        ("  source: nvidia-h100", "  source: nvidia-h100\n  confidence: reported",
         "5: memory_bandwidth: '3.35 TB/s' is reported: add a note"),
        ("  source: nvidia-h100", "  source: nvidia-h100\n  confidence: sure",
         "8: memory_bandwidth.confidence: 'sure' is not one of 'stated'"),
        ("vendor:", "vendr:", "2: vendr: unknown key, did you mean vendor?"),
        ("  bf16:", "  bf61:", "9: peak_compute.bf61: 'bf61' is not one of 'bf16'"),
        ("vendor:", "vendor: Other\nvendor:", "3: vendor: stands twice (first on line 2)"),
        ("name: X 1", "name: [X 1", "not YAML: did not find expected ',' or ']'"),
        ("vendor: Nobody", "vendor: a: b", "2: not YAML: mapping values are not allowed"),
        ("  value: 3", "\tvalue: 3", "6: not YAML: found character that cannot start any token"),
        ("vendor: Nobody", "vendor: !!python/object/apply:os.system [exit 3]",
         "2: vendor: tag 'tag:yaml.org,2002:python/object/apply:os.system' is not read"),
        ("{value: 80 GB", "!!python/name:os.system {value: 80 GB", "4: memory_capacity: tag "),
        ("Nobody", "&me Nobody", "2: anchors and aliases are not read"),
        ("vendor:", "? [a, b]\n: c\nvendor:", "2: "),
        ("vendor:", '"a\\nb": c\nvendor:', r"2: 'a\nb': unknown key"),
        ("Nobody", '"No\\0body"', r"2: vendor: has the invisible character '\x00'"),
        ("{value: 80 GB", "{value: 80 GB, text: 90 GB", "4: memory_capacity: text is not a key"),
    ],
)  # fmt: skip
def test_a_spoilt_chip_is_refused_where_it_is_spoilt(params_copy, old, new, said):
    found = spoilt(params_copy, old, new)

    assert any(said in line for line in found), found
    assert all(line.startswith("params/chips/x.yaml:") for line in found)


def test_superseded_readings_out_of_order_are_refused(params_copy):
    path = params_copy / "chips" / "rubin-r200.yaml"
    text = path.read_text()
    path.write_text(text.replace("until: 2025-09-01", "until: 2026-02-01", 1))
    line = text[: text.index("superseded:")].count("\n") + 1

    (found,) = problems(params_copy)

    assert found.startswith(
        f"params/chips/rubin-r200.yaml:{line}: memory_bandwidth.superseded: superseded readings "
        "end on 2026-02-01, 2026-01-05"
    )


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>", "a|b", "[@evil]", "a\\nb", "x" * 41, "", " ", "*bold*", "$x$",
        "a`b`", "a\N{RIGHT-TO-LEFT OVERRIDE}b", "a\N{ZERO WIDTH SPACE}b", "a \N{GRINNING FACE}",
        "a\N{NO-BREAK SPACE}b", "a_b", "#1", 'a\\"b',
    ],
)  # fmt: skip
def test_a_name_is_letters_digits_and_little_else(params_copy, name):
    written = f'name: "{name}"\nvendor: "{name}"\nmemory_kind: "{name}"'

    found = spoilt(params_copy, "name: X 1\nvendor: Nobody\nmemory_kind: HBM9", written)

    refused = [line.split(":")[1:3] for line in found if "is not a name (write 1 to 40" in line]
    assert refused == [["1", " name"], ["2", " vendor"], ["3", " memory_kind"]]


@pytest.mark.parametrize("name", ["É.C. 4/8 (v2), O'Neil & Sons + 1-A", "x" * 40])
def test_a_name_may_have_accents_and_punctuation(params_copy, name):
    (params_copy / "chips" / "x.yaml").write_text(MINIMAL.replace("X 1", f'"{name}"'))

    assert load(params_copy).chips["x"].name == name


def test_two_chips_cannot_share_a_name(params_copy):
    found = spoilt(params_copy, "name: X 1", "name: H100 SXM5")

    said = "params/chips/x.yaml:1: name: 'H100 SXM5' is the name in h100-sxm5.yaml too; "
    assert found == [said + "give each its own"]


PAIRS = zip("abcdefg", "bcdefgh", strict=True)
BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in PAIRS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "1: memory_bandwidth: missing"),
        (b"- a\n- b\n", "1: ['a', 'b'] is not a mapping"),
        (b"word\n", "1: 'word' is not a mapping"),
        (MINIMAL.encode() + b"note: \xff\xfe\n", "10: byte "),
        (MINIMAL.encode("utf-16"), "1: byte 0 is not UTF-8"),
        (MINIMAL.encode() + b"note: a\0b\n", "10: not YAML: unacceptable character #x0000"),
        (MINIMAL.encode() + b"note: a\x07b\n", "10: not YAML: unacceptable character #x0007"),
        (MINIMAL.encode() + b"---\nname: two\n", "10: not YAML: but found another document"),
        (MINIMAL.encode() + b"#" * 1_000_001, "1: larger than 1000000 bytes"),
        (BOMB.encode(), "1: anchors and aliases are not read"),
        (b"name: &a [*a]\n", "1: anchors and aliases are not read"),
        (b"[" * 400_000, "1: nested more than 40 levels deep"),  # ended the process once
        (b"- " * 400_000, "1: nested more than 40 levels deep"),
        (b"".join(b" " * i + b"a:\n" for i in range(100)), "41: nested more than 40 levels deep"),
    ],
    ids=range(14),
)
def test_a_file_that_is_no_record_is_refused(params_copy, content, said):
    (params_copy / "chips" / "x.yaml").write_bytes(content)

    found = problems(params_copy)

    assert any(line.startswith(f"params/chips/x.yaml:{said}") for line in found), found
    assert max(map(len, found)) < 1000


def test_what_is_not_a_file_is_refused(params_copy):
    (params_copy / "chips" / "folder.yaml").mkdir()
    (params_copy / "chips" / "gone.yaml").symlink_to("nowhere")
    (params_copy / "chips" / "endless.yaml").symlink_to("/dev/zero")

    assert problems(params_copy) == [
        "params/chips/endless.yaml:1: cannot be read (not a file)",
        "params/chips/folder.yaml:1: cannot be read (not a file)",
        "params/chips/gone.yaml:1: cannot be read (No such file or directory)",
    ]


@pytest.mark.parametrize("name", ["x.yml", "X.yaml", "x y.yaml", "x.YAML"])
def test_a_file_name_is_an_id(params_copy, name):
    (params_copy / "chips" / name).write_text(MINIMAL)

    (found,) = problems(params_copy)

    assert found.startswith(f"params/chips/{name}:1: not a name for an id")


@pytest.mark.parametrize("folder", ["chips", "models"])
def test_an_empty_folder_is_refused(params_copy, folder):
    for path in (params_copy / folder).iterdir():
        path.unlink()

    assert problems(params_copy) == [f"params/{folder}/*.yaml:1: no such files; add one"]


@pytest.mark.parametrize("name", ["report.yaml", "claims.yaml", "sources.yaml"])
def test_a_missing_file_is_named(params_copy, name):
    (params_copy / name).unlink()

    assert problems(params_copy) == [f"params/{name}:1: cannot be read (No such file or directory)"]


@pytest.mark.parametrize("day", ["soon", "2026-13-01", "20261122", "2026-11-22T10:00"])
def test_an_edition_date_is_a_date(params_copy, day):
    path = params_copy / "report.yaml"
    text = path.read_text()
    path.write_text(re.sub(r"^as_of: \S+", f"as_of: {day}", text, flags=re.MULTILINE))
    line = text[: text.index("\nas_of:")].count("\n") + 2

    assert problems(params_copy) == [
        f"params/report.yaml:{line}: as_of: {day!r} is not a date (write 2026-07-23, or 2026-07)"
    ]


def test_all_problems_of_all_files_are_told_at_once(params_copy):
    (params_copy / "sources.yaml").write_text(
        (params_copy / "sources.yaml").read_text() + "zz:\n  type: rumour\n"
    )
    (params_copy / "chips" / "y.yaml").write_text("name: [")
    found = spoilt(params_copy, "3.35 TB/s\n  source: nvidia-h100", "3.35\n  source: nvidia-h10")

    assert [re.match(r"[^:]+:\d+", line)[0].rpartition("/")[2] for line in found[:3]] == [
        "x.yaml:6", "x.yaml:7", "y.yaml:2",
    ]  # fmt: skip
    assert any("zz.type" in line for line in found)
    assert any("zz.publisher: missing" in line for line in found)


PIECES = ["\t", " ", ":", "- ", "{", "}", "[", "]", '"', "'", "#", "&a ", "*a", "!!x ", "|", ">", "%",  # noqa: E501
          "\N{CYRILLIC SMALL LETTER A}", "\N{FULLWIDTH DIGIT THREE}", "\N{RIGHT-TO-LEFT OVERRIDE}",
          "\N{MINUS SIGN}", "9" * 400, "1e308", "nan", "\r", "\0", "\x85", "<<: ", "---\n", "? "]  # fmt: skip  # noqa: E501
UNITS = ["GB", "TB/s", "TFLOP/s", "W", "USD", "Gbit/s", "billion", "bit", "PB", "FLOP/B"]


def mutated(text, chance):
    """Return *text* with one to four slips of the pen."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(text) + 1)
        lines = text.splitlines(keepends=True)
        match chance.randrange(6):
            case 0:
                text = text[:at] + chance.choice(PIECES) + text[at:]
            case 1:
                text = text[:at] + text[at + chance.randint(1, 9) :]
            case 2:
                text = "".join([*lines, chance.choice(lines or [""])])
            case 3:
                chance.shuffle(lines)
                text = "".join(lines)
            case 4:
                text = text.replace(chance.choice(UNITS), chance.choice(UNITS))
            case 5:
                text = re.sub(r"\d+", lambda m: chance.choice([m[0], "0", "-1", "9" * 99]), text)
    return text


def refused(folder):
    """Return the problems of *folder*; anything but a ParamsError is a fault of the loader."""
    try:
        load(folder)
    except ParamsError as error:
        return error.problems or [None]
    return []


@pytest.mark.parametrize("seed", range(100))
def test_slips_of_the_pen_are_loaded_or_refused_in_place(params_copy, seed):
    chance = random.Random(seed)  # noqa: S311 (reproducible on purpose)
    path = chance.choice(sorted(params_copy.rglob("*.yaml")))
    path.write_text(mutated(path.read_text(), chance), newline="")
    length = len(path.read_text().splitlines()) + 1

    for problem in refused(params_copy):
        named = params_copy.parent / problem.file
        assert named.exists()
        assert 1 <= problem.line <= (length if named == path else 10_000)


OWN = (
    MINIMAL.replace("source: nvidia-h100", "source: leaflet")
    + """\
sources:
  leaflet: {type: webpage, title: A leaflet, publisher: Nobody}
"""
)


def test_a_file_may_bring_its_sources_along(params_copy):
    (params_copy / "chips" / "x.yaml").write_text(OWN)

    assert load(params_copy).sources["leaflet"].title == "A leaflet"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("leaflet", "nvidia-h100", "'nvidia-h100' is described elsewhere; use another key"),
        ("type: webpage", "type: web", "'web' is not one of"),
        ("leaflet", "fig-leaflet", "'fig-leaflet' cannot be cited"),
        ("name: X 1", "name: \u0425 1\u0425a", "mixes CYRILLIC and LATIN letters"),
        ("  leaflet: {", "  leaflets: {", "'leaflet' is not in params/sources.yaml"),
        ("  leaflet: {type: webpage, title: A leaflet, publisher: Nobody}", "  - leaflet", "not a"),
    ],
)
def test_sources_of_a_file_are_checked(params_copy, old, new, line):
    (params_copy / "chips" / "x.yaml").write_text(OWN.replace(old, new))

    assert any(
        re.match(r"params/chips/x.yaml:\d+: ", p) and line in p for p in problems(params_copy)
    )


def test_the_example_of_the_readme_loads(params_copy):
    readme = (DEFAULT_ROOT.parent / "README.md").read_text(encoding="utf-8")
    example = readme.split("```yaml\n")[1].split("```")[0]
    (params_copy / "chips" / "my-chip.yaml").write_text(
        "".join(line.removeprefix("   ") for line in example.splitlines(keepends=True))
    )

    assert load(params_copy).chips["my-chip"].name == "My Chip"


def test_a_key_that_cannot_be_cited_is_refused(params_copy):
    path = params_copy / "sources.yaml"
    path.write_text(path.read_text() + "A; b: {type: webpage, title: A, publisher: B}\n")

    assert any("'A; b' cannot be cited" in line for line in problems(params_copy))
