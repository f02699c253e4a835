"""How a provider's market does not deliver: nobody bids for an order, or the offer is gone when it gets there."""

from __future__ import annotations

from typing import Final

from aurora_sim.scenario.failures import Bids, Offers
from aurora_sim.world.order_draws import OrderDraws
from aurora_sim.world.streams import Streams

NO_BID: Final = "no_bid"
OFFER_GONE: Final = "offer_gone"


class Market:
    """What the market of one provider says to an order that the provider has room for; made only where it may say no.

    An order without a bid holds no GPUs: no node has promised it any. That nobody bids is known after `bid_timeout_s`.
    """

    def __init__(self, provider_id: str, bids: Bids | None, offers: Offers | None, streams: Streams) -> None:
        self._no_bid_share = bids.no_bid_share if bids is not None else 0.0
        self._gone_share = offers.gone_share if offers is not None else 0.0
        self.bid_timeout_s = bids.bid_timeout if bids is not None else 0.0
        self._bid = OrderDraws(f"{provider_id}/bid", streams, "uniform")
        self._offer = OrderDraws(f"{provider_id}/offer", streams, "uniform")

    def refusal(self, source: str, index: int, again: int) -> str:
        """`no_bid`, `offer_gone`, or nothing."""
        if self._gone_share and self._offer.at(source, index, again) < self._gone_share:
            return OFFER_GONE
        if self._no_bid_share and self._bid.at(source, index, again) < self._no_bid_share:
            return NO_BID
        return ""
