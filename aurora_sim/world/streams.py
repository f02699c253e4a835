"""Named random streams, drawn by index.

Every random quantity has its own stream, named for what it is ("tenant-dao/bridge/network"), and each use draws at an index
that belongs to the thing drawn for (the order's number within its source), never "the next one". So adding a fault, a
provider or a tenant leaves every other draw as it was: common random numbers.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Draws = NDArray[np.float64]
BLOCK: Final = 4096
"""Draws are made a block at a time: 52 ns a draw against 750 one by one, and 20 us for a block's generator."""
KEPT_BLOCKS: Final = 2
"""Blocks kept per stream, 130 kB each: indexes go up, but not all in order. A dropped block is made again, equal."""


class Streams:
    """The source of every random number of a run; `seed` is at least 0."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._seed_words = [seed >> shift & 0xFFFF_FFFF for shift in range(0, max(1, seed.bit_length()), 32)]
        self._padding = [0] * (3 - len(self._seed_words))  # of numpy's pool of four words, before a spawn key

    def generator(self, name: str, block: int) -> np.random.Generator:
        """The generator of one block of the stream `name`.

        PCG64 is named because numpy promises no default; the block is a spawn key, so any block can be had without those before it.
        """
        # `SeedSequence([seed, crc32(name)], spawn_key=(block,))` in the words that it would make of them, in a third of its time.
        words = np.array([*self._seed_words, crc32(name.encode()), *self._padding, block], np.uint32)
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))

    def normal(self, name: str, block: int) -> Draws:
        """`BLOCK` standard normal draws."""
        return self.generator(name, block).standard_normal(BLOCK)

    def uniform(self, name: str, block: int) -> Draws:
        """`BLOCK` draws, uniform on [0, 1)."""
        return self.generator(name, block).random(BLOCK)

    def exponential(self, name: str, block: int) -> Draws:
        """`BLOCK` exponential draws of mean 1."""
        return self.generator(name, block).standard_exponential(BLOCK)

    def lookup(self, name: str, kind: str) -> Stream:
        """The stream `name` for draws one at a time; `kind` is `normal`, `uniform` or `exponential`."""
        makers: dict[str, Callable[[str, int], Draws]] = {
            "normal": self.normal,
            "uniform": self.uniform,
            "exponential": self.exponential,
        }
        return Stream(name, makers[kind])


class Stream:
    """One named stream, for draws at any index."""

    def __init__(self, name: str, make: Callable[[str, int], Draws]) -> None:
        self._name = name
        self._make = make
        self._blocks: OrderedDict[int, list[float]] = OrderedDict()

    def at(self, index: int) -> float:
        """The draw at `index`: the same value whenever, and however often, it is asked for."""
        number, place = divmod(index, BLOCK)
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = self._make(self._name, number).tolist()
            if len(self._blocks) > KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        return block[place]

    def between(self, first: int, size: int) -> Draws:
        """The draws at `size` indexes from `first` on."""
        numbers = range(first // BLOCK, (first + size - 1) // BLOCK + 1)
        blocks = [self._make(self._name, number) for number in numbers]
        skipped = first % BLOCK
        return np.concatenate(blocks)[skipped : skipped + size] if blocks else np.empty(0)


TICKS_PER_S: Final = 2.0**20


def on_a_tick(times_s: Draws) -> Draws:
    """The times as multiples of 2^-20 s (a microsecond), whose sums and differences are exact.

    The event clock adds up delays: with any other times an order could come one rounding error before it was made.
    """
    return np.round(times_s * TICKS_PER_S) / TICKS_PER_S


def stable(values: Draws) -> Draws:
    """The values to nine decimals, so that the last bit of a processor's `exp` or `log` cannot show in a file."""
    return np.round(values, 9)
