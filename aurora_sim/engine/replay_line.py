"""The command line that does a run again, up to a step."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aurora_sim.engine.run import Options
    from aurora_sim.scenario.scenario import Loaded

POLICY: Final = Path("policy/wasm/vault-law-akash-policy.wasm")
RULES: Final = Path("config/prometheus/alert_rules.yml")
"""What a run takes where its command line names no other."""


def replay_line(loaded: Loaded, options: Options, steps: int) -> str:
    """`aurora-sim run ...`, quoted for a shell, with all that decides what happens in the run's first `steps` steps."""
    from aurora_sim.scenario.scenario import find

    line = ["aurora-sim", "run", str(loaded.path), "--seed", str(options.seed), "--steps", str(steps)]
    for assignment in loaded.given:
        line += ["--set", assignment]
    for option, path, usual in (("--policy", options.policy, POLICY), ("--rules", options.rules, RULES)):
        if path != find(usual):
            line += [option, str(path)]
    for option, given in (("--trace", loaded.trace), ("--config", loaded.config_dir)):
        if given is not None:
            line += [option, str(given)]
    if options.crypto != "carried":
        line += ["--crypto", options.crypto]
    return shlex.join(line)
