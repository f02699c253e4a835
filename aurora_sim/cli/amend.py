"""`vault-law amend`: change the treaty's terms, as a new signed version that is in force at once, or take that back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from aurora_sim.cli.deployment_options import deployed, opened, when
from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.treaty.store.deployment import Deployment
    from aurora_sim.treaty.store.terms import TermsVersion


@click.command()
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="A term and its new value. Repeatable.")
@click.option("--revert", is_flag=True, help="Put the version before into force again, as a new version.")
@click.option("--to", "version", type=click.IntRange(1), metavar="VERSION", help="With --revert: that version.")
@click.option("--history", is_flag=True, help="List the versions, the newest first.")
@deployed
def amend(
    assignments: tuple[str, ...], revert: bool, version: int | None, history: bool, deployment: Deployment
) -> None:
    """Change regions, quotas or the reputation floor; every worker follows at its next batch, without a restart.

    For example: --set quota_gpu_hours_daily_per_tenant=80000 --set 'regions=[eu-west-1]'
    """
    from aurora_sim.treaty.key_files import signer_for
    from aurora_sim.treaty.store import actions
    from aurora_sim.treaty.store.terms import TREATY_OWNER, versions

    if [bool(assignments), revert, history].count(True) != 1 or (version is not None and not revert):
        raise InputError("vault-law amend", "it is not clear what to do", "Give --set, or --revert, or --history")
    now_s = time.time()
    registry = deployment.key_registry()
    with opened(deployment) as store:
        if history:
            with store.database.reading() as connection:
                for terms in versions(connection, registry):
                    trusted = f"  NOT TRUSTED: {terms.fault}" if terms.fault else ""
                    click.echo(f"{terms.version:4}  {when(terms.made_at_s)}  {terms.action}{trusted}")
            return
        signer = signer_for(deployment.keys, registry, TREATY_OWNER, now_s)
        if revert:
            before, after = actions.revert(store, registry, signer, version, now_s)
        else:
            before, after = actions.amend(store, registry, signer, list(assignments), now_s)
    _say(before, after)


def _say(before: TermsVersion, after: TermsVersion) -> None:
    click.echo(f"version {after.version} of the terms is in force ({after.action})")
    for name, old in before.treaty.model_dump().items():
        new = getattr(after.treaty, name)
        if new != old:
            click.echo(f"  {name}: {_text(old)} -> {_text(new)}")


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
