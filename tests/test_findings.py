"""Key findings say what the records say, whatever the records: their numbers found another way."""

import json
import math
import re
import statistics
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from reportlib import cases, params
from reportlib.exhibits import claims, findings, sections, words
from reportlib.exhibits.tables import contest, outlook, reality
from reportlib.pipeline.execute import typed_parameters
from reportlib.units import show

NUMBERS = params.load(params.DEFAULT_ROOT)
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
NBSP = "\N{NO-BREAK SPACE}"
LEAKED = re.compile(r"\b(?:nan|NaN|NaT|inf|None)\b|\b1 (?:chips|models|claims|measurements)\b")
FACTORS = {"bf16": 2, "fp8": 1, "int8": 1, "fp4": 4.25 / 8}


def with_chips(**chips):
    """The edition with some chips put in, or taken out where they are None."""
    kept = {**NUMBERS.chips, **{i.replace("_", "-"): chip for i, chip in chips.items()}}
    return replace(NUMBERS, chips={i: chip for i, chip in kept.items() if chip})


def without(kind, key):
    records = {i: record for i, record in getattr(NUMBERS, kind).items() if i != key}
    return replace(NUMBERS, **{kind: records})


def changed(identifier, **values):
    """A chip with other figures, which it always had."""
    chip = NUMBERS.chips[identifier]
    readings = {
        name: getattr(chip, name).model_copy(update={"value": value, "superseded": ()})
        for name, value in values.items()
    }
    return chip.model_copy(update=readings)


def swapped(one, other):
    """The edition in which two chips have each other's bandwidth."""
    rates = [NUMBERS.chips[i].memory_bandwidth.value for i in (other, one)]
    chips = [changed(i, memory_bandwidth=rate) for i, rate in zip((one, other), rates, strict=True)]
    return replace(NUMBERS, chips={**NUMBERS.chips, one: chips[0], other: chips[1]})


def in_sections(numbers, **values):
    """The edition with parameters of all sections that have them changed."""
    report = numbers.report
    asked = {
        section: (given or {}) | {k: v for k, v in values.items() if k in sections.parameters(
            report, section)}
        for section, given in report.sections.items()
    }  # fmt: skip
    return replace(numbers, report=report.model_copy(update={"sections": asked}))


LARGE = NUMBERS.chips["h100-sxm5"].model_copy(
    update={
        "name": "Large 1",
        "memory_capacity": changed("h100-sxm5", memory_capacity=1e12).memory_capacity,
        "memory_bandwidth": changed("h100-sxm5", memory_bandwidth=40e12).memory_bandwidth,
    }
)
TINY = LARGE.model_copy(
    update={
        "name": "Tiny 1",
        "memory_capacity": changed("h100-sxm5", memory_capacity=1.0).memory_capacity,
        "memory_bandwidth": changed("h100-sxm5", memory_bandwidth=1.0).memory_bandwidth,
    }
)
EDITIONS = {
    "as it is": NUMBERS,
    "bandwidths swapped": swapped("rubin-r200", "mi455x"),
    "reference chip swapped": swapped("h100-sxm5", "wse-3"),
    **{f"no {i}": without("chips", i) for i in ("rubin-r200", "mi455x", "wse-3", "h100-sxm5")},
    "no llama-3-70b": without("models", "llama-3-70b"),
    "a large chip more": with_chips(large=LARGE),
    "a tiny chip more": with_chips(tiny=TINY),
    "a large chip alone": replace(NUMBERS, chips={"large": LARGE}),
    "a tiny chip alone": replace(NUMBERS, chips={"tiny": TINY}),
    "no measurements": replace(NUMBERS, measurements=()),
    "one measurement": replace(NUMBERS, measurements=NUMBERS.measurements[:1]),
    "no constants": replace(NUMBERS, engines=None, calibration=(), held_out=()),
    "no scenarios": replace(NUMBERS, scenarios=None),
    "no supply": replace(NUMBERS, supply=None),
    "no claims": replace(NUMBERS, claims=NUMBERS.claims.model_copy(update={"claims": ()})),
    "no headline": replace(
        NUMBERS, report=NUMBERS.report.model_copy(update={"headline": params.records.Cast()})
    ),
    "fp8": in_sections(NUMBERS, precision="fp8"),
    "fp4": in_sections(NUMBERS, precision="fp4"),
    "before the launch of MI455X": params.load(params.DEFAULT_ROOT, date(2026, 7, 22)),
    "the article's day": params.load(params.DEFAULT_ROOT, date(2026, 3, 1)),
    "long ago": params.load(params.DEFAULT_ROOT, date(2020, 6, 1)),
}

