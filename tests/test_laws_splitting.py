"""Laws of models that are split over chips, whatever the chips, the links and the model."""

from math import comb

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reportlib.calculations.collectives import (
    all_gather_time,
    all_reduce_time,
    all_to_all_time,
    in_switch_all_reduce_time,
    one_shot_all_reduce_time,
    point_to_point_time,
    remote_copies,
    remote_ranks,
    ring_all_reduce_time,
    tree_all_reduce_time,
    two_level_all_reduce_time,
    two_shot_all_reduce_time,
)
from reportlib.calculations.experts import (
    busiest_rank_experts,
    busiest_rank_tokens,
    coverage_tokens,
    most_distinct_experts,
    padding_factor,
    skewed_distinct_experts,
    tokens_per_expert,
)
from reportlib.calculations.splitting import (
    balanced_chips,
    doubling_speed_up,
    fixed_step_time,
    heads_share,
    kv_copies,
    kv_share,
    pipeline_bubble,
    pipeline_step_time,
    replicas,
    split_batch_size,
    split_context_length,
    splits_evenly,
    usable_capacity,
    weight_bytes_per_chip,
)
from reportlib.calculations.transformer import distinct_experts

ROUNDING = 1e-9  # what floats may add to either side of an inequality

amounts = st.floats(1e6, 1e12)
numbers = st.integers(1, 256)
chips_and_links = st.fixed_dictionaries(
    {
        "message_bytes": st.floats(1e2, 1e9),
        "chips": numbers,
        "link_bandwidth": st.floats(1e9, 1e13),
        "latency": st.floats(1e-7, 1e-3),
    }
)
switches = st.fixed_dictionaries(
    {"direct": st.sampled_from([0, 1]), "in_switch": st.sampled_from([0, 1])}
)
ALL_REDUCES = [
    one_shot_all_reduce_time,
    two_shot_all_reduce_time,
    ring_all_reduce_time,
    tree_all_reduce_time,
    in_switch_all_reduce_time,
]


@given(link=chips_and_links)
@pytest.mark.parametrize("time", ALL_REDUCES)
def test_one_chip_has_nothing_to_exchange(time, link):
    assert time(**link | {"chips": 1}) == 0
    assert time(**link | {"chips": 2}) > 0


@given(link=chips_and_links, switch=switches)
def test_neither_one_chip_nor_one_rank_exchanges(link, switch):
    alone = link | {"chips": 1}
    gathered = {"gathered_bytes": alone.pop("message_bytes")} | alone

    assert all_reduce_time(**link | {"chips": 1}, **switch) == 0
    assert all_gather_time(**gathered) == 0
    for copies in (
        remote_copies(8, ranks=1),
        remote_ranks(experts=64, active_experts=8, ranks=1),
    ):
        assert (
            all_to_all_time(
                tokens=32, bytes_per_token=7168, copies=copies, link_bandwidth=1e9, latency=1e-6
            )
            == 0
        )


@given(link=chips_and_links, switch=switches, factor=st.floats(1, 100))
@pytest.mark.parametrize(
    ("name", "way"), [("link_bandwidth", 1), ("message_bytes", -1), ("latency", -1)]
)
def test_a_better_link_never_slows_an_all_reduce(name, way, link, switch, factor):
    better = link | {name: link[name] * factor**way}

    faster, slower = (all_reduce_time(**arguments, **switch) for arguments in (better, link))
    assert faster <= slower * (1 + ROUNDING)


@given(link=chips_and_links)
def test_the_fastest_algorithm_is_one_of_those_that_the_links_allow(link):
    one, two, ring, tree, summed = (time(**link) for time in ALL_REDUCES)

    assert all_reduce_time(**link, direct=0, in_switch=0) == min(ring, tree)
    assert all_reduce_time(**link, direct=1, in_switch=0) == min(one, two)
    assert all_reduce_time(**link, direct=1, in_switch=1) == min(one, two, summed)
    assert min(one, two) <= min(ring, tree) * (1 + ROUNDING)


