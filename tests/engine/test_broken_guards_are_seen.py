"""The watch keeps its own books: each guard is broken in turn, and what it then lets through is found."""

from __future__ import annotations

from typing import Any

import pytest
from game_runs import running

from aurora_sim.engine import life
from aurora_sim.engine.live_order import LiveOrder
from aurora_sim.engine.parts import Parts
from aurora_sim.engine.safety import KEPT_PER_RULE
from aurora_sim.treaty.coverage import CoverageGuard
from aurora_sim.treaty.gateway import Gateway
from aurora_sim.treaty.nonce import MemoryNonceCache
from aurora_sim.treaty.policy import ALLOW
from aurora_sim.treaty.policy.host import PolicyHost

STAMPS_FAIL = {"at": "1m", "for": "60m", "fault": "provenance", "service": "timestamp"}
REPLAYS = {"at": "0s", "for": "60m", "fault": "bad-requests", "kind": "replay", "rate": 1.0}


def rules(game: Any) -> set[str]:
    return {violation.rule for violation in game.watch.violations}


def test_whole_guards_let_nothing_through() -> None:
    wrong_acks = {"at": "1m", "for": "60m", "fault": "bad-acks", "provider": "vast"}
    game = running(STAMPS_FAIL, REPLAYS, wrong_acks)
    game.run(35)
    assert game.simulation.parts.gateway.halted
    game.pull("halt-treaty", reason="drill")
    game.run(3)
    assert not game.watch.violations


def test_a_guard_that_never_halts_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CoverageGuard, "observe", lambda *_: False)
    game = running(STAMPS_FAIL)
    game.run(35)
    assert rules(game) == {"coverage"}
    assert game.watch.counted["coverage"] > KEPT_PER_RULE == len(game.watch.violations)


def test_a_halt_that_holds_nothing_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    game = running()
    monkeypatch.setattr(Gateway, "halt", lambda *_: None)
    monkeypatch.setattr(PolicyHost, "amend", lambda *_: None)
    game.pull("halt-treaty", reason="drill")
    game.run(2)
    assert rules(game) == {"halted"}


def test_either_halt_alone_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    game = running()
    monkeypatch.setattr(Gateway, "halt", lambda *_: None)
    game.pull("halt-treaty", reason="drill")
    game.run(2)
    assert not game.watch.violations


def test_a_cache_that_forgets_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryNonceCache, "check_and_set", lambda *_: False)
    game = running(REPLAYS)
    game.run(3)
    assert rules(game) == {"replayed-nonce"}
    assert game.watch.replays_accepted > 10


def test_an_order_allowed_by_a_trapped_call_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def trapped(host: PolicyHost, *_: object) -> int:
        host.traps += 1
        return ALLOW

    game = running()
    monkeypatch.setattr(PolicyHost, "decide", trapped)
    game.run(1)
    assert rules(game) == {"trapped-call"}


def test_a_client_that_believes_every_ack_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    game = running({"at": "1m", "for": "60m", "fault": "bad-acks", "provider": "vast"})
    monkeypatch.setattr(life, "ack_refusal", lambda *_: "")
    game.run(3)
    assert rules(game) == {"bad-ack"}


def test_an_order_let_in_with_lost_state_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Parts, "check_under_faults", lambda parts, _: parts.gateway.check)
    game = running({"at": "1m", "for": "2m", "fault": "state-lost"})
    game.run(3)
    seen = game.watch.counted["state-lost"]
    game.run(2)
    assert rules(game) == {"state-lost"}
    assert game.watch.counted["state-lost"] == seen


def test_a_nonce_is_known_for_its_whole_time() -> None:
    game = running()
    watch, nonce = game.watch, next(iter(game.simulation.parts.nonces.snapshot()))
    again = LiveOrder.__new__(LiveOrder)
    again.order_id = again.nonce = nonce
    watch.allowed(again, 0.0, False)
    for hours in (1, 23, 24, 40):
        before = watch.replays_accepted
        fresh = LiveOrder.__new__(LiveOrder)
        fresh.order_id = fresh.nonce = f"fresh-{hours}"
        watch.allowed(fresh, hours * 3600.0, False)
        assert watch.replays_accepted == before
    before = watch.replays_accepted
    watch.allowed(again, 41 * 3600.0, False)
    assert watch.replays_accepted == before + 1, "a day later it is still known"
