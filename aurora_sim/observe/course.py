"""The course of a finished run: its CSVs read once and thinned to what a picture can show.

Memory does not grow with the run.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from aurora_sim.observe.recorder import STEP_S
from aurora_sim.observe.run_files import PROVIDERS, STEPS
from aurora_sim.scenario.config import Slo
from aurora_sim.scenario.errors import InputError

POINTS_MAX: Final = 720
TAIL_BYTES: Final = 65_536


class Curve:
    """One quantity over the run: the least, mean and greatest value in each of at most `POINTS_MAX` equal spans of steps.

    NaN where a span has no value. `below` and `above` count the steps beyond `limit`.
    """

    def __init__(self, steps: int, limit: float = float("nan")) -> None:
        self.steps_per_point = -(-steps // POINTS_MAX)
        points = -(-steps // self.steps_per_point)
        self.low = np.full(points, np.nan)
        self.high = np.full(points, np.nan)
        self.sum = np.zeros(points)
        self.count = np.zeros(points)
        self.below = 0
        self.above = 0
        self._limit = limit

    def add(self, step: int, value: float) -> None:
        """Take in a step's value."""
        point = step // self.steps_per_point
        low, high = self.low, self.high
        if not low[point] <= value:  # so that anything is less than NaN
            low[point] = value
        if not high[point] >= value:
            high[point] = value
        self.sum[point] += value
        self.count[point] += 1
        self.below += value < self._limit
        self.above += value > self._limit

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean value of each span."""
        mean: NDArray[np.float64] = np.full(len(self.sum), np.nan)
        known = self.count > 0
        mean[known] = self.sum[known] / self.count[known]
        return mean

    @property
    def time_s(self) -> NDArray[np.float64]:
        """The middle of each span, in seconds from the start; a step's values are those at its end."""
        steps = self.steps_per_point
        return np.arange(len(self.low), dtype=np.float64) * (steps * STEP_S) + (steps + 1) / 2.0 * STEP_S

    @property
    def known(self) -> bool:
        """Whether there is any value."""
        return bool(self.count.any())

    def lowest(self) -> tuple[float, float]:
        """The least value of all, and its time in seconds; of equals the first."""
        point = int(np.nanargmin(self.low))
        return float(self.low[point]), float(self.time_s[point])

    def highest(self) -> tuple[float, float]:
        """The greatest value of all, and its time in seconds; of equals the first."""
        point = int(np.nanargmax(self.high))
        return float(self.high[point]), float(self.time_s[point])


class ProviderCourse:
    """One provider over the run, in GPUs; `dark_steps` counts the steps at whose end it did not answer."""

    def __init__(self, steps: int) -> None:
        self.leased = Curve(steps)
        self.capacity = Curve(steps)
        self.dark = Curve(steps)
        self.dark_steps = 0


@dataclass
class Course:
    """A run over its `steps`. Rates and percentiles are those of the trailing five minutes."""

    steps: int
    fill_rate: Curve
    fill_rate_gpu_hours: Curve
    rtt_p50_ms: Curve
    rtt_p95_ms: Curve
    rtt_p99_ms: Curve
    failovers: Curve
    failovers_5m: Curve
    jobs_killed: Curve
    jobs_lost: Curve
    providers: dict[str, ProviderCourse]

    @property
    def end_s(self) -> float:
        """The run's end, in seconds from its start."""
        return self.steps * STEP_S


def read_course(folder: Path, slo: Slo) -> Course:
    """Read the CSVs of a finished run. Raises InputError where they are missing, broken or without a step."""
    steps = _steps(folder / STEPS)
    course = Course(
        steps=steps,
        fill_rate=Curve(steps, slo.fill_rate_p5_min),
        fill_rate_gpu_hours=Curve(steps),
        rtt_p50_ms=Curve(steps),
        rtt_p95_ms=Curve(steps, slo.rtt_p95_ms_max),
        rtt_p99_ms=Curve(steps),
        failovers=Curve(steps),
        failovers_5m=Curve(steps, slo.failovers_per_5m_max),
        jobs_killed=Curve(steps),
        jobs_lost=Curve(steps),
        providers={},
    )
    _read_steps(folder / STEPS, course)
    _read_providers(folder / PROVIDERS, course)
    return course


def _steps(path: Path) -> int:
    """How many steps there are: one more than the number that the last row begins with."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES), os.SEEK_SET)
            last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
    except OSError as error:
        raise InputError(str(path), error.strerror or "cannot be read", "Give the folder of a finished run") from error
    number = last.partition(b",")[0]
    if not number.isdigit():
        raise InputError(str(path), "there is no step in it", "Give the folder of a finished run of at least one step")
    return int(number) + 1


def _read_steps(path: Path, course: Course) -> None:
    columns: dict[str, Curve] = {
        "fill_rate_5m": course.fill_rate,
        "fill_rate_gpu_hours_5m": course.fill_rate_gpu_hours,
        "rtt_p50_ms_5m": course.rtt_p50_ms,
        "rtt_p95_ms_5m": course.rtt_p95_ms,
        "rtt_p99_ms_5m": course.rtt_p99_ms,
        "failovers": course.failovers,
        "failovers_5m": course.failovers_5m,
        "jobs_killed": course.jobs_killed,
        "jobs_lost": course.jobs_lost,
    }
    with _rows(path, "step", *columns) as rows:
        for step, *values in rows:
            for curve, value in zip(columns.values(), values, strict=True):
                if value:
                    curve.add(int(step), float(value))


def _read_providers(path: Path, course: Course) -> None:
    with _rows(path, "step", "provider_id", "active", "effective_capacity", "leased_gpus") as rows:
        for step_text, provider_id, active, capacity, leased in rows:
            step = int(step_text)
            provider = course.providers.get(provider_id)
            if provider is None:
                provider = course.providers[provider_id] = ProviderCourse(course.steps)
            provider.leased.add(step, float(leased))
            provider.capacity.add(step, float(capacity))
            provider.dark.add(step, 1.0 - int(active))
            provider.dark_steps += active == "0"


@contextmanager
def _rows(path: Path, *columns: str) -> Iterator[Iterator[tuple[str, ...]]]:
    """The rows of a CSV, each cut down to some columns. What goes wrong with a row while it is open is the file's fault."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            missing = [column for column in columns if column not in header]
            if missing:
                raise InputError(
                    str(path), f"it has no column {', '.join(missing)}", "Make the run anew with this version"
                )
            try:
                yield map(itemgetter(*map(header.index, columns)), reader)
            except (ValueError, IndexError, csv.Error) as error:
                raise InputError(f"{path}:{reader.line_num}", f"broken row ({error})", "Make the run anew") from error
    except OSError as error:
        raise InputError(str(path), error.strerror or "cannot be read", "Give the folder of a finished run") from error