every_edition = pytest.mark.parametrize("numbers", EDITIONS.values(), ids=EDITIONS)


FOUND = {}  # by the id() of an edition, all of which are kept above


def every(numbers):
    """The findings of an edition by their ids, told once."""
    if id(numbers) not in FOUND:
        FOUND[id(numbers)] = {finding.id: finding for finding in findings.findings(numbers)}
    return FOUND[id(numbers)]


def told(numbers, identifier):
    finding = every(numbers).get(identifier)
    return finding and {quantity: value for quantity, (value, _) in finding.numbers.items()}


def of(numbers, section):
    return sections.parameters(numbers.report, section)


def reference(numbers):
    given = of(numbers, "10_memory_bound")
    chip, precision = cases.reference_chip(numbers, given["chip_id"], given["precision"])
    return given, chip, precision, numbers.model(given["model_id"])


@every_edition
def test_sentences_can_be_read_and_lead_to_exhibits_of_their_section(numbers):
    for finding in every(numbers).values():
        assert finding.numbers
        assert not LEAKED.search(finding.sentence), finding.sentence
        assert all(math.isfinite(value) for value, _ in finding.numbers.values())
        assert finding.markdown == f"{finding.sentence} ([@{finding.exhibit}])."
        kind, _, identifier = finding.exhibit.partition("-")
        text = (NOTEBOOKS / f"{findings.FINDINGS[finding.id][0]}.ipynb").read_text()
        call = {"fig": "figure(", "tbl": "table("}[kind]
        code = ["".join(cell["source"]) for cell in json.loads(text)["cells"]]
        assert any(call in c and f'id="{identifier}"' in c for c in code), finding.exhibit


def printed(value, unit):
    """Ways in which a sentence may say a number."""
    ways = {words.count(value), f"{value:g}", f"{value:,.0f}", words.percent(value)}
    return ways | {show(value, unit), words.compared(value), "none" if value == 0 else "–"}


@every_edition
def test_sentences_say_their_numbers(numbers):
    for finding in every(numbers).values():
        said = [number for number in finding.numbers.values() if number[0] > 0]
        missing = [n for n in said if not any(way in finding.sentence for way in printed(*n))]
        if finding.id == "outlook":  # between its ends
            missing = [n for n in missing if n[0] in (min(said)[0], max(said)[0])]
        if finding.id == "critical-context":
            missing = [n for n in missing if n[0] >= 1]
        if finding.id == "contest":  # all leads or none are sure
            missing = [n for n in missing if "leads are sure" not in finding.sentence]
        assert missing == [], finding.sentence


@every_edition
def test_sentences_name_only_what_is_there(numbers):
    known = {f"chip {i}" for i in numbers.chips} | {f"model {i}" for i in numbers.models}
    names = {r.name for r in (*NUMBERS.chips.values(), *NUMBERS.models.values())}
    there = {r.name for r in (*numbers.chips.values(), *numbers.models.values())}
    gone = re.compile("|".join(rf"\b{re.escape(name)}(?![\w-])" for name in names - there) or "$.")
    for finding in every(numbers).values():
        assert set(finding.about) <= known
        assert not gone.search(finding.sentence), finding.sentence


@every_edition
def test_memory_time_over_arithmetic_time(numbers):
    given, chip, precision, model = reference(numbers)
    bytes_read = cases.parameters(model).read(1) * FACTORS[precision] + float(
        cases.kv_read_bytes(model, given["context_length"])
    )
    flop = float(cases.flop_per_token(model, given["context_length"]))
    balance = cases.peak_compute(chip, precision) / chip.memory_bandwidth.value

    ours = told(numbers, "transport")["memory time over arithmetic time"]
    assert ours == pytest.approx(bytes_read / flop * balance)


