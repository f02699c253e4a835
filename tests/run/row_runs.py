"""Short runs in which orders end in many ways, with the rows that a test asks for."""

from __future__ import annotations

from pathlib import Path

from aurora_sim.engine.run import Options, Run, run
from aurora_sim.observe.run_files import RowFormat
from aurora_sim.scenario.scenario import Loaded, load

PROJECT = Path(__file__).resolve().parents[2]
POLICY = PROJECT / "policy" / "wasm" / "vault-law-akash-policy.wasm"
RULES = PROJECT / "config" / "prometheus" / "alert_rules.yml"

HEAD = "title: Rows\nstart: 2026-01-05T14:00:00Z\nsteps: 40\nmethod:\n"
MANY_ENDS = (
    "  - {at: 5m, fault: outage, provider: akash, for: 20m}\n"
    "  - {at: 3m, fault: bad-requests, kind: schema, rate: 0.2, for: 30m}\n"
    "  - {at: 3m, fault: bad-requests, kind: replay, rate: 0.2, for: 30m}\n"
)
ONE_MORE = "  - {at: 8m, fault: demand, tenant: tenant-dao, factor: 3, for: 20m}\n"


def loaded_with_every_outcome(folder: Path, more: str = "") -> Loaded:
    """A scenario of 40 steps under an outage and bad requests, and under the faults of `more`."""
    path = folder / f"scenario{len(more)}.yaml"
    path.write_text(HEAD + MANY_ENDS + more)
    return load(path)


def run_into(
    out: Path, loaded: Loaded, rows: RowFormat = "csv", share: float = 1.0, seed: int = 7, steps: int | None = None
) -> Run:
    """Run it, with such rows."""
    return run(loaded, Options(seed, POLICY, RULES, steps, out, rows=rows, rows_share=share))
