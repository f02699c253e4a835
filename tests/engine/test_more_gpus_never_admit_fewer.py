"""On the same draws a larger pool fills every order that a smaller one fills, where an order is one GPU and one pool has them all.

Why it is exact: say that the jobs of the pool of c are among those of the pool of c + 1, where at most one more runs. An order that
only the larger pool fills comes when the smaller is full, so when no extra job runs; and the larger pool is full only when the
smaller is. So it stays so. With larger orders it is not: one job of four GPUs more costs jobs of one.
"""

from __future__ import annotations

from itertools import pairwise

from engine_runs import simulate
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_sim.lab.selfcheck.bare import Bare, Pool, bare_world, bridge

LENT = {"fault": "capacity", "provider": "any-0", "at": 0, "for": 60, "factor": 100}
"""The router looks once, and must not see a full pool then."""


def filled(gpus: int, seed: int, law: str, sizes: dict[int, float]) -> set[str]:
    pool = Pool("any", [gpus], 0.15, 1.0, law, bridge="slow")
    slow = {"slow": bridge(network_median_ms=2000.0, network_sigma=1.0)}
    seen = simulate(
        LENT, world=bare_world(Bare([pool], 2.0, slow, gpus_per_order=sizes)), seed=seed, steps=120, warm_up_s=0.0
    )
    return {row["order_id"] for row in seen.rows if row["outcome"] == "filled"}


@settings(max_examples=25, deadline=None)
@given(
    gpus=st.integers(1, 25),
    more=st.integers(1, 4),
    seed=st.integers(0, 2**32),
    law=st.sampled_from(["lognormal", "exponential"]),
)
def test_a_larger_pool_fills_all_that_a_smaller_one_fills(gpus, more, seed, law):
    assert filled(gpus, seed, law, {1: 1.0}) <= filled(gpus + more, seed, law, {1: 1.0})


def test_more_gpus_do_fill_more():
    few, many = (filled(gpus, 3, "exponential", {1: 1.0}) for gpus in (5, 15))
    assert len(many) > 1.3 * len(few)


def test_large_orders_are_why_it_holds_for_single_gpus_alone():
    filled_by = [filled(gpus, 5, "lognormal", {1: 0.4, 4: 0.6}) for gpus in range(10, 20)]
    assert any(few - more for few, more in pairwise(filled_by))
