"""The quota ledger is exact: taken = used + given back, to the last millionth, in whatever order things happen."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from aurora_sim.treaty.ledger import QuotaLedger

TENANTS = st.sampled_from(["tenant-research", "tenant-gaming", "tenant-dao"])
GPU_HOURS = (
    st.floats(1e-9, 1e6)
    | st.sampled_from([0.1, 0.2, 0.3, 1e-9, 5e-7, 1.5e-6, 2.5e-6, 1e9])
    | st.floats(1e9, 1e11)  # where the fast way of rounding ends
)


def rounded(gpu_hours: float) -> int:
    """An amount in millionths, by exact fractions."""
    return max(1, round(Fraction(gpu_hours * 1_000_000)))


class Ledger(RuleBasedStateMachine):
    """The ledger beside a plain list of what was taken and not given back."""

    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = QuotaLedger(100.0, 1000.0)
        self.open: Counter[tuple[str, int]] = Counter()
        self.taken = self.given_back = 0
        self.first_day = 0

    @rule(target=orders, tenant=TENANTS, day=st.integers(0, 6), gpu_hours=GPU_HOURS)
    def take(self, tenant, day, gpu_hours):
        self.ledger.take(tenant, day, gpu_hours)
        self.open[tenant, day] += rounded(gpu_hours)
        self.taken += rounded(gpu_hours)
        return tenant, day, gpu_hours

    @rule(order=consumes(orders))
    def give_back(self, order):
        tenant, day, gpu_hours = order
        self.ledger.give_back(tenant, day, gpu_hours)
        self.open[tenant, day] -= rounded(gpu_hours)
        self.given_back += rounded(gpu_hours)

    @rule(day=st.integers(0, 7))
    def forget_before(self, day):
        self.ledger.forget_before(day)
        self.first_day = max(self.first_day, day)

    @invariant()
    def the_days_are_what_is_open(self):
        for (tenant, day), amount in self.open.items():
            wanted = amount / 1_000_000 if day >= self.first_day else 0.0
            assert self.ledger.used_today(tenant, day) == wanted

    @invariant()
    def the_totals_are_exact(self):
        self.ledger.check()
        assert self.ledger.taken_total == self.taken / 1_000_000
        assert self.ledger.given_back_total == self.given_back / 1_000_000
        assert self.ledger.used_total == (self.taken - self.given_back) / 1_000_000


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_tenths_reach_a_quota_exactly_where_a_sum_of_floats_does_not():
    ledger = QuotaLedger(1.0, 1000.0)
    for _ in range(10):
        ledger.take("tenant-dao", 0, 0.1)
    assert ledger.used_today("tenant-dao", 0) == 1.0 != sum([0.1] * 10)
    assert ledger.left_today("tenant-dao", 0) == 0.0
    for _ in range(10):
        ledger.give_back("tenant-dao", 0, 0.1)
    assert ledger.used_total == 0.0
    assert ledger.left_total == 1000.0


def test_what_is_given_back_after_midnight_leaves_today_alone():
    ledger = QuotaLedger(100.0, 1000.0)
    ledger.take("tenant-dao", 0, 3.0)
    ledger.take("tenant-dao", 1, 5.0)
    ledger.forget_before(1)
    ledger.give_back("tenant-dao", 0, 3.0)
    assert (ledger.used_today("tenant-dao", 1), ledger.used_total) == (5.0, 5.0)


def test_tenants_and_days_do_not_mix():
    ledger = QuotaLedger(100.0, 1000.0)
    ledger.take("tenant-dao", 0, 3.0)
    assert ledger.used_today("tenant-dao", 1) == ledger.used_today("tenant-render", 0) == 0.0


def test_an_order_too_small_to_count_still_counts():
    ledger = QuotaLedger(100.0, 1000.0)
    ledger.take("tenant-dao", 0, 1e-12)
    assert ledger.used_today("tenant-dao", 0) == 1e-6


@pytest.mark.parametrize("day", [0, 3])
def test_more_than_was_taken_cannot_be_given_back(day):
    ledger = QuotaLedger(100.0, 1000.0)
    ledger.take("tenant-dao", day, 1.0)
    ledger.forget_before(2)
    with pytest.raises(AssertionError, match="gives back"):
        ledger.give_back("tenant-dao", day, 1.000001)


@pytest.mark.parametrize("gpu_hours", [0.0, -1.0, math.nan, math.inf, -math.inf])
def test_an_amount_that_no_policy_allows_is_a_mistake(gpu_hours):
    ledger = QuotaLedger(100.0, 1000.0)
    with pytest.raises(AssertionError, match="GPU-hours are not an amount"):
        ledger.take("tenant-dao", 0, gpu_hours)
    assert ledger.taken_total == 0.0
