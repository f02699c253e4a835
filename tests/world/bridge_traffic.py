"""A bridge alone, its traffic, and a slow but obvious queue to compare it with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aurora_sim.scenario.config import Bridge as BridgeConfig
from aurora_sim.world.bridge import Bridge, Message

SERVICE_S = 0.1
STILL = {"network_median_ms": 38.0, "network_sigma": 0.0, "gateway_median_ms": 6.0, "gateway_sigma": 0.0}
TRAVEL_S = 0.044
NO_TAIL = {"p": 0.0, "xm_ms": 150.0, "alpha": 2.2}
NEVER = math.inf


def a_bridge(workers: int, abandon_cost: float = 1.0, **different: Any) -> Bridge:
    """A bridge without chance in it but for the luck it is given: a service takes `SERVICE_S` x exp(luck)."""
    config = {
        **STILL,
        "service_median_ms": SERVICE_S * 1000.0,
        "service_sigma": 1.0,
        "workers": workers,
        "tail": NO_TAIL,
        "loss": 0.0,
        "settlement": {"median_s": 1.0, "sigma": 0.0},
        **different,
    }
    return Bridge("bridge", BridgeConfig.model_validate(config), abandon_cost)


def send(
    bridge: Bridge, now_s: float, service_s: float = SERVICE_S, give_up_s: float = NEVER, **luck: float
) -> Message:
    """Send a message whose service takes that long."""
    draws = {"network": 0.0, "gateway": 0.0, "service": math.log(service_s / SERVICE_S), "tail": 0.99, "loss": 0.99}
    draws |= luck
    return bridge.send(object(), now_s, give_up_s, tuple(draws.values()), 0.0)  # type: ignore[arg-type]


def mean_wait_s(
    workers: int, rate_per_s: float, services_s: Callable[[np.random.Generator, int], Any], seed: int
) -> float:
    """The mean wait of 12,000 messages of a Poisson stream, after 1,000 for the queue to come to rest."""
    draws = np.random.default_rng(seed)
    times_s = np.cumsum(draws.exponential(1.0 / rate_per_s, 13_000)).tolist()
    bridge = a_bridge(workers)
    waits_s = []
    for time_s, service_s in zip(times_s, services_s(draws, 13_000).tolist(), strict=True):
        waits_s.append(send(bridge, time_s, service_s).start_s - time_s)
    return float(np.mean(waits_s[1_000:]))


@dataclass
class SlowQueue:
    """First come, first served, moved on from one end of a service to the next: what the bridge must equal."""

    workers: int
    abandon_cost: float
    factor: float = 1.0
    waiting: list[int] = field(default_factory=list)
    in_service: list[float] = field(default_factory=list)
    sent: list[tuple[float, float]] = field(default_factory=list)
    """(seconds of service, when it is given up) of each message."""
    served: dict[int, tuple[float, float]] = field(default_factory=dict)
    """(start, finish) of each message whose turn has come."""

    def until(self, now_s: float) -> None:
        """Let every service that ends by then end, and the next in line begin."""
        while self.in_service and min(self.in_service) <= now_s:
            ended_s = min(self.in_service)
            self.in_service.remove(ended_s)
            self._begin(ended_s)

    def _begin(self, now_s: float) -> None:
        while self.waiting and len(self.in_service) < self.workers:
            number = self.waiting.pop(0)
            service_s, give_up_s = self.sent[number]
            cost = self.abandon_cost if now_s > give_up_s else 1.0
            finish_s = now_s + service_s * self.factor * cost
            self.served[number] = (now_s, finish_s)
            self.in_service.append(finish_s)

    def send(self, now_s: float, service_s: float, give_up_s: float) -> None:
        self.until(now_s)
        self.waiting.append(len(self.sent))
        self.sent.append((service_s, give_up_s))
        self._begin(now_s)

    def change(self, now_s: float, workers: int, factor: float) -> None:
        self.until(now_s)
        self.workers, self.factor = workers, factor
        self._begin(now_s)


def erlang_c_wait_s(workers: int, rate_per_s: float, service_s: float) -> float:
    """The mean wait of M/M/c: C(c, a) / (c mu - lambda). Erlang, 1917."""
    load = rate_per_s * service_s
    terms = [load**n / math.factorial(n) for n in range(workers)]
    last = load**workers / math.factorial(workers) * workers / (workers - load)
    return last / (sum(terms) + last) / (workers / service_s - rate_per_s)


def pollaczek_khinchine_s(rate_per_s: float, mean_s: float, square_s2: float) -> float:
    """The mean wait of M/G/1: lambda E[S^2] / (2 (1 - rho))."""
    return rate_per_s * square_s2 / (2.0 * (1.0 - rate_per_s * mean_s))


def times_of(messages: Sequence[Message]) -> list[tuple[float, float]]:
    return [(message.start_s, message.finish_s) for message in messages]
