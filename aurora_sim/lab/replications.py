"""One scenario over many seeds: replication k has the seed + k, and every measure gets a mean with its interval.

The result is that of the seeds, whatever the number of processes: replications count in the order of their seeds, and whether
there are enough of them is asked after each in that order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from aurora_sim.engine.run import Options, run
from aurora_sim.lab.crew import Crew
from aurora_sim.lab.measures import MEASURES, measured
from aurora_sim.lab.statistics import EnoughReplications, Interval, interval
from aurora_sim.lab.workers import run_all
from aurora_sim.observe.slo import Objective
from aurora_sim.scenario.errors import RunError
from aurora_sim.scenario.scenario import Loaded, file_sha256, load

REPLICATIONS_MIN: Final = 5
"""At least so many when their number is not given: below, the interval itself is too uncertain to stop by."""
REPLICATIONS_MAX: Final = 200
"""At most so many then: half the precision takes four times as many."""


@dataclass(frozen=True)
class Automatic:
    """As many replications as it takes until each of `measures` has an interval within `precision` of its mean."""

    precision: float
    measures: tuple[str, ...] = ("fill_rate",)


@dataclass(frozen=True)
class Replication:
    """One run to do. The scenario is read anew from its files, which must be what `inputs` says: (name, SHA-256) of each."""

    scenario: Path
    config_dir: Path | None
    overrides: tuple[str, ...]
    trace: Path | None
    options: Options
    inputs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Replicated:
    """What is kept of a run: its measures by name, and its objectives without those of the wall clock."""

    seed: int
    measures: dict[str, float | None]
    objectives: tuple[Objective, ...]


@dataclass(frozen=True)
class Replications:
    """All that were run, in the order of their seeds. `precise_since`: how many the precision asked for, None if never."""

    loaded: Loaded
    options: Options
    steps: int
    inputs: dict[str, str]
    wanted: int | Automatic
    runs: tuple[Replicated, ...]
    precise_since: int | None = None

    def intervals(self) -> dict[str, Interval | None]:
        """Of each measure, by name, over the runs that have it."""
        return {
            measure.name: interval([x for each in self.runs if (x := each.measures[measure.name]) is not None])
            for measure in MEASURES
        }

    def verdicts(self) -> list[tuple[Objective, Counter[str]]]:
        """Each objective, and how many runs had which verdict on it."""
        return [
            (column[0], Counter(objective.verdict for objective in column))
            for column in zip(*(each.objectives for each in self.runs), strict=True)
        ]


def replications(
    loaded: Loaded,
    options: Options,
    wanted: int | Automatic,
    jobs: int | Crew,
    watch: Callable[[int, int], object] = lambda done, most: None,
) -> Replications:
    """Run a loaded scenario with the seeds from `options.seed` on; `watch` is told how many are done, and of how many at most.

    Raises what a run raises, the InputError of a bad policy or trace included, and RunError where an input was changed meanwhile.
    """
    enough = EnoughReplications(
        len(wanted.measures) if isinstance(wanted, Automatic) else 0,
        wanted.precision if isinstance(wanted, Automatic) else 0.0,
        REPLICATIONS_MIN,
    )
    most = REPLICATIONS_MAX if isinstance(wanted, Automatic) else wanted
    inputs = _inputs(loaded, options)
    first = Replication(
        loaded.path, loaded.config_dir, loaded.given, loaded.trace, replace(options, out=None), tuple(inputs.items())
    )
    tasks = [replace(first, options=replace(first.options, seed=options.seed + k)) for k in range(most)]
    runs: list[Replicated] = []
    with closing(run_all(replicate, tasks, jobs)) as results:
        for result in results:
            runs.append(result)
            watch(len(runs), most)
            if isinstance(wanted, Automatic) and enough.add([result.measures[name] for name in wanted.measures]):
                break
    steps = options.steps if options.steps is not None else loaded.scenario.steps
    return Replications(loaded, options, steps, inputs, wanted, tuple(runs), enough.precise_since)


def replicate(task: Replication) -> Replicated:
    """Do one run. In a worker process the scenario is read once."""
    loaded = _loaded(task.scenario, task.config_dir, task.overrides, task.trace, task.inputs)
    done = run(loaded, task.options)
    _unchanged(_inputs(loaded, task.options), dict(task.inputs))
    objectives = tuple(objective for objective in done.objectives if not objective.wall_clock)
    return Replicated(task.options.seed, measured(done), objectives)


@lru_cache(maxsize=1)
def _loaded(
    path: Path,
    config_dir: Path | None,
    overrides: tuple[str, ...],
    trace: Path | None,
    inputs: tuple[tuple[str, str], ...],  # so that files with other contents are read again
) -> Loaded:
    return load(path, config_dir=config_dir, overrides=list(overrides), trace=trace)


def _inputs(loaded: Loaded, options: Options) -> dict[str, str]:
    """The SHA-256 of everything that goes into a run, by name."""
    return {**loaded.sha256, **{str(path): file_sha256(path) for path in (options.policy, options.rules)}}


def _unchanged(found: Mapping[str, str], inputs: Mapping[str, str]) -> None:
    for name, sha256 in inputs.items():
        if found[name] != sha256:
            raise RunError(f"{name} was changed while the replications ran. Run them again")
