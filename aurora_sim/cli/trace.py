"""`aurora-sim trace`: look at real traces, bring them in, fit them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from aurora_sim.cli import LazyGroup
from aurora_sim.scenario.errors import InputError

trace = LazyGroup(
    {
        "describe": ("aurora_sim.cli.trace:describe", "Say what a trace is like, in figures."),
        "fit": ("aurora_sim.cli.trace_fit:fit", "Fit a demand model to a trace, and write it as a scenario."),
        "import": ("aurora_sim.cli.trace_import:import_", "Turn a published trace into one that scenarios replay."),
    },
    "trace",
    "Real traces: described, imported, and fitted by demand models.",
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--start", metavar="TIME", help="When the trace's second 0 was, e.g. 2017-11-01: names the weekdays.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures there too.")
def describe(file: Path, start: str | None, json_path: Path | None) -> None:
    """Rate, unevenness, durations, GPUs, tenants and profile of the trace FILE."""
    from aurora_sim.lab.trace.describe import describe as described_as
    from aurora_sim.lab.trace.description_text import description_text
    from aurora_sim.lab.trace.trace import load_trace
    from aurora_sim.treaty.whole_file import write_whole

    began = instant(start, "--start")
    described = described_as(load_trace(file), start_of_week_s(began) if began else 0.0)
    if json_path is not None:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(json_path, (json.dumps(described.as_json(), indent=1) + "\n").encode(), mode=0o644)
    click.echo(description_text(file.name, described, weekdays=began is not None))


def instant(text: str | None, option: str) -> datetime | None:
    """A date, or date and time, in UTC."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option} {text}", "this is no date", "Give it as 2017-11-01 or 2017-11-01T06:00") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def start_of_week_s(moment: datetime) -> float:
    """Seconds since Monday's midnight, UTC."""
    return moment.weekday() * 86_400.0 + moment.hour * 3600.0 + moment.minute * 60.0 + moment.second
