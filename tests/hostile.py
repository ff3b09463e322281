"""Text that means something in HTML, Markdown, TeX, Typst, Jinja or a terminal, in every place."""

import json

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

TEXTS = {
    "tag": "<script>alert(1)</script>",
    "end of a script": "</script>",
    "end of CDATA": "]]>",
    "comment": "<!-- c",
    "attribute": "\" onclick='alert(1)' x=\"",
    "entity": "&lt;b&gt; &amp;",
    "Typst code": "#{panic()}",
    "Typst call": '#panic("x")',
    "Typst label": "<refs>",
    "Typst comment": "// c /* d */",
    "end of content": '"]); panic(',
    "mention": "@nobody",
    "citation": "[@nobody]",
    "formula": "$x^2$ $#panic()$ $\\undefined{y}$ $$",
    "backslash": "C:\\users\\x \\evil",
    "Jinja": "{{ 7 * 7 }} {% raw %}",
    "fence": "``` x",
    "block": "::: {.figure #fig-x}",
    "end of a block": ":::",
    "metadata": "---",
    "attributes": "[x](http://a.b){onclick=alert(1) style=color:red}",
    "script link": "[x](javascript:alert(1)) <javascript:alert(1)>",
    "data link": "[x](data:text/html,x)",
    "link to nothing": "[x](#nothing)",
    "picture": "![x](http://a.b/c.png)",
    "raw": "`#panic()`{=typst}",
    "note": "^[#panic()]",
    "long word": "x" * 400,
    "Hebrew": "שלום עולם",
    "Arabic": "مرحبا بالعالم",
    "Hindi": "हिन्दी",
    "CJK": "中文テスト한국어",
    "emoji": "😀 👩\N{ZERO WIDTH JOINER}🚀",
    "direction": "\N{RIGHT-TO-LEFT OVERRIDE}abc\N{POP DIRECTIONAL FORMATTING}",
    "no font": "\N{OSMANYA LETTER ALEF}\ue000",
    "control": "\x07\x1b[31m\x00\ufeff\ufffe\ud83d",
}
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)


def notebook(*texts):
    """Return a notebook that says *texts* wherever something can be said."""
    cells = [cell for text in texts for cell in _cells(text)]
    return new_notebook(cells=cells, metadata={"title": " ".join(texts)})


def _cells(text):
    cell = text.replace("|", "/").replace("\n", " ")
    spec = {
        "mark": "bar",
        "title": text,
        "data": {"values": [{"a": text, "b": 3}, {"a": "other", "b": 4}]},
        "encoding": {
            "x": {"field": "a", "type": "nominal", "title": text},
            "y": {"field": "b", "type": "quantitative"},
        },
    }
    exhibit = {"id": text, "caption": text, "alt": text}
    outputs = [
        new_output("stream", text=text),
        new_output("error", ename="E", evalue=text, traceback=[text]),
        _shown({"application/vnd.vegalite.v6+json": spec}, exhibit={"kind": "figure", **exhibit}),
        _shown({"text/markdown": f"| a | b |\n|---|--:|\n| {cell} | -1 |"},
               exhibit={"kind": "table", **exhibit}),
        _shown({"text/markdown": text}),
        _shown({"text/latex": f"${text}$"}),
        _shown({"text/html": f"<table><tr><th>{text}</th></tr><tr><td>{text}</td></tr></table>"}),
        _shown({"image/png": PNG}, **{"image/png": {"alt": text}}),
        _shown({"text/plain": text}),
    ]  # fmt: skip
    return [
        new_markdown_cell(f"# Heading {text}\n\nProse {text} end.\n\n- {text}"),
        new_markdown_cell(text),
        new_markdown_cell(f"### Deeper {text}\n\n| a |\n|---|\n| {cell} |"),
        new_code_cell(f"print({json.dumps(text)})", outputs=outputs),
    ]


def _shown(data, **metadata):
    return new_output("display_data", data, metadata=metadata)
