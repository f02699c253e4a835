"""What a run holds does not grow with its length: no container that lives through it is fuller after three days than after one."""

from __future__ import annotations

import gc
from array import array
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import pytest
from engine_runs import PROJECT, host

from aurora_sim.engine.run import simulate
from aurora_sim.observe.alerts import AlertEngine, load_rules
from aurora_sim.observe.recorder import Recorder
from aurora_sim.observe.series import reproducible_samples
from aurora_sim.observe.slo import SloTracker
from aurora_sim.scenario.scenario import load
from aurora_sim.treaty.ledger import MICRO

DAY_STEPS = 1440
CONTAINERS = (dict, list, set, deque, array)
OTHERS = (ModuleType, type, FunctionType, BuiltinFunctionType, CodeType)


def containers(*roots: object) -> dict[int, tuple[Any, int]]:
    """Every container that can be reached from the roots, and how full it is."""
    found: dict[int, tuple[Any, int]] = {}
    seen: set[int] = set()
    waiting: list[object] = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, OTHERS):
            # A function is where the run's state is too, in what it closes over; modules and classes are everybody's.
            if isinstance(thing, FunctionType) and id(thing) not in seen and thing.__closure__:
                waiting.extend(thing.__closure__)
            seen.add(id(thing))
            continue
        seen.add(id(thing))
        if isinstance(thing, CONTAINERS):
            found[id(thing)] = thing, len(thing)
        waiting.extend(gc.get_referents(thing))
    return found


@pytest.mark.parametrize("scenario", ["baseline", "business-week"])
def test_no_container_grows_from_the_first_day_to_the_third(scenario: str, tmp_path: Path) -> None:
    short = tmp_path / "rules.yml"  # the ranges of three days would still fill up
    rules_text = (PROJECT / "config" / "prometheus" / "alert_rules.yml").read_text()
    short.write_text(rules_text.replace("[1d]", "[6h]").replace("[3d]", "[6h]"))
    rules = load_rules(short)
    loaded = load(PROJECT / "scenarios" / f"{scenario}.yaml", overrides=["demand.factor=0.05", "gateway.nonce_ttl=1h"])
    recorder, tracker, alerts = Recorder(lambda rows: None), SloTracker(loaded.world.slo), AlertEngine(rules)
    simulation = simulate(loaded, 42, 3 * DAY_STEPS, host(loaded.world), recorder)
    simulation.warm_up()
    roots = (simulation, recorder, tracker, alerts)
    windows = {id(tracker.windows.by_count), id(tracker.windows.by_gpu_hours)}  # a number for each five minutes
    early: Mapping[int, tuple[Any, int]] = {}
    for step in range(1, 3 * DAY_STEPS + 1):
        reading = simulation.step()
        tracker.add(reading)
        alerts.observe(reading.time_s, reproducible_samples(recorder, reading, "T", only=rules.sample_names))
        if step == DAY_STEPS:
            early = containers(*roots)
    late = containers(*roots)
    grown = {
        f"{type(thing).__name__} {str(thing)[:200]}": (before, late[key][1])
        for key, (thing, before) in early.items()
        if key in late and late[key][0] is thing and key not in windows and late[key][1] > 1.3 * before + 100
    }
    assert recorder.ended_total > 3 * DAY_STEPS
    assert not grown
    days = simulation.parts.ledger.snapshot().days
    assert len(days) <= 2
    used_gpu_hours = sum(sum(tenants.values()) for tenants in days.values()) / MICRO
    assert 0 < used_gpu_hours < simulation.parts.ledger.used_total, "the days before are in the total"
