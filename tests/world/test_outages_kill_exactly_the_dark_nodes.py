"""Nodes fail in a fixed order: outages of composed share s take the jobs with node < s, once, and nobody else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world_parts import a_world, faults, leased, play

REGIONS = ("eu-west-1", "us-west-2")
NODES = [(n + 0.5) / 100 for n in range(100)]


def with_jobs(provider_id="akash"):
    """A world where the provider has a job in the middle of every hundredth of its nodes, in each of its regions."""
    world = a_world()
    provider = world.providers[provider_id]
    kind = next(iter(provider.base_capacity_gpus))
    jobs = [
        leased(provider, -1.0, kind, 1, region, node, (region, node)) for region in provider.regions for node in NODES
    ]
    return world, jobs


def outage(at, until, share=1.0, **where):
    return {"at": at, "for": until - at, "fault": "outage", "share": share, **(where or {"provider": "akash"})}


def killed_at(world, method, until_s=1e9):
    return {time_s: [lease.job for lease in impact.killed] for time_s, impact in play(world, faults(*method), until_s)}


def killed_in_all(world, method):
    return sorted(job for jobs in killed_at(world, method).values() for job in jobs)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 1.0])
def test_an_outage_kills_the_jobs_below_its_share(share):
    world, jobs = with_jobs()
    killed = killed_at(world, [outage(10.0, 20.0, share)], 15.0)
    assert killed == {10.0: [lease.job for lease in jobs if lease.node < share]}
    assert [lease.live for lease in jobs] == [lease.node >= share for lease in jobs]


def test_an_outage_of_a_region_kills_only_there():
    world, jobs = with_jobs()
    killed = killed_at(world, [outage(10.0, 20.0, 0.4, region="us-west-2")], 15.0)[10.0]
    assert killed == [lease.job for lease in jobs if lease.region == "us-west-2" and lease.node < 0.4]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30), st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0])), max_size=6)
)
def test_nested_outages_kill_what_their_composed_share_reaches(outages):
    world, jobs = with_jobs()
    method = faults(*(outage(float(at), float(at + lasting), share) for at, lasting, share in outages))
    alive = list(jobs)
    for time_s, impact in play(world, method):
        lit = 1.0
        for _, fault in method:
            if fault.at <= time_s < fault.end:
                lit *= 1.0 - fault.share
        expected = [lease for lease in alive if lease.node < 1.0 - lit - 1e-12]
        assert impact.killed == expected
        alive = [lease for lease in alive if lease not in expected]
    assert all(lease.live for lease in alive)


def test_a_second_outage_within_the_first_kills_nobody_new():
    world, _ = with_jobs()
    killed = killed_at(world, [outage(0.0, 100.0), outage(20.0, 60.0), outage(30.0, 50.0, 0.5)])
    assert len(killed.pop(0.0)) == 200
    assert not any(killed.values())


@pytest.mark.parametrize(
    "method",
    [
        [outage(0.0, 50.0, 0.5), outage(50.0, 100.0, 0.5)],
        [outage(0.0, 100.0, 0.5), outage(100.0, 100.0, 1.0)],
        [outage(0.0, 100.0, 0.5), outage(40.0, 60.0, 0.0)],
        [outage(0.0, 100.0, 0.5, region="eu-west-1"), outage(0.0, 100.0, 0.5, region="us-west-2")],
        [outage(0.0, 30.0, 0.5), outage(30.0, 60.0, 0.5), outage(60.0, 100.0, 0.5)],
    ],
    ids=["split", "and nothing", "and share 0", "by region", "in three"],
)
def test_outages_of_equal_effect_kill_equal_jobs(method):
    merged_world, _ = with_jobs()
    split_world, _ = with_jobs()
    expected = killed_in_all(merged_world, [outage(0.0, 100.0, 0.5)])
    assert len(expected) == 100
    assert killed_in_all(split_world, method) == expected


def test_two_halves_compose_to_three_quarters():
    together, _ = with_jobs()
    alone, _ = with_jobs()
    assert killed_in_all(together, [outage(0.0, 9.0, 0.5), outage(0.0, 9.0, 0.5)]) == killed_in_all(
        alone, [outage(0.0, 9.0, 0.75)]
    )


def test_a_job_that_starts_during_a_partial_outage_survives_it():
    world, _ = with_jobs()
    method = faults(outage(0.0, 100.0, 0.6), outage(10.0, 50.0, 0.6))
    play(world, method, 0.0)
    provider = world.providers["akash"]
    jobs = [leased(provider, 5.0, "A100", 1, "eu-west-1", luck / 50, luck) for luck in range(50)]
    impacts = play(world, method)  # up to the end: the first change is made again, to the same effect
    killed = [lease for _, impact in impacts for lease in impact.killed]
    assert {lease for lease in killed if lease in jobs} == {lease for lease in jobs if lease.node < 1 - 0.4 * 0.4}
    assert all(lease.node >= 0.6 for lease in jobs)


def test_a_capacity_fault_kills_nobody():
    world, jobs = with_jobs()
    method = [{"at": 0.0, "for": 10.0, "fault": "capacity", "provider": "akash", "factor": 0.0}]
    assert killed_at(world, method) == {0.0: [], 10.0: []}
    assert all(lease.live for lease in jobs)


def test_jobs_die_provider_by_provider_in_the_configuration_s_order_and_oldest_first():
    world = a_world()
    for provider_id in ("vast", "aethir", "akash"):
        for number in range(3):
            leased(world.providers[provider_id], 0.0, "A100", 1, "us-west-2", 0.9 - 0.1 * number, (provider_id, number))
    killed = killed_at(world, [outage(5.0, 9.0, region="us-west-2")])[5.0]
    assert killed == [(provider_id, number) for provider_id in ("akash", "aethir", "vast") for number in range(3)]


def test_oldest_first_holds_when_jobs_have_ended_in_between():
    provider = a_world().providers["akash"]
    jobs = [leased(provider, 0.0, "A100", 1, "us-west-2", 0.5, number) for number in range(6)]
    for number in (0, 3):
        provider.release(1.0, jobs[number])
    provider.dark["us-west-2"].set(0, 1.0)
    provider.recompute()
    assert [lease.job for lease in provider.strike(2.0)] == [1, 2, 4, 5]
    assert provider.leased_gpus["A100"] == 0
