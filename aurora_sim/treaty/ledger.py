"""The quota ledger: the GPU-hours that tenants have taken from the treaty, per UTC day and in all.

Quota is *taken* when the policy allows an order, and *given back*, on the day it was taken, if the order ends unfilled.
What is taken and not given back is *used*. The ledger counts; whether an order still fits is the policy's to say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from aurora_sim.scenario.errors import InvariantError

MICRO: Final = 1_000_000
"""Units to a GPU-hour. The ledger counts whole millionths: sums of floats drift, so that what was given back would
leave a residue of what was taken, and a quota of 100 would be reached at 99.99999999999999."""


class LedgerState(NamedTuple):
    """A copy of what a ledger has counted, in millionths of a GPU-hour; by itself, that of one that has counted nothing.

    `days` are used by tenant and day, `forgotten` used on the days before `before`; `used` and `given_back` are the totals.
    """

    days: Mapping[int, Mapping[str, int]] = MappingProxyType({})
    before: int | None = None
    forgotten: int = 0
    used: int = 0
    given_back: int = 0


class QuotaLedger:
    """Used GPU-hours by tenant and day, and the three totals: taken = used + given back, to the last unit.

    Used and given back are counted, taken is their sum, and `check` holds what is used against the days one by one.

    Amounts are rounded to the nearest millionth of a GPU-hour (3.6 GPU-milliseconds), half to even, and to 1 at least:
    an order too small to count could otherwise be repeated for nothing. A day is any integer that names a UTC day.
    """

    __slots__ = (
        "_before",
        "_days",
        "_forgotten",
        "_given_back",
        "_used",
        "daily_limit_gpu_hours_per_tenant",
        "total_limit_gpu_hours",
    )

    def __init__(self, daily_limit_gpu_hours_per_tenant: float, total_limit_gpu_hours: float) -> None:
        self.daily_limit_gpu_hours_per_tenant = daily_limit_gpu_hours_per_tenant
        """What `left_today` counts down from; an amendment of the treaty may set another."""
        self.total_limit_gpu_hours = total_limit_gpu_hours
        """What `left_total` counts down from."""
        self._days: dict[int, dict[str, int]] = {}
        self._before: int | None = None  # days before this one are forgotten
        self._forgotten = 0  # used on the forgotten days, all tenants together
        self._used = 0
        self._given_back = 0

    def take(self, tenant: str, day: int, gpu_hours: float) -> None:
        """Count an allowed order towards its tenant's day and the treaty."""
        amount = units(gpu_hours)
        try:
            self._days[day][tenant] += amount  # but for a tenant's first order of a day
        except KeyError:
            if self._before is not None and day < self._before:
                self._forgotten += amount
            else:
                self._days.setdefault(day, {})[tenant] = amount
        self._used += amount

    def give_back(self, tenant: str, day: int, gpu_hours: float) -> None:
        """Undo the `take` of an order that ended unfilled: same tenant, same day, same amount.

        Raises InvariantError where more is given back than the tenant has used on that day.
        """
        amount = units(gpu_hours)
        if self._before is not None and day < self._before:
            self._forgotten -= amount
            if self._forgotten < 0:
                raise InvariantError(f"{tenant} gives back {gpu_hours} GPU-hours that were not taken before day {day}")
        else:
            tenants = self._days.get(day, {})
            left = tenants.get(tenant, 0) - amount
            if left < 0:
                raise InvariantError(f"{tenant} gives back {gpu_hours} GPU-hours, more than it has used on day {day}")
            tenants[tenant] = left
        self._used -= amount
        self._given_back += amount

    def used_today(self, tenant: str, day: int) -> float:
        """GPU-hours that the tenant has used on that day; 0 for a forgotten day."""
        tenants = self._days.get(day)
        return tenants.get(tenant, 0) / MICRO if tenants is not None else 0.0

    def used_by_each(self, tenants: Iterable[str], day: int) -> dict[str, float]:
        """`used_today` of each of the tenants."""
        used = self._days.get(day, {})
        return {tenant: used.get(tenant, 0) / MICRO for tenant in tenants}

    def used(self, tenant: str, day: int) -> tuple[float, float]:
        """What a decision is made on, in one call: `used_today` and `used_total`."""
        try:
            return self._days[day][tenant] / MICRO, self._used / MICRO
        except KeyError:
            return 0.0, self._used / MICRO

    @property
    def used_total(self) -> float:
        """GPU-hours used, by all tenants on all days."""
        return self._used / MICRO

    @property
    def totals_units(self) -> tuple[int, int]:
        """Used and given back in millionths of a GPU-hour, exactly."""
        return self._used, self._given_back

    @property
    def taken_total(self) -> float:
        """GPU-hours ever taken, given back or not."""
        return (self._used + self._given_back) / MICRO

    @property
    def given_back_total(self) -> float:
        """GPU-hours given back."""
        return self._given_back / MICRO

    def left_today(self, tenant: str, day: int) -> float:
        """GPU-hours of the tenant's daily quota that are left; negative where a policy allowed more."""
        return self.daily_limit_gpu_hours_per_tenant - self.used_today(tenant, day)

    @property
    def left_total(self) -> float:
        """GPU-hours of the treaty's quota that are left; negative where a policy allowed more."""
        return self.total_limit_gpu_hours - self.used_total

    def forget_before(self, day: int) -> None:
        """Drop what each tenant used on the days before `day`; the totals keep it, and it may still be given back."""
        for old in [known for known in self._days if known < day]:
            self._forgotten += sum(self._days.pop(old).values())
        self._before = day if self._before is None else max(day, self._before)
        self.check()

    def snapshot(self) -> LedgerState:
        """A copy of what is counted."""
        days = {day: dict(tenants) for day, tenants in self._days.items()}
        return LedgerState(days, self._before, self._forgotten, self._used, self._given_back)

    def restore(self, state: LedgerState) -> None:
        """Have counted what a snapshot had, and nothing else; the limits stay."""
        self._days = {day: dict(tenants) for day, tenants in state.days.items()}
        self._before, self._forgotten = state.before, state.forgotten
        self._used, self._given_back = state.used, state.given_back
        self.check()

    def check(self) -> None:
        """The invariants that are too dear for every call: no tenant below zero, and the days add up to the total."""
        for day, tenants in self._days.items():
            for tenant, used in tenants.items():
                if used < 0:
                    raise InvariantError(f"{tenant} has used {used / MICRO} GPU-hours on day {day}")
        by_days = self._forgotten + sum(sum(tenants.values()) for tenants in self._days.values())
        if self._used != by_days or self._used < 0 or self._given_back < 0:
            raise InvariantError(
                f"quota used is {self._used / MICRO} GPU-hours, of which the days hold {by_days / MICRO}; "
                f"{self._given_back / MICRO} were given back"
            )


def units(gpu_hours: float) -> int:
    """Millionths of a GPU-hour, nearest and at least 1. Zero, below, infinite and NaN: InvariantError."""
    if 0.0 < gpu_hours < _LARGE:
        return int(gpu_hours * MICRO + _TO_WHOLE - _TO_WHOLE) or 1
    if not 0.0 < gpu_hours < math.inf:
        raise InvariantError(f"{gpu_hours} GPU-hours are not an amount to take or give back")
    return round(gpu_hours * MICRO)


_TO_WHOLE: Final = 1.5 * 2.0**52
"""Floats from 2^52 to 2^53 are whole: to add this and take it away rounds as `round` does, halves to even, without a call."""
_LARGE: Final = 2.0**51 / MICRO
"""From here on the sum would be beyond 2^53."""
