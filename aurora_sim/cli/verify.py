"""`vault-law verify` and `audit`: whether everything is as it was written, and what an operator should look at."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora_sim.cli.deployment_options import deployed, opened
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.quantities import parse_duration

if TYPE_CHECKING:
    from aurora_sim.treaty.store.deployment import Deployment

SHOWN_MAX = 100


@click.command()
@click.option(
    "--tsa-ca",
    "ca_files",
    type=click.Path(path_type=Path),
    multiple=True,
    envvar="AURORA_TSA_CA",
    help="Root certificate (PEM) of an authority whose stamps count, beside the embedded one's. May be repeated.",
)
@deployed
def verify(ca_files: tuple[Path, ...], deployment: Deployment) -> int:
    """Say whether database, order log and signatures agree. Ends with 1 when anything is wrong, and names each thing.

    The ledger is the sum of the filled orders; no nonce was accepted twice; every order, ack, receipt and version of the
    terms is signed; the log is whole; and each accepted order is in the log and in the database, as it was accepted.
    """
    from aurora_sim.treaty.receipts.sources import trusted_certificates
    from aurora_sim.treaty.store.integrity import inspect

    trusted = trusted_certificates(deployment.keys, ca_files)
    with opened(deployment) as store:
        found = inspect(
            store,
            deployment.key_registry(),
            trusted,
            treaty_id=deployment.config.treaty.treaty_id,
            nonce_ttl_s=deployment.config.gateway.nonce_ttl,
            now_s=time.time(),
        )
    for fault in found.faults[:SHOWN_MAX]:
        click.echo(str(fault))
    if len(found.faults) > SHOWN_MAX:
        click.echo(f"and {len(found.faults) - SHOWN_MAX} more")
    looked = f"{found.orders} orders, {found.acks} acks, {found.receipts} receipts, {found.entries} log entries"
    if found.by_revoked_keys:
        click.echo(f"{found.by_revoked_keys} signatures are by keys revoked since: see vault-law audit")
    if found.faults:
        click.echo(f"NOT as written: {len(found.faults)} faults in {looked}")
        return 1
    click.echo(f"all as written: {looked}")
    return 0


@click.command()
@click.option("--since", default="24h", show_default=True, metavar="DURATION", help="How far to look back.")
@deployed
def audit(since: str, deployment: Deployment) -> int:
    """List what an operator should look at. Ends with 1 when there is anything.

    Halts that stand, replayed nonces, quotas of which 90 % are used, completed jobs without a complete receipt, acks and
    orders by revoked keys.
    """
    from aurora_sim.treaty.store.audit import audit as anomalies_of

    now_s = time.time()
    registry = deployment.key_registry()
    with opened(deployment) as store, store.database.reading() as connection:
        anomalies = list(
            anomalies_of(connection, registry, deployment.config, since_s=now_s - _seconds(since), now_s=now_s)
        )
    for anomaly in anomalies:
        click.echo(f"{anomaly.kind:12} {anomaly.about:20} {anomaly.what}")
    click.echo(f"{len(anomalies)} anomalies in the last {since}" if anomalies else f"nothing in the last {since}")
    return 1 if anomalies else 0


def _seconds(text: str) -> float:
    try:
        seconds = float(parse_duration(text))
    except ValueError:
        seconds = -1.0
    if not 0.0 < seconds <= 3.2e9:
        raise InputError(f"--since {text}", "this is no duration", "Give a text such as 24h, or seconds")
    return seconds
