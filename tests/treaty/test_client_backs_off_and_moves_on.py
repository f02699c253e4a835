"""A silent bridge is tried with growing waits, then the failover bridge, then the next provider."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_sim.treaty.client import ClientSettings, backoff_s, next_move
from aurora_sim.treaty.local_queue import QueueSettings

SETTINGS = ClientSettings()


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_above_its_ceiling_or_the_cap(attempt, u):
    wait_s = backoff_s(SETTINGS, attempt, u)
    assert 0.0 <= wait_s <= min(30.0, 0.5 * 2.0 ** min(attempt - 1, 1000))
    assert wait_s <= backoff_s(SETTINGS, attempt + 1, u)
    assert wait_s <= backoff_s(ClientSettings(jitter="none"), attempt, u)


def test_ceilings_double_up_to_the_cap():
    settings = ClientSettings(jitter="none")
    assert [backoff_s(settings, attempt, 0.0) for attempt in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize("has_failover", [True, False])
def test_the_whole_way(has_failover):
    moves = []
    on_failover, attempts = False, 0
    while not moves or moves[-1] != "next_provider":
        attempts += 1
        moves.append(next_move(SETTINGS, attempts, on_failover=on_failover, has_failover=has_failover))
        if moves[-1] == "failover_bridge":
            on_failover, attempts = True, 0
    over_failover = ["failover_bridge", "retry"] if has_failover else []
    assert moves == ["retry"] * 4 + over_failover + ["next_provider"]


def test_blind_retry_goes_on_and_on():
    blind = SETTINGS.blind()
    assert {next_move(blind, n, on_failover=False, has_failover=True) for n in range(1, 1000)} == {"retry"}
    assert (blind.breaker_failures, blind.queue) == (None, None)
    paced = blind.paced()
    assert (paced.breaker_failures, paced.breaker_probe_s, paced.queue) == (3, 1.0, QueueSettings())


@pytest.mark.parametrize("wrong", [{"orders_max": 0}, {"drain_fraction": 0.0}, {"drain_fraction": 1.1}])
def test_impossible_queues_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        QueueSettings(**wrong)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"timeout_ms": 0.0}, "timeout_ms"),
        ({"backoff_base_s": 31.0}, "backoff_base_s"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"failover_attempts": 0}, "failover_attempts"),
        ({"breaker_failures": 0}, "breaker_failures"),
        ({"breaker_probe_s": 0.0}, "breaker_probe_s"),
    ],
)
def test_impossible_settings_are_refused(wrong, named):
    with pytest.raises(ValueError, match=named):
        ClientSettings(**wrong)
