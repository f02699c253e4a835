"""What a decision costs, four ways, in one run: absolute times move with the machine, the ratios hold."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.policy.probe import PROBE_TERMS, probe_orders
from aurora_sim.treaty.policy.rules import decide_by_rules

ROUNDS: Final = 15


@dataclass(frozen=True, slots=True)
class Timing:
    """The quickest round of one way to decide."""

    name: str
    orders: int
    """Orders decided in a round."""
    ns_per_decision: float


def measure(host: PolicyHost, orders: int = 20_000, rounds: int = ROUNDS) -> list[Timing]:
    """Decide the probe's orders over and over in each of the four ways; the ways take turns, round by round.

    Puts the probe's terms into force on `host`. The quickest round is reported: noise only ever adds.
    """
    import numpy as np

    host.amend(PROBE_TERMS)
    many = list(islice(cycle(probe_orders()), orders))
    few = many[: max(1, orders // 20)]
    columns = [np.array(column) for column in zip(*many, strict=True)]
    decide, checked = host.decide, host.decide_checked

    def unchecked_singly() -> None:
        for order in many:
            decide(*order)

    def checked_singly() -> None:
        for order in few:
            checked(*order)

    def in_a_batch() -> None:
        host.decide_batch(*columns)

    def plain_python() -> None:
        for order in many:
            decide_by_rules(PROBE_TERMS, *order)

    ways: list[tuple[str, Callable[[], None], int]] = [
        ("unchecked call", unchecked_singly, len(many)),
        ("wasmtime's own call", checked_singly, len(few)),
        ("batch, columns in and out", in_a_batch, len(many)),
        ("plain Python rules", plain_python, len(many)),
    ]
    best = dict.fromkeys((name for name, _, _ in ways), float("inf"))
    for _ in range(rounds):
        for name, run, count in ways:
            started = time.perf_counter_ns()
            run()
            best[name] = min(best[name], (time.perf_counter_ns() - started) / count)
    return [Timing(name, count, best[name]) for name, _, count in ways]
