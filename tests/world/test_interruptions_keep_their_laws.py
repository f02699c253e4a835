"""Jobs lose their nodes, are outbid, or get no bid, offer or manifest by the configuration's laws, at the order's index."""

from __future__ import annotations

import math
from typing import Any

import pytest
from scipy import stats
from world_parts import a_config, a_world

from aurora_sim.scenario.failures import Bids, Offers, ProviderNodes
from aurora_sim.world.interruptions import NO_MANIFEST, NODE_LEFT, OUTBID, Interruptions
from aurora_sim.world.market import NO_BID, OFFER_GONE, Market
from aurora_sim.world.streams import Streams

HOUR_S = 3600.0
ORDERS = range(20_000)
VAST = {"node_up": {"weibull_k": 0.7, "scale_h": 300.0}}
INTERRUPTIBLE = {"weibull_k": 0.6, "scale_h": 1.75}
NEVER_LEAVES = {"node_up": {"weibull_k": 0.7, "scale_h": 1e12}}
BIDS = {"no_bid_share": 0.02, "bid_timeout": 300.0, "no_manifest_share": 0.005, "manifest_timeout": 200.0}


def interruptions(nodes: Any, bids: Any = None, seed: int = 1) -> Interruptions:
    return Interruptions(
        "vast",
        None if nodes is None else ProviderNodes.model_validate(nodes),
        None if bids is None else Bids.model_validate(bids),
        Streams(seed),
    )


def test_what_is_left_of_a_node_has_the_excess_law():
    """Density S(t) / mean, so (t / scale)^k is Gamma(1/k): from the start the hazard is 1 / mean, not a new node's."""
    left_h = [interruptions(VAST).first("tenant", index, 0)[0] / HOUR_S for index in range(10)]
    one = interruptions(VAST)
    assert [one.first("tenant", index, 0)[0] / HOUR_S for index in range(10)] == left_h
    left_h = [one.first("tenant", index, 0)[0] / HOUR_S for index in ORDERS]
    assert stats.kstest([(h / 300.0) ** 0.7 for h in left_h], stats.gamma(1 / 0.7).cdf).pvalue > 0.001
    assert stats.kstest(left_h, stats.weibull_min(0.7, scale=300.0).cdf).pvalue < 0.001, "this tells the two apart"
    mean_h = 300.0 * math.gamma(1.0 + 1.0 / 0.7)
    assert stats.binomtest(sum(h < 5.0 for h in left_h), len(left_h), 5.0 / mean_h).pvalue > 0.0001


def test_an_interruptible_job_is_outbid_by_its_own_law_from_the_start():
    law = interruptions({**NEVER_LEAVES, "interruptible": {**INTERRUPTIBLE, "share": 0.2}})
    found = [law.first("tenant", index, 0) for index in ORDERS]
    outbid_h = [after_s / HOUR_S for after_s, why in found if why == OUTBID]
    assert stats.binomtest(len(outbid_h), len(found), 0.2).pvalue > 0.001
    assert stats.kstest(outbid_h, stats.weibull_min(0.6, scale=1.75).cdf).pvalue > 0.001


def test_the_first_of_several_interrupts():
    law = interruptions({**VAST, "interruptible": {**INTERRUPTIBLE, "share": 1.0}}, BIDS | {"no_manifest_share": 0.5})
    node = interruptions(VAST)
    for index in range(3000):
        after_s, why = law.first("tenant", index, 0)
        left_s = node.first("tenant", index, 0)[0]
        assert after_s <= left_s
        assert (why == NODE_LEFT) == (after_s == left_s)
        assert why in (NODE_LEFT, OUTBID, NO_MANIFEST)
        assert why != NO_MANIFEST or after_s == 200.0


def test_markets_say_no_in_the_given_shares():
    bids, offers = Bids.model_validate(BIDS), Offers(gone_share=0.03)
    akash = Market("akash", bids, None, Streams(1))
    vast = Market("vast", None, offers, Streams(1))
    said = [(akash.refusal("tenant", index, 0), vast.refusal("tenant", index, 0)) for index in ORDERS]
    assert {a for a, _ in said} == {"", NO_BID}
    assert {v for _, v in said} == {"", OFFER_GONE}
    no_bid, gone = sum(a == NO_BID for a, _ in said), sum(v == OFFER_GONE for _, v in said)
    both = sum(a == NO_BID and v == OFFER_GONE for a, v in said)
    for count, share in ((no_bid, 0.02), (gone, 0.03), (both, 0.0006)):
        assert stats.binomtest(count, len(said), share).pvalue > 0.001
    manifest = interruptions(None, BIDS)
    late = sum(manifest.first("tenant", index, 0)[1] == NO_MANIFEST for index in ORDERS)
    assert stats.binomtest(late, len(said), 0.005).pvalue > 0.001


def test_draws_are_keyed_by_the_order_and_the_start():
    forwards, backwards = interruptions(VAST), interruptions(VAST)
    one = {index: forwards.first("tenant", index, 0) for index in range(0, 30_000, 501)}
    other = {index: backwards.first("tenant", index, 0) for index in reversed(range(0, 30_000, 501))}
    assert one == other
    starts = {forwards.first("tenant", 5, again)[0] for again in range(4)} | {forwards.first("else", 5, 0)[0]}
    assert len(starts) == 5


@pytest.mark.parametrize("switched_on", [(), ("nodes",), ("market",), ("nodes", "market")])
def test_only_what_is_switched_on_is_there_at_all(switched_on):
    world = a_world(failures={name: {"enabled": True} for name in switched_on})
    config = a_config().failures
    expected = {
        provider_id: (
            "market" in switched_on and (provider_id in config.market.bids or provider_id in config.market.offers),
            ("nodes" in switched_on and provider_id in config.nodes.providers)
            or ("market" in switched_on and provider_id in config.market.bids),
        )
        for provider_id in world.providers
    }
    assert {
        name: (p.market is not None, p.interruptions is not None) for name, p in world.providers.items()
    } == expected
