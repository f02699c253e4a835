"""The services that receipts need decide a job's first try by its own luck, and each later one by a draw of its own."""

from __future__ import annotations

from struct import pack

import pytest
from world_parts import a_world

from aurora_sim.world.demand import JOB_LUCK
from aurora_sim.world.job import Job
from aurora_sim.world.provenance import ProvenanceServices

MANY = 400


def jobs(first_draw: float) -> list[Job]:
    """Jobs whose luck with script and pin is this draw."""
    akash, luck = a_world().providers["akash"], pack("=6d", 0.0, 0.0, 0.0, 0.5, first_draw, first_draw)
    return [
        Job(akash, akash.pools["A100"], 1, "eu-west-1", f"tenant/{index}", "tenant", index, luck)
        for index in range(MANY)
    ]


def failed(services: ProvenanceServices, service: str, asked: list[Job]) -> int:
    if service == "script":
        return len(services.run(asked))
    return sum(latency_s is None for latency_s in services.pin(asked, 0.0))


def raised_to(services: ProvenanceServices, service: str, share: float) -> None:
    services.failures[service].set(0, share)
    services.recompute()


@pytest.mark.parametrize("service", ["script", "pin"])
@pytest.mark.parametrize("first_draw", [0.0, 0.9])
def test_after_a_failed_try_the_first_draw_says_no_more(service: str, first_draw: float) -> None:
    services, asked = a_world().provenance, jobs(first_draw)
    raised_to(services, service, 1.0)
    assert failed(services, service, asked) == MANY
    raised_to(services, service, 0.5)
    assert 0.4 * MANY < failed(services, service, asked) < 0.6 * MANY


@pytest.mark.parametrize("service", ["script", "pin"])
def test_each_later_try_has_a_draw_of_its_own(service: str) -> None:
    services, asked = a_world().provenance, jobs(0.0)
    raised_to(services, service, 1.0)
    assert failed(services, service, asked) == MANY
    raised_to(services, service, 0.5)
    failed(services, service, asked)
    again = [job for job in asked if job.tries_failed]
    assert all(job.tries_failed == 2 for job in again)
    assert 0.3 * len(again) < failed(services, service, again) < 0.7 * len(again)


def test_a_pin_is_a_first_try_though_the_root_took_two() -> None:
    services, asked = a_world().provenance, jobs(0.9)
    raised_to(services, "script", 1.0)
    assert failed(services, "script", asked) == MANY
    raised_to(services, "script", 0.0)
    assert failed(services, "script", asked) < 0.1 * MANY
    rooted = [job for job in asked if not job.tries_failed]
    raised_to(services, "pin", 0.5)
    assert failed(services, "pin", rooted) == 0


@pytest.mark.parametrize("service", ["script", "pin"])
def test_a_first_try_is_decided_by_the_orders_own_luck(service: str) -> None:
    services = a_world().provenance
    raised_to(services, service, 0.5)
    assert failed(services, service, jobs(0.9)) == 0
    assert failed(services, service, jobs(0.1)) == MANY


def test_a_job_has_each_draw_under_the_name_that_it_was_drawn_for() -> None:
    packed = pack("=6d", *range(len(JOB_LUCK)))
    akash = a_world().providers["akash"]
    job = Job(akash, akash.pools["A100"], 1, "eu-west-1", "tenant/0", "tenant", 0, packed)
    named = {
        "job/placement": job.placement_luck,
        "job/settlement": job.settlement_luck,
        "receipt/pin": job.pin_luck,
        "job/node": job.node_luck,
        "receipt/script": job.script_luck,
        "receipt/pin-failure": job.pin_failure_luck,
    }
    assert named == {what: float(place) for place, (what, _) in enumerate(JOB_LUCK)}
    assert job.packed_luck() == packed
