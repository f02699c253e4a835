"""A demand model fitted to a trace: who orders, how the orders arrive, how large they are and how long they last.

GPU counts are drawn by tenant, and durations by GPU count: the large jobs are few and hold half of the GPU-hours. Arrivals are
fitted tenant by tenant, in closed form. Tenants order independently, so that the dispersion of all is the mean of theirs by orders.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from aurora_sim.lab.trace.fit_arrivals import ArrivalFit, fit_arrivals
from aurora_sim.lab.trace.fit_durations import duration_table, gpu_shares
from aurora_sim.lab.trace.fit_profile import calm_profile
from aurora_sim.lab.trace.trace import Trace
from aurora_sim.scenario.demand import DurationTable
from aurora_sim.scenario.errors import InputError

WARM_UP_S: Final = 1800.0
OTHERS: Final = "others"
ORDERS_MIN: Final = 100
SPAN_MIN_S: Final = 6 * 3600.0


@dataclass(frozen=True)
class TenantFit:
    """One tenant of the scenario, and the tenants of the trace that it stands for."""

    tenant_id: str
    of_trace: tuple[str, ...]
    orders: int
    arrivals: ArrivalFit
    gpus_per_order: dict[str, float]


@dataclass(frozen=True)
class Fit:
    """A fitted demand, of a trace of that span."""

    tenants: tuple[TenantFit, ...]
    durations: DurationTable
    span_s: float

    @property
    def steps(self) -> int:
        """As many steps of 60 s as the trace has."""
        return math.ceil(self.span_s / 60.0)


def fit(trace: Trace, *, tenants_max: int = 8, start_of_day_s: float = 0.0) -> Fit:
    """Fit a trace. Its largest tenants keep their names; where there are more than `tenants_max`, the rest order together.

    `start_of_day_s` is the time of day at the trace's second 0.

    Raises InputError for a trace of too few orders or too short a span to say anything.
    """
    if trace.arrival_s.size < ORDERS_MIN or trace.span_s < SPAN_MIN_S:
        raise InputError(
            "the trace",
            f"{trace.arrival_s.size} orders in {trace.span_s / 3600.0:.1f} hours are too few to fit",
            f"Give at least {ORDERS_MIN} orders over {SPAN_MIN_S / 3600.0:g} hours",
        )
    profile = calm_profile(trace.arrival_s, math.floor(trace.span_s / 86_400.0), start_of_day_s)
    tenants = []
    for tenant_id, names in _groups(trace, tenants_max):
        mine = trace.of_tenants(*names)
        arrivals = fit_arrivals(mine.arrival_s, trace.span_s, profile)
        tenants.append(TenantFit(tenant_id, names, mine.arrival_s.size, arrivals, gpu_shares(mine)))
    return Fit(tuple(tenants), duration_table(trace), trace.span_s)


def _groups(trace: Trace, tenants_max: int) -> list[tuple[str, tuple[str, ...]]]:
    """The scenario's tenants, largest first, each with the trace's tenants that it stands for."""
    orders = np.bincount(trace.tenant, minlength=len(trace.tenants)).tolist()
    ranked = sorted(
        (name for name, n in zip(trace.tenants, orders, strict=True) if n), key=_by_size(trace.tenants, orders)
    )
    kept, left = (ranked, []) if len(ranked) <= tenants_max else (ranked[: tenants_max - 1], ranked[tenants_max - 1 :])
    groups: list[tuple[str, tuple[str, ...]]] = []
    for name in kept:
        groups.append((_free(_identifier(name), groups), (name,)))
    if left:
        groups.append((_free(OTHERS, groups), tuple(left)))
    return groups


def _by_size(names: Sequence[str], orders: Sequence[int]) -> Callable[[str], tuple[int, str]]:
    size = dict(zip(names, orders, strict=True))
    return lambda name: (-size[name], name)


def _identifier(name: str) -> str:
    """A tenant's name as a scenario may write it."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_")[:56] or "tenant"


def _free(name: str, groups: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    taken = {tenant_id for tenant_id, _ in groups}
    return next(free for free in (name, *(f"{name}-{n}" for n in range(2, 10_000))) if free not in taken)