@every_edition
def test_above_the_critical_context_and_not_below_it_every_batch_is_memory_bound(numbers):
    _, chip, precision, model = reference(numbers)
    said = told(numbers, "critical-context")
    if said is None:
        return
    limit = said["critical context"]
    assert ("at any context" in every(numbers)["critical-context"].sentence) == (limit < 1)
    limit = max(limit, 1.0)
    below = [(0.99 * limit, False)] if limit > 1 else []
    for context, bound in [(1.01 * limit, True), *below]:
        step = cases.step(model, chip, precision=precision, batch_size=1e12, context_length=context)
        assert (float(step.transport_ratio) > 1) == bound


@every_edition
def test_chips_that_hold_and_chips_that_feed(numbers):
    given, chip, precision, model = reference(numbers)
    weights = cases.parameters(model).total * FACTORS[precision]
    rate = given["wanted_speed"] * cases.parameters(model).read(1) * FACTORS[precision]
    said = told(numbers, "needs")

    assert said["weights"] == pytest.approx(weights)
    assert said["bandwidth needed"] == pytest.approx(rate)
    for count, need, has in (
        (said["chips by capacity"], weights, chip.memory_capacity.value),
        (said["chips by bandwidth"], rate, chip.memory_bandwidth.value),
    ):
        assert count * has >= need * (1 - 1e-9)
        assert (count - 1) * has < need


@every_edition
def test_what_levers_are_worth(numbers):
    given, chip, precision, model = reference(numbers)
    said = told(numbers, "levers") or {}
    setting = {"context_length": given["context_length"]}

    def time(size, precision):
        step = cases.step(model, chip, precision=precision, batch_size=size, **setting)
        return float(step.floor) / size

    sizes, factors = (1, given["users"]), {}
    factors["batching"] = time(1, precision) / time(sizes[1], precision)
    if precision == "bf16":
        for narrow in ("fp8", "fp4"):
            factors[f"weights in {narrow.upper()}"] = max(
                time(size, precision) / time(size, narrow) for size in sizes
            )
    for name, factor in factors.items():
        if f"factor of {name}" in said:
            assert said[f"factor of {name}"] == pytest.approx(factor)
        elif len(said) == findings.SHOWN_LEVERS:
            assert factor <= min(said.values()) * (1 + 1e-9)


@pytest.mark.parametrize(
    "name", ["as it is", "no scenarios", "no supply", "the article's day", "no llama-3-70b"]
)
def test_how_demand_keeps_pace_with_supply(name):
    numbers = EDITIONS[name]
    scenarios, _ = outlook.known(numbers)
    said = told(numbers, "outlook")
    if not scenarios:
        assert said is None
        return
    course = outlook.courses(scenarios, numbers.supply.as_of.year)
    last = course[course["year"] == course["year"].max()].set_index("scenario")["pace"]
    assert {f"pace in {name}": value for name, value in last.items()}.items() <= said.items()
    sentence = every(numbers)["outlook"].sentence
    assert f"By {course['year'].max()}, " in sentence
    assert f"in {outlook.among(last >= 1)}; " in sentence


@every_edition
def test_the_pair_then_and_now(numbers):
    given = of(numbers, "25_head_to_head")
    ids = numbers.pair(given["pair"])
    finding = every(numbers).get("pair")
    if ids[0] == ids[1]:
        assert finding is None
        return
    then = numbers.on(min(date.fromisoformat(given["before"]), numbers.report.as_of)).chips
    first, second = (numbers.chips[i] for i in ids)
    said = told(numbers, "pair")
    for what in ("capacity", "bandwidth"):
        now = getattr(first, f"memory_{what}").value / getattr(second, f"memory_{what}").value
        assert said[f"{what} over {second.name}"] == pytest.approx(now)
        word = re.search(rf"([\d,]+{NBSP}% (?:more|less)|as much) {what}", finding.sentence)[1]
        assert ("more" in word, "less" in word) == (now >= 1.005, now <= 0.995)
        if set(ids) <= set(then):
            was = [getattr(then[i], f"memory_{what}").value for i in ids]
            flips = (was[0] / was[1] - 1) * (now - 1) < 0
            assert (f"lead in {what}" in finding.sentence) == flips


