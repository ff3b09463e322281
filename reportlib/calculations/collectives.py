"""How long chips take to exchange what a split model leaves on the wrong chip.

Every time is steps · *latency* + bytes that the busiest chip sends / *link_bandwidth*, and zero
for one chip. *link_bandwidth* is that of all of a chip's links together in ONE direction (data
sheets often print the sum of both), and what they sustain: 0.7 of the data sheet through an
NVLink switch [@aiconfigurator-collectives], 0.44 where eight chips send over PCIe at once
[@rtx6kpro-pcie], 0.85 on a network of 400 Gbit/s [@deepep-v1]. *latency* is one exchange that
all chips wait for, with launch, wire and synchronization: 3 to 6, 7.5 and 20 µs in the same
measurements.

Decode steps send kilobytes, so that latency is most of their time, and steps are what tells
algorithms apart: a ring, with one per hop, takes ten times what an engine's own kernel does
[@nvidia-multishot] [@aiconfigurator-collectives].

Left out: overlap with arithmetic, congestion, and smaller messages' lower bandwidth, for which
sums of 16 MB take up to half as long again.
"""

import numpy as np

from reportlib.units import Bytes, BytesPerSecond, Count, Seconds


def one_shot_all_reduce_time(
    *, message_bytes: Bytes, chips: Count, link_bandwidth: BytesPerSecond, latency: Seconds
) -> Seconds:
    """Time to sum *message_bytes* over chips that each send all of theirs to all others.

    One step, for small messages [@flashinfer-all-reduce].

    >>> round(float(one_shot_all_reduce_time(  # 8 · 8192 values of 2 bytes: 3.1 + 7 · 0.131/0.34 µs
    ...     message_bytes=131_072, chips=8, link_bandwidth=340e9, latency=3.1e-6
    ... )) * 1e6, 1)
    5.8
    """
    return np.minimum(chips - 1, 1) * latency + (chips - 1) * message_bytes / link_bandwidth


def two_shot_all_reduce_time(
    *, message_bytes: Bytes, chips: Count, link_bandwidth: BytesPerSecond, latency: Seconds
) -> Seconds:
    """Time to sum *message_bytes* over chips that each sum one part, then send it to all others.

    Two steps, for large messages [@flashinfer-all-reduce].

    >>> round(float(two_shot_all_reduce_time(  # 6.2 + 2 · 7/8 · 16.8/0.34 µs; measured: 92
    ...     message_bytes=2**24, chips=8, link_bandwidth=340e9, latency=3.1e-6
    ... )) * 1e6, 1)
    92.6
    """
    sent = 2 * (chips - 1) / chips * message_bytes
    return 2 * np.minimum(chips - 1, 1) * latency + sent / link_bandwidth


def ring_all_reduce_time(
    *, message_bytes: Bytes, chips: Count, link_bandwidth: BytesPerSecond, latency: Seconds
) -> Seconds:
    """Time to sum *message_bytes* over chips that speak to their neighbours only.

    As many bytes as in two shots, the least possible without help from a switch
    [@nccl-tests-performance], but 2 · (chips - 1) steps [@nvidia-multishot].

    >>> round(float(ring_all_reduce_time(  # 14 · 3.1 µs: H100's best measured is 3.6
    ...     message_bytes=8192, chips=8, link_bandwidth=340e9, latency=3.1e-6
    ... )) * 1e6, 1)
    43.4
    """
    sent = 2 * (chips - 1) / chips * message_bytes
    return 2 * (chips - 1) * latency + sent / link_bandwidth


def tree_all_reduce_time(
    *, message_bytes: Bytes, chips: Count, link_bandwidth: BytesPerSecond, latency: Seconds
) -> Seconds:
    """Time to sum *message_bytes* up a binary tree and send the sum down again, pipelined.

    >>> round(float(tree_all_reduce_time(  # 6 · 3.1 µs
    ...     message_bytes=8192, chips=8, link_bandwidth=340e9, latency=3.1e-6
    ... )) * 1e6, 1)
    18.6
    """
    sent = 2 * np.minimum(chips - 1, 1) * message_bytes
    return 2 * np.ceil(np.log2(chips)) * latency + sent / link_bandwidth


