"""What a token costs, in money and in energy.

A chip costs a price for every second that it is kept, whether it works or not, and draws power by
how hard it works. A token bears the seconds that it takes: one of the prompt its share of the
prefill, one of the answer its share of a decode step, so that the two differ in cost. All rates
are of one chip, or of all chips that serve the model together if price, power and speed are.

Left out: staff, software, networks beyond the host, margins and taxes; that a price falls while
the chip ages; and the energy that went into making it.
"""

from reportlib.units import (
    Bytes,
    Count,
    Dollars,
    DollarsPerJoule,
    DollarsPerSecond,
    Joules,
    JoulesPerByte,
    PerJoule,
    PerSecond,
    Seconds,
    Watts,
)

MILLION = 1e6  # tokens, by which prices are printed


def capital_recovery_factor(discount_rate: Count, periods: Count) -> Count:
    """Constant payment per period that repays 1 with interest over *periods* periods.

    The annuity of any text on investments [@engineersedge-recovery]. *discount_rate* is per
    period and above 0; towards 0, the factor goes to 1/periods.

    >>> round(float(capital_recovery_factor(discount_rate=0.10, periods=6)), 4)
    0.2296
    """
    return discount_rate / (1 - (1 + discount_rate) ** -periods)


def owning_price(
    *,
    capital: Dollars,
    recovery_factor: Count,
    upkeep_share: Count,
    period: Seconds,
    power: Watts,
    power_usage_effectiveness: Count,
    energy_price: DollarsPerJoule,
) -> DollarsPerSecond:
    """Price of keeping a chip that one owns: capital, upkeep and energy.

    *capital* is of the chip and its share of host, network and building; *recovery_factor* and
    *upkeep_share*, of the capital, are per *period*; *power* is what chip and host draw, and its
    *power_usage_effectiveness* what the building draws for each watt of that.

    >>> hour, year, kilowatt_hour = 3600, 365.25 * 86_400, 3.6e6
    >>> round(hour * owning_price(  # 50,000 USD over six years at 10 %, and 1.2 kW
    ...     capital=50_000, recovery_factor=0.2296, upkeep_share=0.05, period=year,
    ...     power=1200, power_usage_effectiveness=1.3, energy_price=0.09 / kilowatt_hour,
    ... ), 2)
    1.74
    """
    payments = capital * (recovery_factor + upkeep_share) / period
    return payments + power * power_usage_effectiveness * energy_price


def token_cost(
    *, price: DollarsPerSecond, tokens_per_second: PerSecond, utilization: Count
) -> Dollars:
    """Cost of a token where one speed is known for all of them, as in a benchmark.

    *utilization* is the share of paid time that chips work at that speed.

    >>> round(MILLION * token_cost(price=3 / 3600, tokens_per_second=4318, utilization=1), 3)
    0.193
    """
    return price / (tokens_per_second * utilization)


def input_token_cost(
    *, price: DollarsPerSecond, prefill_time: Seconds, input_length: Count, utilization: Count
) -> Dollars:
    """Cost of a token of the prompt: its share of the time of a prefill.

    *prefill_time* and *input_length* are of the same sequences, one or many.

    >>> round(MILLION * input_token_cost(  # 2,048 tokens in 0.3 s at 3 USD/h
    ...     price=3 / 3600, prefill_time=0.3, input_length=2048, utilization=1
    ... ), 3)
    0.122
    """
    return price * prefill_time / (input_length * utilization)


def output_token_cost(
    *, price: DollarsPerSecond, step_time: Seconds, batch_size: Count, utilization: Count
) -> Dollars:
    """Cost of a token of the answer: its share of the time of a decode step.

    >>> round(MILLION * output_token_cost(  # 64 sequences in 40 ms at 3 USD/h
    ...     price=3 / 3600, step_time=0.04, batch_size=64, utilization=1
    ... ), 3)
    0.521
    """
    return price * step_time / (batch_size * utilization)


def blended_token_cost(
    *, input_cost: Dollars, output_cost: Dollars, output_share: Count, cache_hit_rate: Count
) -> Dollars:
    """Mean cost of all tokens, of which a share are output and the rest input.

    Input that a prefix cache holds (the share *cache_hit_rate* of input) costs nothing; what it
    costs to keep is left out.

    >>> round(blended_token_cost(
    ...     input_cost=0.1, output_cost=0.5, output_share=0.2, cache_hit_rate=0.5
    ... ), 3)
    0.14
    """
    computed = (1 - output_share) * (1 - cache_hit_rate)
    return computed * input_cost + output_share * output_cost


def cost_per_million_tokens(token_cost: Dollars) -> Dollars:
    """Cost of a million tokens, as services print their prices.

    >>> cost_per_million_tokens(2.5e-7)
    0.25
    """
    return token_cost * MILLION


def drawn_power(*, rated_power: Watts, idle_share: Count, activity: Count) -> Watts:
    """Power that a chip draws: a constant when idle, and the rest as it works.

    Both shares are between 0 and 1; *activity* is 1 where the rated power is drawn. Linear
    between, which measured draws are roughly: waiting for memory takes less than arithmetic.

    >>> drawn_power(rated_power=800, idle_share=0.25, activity=0.5)
    500.0
    """
    return rated_power * (idle_share + (1 - idle_share) * activity)


def energy_per_token(
    *, power: Watts, power_usage_effectiveness: Count, tokens_per_second: PerSecond
) -> Joules:
    """Energy of a token, with its share of cooling and losses of the building.

    >>> energy_per_token(power=1000, power_usage_effectiveness=1.5, tokens_per_second=500)
    3.0
    """
    return power * power_usage_effectiveness / tokens_per_second


def step_energy(
    *,
    bytes_read: Bytes,
    energy_per_byte: JoulesPerByte,
    flop: Count,
    energy_per_flop: Joules,
    static_power: Watts,
    step_time: Seconds,
) -> Joules:
    """Energy of a step from its parts: moving bytes, computing, and what flows in any case.

    A check on the power of a whole chip, not a replacement: on-chip wires, caches and regulators
    are in none of the parts.

    >>> round(step_energy(  # 70B in BF16 once, at 4 pJ/bit and 0.5 pJ/FLOP
    ...     bytes_read=140e9, energy_per_byte=32e-12, flop=140e9, energy_per_flop=0.5e-12,
    ...     static_power=80, step_time=0.042,
    ... ), 2)
    7.91
    """
    return bytes_read * energy_per_byte + flop * energy_per_flop + static_power * step_time


def energy_cost(energy: Joules, energy_price: DollarsPerJoule) -> Dollars:
    """Cost of energy.

    >>> energy_cost(3.6e6, energy_price=0.09 / 3.6e6)  # a kilowatt-hour
    0.09
    """
    return energy * energy_price


def tokens_per_joule(tokens_per_second: PerSecond, power: Watts) -> PerJoule:
    """Tokens for a joule, which is tokens per second for each watt.

    >>> tokens_per_joule(tokens_per_second=500, power=1000)
    0.5
    """
    return tokens_per_second / power
