"""Units are checked where numbers enter, and once for every calculation."""

import inspect
import pkgutil
import typing
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportlib import calculations
from reportlib.units import Unit, registry, show

MODULES = [
    import_module(f"{calculations.__name__}.{module.name}")
    for module in pkgutil.iter_modules(calculations.__path__)
]
CALCULATIONS = [
    pytest.param(function, id=f"{module.__name__.rpartition('.')[2]}.{name}")
    for module in MODULES
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__
]


def test_there_are_calculations_to_check():
    assert len(CALCULATIONS) > len(MODULES) > 1


@pytest.mark.parametrize("function", CALCULATIONS)
def test_calculation_returns_the_unit_it_declares(function):
    # The functions are plain arithmetic, so they work on quantities too: Pint does the
    # dimensional analysis. (It cannot see a wrong constant, nor tell FLOP, tokens and numbers
    # apart, which have no dimension; test_published.py can.)
    hints = typing.get_type_hints(function, include_extras=True)
    units = {
        name: next(note.symbol for note in hint.__metadata__ if isinstance(note, Unit))
        for name, hint in hints.items()
    }
    declared = units.pop("return")

    result = function(**{name: registry.Quantity(2.0, unit) for name, unit in units.items()})

    assert registry.Quantity(result).is_compatible_with(declared)


@pytest.mark.parametrize("function", CALCULATIONS)
@settings(max_examples=20)
@given(data=st.data())
def test_calculation_of_arrays_is_that_of_their_elements(function, data):
    values = st.integers(1, 9).map(float)
    names = inspect.signature(function).parameters
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, values)), min_size=1))

    together = function(**{name: np.array([row[name] for row in rows]) for name in names})

    assert together.shape == (len(rows),)
    assert together == pytest.approx([function(**row) for row in rows])


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        ("B", "80 GB", 80e9),
        ("B", "80 GiB", 85_899_345_920),
        ("B", "80GB", 80e9),
        ("B", " 80 GB\n", 80e9),
        ("B/s", "3.35 TB/s", 3.35e12),
        ("B/s", "6.4 Gbit/s", 0.8e9),
        ("B/s", "10 Gbit/s", 1.25e9),
        ("FLOP/s", "989.5 TFLOP/s", 989.5e12),
        ("FLOP/s", "1,979 TFLOP/s", 1979e12),
        ("FLOP/s", "1979 TOP/s", 1979e12),
        ("FLOP/s", "15 PFLOP/s", 15e15),
        ("", "671 billion", 671e9),
        ("", "671e9", 671e9),
        ("", "131,072", 131_072),
        ("", "90%", 0.9),
        ("s", "25 ms", 0.025),
        ("s", "3 µs", 3e-6),
        ("W", "1.4 kW", 1400),
        ("USD", "3 USD", 3),
        ("USD/B", "10.3 USD/GB", 10.3e-9),
        ("J/B", "4 pJ/bit", 32e-12),
        ("V", "1.1 V", 1.1),
        ("J", "0.5 pJ/FLOP", 0.5e-12),
        ("1/s", "720 trillion/month", 720e12 / (365.25 * 86_400 / 12)),
        ("s", "5 years", 5 * 365.25 * 86_400),
        ("USD/s", "3.60 USD/h", 1e-3),
        ("USD/J", "0.09 USD/kWh", 0.09 / 3.6e6),
        ("m", "300 mm", 0.3),
        ("m2", "121 mm2", 121e-6),
        ("m2", "1 µm2", 1e-12),
        ("B/m2", "0.16 Gbit/mm2", 20e12),
    ],
)
def test_parse(unit, text, value):
    assert Unit(unit).parse(text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("unit", "text", "why"),
    [
        ("B/s", "3.35 Tb/s", "(bits or bytes? Write 3.35 Tbit/s or 3.35 TB/s)"),
        ("B/s", "3,35 TB/s", "(write 3.35 TB/s, with a point)"),
        ("USD", "cheap", "(as in 1,599 USD)"),
        ("B/s", "3.35 TBps", "is not a quantity in B/s (write 3.35 TB/s?)"),
        ("B/s", "80 GB", "is not a quantity in B/s"),
        ("B/s", "989 TFLOP/s", "is not a quantity in B/s"),
        ("B/s", "3.35", "is not a quantity in B/s (as in 3.35 TB/s)"),
        ("B/s", "fast", "is not a quantity in B/s"),
        ("B", "80 Gb", "is not a quantity in B (write 80 GB?)"),
        ("FLOP/s", "989 TFLOPS", "is not a quantity in FLOP/s (write 989 TFLOP/s?)"),
        ("FLOP/s", "989 GB/s", "is not a quantity in FLOP/s"),
        ("USD/B", "10.3 USD", "is not a quantity in USD/B (write 10.3 USD/B?)"),
        ("J/B", "4 pJ", "is not a quantity in J/B"),
        ("J", "4 pJ/bit", "is not a quantity in J (as in 0.5 pJ)"),
        ("USD/s", "3 USD", "is not a quantity in USD/s"),
        ("m2", "11 mm", "is not a quantity in m2"),
        ("B", "80 GB2", "is not a quantity in B"),
        ("USD", "35 billion USD", "is not a quantity in USD"),  # a word is no prefix
        ("", "5 GB", "is not a plain number (write digits, as in 80, 671e9 or 671 billion)"),
        ("", "1 2", "is not a plain number"),
        ("B", "", "is not a quantity in B"),
        ("B", "1,00 GB", "is not a quantity in B"),
        ("B", "9**9 GB", "is not a quantity in B"),
        ("B", "9*9 GB", "is not a quantity in B"),
        ("B", "nan GB", "is not a quantity in B"),
        ("B", "inf GB", "is not a quantity in B"),
        ("B", "-1 GB", "is not a positive, finite quantity"),
        ("B", "0 GB", "is not a positive, finite quantity"),
        ("B", "1e400 GB", "is not a positive, finite quantity"),
        ("B", "1e308 GB", "is not a positive, finite quantity"),
        ("B/s", "\N{FULLWIDTH DIGIT THREE}.35 TB/s", "is not a quantity in B/s"),
    ],
)
def test_parse_refuses(unit, text, why):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 (the text is compared in full below)
        Unit(unit).parse(text)

    assert repr(text) in str(refusal.value)
    assert why in str(refusal.value)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3.35e12, "B/s", "3.35 TB/s"),
        (0.0239, "s", "23.9 ms"),
        (999.9e9, "B", "1 TB"),  # rounding carries into the next prefix
        (1234, "", "1.23 k"),
        (0, "B", "0 B"),
    ],
)
def test_show(value, unit, text):
    assert show(value, unit).replace("\N{NO-BREAK SPACE}", " ") == text


@given(value=st.floats(1e-6, 1e20))
def test_what_is_shown_is_read_back(value):
    assert Unit("B").parse(show(value, "B", digits=12)) == pytest.approx(value, rel=1e-11)