@pytest.mark.parametrize(
    "name",
    ["as it is", "bandwidths swapped", "no rubin-r200", "a large chip alone", "no constants",
     "before the launch of MI455X", "fp4"],
)  # fmt: skip
def test_who_serves_more_with_the_same_work(name):
    numbers = EDITIONS[name]
    given = of(numbers, "25_head_to_head")
    first, second = numbers.pair(given["pair"])
    said = told(numbers, "contest")
    if first == second:
        assert said is None
        return
    two = numbers.chips[first], numbers.chips[second]
    models = list(numbers.headline_models().values()) or [numbers.model(given["model_id"])]
    rules = contest.same_cases(given["precision"], given["users"], given["context_length"])
    clock = contest.expected(numbers, two, given["engine"])
    rates = [
        np.concatenate([rules.side(m, c, e).at_work().ravel() for m in models])
        for c, e in zip(two, clock.engines, strict=True)
    ]
    held = (rates[0] > 0) | (rates[1] > 0)
    if said is None:
        assert not held.any()
        return
    assert said["cases"] == held.sum()
    with np.errstate(divide="ignore"):
        ratio = rates[0][held] / rates[1][held]
    assert said[f"cases for {two[0].name}"] == (ratio >= 1 + contest.SAME).sum()
    assert said[f"cases for {two[1].name}"] == (ratio <= 1 - contest.SAME).sum()
    assert said["sure leads"] <= said["cases"]


def test_the_lead_in_bandwidth_has_changed_hands_and_had_not_before():
    now, then = (
        every(EDITIONS[name])["pair"].sentence
        for name in ("as it is", "before the launch of MI455X")
    )

    assert f"18{NBSP}% less bandwidth" in now
    assert "the lead in bandwidth has changed hands" in now
    assert f"12{NBSP}% more bandwidth" in then
    assert "changed hands" not in then
    assert f"MI455X, Rubin R200 has 33{NBSP}% less" not in now  # it is announced, and says so
    assert "MI455X (announced)" in now


def test_who_swaps_bandwidths_swaps_the_finding():
    before = told(NUMBERS, "pair")["bandwidth over MI455X"]

    assert told(EDITIONS["bandwidths swapped"], "pair")["bandwidth over MI455X"] == pytest.approx(
        1 / before
    )


@every_edition
def test_no_chip_sweeps_faster_than_the_fastest_or_slower_than_the_slowest(numbers):
    times = {
        c.name: c.memory_capacity.value / c.memory_bandwidth.value
        for c in numbers.shown_chips().values()
    }
    finding = every(numbers).get("sweep")
    if min(times.values()) == max(times.values()):
        assert finding is None
        return
    for name, end in (("shortest", min), ("longest", max)):
        best = end(times.values())
        assert told(numbers, "sweep")[f"{name} sweep"] == pytest.approx(best)
        holders = [name for name, time in times.items() if time == best]
        assert any(f"{show(best, 's')} on {name}" in finding.sentence for name in holders)


@every_edition
def test_dies_that_a_model_takes(numbers):
    given = of(numbers, "20_capacity_vs_bandwidth")
    finding = every(numbers).get("on-die")
    shown = numbers.shown_chips().values()
    dies = [c for c in shown if c.memory_kind.startswith("SRAM")]
    others = [c for c in numbers.chips.values() if not c.memory_kind.startswith("SRAM")]
    if not (dies and others and numbers.headline_models()):
        assert finding is None
        return
    named = next(c for c in dies if finding.sentence.startswith(f"{c.name} keeps"))
    rates = {c.name: c.memory_bandwidth.value for c in others}
    (over,) = {name for name in rates if f"bandwidth over {name}" in finding.numbers}
    assert rates[over] == max(rates.values())
    ratio = named.memory_bandwidth.value / rates[over]
    assert finding.numbers[f"bandwidth over {over}"][0] == pytest.approx(ratio)
    for model in numbers.headline_models().values():
        needed = cases.parameters(model).total * FACTORS[given["precision"]]
        room = named.memory_capacity.value * given["usable_share"]
        count = told(numbers, "on-die")[f"chips for {model.name}"]
        assert count == math.ceil(needed / room - 1e-9)


