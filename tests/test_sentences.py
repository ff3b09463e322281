"""Numbers in sentences come from the build, and so does whatever is said to be most or least."""

import ast
import re

from test_notebooks import NOTEBOOKS, code, every_notebook

NAMES = re.compile(
    r"HBM4 2026 output"  # a key of market.csv
    r"|\b(?:BF16|FP8|FP4|INT8|MXFP4|NVFP4|HBM\d\w*|LPDDR\d\w*|GDDR\d\w*|DDR\d|P\d\d|PCIe \d)\b"
    r"|\b(?:\d\d bits|[01])\b"
    r"|\$\$?[^$]*\$\$?|\[[^\]]*@[^\]]*\]|\]\([^)]*\)|`[^`]*`|\{#[^}]*\}|\^[a-z]\^"
)
SUPERLATIVE = re.compile(
    r"(?<!at )\b(?:most|least|fewest|best|worst|greatest|largest|smallest|highest|lowest|longest|"
    r"shortest|fastest|slowest|widest|narrowest|cheapest|dearest|earliest|latest|nearest|farthest)\b"
)
# Where nothing in the sentence is computed, it was read and holds whatever the numbers are: it says
# what something means, in which order rows stand, or which rows code has chosen.
REVIEWED = (
    "the least time per token without it", "the largest factors:", "the shortest first",
    "is the smallest number that holds the weights", "in the order of the shortest time",
    "from the first chip to the best so far", "multiple of the earliest chip's",
    "with a line from the first to the best", "fastest rate", "the most that", "most, ",
    "belongs in the fastest tier that holds it", "largest capacity", "At most",
    "names of the first and of the greatest", "with the largest share of each",
    "largest in the last row", "so that the largest counts", "its latest value",
    "which of holding, reading and computing takes most", "from the widest to the narrowest",
    "the latest that we have", "the latest of each side", "The latest evidence",
    "their latest values", "Where it fails worst", "the fastest as a tick",
    "most often near its middle", "a fixed number of latest tokens",
    "as many chips of one domain of links as serve it best", "has the fewest chips of each",
    "the longest context that each model takes",
)  # fmt: skip
SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n")


def literals(node):
    """Yield the texts of the sentences under *node*, with ␀ for what is computed."""
    if isinstance(node, ast.JoinedStr):
        parts = [v.value if isinstance(v, ast.Constant) else "␀" for v in node.values]
        yield "".join(parts)
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                yield from literals(value.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
        yield node.value
    else:
        for child in ast.iter_child_nodes(node):
            yield from literals(child)


def sentences(name):
    """Return the sentences of a notebook that a reader sees, in Markdown and in code."""
    texts = [c.source for c in NOTEBOOKS[name].cells if c.cell_type == "markdown"]
    for cell in code(name):
        if "parameters" not in cell.metadata.get("tags", []):
            texts += literals(ast.parse(cell.source))
    return [NAMES.sub("", s) for text in texts for s in SENTENCE.split(NAMES.sub(" ", text))]


def test_a_typed_number_is_seen():
    text = "reaches 30 tokens/s in FP8 [@source-2024] with $2 P$, as ␀ does"
    assert re.findall(r"\d+", NAMES.sub("", text)) == ["30"]


@every_notebook
def test_no_number_is_typed_in_a_sentence(name):
    assert [s for s in sentences(name) if re.search(r"\d", s)] == []


@every_notebook
def test_nothing_is_most_or_least_but_by_what_is_computed(name):
    typed = [s for s in sentences(name) if SUPERLATIVE.search(s) and "␀" not in s]

    assert [s for s in typed if not any(words in s for words in REVIEWED)] == []


def test_every_reviewed_wording_is_in_use():
    text = "\n".join(s for name in NOTEBOOKS for s in sentences(name))

    assert [words for words in REVIEWED if words not in text] == []
