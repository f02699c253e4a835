"""A scenario file: its model, and how it becomes a world, a schedule of faults, and the digests of all that was read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from aurora_sim.scenario.annotations import LateUnion
from aurora_sim.scenario.config import World
from aurora_sim.scenario.configuration import PROJECT, find, read_configuration
from aurora_sim.scenario.document import Document, apply_overrides, read_document
from aurora_sim.scenario.limits import STEPS_MAX
from aurora_sim.scenario.merge import merge
from aurora_sim.scenario.named_files import file_sha256, find_trace
from aurora_sim.scenario.quantities import Seconds, Timestamp
from aurora_sim.scenario.references import check_new_names, check_world
from aurora_sim.scenario.strict import Strict
from aurora_sim.scenario.validation import validate

if TYPE_CHECKING:
    from aurora_sim.scenario.faults import Fault

__all__ = ["PROJECT", "Loaded", "Scenario", "build", "file_sha256", "find", "find_trace", "load"]


def _method_entry() -> Any:
    from aurora_sim.scenario.faults import MethodEntry

    return MethodEntry


class Scenario(Strict):
    """One scenario: when it starts, how many steps of 60 s it lasts, what differs from `config/`, and which faults strike."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    description: str = ""
    runbook: str = ""
    start: Timestamp
    steps: Annotated[int, Field(ge=1, le=STEPS_MAX)]
    warm_up: Seconds = Field(default=1800.0, alias="warm-up")
    world: dict[str, Any] = Field(default_factory=dict)
    method: list[Annotated[Any, LateUnion("fault", _method_entry)]] = Field(default_factory=list)


@dataclass(frozen=True)
class Loaded:
    """A scenario that was read and checked in full. `sha256` names every file that it was made from.

    `path`, `config_dir`, `given` and `trace` are what it was loaded with, and load it again.
    """

    path: Path
    scenario: Scenario
    world: World
    faults: tuple[tuple[str, Fault], ...]
    sha256: dict[str, str]
    overrides: tuple[str, ...]
    config_dir: Path | None = None
    trace: Path | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """The overrides as they were given: without the one that puts `trace` in place."""
        return self.overrides if self.trace is None else self.overrides[:-1]


def load(
    path: Path,
    *,
    config_dir: Path | None = None,
    overrides: list[str] | None = None,
    trace: Path | None = None,
) -> Loaded:
    """Read a scenario over the configuration. `overrides` are `--set` assignments on the world, `trace` replaces the replay's.

    Raises InputError for whatever is wrong in any of the files.
    """
    return build(path, read_document(find(path)), Scenario, config_dir=config_dir, overrides=overrides, trace=trace)


def build(
    path: Path,
    document: Document,
    model: type[Scenario],
    *,
    config_dir: Path | None = None,
    overrides: list[str] | None = None,
    trace: Path | None = None,
) -> Loaded:
    """As `load`, of a document that was read from `path`; what it says beyond a scenario is `model`'s."""
    scenario = validate(document, model)
    configured, config_sha256 = read_configuration(config_dir or Path("config"))
    sha256 = {str(path): document.sha256, **config_sha256}
    merged = merge(configured, document, take=("world",))
    assignments = list(overrides or [])
    if trace is not None:
        assignments.append(f"demand.replay.trace={trace}")
    merged = apply_overrides(merged, assignments)
    check_new_names(configured, merged)
    world = validate(merged, World)
    check_world(merged, world)
    faults: tuple[tuple[str, Fault], ...] = ()
    if scenario.method:
        from aurora_sim.scenario.method import faults_of  # the models of the faults take long to import

        faults, files_sha256 = faults_of(scenario.method, document, world)
        sha256.update(files_sha256)
    if world.demand.replay is not None:
        trace_path = find_trace(world.demand.replay.trace, document.path)
        given = world.demand.replay.trace
        replay = world.demand.replay.model_copy(update={"trace": str(trace_path)})
        world = world.model_copy(update={"demand": world.demand.model_copy(update={"replay": replay})})
        sha256[given] = file_sha256(trace_path)
    return Loaded(path, scenario, world, faults, sha256, tuple(assignments), config_dir, trace)
