"""The runbook's objectives, measured over a run: one table, for the terminal, the manifest and the report alike."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal, get_args

from aurora_sim.observe.recorder import Recorder, StepReading
from aurora_sim.observe.tally import ENTRY_REFUSED, quantile
from aurora_sim.scenario.config import Slo

Verdict = Literal["met", "missed", "not enough data"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
WINDOW_STEPS: Final = 5


@dataclass(frozen=True)
class Objective:
    """One objective: what was measured (None without data), what is wanted, and the verdict. `unit` is for display."""

    name: str
    measured: float | None
    target: float
    comparison: Literal[">=", "<=", "<"]
    unit: Literal["share", "ms", "events"]
    verdict: Verdict
    wall_clock: bool = False
    """Whether the figure is a measured time of this machine, which another run will not repeat."""
    by_gpu_hours: float | None = None
    """Beside a fill rate by count, which the objective is about: the same with each order counted by its GPU-hours."""

    def as_json(self) -> dict[str, object]:
        """For the manifest."""
        return asdict(self)


class FillWindows:
    """Fill rates of windows of five minutes, each grown until it has `orders_min` ended orders.

    Twice: by count, which the objective is about, and by GPU-hours. A last window with too few orders is left out.
    """

    def __init__(self, orders_min: int) -> None:
        self._orders_min = orders_min
        self.by_count = array("d")  # a value for each window of the whole run: so the median is exact, at 8 bytes each
        self.by_gpu_hours = array("d")
        self._clear()

    def _clear(self) -> None:
        self._steps = self._filled = self._ended = 0
        self._gpu_hours_filled = self._gpu_hours = 0.0

    def add(self, reading: StepReading) -> None:
        """Take in a step."""
        tally = reading.tally
        self._steps += 1
        self._filled += tally.filled
        self._ended += tally.filled + tally.dropped
        self._gpu_hours_filled += tally.gpu_hours_filled
        self._gpu_hours += tally.gpu_hours_filled + tally.gpu_hours_dropped
        if self._steps >= WINDOW_STEPS and self._ended >= self._orders_min:
            self.by_count.append(self._filled / self._ended)
            self.by_gpu_hours.append(self._gpu_hours_filled / self._gpu_hours)
            self._clear()


def percentile_low(values: Sequence[float], share: float) -> float | None:
    """The greatest value that at least 1 - `share` of the values reach: "95 % of the windows are at or above"."""
    if not values:
        return None
    return sorted(values)[math.floor(share * len(values) + 1e-9)]


class SloTracker:
    """Follows a run step by step, and says at its end which objectives were met."""

    def __init__(self, slo: Slo) -> None:
        self._slo = slo
        self.windows = FillWindows(slo.window_orders_min)
        self._failovers_5m_max = 0
        self.provenance_coverage_min: float | None = None
        """The lowest of the coverages at the end of each step; None where no step had one."""
        self._steps = 0

    @property
    def failovers_5m_max(self) -> float | None:
        """The most failover events in five minutes; None in a run that is shorter."""
        return float(self._failovers_5m_max) if self._steps >= WINDOW_STEPS else None

    def add(self, reading: StepReading) -> None:
        """Take in a recorded step."""
        self._steps += 1
        self.windows.add(reading)
        # Before five recorded minutes the trailing window still holds warm-up.
        if self._steps >= WINDOW_STEPS:
            self._failovers_5m_max = max(self._failovers_5m_max, reading.failovers_5m)
        if reading.provenance_coverage is not None:
            low = self.provenance_coverage_min
            coverage = reading.provenance_coverage
            self.provenance_coverage_min = coverage if low is None else min(low, coverage)

    def objectives(self, recorder: Recorder) -> list[Objective]:
        """Every objective of the runbook, in its order."""
        slo, windows = self._slo, self.windows
        enough = len(windows.by_count) >= slo.windows_min
        outcomes = recorder.outcomes
        allowed = sum(n for (outcome, _), n in outcomes.items() if outcome not in ENTRY_REFUSED)
        enough_orders = allowed >= slo.window_orders_min  # for the share of a whole run as for that of a window
        return [
            _at_least(
                "fill rate, p50 of windows",
                quantile(windows.by_count, 0.5) if enough else None,
                slo.fill_rate_p50_min,
                quantile(windows.by_gpu_hours, 0.5) if enough else None,
            ),
            _at_least(
                "fill rate, 95 % of windows reach",
                percentile_low(windows.by_count, 0.05) if enough else None,
                slo.fill_rate_p5_min,
                percentile_low(windows.by_gpu_hours, 0.05) if enough else None,
            ),
            _at_most("bridge RTT, p95", recorder.rtts.quantile(0.95), slo.rtt_p95_ms_max, "ms"),
            _at_least("provenance coverage, lowest 15 min", self.provenance_coverage_min, slo.provenance_coverage_min),
            _at_most(
                "policy decision, p95 (measured)",
                recorder.decision_times.quantile_ms(0.95),
                slo.policy_decision_p95_ms_max,
                "ms",
                wall_clock=True,
            ),
            _below(
                "dropped requests",
                1.0 - outcomes["filled", ""] / allowed if enough_orders else None,
                slo.dropped_share_max,
                "share",
            ),
            _below("failover events, most in 5 min", self.failovers_5m_max, slo.failovers_per_5m_max, "events"),
        ]


def _at_least(name: str, measured: float | None, target: float, by_gpu_hours: float | None = None) -> Objective:
    met = measured is not None and measured >= target
    return Objective(name, measured, target, ">=", "share", _verdict(measured, met), by_gpu_hours=by_gpu_hours)


def _at_most(
    name: str, measured: float | None, target: float, unit: Literal["share", "ms", "events"], wall_clock: bool = False
) -> Objective:
    met = measured is not None and measured <= target
    return Objective(name, measured, target, "<=", unit, _verdict(measured, met), wall_clock)


def _below(name: str, measured: float | None, target: float, unit: Literal["share", "ms", "events"]) -> Objective:
    met = measured is not None and measured < target
    return Objective(name, measured, target, "<", unit, _verdict(measured, met))


def _verdict(measured: float | None, met: bool) -> Verdict:
    if measured is None:
        return "not enough data"
    return "met" if met else "missed"
