"""After a relayer's outage of five minutes, blind retry is still down long after; breaker, queue and paced drain are back at once.

Ten seeds each. An order's tries while nothing answers are many times what the relayer can take, also at a fifth of their price:
so its queue stays longer than the client waits, and every try is given up before its turn.
"""

from __future__ import annotations

import pytest
from bridge_runs import (
    BLIND,
    OUTAGE,
    OUTAGE_FOR_S,
    OUTAGE_FROM_S,
    PACED,
    VALID_FOR_S,
    between,
    lost_share,
    one_bridge,
    outage,
    p95_ms,
)
from engine_runs import simulate

SEEDS = range(10)
ENDS_S = OUTAGE_FROM_S + OUTAGE_FOR_S
STEPS = 25
LATE = (STEPS * 60.0 - VALID_FOR_S - 300.0, STEPS * 60.0 - VALID_FOR_S)
"""The last five minutes of arrivals of which every order's end is known: they begin five minutes after the outage's end."""


@pytest.mark.parametrize("seed", SEEDS)
def test_blind_retry_is_metastable(seed):
    seen = outage(BLIND, seed, steps=STEPS)
    assert lost_share(between(seen.rows, 0.0, OUTAGE_FROM_S - 10.0)) == 0.0
    assert lost_share(between(seen.rows, *LATE)) >= 0.99
    assert {row["outcome"] for row in between(seen.rows, *LATE)} <= {"expired", "filled"}
    assert seen.books["orders_in"] == seen.books["orders_ended"] + seen.books["orders_in_flight"]


@pytest.mark.parametrize("seed", SEEDS)
def test_breaker_queue_and_paced_drain_recover(seed):
    calm, seen = simulate(world=one_bridge(PACED), seed=seed, steps=STEPS), outage(PACED, seed, steps=STEPS)
    # The queue holds those of five minutes, of which the oldest had to be served within their five.
    assert lost_share(between(seen.rows, 0.0, LATE[1])) < 0.01
    # Drained at 0.65 of the capacity, of which 0.21 are needed for those who come: 0.21 x 5 min / 0.44 = 2.4 min.
    late = (ENDS_S + 240.0, STEPS * 60.0 - VALID_FOR_S)
    assert lost_share(between(seen.rows, *late)) == 0.0
    assert p95_ms(between(seen.rows, *late)) == pytest.approx(p95_ms(between(calm.rows, *late)), rel=0.2)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_failover_bridge_loses_nothing(seed):
    assert lost_share(outage({}, seed, failover="ibc", steps=15).rows) == 0.0


def test_a_client_that_waits_longer_recovers():
    """A cap of 300 s: the later tries are few. On a bridge of this size; four workers' queue is steadier, and stays."""
    assert lost_share(between(outage({**BLIND, "backoff_cap": 300.0}, steps=STEPS).rows, *LATE)) < 0.05


def test_orders_that_wait_too_long_expire_and_the_others_do_not():
    short = one_bridge(PACED)
    short = short.model_copy(update={"gateway": short.gateway.model_copy(update={"order_valid_for": 120.0})})
    seen = simulate(OUTAGE, world=short, steps=15)
    expired = [row for row in seen.rows if row["outcome"] == "expired"]
    assert {row["reason"] for row in expired} == {"waited_for_bridge"}
    assert {row["outcome"] for row in seen.rows} == {"expired", "filled"}
    # Who came more than two minutes before the end of the outage, and not much later.
    times_s = [float(row["time_s"]) for row in expired]
    assert min(times_s) > OUTAGE_FROM_S - 2.0
    assert ENDS_S - 125.0 < max(times_s) < ENDS_S
    assert seen.books["orders_in"] == seen.books["orders_ended"] + seen.books["orders_in_flight"]


def test_a_full_queue_passes_orders_on():
    seen = outage({**PACED, "queue": {"orders_max": 20}}, steps=15)
    assert {row["reason"] for row in seen.rows if row["outcome"] == "undelivered"} == {"bridge_queue_full"}
