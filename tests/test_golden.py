"""Every table is as it was when a person last looked; `make golden` rewrites what has moved."""

import functools
import os
from pathlib import Path

import pytest

from reportlib import calibrate, cases, frames, params
from reportlib.exhibits import claims, findings, tables
from reportlib.exhibits.tables import editions, pages, reality

GOLDEN = Path(__file__).parent / "golden"
NUMBERS = params.load(params.DEFAULT_ROOT)
CHIP, MODEL = NUMBERS.chips["h100-sxm5"], NUMBERS.models["llama-3-70b"]
SHOWN = NUMBERS.shown_chips()
MODELS, CHIPS = NUMBERS.shown_models().values(), SHOWN.values()
HBM = [chip for chip in NUMBERS.headline_chips().values() if not cases.keeps_weights_on_chip(chip)]
HEADLINE = NUMBERS.headline_models().values()
WORKS = {
    name: tables.levers.Work(CHIP, "bf16", users, context)
    for name, users, context in (("one", 1, 2048), ("many", 64, 2048), ("long", 64, 131_072))
}
GUESSING = tables.levers.Guessing(acceptance=0.8, drafts=3, draft_share=0.05)
BF16 = {"precision": "bf16", "context_length": 2048}
FP8 = {"precision": "fp8", "usable_share": 0.9}
CAST, LARGE = NUMBERS.headline_chips(), NUMBERS.models["llama-3.1-405b"]
SERVED = {"precision": "bf16", "context_length": 8192, "engine": "vllm"}
TRAINED = {"precision": "bf16", "sequence_length": 8192}
REPLICA = cases.Case(MODEL, CHIP, cases.uniform("bf16"), batch_size=32, chips=8)
PAIR = ("rubin-r200", "mi455x")
COMPARED = reality.comparisons(NUMBERS)
KNOWN = reality.steps(COMPARED)
REGIMES = list(reality.REGIMES.values())
MEMORIES, HBM3E = NUMBERS.memory.values(), NUMBERS.memory["hbm3e"]
RATES = tables.tiers.slower(NUMBERS.memory, ["hbf", "lpddr5x", "cxl", "nvme"], CHIP)
ENGINES = tables.capacity.engines(NUMBERS, HBM, "serving")
TWO = tuple(NUMBERS.chips[chip] for chip in PAIR)
DAYS = tables.contest.by_day(NUMBERS, PAIR, [NUMBERS.claims.as_of, NUMBERS.report.as_of])
OUTLOOKS, _ = tables.outlook.known(NUMBERS)
CLOCK = tables.contest.expected(NUMBERS, TWO, "serving")
RULES = tables.contest.Rules("fp8", [1, 64, 256], [8192, 131_072])
PAGE = {"precision": "fp8", "context_length": 8192}
PEAK = tables.contest.ceilings(NUMBERS, TWO)
DUEL = functools.cache(lambda: pages.duel(HEADLINE, TWO, PEAK, **PAGE))
HELD = functools.cache(lambda: pages.ceilings(NUMBERS.headline_models(), CAST, **PAGE))


def splitting(model):
    return tables.capacity.splitting(
        model,
        HBM,
        ENGINES,
        tables.capacity.exchange_latency(NUMBERS, ENGINES[CHIP.name]),
        precision="fp8",
        batch_sizes=[1, 64],
        context_length=8192,
    )


def expected_frontiers(models):
    return tables.capacity.expected_frontiers(
        models, HBM, ENGINES, precision="fp8", input_length=8192, output_length=1024
    )


def readings(models):
    clocks = {"expected": CLOCK, "at peak rates": tables.contest.ceilings(NUMBERS, TWO)}
    return tables.contest.readings(models, TWO, clocks, RULES)


MOVED = functools.cache(lambda: editions.since(NUMBERS))

