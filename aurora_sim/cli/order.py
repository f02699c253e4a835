"""`vault-law order`: sign an order as its tenant, submit it, and keep the ack."""

from __future__ import annotations

import json
import math
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aurora_sim.cli.key_options import KEYS, REGISTRY
from aurora_sim.scenario.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from aurora_sim.scenario.config import World
    from aurora_sim.treaty.keys import KeyRegistry
    from aurora_sim.treaty.serve.client import Reply
    from aurora_sim.treaty.signed_order import OrderRequest

POSITIVE = click.FloatRange(0, min_open=True)


@click.group()
def order() -> None:
    """Sign orders, submit them, and ask for them."""


URL = click.option(
    "--url", default="http://127.0.0.1:8110", show_default=True, envvar="AURORA_URL", help="Where the treaty is served."
)


@order.command()
@URL
@click.option(
    "--file",
    "order_file",
    type=click.Path(path_type=Path),
    help="The order as JSON: signed, and sent as it is; or any of its fields, for what no option gives.",
)
@click.option("--tenant", "tenant_id", metavar="ID", help="Who orders, and whose key signs.")
@click.option("--workload", "workload_type", metavar="NAME", help="Such as llm_inference.")
@click.option("--gpu-type", metavar="NAME", help="[default: the workload's]")
@click.option("--gpus", type=click.IntRange(1, 65536), help="[default: 1]")
@click.option("--gpu-hours", type=POSITIVE, help="GPUs times hours  [default: the workload's median].")
@click.option("--region", metavar="NAME", help="[default: the tenant's]")
@click.option(
    "--max-price",
    "max_price_usd_per_hour",
    type=POSITIVE,
    help="USD per GPU-hour  [default: the middle of the limits].",
)
@click.option("--max-latency", "max_latency_ms", type=POSITIVE, help="ms  [default: the workload's].")
@click.option("--min-reputation", type=click.FloatRange(0, 100), help="[default: the tenant's]")
@click.option("--nonce", help="Used for one order only  [default: a random one].")
@click.option(
    "--valid-for", metavar="DURATION", help="How long it may wait to be filled  [default: the configuration's]."
)
@click.option(
    "--retry", type=click.IntRange(0, 100), default=0, show_default=True, help="Tries more, after Retry-After."
)
@click.option("--ack-out", type=click.Path(path_type=Path), help="Write the provider's signed ack to this file.")
@click.option("--print", "print_only", is_flag=True, help="Print the signed order, and submit nothing.")
@KEYS
@REGISTRY
@click.option(
    "--config",
    "config_dir",
    type=click.Path(path_type=Path),
    default=Path("config"),
    show_default=True,
    envvar="AURORA_CONFIG",
    help="The configuration folder.",
)
def submit(
    url: str,
    order_file: Path | None,
    retry: int,
    ack_out: Path | None,
    print_only: bool,
    keys_dir: Path,
    registry_path: Path,
    config_dir: Path,
    valid_for: str | None,
    **given: Any,
) -> int:
    """Sign an order and submit it; 0 when it was accepted, 1 when it was refused or nobody answered.

    Prints the answer as JSON. The ack in it is checked against the registry before it is believed.
    """
    from aurora_sim.scenario.scenario import find
    from aurora_sim.treaty.keys import KeyRegistry
    from aurora_sim.treaty.serve import client

    if ack_out is not None and not ack_out.parent.is_dir():
        raise InputError(f"--ack-out {ack_out}", "its folder is not there", "Make it, or name another")
    registry = KeyRegistry.load(registry_path)
    fields = {name: value for name, value in given.items() if value is not None}
    signed = _order(order_file, fields, valid_for, keys_dir, registry, find(config_dir))
    if print_only:
        click.echo(json.dumps(signed.model_dump(mode="json"), indent=1))
        return 0

    def told(why: str, wait_s: float) -> None:
        click.echo(f"{why}: again in {wait_s:g} s", err=True)

    try:
        reply = client.submit(_checked(url), signed, retries=retry, told=told)
    except client.NoAnswer as failure:
        click.echo(f"{url}: {failure}. Is vault-law serve running there?", err=True)
        return 1
    click.echo(json.dumps(reply.body, indent=1))
    if reply.status != 202:
        where = f" ({reply.body['field']})" if reply.body.get("field") else ""
        click.echo(f"refused: {reply.status} {reply.body.get('error')}{where}: {reply.body.get('message')}", err=True)
        return 1
    return _keep_ack(reply, signed, registry, ack_out)


@order.command()
@URL
@click.argument("order_id", metavar="ID")
def show(url: str, order_id: str) -> int:
    """Print what is known of the order ID; 1 when nothing is."""
    from urllib.parse import quote

    from aurora_sim.treaty.serve import client

    try:
        reply = client.request("GET", f"{_checked(url)}/orders/{quote(order_id, safe='')}")
    except client.NoAnswer as failure:
        click.echo(f"{url}: {failure}. Is vault-law serve running there?", err=True)
        return 1
    click.echo(json.dumps(reply.body, indent=1))
    return 0 if reply.status == 200 else 1


