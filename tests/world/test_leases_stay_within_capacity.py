"""A provider's leases are never negative nor more than it has, and say who holds what, whatever outages come and go."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from world_parts import a_world, faults, leased

from aurora_sim.world.faults import Change, apply

PROVIDER = "aethir"
CAPACITY = {"H100": 16, "A100": 30}
SMALL = {"providers": {PROVIDER: {"gpus": {kind: {"capacity_gpus": gpus} for kind, gpus in CAPACITY.items()}}}}
REGIONS = ("us-west-2", "eu-west-1")
ANY_PRICE = 1e9
shares = st.sampled_from([0.0, 0.25, 0.5, 1.0])


class Leasing(RuleBasedStateMachine):
    """Jobs come and go at one provider, and up to six faults come on, change and end."""

    METHOD = faults(
        {"at": 0, "for": 1, "fault": "outage", "provider": PROVIDER, "share": 1.0},
        {"at": 0, "for": 1, "fault": "outage", "provider": PROVIDER, "share": 0.5},
        {"at": 0, "for": 1, "fault": "outage", "region": REGIONS[0], "share": 1.0},
        {"at": 0, "for": 1, "fault": "outage", "region": REGIONS[1], "share": 0.25},
        {"at": 0, "for": 1, "fault": "capacity", "provider": PROVIDER, "factor": 0.3},
        {"at": 0, "for": 1, "fault": "capacity", "provider": PROVIDER, "factor": 0.7},
    )

    @initialize()
    def open(self):
        self.world = a_world(**SMALL)
        self.provider = self.world.providers[PROVIDER]
        self.held = []
        self.now_s = 0.0
        self.gpu_seconds = 0.0

    def tick(self, seconds):
        self.now_s += seconds
        self.gpu_seconds += seconds * sum(lease.gpus for lease in self.held)

    @rule(
        kind=st.sampled_from(sorted(CAPACITY)),
        gpus=st.sampled_from([1, 2, 4, 8, 16]),
        region=st.sampled_from(REGIONS),
        luck=st.floats(0, 1, exclude_max=True),
        gap_s=st.integers(0, 3),
    )
    def a_job_comes(self, kind, gpus, region, luck, gap_s):
        self.tick(gap_s)
        provider = self.provider
        taken = sum(lease.gpus for lease in self.held if lease.gpu_type == kind)
        refusal = provider.refusal(provider.pools[kind], gpus, region, ANY_PRICE)
        if provider.dark_share[region] >= 1.0:
            assert refusal in ("provider_down", "region_down")
        elif taken + gpus > provider.capacity_gpus[kind]:
            assert refusal == "full"
        else:
            assert refusal == ""
            lease = leased(provider, self.now_s, kind, gpus, region, luck, f"job {len(self.held)}")
            assert lease.node >= provider.dark_share[region], "a job starts on a node that is up"
            self.held.append(lease)

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 10_000), gap_s=st.integers(0, 3))
    def a_job_is_done(self, which, gap_s):
        self.tick(gap_s)
        self.provider.release(self.now_s, self.held.pop(which % len(self.held)))

    @rule(number=st.integers(0, len(METHOD) - 1), level=st.sampled_from([0.0, 0.5, 1.0]), gap_s=st.integers(0, 3))
    def a_fault_changes(self, number, level, gap_s):
        self.tick(gap_s)
        impact = apply(self.world, self.METHOD, [Change(self.now_s, number, level)], self.now_s)
        dark = self.provider.dark_share
        assert impact.killed == [lease for lease in self.held if lease.node < dark[lease.region]]
        assert not any(lease.live for lease in impact.killed)
        self.held = [lease for lease in self.held if lease not in impact.killed]

    @invariant()
    def leased_is_what_is_held_and_no_more_than_there_is(self):
        for kind, most in CAPACITY.items():
            leased = self.provider.leased_gpus[kind]
            assert leased == sum(lease.gpus for lease in self.held if lease.gpu_type == kind)
            assert 0 <= leased <= most

    @invariant()
    def gpu_seconds_add_up(self):
        gpus, ended_less_begun_s = self.provider.leased()
        assert gpus * self.now_s + ended_less_begun_s == pytest.approx(self.gpu_seconds)

    @invariant()
    def a_held_lease_is_live(self):
        assert all(lease.live for lease in self.held)


TestLeasing = Leasing.TestCase
TestLeasing.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_a_lease_ends_once():
    provider = a_world().providers["akash"]
    lease = leased(provider, 0.0, "A100", 8, "eu-west-1", 0.5, "job")
    provider.release(1.0, lease)
    with pytest.raises(AssertionError, match="once"):
        provider.release(2.0, lease)
    assert provider.leased_gpus["A100"] == 0


def test_more_than_there_is_cannot_be_leased():
    provider = a_world(**SMALL).providers[PROVIDER]
    leased(provider, 0.0, "H100", 16, REGIONS[0], 0.5, "job")
    with pytest.raises(AssertionError, match="leases 17 H100, more than it has"):
        leased(provider, 0.0, "H100", 1, REGIONS[0], 0.5, "job")


def test_a_global_provider_serves_any_region():
    provider = a_world().providers["salad"]
    assert provider.refusal(provider.pools["RTX3090"], 1, "eu-west-1", ANY_PRICE) == ""
    leased(provider, 0.0, "RTX3090", 1, "eu-west-1", 0.5, "job")
    provider.dark["global"].set(0, 1.0)
    provider.recompute()
    assert [lease.job for lease in provider.strike(1.0)] == ["job"], "it ran where the provider has its nodes"


def test_a_price_above_the_limit_is_refused():
    provider = a_world(price_process={"stationary_sd": 0.0}).providers["akash"]
    assert provider.refusal(provider.pools["A100"], 1, "eu-west-1", 1.79) == "price_moved"
    assert provider.refusal(provider.pools["A100"], 1, "eu-west-1", 1.80) == ""


@pytest.mark.parametrize(("region", "share", "capacity"), [("us-west-2", 1.0, 600), ("eu-west-1", 0.5, 900)])
def test_an_outage_of_a_region_takes_its_part_of_the_capacity(region, share, capacity):
    world = a_world(providers={"akash": {"gpus": {"A100": {"capacity_gpus": 1200}}}})
    method = faults({"at": 0, "for": 1, "fault": "outage", "region": region, "share": share})
    apply(world, method, [Change(0.0, 0, 1.0)], 0.0)
    assert world.providers["akash"].capacity_gpus["A100"] == capacity


def test_what_a_provider_offers_it_can_lease():
    world = a_world(**SMALL)
    method = faults({"at": 0, "for": 1, "fault": "capacity", "provider": PROVIDER, "factor": 1.5})
    apply(world, method, [Change(0.0, 0, 1.0)], 0.0)
    provider = world.providers[PROVIDER]
    while not provider.refusal(provider.pools["H100"], 1, REGIONS[0], ANY_PRICE):
        leased(provider, 0.0, "H100", 1, REGIONS[0], 0.5, "job")
    assert provider.leased_gpus["H100"] >= CAPACITY["H100"]


@pytest.mark.parametrize("change", ["reprice", "recompute"])
def test_what_rows_say_of_a_pool_is_made_anew_after_a_change(change):
    provider = a_world().providers["akash"]
    for pool in provider.pools.values():
        pool.row_text = "as it was"
    getattr(provider, change)()
    assert {pool.row_text for pool in provider.pools.values()} == {""}


def test_a_placement_takes_no_less_than_the_least():
    provider = a_world(providers={"akash": {"placement": {"median_s": 45.0, "sigma": 0.8, "min_s": 20.0}}}).providers[
        "akash"
    ]
    assert provider.placement_s(-9.0) == 20.0
    assert provider.placement_s(0.0) == pytest.approx(45.0)
