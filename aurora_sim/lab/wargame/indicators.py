"""The indicators of a game, and when each is inside its objective. One definition, for verdicts, scorecard and report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aurora_sim.scenario.config import Slo

STEP_S: Final = 60.0
DROPPED_5M_MAX: Final = 50.0
"""The runbook's alert threshold: the objective of 5 % is one over a whole run, and needs a figure for five minutes."""
STABLE_S: Final = 600.0
"""How long an indicator must stay inside its objective to be back (MTTR: "staying for 10 min")."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """A recorded series and its bound: at least it (`low`), or at most."""

    name: str
    bound: float
    low: bool

    def inside(self, value: float) -> bool:
        """Whether the value meets the objective."""
        return value >= self.bound if self.low else value <= self.bound


def indicators(slo: Slo) -> dict[str, Indicator]:
    """Every indicator by its name in `steady-state`."""
    found = (
        Indicator("fill_rate", slo.fill_rate_p5_min, True),
        Indicator("bridge_rtt", slo.rtt_p95_ms_max, False),
        Indicator("provenance_coverage", slo.provenance_coverage_min, True),
        Indicator("policy_decision", slo.policy_decision_p95_ms_max, False),
        Indicator("dropped", DROPPED_5M_MAX, False),
        Indicator("failovers", slo.failovers_per_5m_max, False),
    )
    return {indicator.name: indicator for indicator in found}


def step_at(time_s: float) -> int:
    """The step whose end is the first at or after that time; step 0 ends at 60 s."""
    return max(0, -int(-time_s // STEP_S) - 1)


def end_s(step: int) -> float:
    """When a step ends."""
    return (step + 1) * STEP_S


def back_inside(
    series: Sequence[float | None], indicator: Indicator, from_step: int, stable_s: float = STABLE_S
) -> float | None:
    """From when on, at or after a step, the series is inside for `stable_s` (or, near the end, without a break until it ends).

    A minute without a value neither helps nor breaks; a stretch without any value is not inside.
    """
    wanted = max(1, round(stable_s / STEP_S))
    began: int | None = None
    known = 0
    for step in range(from_step, len(series)):
        value = series[step]
        if value is not None and not indicator.inside(value):
            began, known = None, 0
            continue
        if began is None:
            began = step
        known += value is not None
        if known and step - began + 1 >= wanted:
            return end_s(began)
    return None


def breach_after(series: Sequence[float | None], indicator: Indicator, from_step: int) -> float | None:
    """The end of the first step, from `from_step` on, whose value is outside."""
    for step in range(from_step, len(series)):
        value = series[step]
        if value is not None and not indicator.inside(value):
            return end_s(step)
    return None
