"""A finished order is freed by reference counts alone: a run may switch the cycle collector off, and memory stays flat."""

from __future__ import annotations

import gc
from collections import Counter

import pytest
from engine_runs import POLICY, PROJECT, a_config, simulate

from aurora_sim.engine.run import Options, run
from aurora_sim.scenario.scenario import load
from aurora_sim.treaty.router import FEW

OURS = ("LiveOrder", "Message", "RunningJob", "Timeout", "Ack", "Shortlist")


def alive() -> Counter[str]:
    """How many there are of what an order is made of."""
    return Counter(name for name in (type(thing).__name__ for thing in gc.get_objects()) if name in OURS)


@pytest.mark.parametrize("copies", [1, FEW // 7 + 1], ids=["few providers", "many providers"])
def test_no_order_message_or_job_is_left_to_the_cycle_collector(copies: int) -> None:
    config = a_config()
    many = {f"{name}-{n}": one for n in range(1, copies) for name, one in config.providers.items()}
    world = config.model_copy(update={"providers": {**config.providers, **many}})
    left: list[Counter[str]] = []

    def look(simulation: object, step: int) -> None:
        if step == 0:
            gc.collect()
            gc.disable()
        if step == 19:
            left.append(alive())
            gc.collect()
            left.append(alive())

    outage = {"at": "5m", "for": "5m", "fault": "outage", "provider": "akash"}
    slow = {"at": "5m", "for": "5m", "fault": "relayers", "bridge": "axelar", "workers": 0}
    try:
        simulate(outage, slow, world=world, before_step=look)
    finally:
        gc.enable()
    before, after = left
    assert before["RunningJob"] > 100
    assert before == after


def test_a_run_that_is_over_has_freed_what_was_under_way() -> None:
    gc.collect()
    before = alive()
    gc.disable()
    try:
        run(
            load(PROJECT / "scenarios" / "baseline.yaml"),
            Options(42, POLICY, PROJECT / "config" / "prometheus" / "alert_rules.yml", 3, None),
        )
        after = alive()
    finally:
        gc.enable()
    assert after["RunningJob"] < before["RunningJob"] + 100, "but for those whose receipt is being made"
    assert after["LiveOrder"] < before["LiveOrder"] + 100, "but for those whose message a bridge has just served"
