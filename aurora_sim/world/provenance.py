"""The services that receipts need, simulated: they take their time, and fail now and then."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Final

from aurora_sim.scenario.config import ProvenanceConfig
from aurora_sim.world.demand import JOB_LUCK
from aurora_sim.world.lognormal import LogNormal
from aurora_sim.world.modifiers import Modifiers
from aurora_sim.world.streams import Streams

CompletedJob = tuple[str, bytes, str, int]
"""A job as it is when it is done: its order's id, its packed luck, its source of orders and its order's index there."""

_PACKED: Final = itemgetter(1)
_DRAWS: Final = len(JOB_LUCK)
_DRAW: Final = {what: place for place, (what, _) in enumerate(JOB_LUCK)}
_PIN: Final = _DRAW["receipt/pin"]
_NODE: Final = _DRAW["job/node"]
_SCRIPT: Final = _DRAW["receipt/script"]
_PIN_FAILURE: Final = _DRAW["receipt/pin-failure"]


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
        self._failed: dict[str, dict[str, int]] = {
            "pin": {},
            "script": {},
        }  # tries, by order, where the last one failed
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

    def pin(self, jobs: Collection[CompletedJob], now_s: float) -> Sequence[float | None]:
        """Seconds that pinning each of the jobs took, or None where it failed."""
        draws, law = _unpacked(jobs), self._pin_law
        failed = self._unlucky("pin", jobs, draws[_PIN_FAILURE::_DRAWS])
        latencies_s = [law.seconds(normal) for normal in draws[_PIN::_DRAWS]]
        if not failed:
            return latencies_s
        return [None if job in failed else latency_s for job, latency_s in zip(jobs, latencies_s, strict=True)]

    def run(self, jobs: Collection[CompletedJob]) -> Collection[CompletedJob]:
        """The jobs for which the receipt script failed; on a node whose disk is full it cannot even begin."""
        draws = _unpacked(jobs)
        script, full_share = draws[_SCRIPT::_DRAWS], self._full_share
        if not full_share:
            return self._unlucky("script", jobs, script)
        stuck = {job for job, node in zip(jobs, draws[_NODE::_DRAWS], strict=True) if node < full_share}
        begun = [(job, draw) for job, draw in zip(jobs, script, strict=True) if job not in stuck]
        return stuck.union(self._unlucky("script", [job for job, _ in begun], [draw for _, draw in begun]))

    def _unlucky(
        self, service: str, jobs: Collection[CompletedJob], draws: Sequence[float]
    ) -> Collection[CompletedJob]:
        """The jobs with which the service fails this time: a first try is decided by the order's own luck, in `draws`."""
        tries, failure = self._failed[service], self._failure[service]
        if not tries and (not draws or min(draws) >= failure):
            return ()  # nearly always
        failed = set()
        for job, first in zip(jobs, draws, strict=True):
            if first >= failure and job[0] not in tries:
                continue
            order_id, _, source, index = job
            before = tries.pop(order_id, 0)
            draw = first
            if before and failure < 1.0:  # else it fails whatever is drawn
                draw = float(self._streams.generator(f"{source}/receipt/{service}#{before}", index).random())
            if draw < failure:
                failed.add(job)
                tries[order_id] = before + 1
        return failed


def _unpacked(jobs: Collection[CompletedJob]) -> array[float]:
    """The jobs' luck, one after the other: all at once, for a step's jobs, and not a tuple of floats for each."""
    return array("d", b"".join(map(_PACKED, jobs)))
