"""A scenario file: its model, and how it becomes a world, a schedule of faults, and the digests of all that was read."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from aurora_sim.scenario.config import World
from aurora_sim.scenario.configuration import PROJECT, find, read_configuration
from aurora_sim.scenario.document import Document, apply_overrides, read_document
from aurora_sim.scenario.errors import InputError, did_you_mean
from aurora_sim.scenario.faults import Fault, MethodEntry, OutageHistory, named
from aurora_sim.scenario.merge import merge
from aurora_sim.scenario.outage_history import outages
from aurora_sim.scenario.quantities import Seconds, Timestamp
from aurora_sim.scenario.references import check_faults, check_new_names, check_world
from aurora_sim.scenario.strict import Strict
from aurora_sim.scenario.treaty_faults import PolicyRelease
from aurora_sim.scenario.validation import validate

STEPS_MAX = 5_256_000  # ten years
__all__ = ["PROJECT", "STEPS_MAX", "Loaded", "Scenario", "build", "file_sha256", "find", "find_trace", "load"]


class Scenario(Strict):
    """One scenario: when it starts, how many steps of 60 s it lasts, what differs from `config/`, and which faults strike."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    description: str = ""
    runbook: str = ""
    start: Timestamp
    steps: Annotated[int, Field(ge=1, le=STEPS_MAX)]
    warm_up: Seconds = Field(default=1800.0, alias="warm-up")
    world: dict[str, Any] = Field(default_factory=dict)
    method: list[MethodEntry] = Field(default_factory=list)


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
    check_faults(document, world, scenario.method)
    faults, histories_sha256 = _expanded(scenario.method, document)
    sha256.update(histories_sha256)
    if world.demand.replay is not None:
        trace_path = find_trace(world.demand.replay.trace, document.path)
        given = world.demand.replay.trace
        replay = world.demand.replay.model_copy(update={"trace": str(trace_path)})
        world = world.model_copy(update={"demand": world.demand.model_copy(update={"replay": replay})})
        sha256[given] = file_sha256(trace_path)
    return Loaded(path, scenario, world, tuple(named(faults)), sha256, tuple(assignments), config_dir, trace)


def _expanded(method: Sequence[Fault | OutageHistory], document: Document) -> tuple[list[Fault], dict[str, str]]:
    """The faults of a method, those of its recorded histories in their places; and the digests of the files they name."""
    faults: list[Fault] = []
    sha256: dict[str, str] = {}
    for number, entry in enumerate(method):
        if isinstance(entry, OutageHistory):
            path = find_trace(entry.file, document.path)
            faults += outages(entry, path)
            sha256[entry.file] = file_sha256(path)
        elif isinstance(entry, PolicyRelease):
            path = find_trace(entry.module, document.path)
            if not path.is_file():
                beside = [str(Path(entry.module).with_name(file.name)) for file in path.parent.glob("*.wasm")]
                where = document.where(("method", number, "module"))
                mend = did_you_mean(entry.module, beside) if beside else "Give the path of a .wasm file"
                raise InputError(where, f"there is no module {entry.module!r}", mend)
            faults.append(entry.model_copy(update={"module": str(path)}))
            sha256[entry.module] = file_sha256(path)
        else:
            faults.append(entry)
    return faults, sha256


def find_trace(given: str, scenario: Path) -> Path:
    """Where the trace is: as given, beside the scenario, or in the checkout."""
    for place in (Path(given), scenario.parent / given):
        if place.exists():
            return place
    return find(Path(given))


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal; nothing for one that cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""  # whoever reads the trace says what is wrong with it
