"""Bursts, batches, hourly profiles, GPU shares and tables of durations that a scenario states are what its orders show."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError
from world_parts import DAY_S, HOUR_S, assert_mean_is, drafts, faults, one_tenant

from aurora_sim.scenario.config import World as WorldConfig
from aurora_sim.scenario.demand import DurationTable
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.scenario import load
from aurora_sim.world.durations import Durations
from aurora_sim.world.streams import BLOCK, Streams

CAMPAIGN = {"bursts": {"ratio": 30, "calm": "22h", "burst": "1.2h"}, "batches": {"mean": 23, "spread": "100s"}}


def arrivals(demand, seed, until_s, start_of_day_s=0.0):
    found = drafts(one_tenant(demand), seed, until_s, start_of_day_s=start_of_day_s)
    return np.array([draft.arrival_s for draft in found["tenant-dao"]])


def mmpp(per_minute=2.0, **own):
    return {"model": "mmpp", "orders_per_minute": per_minute, **own}


def test_a_preset_is_its_own_parameters_spelt_out():
    for seed in range(3):
        spelt = arrivals(mmpp(**CAMPAIGN), seed, 10 * DAY_S)
        assert np.array_equal(spelt, arrivals(mmpp(preset="campaign"), seed, 10 * DAY_S))
        assert spelt.size > 1000


def dispersion(times, window_s, until_s):
    counts = np.bincount((times // window_s).astype(int), minlength=int(until_s // window_s))
    return float(counts.var(ddof=1) / counts.mean())


def test_bursts_alone_have_the_dispersion_of_the_closed_form():
    """1 + 2 t rate c2 together(w, t), with t = 1 / (1 / calm + 1 / burst): many short sojourns, so that a sample tells."""
    ratio, calm_s, burst_s, rate = 10.0, 1800.0, 600.0, 1.0 / 60.0
    share = burst_s / (calm_s + burst_s)
    mean = 1 - share + ratio * share
    c2 = (1 - share + ratio**2 * share) / mean**2 - 1
    memory_s = calm_s * burst_s / (calm_s + burst_s)
    own = mmpp(1.0, bursts={"ratio": ratio, "calm": calm_s, "burst": burst_s})
    runs = [arrivals(own, seed, 20 * DAY_S) for seed in range(20)]
    assert_mean_is(rate * 20 * DAY_S, [run.size for run in runs], 0.1)
    for window_s in (60.0, 600.0, 3600.0):
        part = 1 - memory_s / window_s * (1 - np.exp(-window_s / memory_s))
        expected = 1 + 2 * memory_s * rate * c2 * part
        assert_mean_is(expected, [dispersion(run, window_s, 20 * DAY_S) for run in runs], 0.15)


def test_batches_of_one_are_a_poisson_process():
    runs = [arrivals(mmpp(6.0, batches={"mean": 1, "spread": 0}), seed, 8 * HOUR_S) for seed in range(20)]
    assert_mean_is(1.0, [dispersion(run, 60.0, 8 * HOUR_S) for run in runs], 0.2)
    assert_mean_is(6.0 * 480, [run.size for run in runs], 0.05)


@pytest.mark.parametrize("model", ["poisson", "mmpp"])
@pytest.mark.parametrize("start_h", [0.0, 7.5])
def test_a_profile_goes_hour_by_hour_from_midnight_and_repeats(model, start_h):
    """Factors of any mean; the hours are the clock's, not the run's."""
    profile = [4.0, 0.0, 2.0, 2.0]
    demand = {"model": model, "orders_per_minute": 5.0, "profile": profile}
    counts = np.zeros((20, 4))
    for seed in range(20):
        times = arrivals(demand, seed, DAY_S, start_h * HOUR_S)
        hours = ((times + start_h * HOUR_S) // HOUR_S).astype(int) % 4
        counts[seed] = np.bincount(hours, minlength=4)
    for hour, factor in enumerate(profile):
        if factor:
            assert_mean_is(5.0 * 360 * factor / 2.0, counts[:, hour], 0.1)
        else:
            assert not counts[:, hour].any()


def test_a_surge_follows_the_profile():
    profile = [2.0, 0.0]
    config = one_tenant({"model": "poisson", "orders_per_minute": 10.0, "profile": profile})
    found = drafts(config, 1, 4 * HOUR_S, method=faults({"fault": "demand", "factor": 3, "at": 0, "for": "4h"}))
    extra = np.array([draft.arrival_s for name, mine in found.items() if "/" in name for draft in mine])
    assert extra.size > 3000
    assert set((extra // HOUR_S).astype(int)) == {0, 2}


def with_tenant(**different):
    document = one_tenant({"model": "poisson", "orders_per_minute": 30}).model_dump()
    document["tenants"]["tenant-dao"] |= different
    document["durations"] = {"t": {"by_gpus": {"1": [[0, 100], [0.5, 1000], [1, 1000]], "*": [[0, 7], [1, 7]]}}}
    return WorldConfig.model_validate(document)


def test_a_tenant_has_its_own_gpus_and_durations():
    config = with_tenant(gpus_per_order={"1": 0.75, "16": 0.25}, durations="t")
    orders = drafts(config, 3, 4 * HOUR_S)["tenant-dao"]
    gpus = Counter(order.gpus for order in orders)
    assert gpus[1] / len(orders) == pytest.approx(0.75, abs=0.03)
    assert set(gpus) == {1, 16}
    seconds = {count: [o.gpu_hours / o.gpus * 3600 for o in orders if o.gpus == count] for count in (1, 16)}
    assert seconds[16] == pytest.approx([7.0] * gpus[16], abs=0.02)
    assert np.mean(np.array(seconds[1]) > 999) == pytest.approx(0.5, abs=0.03), "half of them at the second point"
    assert np.median([s for s in seconds[1] if s < 999]) == pytest.approx(np.sqrt(100 * 1000), rel=0.08)


def test_own_durations_leave_every_other_draw_alone():
    plain, own = (drafts(with_tenant(**extra), 3, HOUR_S)["tenant-dao"] for extra in ({}, {"durations": "t"}))
    assert [o._replace(gpu_hours=0.0) for o in own] == [o._replace(gpu_hours=0.0) for o in plain]
    assert [o.gpu_hours for o in own] != [o.gpu_hours for o in plain]


def test_the_drawn_quantiles_are_the_tables():
    table = DurationTable(by_gpus={"*": [[0, 10], [0.25, 40], [0.9, 5000], [1, 1e6]]})
    uniform = np.linspace(0, 1, 100_001)
    seconds = Durations(table).seconds(np.ones(uniform.size, dtype=np.int64), uniform)
    assert np.quantile(seconds, [0, 0.25, 0.9, 1]) == pytest.approx([10, 40, 5000, 1e6], rel=1e-3)


BAD_DEMANDS = {
    "neither": mmpp(),
    "preset and bursts": mmpp(preset="steady", bursts=CAMPAIGN["bursts"]),
    "preset and profile": mmpp(preset="steady", profile=[1.0]),
    "a profile of nothing": mmpp(profile=[0.0, 0.0]),
    "a negative factor": mmpp(profile=[1.0, -1.0]),
    "two profiles": {"model": "poisson", "orders_per_minute": 1, "diurnal": "office", "profile": [1.0]},
    "a burst calmer than calm": mmpp(bursts={"ratio": 0.5, "calm": "1h", "burst": "1h"}),
    "a batch of half": mmpp(batches={"mean": 0.5, "spread": 1}),
}


@pytest.mark.parametrize("bad", BAD_DEMANDS, ids=str)
def test_a_demand_that_makes_no_sense_is_refused(bad):
    with pytest.raises(ValidationError):
        one_tenant(BAD_DEMANDS[bad])


@pytest.mark.parametrize(
    "points",
    [
        [[0, 1]],
        [[0, 1], [0.9, 2]],
        [[0.1, 1], [1, 2]],
        [[0, 1], [0.5, 3], [0.5, 4], [1, 5]],
        [[0, 5], [1, 2]],
        [[0, 0], [1, 2]],
    ],
)
def test_a_table_out_of_order_is_refused(points):
    with pytest.raises(ValidationError):
        DurationTable(by_gpus={"1": points})


def test_names_and_counts_that_lead_nowhere_are_told(tmp_path):
    tables = "durations: {t: {by_gpus: {'1': [[0, 1], [1, 2]]}}}"
    for name, told in (("u", "no table of durations 'u'"), ("t", "no durations of 2 GPUs")):
        path = tmp_path / "s.yaml"
        path.write_text(
            "title: T\nstart: 2026-01-05T14:00:00Z\nsteps: 2\n"
            f"world:\n  {tables}\n  tenants: {{tenant-dao: {{durations: {name}}}}}\n"
        )
        with pytest.raises(InputError, match=told) as caught:
            load(path)
        assert f"{path}:6: world.tenants.tenant-dao.durations" in str(caught.value)


def test_draws_between_are_the_draws_one_by_one():
    for first, size in itertools.product((0, 5, BLOCK - 2, 3 * BLOCK), (0, 1, 7, BLOCK, 2 * BLOCK + 3)):
        stream = Streams(4).lookup("x", "exponential")
        assert stream.between(first, size).tolist() == [stream.at(first + place) for place in range(size)]
