"""Promise: database and Redis hold nonces as the cache in memory does, and of many who come at once one is first."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from deployments import deploy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import redis

from aurora_sim.treaty.nonce import MemoryNonceCache
from aurora_sim.treaty.store.nonce_stores import DatabaseNonces
from aurora_sim.treaty.store.nonces import Nonce
from aurora_sim.treaty.store.redis_nonces import RedisNonces

TTL_S = 1000.0


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.needs("redis"))])
def nonces(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "sqlite":
        store = deploy(tmp_path).store()
        yield DatabaseNonces(store, TTL_S, clock=lambda: 0.0)
        store.close()
    else:
        with redis() as server:
            yield RedisNonces(server.url, "T", TTL_S)


_keys = st.sampled_from([f"tenant-{tenant}/{nonce}" for tenant in "ab" for nonce in ("1", "2", "*", "[x]")])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), _keys), max_size=12))
def test_as_in_memory(nonces: Any, calls: list[tuple[bool, str]]) -> None:
    memory = MemoryNonceCache(TTL_S)
    nonces.clear()
    for withdraw, key in calls:
        if withdraw:
            memory.withdraw(key)
            nonces.withdraw(key)
        else:
            assert nonces.check_and_set(key, 1.0) == memory.check_and_set(key, 1.0)
    assert nonces.stats().held == memory.stats().held
    for _, key in calls:
        tenant_id, _, nonce = key.partition("/")
        held = [each[:2] for each in nonces.find(nonce, tenant_id)]
        assert held == ([(tenant_id, nonce)] if memory.check_and_set(key, 1.0) else [])
        memory.withdraw(key) if not held else None
    assert nonces.clear() == memory.clear()
    assert nonces.stats().held == 0


def test_of_many_at_once_one_is_first(nonces: Any) -> None:
    wanted = [Nonce("t", str(number), f"o-{number}", 1.0, 1.0 + TTL_S) for number in range(5)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: nonces.check_and_set_many(wanted), range(8)))
    for number in range(5):
        answers = [answer[number] for answer in found]
        assert answers.count(None) == 1
        assert set(answers) == {None, f"o-{number}"}


def test_only_the_order_that_holds_a_nonce_gives_it_back(nonces: Any) -> None:
    mine, others = Nonce("t", "n", "o-1", 1.0, 500.0), Nonce("t", "n", "o-2", 1.0, 500.0)
    assert nonces.check_and_set_many([mine]) == [None]
    nonces.withdraw_many([others])
    assert nonces.check_and_set_many([others]) == ["o-1"]
    nonces.withdraw_many([mine])
    assert nonces.check_and_set_many([others]) == [None]