TABLES = {
    "moved_verdicts": lambda: editions.verdicts(MOVED(), NUMBERS),
    "moved_findings": lambda: editions.findings(MOVED(), NUMBERS),
    "moved_numbers": lambda: editions.numbers(MOVED()),
    "numbers": lambda: frames.numbers(NUMBERS),
    "chips": lambda: tables.chips.chips(SHOWN),
    "models": lambda: tables.memory_bound.models(MODELS, CHIP, "bf16"),
    "transport_ratios": lambda: tables.memory_bound.transport_ratios(
        MODELS, CHIP, batch_sizes=[1, 512], **BF16
    ),
    "roofline_points": lambda: tables.memory_bound.roofline_points(
        MODEL, CHIP, batch_sizes=[1, 64], **BF16
    ),
    "critical_batch_sizes": lambda: tables.memory_bound.critical_batch_sizes(
        MODEL, HBM, precision="bf16", context_lengths=[64, 512, 1024, 2048]
    ),
    "critical_contexts": lambda: tables.memory_bound.critical_contexts(
        list(HEADLINE), CHIPS, precision="bf16"
    ),
    "requirements": lambda: tables.memory_bound.requirements(
        HEADLINE, CHIP, precision="bf16", speed=30
    ),
    "levers": lambda: tables.levers.levers(HEADLINE, MODEL, WORKS, GUESSING),
    "expert_coverage": lambda: tables.levers.expert_coverage(MODELS, [1, 8, 32, 128]),
    "full_batches": lambda: tables.memory_bound.full_batches(
        MODELS, CHIP, precision="bf16", replica=8, request_lengths=[512, 8192]
    ),
    "offline": lambda: tables.memory_bound.offline(NUMBERS),
    "kv_per_token": lambda: tables.memory_bound.kv_per_token(MODELS, context_length=131_072),
    "fits": lambda: tables.capacity.fits(MODELS, CHIPS, **FP8),
    "concurrency": lambda: tables.capacity.concurrency(
        MODEL, HBM, replica=8, context_length=8192, **FP8
    ),
    "chips_for_users": lambda: tables.capacity.chips_for_users(
        HEADLINE, HBM, users=64, context_length=8192, **FP8
    ),
    "splitting": lambda: splitting(MODEL),
    "expected_frontiers": lambda: expected_frontiers([MODEL]).iloc[::4],
    "same_work": lambda: tables.contest.same_work(HEADLINE, DAYS, CLOCK, RULES),
    "same_promise": lambda: tables.contest.same_promise(HEADLINE, DAYS, CLOCK, RULES, [20, 50]),
    "readings": lambda: readings(HEADLINE),
    "measured_pairs": lambda: tables.contest.measured_pairs(NUMBERS, "without_chip").iloc[::40],
    "stack_anatomy": lambda: tables.chips.stack_anatomy(CHIPS),
    "generations": lambda: tables.chips.generations(SHOWN),
    "trends": lambda: tables.chips.trends(tables.chips.generations(SHOWN)),
    "ridge_points": lambda: tables.chips.ridge_points(SHOWN),
    "predictions": lambda: tables.chips.predictions(NUMBERS, HEADLINE, CAST, **SERVED),
    "costs": lambda: tables.chips.costs(NUMBERS, HEADLINE, tables.chips.hosted(CHIPS)),
    "energies": lambda: tables.chips.energies(NUMBERS, [MODEL], tables.chips.hosted(CHIPS)),
    "owning_prices": lambda: tables.chips.owning_prices(NUMBERS, tables.chips.hosted(CHIPS)),
    "architectures": lambda: tables.chips.architectures(CHIPS),
    "page_printed": lambda: pages.printed(NUMBERS, "chips", "h100-sxm5"),
    "page_peers": lambda: pages.peers(NUMBERS, "h100-sxm5").iloc[:6],
    "page_ceilings": HELD,
    "page_work": lambda: pages.work(HEADLINE, CHIP, users=64, **PAGE),
    "page_measured": lambda: pages.measured(NUMBERS, "chips", "h100-sxm5"),
    "page_weights": lambda: pages.weights(MODEL, 30),
    "page_caches": lambda: pages.caches({"one": MODEL}),
    "page_beside": lambda: pages.beside(*TWO),
    "page_verdicts": lambda: pages.verdicts(DUEL(), [chip.name for chip in TWO]),
    "joined": lambda: tables.chips.joined(LARGE, CHIPS, precision="bf16", usable_share=0.9),
    "work_points": lambda: tables.training.work_points(
        MODEL, CHIP, step_tokens=65_536, prompt_lengths=[128, 2048], batch_sizes=[1, 512], **TRAINED
    ),
    "memory_shares": lambda: tables.training.memory_shares(
        MODEL, CHIP, context_lengths=[1024, 8192], tokens=[1, 64, 4096, 65_536], **TRAINED
    ),
    "memory_held": lambda: tables.training.memory_held(
        MODEL, CHIP, batch_sizes=[1, 32], usable_share=0.9, **TRAINED
    ),
    "requests": lambda: tables.training.requests(
        REPLICA, None, input_lengths=[128, 8192], output_lengths=[32, 2048]
    ),
    "runs": lambda: tables.training.runs(NUMBERS, NUMBERS.models.values(), context_length=8192),
    "memory_units": lambda: tables.tiers.units(MEMORIES),
    "memory_prices": lambda: tables.tiers.readings(MEMORIES, "price"),
    "memory_energies": lambda: tables.tiers.readings(MEMORIES, "energy"),
    "slow_downs": lambda: tables.tiers.slow_downs(CHIP, RATES, [0.001, 0.01, 0.1, 1]),
    "spilled_speeds": lambda: tables.tiers.spilled_speeds(
        MODEL, CHIP, RATES, usable_share=0.9, **BF16
    ),
    "fetch_times": lambda: tables.tiers.fetch_times(
        MODEL, CHIP, RATES, precision="bf16", context_lengths=[1024, 131_072]
    ),
    "break_even_bandwidths": lambda: tables.tiers.break_even_bandwidths(MODELS, CHIP, **BF16),
    "memory_kinds": lambda: tables.tiers.kinds(CHIPS),
    "further_tiers": lambda: tables.tiers.further_tiers(NUMBERS.chips.values()),
    "hbm_generations": lambda: tables.supply.generations(MEMORIES),
    "stacks_per_chip": lambda: tables.supply.stacks_per_chip(CHIPS),
    "wafer": lambda: tables.supply.wafer(HBM3E, NUMBERS.supply).reset_index(),
    "supply_tornado": lambda: tables.supply.supply_tornado(HBM3E, NUMBERS.supply),
    "foretold_shipments": lambda: tables.supply.foretold_shipments(NUMBERS.market),
    "trade_ratios": lambda: tables.supply.trade_ratios(
        tables.supply.shares_of_dram(NUMBERS.market)
    ),
    "suppliers": lambda: tables.supply.suppliers(NUMBERS.market),
    "stack_prices": lambda: tables.supply.stack_prices(MEMORIES, NUMBERS.market),
    "claims": lambda: claims.table(NUMBERS),
    "findings": lambda: findings.table(NUMBERS),
    "comparisons": lambda: COMPARED.iloc[::25],
    "reasons": lambda: reality.reasons(NUMBERS),
    "errors": lambda: reality.errors(KNOWN, "regime", REGIMES),
    "shares": lambda: reality.shares(COMPARED),
    "worst": lambda: reality.worst(KNOWN, 12),
    "constants": lambda: reality.constants(NUMBERS, calibrate.PRIORS, calibrate.HOST_BOUND),
    "courses": lambda: tables.outlook.courses(OUTLOOKS, 2026),
    "bounds": lambda: tables.outlook.bounds(OUTLOOKS),
    "movers": lambda: tables.outlook.movers(OUTLOOKS["steady"], 2031, 9),
    "break_even": lambda: tables.outlook.break_even(
        OUTLOOKS["steady"], token_factors=[2, 3], efficiency_factors=[1, 2]
    ),
    "scenarios": lambda: tables.outlook.scenarios(OUTLOOKS),
    "revenues": lambda: tables.outlook.revenues(NUMBERS.market),
    "margins": lambda: tables.outlook.margins(NUMBERS.market),
    "price_changes": lambda: tables.outlook.prices(NUMBERS.market),
    "evidence": lambda: tables.outlook.evidence(NUMBERS.market, 6),
    "indicators": lambda: tables.outlook.indicators(NUMBERS),
}


@pytest.mark.parametrize("name", TABLES)
def test_table_is_as_last_seen(name):
    path = GOLDEN / f"{name}.csv"
    text = TABLES[name]().to_csv(index=False, float_format="%.6g", lineterminator="\n")
    if os.environ.get("REWRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")

    assert text == path.read_text(encoding="utf-8")


def test_every_golden_file_has_a_table():
    assert {path.stem for path in GOLDEN.iterdir()} == set(TABLES)
