"""A fault of the treaty's own parts that an alert is there for can ring it, and without the fault it is silent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aurora_sim.engine.run import Options, run
from aurora_sim.scenario.scenario import load

PROJECT = Path(__file__).resolve().parents[2]
POLICY = PROJECT / "policy" / "wasm" / "vault-law-akash-policy.wasm"
RULES = PROJECT / "config" / "prometheus" / "alert_rules.yml"


def rung(folder: Path, *method: dict[str, Any], steps: int = 30) -> set[str]:
    """The alerts that fired."""
    path = folder / "game.yaml"
    document = {"title": "A game", "start": "2026-01-05T14:00:00Z", "steps": steps, "method": list(method)}
    path.write_text(json.dumps(document))
    done = run(load(path, config_dir=PROJECT / "config"), Options(42, POLICY, RULES))
    return {alert for alert, _, _, _, fired_s, _ in done.alerts if fired_s}


@pytest.mark.parametrize(
    ("fault", "alert"),
    [
        ({"fault": "policy-slow", "add": "40ms"}, "AuroraPolicyDecisionSlow"),
        ({"fault": "policy-slow", "add": "90ms"}, "AuroraPolicyDecisionCritical"),
        ({"fault": "gateway-down"}, "AuroraDroppedRequestsCritical"),
    ],
)
def test_the_fault_rings_its_alert(tmp_path, fault, alert):
    assert alert in rung(tmp_path, {"at": "5m", "for": "20m", **fault})


def test_without_them_all_is_silent(tmp_path):
    assert rung(tmp_path) == set()
