"""What the what-if panel computes is what Python computes, and formulas are what they stand for."""

import json
import math
import operator
import random
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
import vl_convert

from reportlib import cases, params
from reportlib.cases import what_if
from reportlib.exhibits import charts, tables
from reportlib.exhibits.expressions import FORMS, Expression, number, quantity, written

NUMBERS = params.load(params.DEFAULT_ROOT)
CHIP, MODEL = NUMBERS.chips["h100-sxm5"], NUMBERS.models["llama-3-70b"]
MODELS = list(NUMBERS.shown_models().values())
CHIPS = [c for c in NUMBERS.shown_chips().values() if not cases.keeps_weights_on_chip(c)]
LATENCY = 10e-6
SETTING = what_if.Setting(batch_size=32, context_length=2048, chips=4, efficiency=0.7)
PANEL = tables.what_if.panel(MODELS, CHIPS, precision="bf16", setting=SETTING, latency=LATENCY)
SPEC = charts.what_if.panel(PANEL).to_dict()


def evaluated(formulas, **inputs):
    """Return what Vega makes of *formulas*, as texts."""
    signals = [{"name": name, "value": value} for name, value in inputs.items()]
    marks = [
        {"type": "text", "encode": {"enter": {"text": {"signal": f"'' + {formula}"}}}}
        for formula in formulas
    ]
    svg = vl_convert.vega_to_svg({"signals": signals, "marks": marks}, allowed_base_urls=[])
    return [unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def shown(**inputs):
    """Return the title and the texts of the panel where *inputs* are chosen."""
    spec = json.loads(json.dumps(SPEC))
    for param in spec["params"]:
        if param["name"] in inputs:
            param["value"] = inputs[param["name"]]
    svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    said = re.search(r'<g class="mark-text role-mark[^>]*>(.*?)</g>', svg, re.DOTALL)[1]
    title = re.search(r'<g class="mark-text role-title-text[^>]*>(.*?)</g>', svg, re.DOTALL)[1]
    lines = [[unescape(t) for t in re.findall(r">([^<]+)<", part)] for part in (title, said)]
    return lines[0], dict(zip(PANEL.texts, lines[1], strict=True))


def settings(count):
    """Yield inputs as a reader may choose them, and what they mean."""
    chance = random.Random(20261122)  # noqa: S311
    t = tables.what_if
    for _ in range(count):
        model, chip = chance.randrange(len(MODELS)), chance.randrange(len(CHIPS))
        precision = chance.randrange(len(t.PRECISIONS))
        batch, context, chips = (chance.choice(e) for e in (t.BATCHES, t.CONTEXTS, t.CHIPS))
        percent = chance.choice(t.SHARES)
        inputs = {
            "model": model, "chip": chip, "precision": precision, "log_batch": batch,
            "log_context": context, "log_chips": chips, "percent": percent,
        }  # fmt: skip
        setting = what_if.Setting(2**batch, 2**context, 2**chips, percent / 100)
        yield inputs, (MODELS[model], CHIPS[chip], t.PRECISIONS[precision], setting, LATENCY)


@pytest.mark.parametrize(("inputs", "meant"), list(settings(24)))
def test_panel_says_what_python_says(inputs, meant):
    assert shown(**inputs) == tables.what_if.said(*meant)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_one_chip_at_its_peaks_takes_the_floor(model):
    setting = replace(SETTING, chips=1, efficiency=1)
    step = cases.step(model, CHIP, precision="fp8", batch_size=32, context_length=2048)
    of = what_if.outcome(model, CHIP, "fp8", setting, LATENCY)

    assert (of.step_time, of.exchange_time) == (pytest.approx(step.floor), 0)
    assert of.weights_time + of.kv_time == pytest.approx(step.weights_time + step.kv_time)


def test_exchanges_and_copies_are_those_of_predictions():
    model = NUMBERS.models["deepseek-v3"]
    case = cases.Case(
        model, CHIP, cases.uniform("bf16"), batch_size=32, context_length=2048,
        longest_context=2048, chips=4,
    )  # fmt: skip
    engine = cases.engine(NUMBERS, None, CHIP)
    of = what_if.outcome(model, CHIP, "bf16", SETTING, engine.constants.collective_latency)

    assert of.exchange_time == pytest.approx(case.communication_time(engine))
    assert of.max_batch_size == case.max_batch_size
    assert of.kv_time * 0.7 * case.memory_bandwidth == pytest.approx(case.step["kv_bytes"])


def test_efficiency_slows_all_but_exchanges():
    full, half = (
        what_if.outcome(MODEL, CHIP, "bf16", replace(SETTING, efficiency=share), LATENCY)
        for share in (1, 0.5)
    )
    assert half.exchange_time == full.exchange_time
    assert half.step_time - half.exchange_time == pytest.approx(
        2 * (full.step_time - full.exchange_time)
    )


def test_start_is_the_fewest_chips_that_hold_the_model():
    start = tables.what_if.start(MODEL, CHIP, "bf16", batch_size=60, context_length=3000)

    assert start == what_if.Setting(batch_size=64, context_length=4096, chips=4, efficiency=1)


def test_an_unpublished_rate_is_said_and_drawn_as_nothing():
    chip = next(c for c in CHIPS if math.isnan(cases.peak_compute(c, "bf16")))
    inputs = {"chip": CHIPS.index(chip), "precision": 0}
    _, told = shown(**inputs)

    assert told["Multiply"] == told["Step"] == "rate not published"
    assert told["Read weights"].endswith("s")


def test_formulas_are_what_they_stand_for():
    a, b = 5.25, 0.75
    two = (
        operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.lt,
        operator.le, operator.gt, operator.ge, operator.eq, np.minimum, np.maximum,
    )  # fmt: skip
    pairs = [(form(Expression("a"), Expression("b")), form(a, b)) for form in two]
    pairs += [(form(Expression("a")), form(a)) for form in (np.floor, np.ceil, np.log2)]
    pairs += [(np.isnan(Expression("a")), False), (2 - Expression("a"), 2 - a)]
    pairs += [(Expression("a") / math.inf, 0.0), (np.minimum(Expression("a"), math.inf), a)]
    texts = evaluated([formula.text for formula, _ in pairs], a=a, b=b)

    assert [json.loads(text) for text in texts] == [pytest.approx(value) for _, value in pairs]


def test_every_form_is_tried_above():
    assert len(FORMS) == 16


@pytest.mark.parametrize(
    "value",
    [
        0,
        0.0239,
        999.9e9,
        3.35e12,
        1,
        1234,
        99.96,
        1e-6,
        0.1274,
        82.5e-6,
        1476.4,
        4e14,
        999.4,
        999.6,
        1097,
        12_345,
    ],
)
def test_quantities_read_as_elsewhere(value):
    texts = [quantity(Expression("a"), unit).text for unit in ("B", "s")]

    assert evaluated(texts, a=value) == [quantity(value, unit) for unit in ("B", "s")]


@pytest.mark.parametrize("value", [0, 0.0239, 1, 12.34, 99.96, 100, 0.1274, 1476.4, 3.35e12])
def test_numbers_read_as_elsewhere(value):
    assert evaluated([number(Expression("a")).text], a=value) == [number(value)]


def test_texts_keep_their_quotes():
    assert evaluated([written('a "b" \\ é')]) == ['a "b" \\ é']


def test_a_formula_does_not_say_what_holds():
    with pytest.raises(TypeError, match="depends on its inputs"):
        bool(Expression("a") > 1)


def test_what_has_no_form_is_refused():
    with pytest.raises(TypeError):
        np.sin(Expression("a"))
