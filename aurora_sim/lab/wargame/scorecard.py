"""The scorecard: what one seed of a game cost, in figures, and what they come to over the seeds.

Error budget = (1 - objective) x orders of 30 days; burnt = orders dropped beyond the fault-free twin / budget. Score of a game on a
seed = 100 x weights of the expectations that held / all weights; of a game, the mean over its seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final
from zlib import crc32

import numpy as np

from aurora_sim.lab.wargame.indicators import STEP_S, indicators, step_at
from aurora_sim.lab.wargame.judge import SeedVerdict
from aurora_sim.lab.wargame.results import Spread
from aurora_sim.observe.game_record import GameRecord
from aurora_sim.scenario.config import Slo
from aurora_sim.scenario.playbook import Playbook

BUDGET_S: Final = 30 * 86_400.0
RESAMPLES: Final = 2000

MEASURES: Final[dict[str, tuple[str, str]]] = {
    "time to detect": ("s", "lower"),
    "time to detect, from fault": ("s", "lower"),
    "time to acknowledge": ("s", "lower"),
    "time to mitigate": ("s", "lower"),
    "time to resolve": ("s", "lower"),
    "minutes outside fill rate": ("min", "lower"),
    "minutes outside bridge RTT": ("min", "lower"),
    "minutes outside provenance coverage": ("min", "lower"),
    "minutes outside policy decision": ("min", "lower"),
    "minutes outside dropped": ("min", "lower"),
    "minutes outside failovers": ("min", "lower"),
    "bridge RTT p95, median minute": ("ms", "lower"),
    "policy decision p95, median minute": ("ms", "lower"),
    "availability": ("share", "higher"),
    "error budget burnt": ("share", "lower"),
    "orders lost": ("count", "lower"),
    "GPU-hours lost": ("GPU-hours", "lower"),
    "cost": ("USD", "neither"),
    "cost against the calm twin": ("USD", "neither"),
    "failovers": ("count", "lower"),
    "false alarms": ("count", "lower"),
    "missed alarms": ("count", "lower"),
    "safety violations": ("count", "lower"),
    "orders saved by the response": ("count", "higher"),
    "orders harmed by the response": ("count", "lower"),
}
"""Every measure: its unit, and which way is better."""

_MINUTES: Final = {
    "minutes outside fill rate": "fill_rate",
    "minutes outside bridge RTT": "bridge_rtt",
    "minutes outside provenance coverage": "provenance_coverage",
    "minutes outside policy decision": "policy_decision",
    "minutes outside dropped": "dropped",
    "minutes outside failovers": "failovers",
}


def measures(
    playbook: Playbook,
    slo: Slo,
    verdict: SeedVerdict,
    record: GameRecord,
    calm: GameRecord,
    unanswered: GameRecord,
) -> dict[str, float | None]:
    """The figures of one seed. None: it did not happen within the game (a censored time), or there is nothing to measure."""
    incident, known = verdict.incident, indicators(slo)
    first = 0 if incident.fault_s is None else step_at(incident.fault_s)
    found: dict[str, float | None] = {
        "time to detect": incident.detect_s,
        "time to detect, from fault": incident.detect_from_fault_s,
        "time to acknowledge": incident.acknowledge_s,
        "time to mitigate": incident.mitigate_from_impact_s,
        "time to resolve": incident.resolve_from_impact_s,
        "bridge RTT p95, median minute": _median(record.series["bridge_rtt"]),
        "policy decision p95, median minute": _median(record.series["policy_decision"]),
    }
    for measure, name in _MINUTES.items():
        values = record.series[name][first:]
        found[measure] = float(sum(1 for v in values if v is not None and not known[name].inside(v)))
    sent = record.totals["allowed"] + record.totals.get("honest_refused", 0.0)
    found["availability"] = record.totals["filled"] / sent if sent else None
    lost = _dropped(record) - _dropped(calm)
    budget = (1.0 - slo.fill_rate_p50_min) * calm.totals["allowed"] * BUDGET_S / (calm.steps * STEP_S)
    found["error budget burnt"] = max(0.0, lost) / budget if budget else None
    found["orders lost"] = lost
    found["GPU-hours lost"] = _hours_lost(record) - _hours_lost(calm)
    found["cost"] = record.totals["cost_usd"]
    found["cost against the calm twin"] = record.totals["cost_usd"] - calm.totals["cost_usd"]
    found["failovers"] = record.totals["failovers"]
    false, missed = _alarms(verdict, record, playbook)
    found["false alarms"], found["missed alarms"] = false, missed
    found["safety violations"] = float(len(record.violations))
    difference = _dropped(unanswered) - _dropped(record)
    found["orders saved by the response"] = max(0.0, difference)
    found["orders harmed by the response"] = max(0.0, -difference)
    return found


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _dropped(record: GameRecord) -> float:
    """Orders that were allowed and not filled, or never let in although they were honest."""
    return record.totals["dropped"] + record.totals.get("honest_refused", 0.0)


def _hours_lost(record: GameRecord) -> float:
    totals = record.totals
    return totals["gpu_hours_allowed"] - totals["gpu_hours_filled"] + totals["gpu_hours_lost"]


def _alarms(verdict: SeedVerdict, record: GameRecord, playbook: Playbook) -> tuple[float, float]:
    """False: fired before the first fault, or long after the last. Missed: expected, and never fired."""
    incident = verdict.incident
    fired = [(a.alert, a.fired_s) for a in record.alerts if a.fired_s is not None]
    false = sum(1 for _, at in fired if not incident.in_time(at))
    must = {e.alert for e in playbook.expect if e.alert is not None and e.fires_within is not None}
    return float(false), float(len(must - {name for name, _ in fired}))


def spread(name: str, values: Sequence[float | None]) -> Spread:
    """The measure over the seeds, with a bootstrap interval of its median that is the same in every run."""
    unit, better = MEASURES[name]
    known = np.array([value for value in values if value is not None])
    median = p90 = low = high = None
    if known.size:
        median, p90 = float(np.median(known)), float(np.quantile(known, 0.9, method="higher"))
        low, high = bootstrap(known, name)
    return Spread.model_validate(
        {
            "unit": unit,
            "better": better,
            "values": [None if value is None else round(value, 6) for value in values],
            "median": _rounded(median),
            "p90": _rounded(p90),
            "low": _rounded(low),
            "high": _rounded(high),
            "censored": len(values) - int(known.size),
        }
    )


def bootstrap(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], name: str) -> tuple[float, float]:
    """The percentile bootstrap 95 % interval of the median (Efron 1979); the resamples depend on nothing but the name."""
    draws = np.random.Generator(np.random.PCG64(crc32(name.encode())))
    medians = np.median(values[draws.integers(0, values.size, (RESAMPLES, values.size))], axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    return float(low), float(high)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def seed_score(playbook: Playbook, verdict: SeedVerdict) -> float | None:
    """100 x the weights that held / all weights; None where the seed is void or nothing has a weight. A failed check halves it."""
    if verdict.verdict == "void":
        return None
    weights = [e.weight for e in playbook.expect]
    whole = math.fsum(weights)
    if not whole:
        return None
    held = math.fsum(w for w, one in zip(weights, verdict.held, strict=True) if one.verdict == "passed")
    share = 100.0 * min(1.0, held / whole)
    return share if all(check.verdict == "passed" for check in verdict.checks.values()) else share / 2.0
