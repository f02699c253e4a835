"""How long orders last, drawn from tables of quantiles by their number of GPUs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aurora_sim.scenario.demand import DurationTable
from aurora_sim.world.streams import Draws


class Durations:
    """A table of durations. Between two of its points the logarithm of the seconds is linear in the probability."""

    def __init__(self, table: DurationTable) -> None:
        self._laws = {
            gpus: (np.array([point[0] for point in points]), np.log([point[1] for point in points]))
            for gpus, points in table.by_gpus.items()
        }

    def seconds(self, gpus: NDArray[np.int_], uniform: Draws) -> Draws:
        """How long each order of so many GPUs lasts, by its uniform draw."""
        found = np.empty(gpus.size)
        for count in np.unique(gpus).tolist():
            shares, logs = self._laws.get(str(count)) or self._laws["*"]
            of_count = gpus == count
            found[of_count] = np.exp(np.interp(uniform[of_count], shares, logs))
        return found