def _checked(url: str) -> str:
    from aurora_sim.treaty.receipts.http_call import check_url

    check_url(url, "--url")
    return url.rstrip("/")


def _order(
    order_file: Path | None,
    fields: dict[str, Any],
    valid_for: str | None,
    keys_dir: Path,
    registry: KeyRegistry,
    config_dir: Path,
) -> OrderRequest:
    """The signed order: the file's as it is, or made of options, file and defaults, in this order."""
    from pydantic import ValidationError

    from aurora_sim.scenario.document import read_document
    from aurora_sim.scenario.shape import locate
    from aurora_sim.scenario.validation import validate
    from aurora_sim.scenario.wording import worded
    from aurora_sim.treaty.key_files import signer_for
    from aurora_sim.treaty.signed_order import OrderRequest, sign_order

    where = "the options"
    if order_file is not None:
        document = read_document(order_file)
        where = str(order_file)
        if "signature" in document.data:
            if fields or valid_for:
                raise InputError(
                    where, "it is signed, and options would change it", "Leave out signature and key_id, or the options"
                )
            return validate(document, OrderRequest)
        fields = {**document.data, **fields}
    now_s = time.time()
    complete = _with_defaults(fields, valid_for, now_s, config_dir)
    signer = signer_for(keys_dir, registry, f"tenant:{complete['tenant_id']}", now_s)
    try:
        return sign_order(complete, signer.private_key)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        what, mend = worded(details, locate(OrderRequest, details["loc"], complete))
        raise InputError(f"{where}: {details['loc'][0]}", what, mend) from None


def _with_defaults(fields: dict[str, Any], valid_for: str | None, now_s: float, config_dir: Path) -> dict[str, Any]:
    """The fields, with what the configuration says of tenant and workload for those that are missing."""
    from aurora_sim.scenario.configuration import read_world

    world = read_world(config_dir)
    tenant = world.tenants[_known("tenant_id", "--tenant", fields, world.tenants)]
    workload = world.workloads[_known("workload_type", "--workload", fields, world.workloads)]
    gpu_type = fields.get("gpu_type", workload.gpu_type)
    valid_for_s = world.gateway.order_valid_for if valid_for is None else _seconds(valid_for)
    issued_s = fields.get("issued_s", now_s)
    return {
        "treaty_id": world.treaty.treaty_id,
        "gpu_type": gpu_type,
        "gpus": 1,
        "gpu_hours": workload.gpu_hours_median,
        "region": tenant.region,
        "max_price_usd_per_hour": _price(world, gpu_type),
        "max_latency_ms": workload.max_latency_ms,
        "min_reputation": tenant.min_provider_reputation,
        "issued_s": issued_s,
        "deadline_s": issued_s + valid_for_s if isinstance(issued_s, int | float) else issued_s,
        "nonce": secrets.token_urlsafe(16),
        **fields,
    }


def _price(world: World, gpu_type: Any) -> float:
    limit = world.price_limits.get(gpu_type) if isinstance(gpu_type, str) else None
    return (limit.low + limit.high) / 2.0 if limit is not None else 1.0


def _known(key: str, option: str, fields: dict[str, Any], known: dict[str, Any]) -> str:
    given = fields.get(key)
    if given is None:
        raise InputError(option, f"nothing says the order's {key}", f"Give {option}. {did_you_mean('', known)}")
    if not isinstance(given, str) or given not in known:
        raise InputError(f"{option} {given}", "the configuration has no such name", did_you_mean(str(given), known))
    return given


def _seconds(text: str) -> float:
    from aurora_sim.scenario.quantities import parse_duration

    try:
        seconds = float(parse_duration(text))
    except ValueError:
        seconds = math.nan
    if not 0.0 < seconds < math.inf:
        raise InputError(f"--valid-for {text}", "this is no duration above 0", "Give a text such as 10m or 1h30m")
    return seconds


def _keep_ack(reply: Reply, signed: OrderRequest, registry: KeyRegistry, ack_out: Path | None) -> int:
    """Check the ack, and write it."""
    from aurora_sim.treaty.canonical import canonical
    from aurora_sim.treaty.signed_ack import read_ack, verify_ack
    from aurora_sim.treaty.signed_order import order_id
    from aurora_sim.treaty.whole_file import write_whole

    try:
        text = canonical(reply.body.get("ack"))
        ack = read_ack(text)
    except ValueError as error:
        click.echo(f"the answer's ack is none: {error}", err=True)
        return 1
    provider_id = str(reply.body.get("provider_id"))
    fault = verify_ack(ack, registry, treaty_id=signed.treaty_id, provider_id=provider_id, now_s=time.time())
    if not fault and ack.order_id != order_id(signed):
        fault = "order_mismatch"
    if ack_out is not None:
        write_whole(ack_out, text + b"\n", mode=0o644)
    if fault:
        click.echo(f"the answer's ack does not hold: {fault}", err=True)
        return 1
    click.echo(f"accepted by {ack.provider_id} at {ack.price_usd_per_hour:g} USD/GPU-hour: {ack.order_id}", err=True)
    return 0
