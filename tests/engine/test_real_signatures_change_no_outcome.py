"""Signed, sent, read and verified for real, every order meets the end that it meets where that is only carried, to the byte."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from engine_runs import POLICY, PROJECT, a_config, simulate

from aurora_sim.engine.run import Options, run
from aurora_sim.engine.simulation import Simulation
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.scenario import load

START_S = 1_767_621_600.0
KINDS = ("schema", "signature", "replay", "clock-skew", "expired")
OUTAGE = {"at": "4m", "for": "6m", "fault": "outage", "provider": "akash"}


def bad_requests(kind: str) -> dict[str, Any]:
    return {"at": "2m", "for": "10m", "fault": "bad-requests", "kind": kind, "rate": 0.5, "id": f"bad-{kind}"}


SURGE = {"at": "5m", "for": "4m", "fault": "demand", "factor": 1.5, "tenant": "tenant-dao"}
METHOD = [*map(bad_requests, KINDS), OUTAGE, SURGE]


def files_of(path: Path, out: Path, crypto: Any, **different: Any) -> dict[str, bytes]:
    rules = PROJECT / "config" / "prometheus" / "alert_rules.yml"
    run(load(path, config_dir=PROJECT / "config"), Options(42, POLICY, rules, out=out, crypto=crypto, **different))
    assert json.loads((out / "run.json").read_text())["crypto"] == crypto
    return {file.name: file.read_bytes() for file in sorted(out.glob("*.csv"))}


def test_every_file_is_the_same_under_bad_requests_an_outage_and_a_surge(tmp_path: Path) -> None:
    scenario = tmp_path / "storm.yaml"
    document = {"title": "Storm", "start": "2026-01-05T14:00:00Z", "steps": 15, "warm-up": "5m", "method": METHOD}
    scenario.write_text(json.dumps(document))
    carried, real = (files_of(scenario, tmp_path / crypto, crypto) for crypto in ("carried", "real"))
    assert len(carried) == 4
    assert real == carried
    orders = real["routing_decisions.csv"].decode()
    for why in ("schema:gpu_type", "signature_invalid", "replayed_nonce", "clock_skew", "deadline_passed"):
        assert f",{why}," in orders
    assert ",filled," in orders


@pytest.mark.parametrize("name", ["baseline", "philly-replay"])
def test_every_file_is_the_same_in_what_is_committed(name: str, tmp_path: Path) -> None:
    path = PROJECT / "scenarios" / f"{name}.yaml"
    carried, real = (files_of(path, tmp_path / crypto, crypto, steps=10) for crypto in ("carried", "real"))
    assert len(carried) == 4
    assert real == carried


def test_readings_and_books_are_the_same_too() -> None:
    carried, real = (simulate(*METHOD, steps=15, warm_up_s=300.0, crypto_start_s=start) for start in (None, START_S))
    assert real.text == carried.text
    assert real.read() == carried.read()
    assert real.books == carried.books
    assert real.recorder.reroutes == carried.recorder.reroutes


def test_times_are_exact_where_no_skew_is_allowed() -> None:
    world = a_config(gateway={"clock_skew_max": 0.0})
    carried, real = (simulate(steps=5, warm_up_s=300.0, world=world, crypto_start_s=start) for start in (None, START_S))
    assert real.text == carried.text


def test_a_start_that_no_signature_can_carry_is_told_before_anything_is_written(tmp_path: Path) -> None:
    scenario = tmp_path / "early.yaml"
    scenario.write_text(json.dumps({"title": "Early", "start": "1969-12-31T14:00:00Z", "steps": 1}))
    with pytest.raises(InputError, match=r"early\.yaml: start.*1969-12-31.*--crypto carried"):
        files_of(scenario, tmp_path / "out", "real")
    assert not (tmp_path / "out").exists()


# Broken on purpose: what follows shows that it is the arithmetic which decides.


def broken(act: Any) -> tuple[Counter[tuple[str, str]], Any]:
    """Reasons and causes of a run in which `act` changes something about the keys before the first step."""

    def before(simulation: Simulation, step: int) -> None:
        if step == 0:
            act(simulation._parts.crypto)

    seen = simulate(steps=5, warm_up_s=300.0, crypto_start_s=START_S, before_step=before)
    return Counter((row["outcome"], row["reason"]) for row in seen.rows), seen


def test_a_provider_that_signs_with_another_s_key_is_refused() -> None:
    def swap(crypto: Any) -> None:
        crypto.signers["provider:akash"] = crypto.signers["provider:render"]

    _, seen = broken(swap)
    causes = seen.recorder.failover_causes
    assert causes["akash", "ack_signature"] > 10
    assert {why for provider, why in causes if provider != "akash"}.isdisjoint({"ack_signature"})


def test_an_ack_under_its_own_key_s_name_that_another_key_signed_is_refused() -> None:
    def forge(crypto: Any) -> None:
        class Forger:
            key_id = crypto.signers["provider:akash"].key_id
            sign = staticmethod(crypto.signers["provider:render"].sign)

        crypto.signers["provider:akash"] = Forger

    assert broken(forge)[1].recorder.failover_causes["akash", "ack_signature"] > 10


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (b'"price_usd_per_hour":', b'"price_usd_per_hour":1', "ack_signature"),
        (b'"order_id":"o-', b'"order_id":"o-f', "ack_signature"),
        (b'"signature":"', b'"signatures":"', "ack_signature"),
    ],
)
def test_an_ack_that_was_changed_on_its_way_is_refused(before: bytes, after: bytes, why: str) -> None:
    def tamper(crypto: Any) -> None:
        receive = crypto.receive_ack
        crypto.receive_ack = lambda order, body, *rest: receive(order, body.replace(before, after), *rest)

    reasons, seen = broken(tamper)
    assert {cause for _, cause in seen.recorder.failover_causes} == {why}
    assert reasons["refused", why] > 50


def test_a_tenant_whose_key_was_revoked_gets_nothing_in() -> None:
    def revoke(crypto: Any) -> None:
        crypto.registry.revoke(crypto.signers["tenant:tenant-dao"].key_id, "stolen", START_S)

    reasons, seen = broken(revoke)
    hers = {row["reason"] for row in seen.rows if row["tenant_id"] == "tenant-dao" and float(row["time_s"]) > 0.0}
    assert hers == {"signature_invalid"}
    assert reasons["filled", ""] > 0


def test_an_order_that_was_changed_on_its_way_is_refused() -> None:
    def tamper(crypto: Any) -> None:
        receive = crypto.receive
        crypto.receive = lambda order, body, now_s: receive(order, body.replace(b'"gpus":', b'"gpus":1'), now_s)

    reasons, _ = broken(tamper)
    assert reasons["rejected", "signature_invalid"] > 50
    assert {outcome for outcome, _ in reasons} <= {"rejected", "filled"}  # what was let in before may still end