@given(link=chips_and_links)
def test_every_all_reduce_without_a_switch_that_sums_sends_its_least_bytes(link):
    # What a chip lacks of the sum it must get, and what others lack of its part it must send.
    least = 2 * (link["chips"] - 1) / link["chips"] * link["message_bytes"]

    for time in ALL_REDUCES[:-1]:
        assert time(**link) >= least / link["link_bandwidth"] * (1 - ROUNDING)


@given(link=chips_and_links)
def test_a_two_shot_all_reduce_is_a_scatter_and_a_gather(link):
    gathered = {name: value for name, value in link.items() if name != "message_bytes"}

    assert two_shot_all_reduce_time(**link) == pytest.approx(
        2 * all_gather_time(gathered_bytes=link["message_bytes"], **gathered)
    )


@given(link=chips_and_links, nodes=numbers)
def test_two_levels_are_one_where_there_is_one_node_or_one_chip_in_each(link, nodes):
    network = {"network_bandwidth": 50e9, "network_latency": 2e-5}
    inside = link | {"chips_per_node": link["chips"]}
    del inside["chips"]

    assert two_level_all_reduce_time(**inside, nodes=1, **network) == pytest.approx(
        two_shot_all_reduce_time(**link)
    )
    assert two_level_all_reduce_time(
        **inside | {"chips_per_node": 1}, nodes=nodes, **network
    ) == pytest.approx(
        all_reduce_time(
            message_bytes=link["message_bytes"],
            chips=nodes,
            link_bandwidth=50e9,
            latency=2e-5,
            direct=1,
            in_switch=0,
        )
    )


@given(link=chips_and_links, levels=st.integers(0, 10))
def test_a_tree_takes_a_step_up_and_one_down_for_each_level(link, levels):
    tree = tree_all_reduce_time(**link | {"chips": 2**levels, "message_bytes": 0})

    assert tree == pytest.approx(2 * levels * link["latency"])


@given(message=amounts, bandwidth=amounts, latency=st.floats(1e-7, 1e-3))
def test_a_transfer_takes_no_less_than_its_latency_or_its_bytes(message, bandwidth, latency):
    time = point_to_point_time(message, link_bandwidth=bandwidth, latency=latency)

    assert time >= max(latency, message / bandwidth)


@given(held=st.integers(1, 64), ranks=numbers, data=st.data())
def test_remote_ranks_are_those_of_drawing_without_replacement(held, ranks, data):
    experts = held * ranks
    active = data.draw(st.integers(1, min(experts, 32)))
    missed = comb(experts - held, active) / comb(experts, active)
    exact = (ranks - 1) * (1 - missed)

    ours = remote_ranks(experts=experts, active_experts=active, ranks=ranks)

    # The closed form is worst where a token takes most experts of a small model.
    assert ours == pytest.approx(exact, rel=0.001 if experts >= 2 * active else 0.02)
    assert ours <= min(ranks - 1, active) * (1 + 0.001)
    if experts >= 2 * active:
        assert ours <= remote_copies(active, ranks) * (1 + 0.001) + ROUNDING


kv_shapes = st.fixed_dictionaries(
    {"kv_heads": st.integers(1, 64), "chips": st.integers(1, 64), "group": st.integers(1, 16)}
)


@given(shape=kv_shapes)
def test_caches_are_shared_as_far_as_there_are_heads(shape):
    kv_heads, chips = shape["kv_heads"], shape["chips"]
    share, copies = kv_share(kv_heads, chips), kv_copies(kv_heads, chips)

    assert share >= max(1 / chips, 1 / kv_heads) * (1 - ROUNDING)
    assert share <= 1
    assert copies >= max(1, chips / kv_heads) * (1 - ROUNDING)
    heads = kv_heads * shape["group"]
    if splits_evenly(heads=heads, kv_heads=kv_heads, chips=chips):
        assert copies == pytest.approx(max(1, chips / kv_heads))
        assert heads_share(heads, chips) == pytest.approx(1 / chips)


