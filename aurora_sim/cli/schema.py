"""`aurora-sim schema`: the JSON Schemas of scenario files, playbooks and signed orders."""

from __future__ import annotations

import click

from aurora_sim.scenario.configuration import PROJECT
from aurora_sim.scenario.json_schema import playbook_schema, schema_text


@click.command()
@click.option("--order", is_flag=True, help="The schema of a signed order in place of the scenarios'.")
@click.option("--playbook", is_flag=True, help="The schema of a playbook in place of the scenarios'.")
@click.option("--write", is_flag=True, help="Write all where they are kept, and print none.")
def schema(order: bool, playbook: bool, write: bool) -> None:
    """Print the schema that editors complete scenario files with."""
    from aurora_sim.treaty.signed_order import order_schema_text

    if not write:
        text = order_schema_text() if order else schema_text(playbook_schema() if playbook else None)
        click.echo(text, nl=False)
        return
    for name, text in (
        ("scenarios/scenario.schema.json", schema_text()),
        ("scenarios/playbook.schema.json", schema_text(playbook_schema())),
        ("config/order.schema.json", order_schema_text()),
    ):
        (PROJECT / name).write_text(text, encoding="utf-8")
        click.echo(f"wrote {name}")
