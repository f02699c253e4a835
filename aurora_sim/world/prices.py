"""How a provider's price moves: a mean-reverting log-price with rare jumps."""

from __future__ import annotations

import math

from aurora_sim.scenario.config import PriceProcess
from aurora_sim.world.streams import Streams


class PriceWalk:
    """The price of one GPU type at one provider, moved once a step.

    log(price / list price) = x + j. x is an Ornstein-Uhlenbeck process, started in its stationary law N(0, sd^2) and moved
    by its exact transition; j takes a jump of N(mean, sd) with the chance of the step's share of `jumps_per_day`, and halves
    every `jump_half_life_h`. Figures and their sources: `calibration` tags F (jump size) and G (the rest).
    """

    def __init__(
        self, name: str, list_price_usd_per_hour: float, process: PriceProcess, streams: Streams, step_s: float
    ) -> None:
        self.list_price_usd_per_hour = list_price_usd_per_hour
        self._process = process
        self._walk = streams.lookup(f"price/{name}/walk", "normal")
        self._when = streams.lookup(f"price/{name}/jump-when", "uniform")
        self._size = streams.lookup(f"price/{name}/jump-size", "normal")
        self._up = streams.lookup(f"price/{name}/jump-up", "uniform")
        step_h = step_s / 3600.0
        self._keep = math.exp(-process.reversion_per_h * step_h)
        self._kick = process.stationary_sd * math.sqrt(1.0 - self._keep**2)
        self._jump_chance = process.jumps_per_day * step_h / 24.0
        self._jump_keep = 0.5 ** (step_h / process.jump_half_life_h)
        self._index = 0
        self._x = process.stationary_sd * self._walk.at(0)
        self._jump = 0.0
        self.price_usd_per_hour = self._price()

    def _price(self) -> float:
        return round(self.list_price_usd_per_hour * math.exp(self._x + self._jump), 6)

    def move(self) -> None:
        """One step on."""
        self._index += 1
        index = self._index
        self._x = self._x * self._keep + self._kick * self._walk.at(index)
        self._jump *= self._jump_keep
        if self._jump_chance and self._when.at(index) < self._jump_chance:
            size = abs(self._process.jump_log_mean + self._process.jump_log_sd * self._size.at(index))
            self._jump += size if self._up.at(index) < self._process.jump_up_share else -size
        self.price_usd_per_hour = self._price()
