"""Short runs for the tests of what is seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aurora_sim.engine.run import Options, Run, run
from aurora_sim.observe.recorder import StepReading
from aurora_sim.scenario.scenario import load

ShortRun = Callable[..., Run]


@pytest.fixture(scope="session")
def short_run(project: Path) -> ShortRun:
    """Runs the first steps of a scenario: (steps, out, scenario, pace, begun, watch)."""

    def make(
        steps: int,
        out: Path | None = None,
        scenario: str = "akash-outage",
        pace: float = 0.0,
        begun: Callable[[Run], None] = lambda _: None,
        watch: Callable[[StepReading], None] = lambda _: None,
    ) -> Run:
        options = Options(
            seed=42,
            policy=project / "policy/wasm/vault-law-akash-policy.wasm",
            rules=project / "config/prometheus/alert_rules.yml",
            steps=steps,
            out=out,
            pace=pace,
        )
        return run(load(project / f"scenarios/{scenario}.yaml"), options, begun=begun, watch=watch)

    return make


@pytest.fixture(scope="session")
def outage(short_run: ShortRun, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The first 38 minutes of the Akash outage, which begins at minute 30 and lasts ten; its files are in `options.out`."""
    return short_run(38, tmp_path_factory.mktemp("outage") / "out")
