"""The what-if panel in a browser: its real controls, and every number that it shows."""

import json
import random

import pytest

from reportlib import params
from reportlib.calibrate import PRIORS
from reportlib.cases import what_if
from reportlib.exhibits.tables import what_if as tables

pytestmark = pytest.mark.browser

NUMBERS = params.load(params.DEFAULT_ROOT)
MODELS = {model.name: model for model in NUMBERS.models.values()}
CHIPS = {chip.name: chip for chip in NUMBERS.chips.values()}
LATENCY = PRIORS["collective_latency"][0]
SLIDERS = {
    "log_batch": tables.BATCHES, "log_context": tables.CONTEXTS, "log_chips": tables.CHIPS,
    "percent": tables.SHARES,
}  # fmt: skip
SETTINGS = 50


class Panel:
    """The panel as a reader has it."""

    def __init__(self, page):
        """Find it in *page*."""
        self.page = page
        self.chart = page.show("fig-what-if")
        self.choices = {
            name: self.chart.locator(f"select[name={name}] option").all_inner_texts()
            for name in ("model", "chip", "precision")
        }

    def set(self, name, value):
        """Choose *value*, an option's text or a slider's number."""
        if name in self.choices:
            self.chart.locator(f"select[name={name}]").select_option(label=value)
        else:
            self.chart.locator(f"input[name={name}]").fill(str(value))

    def title(self):
        """Return the lines of the title."""
        return self.chart.locator(".role-title-text tspan").all_text_contents()

    def wait(self, title):
        """Wait until the title has these lines."""
        lines = "[...document.querySelectorAll('#fig-what-if .role-title-text tspan')]"
        self.page.until(
            f"`${{{lines}.map((e) => e.textContent)}}` === {json.dumps(','.join(title))}"
        )

    def texts(self):
        """Return what is said of each quantity."""
        names = self.chart.locator(".role-axis-label text").all_text_contents()
        said = self.chart.locator(".mark-text.role-mark text").all_text_contents()
        return dict(zip(names[-len(said) :], said, strict=True))


def meant(chosen):
    """Return what Python says of the setting that is *chosen*."""
    setting = what_if.Setting(
        2 ** chosen["log_batch"], 2 ** chosen["log_context"], 2 ** chosen["log_chips"],
        chosen["percent"] / 100,
    )  # fmt: skip
    chip = CHIPS[chosen["chip"].removesuffix(" (announced)").removesuffix(" (cancelled)")]
    precision = chosen["precision"].casefold()
    return tables.said(MODELS[chosen["model"]], chip, precision, setting, LATENCY)


def test_every_number_is_that_of_python(visit):
    page = visit()
    panel = Panel(page)
    chance = random.Random(20261122)  # noqa: S311
    for _ in range(SETTINGS):
        chosen = {name: chance.choice(options) for name, options in panel.choices.items()}
        chosen |= {name: chance.choice(values) for name, values in SLIDERS.items()}
        for name, value in chosen.items():
            panel.set(name, value)
        title, texts = meant(chosen)
        panel.wait(title)

        assert panel.texts() == texts, chosen
    assert page.complaints == []


def test_controls_have_names_and_say_numbers(visit):
    panel = Panel(visit())
    for name in ("Model", "Chip", "Weights in"):
        assert panel.chart.get_by_role("combobox", name=name, exact=True).count() == 1
    panel.set("log_batch", 8)
    slider = panel.chart.locator("input[name=log_batch]")

    assert slider.get_attribute("aria-valuetext") == "256"
    assert slider.evaluate("e => e.parentElement.textContent") == "Users256"


def test_keyboard_moves_it(visit):
    page = visit()
    panel = Panel(page)
    first, second = panel.title()
    assert " on 4 × " in first
    panel.chart.locator("input[name=log_chips]").focus()
    page.tab.keyboard.press("ArrowRight")
    panel.wait([first.replace(" on 4 × ", " on 8 × "), second])
    page.tab.keyboard.press("Tab")
    assert page.tab.evaluate("document.activeElement.name") == "log_batch"
    page.tab.keyboard.press("Enter")

    assert page.tab.evaluate("violations") == []
    assert panel.texts()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_controls_stand_above_the_picture(visit, width):
    panel = Panel(visit(width))
    form = panel.chart.locator("form").bounding_box()
    picture = panel.chart.locator("svg").bounding_box()
    inside = panel.chart.locator("form").evaluate("e => e.scrollWidth <= e.clientWidth")

    assert inside
    assert form["y"] + form["height"] <= picture["y"]
    assert form["x"] + form["width"] <= width


def test_print_and_no_script_have_the_picture_alone(visit):
    page = visit()
    panel = Panel(page)
    page.tab.emulate_media(media="print")
    assert not panel.chart.locator("form").is_visible()

    still = visit(java_script_enabled=False).tab.locator("#fig-what-if")
    assert still.locator("form").count() == 0
    assert still.locator(".chart").evaluate("e => getComputedStyle(e).paddingTop") == "0px"
