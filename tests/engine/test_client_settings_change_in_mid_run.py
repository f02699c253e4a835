"""An operator's change of the client's settings does what it says at once, and loses no order that is under way."""

from __future__ import annotations

import statistics

import pytest
from bridge_runs import BLIND, OUTAGE, PACED, between, lost_share, one_bridge, outage, p95_ms
from engine_runs import a_config, simulate

SLOW = {"at": 300.0, "for": 1200.0, "fault": "bridge-slow", "bridge": "axelar", "factor": 3.0}


def at_minute(minute, act):
    """Do something to Axelar's link at the beginning of that step."""

    def before_step(simulation, step):
        if step == minute:
            act(simulation.parts.links["axelar"])

    return before_step


def whole(seen):
    """Nobody is lost or doubled."""
    ids = [row["order_id"] for row in seen.rows]
    assert len(ids) == len(set(ids))
    assert seen.books["orders_in"] == seen.books["orders_ended"] + seen.books["orders_in_flight"]
    return seen


@pytest.mark.parametrize("seed", range(3))
def test_a_storm_ends_only_after_the_switch_to_paced_drain(seed):
    switch = at_minute(14, lambda link: link.use(link.settings.paced()))
    seen = whole(outage(BLIND, seed, steps=40, before_step=switch))
    assert lost_share(between(seen.rows, 300.0, 540.0)) > 0.99  # they expire by the switch
    late = between(seen.rows, 1500.0, 2100.0)
    assert lost_share(late) == 0.0
    assert p95_ms(late) < 1000.0


def test_a_switch_before_anything_fails_changes_nothing():
    switch = at_minute(3, lambda link: link.use(link.settings.paced()))
    assert outage(PACED, steps=6).text == outage({}, steps=6, before_step=switch).text


def test_taking_the_queue_away_lets_those_who_wait_go_on():
    """In the middle of the outage. The breaker goes too: they leave at the pace, and then retry blindly."""
    seen = whole(outage(PACED, steps=25, before_step=at_minute(7, lambda link: link.use(link.settings.blind()))))
    assert {row["outcome"] for row in seen.rows} <= {"filled", "expired"}
    assert "waited_for_bridge" not in {row["reason"] for row in seen.rows}


def test_a_queue_taken_away_and_given_back_each_minute_loses_nobody():
    def pull(simulation, step):
        link = simulation.parts.links["axelar"]
        if 5 <= step < 11:
            link.use(link.settings.blind() if step % 2 else link.settings.paced())

    seen = whole(outage(PACED, steps=25, before_step=pull))
    assert lost_share(between(seen.rows, 900.0, 1200.0)) == 0.0


def test_a_slower_drain_is_a_longer_one():
    def drain(fraction):
        queue = {**PACED, "queue": {"drain_fraction": fraction}}
        return statistics.fmean(float(row["rtt_ms"]) for row in whole(outage(queue, steps=25)).rows if row["rtt_ms"])

    assert drain(0.5) > 1.05 * drain(0.9)


def test_the_failover_bridge_takes_over_from_a_slow_one_and_gives_back():
    def pull(simulation, step):
        if step in (10, 20):
            simulation.parts.links["axelar"].prefer_failover(step == 10)

    seen = whole(simulate(SLOW, world=a_config(), steps=24, before_step=pull))
    bridges = [
        {row["bridge"] for row in between(seen.rows, from_s, to_s)} for from_s, to_s in ((600, 1200), (1200, 1400))
    ]
    assert "axelar" not in bridges[0]
    assert "axelar" in bridges[1]
    left_alone = simulate(SLOW, world=a_config(), steps=24)
    assert p95_ms(between(seen.rows, 600, 1200)) < 350.0 < p95_ms(between(left_alone.rows, 600, 1200))


def test_preferring_the_failover_bridge_moves_those_who_wait():
    """Both bridges are down and orders wait; the failover bridge is back first, and the operator says so."""
    world = one_bridge({**PACED, "breaker_probe": 600.0}, failover="ibc")  # no probe would tell in time
    both = ({**OUTAGE, "for": 600.0}, {**OUTAGE, "bridge": "ibc", "for": 120.0})
    seen = whole(
        simulate(*both, world=world, steps=15, before_step=at_minute(7, lambda link: link.prefer_failover(True)))
    )
    assert {row["outcome"] for row in seen.rows} == {"filled"}
    assert {row["bridge"] for row in between(seen.rows, 310.0, 900.0)} == {"ibc"}
