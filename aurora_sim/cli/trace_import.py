"""`aurora-sim trace import`: published traces become files that scenarios replay."""

from __future__ import annotations

from pathlib import Path

import click

from aurora_sim.cli.trace import instant
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.quantities import SECONDS_MAX, parse_duration

OUT = click.option("--out", type=click.Path(path_type=Path), required=True, help="The trace file to write.")


@click.group(name="import")
def import_() -> None:
    """Turn a published trace into one that scenarios replay."""


@import_.command()
@click.argument("file", type=click.Path(path_type=Path))
@OUT
@click.option("--from", "begin", metavar="DATE", help="The first day, UTC  [default: the first job's].")
@click.option("--days", type=click.FloatRange(0, 36500, min_open=True), help="How many days  [default: all].")
@click.option("--min-duration", default="0s", show_default=True, metavar="TIME", help="Leave shorter jobs out.")
def philly(file: Path, out: Path, begin: str | None, days: float | None, min_duration: str) -> None:
    """Jobs of Microsoft's Philly clusters: a CSV with timestamp, duration, num_gpus, cluster."""
    from aurora_sim.lab.trace.import_philly import import_philly
    from aurora_sim.lab.trace.trace import write_trace

    first = instant(begin, "--from")
    naive = first.replace(tzinfo=None) if first else None
    found, jobs = import_philly(file, naive, days, _seconds(min_duration, "--min-duration"))
    write_trace(found, out, "ph")
    click.echo(f"{out}: {found.arrival_s.size} of {jobs} jobs, {len(found.tenants)} tenants")


@import_.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@OUT
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=42, show_default=True, help="Seed of the arrivals.")
@click.option("--from", "begin", default="0s", show_default=True, metavar="TIME", help="Where in the records to begin.")
@click.option("--days", type=click.FloatRange(0, 3650, min_open=True), default=14.0, show_default=True)
@click.option(
    "--factor",
    type=click.FloatRange(0, 1e6, min_open=True),
    default=1.0,
    show_default=True,
    help="Multiplies every rate: the records have hundreds of requests a second.",
)
@click.option("--duration", default="60s", show_default=True, metavar="TIME", help="How long each order lasts.")
def servegen(
    files: tuple[Path, ...], out: Path, seed: int, begin: str, days: float, factor: float, duration: str
) -> None:
    """Arrivals made from ServeGen's rate records: time, rate, CV, family, shape, scale; a file is a client."""
    from aurora_sim.lab.trace.import_servegen import import_servegen
    from aurora_sim.lab.trace.trace import write_trace

    duration_s = _seconds(duration, "--duration")
    if duration_s == 0.0:
        raise InputError("--duration", "it is 0", "Give the seconds that each order lasts, above 0")
    found = import_servegen(files, seed, _seconds(begin, "--from"), days * 86_400.0, factor, duration_s)
    write_trace(found, out, "sg")
    click.echo(
        f"{out}: {found.arrival_s.size} orders of {len(found.tenants)} clients, seed {seed}; "
        f"each takes 1 GPU for {duration_s:g} s, which the records do not say"
    )


def _seconds(text: str, option: str) -> float:
    try:
        value = float(parse_duration(text))
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= SECONDS_MAX:
        raise InputError(f"{option} {text}", "this is no duration", "Give seconds, or a text such as 60s or 1h30m")
    return value
