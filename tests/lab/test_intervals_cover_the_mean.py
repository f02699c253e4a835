"""A 95 % interval holds the mean in 95 of 100 cases, and replications end once every interval has been narrow for long enough."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from aurora_sim.lab.statistics import LOOK_AHEAD, EnoughReplications, interval

FIGURES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40)


def replicate(enough: EnoughReplications, figures: Callable[[int], list[float | None]], most: int = 1000) -> int:
    """How many replications it takes; 0 if it never ends."""
    return next((n for n in range(1, most) if enough.add(figures(n))), 0)


@pytest.mark.parametrize("n", [2, 5, 30])
def test_it_covers_the_mean_as_often_as_it_says(n: int) -> None:
    """10,000 samples: the share that covers is within four standard errors of 0.95."""
    samples = np.random.default_rng(1).normal(3.0, 2.0, (10_000, n))
    covered = 0
    for sample in samples:
        found = interval(sample.tolist())
        assert found is not None
        assert found.half_width is not None
        covered += abs(found.mean - 3.0) <= found.half_width
    assert abs(covered / 10_000 - 0.95) < 4.0 * math.sqrt(0.95 * 0.05 / 10_000)


@given(FIGURES)
def test_it_is_scipys(figures: list[float]) -> None:
    found = interval(figures)
    assert found is not None
    assert found.half_width is not None
    assert (found.n, found.lowest, found.highest) == (len(figures), min(figures), max(figures))
    error = scipy.stats.sem(figures)
    if max(figures) - min(figures) > 1e-6:
        low, high = scipy.stats.t.interval(0.95, len(figures) - 1, np.mean(figures), error)
        assert found.mean - found.half_width == pytest.approx(low, abs=1e-6, rel=1e-9)
        assert found.mean + found.half_width == pytest.approx(high, abs=1e-6, rel=1e-9)


def test_without_figures_there_is_none_and_of_one_no_width() -> None:
    assert interval([]) is None
    one = interval([3.0])
    assert one is not None
    assert (one.mean, one.half_width, one.relative) == (3.0, None, math.inf)


def test_equal_figures_are_precise_even_at_zero() -> None:
    zeros = interval([0.0] * 5)
    assert zeros is not None
    assert zeros.relative == 0.0
    around_zero = interval([-1.0, 1.0])
    assert around_zero is not None
    assert around_zero.relative == math.inf


def test_it_ends_a_look_ahead_after_the_least_number() -> None:
    enough = EnoughReplications(1, 0.01, 5)
    assert replicate(enough, lambda n: [1.0]) == 5 + LOOK_AHEAD
    assert enough.precise_since == 5


def test_every_measure_must_be_precise() -> None:
    """One is at once; the other, of alternating 0.9 and 1.1, only once t x 0.1 / sqrt(n) is below 0.05 of the mean of 1."""
    enough = EnoughReplications(2, 0.05, 5)
    ended = replicate(enough, lambda n: [1.0, 0.9 if n % 2 else 1.1])
    assert enough.precise_since is not None
    assert ended == enough.precise_since + LOOK_AHEAD
    for n, narrow in ((enough.precise_since - 1, False), (enough.precise_since, True)):
        found = interval([0.9 if k % 2 else 1.1 for k in range(1, n + 1)])
        assert found is not None
        assert (found.relative <= 0.05) is narrow


def test_precision_that_is_lost_again_does_not_count() -> None:
    """Eight equal figures are precise by luck; the ninth tells otherwise, and the look-ahead begins anew."""
    enough = EnoughReplications(1, 0.05, 5)
    ended = replicate(enough, lambda n: [2.0 if n == 9 else 1.0])
    assert enough.precise_since is not None
    assert enough.precise_since > 9
    assert ended == enough.precise_since + LOOK_AHEAD


def test_the_look_ahead_grows_beyond_a_hundred() -> None:
    enough = EnoughReplications(1, 0.01, 200)
    assert replicate(enough, lambda n: [1.0]) == 200 + 2 * LOOK_AHEAD


def test_a_figure_that_is_missing_is_never_precise() -> None:
    enough = EnoughReplications(1, 0.01, 5)
    assert replicate(enough, lambda n: [None if n == 3 else 1.0], 300) == 0
