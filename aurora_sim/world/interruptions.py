"""What takes a job off its node before it is done: the node leaves, somebody bids more, or its manifest never comes.

Every time is drawn at the order's index, from streams of its source and the provider: the same order on the same provider
lasts as long, whatever else happens. Jobs are interrupted one by one: that nodes leave together is left to outages.
"""

from __future__ import annotations

import math
from typing import Final

from aurora_sim.scenario.failures import Bids, ProviderNodes
from aurora_sim.world.order_draws import OrderDraws
from aurora_sim.world.streams import Streams
from aurora_sim.world.weibull import excess

HOUR_S: Final = 3600.0
NODE_LEFT: Final = "node_left"
OUTBID: Final = "outbid"
NO_MANIFEST: Final = "no_manifest"


class Interruptions:
    """What may interrupt the jobs at one provider; made only where something may."""

    def __init__(self, provider_id: str, nodes: ProviderNodes | None, bids: Bids | None, streams: Streams) -> None:
        self._nodes = nodes
        self._bids = bids
        if nodes is not None:
            self._node_left = OrderDraws(f"{provider_id}/node-left", streams, "gamma", 1.0 / nodes.node_up.weibull_k)
            self._interruptible = OrderDraws(f"{provider_id}/interruptible", streams, "uniform")
            self._outbid = OrderDraws(f"{provider_id}/outbid", streams, "exponential")
        if bids is not None:
            self._manifest = OrderDraws(f"{provider_id}/manifest", streams, "uniform")

    def first(self, source: str, index: int, again: int) -> tuple[float, str]:
        """Seconds from the lease's begin to what interrupts it first, and what that is; infinite where nothing will."""
        after_s, why = math.inf, ""
        nodes, bids = self._nodes, self._bids
        if bids is not None and self._manifest.at(source, index, again) < bids.no_manifest_share:
            after_s, why = bids.manifest_timeout, NO_MANIFEST
        if nodes is not None:
            # The job meets a node of an age that it does not know, so what is left of it has the excess law.
            law = nodes.node_up
            left_s = law.scale_h * HOUR_S * excess(self._node_left.at(source, index, again), law.weibull_k)
            if left_s < after_s:
                after_s, why = left_s, NODE_LEFT
            bid = nodes.interruptible
            if bid is not None and self._interruptible.at(source, index, again) < bid.share:
                # An interruptible job begins its own time, so that has the Weibull law itself.
                outbid_s = bid.scale_h * HOUR_S * self._outbid.at(source, index, again) ** (1.0 / bid.weibull_k)
                if outbid_s < after_s:
                    after_s, why = outbid_s, OUTBID
        return after_s, why