@pytest.mark.parametrize(
    "name", ["as it is", "the article's day", "no constants", "no measurements", "no h100-sxm5"]
)
def test_how_far_times_are_from_measured_ones(name):
    numbers = EDITIONS[name]
    rows = reality.comparisons(numbers)
    said = told(numbers, "reality")
    if rows.empty:
        assert said is None
        return
    held = {row.measurement: row for row in numbers.held_out}
    steps = [r for r in rows.itertuples() if r.id in held and r.timed == "decode steps"]
    steps = [r for r in steps if not math.isnan(r.expected)]
    scale = params.evidence.SCALES

    assert said["measurements compared"] == len(rows)
    assert said["that beat the ceiling"] == sum(r.floor > r.time for r in rows.itertuples())
    assert ("median error, as a share" in said) == bool(steps)
    if steps:
        times = [held[r.id].without_chip * scale[held[r.id].unit] for r in steps]
        errors = [abs(t / r.time - 1) for t, r in zip(times, steps, strict=True)]
        assert said["median error, as a share"] == pytest.approx(statistics.median(errors))
        within = said["factor of four fifths"]
        share = statistics.mean(
            max(t / r.time, r.time / t) <= within for t, r in zip(times, steps, strict=True)
        )
        assert share == pytest.approx(0.8, abs=1 / len(steps))


@every_edition
def test_verdicts_are_counted(numbers):
    verdicts = list(claims.table(numbers)["verdict"])
    said = told(numbers, "verdicts")
    if not verdicts:
        assert said is None
        return
    assert said.pop("claims") == len(verdicts) == sum(said.values())
    assert said == {verdict: verdicts.count(verdict) for verdict in set(verdicts)}
    board = findings.scoreboard(numbers)
    assert list(board.groupby("verdict")["place"].max().sort_index()) == list(
        board["verdict"].value_counts().sort_index()
    )


def test_verdicts_follow_the_launch_of_mi455x():
    now, then = (told(EDITIONS[n], "verdicts") for n in ("as it is", "before the launch of MI455X"))

    assert now["true when written"] > then.get("true when written", 0)


def test_the_edition_of_the_repository_has_enough_to_say():
    assert 5 <= len(every(NUMBERS)) == len(findings.FINDINGS)
    assert len(findings.markdown(NUMBERS, 8).splitlines()) <= 8
    assert len(findings.markdown(NUMBERS, 3).splitlines()) == 3


def test_a_section_that_is_not_in_the_report_has_no_findings():
    shown = {k: v for k, v in NUMBERS.report.sections.items() if k != "10_memory_bound"}
    report = NUMBERS.report.model_copy(update={"sections": shown})
    left = findings.findings(replace(NUMBERS, report=report))

    assert {f.id for f in left} == {
        key for key, (section, _, _) in findings.FINDINGS.items() if section != "10_memory_bound"
    }


def test_findings_and_their_sections_have_the_same_parameters():
    typed = typed_parameters(NOTEBOOKS, NUMBERS.report.sections)
    for section, given in typed.items():
        assert sections.parameters(NUMBERS.report, section).items() >= given.items()


def test_a_parameter_of_another_type_is_named():
    numbers = in_sections(NUMBERS, wanted_speed="fast")

    with pytest.raises(ValueError, match=r"10_memory_bound.wanted_speed: 'fast' is not float"):
        findings.findings(numbers)


def test_a_table_has_every_number_of_every_finding():
    table = findings.table(NUMBERS)

    assert len(table) == sum(len(f.numbers) for f in every(NUMBERS).values())
    row = table.set_index(["id", "quantity"]).loc[("critical-context", "critical context")]
    assert (row["exhibit"], row["unit"]) == ("fig-critical", "tokens")
    assert row["about"] == "chip h100-sxm5, model llama-3-70b"
