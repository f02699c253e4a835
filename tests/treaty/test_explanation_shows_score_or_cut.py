"""An explanation shows each provider once: its score with the parts, or the filter that cut it with the numbers."""

from __future__ import annotations

from dataclasses import replace

from treaty_orders import an_order

from aurora_sim.treaty.ranking import BALANCED, ProviderView, explain

AKASH = ProviderView(
    provider_id="akash",
    active=True,
    regions=frozenset({"eu-west-1", "us-west-2"}),
    price_usd_per_hour={"A100": 1.8},
    capacity_gpus={"A100": 220},
    free_gpus={"A100": 110},
    latency_ms=300.0,
    reputation=78.0,
)
VIEWS = [
    replace(AKASH, provider_id="aethir", price_usd_per_hour={"H100": 3.5, "A100": 2.88}, latency_ms=260.0),
    AKASH,
    replace(AKASH, provider_id="flux", price_usd_per_hour={"A100": 1.7}, latency_ms=330.0, reputation=68.0),
    replace(AKASH, provider_id="ionet", regions=frozenset({"us-west-2"})),
    replace(AKASH, provider_id="render", price_usd_per_hour={"RTX4090": 0.9}),
    replace(AKASH, provider_id="vast", active=False),
    replace(AKASH, provider_id="salad", routing_weight=0.0),
    replace(AKASH, provider_id="slow", latency_ms=600.04),
    replace(AKASH, provider_id="poor", reputation=49.0),
    replace(AKASH, provider_id="full", free_gpus={"A100": 3}),
]

TABLE = """\
   provider  score  price  latency  reputation  capacity  cut by
1  akash     0.773  0.944    0.867       0.780     0.500
2  flux      0.742  1.000    0.788       0.680     0.500
-  aethir                                                 price: 2.88 > limit 2.6
-  ionet                                                  region: eu-west-1 not in us-west-2
-  render                                                 gpu_type: A100 not in RTX4090
-  vast                                                   inactive: down at the last health check
-  salad                                                  drained: routing weight 0
-  slow                                                   latency: 600.04 > limit 600 ms
-  poor                                                   reputation: 49 < floor 50
-  full                                                   capacity: 3 free < 4 GPUs wanted
"""


def test_the_table():
    order = an_order(max_price_usd_per_hour=2.6, gpus=4)
    assert str(explain(VIEWS, order, BALANCED)).splitlines() == TABLE.splitlines()


def test_nothing_to_explain_is_a_heading():
    assert len(str(explain([], an_order(), BALANCED)).splitlines()) == 1
