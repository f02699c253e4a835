"""The people who answer: how long it takes until somebody is on it."""

from __future__ import annotations

from math import exp
from typing import Final, Literal

from aurora_sim.scenario.operators import ResponseLaw
from aurora_sim.world.streams import Stream, Streams

Responder = Literal["first", "second"]
DECIMALS: Final = 3  # so that the last bit of a processor's `exp` cannot show


class Operators:
    """Who is called for an incident of one severity. Each incident has draws of its own, by its number.

    The first responder is called at once, the second `escalate_after` later if nobody is on it by then; whoever is there first
    works on it. Both times are log-normal.
    """

    def __init__(self, law: ResponseLaw, streams: Streams) -> None:
        self._law = law
        self._streams = streams
        self._drawn_from: dict[str, Stream] = {}

    def response(self, part: str, number: int) -> tuple[float, Responder]:
        """Seconds until somebody is on incident `number` of this part of the game, and who."""
        law = self._law
        first_s = self._drawn(f"operators/{part}", number)
        if law.escalate_after is None or first_s <= law.escalate_after:
            return first_s, "first"
        second_s = round(law.escalate_after + self._drawn(f"operators/{part}/second", number), DECIMALS)
        return (first_s, "first") if first_s <= second_s else (second_s, "second")

    def _drawn(self, stream: str, number: int) -> float:
        draws = self._drawn_from.get(stream)
        if draws is None:
            draws = self._drawn_from[stream] = self._streams.lookup(stream, "normal")
        return round(self._law.median * exp(self._law.sigma * draws.at(number)), DECIMALS)
