"""Tables of results from records made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from game_records import a_playbook, a_record, plays

from aurora_sim.lab.wargame.play import GameOptions
from aurora_sim.lab.wargame.table import game_result, results_table
from aurora_sim.scenario.configuration import PROJECT
from aurora_sim.scenario.scenario import load

RULES = [("AuroraFillRateLow", "warning"), ("AuroraFillRateCritical", "critical")]
OPTIONS = GameOptions(Path("policy.wasm"), Path("rules.yml"))
WORLD = SimpleNamespace(
    slo=load(PROJECT / "scenarios" / "baseline.yaml").world.slo, operators=SimpleNamespace(rto=3600.0)
)


def a_game(path, name, playbook=None):
    path = path / f"{name.replace('/', '-')}.yaml"
    path.write_text("title: <b>A game</b>\nexpect:\n  - a\n  - b\n  - c\n")
    loaded = SimpleNamespace(world=WORLD, sha256={str(path.name): "0" * 64}, faults=())
    return SimpleNamespace(id=name, path=path, loaded=loaded, playbook=playbook or a_playbook())


def noisy_plays(first_seed, count, shift=0.0, **broken):
    """Plays whose figures vary from seed to seed; `shift` is added to the orders that are dropped."""
    found = []
    for seed in range(first_seed, first_seed + count):
        draws = np.random.default_rng(seed)
        record = a_record("answered", seed, **broken)
        totals = record.totals | {
            "dropped": float(draws.poisson(200.0) + shift),
            "failovers": float(draws.poisson(30.0)),
        }
        found.append(plays(seed, replace(record, totals=totals)))
    return found


def a_week(path, *games, seeds=range(1, 21)):
    """`games`: (id, plays)."""
    made = [game_result(a_game(path, name), seen, OPTIONS, RULES) for name, seen in games]
    return results_table(made, list(seeds), {"rules.yml": "0" * 64}, respond=True, whole=False)
