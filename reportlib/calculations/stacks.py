"""The anatomy of HBM: what a stack's pins deliver, and how fast a figure grows.

Left out: refresh, turnaround and bank conflicts; these are peak rates. A chip's pins run at the
rate it sells, often below the one that the memory is rated for.
"""

from reportlib.units import BytesPerSecond, Count


def stack_bandwidth(
    *, stacks: Count, interface_width: Count, data_rate_per_pin: BytesPerSecond
) -> BytesPerSecond:
    """Peak bandwidth of *stacks* stacks of *interface_width* data pins each.

    >>> stack_bandwidth(stacks=1, interface_width=1024, data_rate_per_pin=6.4e9 / 8)  # HBM3
    819200000000.0
    """
    return stacks * interface_width * data_rate_per_pin


def annual_growth(*, first: Count, last: Count, years: Count) -> Count:
    """Compound growth per year between two values of one quantity, whatever its unit.

    >>> round(annual_growth(first=1, last=4, years=4), 3)  # doubling every two years
    0.414
    """
    return (last / first) ** (1 / years) - 1
