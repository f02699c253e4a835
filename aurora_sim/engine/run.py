"""One run from a loaded scenario to its files: the policy loaded, the world simulated, everything written.

check everything -> make the folder -> steps (paced or not, watched or not) -> put the files in place
"""

from __future__ import annotations

import gc
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from aurora_sim import __version__
from aurora_sim.engine.life import OrderLife
from aurora_sim.engine.read_once import policy_host, rule_file
from aurora_sim.engine.replay_line import replay_line
from aurora_sim.engine.row_sample import row_sample
from aurora_sim.engine.simulation import Simulation
from aurora_sim.observe.alerts import AlertEngine, RuleFile
from aurora_sim.observe.recorder import STEP_S, Recorder, StepReading
from aurora_sim.observe.run_files import RowFormat, RunFiles
from aurora_sim.observe.series import Sample, reproducible_samples
from aurora_sim.observe.slo import Objective, SloTracker
from aurora_sim.scenario.errors import InputError, RunError
from aurora_sim.scenario.faults import Fault
from aurora_sim.scenario.scenario import Loaded
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.policy.terms import treaty_terms
from aurora_sim.world.replay import check_trace

STEPS_PER_COLLECTION: Final = 5000
"""How often cyclic garbage is looked for. Nothing in an order's life makes a cycle, so reference counts free all of it; the
collector's own rhythm would walk over every order in flight again and again, 15 % of a run."""
FIRST_YEAR_SIGNED: Final = 1990
LAST_YEAR_SIGNED: Final = 9900
"""Between these a signed time is one from 1970 to 9999, whatever the warm-up, the deadlines and the steps."""
SLICES_PER_SECOND: Final = 10
"""How often a paced run moves on, per second of the wall clock."""


@dataclass(frozen=True)
class Options:
    """How to run: `out` None writes no files; `pace` is simulated seconds a second, 0 for as fast as it goes.

    `crypto` is `carried` (orders, acks and receipts say whether they are good) or `real` (they are made and verified). `rows` is
    what the orders' rows are written as, and `rows_share` the share of the orders, above 0, that have one.
    """

    seed: int
    policy: Path
    rules: Path
    steps: int | None = None
    out: Path | None = None
    pace: float = 0.0
    crypto: Literal["carried", "real"] = "carried"
    rows: RowFormat = "csv"
    rows_share: float = 1.0


@dataclass
class Run:
    """A run that is going on or over: what a view may look at. `stop` asks it to end after the current step."""

    loaded: Loaded
    options: Options
    steps: int
    recorder: Recorder
    tracker: SloTracker
    stop: bool = False
    complete: bool = False
    books: dict[str, float | int] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    objectives: list[Objective] = field(default_factory=list)
    alerts: list[tuple[str, ...]] = field(default_factory=list)
    wall_clock_s: float = 0.0
    scheduled: Sequence[tuple[str, Fault]] = ()
    """Every fault of the simulation, by name."""

    @property
    def treaty_id(self) -> str:
        return self.loaded.world.treaty.treaty_id

    @property
    def faults(self) -> list[tuple[str, float, float]]:
        """Name, begin and end of each fault, in seconds, within the run."""
        end_s = self.steps * STEP_S
        return [(name, fault.at, min(fault.end, end_s)) for name, fault in self.scheduled if fault.at < end_s]


