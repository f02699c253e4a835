"""The services that receipts need, simulated: they take their time, and fail now and then."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from aurora_sim.scenario.config import ProvenanceConfig
from aurora_sim.world.job import Job
from aurora_sim.world.lognormal import LogNormal
from aurora_sim.world.modifiers import Modifiers
from aurora_sim.world.streams import Streams


class ProvenanceServices:
    """Timestamp authority, pinning service and receipt script of the simulated world.

    The first try of each step of a job uses the luck of its order, later tries use streams of their own at the order's
    index.
    """

    def __init__(self, config: ProvenanceConfig, streams: Streams) -> None:
        self._config = config
        self._streams = streams
        self._stamp_law = LogNormal(config.timestamp)
        self._pin_law = LogNormal(config.pin)
        self._stamp_latency = streams.lookup("timestamp/latency", "normal")
        self._stamp_failure = streams.lookup("timestamp/failure", "uniform")
        self._batches = 0
        self.backup_timestamp = False
        """Whether a backup authority stamps in place of the first: as good as that one is without its faults."""
        self.failures = {"timestamp": Modifiers(), "pin": Modifiers(), "script": Modifiers()}
        self.full_disks = Modifiers()
        self.recompute()

    def recompute(self) -> None:
        """Work out the failure shares afresh from the configuration and the faults that are on."""
        base = self._base = {
            "timestamp": self._config.timestamp.failure,
            "pin": self._config.pin.failure,
            "script": self._config.script_failure,
        }
        self._failure = {
            service: 1.0 - (1.0 - base[service]) * (1.0 - faults.compound_share()) if faults else base[service]
            for service, faults in self.failures.items()
        }
        if self.backup_timestamp:
            self._failure["timestamp"] = base["timestamp"]
        self._full_share = self.full_disks.compound_share()

    def raised(self, service: str) -> bool:
        """Whether calls of the service fail more often than by its own law."""
        return self._failure[service] > self._base[service]

    def use_backup_timestamp(self, backup: bool) -> None:
        """Have the backup authority stamp, or the first one again."""
        self.backup_timestamp = backup
        self.recompute()

    def stamp(self, batch_size: int, now_s: float) -> float | None:
        """Seconds that one stamp over a batch took, or None when the authority failed."""
        assert batch_size > 0, f"an empty batch was stamped at {now_s}"
        self._batches += 1
        if self._stamp_failure.at(self._batches) < self._failure["timestamp"]:
            return None
        return self._stamp_law.seconds(self._stamp_latency.at(self._batches))

    def pin(self, jobs: list[Job], now_s: float) -> list[float | None]:
        """Seconds that pinning each of the jobs took, or None where it failed."""
        failed = self._unlucky("pin", jobs)
        law = self._pin_law
        if not failed:
            return [law.seconds(job.pin_luck) for job in jobs]
        return [None if job in failed else law.seconds(job.pin_luck) for job in jobs]

    def run(self, jobs: list[Job]) -> Collection[Job]:
        """The jobs for which the receipt script failed; on a node whose disk is full it cannot even begin."""
        full_share = self._full_share
        if not full_share:
            return self._unlucky("script", jobs)
        stuck = {job for job in jobs if job.node_luck < full_share}
        begun = [job for job in jobs if job not in stuck]
        return stuck.union(self._unlucky("script", begun))

    def _unlucky(self, service: Literal["pin", "script"], jobs: list[Job]) -> set[Job]:
        """The jobs with which the service fails this time: a first try is decided by the order's own luck."""
        failure, pinning = self._failure[service], service == "pin"
        failed: set[Job] = set()
        for job in jobs:
            before = job.tries_failed
            draw = job.pin_failure_luck if pinning else job.script_luck
            if draw >= failure and not before:
                continue  # nearly always
            if before and failure < 1.0:  # else it fails whatever is drawn
                draw = float(self._streams.generator(f"{job.source}/receipt/{service}#{before}", job.index).random())
            if draw < failure:
                failed.add(job)
                job.tries_failed = before + 1
            else:
                job.tries_failed = 0
        return failed
