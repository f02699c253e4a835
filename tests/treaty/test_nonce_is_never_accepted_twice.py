"""Within its time a nonce is accepted once, after it again; memory holds one time's worth of nonces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_sim.treaty.nonce import MemoryNonceCache, nonce_key

TTL_S = 10.0
calls = st.lists(st.tuples(st.sampled_from("abcdef"), st.one_of(st.just(0.0), st.floats(0, 12))), max_size=80)


@given(calls)
def test_it_answers_as_a_list_of_all_acceptances_would(calls):
    cache = MemoryNonceCache(TTL_S)
    accepted_s: dict[str, float] = {}
    now_s = 0.0
    for key, gap_s in calls:
        now_s += gap_s
        seen = cache.check_and_set(key, now_s)
        assert seen == (key in accepted_s and accepted_s[key] > now_s - TTL_S)
        if not seen:
            accepted_s[key] = now_s
    stats = cache.stats()
    assert stats.accepted + stats.replayed == len(calls)
    assert stats.held == stats.accepted - stats.expired
    assert stats.held <= len(accepted_s)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=60))
def test_a_clock_that_steps_back_opens_no_door(calls):
    cache = MemoryNonceCache(TTL_S)
    accepted_s: dict[str, float] = {}
    for key, now_s in calls:
        if not cache.check_and_set(key, now_s):
            assert key not in accepted_s or now_s - accepted_s[key] >= TTL_S or any(t > now_s for _, t in calls)
            accepted_s[key] = now_s


def test_a_replay_does_not_prolong():
    cache = MemoryNonceCache(TTL_S)
    assert not cache.check_and_set("a", 0.0)
    assert cache.check_and_set("a", 9.0)
    assert not cache.check_and_set("a", 10.0)


def test_memory_is_flat():
    cache = MemoryNonceCache(TTL_S)
    for n in range(10_000):
        cache.check_and_set(str(n), n * 0.125)
        assert cache.stats().held <= 80
    assert cache.stats().oldest_s == 9_999 * 0.125 - 9.875


def test_clear_forgets_and_counts():
    cache = MemoryNonceCache()
    cache.check_and_set("a", 0.0)
    cache.check_and_set("b", 0.0)
    assert cache.clear() == 2
    assert cache.stats() == (0, 0, 0, 0, None)
    assert not cache.check_and_set("a", 1.0)


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.one_of(st.just(0.0), st.floats(0, 12))), max_size=80)
)
def test_what_was_withdrawn_was_never_there(calls):
    cache = MemoryNonceCache(TTL_S)
    accepted_s: dict[str, float] = {}
    now_s = 0.0
    replayed = 0
    for key, withdrawn, gap_s in calls:
        now_s += gap_s
        seen = cache.check_and_set(key, now_s)
        assert seen == (key in accepted_s and accepted_s[key] > now_s - TTL_S)
        replayed += seen
        if not seen:
            accepted_s[key] = now_s
        if withdrawn:  # right away, or after others were set
            cache.withdraw(key)
            del accepted_s[key]
        live = [s for s in accepted_s.values() if s > now_s - TTL_S]
        stats = cache.stats()
        assert (stats.held, stats.oldest_s) == (len(live), min(live, default=None))
        assert (stats.accepted, stats.replayed) == (stats.held + stats.expired, replayed)


def test_a_withdrawn_nonce_may_come_again_and_lives_from_then():
    cache = MemoryNonceCache(TTL_S)
    assert not cache.check_and_set("a", 0.0)
    assert not cache.check_and_set("b", 1.0)
    cache.withdraw("a")
    assert cache.stats() == (1, 1, 0, 0, 1.0)
    assert not cache.check_and_set("a", 2.0)
    assert cache.check_and_set("b", 10.5)  # "a" of 0.0 left nothing behind that takes others with it
    assert cache.check_and_set("a", 11.5)
    assert not cache.check_and_set("a", 12.0)


def test_to_withdraw_what_is_not_held_does_nothing():
    cache = MemoryNonceCache(TTL_S)
    cache.withdraw("a")
    assert not cache.check_and_set("a", 0.0)
    cache.withdraw("b")
    assert cache.check_and_set("a", 1.0)
    assert not cache.check_and_set("b", 20.0)
    cache.withdraw("a")  # expired by then
    assert cache.stats() == (1, 2, 1, 1, 20.0)


def test_tenants_have_their_own_nonces():
    cache = MemoryNonceCache()
    assert not cache.check_and_set(nonce_key("tenant-dao", "1"), 0.0)
    assert not cache.check_and_set(nonce_key("tenant-research", "1"), 0.0)


def test_a_time_of_nothing_is_refused():
    with pytest.raises(ValueError, match="ttl_s"):
        MemoryNonceCache(0.0)
