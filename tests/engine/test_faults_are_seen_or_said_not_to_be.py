"""Of every kind of fault the effect is seen in the world, and of one that changes nothing it is not."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from engine_runs import PROJECT
from game_runs import running

from aurora_sim.scenario.faults import Fault
from aurora_sim.world.provider import Provider

REAL: list[dict[str, Any]] = [
    {"fault": "outage", "provider": "akash"},
    {"fault": "outage", "provider": "akash", "share": 0.3},
    {"fault": "outage", "region": "us-west-2"},
    {"fault": "outage", "bridge": "axelar"},
    {"fault": "capacity", "provider": "vast", "factor": 0.4},
    {"fault": "price", "provider": "vast", "factor": 1.6},
    {"fault": "latency", "provider": "vast", "factor": 2.0},
    {"fault": "bridge-slow", "bridge": "axelar", "factor": 3.0},
    {"fault": "network", "bridge": "axelar", "factor": 3.0},
    {"fault": "relayers", "bridge": "axelar", "workers": 0},
    {"fault": "loss", "bridge": "axelar", "add": 0.2},
    {"fault": "loss", "region": "eu-west-1", "add": 0.2},
    {"fault": "demand", "factor": 3.0},
    {"fault": "demand", "tenant": "tenant-dao", "factor": 0.2},
    {"fault": "bad-requests", "kind": "signature", "rate": 1.0},
    {"fault": "flood", "bridge": "axelar", "rate": 5.0},
    {"fault": "reputation", "provider": "salad", "add": -30.0},
    {"fault": "provenance", "service": "timestamp"},
    {"fault": "provenance", "service": "pin"},
    {"fault": "provenance", "service": "script"},
    {"fault": "bad-acks", "provider": "vast"},
    {"fault": "attestation", "provider": "vast"},
    {"fault": "key-mismatch", "tenant": "tenant-dao"},
    {"fault": "schema-drift", "tenant": "tenant-dao"},
    {"fault": "gateway-clock", "add": "-90s"},
    {"fault": "gateway-down"},
    {"fault": "policy-slow", "add": "40ms"},
    {"fault": "disk-full", "share": 0.5},
    {"fault": "state-lost"},
    {"fault": "policy-release", "module": str(PROJECT / "policy/war-game/denies-eu-west-1.wasm"), "share": 0.2},
]
NOTHING: list[dict[str, Any]] = [
    {"fault": "outage", "provider": "akash", "share": 0.0},
    {"fault": "capacity", "provider": "vast", "factor": 1.0},
    {"fault": "bridge-slow", "bridge": "axelar", "factor": 1.0},
    {"fault": "loss", "region": "eu-west-1", "add": 0.0},
    {"fault": "demand", "factor": 1.0},
    {"fault": "provenance", "service": "pin", "failure": 0.0},
    {"fault": "disk-full", "share": 0.0},
    {"fault": "relayers", "bridge": "axelar", "workers": 64},
    {"fault": "gateway-clock", "add": "1s"},
    {"fault": "schema-drift", "tenant": "tenant-dao", "share": 0.0},
]


def seen(*method: dict[str, Any], steps: int = 12) -> list[bool]:
    game = running(*({"at": "2m", "for": "8m", **fault} for fault in method))
    game.run(steps)
    return [fault.observed for fault in game.faults.record(steps * 60.0)]


def name(fault: dict[str, Any]) -> str:
    return "-".join(str(value).rpartition("/")[2] for value in fault.values())


@pytest.mark.parametrize("fault", REAL, ids=name)
def test_an_effect_is_seen(fault: dict[str, Any]) -> None:
    assert seen(fault) == [True]


@pytest.mark.parametrize("fault", NOTHING, ids=name)
def test_without_an_effect_nothing_is_seen(fault: dict[str, Any]) -> None:
    assert seen(fault) == [False]


def test_every_kind_is_among_them() -> None:
    union = get_args(Fault)[0]
    kinds = {get_args(kind.model_fields["fault"].annotation)[0] for kind in get_args(union)}
    assert kinds == {fault["fault"] for fault in REAL}


def test_one_that_changes_nothing_is_not_seen_by_anothers_effect() -> None:
    none = {"fault": "capacity", "provider": "vast", "factor": 1.0}
    assert seen(none, {"fault": "capacity", "provider": "vast", "factor": 0.5}) == [False, True]


def test_a_fault_that_the_world_ignores_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Provider, "recompute", lambda _: None)
    assert seen({"fault": "outage", "provider": "akash"}) == [False]


def test_one_of_seconds_between_two_looks_is_seen() -> None:
    assert seen({"at": "125s", "for": "10s", "fault": "outage", "provider": "akash"}, steps=4) == [True]


def test_one_that_had_not_begun_is_not_told_of() -> None:
    assert seen({"at": "10m", "fault": "outage", "provider": "akash"}, steps=5) == []
