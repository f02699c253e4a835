"""A description says what numpy and theory say of known processes, and what is in the file."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trace_parts import a_trace

from aurora_sim.lab.trace.describe import describe, exposure
from aurora_sim.lab.trace.description_text import description_text
from aurora_sim.lab.trace.dispersion import index_of_dispersion, together
from aurora_sim.lab.trace.trace import load_trace, write_trace

SPAN_S = 40 * 86_400.0


def poisson(seed, rate_per_s, span_s=SPAN_S):
    draws = np.random.default_rng(seed)
    return np.sort(draws.random(draws.poisson(rate_per_s * span_s)) * span_s)


def test_a_poisson_process_has_dispersion_1_and_cv_1():
    found = [describe(a_trace(poisson(seed, 0.02))) for seed in range(20)]
    assert np.mean([one.gap_cv for one in found]) == pytest.approx(1.0, abs=0.01)
    for window, tolerance in (("60", 0.005), ("600", 0.015), ("3600", 0.05)):
        # The index over n windows has a standard deviation of sqrt(2 / n): 0.046 at 1 h, 0.010 over twenty of them.
        assert np.mean([one.dispersion[window] for one in found]) == pytest.approx(1.0, abs=tolerance)


def test_geometric_batches_have_the_dispersion_of_the_closed_form():
    """1 + 2 (m - 1) x the chance that two members share a window, at every scale."""
    mean, delay_s = 5.0, 120.0
    curves = []
    for seed in range(20):
        draws = np.random.default_rng(seed)
        starts = poisson(seed, 0.004)
        of_batch = np.repeat(starts, draws.geometric(1 / mean, starts.size))
        times = np.sort(of_batch + draws.exponential(delay_s, of_batch.size))
        curves.append([index_of_dispersion(times, window_s, SPAN_S) for window_s in (60.0, 600.0, 3600.0)])
    expected = 1.0 + 2.0 * (mean - 1.0) * together(np.array([60.0, 600.0, 3600.0]), delay_s)
    assert np.mean(curves, axis=0) == pytest.approx(expected, rel=0.03)
    assert expected[2] == pytest.approx(1 + 8 * (1 - 120 / 3600), rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 50_000), min_size=3, max_size=200), st.sampled_from([7.0, 60.0, 600.0]))
def test_dispersion_is_numpys_variance_over_mean(times, window_s):
    times = np.sort(np.array(times, dtype=float))
    windows = int(times[-1] // window_s)
    found = index_of_dispersion(times, window_s, times[-1])
    if windows < 2 or not (times < windows * window_s).any():
        assert found is None
        return
    counts = np.bincount((times // window_s).astype(int), minlength=windows)[:windows]
    assert found == pytest.approx(counts.var(ddof=1) / counts.mean())


def test_a_span_of_ages_costs_no_memory():
    assert index_of_dispersion(np.array([0.0, 1.0, 1e12]), 60.0, 1e12) == pytest.approx(2.0, rel=1e-6)


def test_shares_quantiles_and_profile_are_the_files(tmp_path):
    draws = np.random.default_rng(3)
    durations = draws.lognormal(6, 2, 5000)
    gpus = draws.choice([1, 8], 5000, p=[0.9, 0.1])
    tenant = draws.choice(3, 5000, p=[0.5, 0.3, 0.2])
    times = np.sort(np.floor(draws.random(5000) * 10 * 86_400.0))
    write_trace(a_trace(times, durations, gpus, ("a", "b", "c"), tenant), tmp_path / "t.csv", "o")
    found = describe(load_trace(tmp_path / "t.csv"), start_of_week_s=1.5 * 86_400.0)
    assert found.durations.median_s == pytest.approx(np.median(durations), abs=1e-5)
    assert found.durations.log_sigma == pytest.approx(np.log(durations).std(ddof=1), rel=1e-6)
    hours = gpus * durations
    eight = next(part for part in found.gpu_counts if part.name == "8")
    assert eight.orders == (gpus == 8).sum()
    assert eight.gpu_hours_share == pytest.approx(hours[gpus == 8].sum() / hours.sum())
    assert {part.name: part.orders for part in found.tenants} == {
        name: int((tenant == place).sum()) for place, name in enumerate("abc")
    }
    assert [part.orders for part in found.tenants] == sorted((part.orders for part in found.tenants), reverse=True)
    at_noon = ((times + 1.5 * 86_400.0) // 3600 % 24 == 12).sum()
    assert found.by_hour[12] == pytest.approx(at_noon / 10 / (5000 / 240), rel=0.01)
    json.dumps(found.as_json(), allow_nan=False)
    assert "Mon" in description_text("t.csv", found, weekdays=True)


@given(st.floats(0, 3e6), st.floats(0, 7 * 86_400.0))
def test_exposure_is_the_whole_span(span_s, begin_s):
    assert math.fsum(exposure(span_s, 3600.0, 24, begin_s)) == pytest.approx(span_s, abs=1e-3)


@pytest.mark.parametrize("times", [[5.0], [0.0], [0.0, 0.0], [3.0, 3.0, 3.0]])
def test_the_shortest_traces_are_described_too(times):
    found = describe(a_trace(times))
    assert found.orders == len(times)
    assert found.dispersion == {"60": None, "600": None, "3600": None}
    assert "-" in description_text("t", found, weekdays=False)
