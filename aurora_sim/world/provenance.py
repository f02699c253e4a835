"""The services that receipts need, simulated: they take their time, and fail now and then."""

from __future__ import annotations

import math
from typing import Protocol

from aurora_sim.scenario.config import ProvenanceConfig, Service
from aurora_sim.world.demand import JobLuck
from aurora_sim.world.modifiers import Modifiers
from aurora_sim.world.streams import Streams


class Job(Protocol):
    """Where a job's luck comes from: its source of orders, its order's index there, and the draws of the first try."""

    @property
    def source(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def job_luck(self) -> JobLuck: ...


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
        self._jobs: dict[int, Job] = {}
        self._failed: dict[tuple[int, str], int] = {}  # tries that failed, of the jobs that had any
        self._batches = 0
        self.failures = {"timestamp": Modifiers(), "pin": Modifiers(), "script": Modifiers()}
        self.recompute()

    def recompute(self) -> None:
        """Work out the failure shares afresh from the configuration and the faults that are on."""
        base = {
            "timestamp": self._config.timestamp.failure,
            "pin": self._config.pin.failure,
            "script": self._config.script_failure,
        }
        self._failure = {
            service: 1.0 - (1.0 - base[service]) * (1.0 - faults.compound_share()) if faults else base[service]
            for service, faults in self.failures.items()
        }
        self._pin_failure, self._script_failure = self._failure["pin"], self._failure["script"]

    def expect(self, key: int, job: Job) -> None:
        """Job number `key` is completed and will want its receipt."""
        self._jobs[key] = job

    def stamp(self, batch_size: int, now_s: float) -> float | None:
        """Seconds that one stamp over a batch took, or None when the authority failed."""
        assert batch_size > 0, f"an empty batch was stamped at {now_s}"
        self._batches += 1
        if self._stamp_failure.at(self._batches) < self._failure["timestamp"]:
            return None
        return _latency_s(self._config.timestamp, self._stamp_latency.at(self._batches))

    def pin(self, key: int, now_s: float) -> float | None:
        """Seconds that pinning job `key` took, or None when it failed."""
        job = self._jobs[key]
        luck = job.job_luck
        if (luck[5] < self._pin_failure or self._failed) and self._fails(key, job, "pin", luck[5]):
            return None
        del self._jobs[key]
        service = self._config.pin
        return service.median_s * math.exp(service.sigma * luck[2])

    def run(self, key: int) -> bool:
        """Whether the receipt script worked for job `key`."""
        job = self._jobs[key]
        first = job.job_luck[4]
        return not ((first < self._script_failure or self._failed) and self._fails(key, job, "script", first))

    def _fails(self, key: int, job: Job, service: str, first: float) -> bool:
        """Whether this try fails. Only what failed before is remembered: nearly every first try is the only one."""
        tries = self._failed.pop((key, service), 0) if self._failed else 0
        draw = first
        if tries:
            draw = float(self._streams.generator(f"{job.source}/receipt/{service}#{tries}", job.index).random())
        if draw >= self._failure[service]:
            return False
        self._failed[key, service] = tries + 1
        return True


def _latency_s(service: Service, normal: float) -> float:
    return service.median_s * math.exp(service.sigma * normal)
