"""One model in this product's engine and in others', with the same draws, alternated in one run.

The model is what an order is at its barest: it arrives, is under way over a bridge, and finds a GPU of one provider free, which it
then holds, or is lost. Arrivals, ways and holding times are drawn before, by order index, and every engine must lose the same
orders. Each is written as its own manual has it: SimPy with a process for each order and a `Resource`; Ciw with two nodes and a
routing decision; salabim with a component for each order and a `Resource`; ours with the product's clock and provider. No engine
collects more than it always does; Ciw keeps a record of every visit, and cannot be told not to.

    python benchmarks/simulators.py [--orders 20000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import ciw
import numpy as np
import salabim
import simpy

from aurora_sim.engine.clock import Clock
from aurora_sim.scenario.scenario import PROJECT, load
from aurora_sim.world.provider import Lease, Pool, Provider

GPUS = 220
ARRIVAL_S, BRIDGE_S, HOLD_S = 1.7, 0.2, 400.0
"""Means: 235 GPUs wanted at a time, so that about one order in ten is lost."""
AKASH = load(PROJECT / "scenarios" / "baseline.yaml").world.providers["akash"]


class Draws(NamedTuple):
    """By order index, in seconds: when it arrives, how long it is under way, and how long it holds its GPU."""

    arrival_s: list[float]
    bridge_s: list[float]
    hold_s: list[float]


def draws(orders: int) -> Draws:
    chance = np.random.default_rng(1)
    return Draws(
        np.cumsum(chance.exponential(ARRIVAL_S, orders)).tolist(),
        chance.exponential(BRIDGE_S, orders).tolist(),
        chance.exponential(HOLD_S, orders).tolist(),
    )


def ours(drawn: Draws) -> list[int]:
    """The product's clock, with its provider."""
    clock = Clock(0.0)
    provider = Provider("akash", AKASH, walks={}, changed={})
    pool = Pool("A100", GPUS, 1.0)
    region = provider.regions[0]
    arrival_s, bridge_s, hold_s = drawn
    lost: list[int] = []

    def arrive(order: int, now_s: float) -> None:
        if order + 1 < len(arrival_s):
            clock.at(arrival_s[order + 1], arrive, order + 1)
        clock.at(now_s + bridge_s[order], answer, order)

    def answer(order: int, now_s: float) -> None:
        if provider.refusal(pool, 1, region, 2.0):
            lost.append(order)
        else:
            lease = Lease(provider, pool, 1, region)
            provider.take(now_s, lease, 0.5)
            clock.at(now_s + hold_s[order], done, lease)

    def done(lease: Lease, now_s: float) -> None:
        provider.release(now_s, lease)

    clock.at(arrival_s[0], arrive, 0)
    clock.advance(float("1e12"))
    return lost


def with_simpy(drawn: Draws) -> list[int]:
    """SimPy's textbook style."""
    env = simpy.Environment()
    gpus = simpy.Resource(env, GPUS)
    lost: list[int] = []

    def order(number: int) -> Any:
        yield env.timeout(drawn.bridge_s[number])
        if gpus.count == gpus.capacity:
            lost.append(number)
            return
        with gpus.request() as request:
            yield request
            yield env.timeout(drawn.hold_s[number])

    def source() -> Any:
        for number, arrival_s in enumerate(drawn.arrival_s):
            yield env.timeout(arrival_s - env.now)
            env.process(order(number))

    env.process(source())
    env.run()
    return lost


def with_ciw(drawn: Draws) -> list[int]:
    """Ciw: the bridge is a node with a server for everyone, the provider one with a server a GPU."""
    lost: list[int] = []

    class ByOrder(ciw.dists.Distribution):  # type: ignore[misc]
        def __init__(self, seconds: list[float]) -> None:
            self.seconds = seconds

        def sample(self, t: float | None = None, ind: Any = None) -> float:
            seconds: float = self.seconds[ind.id_number - 1]
            return seconds

    class Taken(ciw.routing.NodeRouting):  # type: ignore[misc]
        def next_node(self, ind: Any) -> Any:
            if self.simulation.nodes[2].number_of_individuals < GPUS:
                return self.simulation.nodes[2]
            lost.append(ind.id_number - 1)
            return self.simulation.nodes[-1]

    gaps_s = np.diff(drawn.arrival_s, prepend=0.0).tolist()
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Sequential([*gaps_s, float("inf")]), None],
        service_distributions=[ByOrder(drawn.bridge_s), ByOrder(drawn.hold_s)],
        number_of_servers=[float("inf"), GPUS],
        routing=ciw.routing.NetworkRouting(routers=[Taken(), ciw.routing.Leave()]),
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(len(drawn.arrival_s), method="Arrive")
    return lost


def with_salabim(drawn: Draws) -> list[int]:
    """salabim, with processes as generators and no animation."""
    salabim.yieldless(False)
    env = salabim.Environment(trace=False)
    gpus = salabim.Resource(capacity=GPUS, monitor=False)
    lost: list[int] = []
    numbers = itertools.count()

    class Order(salabim.Component):  # type: ignore[misc]
        def process(self) -> Any:
            number = next(numbers)
            yield self.hold(drawn.bridge_s[number])
            if gpus.available_quantity() < 1:
                lost.append(number)
                return
            yield self.request(gpus)
            yield self.hold(drawn.hold_s[number])
            self.release()

    class Source(salabim.Component):  # type: ignore[misc]
        def process(self) -> Any:
            for arrival_s in drawn.arrival_s:
                yield self.hold(arrival_s - env.now())
                Order()

    Source()
    env.run()
    return lost


ENGINES: dict[str, Callable[[Draws], list[int]]] = {
    "this product's clock and provider": ours,
    "SimPy, a process an order and Resource": with_simpy,
    "Ciw": with_ciw,
    "salabim": with_salabim,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    drawn = draws(arguments.orders)
    measured: dict[str, list[float]] = {name: [] for name in ENGINES}
    lost: dict[str, list[int]] = {}
    for _ in range(arguments.rounds):
        for name, simulate in ENGINES.items():
            began = time.process_time()
            lost[name] = simulate(drawn)
            measured[name].append((time.process_time() - began) / arguments.orders * 1e6)
    first, *others = ENGINES
    for name in others:
        if lost[name] != lost[first]:
            print(f"{name} loses other orders ({len(lost[name])}) than {first} ({len(lost[first])})")
            return 1
    share = len(lost[first]) / arguments.orders
    print(f"{arguments.orders:,} orders, the same {share:.1%} lost by all; median of {arguments.rounds} rounds")
    own = statistics.median(measured[first])
    print(f"{'engine':40} {'us/order':>9} {'ratio':>6}")
    for name, times in measured.items():
        print(f"{name:40} {statistics.median(times):9.2f} {statistics.median(times) / own:6.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
