"""One run of the engine for a case, and what is counted of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from aurora_sim.engine.simulation import Simulation
from aurora_sim.lab.selfcheck.bare import Bare, bare_world
from aurora_sim.observe.recorder import Recorder, StepReading
from aurora_sim.observe.rows import FilledOrder, UnfilledOrder
from aurora_sim.scenario.configuration import PROJECT
from aurora_sim.scenario.faults import Fault
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.policy.terms import terms_from_config, treaty_terms


class Counts:
    """Counts the orders that came after `settled_s`, once they end, and keeps when the denied came."""

    def __init__(self, settled_s: float) -> None:
        self._settled_s = settled_s
        self.filled_of: Counter[tuple[str, int]] = Counter()
        """Orders by GPU type and GPUs."""
        self.lost_of: Counter[tuple[str, int]] = Counter()
        self.rtt_s: dict[str, float] = {}
        """The sum of the round trips of the filled orders, by GPU type."""
        self.denied_s: dict[str, list[float]] = {}

    def take(self, ended: Iterable[FilledOrder | UnfilledOrder], _reading: StepReading) -> None:
        """Count the orders that ended in a step."""
        for order in ended:
            if isinstance(order, tuple):
                _, _, gpu_type, _, _, _, time_s, _, gpus, _, rtt_ms, *_ = order
                if time_s >= self._settled_s:
                    self.filled_of[gpu_type, gpus] += 1
                    self.rtt_s[gpu_type] = self.rtt_s.get(gpu_type, 0.0) + rtt_ms / 1000.0
            elif order.outcome == "denied":
                self.denied_s.setdefault(order.tenant_id, []).append(order.time_s)
            elif order.time_s >= self._settled_s:
                assert order.outcome in ("refused", "unroutable"), (
                    f"{order.outcome} {order.reason}: nothing but GPUs is short here"
                )
                self.lost_of[order.gpu_type, order.gpus] += 1

    def lost_share(self, gpu_type: str, gpus: int = 1) -> float:
        """The share of such orders that was refused."""
        lost = self.lost_of[gpu_type, gpus]
        return lost / (lost + self.filled_of[gpu_type, gpus])


def engine_run(
    bare: Bare, seed: int, steps: int, *, settled_s: float = 0.0, faults: Sequence[tuple[str, Fault]] = ()
) -> tuple[Counts, list[StepReading], list[int]]:
    """The counts, what was read at the end of each step, and the orders then in flight."""
    world = bare_world(bare)
    counts, recorder = Counts(settled_s), Recorder(None)
    recorder.step_closed = counts.take
    policy = _policy()
    policy.amend(treaty_terms(world.treaty))
    policy.renew()
    simulation = Simulation(
        world, faults, seed=seed, steps=steps, start_of_day_s=0.0, warm_up_s=0.0, policy=policy, recorder=recorder
    )
    simulation.warm_up()
    readings, in_flight = [], []
    for _ in range(steps):
        readings.append(simulation.step())
        in_flight.append(simulation.in_flight)
    simulation.finish()
    return counts, readings, in_flight


@lru_cache(maxsize=1)
def _policy() -> PolicyHost:
    """The production module; loaded once a process, as that takes as long as a short run."""
    terms, _ = terms_from_config(PROJECT / "config" / "aurora-treaty-akash.json")
    return PolicyHost.load(PROJECT / "policy" / "wasm" / "vault-law-akash-policy.wasm", terms)