@given(kv_heads=st.integers(1, 64), group=st.integers(1, 16))
def test_engines_split_attention_into_whole_heads(kv_heads, group):
    chips = np.arange(1, 257)
    heads = kv_heads * group
    # As vLLM asserts it, line by line.
    allowed = [
        heads % n == 0 and (kv_heads % n == 0 if kv_heads >= n else n % kv_heads == 0)
        for n in chips
    ]

    assert (splits_evenly(heads=heads, kv_heads=kv_heads, chips=chips) == allowed).all()


def test_a_latent_cache_is_on_every_chip():
    assert kv_share(1, chips=16) == 1
    assert kv_copies(1, chips=16) == 16


splits = st.fixed_dictionaries(
    {
        "split_bytes": amounts,
        "chips": numbers,
        "kv_bytes": amounts,
        "kv_heads": st.integers(1, 64),
        "expert_bytes": amounts,
        "expert_ranks": numbers,
        "copied_bytes": st.floats(0, 1e9),
    }
)


@given(split=splits)
def test_chips_together_hold_the_model_at_least_once(split):
    per_chip = weight_bytes_per_chip(**split)
    parts = {"chips": 1, "expert_ranks": 1}
    whole = weight_bytes_per_chip(**split | parts)

    assert whole == pytest.approx(
        split["split_bytes"] + split["kv_bytes"] + split["expert_bytes"] + split["copied_bytes"]
    )
    assert per_chip <= whole * (1 + ROUNDING)
    assert per_chip * max(split["chips"], split["expert_ranks"]) >= whole * (1 - ROUNDING)


memories = st.fixed_dictionaries(
    {
        "usable_capacity": st.floats(1e9, 1e12),
        "weight_bytes_per_chip": st.floats(1e8, 1e12),
        "kv_share": st.integers(1, 64).map(lambda heads: 1 / heads),
    }
)


@given(memory=memories, kv_bytes=st.floats(1e5, 1e11))
def test_the_largest_batch_fits_and_one_more_does_not(memory, kv_bytes):
    batch = split_batch_size(**memory, kv_bytes_per_sequence=kv_bytes)
    room = memory["usable_capacity"] - memory["weight_bytes_per_chip"]

    assert batch >= 0
    assert (batch + 1) * kv_bytes * memory["kv_share"] > room * (1 - ROUNDING)
    if batch:
        assert batch * kv_bytes * memory["kv_share"] <= room * (1 + ROUNDING)


@given(memory=memories, kv_bytes=st.integers(1_000, 1_000_000), batch=st.integers(1, 1000))
def test_the_largest_context_fits_and_the_batch_with_it(memory, kv_bytes, batch):
    context = split_context_length(**memory, batch_size=batch, kv_bytes_per_token=kv_bytes)
    room = memory["usable_capacity"] - memory["weight_bytes_per_chip"]
    assert (context + 1) * batch * kv_bytes * memory["kv_share"] > room * (1 - ROUNDING)
    assume(context)

    assert split_batch_size(
        **memory, kv_bytes_per_sequence=kv_bytes * context * (1 - ROUNDING)
    ) >= (batch)


@given(capacity=amounts, share=st.floats(0.1, 1), reserved=st.floats(0, 1e5))
def test_less_is_usable_than_there_is(capacity, share, reserved):
    usable = usable_capacity(memory_capacity=capacity, usable_share=share, reserved_bytes=reserved)

    assert usable <= capacity
    assert usable + reserved == pytest.approx(share * capacity)


@given(chips=numbers, each=numbers)
def test_replicas_use_as_many_chips_as_they_can(chips, each):
    assert replicas(chips, each) * each <= chips < (replicas(chips, each) + 1) * each


pipelines = st.fixed_dictionaries(
    {
        "stage_time": st.floats(1e-6, 1),
        "stages": st.integers(1, 64),
        "micro_batches": st.integers(1, 64),
        "transfer_time": st.floats(0, 1),
    }
)


