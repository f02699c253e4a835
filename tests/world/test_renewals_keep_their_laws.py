"""Outages that come by themselves keep their laws: up-times, repairs, availability, severity, joint failures."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import stats
from world_parts import a_config, a_world, faults, play

from aurora_sim.scenario.faults import Outage
from aurora_sim.world.renewals import availability, renewal_outages, repair_mean_h, spells
from aurora_sim.world.streams import Streams

HOUR_S = 3600.0
LONG_S = 200_000 * HOUR_S  # about 500 outages of a provider
SEEDS = range(12)


def failing(**different: Any) -> Any:
    return a_config(failures={"outages": {"enabled": True, **different}})


CONFIG = failing()
MODEL = CONFIG.failures.outages
AKASH = MODEL.providers["akash"]


def of_akash(seed: int, until_s: float = LONG_S) -> list[Any]:
    return list(spells("akash", AKASH, MODEL, Streams(seed), until_s))


@pytest.fixture(scope="module")
def many() -> list[list[Any]]:
    return [of_akash(seed) for seed in SEEDS]


def test_up_times_are_weibull_of_the_given_mean(many):
    gaps = [b.at_s - a.at_s - a.for_s for course in many for a, b in pairwise(course)]
    scale_s = AKASH.up_time_mean_h * HOUR_S / math.gamma(1.0 + 1.0 / 0.85)
    assert len(gaps) > 4000
    assert stats.kstest(gaps, stats.weibull_min(0.85, scale=scale_s).cdf).pvalue > 0.001
    assert stats.kstest(gaps, stats.expon(scale=AKASH.up_time_mean_h * HOUR_S).cdf).pvalue < 0.001, (
        "this tells them apart"
    )


def test_repairs_are_log_normal(many):
    repairs = [spell.for_s for course in many for spell in course[1:]]
    law = stats.lognorm(AKASH.repair_sigma, scale=AKASH.repair_median_h * HOUR_S)
    assert stats.kstest(repairs, law.cdf).pvalue > 0.001


def test_the_first_outage_is_that_of_a_process_in_equilibrium():
    """Left of the up-time at time 0: density S(t) / mean, whose tail is that of Gamma(1/k) in t^k."""
    first = [next(spells("akash", AKASH, MODEL, Streams(seed), LONG_S)).at_s for seed in range(3000)]
    up = [at_s for at_s in first if at_s > 0.0]
    scale_s = AKASH.up_time_mean_h * HOUR_S / math.gamma(1.0 + 1.0 / 0.85)
    assert stats.kstest([(at_s / scale_s) ** 0.85 for at_s in up], stats.gamma(1.0 / 0.85).cdf).pvalue > 0.001
    dark = len(first) - len(up)
    assert stats.binomtest(dark, len(first), 1.0 - availability(AKASH)).pvalue > 0.001


def test_what_is_dark_at_time_0_has_the_rest_of_a_length_biased_repair():
    model = failing(providers={"akash": {"up_time_mean_h": 0.5, "repair_median_h": 2.0}}).failures.outages
    law = model.providers["akash"]
    left = [next(spells("akash", law, model, Streams(seed), HOUR_S), None) for seed in range(2000)]
    left_h = [spell.for_s / HOUR_S for spell in left if spell is not None and spell.at_s == 0.0]
    expected_h = 2.0 * math.exp(1.5 * law.repair_sigma**2) / 2.0  # E L^2 / (2 E L)
    mean, error = np.mean(left_h), np.std(left_h) / math.sqrt(len(left_h))
    assert len(left_h) > 1500
    assert abs(mean - expected_h) < 4.0 * error < 0.6 * expected_h
    # The cumulative excess law at the median repair, by its integral.
    t = np.linspace(0.0, 2.0, 20_001)
    survival = stats.lognorm(law.repair_sigma, scale=2.0).sf(t)
    below = float(np.trapezoid(survival, t)) / repair_mean_h(law)
    assert stats.binomtest(sum(h <= 2.0 for h in left_h), len(left_h), below).pvalue > 0.001


@pytest.mark.parametrize("provider_id", ["akash", "render"])
def test_availability_is_mttf_over_mttf_plus_mttr(provider_id):
    law = MODEL.providers[provider_id]
    dark = []
    for seed in range(40):
        course = spells(provider_id, law, MODEL, Streams(seed), LONG_S)
        dark.append(sum(min(s.at_s + s.for_s, LONG_S) - s.at_s for s in course) / LONG_S)
    expected = 1.0 - law.up_time_mean_h / (law.up_time_mean_h + repair_mean_h(law))
    error = np.std(dark, ddof=1) / math.sqrt(len(dark))
    assert 1.0 - availability(law) == pytest.approx(expected)
    assert abs(np.mean(dark) - expected) < 3.5 * error < 0.15 * expected


def test_severity_is_full_or_beta(many):
    shares = [spell.share for course in many for spell in course]
    partial = [share for share in shares if share < 1.0]
    assert stats.binomtest(len(shares) - len(partial), len(shares), 0.15).pvalue > 0.001
    assert stats.kstest(partial, stats.beta(1.2, 6.0).cdf).pvalue > 0.001


def test_a_region_s_event_strikes_with_the_joint_probabilities():
    config = failing(providers={}, regions={"up_time_mean_h": 20}, bridges={"up_time_mean_h": 87_600})
    config.failures.outages.providers.clear()
    struck = renewal_outages(config, Streams(3), 60_000 * HOUR_S)
    events = {
        name.split("-joint-")[0] + name.split("-joint-")[1].split("-")[0] for name, _ in struck if "joint" in name
    }
    number = len(
        list(spells("us-west-2", config.failures.outages.regions, config.failures.outages, Streams(3), 60_000 * HOUR_S))
    )
    assert number > 2000
    assert len(events) > 1.5 * number
    here = [name for name, _ in struck if name.startswith("us-west-2-joint") and name.endswith("-vast")]
    assert stats.binomtest(len(here), number, 0.4).pvalue > 0.001
    for elsewhere in ("-akash-eu-west-1", "-flux-eu-west-1", "-salad-global"):
        across = [name for name, _ in struck if name.startswith("us-west-2-joint") and name.endswith(elsewhere)]
        assert stats.binomtest(len(across), number, 0.1).pvalue > 0.001
    # Given the event, two providers are struck independently of each other.
    both = {name.removesuffix("-vast") for name in here} & {
        name.removesuffix("-ionet")
        for name, _ in struck
        if name.startswith("us-west-2-joint") and name.endswith("-ionet")
    }
    assert stats.binomtest(len(both), number, 0.16).pvalue > 0.001


def test_a_joint_outage_darkens_the_nodes_of_its_region_alone():
    world = a_world()
    method = faults(
        {"at": 1.0, "for": 9.0, "fault": "outage", "provider": "akash", "region": "us-west-2", "share": 0.5}
    )
    play(world, method, 5.0)
    akash = world.providers["akash"]
    assert akash.dark_share == {"eu-west-1": 0.0, "us-west-2": 0.5}
    assert akash.capacity_gpus["A100"] == 975
    assert world.providers["vast"].dark_share == {"us-west-2": 0.0}


def test_neither_the_horizon_nor_another_provider_moves_an_outage():
    long = renewal_outages(CONFIG, Streams(5), 20_000 * HOUR_S)
    short = renewal_outages(CONFIG, Streams(5), 2_000 * HOUR_S)
    assert len(short) > 30
    assert long[: len(short)] == short
    without = failing()
    del without.failures.outages.providers["vast"]
    others = [(name, fault) for name, fault in long if not name.startswith("vast-")]
    assert renewal_outages(without, Streams(5), 20_000 * HOUR_S) == others


def test_off_there_are_none_and_on_all_are_named_and_on_whole_seconds():
    assert renewal_outages(a_config(), Streams(5), LONG_S) == []
    found = renewal_outages(CONFIG, Streams(5), 50_000 * HOUR_S)
    assert len({name for name, _ in found}) == len(found)
    assert {name.split("-renewal-")[0] for name, _ in found if "renewal" in name} == {
        *CONFIG.providers,
        *CONFIG.bridges,
    }
    assert all(isinstance(fault, Outage) and fault.at % 1.0 == 0.0 and fault.for_s >= 1.0 for _, fault in found)


def test_a_factor_of_a_tenth_brings_ten_times_as_many():
    often = failing(up_time_factor=0.1).failures.outages
    counts = [len(list(spells("akash", AKASH, often, Streams(seed), LONG_S / 10))) for seed in SEEDS]
    cycle_h = 0.1 * AKASH.up_time_mean_h + repair_mean_h(AKASH)
    expected = LONG_S / 10 / HOUR_S / cycle_h
    assert abs(np.mean(counts) - expected) < 0.06 * expected
