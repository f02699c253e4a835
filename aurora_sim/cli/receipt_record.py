"""`vault-law receipt record`: tell the orders database of receipts, so that provenance coverage counts them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora_sim.cli.deployment_options import deployed, opened
from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.treaty.store.deployment import Deployment


@click.command()
@click.argument("receipt_files", metavar="RECEIPT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--unpinned", is_flag=True, help="The artefacts are not pinned yet: the receipts do not count as complete."
)
@click.option(
    "--tsa-ca",
    "ca_files",
    type=click.Path(path_type=Path),
    multiple=True,
    envvar="AURORA_TSA_CA",
    help="Root certificate (PEM) of an authority whose stamps count, beside the embedded one's. May be repeated.",
)
@deployed
def record(receipt_files: tuple[Path, ...], unpinned: bool, ca_files: tuple[Path, ...], deployment: Deployment) -> None:
    """Verify each RECEIPT, without its artefacts, and keep it with its order; all of them or none."""
    from aurora_sim.cli.receipt_files import read_file
    from aurora_sim.treaty.receipts.sources import trusted_certificates
    from aurora_sim.treaty.receipts.verification import verify_receipt_file
    from aurora_sim.treaty.store.receipt_book import record_receipts

    now_s = time.time()
    registry, trusted = deployment.key_registry(), trusted_certificates(deployment.keys, ca_files)
    receipts = []
    for path in receipt_files:
        receipt, faults = verify_receipt_file(read_file(path), None, registry, trusted, now_s=now_s)
        if faults or receipt is None:
            raise InputError(str(path), f"it does not hold: {faults[0]}", "Record a receipt that vault-law made")
        receipts.append((receipt, not unpinned))
    with opened(deployment) as store:
        record_receipts(store, receipts, now_s)
    for receipt, complete in receipts:
        click.echo(f"{receipt.order_id}: recorded, {'complete' if complete else 'not complete until it is pinned'}")
