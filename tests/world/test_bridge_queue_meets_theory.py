"""The queue in front of a bridge's relay workers waits as long as queueing theory says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bridge_traffic import SERVICE_S, TRAVEL_S, a_bridge, erlang_c_wait_s, mean_wait_s, pollaczek_khinchine_s, send
from world_parts import assert_mean_is


def exponential(draws, count):
    return draws.exponential(SERVICE_S, count)


@pytest.mark.parametrize(("workers", "load"), [(1, 0.6), (4, 0.75), (8, 0.8)])
def test_exponential_service_waits_as_erlang_c_says(workers, load):
    rate_per_s = load * workers / SERVICE_S
    waits_s = [mean_wait_s(workers, rate_per_s, exponential, seed) for seed in range(20)]
    assert_mean_is(erlang_c_wait_s(workers, rate_per_s, SERVICE_S), waits_s, 0.25)


@pytest.mark.parametrize("sigma", [0.0, 0.38, 1.0])
def test_one_worker_waits_as_pollaczek_and_khinchine_say(sigma):
    """Log-normal service; sigma 0 is M/D/1."""
    rate_per_s = 0.6 / (SERVICE_S * math.exp(sigma**2 / 2))

    def lognormal(draws, count):
        return SERVICE_S * np.exp(sigma * draws.standard_normal(count))

    waits_s = [mean_wait_s(1, rate_per_s, lognormal, seed) for seed in range(20)]
    mean_s, square_s2 = SERVICE_S * math.exp(sigma**2 / 2), SERVICE_S**2 * math.exp(2 * sigma**2)
    assert_mean_is(pollaczek_khinchine_s(rate_per_s, mean_s, square_s2), waits_s, 0.25)


def test_the_share_lost_is_the_configured_one():
    shares = []
    for seed in range(20):
        draws = np.random.default_rng(seed)
        bridge = a_bridge(1000, loss=0.2)
        messages = [send(bridge, 0.01 * n, loss=luck) for n, luck in enumerate(draws.random(5_000).tolist())]
        lost = [message for message in messages if math.isinf(message.reply_s)]
        assert len(lost) == bridge.lost
        assert bridge.messages == 5_000
        shares.append(bridge.lost / bridge.messages)
    assert_mean_is(0.2, shares, 0.1)


def test_a_region_s_loss_adds_to_the_bridge_s_own():
    shares = []
    for seed in range(20):
        bridge = a_bridge(1000, loss=0.2)
        for n, luck in enumerate(np.random.default_rng(seed).random(5_000).tolist()):
            bridge.send(object(), 0.01 * n, math.inf, (0.0, 0.0, 0.0, 0.99, luck), 0.5)
        shares.append(bridge.lost / bridge.messages)
    assert_mean_is(1 - 0.8 * 0.5, shares, 0.1)


def test_a_lost_message_takes_no_worker():
    bridge = a_bridge(1, loss=0.5)
    assert math.isinf(send(bridge, 0.0, 10.0, loss=0.1).reply_s)
    assert send(bridge, 0.0, 1.0).finish_s == pytest.approx(1.0)


def test_the_way_there_and_back_is_the_service_and_the_travel():
    message = send(a_bridge(1), 5.0, 0.25)
    assert (message.start_s, message.finish_s) == (5.0, pytest.approx(5.25))
    assert message.reply_s == pytest.approx(5.25 + TRAVEL_S)


def test_travel_is_log_normal_about_its_medians():
    config = {"network_sigma": 0.3, "gateway_sigma": 0.35}
    for network, gateway in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (-2.0, 3.0)):
        message = send(a_bridge(1, **config), 0.0, network=network, gateway=gateway)
        travel_s = message.reply_s - message.finish_s
        assert travel_s == pytest.approx(0.038 * math.exp(0.3 * network) + 0.006 * math.exp(0.35 * gateway))


def test_the_tail_strikes_its_share_and_is_pareto():
    p, xm_s, alpha = 0.05, 0.15, 2.2
    means, shares = [], []
    for seed in range(20):
        bridge = a_bridge(1000, tail={"p": p, "xm_ms": xm_s * 1000, "alpha": alpha})
        luck = np.random.default_rng(seed).random(20_000).tolist()
        more_s = np.array(
            [m.reply_s - m.finish_s - TRAVEL_S for m in (send(bridge, 0.001 * n, tail=u) for n, u in enumerate(luck))]
        )
        struck = more_s[more_s > 1e-6]
        assert struck.min() >= xm_s - 1e-9
        shares.append(struck.size / more_s.size)
        means.append(float(np.log(struck / xm_s).mean()))  # the log of a Pareto is exponential of mean 1 / alpha
    assert_mean_is(p, shares, 0.1)
    assert_mean_is(1 / alpha, means, 0.1)


@pytest.mark.parametrize("cost", [0.0, 0.2, 1.0])
def test_a_message_nobody_waits_for_costs_its_share_of_a_service(cost):
    bridge = a_bridge(1, abandon_cost=cost)
    send(bridge, 0.0, 3.0)
    given_up = send(bridge, 0.0, 1.0, give_up_s=2.0)
    still_wanted = send(bridge, 0.0, 1.0, give_up_s=4.0)
    assert given_up.finish_s - given_up.start_s == pytest.approx(cost)
    assert still_wanted.start_s == given_up.finish_s
    assert given_up.reply_s > given_up.give_up_s
    assert still_wanted.finish_s - still_wanted.start_s == pytest.approx(1.0)


def test_the_queue_length_counts_those_not_yet_in_service():
    bridge = a_bridge(2)
    for _ in range(5):
        send(bridge, 0.0, 1.0)
    assert [bridge.queue_length(time_s) for time_s in (0.0, 0.999, 1.001, 2.001)] == [3, 3, 1, 0]
