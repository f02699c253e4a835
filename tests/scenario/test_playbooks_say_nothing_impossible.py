"""A playbook that names what does not exist, or waits for what cannot happen, is refused at its file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.playbook_file import load_playbook

ALERTS = {"AuroraFillRateLow": 300.0, "AuroraSlow": 7200.0}
GOOD: dict[str, Any] = {
    "title": "A game",
    "runbook": "2. Failover to Backup Provider",
    "severity": "SEV2",
    "start": "2026-01-05T14:00:00Z",
    "steps": 60,
    "steady-state": ["fill_rate"],
    "method": [{"at": "10m", "fault": "outage", "provider": "akash", "for": "15m"}],
    "response": [
        {"when": {"alert": "AuroraFillRateLow"}, "after": "response-time", "do": "set-router-weights",
         "with": {"weights": {"flux": 2.0}}},
        {"do": "notify", "with": {"whom": "providers"}},
    ],
    "rollbacks": [{"when": {"provider": "akash", "active-for": "5m"}, "do": "shift-traffic-back",
                   "with": {"provider": "akash", "shares": [0.5, 1.0], "every": "5m"}}],
    "stop-when": {"metric": "fill_rate", "below": 0.1, "for": "5m"},
    "expect": [{"never": {"outcome": "filled", "provider": "akash"}, "while": "akash-outage"}],
}  # fmt: skip


def told(folder: Path, **different: Any) -> str:
    path = folder / "game.yaml"
    playbook = {**GOOD, **{key.replace("_", "-"): value for key, value in different.items()}}
    path.write_text(yaml.safe_dump(playbook, sort_keys=False))
    with pytest.raises(InputError) as refused:
        load_playbook(path, alerts=ALERTS)
    assert str(refused.value).startswith(f"{path}:"), "it names file and line"
    return str(refused.value)


def step(do: str = "notify", **keys: Any) -> dict[str, Any]:
    return {"at": "5m", "do": do, **{key.replace("_", "-"): value for key, value in keys.items()}}


def test_a_good_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "game.yaml"
    path.write_text(yaml.safe_dump(GOOD, sort_keys=False))
    loaded, playbook, _ = load_playbook(path, alerts=ALERTS)
    assert loaded.scenario is playbook
    assert [step.do for step in playbook.response] == ["set-router-weights", "notify"]
    assert loaded.world.operators.takes["notify"] > 0.0


@pytest.mark.parametrize(
    ("what", "different"),
    [
        ("response.0.with.weights.fluks", {"response": [step("set-router-weights", **{"with": {"weights": {"fluks": 2.0}}})]}),
        ("Did you mean flux", {"response": [step("set-router-weights", **{"with": {"weights": {"fluks": 2.0}}})]}),
        ("response.0.with.weigths", {"response": [step("set-router-weights", **{"with": {"weigths": {"flux": 2.0}}})]}),
        ("response.0.with", {"response": [step("drain-provider")]}),
        ("Did you mean drain-provider", {"response": [step("drian-provider")]}),
        ("there is no tenant 'tenant-doa'", {"response": [step("publish-tenant-key", **{"with": {"tenant": "tenant-doa"}})]}),
        ("rest_api has no failover", {"world": {"bridges": {"rest_api": {"failover": None}}},
                                      "response": [step("failover-bridge", **{"with": {"bridge": "rest_api"}})]}),
        ("response.0.at", {"response": [{"at": "60m", "do": "audit-orders"}]}),
        ("response.0.when.below", {"response": [{"when": {"metric": "fill_rate", "below": 0}, "do": "audit-orders"}]}),
        ("response.0.when.above", {"response": [{"when": {"metric": "fill_rate", "above": 1}, "do": "audit-orders"}]}),
        ("response.0.when.active-for",
         {"response": [{"when": {"provider": "akash", "active-for": "60m"}, "do": "audit-orders"}]}),
        ("AuroraSlow could fire at 120 min", {"response": [{"when": {"alert": "AuroraSlow"}, "do": "audit-orders"}]}),
        ("Did you mean AuroraFillRateLow", {"response": [{"when": {"alert": "AuroraFillRateLo"}, "do": "audit-orders"}]}),
        ("response.0: nothing makes the first step due", {"response": [{"do": "audit-orders"}]}),
        ("response.1.do", {"response": [{"at": "50m", "takes": "15m", "do": "audit-orders"}, {"do": "audit-orders"}]}),
        ("response.0.again", {"response": [step("audit-orders", again=True)]}),
        ("rollbacks.0.when.provider", {"rollbacks": [{"when": {"provider": "akush", "active-for": "5m"}, "do": "audit-orders"}]}),
        ("stop-when.below", {"stop_when": {"metric": "dropped", "below": 0}}),
        ("expect.0.while", {"expect": [{"never": {"outcome": "filled"}, "while": "akash-outag"}]}),
        ("Did you mean akash-outage", {"expect": [{"alert": "AuroraFillRateLow", "fires-within": "5m", "of": "akash-outag"}]}),
        ("Did you mean cost_usd", {"expect": [{"total": "costs_usd", "at-most": 5}]}),
        ("no step does 'halt-treaty'", {"expect": [{"action": "halt-treaty", "within": "5m"}]}),
        ("expect.0.never.colour", {"expect": [{"never": {"colour": "red"}, "from": "0s"}]}),
        ("expect.0.never.outcome", {"expect": [{"never": {"outcome": "fulfilled"}, "from": "0s"}]}),
        ("expect.0.share.source", {"expect": [{"share": {"source": "honset"}, "at-most": 1}]}),
        ("method.0.at", {"method": [{"at": "60m", "fault": "outage", "provider": "akash", "for": "5m", "id": "akash-outage"}]}),
    ],
)  # fmt: skip
def test_what_leads_nowhere_is_refused(tmp_path: Path, what: str, different: dict[str, Any]) -> None:
    assert what in told(tmp_path, **different)
