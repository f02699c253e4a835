"""Promise: with the nonces in Redis, nothing is allowed while Redis is away, and nothing twice once it is back, emptied."""

from __future__ import annotations

from pathlib import Path

import pytest
from books import check_books
from deployments import NOON_S, Tenant, deploy, open_desk, statuses
from servers import free_port, redis

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.store.nonce_stores import shared_nonces

pytestmark = pytest.mark.needs("redis")
NOW_S = NOON_S + 1.0


def test_stopped_in_the_middle_everything_is_denied_until_it_is_back(tmp_path: Path) -> None:
    deployment = deploy(tmp_path)
    tenant = Tenant(deployment)
    with redis() as server:
        desks = [
            open_desk(deployment, shared_nonces=shared_nonces(server.url, "AURORA-AKASH-001", 86_400.0))
            for _ in range(2)
        ]
        before = [tenant.submission() for _ in range(20)]
        assert statuses(desks[0].submit(before[:10], NOW_S)) == [202] * 10
        assert statuses(desks[1].submit(before, NOW_S)) == [409] * 10 + [202] * 10
        server.stop()
        during = [tenant.submission() for _ in range(10)]
        for desk in desks:
            answers = desk.submit(before + during, NOW_S)
            assert {(answer.status, answer.body["error"]) for answer in answers} == {(503, "nonce_store_unavailable")}
        assert len(check_books(deployment.db)) == 20
        server.start()  # with nothing in it
        assert statuses(desks[0].submit(before + during, NOW_S)) == [409] * 20 + [202] * 10
        assert statuses(desks[1].submit(before + during, NOW_S)) == [409] * 30
        for desk in desks:
            desk.close()
    assert len(check_books(deployment.db)) == 30


def test_the_same_order_may_come_again_after_a_503(tmp_path: Path) -> None:
    deployment = deploy(tmp_path)
    tenant = Tenant(deployment)
    with redis() as server:
        nonces = shared_nonces(server.url, "AURORA-AKASH-001", 86_400.0)
        assert nonces is not None
        desk = open_desk(deployment, shared_nonces=nonces)
        given = [tenant.submission("n-1", max_price_usd_per_hour=0.01), tenant.submission("n-2")]
        assert statuses(desk.submit(given, NOW_S)) == [503, 202]
        assert [held.nonce for held in nonces.held()] == ["n-2"]
        assert statuses(desk.submit(given, NOW_S)) == [503, 409]
        desk.close()


def test_a_server_that_never_was_is_out_of_reach_within_its_time(tmp_path: Path) -> None:
    deployment = deploy(tmp_path)
    nonces = shared_nonces(f"redis://127.0.0.1:{free_port()}/0", "AURORA-AKASH-001", 86_400.0)
    desk = open_desk(deployment, shared_nonces=nonces)
    answer = desk.submit([Tenant(deployment).submission()], NOW_S)[0]
    assert (answer.status, answer.body["error"]) == (503, "nonce_store_unavailable")
    desk.close()


@pytest.mark.parametrize("url", ["memcached://x", "redis", "redis://host:port:port/x"])
def test_a_url_that_names_no_redis_is_bad_input(url: str) -> None:
    with pytest.raises(InputError):
        shared_nonces(url, "T", 60.0)
