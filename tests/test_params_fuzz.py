"""Whatever a slip makes of a file: it is refused with file and line, and nothing else is raised.

Every mutation here is wrong by construction, so nothing may load. (What slips of the pen do that
may leave a file valid is in test_params_errors.py.)
"""

import random
import re
from functools import partial

import pytest
import small_params

from reportlib.params import ParamsError, load

FILES = {
    name: text
    for name, text in small_params.FILES.items()
    if name.startswith(("chips/", "models/", "memory/"))
}
QUANTITY = re.compile(r"value: \"?([\d.,]+) (\w+/s|\w+)\"?(?=[,\n])")
COUNT = re.compile(r"(value|layers|heads|size|context_length): (\d+)(?=[,}\n])")
KEY = re.compile(r"(?m)(?:^|(?<=[{ ]))([a-z][a-z_]{3,})(?=:)")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
REQUIRED = {
    "chips/chip-1.yaml": (
        "name", "vendor", "memory_kind", "memory_capacity", "memory_bandwidth", "peak_compute",
    ),
    "models/model-1.yaml": (
        "name", "developer", "architecture", "  source", "  layers", "  hidden_size",
        "  vocabulary", "  attention", "  feed_forward", "  context_length",
    ),
    "memory/memory-1.yaml": ("name", "family", "device"),
}  # fmt: skip
CYRILLIC = str.maketrans("aceopxyi", "асеорхуі")
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
NO_BREAK = "\N{NO-BREAK SPACE}"
INVISIBLE = ("\N{ZERO WIDTH SPACE}", "\N{RIGHT-TO-LEFT OVERRIDE}", "\N{SOFT HYPHEN}", "\x07", "\0")


def somewhere(chance, pattern, text, new):
    """Return *text* with one match of *pattern*, chosen by *chance*, made *new* of."""
    match = chance.choice(list(re.finditer(pattern, text)))
    made = new(match)
    assert made != match[0]
    return text[: match.start()] + made + text[match.end() :]


def wrong_unit(chance, _, text):
    units = ["Tb/s", "GBps", "TFLOPS", "Gb", "Hz", "EUR", "parsec", "B/s/s", "kB-s", "s/B", "°C"]
    return somewhere(chance, QUANTITY, text, lambda m: f"value: {m[1]} {chance.choice(units)}")


def no_unit(chance, _, text):
    return somewhere(chance, r"(\d) (GB|TB/s|GB/s|W|TFLOP/s|PFLOP/s)\b", text, lambda m: m[1])


def wrong_type(chance, name, text):
    others = ["[1, 2]", "{a: b}", "[[]]", "{}", "[{value: 1}]", "{value: {value: 1}}", "- x", "[x"]
    fields = [f.strip() for f in REQUIRED[name]]
    field = chance.choice([f for f in fields if f != "peak_compute"])
    replaced = rf"(?m)^( *){field}:.*(?:\n\1 +.*)*$"
    return re.sub(replaced, lambda m: f"{m[1]}{field}: {chance.choice(others)}", text, count=1)


def misspelt_key(chance, _, text):
    def slip(match):
        key = match[1]
        at = chance.randrange(1, len(key) - 1)
        return chance.choice([key[:at] + key[at + 1 :], key[:at] + "q" + key[at:], key.upper()])

    return somewhere(chance, KEY, text, slip)


def broken_syntax(chance, _, text):
    lines = text.splitlines(keepends=True)
    at = chance.randrange(1, len(lines))
    breaks = [
        "\tx: 1", "{a: [b}", "x: 'y", 'x: "y', "x: y: z", "- x", "%YAML 9", "]", "x: @y", "x: `y",
        "*x", "&x y: 1", "x: !!binary y", "? [x]", "}{", "---", "...\nx: y", "<<: {x: y}",
    ]  # fmt: skip
    return "".join([*lines[:at], chance.choice(breaks), "\n", *lines[at:]])


def look_alike_key(chance, _, text):
    pattern = r"(?m)(?:^|(?<=[{ ]))(?=[a-z_]*[aceopxyi])([a-z][a-z_]+)(?=:)"
    return somewhere(chance, pattern, text, lambda m: m[1].translate(CYRILLIC))


