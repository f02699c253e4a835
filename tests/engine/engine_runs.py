"""Short runs for the tests: a simulation made, stepped and finished, with all that can be seen of it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from aurora_sim.engine.simulation import Simulation
from aurora_sim.observe.recorder import Recorder, StepReading
from aurora_sim.observe.rows import COLUMNS
from aurora_sim.observe.tally import StepTally
from aurora_sim.scenario.config import World as WorldConfig
from aurora_sim.scenario.faults import Fault, named
from aurora_sim.scenario.scenario import load
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.policy.terms import treaty_terms

PROJECT = Path(__file__).resolve().parents[2]
POLICY = PROJECT / "policy" / "wasm" / "vault-law-akash-policy.wasm"
FAULTS: TypeAdapter[list[Fault]] = TypeAdapter(list[Fault])
MIDNIGHT_S = 0.0
AFTERNOON_S = 14 * 3600.0
ADMITTED = ("filled", "unroutable", "undelivered", "refused", "expired")

Row = dict[str, str]


@lru_cache(maxsize=1)
def _base() -> WorldConfig:
    return load(PROJECT / "scenarios" / "baseline.yaml").world


@lru_cache(maxsize=1)
def _host() -> PolicyHost:
    return PolicyHost.load(POLICY, treaty_terms(_base().treaty))


def host(config: WorldConfig) -> PolicyHost:
    """The policy with this configuration's terms, new: one module is compiled for all the tests of a process."""
    policy = _host()
    policy.amend(treaty_terms(config.treaty))
    policy.renew()
    return policy


def merged(base: Any, different: Any) -> Any:
    """`base` with `different` laid over it, mapping by mapping."""
    if not isinstance(base, Mapping) or not isinstance(different, Mapping):
        return different
    return {**base, **{key: merged(base.get(key), value) for key, value in different.items()}}


def a_config(**different: Any) -> WorldConfig:
    """The configuration of `config/` with these overrides."""
    return WorldConfig.model_validate(merged(_base().model_dump(), different)) if different else _base()


def without(config: WorldConfig, section: str, *names: str) -> WorldConfig:
    """The configuration without these entries of a section."""
    document = config.model_dump()
    for name in names:
        del document[section][name]
    return WorldConfig.model_validate(document)


class Witness(Recorder):
    """A recorder that also keeps each thing it is told of jobs, with the job's order."""

    def __init__(self, write_rows: Callable[[str], object]) -> None:
        super().__init__(write_rows)
        self.reroutes: list[tuple[str, str, float, int, str]] = []
        """Of each killed job that was routed again: order, outcome, GPU-hours, its failovers, the provider asked last."""

    def rerouted(self, order: Any, outcome: str) -> None:
        self.reroutes.append(
            (order.order_id, outcome, order.gpu_hours, order.failovers, getattr(order, "provider_id", ""))
        )
        super().rerouted(order, outcome)


@dataclass
class Seen:
    """What can be seen of a finished run."""

    text: str
    rows: list[Row]
    readings: list[StepReading]
    books: dict[str, float | int]
    recorder: Witness

    def read(self) -> list[tuple[object, ...]]:
        """Every reading, as values that can be compared."""
        return [
            (
                *reading._replace(tally=None),  # type: ignore[arg-type]
                *(getattr(reading.tally, name) for name in StepTally.__slots__ if name != "rtts_ms"),
                reading.tally.rtts_ms.tolist(),
            )
            for reading in self.readings
        ]

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(row["outcome"] for row in self.rows)

    def honest(self) -> list[Row]:
        """The rows of the tenants' own orders, without those of bad requests."""
        return [row for row in self.rows if "bad" not in row["order_id"]]

    def bad(self) -> list[Row]:
        """The rows of the requests of faults that a test calls `bad...`."""
        return [row for row in self.rows if "bad" in row["order_id"]]


def simulate(
    *method: Mapping[str, Any],
    world: WorldConfig | None = None,
    seed: int = 42,
    steps: int = 20,
    warm_up_s: float = 600.0,
    start_of_day_s: float = AFTERNOON_S,
    before_step: Callable[[Simulation, int], object] = lambda simulation, step: None,
    crypto_start_s: float | None = None,
) -> Seen:
    """Run a world for some steps under the faults of `method`."""
    config = world or _base()
    texts: list[str] = []
    recorder = Witness(texts.append)
    simulation = Simulation(
        config,
        named(FAULTS.validate_python(list(method))),
        seed=seed,
        steps=steps,
        start_of_day_s=start_of_day_s,
        warm_up_s=warm_up_s,
        policy=host(config),
        recorder=recorder,
        crypto_start_s=crypto_start_s,
    )
    simulation.warm_up()
    readings = []
    for step in range(steps):
        before_step(simulation, step)
        readings.append(simulation.step())
    books = {key: value for key, value in simulation.finish().items() if not key.startswith("policy_")}
    text = "".join(texts)
    return Seen(text, parsed(text.splitlines()), readings, books, recorder)


def parsed(lines: Sequence[str]) -> list[Row]:
    return list(csv.DictReader(lines, fieldnames=COLUMNS.split(",")))


def what_was_ordered(row: Row) -> tuple[str, ...]:
    """The part of a row that the order's own draws decide."""
    return tuple(
        row[name] for name in ("order_id", "time_s", "tenant_id", "workload_type", "gpu_type", "gpus", "gpu_hours")
    )
