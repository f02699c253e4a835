"""Records of games made by hand, for the tests of what is judged from them."""

from __future__ import annotations

from dataclasses import replace

from aurora_sim.lab.wargame.play import SeedPlays
from aurora_sim.observe.game_record import ActionDone, AlertSpan, FaultSeen, GameRecord
from aurora_sim.scenario.playbook import Playbook

STEPS = 120
FAULT_S, OVER_S = 1800.0, 3600.0
AT_REST = {
    "fill_rate": 1.0,
    "bridge_rtt": 300.0,
    "provenance_coverage": 1.0,
    "policy_decision": 1.0,
    "dropped": 0.0,
    "failovers": 0.0,
    "provider_filled{akash}": 10.0,
    "provider_filled{flux}": 5.0,
    "free_gpus{akash}": 300.0,
    "free_gpus{flux}": 60.0,
}
TOTALS = {
    "orders": 4000.0, "allowed": 4000.0, "filled": 4000.0, "dropped": 0.0, "rejected": 0.0, "denied": 0.0,
    "gpu_hours_allowed": 9000.0, "gpu_hours_filled": 9000.0, "gpu_hours_lost": 0.0, "cost_usd": 20000.0, "failovers": 3.0,
    "jobs_killed": 0.0, "jobs_rerouted": 0.0, "jobs_lost": 0.0, "replays_accepted": 0.0, "orders_in_flight": 2.0,
    "receipts_owed": 0.0,
}  # fmt: skip


def a_playbook(**different: object) -> Playbook:
    return Playbook.model_validate(
        {
            "title": "A game",
            "runbook": "2. Failover to Backup Provider",
            "severity": "SEV2",
            "start": "2026-01-05T13:30:00Z",
            "steps": STEPS,
            "steady-state": ["fill_rate", "bridge_rtt"],
            "method": [{"id": "dark", "at": FAULT_S, "fault": "outage", "provider": "akash", "for": OVER_S - FAULT_S}],
            "expect": [
                {"alert": "AuroraFillRateLow", "fires-within": "15m", "of": "dark"},
                {"metric": "fill_rate", "recovers-to": 0.8, "within": "60m", "of": "dark", "weight": 3},
                {"never": {"outcome": "filled", "provider": "akash"}, "while": "dark"},
            ],
            **different,
        }
    )


def series_with(name, value, from_step, until_step, steps=STEPS):
    """One series at rest but for these steps."""
    rest = AT_REST[name]
    return {name: [value if from_step <= step < until_step else rest for step in range(steps)]}


def a_record(arm="answered", seed=1, *, low_until=50, low=0.5, series=None, **different):
    """A game in which the fill rate is low from the fault's begin up to a step, and the alert fires."""
    values = {name: [rest] * STEPS for name, rest in AT_REST.items()}
    faults, alerts, actions, totals = [], [], [], dict(TOTALS)
    if arm != "calm":
        values |= series_with("fill_rate", low, 31, low_until)
        faults = [FaultSeen("dark", FAULT_S, OVER_S, True, "akash dark")]
        alerts = [AlertSpan("AuroraFillRateLow", "warning", 1920.0, 2220.0, (low_until + 1) * 60.0)]
        totals |= {"dropped": 200.0, "filled": 3800.0, "gpu_hours_filled": 8500.0}
    if arm == "answered":
        actions = [ActionDone("response-1", "response", "set-router-weights", 2220.0, 2700.0, 2700.0, 2880.0, "first")]
    record = GameRecord(seed, arm, STEPS, False, values | (series or {}), alerts, actions, faults, [], totals, [500, 0])
    return replace(record, **different)


def plays(seed=1, answered=None, unanswered=None):
    """The three arms of a seed: without the response the fill rate stays low."""
    return SeedPlays(
        seed,
        a_record("calm", seed),
        unanswered or a_record("unanswered", seed, low_until=STEPS),
        answered or a_record("answered", seed),
    )
