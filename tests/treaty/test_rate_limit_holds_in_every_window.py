"""In any window of t seconds a name gets at most rate x t + burst tokens, and all of them when it asks for no more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aurora_sim.treaty.gateway import TokenBuckets, TokenBucketSettings

settings = st.builds(TokenBucketSettings, st.floats(0.01, 100), st.integers(1, 30))
gaps_s = st.lists(st.one_of(st.just(0.0), st.floats(0, 5)), max_size=80)


@given(settings, gaps_s, st.sampled_from([0.0, 1_760_000_000.0]))
def test_no_window_gets_more(settings, gaps_s, now_s):
    buckets = TokenBuckets(settings)
    taken_s = []
    for gap_s in gaps_s:
        now_s += gap_s
        if buckets.take("tenant", now_s):
            taken_s.append(now_s)
    for first, from_s in enumerate(taken_s):
        for last in range(first, len(taken_s)):
            window_s = taken_s[last] - from_s
            # Two microseconds of the rate: the grace in the bucket, and the rounding of Unix times.
            assert last - first + 1 <= settings.rate_per_s * (window_s + 2e-6) + settings.burst


@given(settings, st.integers(0, 40), st.sampled_from([0.0, 1_760_000_000.0]))
def test_the_burst_is_whole_and_so_is_the_rate_after_it(settings, more, now_s):
    buckets = TokenBuckets(settings)
    assert all(buckets.take("tenant", now_s) for _ in range(settings.burst))
    assert not buckets.take("tenant", now_s)
    times_s = [now_s + (n + 1) / settings.rate_per_s for n in range(more)]
    assert all(buckets.take("tenant", time_s) for time_s in times_s)


def test_a_bucket_that_is_never_full_keeps_its_rate():
    # A day at exactly the rate, on Unix time: an error per token would add up to one token too few or too many.
    buckets = TokenBuckets(TokenBucketSettings(7.0, 1))
    began_s = 1_760_000_000.0
    assert all(buckets.take("tenant", began_s + n / 7.0) for n in range(600_000))
    assert not buckets.take("tenant", began_s + 599_999.9 / 7.0)


def test_a_rate_too_high_to_count_still_has_its_burst():
    # It counts as a million a second, at which the microsecond of grace is one token more.
    buckets = TokenBuckets(TokenBucketSettings(1e300, 3))
    assert [buckets.take("tenant", 1_760_000_000.0) for _ in range(6)] == [True] * 4 + [False] * 2


def test_a_full_bucket_saves_nothing_up():
    buckets = TokenBuckets(TokenBucketSettings(1.0, 3))
    assert buckets.take("tenant", 0.0)
    assert [buckets.take("tenant", 1_000.0) for _ in range(5)] == [True, True, True, False, False]


def test_names_do_not_share_a_bucket():
    buckets = TokenBuckets(TokenBucketSettings(1.0, 1))
    assert buckets.take("a", 0.0)
    assert buckets.take("b", 0.0)
    assert not buckets.take("a", 0.0)


def test_a_flood_of_new_sources_does_not_fill_the_memory():
    buckets = TokenBuckets(TokenBucketSettings(2.0, 20))
    most = 0
    for n in range(200_000):
        assert buckets.take(f"source-{n}", n * 0.001)  # 1,000 new sources a second, each full again after 0.5 s
        most = max(most, len(buckets))
    assert most <= 1024 + 500


def test_the_sweep_forgives_nobody():
    buckets = TokenBuckets(TokenBucketSettings(0.001, 1))
    assert buckets.take("spent", 0.0)
    for n in range(5_000):
        buckets.take(f"source-{n}", 1.0)
    assert not buckets.take("spent", 1.0)