def last_exits(*, stage_time, stages, micro_batches, transfer_time, rounds):
    """Return when the first micro-batch leaves the last stage in each of so many *rounds*."""
    free, ready, exits = [0.0] * stages, [0.0] * micro_batches, []
    for _ in range(rounds):
        for micro_batch in range(micro_batches):
            time = ready[micro_batch]
            for stage in range(stages):
                time = free[stage] = max(time, free[stage]) + stage_time
                time += transfer_time * (stage < stages - 1)
            ready[micro_batch] = time
        exits.append(ready[0])
    return exits


@given(pipeline=pipelines)
def test_a_pipeline_steps_as_fast_as_a_simulated_one(pipeline):
    exits = last_exits(**pipeline, rounds=6)

    assert pipeline_step_time(**pipeline) == pytest.approx((exits[-1] - exits[0]) / 5)


@given(stages=st.integers(1, 64), micro_batches=st.integers(1, 64))
def test_a_bubble_is_what_a_simulated_pipeline_idles(stages, micro_batches):
    free = [0] * stages
    for _ in range(micro_batches):
        time = 0
        for stage in range(stages):
            time = free[stage] = max(time, free[stage]) + 1

    assert pipeline_bubble(stages, micro_batches) == pytest.approx(1 - micro_batches / free[-1])


@given(bytes_read=amounts, bandwidth=st.floats(1e9, 1e15), fixed=st.floats(1e-6, 1), chips=numbers)
def test_the_speed_up_of_doubling_is_that_of_the_step(bytes_read, bandwidth, fixed, chips):
    balance = balanced_chips(
        bytes_read=bytes_read, memory_bandwidth=bandwidth, fixed_step_time=fixed
    )

    def step(chips):
        return bytes_read / (chips * bandwidth) + fixed

    assert step(balance) == pytest.approx(2 * fixed)
    assert doubling_speed_up(balance, balance) == pytest.approx(4 / 3)
    assert doubling_speed_up(chips, balance) == pytest.approx(step(chips) / step(2 * chips))


@given(layers=numbers, layer_time=st.floats(0, 1e-3), latency=st.floats(0, 1e-3))
def test_fixed_time_grows_with_each_of_its_parts(layers, layer_time, latency):
    def fixed(all_reduces):
        return fixed_step_time(
            layers=layers, layer_time=layer_time, all_reduces=all_reduces, latency=latency
        )

    assert fixed(0) == pytest.approx(layers * layer_time)
    assert fixed(2) - fixed(0) == pytest.approx(2 * layers * latency, abs=1e-12)