def in_switch_all_reduce_time(
    *, message_bytes: Bytes, chips: Count, link_bandwidth: BytesPerSecond, latency: Seconds
) -> Seconds:
    """Time to sum *message_bytes* in the switch, as NVLink's does from its third generation on.

    Each chip sends its message once, for the switch to sum, and its part of the sum once, for the
    switch to spread: 1 + 1/chips messages in two steps [@nvidia-multishot]. Measured sums in the
    switch sustain less of the data sheet than others: 0.6 to 0.7
    [@ml-engineering-network-benchmarks].

    >>> round(float(in_switch_all_reduce_time(  # 6.2 + 9/8 · 16.8/0.28 µs
    ...     message_bytes=2**24, chips=8, link_bandwidth=280e9, latency=3.1e-6
    ... )) * 1e6, 1)
    73.6
    """
    several = np.minimum(chips - 1, 1)
    sent = several * (chips + 1) / chips * message_bytes
    return 2 * several * latency + sent / link_bandwidth


def all_reduce_time(
    *,
    message_bytes: Bytes,
    chips: Count,
    link_bandwidth: BytesPerSecond,
    latency: Seconds,
    direct: Count,
    in_switch: Count,
) -> Seconds:
    """Time to sum *message_bytes* over chips by the fastest algorithm that their links allow.

    *direct*: 1 if a switch or a link for each pair takes any chip's whole *link_bandwidth* to any
    others, 0 for rings and tori. *in_switch*: 1 if a switch can sum.

    >>> round(float(all_reduce_time(  # one shot
    ...     message_bytes=8192, chips=8, link_bandwidth=340e9, latency=3.1e-6, direct=1, in_switch=0
    ... )) * 1e6, 1)
    3.3
    """
    link = {
        "message_bytes": message_bytes,
        "chips": chips,
        "link_bandwidth": link_bandwidth,
        "latency": latency,
    }
    neighbours = np.minimum(ring_all_reduce_time(**link), tree_all_reduce_time(**link))
    any_pair = np.minimum(one_shot_all_reduce_time(**link), two_shot_all_reduce_time(**link))
    fastest = direct * any_pair + (1 - direct) * neighbours
    summed = np.minimum(in_switch_all_reduce_time(**link), fastest)
    return in_switch * summed + (1 - in_switch) * fastest


def two_level_all_reduce_time(
    *,
    message_bytes: Bytes,
    chips_per_node: Count,
    nodes: Count,
    link_bandwidth: BytesPerSecond,
    latency: Seconds,
    network_bandwidth: BytesPerSecond,
    network_latency: Seconds,
) -> Seconds:
    """Time to sum *message_bytes* over chips of several nodes.

    Inside each node every chip sums one part, then shares it with its counterparts in the other
    nodes over its own *network_bandwidth*, one direction too, then spreads it inside the node.

    >>> round(float(two_level_all_reduce_time(  # 6 + 3/2 · 8/0.32 and 25 + 2/0.05 µs
    ...     message_bytes=8e6, chips_per_node=4, nodes=2, link_bandwidth=320e9, latency=3e-6,
    ...     network_bandwidth=50e9, network_latency=25e-6,
    ... )) * 1e6, 1)
    108.5
    """
    inside = two_shot_all_reduce_time(
        message_bytes=message_bytes,
        chips=chips_per_node,
        link_bandwidth=link_bandwidth,
        latency=latency,
    )
    between = {
        "message_bytes": message_bytes / chips_per_node,
        "chips": nodes,
        "link_bandwidth": network_bandwidth,
        "latency": network_latency,
    }
    return inside + np.minimum(
        one_shot_all_reduce_time(**between), two_shot_all_reduce_time(**between)
    )


