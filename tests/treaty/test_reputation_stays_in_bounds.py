"""Acks pull a reputation to the provider's standing, failures to 0, and nothing takes it out of 0 to 100."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aurora_sim.treaty.reputation import after_ack, after_failure

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
