"""Each lever moves the real part that it names, ends what it repairs exactly, and loses no order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from engine_runs import PROJECT, a_config
from game_runs import Running, running

from aurora_sim.scenario.actions import ACTIONS
from aurora_sim.treaty.policy import ALLOW

REPLAYS = {"at": "0s", "for": "2h", "fault": "bad-requests", "kind": "replay", "rate": 1.0, "id": "bad"}


def weight(game: Running, provider_id: str) -> float:
    return {view.provider_id: view.routing_weight for view in game.simulation.parts.router.views}[provider_id]


def filled_by(game: Running, steps: int) -> Counter[str]:
    game.rows()
    game.run(steps)
    return Counter(row["provider_id"] for row in game.rows() if row["outcome"] == "filled")


def outcomes(game: Running, steps: int, bad: bool = False) -> Counter[tuple[str, str]]:
    """Outcome and reason of the honest, or the bad, orders that end in these steps."""
    game.rows()
    game.run(steps)
    return Counter((row["outcome"], row["reason"]) for row in game.rows() if row["order_id"].startswith("bad") is bad)


# The router.


def test_weights_that_are_not_named_stay() -> None:
    game = running()
    game.pull("set-router-weights", weights={"akash": 0.0})
    game.pull("set-router-weights", weights={"flux": 3.0})
    assert (weight(game, "akash"), weight(game, "flux"), weight(game, "vast")) == (0.0, 3.0, 1.0)
    game.run(1)  # what was under way
    filled = filled_by(game, 5)
    assert not filled["akash"]
    assert filled["vast"]


def test_a_drained_provider_gets_its_traffic_back_in_stages() -> None:
    game = running()
    assert game.pull("shift-traffic-back", provider="akash", shares=[1.0], every=60.0)  # it has all of it
    game.pull("drain-provider", provider="akash")
    assert game.pull("drain-provider", provider="akash") == "akash is drained already"
    assert game.pull("shift-traffic-back", provider="akash", shares=[0.1, 0.5, 1.0], every=120.0) == ""
    seen = [weight(game, "akash")]
    for _ in range(5):
        game.run(1)
        seen.append(weight(game, "akash"))
    assert seen == [0.1, 0.1, 0.1, 0.5, 0.5, 1.0]  # an event of the minute's very end belongs to the next


def test_a_second_drain_ends_the_stages() -> None:
    game = running()
    game.pull("drain-provider", provider="akash")
    game.pull("shift-traffic-back", provider="akash", shares=[0.1, 1.0], every=60.0)
    game.pull("set-router-weights", weights={"akash": 0.0})
    game.run(3)
    assert weight(game, "akash") == 0.0


def test_without_its_key_a_provider_fills_nothing_more() -> None:
    game = running()
    game.run(1)
    game.simulation.advance(90.0)  # with orders on their way to it
    game.pull("remove-provider-key", provider="akash")
    game.pull("set-router-weights", weights={"akash": 5.0})
    game.run(6)
    filled_s = [
        float(row["ended_s"]) for row in game.rows() if row["provider_id"] == "akash" and row["outcome"] == "filled"
    ]
    assert 80.0 < max(filled_s) <= 90.0
    assert game.pull("remove-provider-key", provider="akash")
    game.pull("restore-provider-key", provider="akash")
    assert filled_by(game, 5)["akash"]


# Halt and terms.


def test_halt_lets_nothing_in_and_pending_orders_end() -> None:
    game = running()
    game.run(2)
    assert game.simulation.in_flight >= 0
    game.pull("halt-treaty", reason="attestation")
    assert game.pull("halt-treaty", reason="attestation") == "the treaty is halted already"
    ended = outcomes(game, 5)
    assert ended["rejected", "treaty_halted"] > 50
    assert ended["filled", ""] < 10  # those that were under way
    assert game.simulation.in_flight == 0
    game.simulation.parts.gateway.resume()  # the policy knows it too
    assert outcomes(game, 3)["denied", "treaty_halted"] > 50
    game.simulation.parts.gateway.halt("operators")
    assert game.pull("resume-treaty") == ""
    assert game.pull("resume-treaty") == "the treaty is not halted"
    assert set(outcomes(game, 3)) == {("filled", "")}
    assert not game.watch.violations


def test_a_quota_is_amended_in_ledger_and_policy_and_reverted() -> None:
    base = a_config().treaty.quota_gpu_hours_daily_per_tenant
    world = a_config(treaty={"quota_gpu_hours_daily_per_tenant": base / 1000.0})
    game = running(world=world)
    denied = ("denied", "tenant_daily_quota")
    assert outcomes(game, 3)[denied] > 50
    game.pull("amend-quota", daily_per_tenant_factor=1000.0)
    assert game.simulation.parts.ledger.daily_limit_gpu_hours_per_tenant == base
    assert game.simulation.parts.policy.terms.quota_gpu_hours_daily_per_tenant == base
    assert set(outcomes(game, 3)) == {("filled", "")}
    assert game.pull("revert-quota") == ""
    assert game.pull("revert-quota") == "no quota was amended"
    assert outcomes(game, 3)[denied] > 50


# What tenants ask for.


def dear(game_type: str) -> list[dict[str, Any]]:
    return [
        {"at": "0s", "for": "2h", "fault": "price", "provider": name, "gpu_type": game_type, "factor": 3.0}
        for name, provider in a_config().providers.items()
        if game_type in provider.gpus
    ]


def test_raised_price_limits_are_of_later_orders_alone() -> None:
    game = running(*dear("A100"))
    assert outcomes(game, 3)["unroutable", "no_route:price"] > 50
    game.pull("raise-price-limits", gpu_type="A100", factor=4.0)
    assert set(outcomes(game, 3)) == {("filled", "")}
    game.pull("revert-price-limits")
    assert outcomes(game, 3)["unroutable", "no_route:price"] > 50


def test_substitutes_stand_in_where_nobody_has_the_type() -> None:
    gone = [
        {"at": "2m", "for": "2h", "fault": "price", "provider": name, "gpu_type": "A100", "factor": 100.0}
        for name, provider in a_config().providers.items()
        if "A100" in provider.gpus
    ]
    game = running(*gone)
    game.pull("allow-substitutes", workload="general_compute", gpu_types=["RTX3090", "RTX4090"])
    general = [row for row in (game.run(1), game.rows())[1] if row["workload_type"] == "general_compute"]
    assert {row["gpu_type"] for row in general} == {"A100"}, "not while there are others"
    game.run(2)
    game.rows()
    game.run(5)
    rows = game.rows()
    substituted = [
        row for row in rows if row["gpu_type"] in ("RTX3090", "RTX4090") and row["workload_type"] == "general_compute"
    ]
    assert substituted
    assert Counter(row["outcome"] for row in substituted)["filled"] > 10
    assert {row["outcome"] for row in rows if row["workload_type"] == "llm_inference"} == {"unroutable"}
    game.pull("revert-substitutes")
    game.run(1)
    game.rows()
    game.run(3)
    assert {row["gpu_type"] for row in game.rows() if row["workload_type"] == "general_compute"} == {"A100"}


# Keys and nonces.


def test_purged_nonces_let_replays_in_and_the_watch_sees_it() -> None:
    game = running(REPLAYS)
    assert not outcomes(game, 5, bad=True)["filled", ""]
    assert not game.watch.replays_accepted
    game.pull("purge-nonces")
    game.run(2)
    assert game.watch.replays_accepted
    assert {violation.rule for violation in game.watch.violations} == {"replayed-nonce"}


def test_rotated_keys_make_captured_orders_worthless() -> None:
    game = running(REPLAYS)
    game.run(3)
    captured = dict(game.simulation.parts.issued)
    game.pull("rotate-keys", overlap=120.0)
    game.simulation.parts.issued.clear()
    game.simulation.parts.issued.update(captured)
    for order in captured.values():
        order.signature_valid = True
    assert not outcomes(game, 2, bad=True)["rejected", "signature_invalid"], "both keys are good for a while"
    game.pull("rotate-keys")
    game.pull("purge-nonces")
    rejected = outcomes(game, 5, bad=True)
    assert not game.watch.replays_accepted
    assert ("filled", "") not in rejected
    assert set(outcomes(game, 3)) == {("filled", "")}, "honest orders are signed with the new keys"


# Provenance.


def coverage(game: Running, steps: int) -> float:
    value = game.run(steps)[-1].provenance_coverage
    assert value is not None
    return value


def test_the_backup_authority_stamps_while_the_first_is_down() -> None:
    game = running({"at": "0s", "for": "2h", "fault": "provenance", "service": "timestamp"})
    assert coverage(game, 12) < 0.5
    assert game.pull("failover-tsa") == ""
    assert game.pull("failover-tsa") == "the backup authority stamps already"
    assert coverage(game, 16) == 1.0
    game.pull("revert-tsa")
    assert coverage(game, 16) < 0.5
    assert game.faults.on(game.simulation.env.now), "the first authority is still down"


@pytest.mark.parametrize(("service", "action"), [("pin", "restart-pinning"), ("script", "patch-receipt-script")])
def test_a_repaired_service_works_at_once(service: str, action: str) -> None:
    game = running({"at": "1m", "for": "100m", "fault": "provenance", "service": service})
    assert game.pull(action), "nothing is wrong yet"
    game.run(12)
    owed = game.simulation.parts.receipts.pending
    assert game.pull(action) == ""
    assert not game.simulation.parts.world.provenance.raised(service)
    assert game.pull("re-pin") == ""
    assert game.simulation.parts.receipts.coverage(game.simulation.env.now + 10.0) is not None
    assert game.simulation.parts.receipts.pending < owed / 10
    assert coverage(game, 20) == 1.0
    (seen,) = game.faults.record(game.simulation.env.now)
    assert (seen.end_s, seen.observed) == (720.0, True)


# The gateway.


def test_a_source_limit_stops_the_flood_before_its_signatures() -> None:
    flood = {"at": "0s", "for": "2h", "fault": "bad-requests", "kind": "signature", "rate": 10.0, "id": "bad"}
    game = running(flood)
    assert set(outcomes(game, 2, bad=True)) == {("rejected", "signature_invalid")}
    game.pull("limit-sources", rate_per_s=0.5, burst=5)
    limited = outcomes(game, 4, bad=True)
    assert limited["rejected", "rate_limited"] > 3 * limited["rejected", "signature_invalid"]
    assert set(outcomes(game, 2)) == {("filled", "")}, "honest sources are below the limit"
    game.pull("unlimit-sources")
    assert set(outcomes(game, 2, bad=True)) == {("rejected", "signature_invalid")}


REPAIRS: list[tuple[str, dict[str, Any], dict[str, Any], tuple[str, str]]] = [
    ("publish-tenant-key", {"tenant": "tenant-dao"}, {"fault": "key-mismatch", "tenant": "tenant-dao"},
     ("rejected", "signature_invalid")),
    ("roll-back-client", {"tenant": "tenant-dao"}, {"fault": "schema-drift", "tenant": "tenant-dao"},
     ("rejected", "schema:gpu_type")),
    ("sync-gateway-clock", {}, {"fault": "gateway-clock", "add": "-90s"}, ("rejected", "clock_skew")),
    ("restore-control-plane", {}, {"fault": "state-lost"}, ("rejected", "state_lost")),
    ("fix-gateway-secret", {}, {"fault": "gateway-down"}, ("undelivered", "gateway_crash")),
]  # fmt: skip


@pytest.mark.parametrize(("action", "given", "fault", "symptom"), REPAIRS, ids=[action for action, *_ in REPAIRS])
def test_a_repair_ends_what_it_repairs(
    action: str, given: dict[str, Any], fault: dict[str, Any], symptom: tuple[str, str]
) -> None:
    game = running({"at": "2m", "for": "100m", **fault})
    assert game.pull(action, **given).startswith("nothing is wrong with")
    assert not outcomes(game, 2)[symptom]
    assert outcomes(game, 3)[symptom]
    assert game.pull(action, **given) == ""
    assert set(outcomes(game, 3)) == {("filled", "")}
    assert not game.faults.on(game.simulation.env.now)


def test_a_canary_is_widened_and_rolled_back() -> None:
    module = str(PROJECT / "policy" / "war-game" / "denies-eu-west-1.wasm")
    denied = ("denied", "region_not_allowed")
    release = {"at": "0s", "for": "100m", "fault": "policy-release", "module": module, "share": 0.1}
    game = running(release, {"at": "0s", "for": "100m", "fault": "policy-slow", "add": "40ms"})
    few = outcomes(game, 4)[denied]
    assert game.pull("set-canary", share=0.8) == ""
    assert outcomes(game, 4)[denied] > 3 * few
    game.pull("amend-quota", daily_per_tenant_factor=0.001)
    assert outcomes(game, 2)["denied", "tenant_daily_quota"], "also by the released one"
    game.pull("revert-quota")
    assert game.pull("roll-back-policy") == ""
    assert game.simulation.parts.world.front_door.decision_add_s == 0.0
    game.run(1)
    assert set(outcomes(game, 3)) == {("filled", "")}
    assert game.pull("set-canary", share=0.5) == "no policy is being released"


def test_clean_disks_take_receipts_again() -> None:
    game = running({"at": "0s", "for": "100m", "fault": "disk-full"})
    assert coverage(game, 12) < 0.5
    assert game.pull("clean-disk") == ""
    assert coverage(game, 20) == 1.0


def test_a_tenants_repair_is_that_tenants_alone() -> None:
    game = running({"at": "0s", "for": "100m", "fault": "key-mismatch", "tenant": "tenant-dao"})
    game.run(1)
    assert game.pull("publish-tenant-key", tenant="tenant-render")
    assert outcomes(game, 3)["rejected", "signature_invalid"]


@pytest.mark.parametrize("replay_log", [True, False])
def test_a_restored_control_plane_lets_orders_in_again(replay_log: bool) -> None:
    game = running({"at": "7m", "fault": "state-lost", "snapshot_every": "5m"})
    assert game.pull("restore-control-plane").startswith("nothing is wrong")
    game.run(7)
    assert set(outcomes(game, 2)) >= {("rejected", "state_lost")}
    assert game.pull("restore-control-plane", replay_log=replay_log) == ""
    assert set(outcomes(game, 2)) == {("filled", "")}
    plane = game.simulation.parts.control_plane
    assert plane is not None
    assert (plane.losses[-1].orders_forgotten == 0) is replay_log
    assert game.faults.span("state-lost") == (420.0, 540.0)
    assert not game.watch.violations


# Bridges.


def bridges(game: Running, steps: int) -> Counter[str]:
    """By bridge, the orders of akash (which is reached over axelar) that are filled in these steps."""
    game.rows()
    game.run(steps)
    return Counter(row["bridge"] for row in game.rows() if (row["provider_id"], row["outcome"]) == ("akash", "filled"))


def test_orders_prefer_the_failover_bridge_until_it_is_reverted() -> None:
    failover = a_config().bridges["axelar"].failover
    game = running()
    assert set(bridges(game, 3)) == {"axelar"}
    assert game.pull("revert-bridge", bridge="axelar") == "axelar was not failed over"
    assert game.pull("failover-bridge", bridge="axelar") == ""
    assert game.pull("failover-bridge", bridge="axelar").endswith("already")
    game.run(1)
    assert set(bridges(game, 3)) == {failover}
    game.pull("revert-bridge", bridge="axelar")
    game.run(1)
    assert set(bridges(game, 3)) == {"axelar"}


def test_a_paced_client_loses_less_than_a_blind_one_and_says_what_it_does() -> None:
    silent = [
        {"at": "2m", "for": "5m", "fault": "relayers", "bridge": name, "workers": 0}
        for name in ("axelar", "ibc", "rest_api")
    ]

    def tries(mode: str) -> float:
        game = running(*silent)
        for name in ("axelar", "ibc", "rest_api"):
            assert game.pull("set-retry", bridge=name, mode="backoff").endswith("so already")
            assert game.pull("set-retry", bridge=name, mode=mode) == ""
        game.run(30)
        assert game.simulation.parts.links["axelar"].settings.queue is None or mode == "paced"
        assert not game.simulation.in_flight
        return game.simulation.finish()["bridge_messages"]

    assert tries("paced") < tries("blind") / 1.5


# All of them.


ANY: dict[str, dict[str, Any]] = {
    "set-router-weights": {"weights": {"akash": 0.5}},
    "shift-traffic-back": {"provider": "akash", "shares": [0.5, 1.0], "every": 60.0},
    "halt-treaty": {"reason": "drill"},
    "amend-quota": {"daily_per_tenant_factor": 2.0},
    "raise-price-limits": {"gpu_type": "A100", "factor": 1.5},
    "allow-substitutes": {"workload": "general_compute", "gpu_types": ["RTX3090"]},
    "limit-sources": {"rate_per_s": 5.0, "burst": 50},
    "set-canary": {"share": 0.5},
    "set-retry": {"bridge": "axelar", "mode": "paced"},
    "notify": {"whom": "tenant-dao"},
}


def test_every_action_has_its_lever() -> None:
    game = running()
    for action in ACTIONS:
        assert game.pull(action, **arguments(action)) != "there is nothing here that it could move", action


def arguments(action: str) -> dict[str, Any]:
    named = {"provider": "akash", "tenant": "tenant-dao", "bridge": "axelar"}
    fields = ACTIONS[action].model_fields
    return ANY.get(action, {name: value for name, value in named.items() if name in fields})


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_pulled_no_order_is_lost(seed: int) -> None:
    """Every lever in turn, in the middle of an outage, twice; then demand stops, and every order must have ended."""
    outage = {"at": "2m", "for": "20m", "fault": "outage", "provider": "akash"}
    slow = {"at": "5m", "for": "30m", "fault": "relayers", "bridge": "axelar", "workers": 0}
    quiet = {"at": "60m", "for": "60m", "fault": "demand", "factor": 0.0}
    game = running(outage, slow, REPLAYS | {"for": "50m"}, quiet, seed=seed)
    levers = [*ACTIONS, *reversed(ACTIONS)]
    for place, action in enumerate(levers):
        at_s = place * 3600.0 / len(levers)
        while game.simulation.next_step_s <= at_s:
            game.run(1)
        game.simulation.advance(at_s)
        assert isinstance(game.pull(action, **arguments(action)), str)
    game.run(25)
    books = game.simulation.finish()
    assert books["orders_in"] > 1000
    assert books["orders_in_flight"] == 0
    used = books["quota_taken_gpu_hours"] - books["quota_given_back_gpu_hours"]
    assert used == pytest.approx(books["quota_used_gpu_hours"])


def test_the_policy_decides_by_the_amended_terms_at_once() -> None:
    game = running()
    policy = game.simulation.parts.policy
    assert policy.decide(1.0, 0.0, 0.0, 0, 80, 0) == ALLOW
    game.pull("halt-treaty", reason="drill")
    assert policy.decide(1.0, 0.0, 0.0, 0, 80, 0) != ALLOW
