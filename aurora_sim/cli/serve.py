"""`vault-law serve`: take signed orders over HTTP."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora_sim.cli.deployment_options import deployed

if TYPE_CHECKING:
    import socket

    from aurora_sim.treaty.store.deployment import Deployment

PORT = click.IntRange(0, 65535)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8110, show_default=True, help="Port of the orders; 0 takes any free one.")
@click.option(
    "--metrics-port", type=PORT, default=9109, show_default=True, help="Port of the metrics, on the same address."
)
@click.option(
    "--nonces",
    "nonces_url",
    envvar="AURORA_NONCES",
    metavar="URL",
    help="A nonce store in front of the database, such as redis://127.0.0.1:6379/0  [default: the database alone].",
)
@click.option(
    "--policy",
    "module",
    type=click.Path(path_type=Path),
    default=Path("policy/wasm/vault-law-akash-policy.wasm"),
    show_default=True,
    help="Policy module.",
)
@click.option("--init", "first_init", is_flag=True, help="Make first what is missing, as vault-law init does.")
@deployed
def serve(
    deployment: Deployment,
    host: str,
    port: int,
    metrics_port: int,
    nonces_url: str | None,
    module: Path,
    first_init: bool,
) -> int:
    """Answer POST /orders, GET /orders/ID, /healthz, /schema and /openapi.json until SIGTERM or Ctrl-C.

    Several may run at once over one database, each on a port of its own: quota and nonces stay exact.
    """
    from aurora_sim.scenario.scenario import find
    from aurora_sim.treaty.serve.server import listen
    from aurora_sim.treaty.store.answers import StoreUnavailable

    with contextlib.ExitStack() as stack:
        # Ports first: what is in the way is told before anything is opened.
        listener = stack.enter_context(listen("orders", host, port))
        metrics_listener = stack.enter_context(listen("metrics", host, metrics_port))
        if first_init:
            _init(deployment)
        try:
            _serve(deployment, find(module), nonces_url, listener, metrics_listener)
        except StoreUnavailable as failure:
            click.echo(f"vault-law: {failure}", err=True)
            return 1
    click.echo("whoever waited was answered; over")
    return 0


def _init(deployment: Deployment) -> None:
    from aurora_sim.treaty.store.deployment import make

    for made in make(deployment, time.time()):
        click.echo(made)


def _serve(
    deployment: Deployment,
    module: Path,
    nonces_url: str | None,
    listener: socket.socket,
    metrics_listener: socket.socket,
) -> None:
    from aurora_sim.treaty.policy.host import PolicyHost
    from aurora_sim.treaty.policy.terms import treaty_terms
    from aurora_sim.treaty.serve.meter import Meter
    from aurora_sim.treaty.serve.server import OrderServer, url_of
    from aurora_sim.treaty.serve.service import order_service
    from aurora_sim.treaty.store.desk import Desk
    from aurora_sim.treaty.store.nonce_stores import shared_nonces
    from aurora_sim.treaty.store.providers import EmbeddedProviders

    config, meter = deployment.config, Meter()
    registry = deployment.key_registry()
    with PolicyHost.load(module, treaty_terms(config.treaty)) as policy:
        providers = EmbeddedProviders(deployment.keys, registry, config)
        nonces = shared_nonces(nonces_url, config.treaty.treaty_id, config.gateway.nonce_ttl)
        with contextlib.closing(Desk(deployment.store(), registry, policy, config, providers, nonces, meter)) as desk:
            service = order_service(desk, meter, config.treaty.treaty_id)
            server = OrderServer(service.app, listener, service.line, metrics=(service.metrics, metrics_listener))

            def ready() -> None:
                click.echo(
                    f"{config.treaty.treaty_id} on {url_of(listener)}, metrics on {url_of(metrics_listener)}/metrics, "
                    f"process {os.getpid()}; SIGTERM or Ctrl-C ends it"
                )

            server.run(ready)
