"""One random quantity of the orders at one provider, drawn at the order's index in its source."""

from __future__ import annotations

from aurora_sim.world.streams import BLOCK, Draws, Stream, Streams


class OrderDraws:
    """The quantity `name` of each order. `kind` is `uniform`, `exponential`, or `gamma` with a shape."""

    def __init__(self, name: str, streams: Streams, kind: str, shape: float = 1.0) -> None:
        self._name = name
        self._streams = streams
        self._kind = kind
        self._shape = shape
        self._by_source: dict[str, Stream] = {}

    def at(self, source: str, index: int, again: int) -> float:
        """The draw for an order; `again` is 0 at first, and another number for each time that the same job starts anew."""
        if again:
            return self._draws(f"{source}/{self._name}#{again}", index, 1).item()
        stream = self._by_source.get(source)
        if stream is None:
            stream = self._by_source[source] = Stream(f"{source}/{self._name}", self._block)
        return stream.at(index)

    def _block(self, name: str, block: int) -> Draws:
        return self._draws(name, block, BLOCK)

    def _draws(self, name: str, block: int, size: int) -> Draws:
        draws = self._streams.generator(name, block)
        if self._kind == "uniform":
            return draws.random(size)
        if self._kind == "exponential":
            return draws.standard_exponential(size)
        assert self._kind == "gamma", f"there is no {self._kind} law here"
        return draws.standard_gamma(self._shape, size)