def look_alike_digits(chance, _, text):
    pattern = chance.choice([QUANTITY, COUNT, DATE])
    matches = list(re.finditer(pattern, text))
    if not matches:
        return look_alike_digits(chance, _, text)
    return somewhere(chance, pattern, text, lambda m: m[0].translate(FULL_WIDTH))


def no_break_space(chance, _, text):
    return somewhere(chance, KEY, text, lambda m: chance.choice([NO_BREAK + m[1], m[1] + NO_BREAK]))


def invisible_character(chance, _, text):
    pattern = r"(?<=: )[A-Za-z0-9]+(?=[ ,}\n])"
    mark = chance.choice(INVISIBLE)
    return somewhere(chance, pattern, text, lambda m: m[0][:1] + mark + m[0][1:])


def huge_number(chance, _, text):
    huge = ["9" * 400, "1e999", "9" * 5000, "1" + "0" * 100_000, "-1", "0", "0.0", "nan", "inf"]
    pattern = r"(?<=value: )[\d.]+(?= (?:GB|TB/s|GB/s|W|TFLOP/s|PFLOP/s)\b)|(?<=layers: )\d+"
    return somewhere(chance, pattern, text, lambda _: chance.choice(huge))


def absurd_date(chance, _, text):
    days = [
        "2026-02-30", "2026-13-01", "0000-01-01", "99999-01-01", "2026-1-1", "-2026-01-01", "1e9",
        "20261122", "2026-11-22T10:00:00Z", "yesterday", "[2026, 11]", "2026-00", "",
    ]  # fmt: skip
    return somewhere(chance, DATE, text, lambda _: chance.choice(days))


def deleted_field(chance, name, text):
    field = chance.choice(REQUIRED[name])
    return re.sub(rf"(?m)^{field}:.*\n(?:{field[: -len(field.strip())]} +.*\n)*", "", text)


def twice(chance, _, text):
    return somewhere(chance, r"(?m)^( *)\w+:.*\n", text, lambda m: m[0] + m[0])


def garbage(chance, _, text):
    content = bytearray(text.encode())
    at = chance.randrange(len(content))
    content[at:at] = bytes([0xFF, *chance.choices(range(256), k=chance.randrange(50))])
    return bytes(content)


def deep(chance, _, text):
    levels = chance.choice([41, 1000, 100_000])
    opening = chance.choice(["[", "{a: ", "- "])
    return f"{text}extra: \n  {opening * levels}"


KINDS = (
    wrong_unit, no_unit, wrong_type, misspelt_key, broken_syntax, look_alike_key, look_alike_digits,
    no_break_space, invisible_character, huge_number, absurd_date, deleted_field, twice, garbage,
    deep,
)  # fmt: skip
NEEDED = {  # what a kind needs to find in a file
    wrong_unit: QUANTITY.search,
    no_unit: partial(re.search, r"\d (GB|TB/s|GB/s|W|TFLOP/s|PFLOP/s)\b"),
    huge_number: partial(re.search, r"value: [\d.]+ (GB|TB/s|GB/s|W|TFLOP/s)\b|layers"),
    absurd_date: DATE.search,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return small_params.write(tmp_path_factory.mktemp("fuzz"))


def test_what_is_mutated_loads_before(root):
    assert load(root)


@pytest.mark.parametrize("seed", range(7))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_mutated_file_is_refused_with_its_line(root, kind, seed):
    chance = random.Random(f"{kind.__name__} {seed}")  # noqa: S311 (reproducible on purpose)
    able = [name for name, text in FILES.items() if NEEDED.get(kind, bool)(text)]
    name = chance.choice(able)
    made = kind(chance, name, FILES[name])
    content = made if isinstance(made, bytes) else made.encode()
    assert content != FILES[name].encode()
    (root / name).write_bytes(content)
    try:
        with pytest.raises(ParamsError) as refusal:
            load(root)
    finally:
        (root / name).write_text(FILES[name])

    last = content.count(b"\n") + 2
    for problem in refusal.value.problems:
        assert problem.file == f"params/{name}"
        assert 1 <= problem.line <= last
        assert problem.message
        assert len(str(problem)) < 2000
        assert str(problem).isprintable()
