"""A job of the simulated world: the GPUs that it holds, and its luck."""

from __future__ import annotations

from aurora_sim.world.demand import job_luck, packed_job_luck
from aurora_sim.world.provider import Lease, Pool, Provider


class Job(Lease):
    """A job of the order with this id, number `index` of its source.

    Its luck is that of `demand.JOB_LUCK`, unpacked: up to its receipt something of it is always still to be asked. `tries_failed`
    counts those of the receipt's step that is due, its root or its pin, since the last that succeeded.
    """

    __slots__ = (
        "index",
        "node_luck",
        "order_id",
        "pin_failure_luck",
        "pin_luck",
        "placement_luck",
        "script_luck",
        "settlement_luck",
        "source",
        "tries_failed",
    )

    def __init__(
        self,
        provider: Provider,
        pool: Pool,
        gpus: int,
        region: str,
        order_id: str,
        source: str,
        index: int,
        packed_luck: bytes,
    ) -> None:
        super().__init__(provider, pool, gpus, region)
        self.order_id = order_id
        self.source = source
        self.index = index
        self.tries_failed = 0
        (
            self.placement_luck, self.settlement_luck, self.pin_luck, self.node_luck, self.script_luck, self.pin_failure_luck,
        ) = job_luck(packed_luck)  # fmt: skip

    def packed_luck(self) -> bytes:
        """Its luck, as it came."""
        return packed_job_luck(
            self.placement_luck,
            self.settlement_luck,
            self.pin_luck,
            self.node_luck,
            self.script_luck,
            self.pin_failure_luck,
        )