def run(
    loaded: Loaded,
    options: Options,
    *,
    begun: Callable[[Run], object] = lambda _: None,
    watch: Callable[[StepReading], object] = lambda _: None,
) -> Run:
    """Run a scenario. `begun` is called before the first step, `watch` after each.

    Raises InputError for a bad policy, trace or rules file, or a start that cannot be signed, before anything is written;
    OSError when the files cannot be written, and RunError when an invariant is broken, after taking away what was.
    A run that was asked to stop is `complete` False, and its files are in place.
    """
    world = loaded.world
    if world.demand.replay is not None:
        check_trace(world.demand.replay, world)
    if options.crypto == "real" and not FIRST_YEAR_SIGNED <= loaded.scenario.start.year <= LAST_YEAR_SIGNED:
        raise InputError(
            f"{loaded.path}: start",
            f"signatures are dated in Unix time, and {loaded.scenario.start:%Y-%m-%d} is outside what it is good for",
            f"Give a year from {FIRST_YEAR_SIGNED} to {LAST_YEAR_SIGNED}, or run it with --crypto carried",
        )
    rules = rule_file(options.rules)
    alerts, rule_samples = AlertEngine(rules), rules.sample_names
    steps = options.steps if options.steps is not None else loaded.scenario.steps
    with policy_host(options.policy, treaty_terms(world.treaty)) as policy, collecting_seldom():
        files = RunFiles(options.out, options.rows) if options.out is not None else None
        recorder = Recorder(
            files.orders if files is not None and options.rows != "none" else None,
            world.policy.decision_wait * 1000.0,
            row_sample(options.seed, options.rows_share),
        )
        state = Run(loaded, options, steps, recorder, SloTracker(world.slo))
        began_s = time.perf_counter()
        simulation: Simulation | None = None

        def seen_by_rules(reading: StepReading) -> Iterator[Sample]:
            return reproducible_samples(recorder, reading, state.treaty_id, only=rule_samples)

        try:
            simulation = simulate(loaded, options.seed, steps, policy, recorder, options.crypto == "real")
            state.scheduled = simulation.faults
            reading = simulation.warm_up()
            if reading is not None:
                alerts.observe(0.0, seen_by_rules(reading))
            begun(state)
            for _ in range(steps):
                if state.stop:
                    break
                _pace(simulation, recorder.step * STEP_S, options.pace, state)
                reading = simulation.step()
                state.tracker.add(reading)
                alerts.observe(reading.time_s, seen_by_rules(reading))
                if files is not None:
                    files.step(reading)
                watch(reading)
                if recorder.step % STEPS_PER_COLLECTION == 0:
                    gc.collect()
            state.complete = recorder.step == steps
            state.books = simulation.finish()
            simulation.let_go()
            state.objectives = state.tracker.objectives(recorder)
            state.alerts = alerts.history()
            state.wall_clock_s = time.perf_counter() - began_s
            if files is not None:
                told = manifest(state, policy, rules)
                state.outputs = files.finish(state.alerts, told, recorder.rows_written, options.rows_share)
        except BaseException as error:
            if files is not None:
                files.discard()
            if isinstance(error, AssertionError):
                raise _broken(error, state, simulation) from error
            raise
    return state


def _broken(error: AssertionError, state: Run, simulation: Simulation | None) -> RunError:
    """What is broken, with the values; when; and how to see it again."""
    step = state.recorder.step
    when = "before the first step" if simulation is None else f"{simulation.env.now:.6f} s"
    place = f"step {min(step, state.steps - 1)}" if step >= 0 else "the warm-up"
    line = replay_line(state.loaded, state.options, max(1, min(step + 1, state.steps)))
    what = str(error) or type(error).__name__
    return RunError(f"broken invariant: {what} (seed {state.options.seed}, {when}, in {place}). Replay: {line}")


def simulate(
    loaded: Loaded,
    seed: int,
    steps: int,
    policy: PolicyHost,
    recorder: Recorder,
    crypto: bool = False,
    life: type[OrderLife] = OrderLife,
) -> Simulation:
    """The simulation of a loaded scenario, at the beginning of its warm-up. `crypto`: everything is really signed."""
    start = loaded.scenario.start
    return Simulation(
        loaded.world,
        loaded.faults,
        seed=seed,
        steps=steps,
        start_of_day_s=start.hour * 3600.0 + start.minute * 60.0 + start.second + start.microsecond / 1e6,
        warm_up_s=loaded.scenario.warm_up,
        policy=policy,
        recorder=recorder,
        crypto_start_s=start.timestamp() if crypto else None,
        life=life,
    )


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Without the collector's own rhythm, for as long as it lasts."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _pace(simulation: Simulation, from_s: float, pace: float, state: Run) -> None:
    """Let a step of a paced run take as long as it should. Slices of a step change nothing in it."""
    if pace <= 0:
        return
    slice_s = pace / SLICES_PER_SECOND
    began = time.monotonic()
    slices = max(1, round(STEP_S / slice_s))
    for number in range(1, slices + 1):
        if state.stop:
            return
        if number < slices:
            simulation.advance(from_s + STEP_S * number / slices)
        ahead_s = STEP_S * number / slices / pace - (time.monotonic() - began)
        if ahead_s > 0:
            time.sleep(ahead_s)


