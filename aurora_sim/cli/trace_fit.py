"""`aurora-sim trace fit`: a scenario whose demand is like a trace's."""

from __future__ import annotations

import importlib.util
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import click

from aurora_sim.cli.trace import instant
from aurora_sim.scenario.configuration import PROJECT, read_world
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.scenario import Loaded
from aurora_sim.scenario.scenario import load as load_scenario

DEFAULT_START = datetime(2026, 1, 5, tzinfo=UTC)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The scenario to write, e.g. scenarios/x.yaml."
)
@click.option(
    "--start", metavar="TIME", help="When the scenario starts, UTC: the trace's second 0  [default: 2026-01-05]."
)
@click.option("--tenants", type=click.IntRange(1, 64), default=8, show_default=True, help="Tenants at most.")
@click.option(
    "--load", type=click.FloatRange(0.01, 10), default=0.7, show_default=True, help="GPU-hours over GPUs on offer."
)
@click.option(
    "--seeds", type=click.IntRange(1, 1000), default=10, show_default=True, help="Seeds to judge the fit with."
)
@click.option("--seed", type=click.IntRange(0, 2**31), default=42, show_default=True, help="The first of them.")
@click.option(
    "--plots", type=click.Path(path_type=Path), help="Draw the fit beside the trace, as a PNG in that folder."
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the goodness of fit there, by seed.")
def fit(
    file: Path,
    out: Path,
    start: str | None,
    tenants: int,
    load: float,
    seeds: int,
    seed: int,
    plots: Path | None,
    json_path: Path | None,
) -> int:
    """Fit a demand model to the trace FILE, write it as a scenario, and say how like the trace it is.

    Exit status 1: it is written, and the medians over the seeds are not within the bounds.
    """
    from aurora_sim.lab.trace.fit import fit as fit_trace
    from aurora_sim.lab.trace.goodness import demand_of_run, goodness, goodness_json, goodness_text, time_of_day_s
    from aurora_sim.lab.trace.scenario_text import scenario_text
    from aurora_sim.lab.trace.trace import load_trace
    from aurora_sim.treaty.whole_file import write_whole

    if plots is not None and importlib.util.find_spec("matplotlib") is None:
        raise InputError("--plots", "matplotlib, which draws them, is not installed", 'pip install ".[plots]"')
    if out.suffix.lower() not in (".yaml", ".yml"):
        raise InputError(f"--out {out}", "a scenario is a .yaml file", f"Give {out.with_suffix('.yaml')}")
    began = instant(start, "--start") or DEFAULT_START
    trace = load_trace(file)
    try:
        found = fit_trace(trace, tenants_max=tenants, start_of_day_s=time_of_day_s(began))
    except InputError as error:
        raise InputError(str(file), error.what, error.mend) from None
    text = scenario_text(
        found, trace, read_world(Path("config")), name=file.name, schema=_schema(out), start=began, load=load
    )
    loaded = _put(out, text)
    judged = goodness(trace, loaded, range(seed, seed + seeds))
    if json_path is not None:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(json_path, (json.dumps(goodness_json(judged), indent=1) + "\n").encode(), mode=0o644)
    click.echo(goodness_text(judged))
    if plots is not None:
        from aurora_sim.lab.trace.fit_plots import draw_fit

        runs = [demand_of_run(loaded, one) for one in list(judged.by_seed)[:10]]
        draw_fit(plots / f"{out.stem}.png", file.name, trace, runs)
        click.echo(f"{plots / f'{out.stem}.png'}: the fit beside the trace")
    click.echo(f"{out}: {found.steps} steps, {len(found.tenants)} tenants; aurora-sim run {out}")
    return 0 if judged.good else 1


def _put(out: Path, text: str) -> Loaded:
    """Put the scenario where it belongs when it has been read back and is good, and not before."""
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name(f".{out.stem}.{os.getpid()}.yaml")
    try:
        beside.write_text(text, encoding="utf-8")
        load_scenario(beside)
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)
    return load_scenario(out)


def _schema(out: Path) -> str:
    """Where the file finds the schema: beside it, or in the checkout."""
    schema = PROJECT / "scenarios" / "scenario.schema.json"
    folder = out.resolve().parent
    return f"./{schema.name}" if folder == schema.parent else os.path.relpath(schema, folder)
