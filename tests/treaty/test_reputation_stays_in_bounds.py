"""Acks pull a reputation to the provider's standing, failures to 0, and nothing takes it out of 0 to 100."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aurora_sim.treaty.reputation import after_ack, after_failure, after_outage, credit

reputations = st.floats(0, 100)
alphas = st.floats(0, 1)


@given(reputations, reputations, alphas)
def test_an_ack_moves_towards_the_standing_and_not_past_it(reputation, standing, alpha):
    after = after_ack(reputation, standing, alpha)
    assert 0.0 <= after <= 100.0
    assert abs(after - standing) <= abs(reputation - standing) + 1e-9
    assert (after - reputation) * (standing - reputation) >= 0.0


@given(reputations, alphas)
def test_a_failure_only_lowers(reputation, alpha):
    assert 0.0 <= after_failure(reputation, alpha) <= reputation


def test_thirty_five_failures_halve():
    reputation = 78.0
    for _ in range(35):
        reputation = after_failure(reputation)
    assert 38.0 < reputation < 39.0
    for _ in range(35):
        reputation = after_ack(reputation, 78.0)
    assert 58.0 < reputation < 59.0


@given(reputations, st.floats(0.0, 100.0), st.floats(0.0, 1.0))
def test_an_outage_costs_at_most_its_points_and_leaves_it_in_bounds(reputation, points, share):
    assert max(0.0, reputation - points) <= after_outage(reputation, points, share) <= reputation


@given(st.integers(0, 100), st.lists(st.integers(0, 100), max_size=60), st.integers(0, 30), st.integers(0, 100))
def test_credit_passes_a_floor_as_a_latch_with_hysteresis_would(start, course, points, floor):
    """Out below the floor, in again from the floor and the points on; for every floor at once, and none when it began."""
    held, inside = float(start), start >= floor
    for reputation in course:
        held = credit(float(reputation), held, float(points))
        inside = reputation >= floor if inside else reputation >= floor + points
        assert (held >= floor) == inside
        assert held <= reputation


@given(reputations, reputations)
def test_credit_without_hysteresis_is_the_reputation(reputation, before):
    assert credit(reputation, before, 0.0) == reputation
