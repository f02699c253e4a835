"""Runs for the tests of what is exported, and the command line that exports them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from aurora_sim.cli import COMMANDS, LazyGroup, call
from aurora_sim.engine.run import Options
from aurora_sim.lab.alerts.tape import Tape, tape_of_scenario
from aurora_sim.scenario.scenario import Loaded, load

PROJECT = Path(__file__).resolve().parents[2]
RULES = PROJECT / "config" / "prometheus" / "alert_rules.yml"
POLICY = PROJECT / "policy" / "wasm" / "vault-law-akash-policy.wasm"


@cache
def scenario(name: str) -> Loaded:
    return load(PROJECT / "scenarios" / f"{name}.yaml", config_dir=PROJECT / "config")


def tape(name: str, seed: int, steps: int) -> Tape:
    """What a run of a scenario of the catalogue shows at every minute."""
    return tape_of_scenario(scenario(name), Options(seed, POLICY, RULES, steps))[0]


def aurora(*arguments: object) -> int:
    """The exit status of `aurora-sim ARGUMENTS`, in this process."""
    return call(LazyGroup(COMMANDS, "aurora-sim", ""), [*map(str, arguments)], "aurora-sim")