def manifest(run: Run, policy: PolicyHost, rules: RuleFile) -> dict[str, object]:
    """What `run.json` says, but for the digests of the outputs."""
    recorder, loaded = run.recorder, run.loaded
    return {
        "title": loaded.scenario.title,
        "scenario": str(loaded.path),
        "config": None if loaded.config_dir is None else str(loaded.config_dir),
        "overrides": list(loaded.overrides),
        "seed": run.options.seed,
        "crypto": run.options.crypto,
        "start": loaded.scenario.start.isoformat(),
        "steps": run.steps,
        "steps_done": recorder.step,
        "complete": run.complete,
        "inputs": loaded.sha256,
        "policy": {"path": str(run.options.policy), "sha256": policy.sha256, "size_bytes": policy.size_bytes},
        "rules": {"path": str(rules.path), "sha256": rules.sha256},
        "treaty_id": run.treaty_id,
        "faults": [{"name": name, "at_s": at_s, "end_s": end_s} for name, at_s, end_s in run.faults],
        "books": run.books,
        "outcomes": _outcomes(recorder.outcomes.items()),
        "providers": dict(sorted(recorder.filled_by.items())),
        "fill_rate": _ratio(recorder.outcomes["filled", ""], _allowed(run)),
        "fill_rate_gpu_hours": _ratio(recorder.gpu_hours_filled, recorder.gpu_hours_allowed),
        "jobs": {
            "killed": recorder.jobs_killed,
            "rerouted": recorder.jobs_rerouted,
            "lost": recorder.jobs_lost,
            "gpu_hours_lost": round(recorder.gpu_hours_lost, 4),
            "kill_causes": [
                {"provider_id": provider_id, "reason": why, "count": count}
                for (provider_id, why), count in sorted(recorder.kill_causes.items())
            ],
        },
        "cost_usd": round(recorder.cost_usd, 2),
        "failovers": recorder.failovers_total,
        "failover_causes": [
            {"provider_id": provider_id, "reason": why, "count": count}
            for (provider_id, why), count in sorted(recorder.failover_causes.items())
        ],
        "slo": [objective.as_json() for objective in run.objectives if not objective.wall_clock],
        "wall_clock": {
            "run_s": round(run.wall_clock_s, 3),
            "slo": [objective.as_json() for objective in run.objectives if objective.wall_clock],
            "policy_decisions_ms_sum": round(recorder.decision_times.sum_ns / 1e6, 3),
        },
        "versions": {
            "aurora_sim": __version__,
            "python": platform.python_version(),
            **{name: _version(name) for name in ("simpy", "numpy", "wasmtime", "pydantic")},
            **({"pyarrow": _version("pyarrow")} if run.options.rows == "parquet" else {}),
        },
    }


@cache
def _version(package: str) -> str:
    return version(package)  # reads and parses a file: a millisecond


def _allowed(run: Run) -> int:
    return sum(n for (outcome, _), n in run.recorder.outcomes.items() if outcome not in ("rejected", "denied"))


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 6) if whole else None


def _outcomes(counts: Iterable[tuple[tuple[str, str], int]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (outcome, reason), count in sorted(counts):
        found.setdefault(outcome, {})[reason] = count
    return found
