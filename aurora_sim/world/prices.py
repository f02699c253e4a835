"""How a provider's price moves: a mean-reverting log-price with rare jumps."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count
from math import exp, sqrt

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
        self._course = self._prices(name, process, streams, step_s / 3600.0)
        self.price_usd_per_hour = next(self._course)

    def move(self) -> None:
        """One step on."""
        self.price_usd_per_hour = next(self._course)

    def _prices(self, name: str, process: PriceProcess, streams: Streams, step_h: float) -> Iterator[float]:
        """The prices from the first on; a generator, because what it needs at every step then stands in local variables."""
        when = streams.lookup(f"price/{name}/jump-when", "uniform")
        size = streams.lookup(f"price/{name}/jump-size", "normal")
        up = streams.lookup(f"price/{name}/jump-up", "uniform")
        keep = exp(-process.reversion_per_h * step_h)
        kick = process.stationary_sd * sqrt(1.0 - keep**2)
        jump_chance = process.jumps_per_day * step_h / 24.0
        jump_keep = 0.5 ** (step_h / process.jump_half_life_h)
        list_price = self.list_price_usd_per_hour
        draws = chain.from_iterable(streams.normal(f"price/{name}/walk", block).tolist() for block in count())
        walk, jump = process.stationary_sd * next(draws), 0.0
        yield round(list_price * exp(walk), 6)
        for index, draw in enumerate(draws, start=1):
            walk = walk * keep + kick * draw
            jump *= jump_keep
            if jump_chance and when.at(index) < jump_chance:
                step = abs(process.jump_log_mean + process.jump_log_sd * size.at(index))
                jump += step if up.at(index) < process.jump_up_share else -step
            yield round(list_price * exp(walk + jump), 6)
