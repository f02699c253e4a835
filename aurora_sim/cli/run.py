"""`aurora-sim run`: one scenario, its files, its table; on a terminal with a progress bar."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Literal

import click

from aurora_sim.cli.crew_options import crew_options, warm_up
from aurora_sim.cli.replications import SEED_MAX, Choice, number, replicate
from aurora_sim.cli.row_options import row_options, rows_chosen
from aurora_sim.engine.replay_line import POLICY, RULES
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.limits import STEPS_MAX

if TYPE_CHECKING:
    from aurora_sim.engine.run import Run


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path), default=Path("scenarios/baseline.yaml"))
@click.option("--seed", type=click.IntRange(0, SEED_MAX), default=42, show_default=True, help="Seed of every draw.")
@click.option("--steps", type=click.IntRange(1, STEPS_MAX), help="Steps of 60 s  [default: the scenario's].")
@click.option("--out", type=click.Path(path_type=Path), default=Path("out"), show_default=True, help="Folder to write.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override the world, e.g. providers.akash.capacity=0.5.",
)
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    default=POLICY,
    help="Policy module.",
)
@click.option("--trace", type=click.Path(path_type=Path), help="Trace to replay in place of the scenario's.")
@click.option("--config", type=click.Path(path_type=Path), help="Configuration folder  [default: config].")
@click.option("--rules", type=click.Path(path_type=Path), default=RULES, help="Alert rules.")
@row_options
@click.option("--plots", is_flag=True, help="Draw PNG plots into the folder.")
@click.option(
    "--metrics-port", type=click.IntRange(0, 65535), help="Serve Prometheus metrics on 127.0.0.1 while it runs."
)
@click.option("--serve", is_flag=True, help="Keep serving the metrics after the run, until interrupted.")
@click.option(
    "--pace",
    type=click.FloatRange(0, 86400),
    default=0.0,
    help="Simulated seconds a second  [default: as fast as it goes].",
)
@click.option(
    "--crypto",
    type=click.Choice(["carried", "real"]),
    default="carried",
    show_default=True,
    help="Let orders, acks and receipts carry whether they are good, or really make and verify them.",
)
@click.option(
    "--replications",
    callback=number,
    metavar="N|auto",
    help="Run it with N seeds, from --seed on, and tell means with 95 % intervals; or with as many as --precision takes.",
)
@click.option(
    "--precision",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="With `auto`: the half-width of the interval, relative to the mean  [default: 0.01].",
)
@click.option(
    "--measure", "measures", multiple=True, help="With `auto`: what must be that precise  [default: fill_rate]."
)
@crew_options
@click.option("--quiet", is_flag=True, help="Print no table and no progress.")
def run(
    scenario: Path,
    seed: int,
    steps: int | None,
    out: Path,
    overrides: tuple[str, ...],
    policy: Path,
    trace: Path | None,
    config: Path | None,
    rules: Path,
    row_format: Literal["csv", "parquet"] | None,
    sample: float | None,
    no_orders: bool,
    plots: bool,
    metrics_port: int | None,
    serve: bool,
    pace: float,
    crypto: Literal["carried", "real"],
    replications: int | Literal["auto"] | None,
    precision: float | None,
    measures: tuple[str, ...],
    jobs: int | None,
    executor: str | None,
    quiet: bool,
) -> int:
    """Run SCENARIO: every order through the real policy and the real router."""
    if not math.isfinite(pace):
        raise InputError(f"--pace {pace}", "this is no pace", "Give simulated seconds a second, such as 60")
    if serve and metrics_port is None:
        raise InputError("--serve", "there are no metrics to serve", "Give --metrics-port 9110 too")
    if plots and importlib.util.find_spec("matplotlib") is None:
        raise InputError(
            "--plots", "matplotlib, which draws them, is not installed", 'Install the extra: pip install ".[plots]"'
        )
    if replications is not None:
        warm_up(jobs, executor, "aurora_sim.lab.replications")
    chosen = Choice(replications, precision, measures, jobs, executor)
    single = {"--plots": plots, "--metrics-port": metrics_port is not None, "--pace": pace > 0.0}
    single |= {"--format": row_format is not None, "--sample": sample is not None, "--no-orders": no_orders}
    chosen.check(seed, single)
    rows = rows_chosen(row_format, sample, no_orders)
    from aurora_sim.engine.run import Options
    from aurora_sim.engine.run import run as run_scenario
    from aurora_sim.scenario.scenario import find, load

    loaded = load(scenario, config_dir=config, overrides=list(overrides), trace=trace)
    options = Options(seed, find(policy), find(rules), steps, out, pace, crypto, rows.format, rows.share)
    if replications is not None:
        with progress_bar("replicating", "runs", quiet) as show:
            replicate(loaded, options, chosen, quiet, show)
        return 0
    with contextlib.ExitStack() as stack:
        running: list[Run] = []
        interrupted = stack.enter_context(_interruptible(running))
        progress = stack.enter_context(progress_bar("simulating", "steps", quiet))

        def begun(state: Run) -> None:
            running.append(state)
            if metrics_port is not None:
                from aurora_sim.observe.exporter import serve as serve_metrics

                server = serve_metrics(state.recorder, state.treaty_id, metrics_port)
                stack.callback(server.close)
                if not quiet:
                    click.echo(f"metrics on http://127.0.0.1:{server.port}/metrics", err=True)

        done = run_scenario(
            loaded, options, begun=begun, watch=lambda reading: progress(reading.step + 1, running[0].steps)
        )
        if plots and done.recorder.step > 0:
            _draw(done, out)
        if not quiet:
            from aurora_sim.observe.terminal import summary

            click.echo(summary(done.recorder, done.objectives, done.alerts, done.faults, done.complete))
            click.echo(f"{done.recorder.step} steps in {done.wall_clock_s:.2f} s; files in {out}/{rows.words}")
        if not done.complete:
            return 130
        if serve:
            click.echo("serving metrics; Ctrl-C ends it", err=True)
            interrupted.wait()
    return 0


def _draw(done: Run, out: Path) -> None:
    from aurora_sim.observe.plots import draw

    draw(out, done.loaded.scenario.title, done.faults, done.loaded.world.slo)


@contextlib.contextmanager
def _interruptible(running: list[Run]) -> Iterator[threading.Event]:
    """Ctrl-C ends the run after the step it is in, with its files in place; before there is a run, or twice, at once."""
    interrupted = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if interrupted.is_set() or not running:
            raise KeyboardInterrupt
        interrupted.set()
        running[0].stop = True

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def progress_bar(what: str, things: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, if that is a terminal; it is shown how many of how many are done."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} " + things),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what)

        def show(done: int, total: int) -> None:
            bar.update(task, total=total, completed=done)

        yield show
