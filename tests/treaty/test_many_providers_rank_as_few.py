"""Of many providers a ranking is mended where one changed and read no further than asked: it is the pure ranking all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from treaty_orders import an_order

from aurora_sim.treaty import candidates, router
from aurora_sim.treaty.candidates import Shortlist, reaches
from aurora_sim.treaty.ranking import BALANCED, Preferences, ProviderView, explain, no_route_reason, rank
from aurora_sim.treaty.router import Router

NAMES = "abcdefgh"
WANTED = {"tenant-a": Preferences(price=3.0, latency=0.5), "tenant-b": Preferences(price=0.0, capacity=2.0)}
# Few and coarse values, so that ties and changes of the cheapest and the fastest come up often.
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "free_gpus": st.fixed_dictionaries({"A100": st.integers(0, 8)}),
        "active": st.booleans(),
        "regions": st.sampled_from([frozenset({"eu-west-1"}), frozenset({"us-west-2"}), frozenset({"global"})]),
        "price_usd_per_hour": st.fixed_dictionaries({"A100": st.sampled_from([0.9, 1.0, 1.8])}),
        "capacity_gpus": st.fixed_dictionaries({"A100": st.sampled_from([0, 8])}),
        "latency_ms": st.sampled_from([100.0, 300.0]),
        "reputation": st.sampled_from([40.0, 60.0, 80.0]),
        "routing_weight": st.sampled_from([0.0, 1.0, 2.0]),
    },
)
CHECKS = st.lists(st.lists(st.tuples(st.sampled_from(NAMES), CHANGES), max_size=4), max_size=8)
ORDERS = st.builds(
    an_order,
    tenant_id=st.sampled_from([*WANTED, "tenant-without-preferences"]),
    gpus=st.integers(1, 8),
    region=st.sampled_from(["eu-west-1", "eu-west-1", "us-west-2"]),
    max_price_usd_per_hour=st.sampled_from([0.5, 0.95, 9.0]),
    max_latency_ms=st.sampled_from([50.0, 100.0, 900.0]),
    min_reputation=st.sampled_from([0.0, 60.0, 90.0]),
)
GOOD = ProviderView(
    provider_id="a",
    active=True,
    regions=frozenset({"eu-west-1"}),
    price_usd_per_hour={"A100": 1.0},
    capacity_gpus={"A100": 8},
    free_gpus={"A100": 4},
    latency_ms=300.0,
    reputation=60.0,
)


@pytest.fixture(params=[0, 3], ids=["always mended", "mended where that is shorter"])
def many(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(router, "FEW", 0)
        patch.setattr(candidates, "ANEW", request.param)
        yield


@pytest.mark.usefixtures("many")
class TestManyProviders:
    @given(CHECKS, st.lists(ORDERS, min_size=1, max_size=4), st.booleans())
    def test_mended_is_pure(self, checks, orders, whole):
        views = {name: replace(GOOD, provider_id=name) for name in NAMES}
        ranking = Router(WANTED)
        ranking.refresh([*views.values()])
        for number, check in enumerate([[], *checks]):
            changed = {}
            for name, change in check:
                changed[name] = views[name] = replace(views[name], **change)
            if whole:
                ranking.refresh([*views.values()])
            else:
                ranking.update([*changed.values()])
            for order in orders[: number % len(orders) + 1]:  # some tenants do not ask each time
                wanted = WANTED.get(order.tenant_id, BALANCED)
                assert [*ranking.rank(order)] == rank([*views.values()], order, wanted)
                assert ranking.no_route_reason(order) == no_route_reason([*views.values()], order)
                everybody = an_order(
                    tenant_id=order.tenant_id, region=order.region, gpus=0, max_price_usd_per_hour=9.0,
                    max_latency_ms=900.0, min_reputation=0.0,
                )  # fmt: skip
                scores = [v.score for v in explain([*views.values()], everybody, wanted).verdicts if not v.cut_by]
                ranking.rank(everybody)
                kept = ranking._rankings[everybody.tenant_id, everybody.region, everybody.gpu_type]
                assert [-candidate[0] for candidate in kept.candidates] == scores

    @given(CHECKS, st.dictionaries(st.sampled_from(NAMES), st.sampled_from([0.0, 0.5, 4.0])), ORDERS)
    def test_weights_stay_in_force(self, checks, weights, order):
        views = {name: replace(GOOD, provider_id=name) for name in NAMES}
        ranking = Router(WANTED)
        ranking.refresh([*views.values()])
        ranking.set_weights(weights)
        for check in checks:
            for name, change in check:
                views[name] = replace(views[name], **change)
            ranking.update([views[name] for name, _ in check])
            weighed = [replace(v, routing_weight=weights.get(v.provider_id, v.routing_weight)) for v in views.values()]
            assert [*ranking.rank(order)] == rank(weighed, order, WANTED.get(order.tenant_id, BALANCED))

    def test_a_ranking_in_use_does_not_change(self):
        views = [replace(GOOD, provider_id=name) for name in NAMES]
        ranking = Router({})
        ranking.refresh(views)
        begun = ranking.rank(an_order())
        assert begun[0] == "a"
        ranking.update([replace(views[1], free_gpus={"A100": 0}), replace(views[7], free_gpus={"A100": 8})])
        assert [*ranking.rank(an_order())] == [*"hacdefg"]
        assert [*begun] == [*NAMES]


@given(
    st.lists(st.integers(0, 4), max_size=6), st.lists(st.one_of(st.integers(-7, 7), st.slices(6), st.just(len))), ORDERS
)
def test_a_shortlist_is_a_list(free_gpus, asked, order):
    """Whatever it is asked first."""
    order = an_order(gpus=2)
    offered = [(-1.0, 1.0, NAMES[place], 100.0, 80.0, free) for place, free in enumerate(free_gpus)]
    wanted = [NAMES[place] for place, free in enumerate(free_gpus) if free >= 2]
    shortlist = Shortlist(offered, order)
    for question in asked:
        if question is len:
            assert len(shortlist) == len(wanted)
        elif isinstance(question, slice):
            assert shortlist[question] == wanted[question]
        elif question >= 0:
            assert reaches(shortlist, question) == (question < len(wanted))
        elif -question <= len(wanted):
            assert shortlist[question] == wanted[question]
    assert bool(shortlist) == bool(wanted)
    assert [*shortlist] == wanted


def test_no_more_is_looked_for_than_is_asked_for():
    looked_at = []

    class Watched(list):
        def __iter__(self):
            return (looked_at.append(candidate[2]) or candidate for candidate in super().__iter__())

    shortlist = Shortlist(Watched((-1.0, 1.0, name, 100.0, 80.0, 4) for name in NAMES), an_order())
    assert shortlist
    assert shortlist[0] == "a"
    assert looked_at == ["a"]
    assert reaches(shortlist, 2)
    assert looked_at == ["a", "b", "c"]