def all_gather_time(
    *, gathered_bytes: Bytes, chips: Count, link_bandwidth: BytesPerSecond, latency: Seconds
) -> Seconds:
    """Time until every chip has all *gathered_bytes*, of which each had its part.

    Also that of its reverse, a reduce-scatter [@nccl-tests-performance].

    >>> round(float(all_gather_time(  # logits of 32 tokens: 3.1 + 7/8 · 8.2/0.34 µs
    ...     gathered_bytes=32 * 128_256 * 2, chips=8, link_bandwidth=340e9, latency=3.1e-6
    ... )) * 1e6, 1)
    24.2
    """
    received = (chips - 1) / chips * gathered_bytes
    return np.minimum(chips - 1, 1) * latency + received / link_bandwidth


def point_to_point_time(
    message_bytes: Bytes, *, link_bandwidth: BytesPerSecond, latency: Seconds
) -> Seconds:
    """Time to send *message_bytes* from one chip to one other, as pipeline stages do.

    >>> round(float(point_to_point_time(  # 32 tokens of 8192 values: 5 + 0.52/0.05 µs
    ...     32 * 8192 * 2, link_bandwidth=50e9, latency=5e-6
    ... )) * 1e6, 1)
    15.5
    """
    return latency + message_bytes / link_bandwidth


def remote_ranks(*, experts: Count, active_experts: Count, ranks: Count) -> Count:
    """Expected number of other ranks that hold a token's experts: the copies to send of it.

    One copy serves all experts of a rank. Experts lie evenly on ranks, and a token picks
    *active_experts* different ones uniformly, so that a rank has none of them with probability
    C(experts - experts/ranks, active) / C(experts, active). Routing that is limited to some
    nodes reaches fewer. With nodes for *ranks*: the copies that leave a node.

    >>> round(float(remote_ranks(experts=256, active_experts=8, ranks=8)), 2)  # DeepSeek-V3
    4.63
    """
    picks = np.minimum(active_experts, experts)
    elsewhere = experts - experts / ranks
    missed = _falling_factorial(elsewhere, picks) / _falling_factorial(experts, picks)
    return (ranks - 1) * (1 - missed)


def _falling_factorial(items: Count, factors: Count) -> Count:
    """Product of items, items - 1, …, of so many *factors*; 0 where there are fewer items.

    Factors lie evenly around their mean, with a mean square distance of (factors² - 1)/12: a
    closed form, exact up to two factors and to 0.1 % for experts of models.

    >>> float(_falling_factorial(256, 2))
    65280.0
    """
    mean = items - (factors - 1) / 2
    square = np.maximum(mean**2 - (factors**2 - 1) / 12, 0)
    enough = np.clip(items - factors + 1, 0, 1)  # 0 or 1, as both are whole numbers
    return enough * square ** (factors / 2)


def remote_copies(active_experts: Count, ranks: Count) -> Count:
    """Expected copies to send of a token if each of its experts gets one, even on the same rank.

    What kernels for small batches do: they save steps, not bytes [@deepep-v1].

    >>> remote_copies(active_experts=8, ranks=64)
    7.875
    """
    return active_experts * (1 - 1 / ranks)


def all_to_all_time(
    *,
    tokens: Count,
    bytes_per_token: Bytes,
    copies: Count,
    link_bandwidth: BytesPerSecond,
    latency: Seconds,
) -> Seconds:
    """Time to send a rank's *tokens* to their experts on other ranks, or to bring results back.

    *copies* of each token leave (see remote_ranks and remote_copies); none take no time. Tokens
    are spread evenly over ranks. Across nodes links and network work at once: the slower counts.

    >>> round(float(all_to_all_time(  # DeepSeek-V3 in FP8 on 8 nodes of 8 H800: measured, 173
    ...     tokens=128, bytes_per_token=7168 + 7168 / 128 * 4, copies=remote_copies(8, ranks=8),
    ...     link_bandwidth=0.85 * 50e9, latency=20e-6,
    ... )) * 1e6)
    176
    """
    sent = tokens * copies * bytes_per_token
    return np.sign(copies) * latency + sent / link_bandwidth
