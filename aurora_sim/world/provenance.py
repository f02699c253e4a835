"""The services that receipts need, simulated: they take their time, and fail now and then."""

from __future__ import annotations

import math
from typing import NamedTuple

from aurora_sim.scenario.config import ProvenanceConfig, Service
from aurora_sim.world.demand import JobLuck
from aurora_sim.world.modifiers import Modifiers
from aurora_sim.world.streams import Streams


class JobDraws(NamedTuple):
    """Where a job's luck comes from: its source of orders, its order's index there, and the draws of the first try."""

    source: str
    number: int
    luck: JobLuck


class ProvenanceServices:
    """Timestamp authority, pinning service and receipt script of the simulated world.

    A job is announced by `expect` under a number of the caller's; the first try of each of its steps uses the luck of its
    order, later tries use streams of their own at the order's index.
    """

    def __init__(self, config: ProvenanceConfig, streams: Streams) -> None:
        self._config = config
        self._streams = streams
        self._stamp_latency = streams.lookup("timestamp/latency", "normal")
        self._stamp_failure = streams.lookup("timestamp/failure", "uniform")
        self._jobs: dict[int, JobDraws] = {}
        self._failed: dict[tuple[int, str], int] = {}
        self._batches = 0
        self.failures = {"timestamp": Modifiers(), "pin": Modifiers(), "script": Modifiers()}

    def expect(self, key: int, job: JobDraws) -> None:
        """Job number `key` is completed and will want its receipt."""
        self._jobs[key] = job

    def stamp(self, batch_size: int, now_s: float) -> float | None:
        """Seconds that one stamp over a batch took, or None when the authority failed."""
        assert batch_size > 0, f"an empty batch was stamped at {now_s}"
        self._batches += 1
        if self._stamp_failure.at(self._batches) < self._failure("timestamp", self._config.timestamp.failure):
            return None
        return _latency_s(self._config.timestamp, self._stamp_latency.at(self._batches))

    def pin(self, key: int, now_s: float) -> float | None:
        """Seconds that pinning job `key` took, or None when it failed."""
        job = self._jobs[key]
        if self._fails(key, job, "pin", job.luck[5], self._config.pin.failure):
            return None
        del self._jobs[key]
        return _latency_s(self._config.pin, job.luck[2])

    def run(self, key: int) -> bool:
        """Whether the receipt script worked for job `key`."""
        job = self._jobs[key]
        return not self._fails(key, job, "script", job.luck[4], self._config.script_failure)

    def _fails(self, key: int, job: JobDraws, service: str, first: float, base: float) -> bool:
        """Whether this try fails. Only what failed before is remembered: nearly every first try is the only one."""
        tries = self._failed.pop((key, service), 0) if self._failed else 0
        draw = first
        if tries:
            draw = float(self._streams.generator(f"{job.source}/receipt/{service}#{tries}", job.number).random())
        if draw >= self._failure(service, base):
            return False
        self._failed[key, service] = tries + 1
        return True

    def _failure(self, service: str, base: float) -> float:
        faults = self.failures[service]
        return 1.0 - (1.0 - base) * (1.0 - faults.compound_share()) if faults else base


def _latency_s(service: Service, normal: float) -> float:
    return service.median_s * math.exp(service.sigma * normal)
