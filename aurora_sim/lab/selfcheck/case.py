"""A case: what it runs, what it measures there, and how a measurement is judged against theory.

A verdict is a test at a level at which a correct model fails fewer than one check of a thousand: `FAILS_MAX`, shared out over the
quantities by Bonferroni, which asks nothing about how they depend on each other. Half of it is held back, because the means of
a few dozen replications have tails a little heavier than Student's. The interval shown is the usual 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

FAILS_MAX: Final = 0.001
"""How often a correct model may fail a check of all cases."""
SPENT: Final = 0.5
SHOWN: Final = 0.95

Values = NDArray[np.float64]
Sample = Mapping[str, Sequence[float]]
"""What one run measured: the values of each independent replication in it, by the quantity's name."""


@dataclass(frozen=True)
class Quantity:
    """Something that a case measures.

    `theory` is its exact expectation, or the name of what else the sample holds that it must equal replication by replication.

    `control` names a control variate in the sample, and its exact expectation: the quantity is then the expectation times the
    ratio of the two totals, and its replications are the jackknife's pseudo-values of that (Quenouille 1956, Tukey 1958).

    `law` says how it is judged: `equal` by Student's t over the replications; `at least` by the same, one-sided; `exponential`:
    the values themselves are exponential of mean 1, by Kolmogorov and Smirnov's test (shown is the distance, with the one that 95 %
    of exponential samples keep to).
    """

    name: str
    theory: float | str
    unit: str = ""
    law: Literal["equal", "at least", "exponential"] = "equal"
    control: tuple[str, float] | None = None


@dataclass(frozen=True)
class Case:
    """`runs` runs of the engine, each from a seed of its own. `run` is a function of a module."""

    name: str
    quantities: Sequence[Quantity]
    runs: int
    run: Callable[[int], Sample]


@dataclass(frozen=True)
class Finding:
    """A row of the table: a quantity's theory, what was measured with its 95 % interval, and the verdict."""

    case: str
    quantity: str
    unit: str
    law: str
    theory: float
    measured: float
    low: float
    high: float
    p_value: float
    passed: bool


def judge(case: Case, samples: Sequence[Sample], level: float) -> list[Finding]:
    """The findings of a case; a quantity whose p-value is below `level` did not pass."""
    return [_judged(case.name, quantity, samples, level) for quantity in case.quantities]


def _judged(case: str, quantity: Quantity, samples: Sequence[Sample], level: float) -> Finding:
    values = _values(samples, quantity.name)
    if quantity.control is not None:
        control, expectation = quantity.control
        values = expectation * _pseudo_values(values, _values(samples, control))
    if quantity.law == "exponential":
        theory, measured, low, high, p_value = _exponential(values)
    else:
        given = quantity.theory
        expected = _values(samples, given) if isinstance(given, str) else np.full(values.size, given)
        theory, measured = float(expected.mean()), float(values.mean())
        half, below, above = _student(values - expected)
        low, high = measured - half, measured + half
        p_value = below if quantity.law == "at least" else min(1.0, 2.0 * min(below, above))
        if quantity.law == "at least":
            high = math.inf
    return Finding(
        case, quantity.name, quantity.unit, quantity.law, theory, measured, low, high, p_value, p_value >= level
    )


def _values(samples: Sequence[Sample], name: str) -> Values:
    return np.concatenate([np.asarray(sample[name], dtype=float) for sample in samples])


def _pseudo_values(values: Values, controls: Values) -> Values:
    """Of the ratio of the totals: n times the ratio, less n - 1 times what it is without each one."""
    n, total, controls_total = values.size, values.sum(), controls.sum()
    pseudo: Values = n * total / controls_total - (n - 1) * (total - values) / (controls_total - controls)
    return pseudo


def _student(differences: Values) -> tuple[float, float, float]:
    """Half the 95 % interval of the mean, and the chances of a mean as low, and as high, if it were truly 0."""
    from scipy import stats

    n = differences.size
    error = float(differences.std(ddof=1)) / math.sqrt(n)
    mean = float(differences.mean())
    if error == 0.0:
        return 0.0, float(mean >= 0.0), float(mean <= 0.0)
    law = stats.t(n - 1)
    return float(law.ppf((1.0 + SHOWN) / 2.0)) * error, float(law.cdf(mean / error)), float(law.sf(mean / error))


def _exponential(
    values: Values,
) -> tuple[float, float, float, float, float]:
    from scipy import stats

    tested = stats.kstest(values, "expon")
    usual = float(stats.kstwo(values.size).ppf(SHOWN))
    return 0.0, float(tested.statistic), 0.0, usual, float(tested.pvalue)
