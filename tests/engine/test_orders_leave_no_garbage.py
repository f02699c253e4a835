"""A finished order is freed by reference counts alone: a run may switch the cycle collector off, and memory stays flat."""

from __future__ import annotations

import gc
from collections import Counter

from engine_runs import simulate


def test_no_order_message_or_job_is_left_to_the_cycle_collector() -> None:
    garbage: Counter[str] = Counter()

    def look(simulation: object, step: int) -> None:
        if step == 0:
            gc.collect()
            gc.disable()
        if step == 19:
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            garbage.update(type(thing).__name__ for thing in gc.garbage)
            gc.set_debug(0)
            gc.garbage.clear()

    outage = {"at": "5m", "for": "5m", "fault": "outage", "provider": "akash"}
    slow = {"at": "5m", "for": "5m", "fault": "relayers", "bridge": "axelar", "workers": 0}
    try:
        simulate(outage, slow, before_step=look)
    finally:
        gc.set_debug(0)
        gc.enable()
    assert not {"LiveOrder", "Message", "RunningJob", "Timeout", "Ack"} & set(garbage), garbage.most_common(5)
