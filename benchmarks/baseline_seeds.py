"""The baseline over many seeds: every objective of the runbook, seed by seed, and the worst of each.

    python benchmarks/baseline_seeds.py [--seeds 30] [--steps 120]

Exit status 1 if any objective was missed, or had not enough data, with any seed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aurora_sim.engine.run import Options, run
from aurora_sim.lab.workers import default_jobs, run_all
from aurora_sim.observe.slo import Objective
from aurora_sim.observe.terminal import table
from aurora_sim.scenario.scenario import PROJECT, load

POLICY = PROJECT / "policy" / "wasm" / "vault-law-akash-policy.wasm"
RULES = PROJECT / "config" / "prometheus" / "alert_rules.yml"
BASELINE = PROJECT / "scenarios" / "baseline.yaml"
SHORT = ("fill p50", "fill p5", "RTT p95 ms", "coverage", "policy p95 ms", "dropped", "failovers 5m")


def one(task: tuple[int, int]) -> tuple[int, list[Objective], float, int]:
    """A seed's objectives, the share of the capacity that is leased (mean over the steps), and the alerts that fired."""
    seed, steps = task
    leased: list[float] = []
    done = run(
        load(Path(BASELINE)),
        Options(seed, POLICY, RULES, steps),
        watch=lambda r: leased.append(
            sum(p.leased_gpus for p in r.providers) / sum(p.capacity_gpus for p in r.providers)
        ),
    )
    return seed, done.objectives, sum(leased) / len(leased), sum(row[4] != "" for row in done.alerts)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--steps", type=int, default=120)
    arguments = parser.parse_args()
    tasks = [(seed, arguments.steps) for seed in range(1, arguments.seeds + 1)]
    results = list(run_all(one, tasks, default_jobs()))
    rows: list[tuple[str, ...]] = [("seed", *SHORT, "leased", "alerts", "verdict")]
    for seed, objectives, leased, alerts in results:
        verdict = "met" if all(o.verdict == "met" for o in objectives) else "MISSED"
        figures = ["-" if o.measured is None else f"{o.measured:.4g}" for o in objectives]
        rows.append((str(seed), *figures, f"{leased:.3f}", str(alerts), verdict))
    every = [objectives for _, objectives, _, _ in results]
    worst = []
    for column in zip(*every, strict=True):
        values = [o.measured for o in column if o.measured is not None]
        worst.append("-" if not values else f"{min(values) if column[0].comparison == '>=' else max(values):.4g}")
    targets = [f"{o.comparison} {o.target:g}" for o in every[0]]
    rows.append(("worst", *worst, "", "", ""))
    rows.append(("target", *targets, "", "", ""))
    print(table(rows))
    missed = sum(row[-1] == "MISSED" for row in rows)
    print(f"\n{arguments.seeds - missed} of {arguments.seeds} seeds meet every objective")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
