"""Params of one chip, one model and one memory, in which everything is said and nothing is odd."""

from pathlib import Path

FILES = {
    "sources.yaml": """\
somewhere:
  type: webpage
  title: Where it stands
  publisher: Somebody
  accessed: 2026-11-22
""",
    "report.yaml": """\
title: A report
subtitle: Of little
publisher: Somebody
as_of: 2026-11-22
headline:
  chips: [chip-1]
  models: [model-1]
sections: {}
""",
    "claims.yaml": """\
source: somewhere
as_of: 2026-03-01
note: as written
claims:
  - id: much
    statement: Chip 1 has 80 GB.
    measure: memory_capacity
    stated: 80 GB
    arguments: {chip: chip-1}
""",
    "chips/chip-1.yaml": """\
name: Chip 1
vendor: Somebody
memory_kind: HBM3
memory_capacity: {value: 80 GB, source: somewhere}
memory_bandwidth:
  value: 3.35 TB/s
  source: somewhere
  superseded:
    - {value: 3 TB/s, source: somewhere, until: 2025-09-01}
peak_compute:
  bf16: {value: 1000 TFLOP/s, source: somewhere}
  fp8: {value: 2 PFLOP/s, source: somewhere}
  fp4: {value: 4000 TFLOP/s, source: somewhere}
status: {value: shipping, source: somewhere}
announced: {value: 2024-03-18, source: somewhere}
power: {value: 700 W, source: somewhere}
price: {value: "30,000 USD", basis: street, source: somewhere}
memory_stacks:
  count: {value: 5, source: somewhere}
  interface_width: {value: 1024, source: somewhere}
  data_rate_per_pin:
    value: 5.2 Gbit/s
    source: somewhere
    superseded:
      - {value: 4.7 Gbit/s, source: somewhere, until: 2025-09-01}
  stack_capacity: {value: 16 GB, source: somewhere}
scale_up:
  bandwidth: {value: 900 GB/s, directions: both, source: somewhere}
  domain_size: {value: 8, source: somewhere}
tiers:
  LPDDR5X:
    memory_capacity: {value: 480 GB, source: somewhere}
note: entered with care
""",
    "models/model-1.yaml": """\
name: Model 1
developer: Somebody
architecture:
  source: somewhere
  layers: 32
  hidden_size: 4096
  vocabulary: 128256
  attention: {kind: gqa, heads: 32, kv_heads: 8, head_dim: 128}
  feed_forward: {size: 14336}
  context_length: 8192
released: {value: 2024-04-18, source: somewhere}
parameters: {value: 8 billion, source: somewhere}
active_parameters: {value: 7.5 billion, source: somewhere}
""",
    "memory/memory-1.yaml": """\
name: Memory 1
family: HBM
device: stack
interface_width: {value: 1024, source: somewhere}
data_rate_per_pin: {value: 6.4 Gbit/s, source: somewhere}
bandwidth: {value: 819 GB/s, source: somewhere}
""",
}


def write(folder: Path) -> Path:
    """Write the files into *folder*/params, and return it."""
    root = folder / "params"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def replace(root: Path, name: str, old: str, new: str) -> int:
    """Replace the only *old* in a file by *new*; return its line."""
    text = (root / name).read_text()
    assert text.count(old) == 1, (name, old)
    (root / name).write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1
