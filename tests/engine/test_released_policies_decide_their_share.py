"""A released policy decides its share of the orders, the one in force the rest, and after the roll-back all of them."""

from __future__ import annotations

import json

import pytest
from engine_runs import PROJECT, simulate

from aurora_sim.engine.run import Options, run
from aurora_sim.engine.simulation import Simulation
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.scenario import load

MODULES = PROJECT / "policy" / "war-game"
IN_FORCE = PROJECT / "policy" / "wasm" / "vault-law-akash-policy.wasm"
DENIES, TRAPS = MODULES / "denies-eu-west-1.wasm", MODULES / "traps-on-some-orders.wasm"
ON_S, OFF_S = 300.0, 900.0


def release(module, share=1.0, **different):
    return {
        "at": ON_S, "for": OFF_S - ON_S, "fault": "policy-release", "module": str(module), "share": share, **different,
    }  # fmt: skip


def denied(seen, reason="region_not_allowed"):
    return {row["order_id"]: row for row in seen.rows if row["outcome"] == "denied" and row["reason"] == reason}


def decided_then(seen, region="eu-west-1", begin_s=ON_S, end_s=OFF_S):
    return {row["order_id"] for row in seen.rows if begin_s <= float(row["time_s"]) < end_s and row["region"] == region}


@pytest.fixture(scope="module")
def calm():
    return simulate()


def test_released_to_all_it_denies_exactly_its_region_while_it_is_out():
    seen = simulate(release(DENIES))
    assert set(denied(seen)) == decided_then(seen)
    assert len(denied(seen)) > 50


def test_the_policy_in_force_released_again_changes_no_byte(calm):
    assert simulate(release(IN_FORCE, 0.5)).text == calm.text


def test_a_canary_decides_its_share_and_a_larger_one_the_same_orders_and_more():
    small, large = (simulate(release(DENIES, share)) for share in (0.1, 0.4))
    assert set(denied(small)) < set(denied(large))
    assert 0.25 < len(denied(large)) / len(decided_then(large)) < 0.55
    assert 0.02 < len(denied(small)) / len(decided_then(small)) < 0.25


def test_a_trap_denies_and_allows_nothing():
    seen = simulate(release(TRAPS))
    stopped = denied(seen, "policy_error")
    assert 1 <= len(stopped) <= 20
    for row in stopped.values():
        assert (row["policy_code"], row["provider_id"], row["attempts"]) == ("-1", "", "0")
        assert ON_S <= float(row["time_s"]) < OFF_S
    assert {row["reason"] for row in simulate(release(DENIES), release(TRAPS)).rows} >= {"region_not_allowed"}


def test_a_roll_back_and_another_share_take_hold_at_once():
    def operate(simulation: Simulation, step: int) -> None:
        if step == 8:
            simulation.set_share(simulation.running_faults("policy-release")[0], 0.0)
        elif step == 10:
            simulation.set_share(0, 1.0)
        elif step == 12:
            simulation.repair(0)

    seen = simulate(release(DENIES, 1.0, ramp=OFF_S - ON_S), before_step=operate)
    assert not set(denied(seen)) & decided_then(seen, begin_s=480.0, end_s=600.0)
    assert decided_then(seen, begin_s=600.0, end_s=720.0) <= set(denied(seen))
    assert not set(denied(seen)) & decided_then(seen, begin_s=720.0, end_s=1200.0)
    assert set(denied(seen)) & decided_then(seen, begin_s=300.0, end_s=480.0)


def test_terms_are_amended_in_every_policy(calm):
    def halt(simulation: Simulation, step: int) -> None:
        if step == 7:
            policies = simulation.parts.policies
            policies.amend(simulation.parts.policy.terms.__class__(0, 1.0, 1.0, 0, 1))

    seen = simulate(release(IN_FORCE, 0.5), before_step=halt)
    after = [row for row in seen.rows if float(row["time_s"]) >= 420.0]
    assert {(row["outcome"], row["reason"]) for row in after} == {("denied", "treaty_halted")}


def scenario(tmp_path, **fault):
    path = tmp_path / "release.yaml"
    method = [{"at": "1m", "for": "3m", "fault": "policy-release", **fault}]
    path.write_text(json.dumps({"title": "T", "start": "2026-01-05T14:00:00Z", "steps": 3, "method": method}))
    return path


def test_the_module_is_among_the_inputs_of_a_run(tmp_path):
    loaded = load(scenario(tmp_path, module="policy/war-game/traps-on-some-orders.wasm"), config_dir=PROJECT / "config")
    assert len(loaded.sha256["policy/war-game/traps-on-some-orders.wasm"]) == 64
    assert loaded.faults[0][0] == "policy-release"


def test_a_module_that_is_not_there_is_told_with_those_that_are(tmp_path):
    with pytest.raises(InputError, match=r"Did you mean policy/war-game/traps-on-some-orders\.wasm"):
        load(scenario(tmp_path, module="policy/war-game/traps-on-some-order.wasm"), config_dir=PROJECT / "config")


def test_a_module_that_is_none_is_refused_and_nothing_is_left(tmp_path):
    (tmp_path / "bad.wasm").write_bytes(b"\0asm\x01\0\0\0")
    loaded = load(scenario(tmp_path, module="bad.wasm"), config_dir=PROJECT / "config")
    rules = PROJECT / "config" / "prometheus" / "alert_rules.yml"
    with pytest.raises(InputError, match=r"bad\.wasm"):
        run(loaded, Options(42, IN_FORCE, rules, out=tmp_path / "out"))
    assert not list((tmp_path / "out").glob("*"))
