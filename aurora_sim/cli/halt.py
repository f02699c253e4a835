"""`vault-law halt`, `resume` and `status`: stop the treaty, let it go on, and say how it stands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from aurora_sim.cli.deployment_options import check_treaty, deployed, opened, when
from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.treaty.store.deployment import Deployment

TREATY = click.option("--treaty", metavar="ID", help="The treaty  [default: the configuration's].")


@click.command()
@click.option("--treaty", required=True, metavar="ID", help="The treaty, so that no other is halted by mistake.")
@click.option("--reason", required=True, help="Why: it stands in every refusal, and in the log.")
@deployed
def halt(treaty: str, reason: str, deployment: Deployment) -> None:
    """Let no order in, from every worker's next batch on, until `vault-law resume`."""
    from aurora_sim.treaty.store import actions

    treaty_id = check_treaty(deployment, treaty)
    reason = _said(reason)
    with opened(deployment) as store:
        entry = actions.halt(store, treaty_id, reason, time.time())
    click.echo(f"{treaty_id} is halted: {reason} (entry {entry} of {deployment.log})")


@click.command()
@TREATY
@click.option("--reason", default="", help="What was done about it; for the log.")
@deployed
def resume(treaty: str | None, reason: str, deployment: Deployment) -> None:
    """Lift every halt, an operator's and the provenance guard's, which then gives coverage its time anew."""
    from aurora_sim.treaty.store import actions

    treaty_id = check_treaty(deployment, treaty)
    with opened(deployment) as store:
        lifted = actions.resume(store, treaty_id, reason, time.time())
    if not lifted:
        click.echo(f"{treaty_id} was not halted")
    for stood in lifted:
        click.echo(f"lifted: {stood.reason} (by the {_maker(stood.made_by)}, since {when(stood.made_at_s)})")
    if lifted:
        click.echo(f"{treaty_id} takes orders again")


@click.command()
@deployed
def status(deployment: Deployment) -> int:
    """Say how the treaty stands: halts, terms, quota, orders, coverage, log. Ends with 1 while it is halted."""
    from aurora_sim.treaty.store.providers import views_from_config
    from aurora_sim.treaty.store.readings import read
    from aurora_sim.treaty.store.state import read_state

    now_s = time.time()
    registry = deployment.key_registry()
    with opened(deployment) as store, store.database.reading() as connection:
        state = read_state(connection, registry)
        readings = read(connection, registry, deployment.config, views_from_config(deployment.config), now_s)
        behind = store.chain.head()[0] - readings.log_entries
    terms = state.terms
    rows = [("treaty", readings.treaty_id), ("takes orders", "no" if state.halt_reasons else "yes")]
    rows += [("halted", f"{h.reason} (by the {_maker(h.made_by)}, since {when(h.made_at_s)})") for h in state.halts]
    if terms is not None:
        trusted = f"; NOT TRUSTED: {terms.fault}" if terms.fault else ""
        rows.append(("terms", f"version {terms.version} ({terms.action}), {when(terms.made_at_s)}{trusted}"))
        rows.append(("regions", ", ".join(terms.treaty.regions)))
        rows.append(("min reputation", str(terms.treaty.min_reputation)))
        if terms.treaty != deployment.config.treaty:
            rows.append(("note", "the terms differ from the configuration's; `vault-law amend` changes those in force"))
    rows.append(("quota, in all", _used(readings.gpu_hours_used_total, readings.quota_gpu_hours_total)))
    daily = readings.quota_gpu_hours_daily_per_tenant
    rows += [(f"today, {name}", _used(used, daily)) for name, used in readings.gpu_hours_used_today.items()]
    rows.append(("fill rate, 5 min", _share(readings.fill_rate)))
    rows.append(("dropped, 5 min", str(readings.dropped_recently)))
    rows.append(("coverage, 15 min", _share(readings.provenance_coverage)))
    rows.append(("nonces held", str(readings.nonces_held)))
    rows.append(("log", f"{readings.log_entries} entries" + (f", {behind} more to be redone" if behind > 0 else "")))
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        click.echo(f"{name.ljust(width)}  {text}")
    return 1 if state.halt_reasons else 0


def _said(reason: str) -> str:
    """A reason that can stand in a line of a table and of an answer."""
    said = " ".join(reason.split())
    if not said or len(said) > 200:
        raise InputError("--reason", f"it has {len(said)} characters", "Say it in 1 to 200")
    return said


def _maker(made_by: str) -> str:
    return "provenance guard" if made_by == "provenance" else made_by


def _used(used: float, quota: float) -> str:
    return f"{used:.6g} of {quota:.6g} GPU-hours ({used / quota:.1%})"


def _share(share: float | None) -> str:
    return "no data" if share is None else f"{share:.3f}"
