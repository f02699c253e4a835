"""What operators and aggregations do to numbers. Floats behave as in Prometheus: nothing raises, a nonsense is NaN."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Final


def divide(dividend: float, divisor: float) -> float:
    """The quotient; by zero it is infinite, or NaN where the dividend is zero too."""
    if divisor:
        return dividend / divisor
    if dividend == 0.0 or math.isnan(dividend):
        return math.nan
    return math.copysign(math.inf, dividend) * math.copysign(1.0, divisor)


def _remainder(dividend: float, divisor: float) -> float:
    try:
        return math.fmod(dividend, divisor)
    except ValueError:
        return math.nan


def _power(base: float, exponent: float) -> float:
    odd = exponent % 2 == 1
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if odd and base < 0.0 else math.inf
    except ValueError:
        if base != 0.0:
            return math.nan
        return math.copysign(math.inf, base) if odd else math.inf


Operation = Callable[[float, float], float]

ARITHMETIC: Final[dict[str, Operation]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divide,
    "%": _remainder,
    "^": _power,
}
COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
MIRRORED: Final = {"==": "==", "!=": "!=", ">": "<", "<": ">", ">=": "<=", "<=": ">="}
"""The comparison that holds of the same two numbers in the other order."""
SETS: Final = ("and", "or", "unless")


def _sum(values: Sequence[float]) -> float:
    total = 0.0
    for value in values:  # plainly and in order, as Prometheus 2.42 does; `sum` of Python 3.12 compensates
        total += value
    return total


def _mean(values: Sequence[float]) -> float:
    mean = 0.0
    for count, value in enumerate(values, start=1):
        if math.isinf(mean) and not math.isnan(value) and (math.isfinite(value) or (mean > 0) == (value > 0)):
            continue  # infinite it stays
        mean += value / count - mean / count
    return mean


def least(values: Sequence[float]) -> float:
    """The least value; NaN only where there is no other."""
    return min((value for value in values if not math.isnan(value)), default=math.nan)


def greatest(values: Sequence[float]) -> float:
    """The greatest value; NaN only where there is no other."""
    return max((value for value in values if not math.isnan(value)), default=math.nan)


AGGREGATIONS: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "sum": _sum,
    "avg": _mean,
    "min": least,
    "max": greatest,
    "count": lambda values: float(len(values)),
}
