"""What faults do to one quantity, while they last.

A quantity is always worked out afresh from its base and the faults that are on, in the order of the scenario, so that when the
last one ends the quantity is exactly its base again, whatever overlapped.
"""

from __future__ import annotations

import math


class Modifiers:
    """The values that active faults give to one quantity, by the fault's number in the scenario."""

    def __init__(self) -> None:
        self._active: dict[int, float] = {}

    def set(self, fault: int, value: float) -> None:
        self._active[fault] = value

    def clear(self, fault: int) -> None:
        self._active.pop(fault, None)

    def __bool__(self) -> bool:
        return bool(self._active)

    def items(self) -> list[tuple[int, float]]:
        """The faults and their values, in the order of the scenario."""
        return sorted(self._active.items())

    def _in_order(self) -> list[float]:
        return [self._active[fault] for fault in sorted(self._active)]

    def product(self) -> float:
        """The product of the factors; 1.0 with none."""
        return math.prod(self._in_order())

    def compound_share(self) -> float:
        """1 - product of (1 - share): what two independent outages leave dark together; 0.0 with none."""
        return 1.0 - math.prod(1.0 - share for share in self._in_order()) if self._active else 0.0

    def total(self) -> float:
        """The sum; 0.0 with none."""
        return math.fsum(self._in_order())

    def least(self, base: float) -> float:
        """The least of the values and the base."""
        return min([base, *self._in_order()])
