"""A flood: well-formed submissions that are nobody's order. Only the far chain can tell, and each costs a relay worker its time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aurora_sim.scenario.faults import Flood
from aurora_sim.world.demand import BRIDGE_LUCK, BridgeLuck
from aurora_sim.world.intensity import Intensity, arrivals
from aurora_sim.world.sources import level_at, points
from aurora_sim.world.streams import Streams

Submission = tuple[float, str, BridgeLuck]
"""When it comes, from which source, and its luck on the bridge."""


def submissions(name: str, fault: Flood, streams: Streams) -> Iterator[Submission]:
    """Poisson arrivals while the fault lasts, each from one of its sources."""
    window = Intensity(np.array([fault.at, fault.end]), np.array([fault.rate]))
    ramped = window.scaled(points([fault]), lambda time_s: level_at(fault, time_s))
    sources = [f"{name}/{number}" for number in range(fault.sources)]
    makers = {"normal": streams.normal, "uniform": streams.uniform}
    for block, times_s in enumerate(arrivals(name, ramped, streams)):
        chosen = (streams.uniform(f"{name}/source", block) * fault.sources).astype(np.int64)
        luck = np.column_stack([makers[kind](f"{name}/{what}", block) for what, kind in BRIDGE_LUCK])
        for number, time_s in enumerate(times_s.tolist()):
            network, gateway, service, tail, loss = luck[number].tolist()
            yield time_s, sources[chosen[number]], (network, gateway, service, tail, loss)