@st.composite
def routings(draw):
    """Draw the routing of a layer as models have it: at most half of the experts are active."""
    experts = draw(st.integers(8, 1000))
    return {"experts": experts, "active_experts": draw(st.integers(1, experts // 2))}


skews = st.floats(0, 1.5)


@given(routing=routings(), tokens=st.integers(1, 10_000), skew=skews, factor=st.floats(1, 10))
def test_distinct_experts_lie_in_their_bracket(routing, tokens, skew, factor):
    def skewed(tokens, skew):
        return skewed_distinct_experts(**routing, tokens=tokens, skew=skew)

    uniform = distinct_experts(**routing, tokens=tokens)

    assert skewed(tokens, 0) == pytest.approx(uniform, rel=1e-6)
    assert skewed(1, skew) == pytest.approx(routing["active_experts"], rel=1e-3)
    assert skewed(tokens, skew) <= uniform * (1 + 1e-3)
    assert skewed(tokens, skew * factor) <= skewed(tokens, skew) * (1 + 1e-3)
    assert skewed(tokens * factor, skew) >= skewed(tokens, skew) * (1 - ROUNDING)
    assert uniform <= most_distinct_experts(**routing, tokens=tokens) * (1 + ROUNDING)


def draws(rng, *, experts, active_experts, tokens, skew):
    """Return the experts that each of *tokens* draws without replacement, by weight."""
    clocks = rng.exponential(size=(tokens, experts)) * np.arange(1, experts + 1) ** skew
    return np.argpartition(clocks, active_experts - 1, axis=1)[:, :active_experts]


LAYERS = [(256, 8, 32), (8, 2, 4), (128, 4, 8), (384, 6, 32), (896, 16, 32)]


@pytest.mark.parametrize(("experts", "active", "tokens"), LAYERS)
@pytest.mark.parametrize("skew", [0, 0.5, 1, 1.5])
def test_skewed_experts_are_those_of_simulated_draws(experts, active, tokens, skew):
    layer = {"experts": experts, "active_experts": active, "tokens": tokens, "skew": skew}
    rng = np.random.default_rng(1)
    seen = [len(np.unique(draws(rng, **layer))) for _ in range(400)]

    error = np.std(seen) / len(seen) ** 0.5
    within = (0.02 if experts < 16 else 0.01) * np.mean(seen)
    assert skewed_distinct_experts(**layer) == pytest.approx(np.mean(seen), abs=within + 2 * error)


@pytest.mark.parametrize(
    ("experts", "active", "ranks", "tokens"),
    [
        (256, 8, 8, 32),
        (256, 8, 32, 32),
        (256, 8, 16, 4),
        (256, 8, 256, 64),
        (384, 6, 16, 64),
        (896, 16, 64, 128),
        (128, 4, 8, 16),
        (8, 2, 8, 4),
        (8, 2, 2, 2),
    ],
)
def test_the_busiest_rank_is_that_of_simulated_draws(experts, active, ranks, tokens):
    layer = {"experts": experts, "active_experts": active, "tokens": tokens}
    rng = np.random.default_rng(1)
    counts = np.array(
        [np.bincount(draws(rng, **layer, skew=0).ravel(), minlength=experts) for _ in range(500)]
    ).reshape(500, ranks, -1)

    most_experts = (counts > 0).sum(axis=2).max(axis=1).mean()
    most_tokens = counts.sum(axis=2).max(axis=1).mean()
    assert busiest_rank_experts(**layer, ranks=ranks) == pytest.approx(most_experts, rel=0.05)
    assert busiest_rank_tokens(**layer, ranks=ranks) == pytest.approx(most_tokens, rel=0.05)


@given(routing=routings(), tokens=st.integers(1, 10_000), ranks=st.integers(1, 256))
def test_the_busiest_rank_lies_between_the_mean_and_all(routing, tokens, ranks):
    layer = routing | {"tokens": tokens}
    busiest = busiest_rank_experts(**layer, ranks=ranks)
    alone = distinct_experts(**layer)

    assert busiest_rank_experts(**layer, ranks=1) == pytest.approx(alone)
    assert alone / ranks * (1 - ROUNDING) <= busiest <= routing["experts"] / ranks
    picked = tokens * routing["active_experts"]
    assert busiest_rank_tokens(**layer, ranks=1) == pytest.approx(picked)
    assert busiest_rank_tokens(**layer, ranks=ranks) >= picked / ranks


@given(routing=routings(), share=st.floats(0.01, 0.999))
def test_so_many_tokens_read_the_share_of_experts(routing, share):
    tokens = coverage_tokens(**routing, share=share)
    covered = distinct_experts(**routing, tokens=tokens) / routing["experts"]

    assert tokens >= 1
    assert covered == pytest.approx(share) or tokens == 1


@given(tokens=st.integers(1, 10_000), tile=st.sampled_from([1, 16, 64, 128]))
def test_padding_fills_whole_tiles(tokens, tile):
    padded = padding_factor(tokens, tile) * tokens

    assert padded % tile == pytest.approx(0, abs=1e-6) or padded % tile == pytest.approx(tile)
    assert tokens <= padded * (1 + ROUNDING)
    assert padded < tokens + tile


@given(routing=routings(), tokens=st.integers(1, 10_000))
def test_experts_that_are_read_have_a_token_at_least(routing, tokens):
    read = distinct_experts(**routing, tokens=tokens)

    assert (
        tokens_per_expert(
            active_experts=routing["active_experts"], tokens=tokens, distinct_experts=read
        )
        >= 1 - ROUNDING
    )
