"""`vault-law serve`: take signed orders over HTTP."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from aurora_sim.treaty.store.deployment import Deployment

PORT = click.IntRange(0, 65535)


@click.command()
@click.option(
    "--db",
    default="sqlite:///state/aurora.db",
    show_default=True,
    envvar="AURORA_DB",
    metavar="URL",
    help="The orders database.",
)
@click.option(
    "--keys",
    "keys_dir",
    type=click.Path(path_type=Path),
    default="state/keys",
    show_default=True,
    envvar="AURORA_KEYS",
    help="Folder of private keys.",
)
@click.option(
    "--registry",
    "registry_file",
    type=click.Path(path_type=Path),
    default="config/keys.json",
    show_default=True,
    envvar="AURORA_KEY_REGISTRY",
    help="Registry of public keys.",
)
@click.option(
    "--log",
    "log_file",
    type=click.Path(path_type=Path),
    envvar="AURORA_LOG",
    help="The order log  [default: vault-law.log beside the database's file, or in state/].",
)
@click.option(
    "--nonces",
    "nonces_url",
    envvar="AURORA_NONCES",
    metavar="URL",
    help="A nonce store in front of the database, such as redis://127.0.0.1:6379/0  [default: the database alone].",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8110, show_default=True, help="Port of the orders; 0 takes any free one.")
@click.option(
    "--metrics-port", type=PORT, default=9109, show_default=True, help="Port of the metrics, on the same address."
)
@click.option(
    "--policy",
    "module",
    type=click.Path(path_type=Path),
    default="policy/wasm/vault-law-akash-policy.wasm",
    show_default=True,
    help="Policy module.",
)
@click.option(
    "--config",
    "config_dir",
    type=click.Path(path_type=Path),
    default="config",
    show_default=True,
    help="Configuration folder.",
)
def serve(
    db: str,
    keys_dir: Path,
    registry_file: Path,
    log_file: Path | None,
    nonces_url: str | None,
    host: str,
    port: int,
    metrics_port: int,
    module: Path,
    config_dir: Path,
) -> int:
    """Answer POST /orders, GET /orders/ID, /healthz, /schema and /openapi.json until SIGTERM or Ctrl-C.

    Several may run at once over one database, each on a port of its own: quota and nonces stay exact.
    """
    from aurora_sim.scenario.scenario import find
    from aurora_sim.treaty.store.answers import StoreUnavailable
    from aurora_sim.treaty.store.configuration import read_world
    from aurora_sim.treaty.store.deployment import Deployment, default_log

    log = default_log(db) if log_file is None else log_file
    deployment = Deployment(db, keys_dir, find(registry_file), log, read_world(find(config_dir)))
    try:
        _serve(deployment, find(module), nonces_url, host, port, metrics_port)
    except StoreUnavailable as failure:
        click.echo(f"vault-law: {failure}", err=True)
        return 1
    return 0


def _serve(
    deployment: Deployment, module: Path, nonces_url: str | None, host: str, port: int, metrics_port: int
) -> None:
    from aurora_sim.treaty.policy.host import PolicyHost
    from aurora_sim.treaty.policy.terms import treaty_terms
    from aurora_sim.treaty.serve.meter import Meter
    from aurora_sim.treaty.serve.server import OrderServer, listen, url_of
    from aurora_sim.treaty.serve.service import order_service
    from aurora_sim.treaty.store.desk import Desk
    from aurora_sim.treaty.store.nonce_stores import shared_nonces
    from aurora_sim.treaty.store.providers import EmbeddedProviders

    config, meter = deployment.config, Meter()
    with contextlib.ExitStack() as stack:
        # Ports first: what is in the way is told before anything is opened.
        listener = stack.enter_context(listen("orders", host, port))
        metrics_listener = stack.enter_context(listen("metrics", host, metrics_port))
        registry = deployment.key_registry()
        policy = stack.enter_context(PolicyHost.load(module, treaty_terms(config.treaty)))
        providers = EmbeddedProviders(deployment.keys, registry, config)
        nonces = shared_nonces(nonces_url, config.treaty.treaty_id, config.gateway.nonce_ttl)
        desk = Desk(deployment.store(), registry, policy, config, providers, nonces, meter)
        stack.callback(desk.close)
        service = order_service(desk, meter, config.treaty.treaty_id)
        server = OrderServer(service.app, listener, service.line, metrics=(service.metrics, metrics_listener))

        def ready() -> None:
            click.echo(
                f"{config.treaty.treaty_id} on {url_of(listener)}, metrics on {url_of(metrics_listener)}/metrics, "
                f"process {os.getpid()}; SIGTERM or Ctrl-C ends it"
            )

        server.run(ready)
    click.echo("whoever waited was answered; over")
