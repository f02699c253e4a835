"""`aurora-sim schema`: the JSON Schema of scenario files."""

from __future__ import annotations

import click

from aurora_sim.scenario.json_schema import schema_text
from aurora_sim.scenario.scenario import PROJECT


@click.command()
@click.option("--write", is_flag=True, help="Write scenarios/scenario.schema.json.")
def schema(write: bool) -> None:
    """Print the schema that editors complete scenario files with."""
    if write:
        path = PROJECT / "scenarios" / "scenario.schema.json"
        path.write_text(schema_text(), encoding="utf-8")
        click.echo(f"wrote {path.relative_to(PROJECT)}")
    else:
        click.echo(schema_text(), nl=False)
