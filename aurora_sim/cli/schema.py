"""`aurora-sim schema`: the JSON Schemas of scenario files and of signed orders."""

from __future__ import annotations

import click

from aurora_sim.scenario.configuration import PROJECT
from aurora_sim.scenario.json_schema import schema_text


@click.command()
@click.option("--order", is_flag=True, help="The schema of a signed order in place of the scenarios'.")
@click.option("--write", is_flag=True, help="Write both where they are kept, and print none.")
def schema(order: bool, write: bool) -> None:
    """Print the schema that editors complete scenario files with."""
    from aurora_sim.treaty.signed_order import order_schema_text

    if not write:
        click.echo(order_schema_text() if order else schema_text(), nl=False)
        return
    for name, text in (
        ("scenarios/scenario.schema.json", schema_text()),
        ("config/order.schema.json", order_schema_text()),
    ):
        (PROJECT / name).write_text(text, encoding="utf-8")
        click.echo(f"wrote {name}")
