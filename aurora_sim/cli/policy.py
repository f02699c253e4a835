"""`aurora-sim policy`: look at a policy module, ask it about one order, and time it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

import click
from pydantic import Field, model_validator

from aurora_sim.scenario.config import Name, Treaty
from aurora_sim.scenario.document import read_document
from aurora_sim.scenario.quantities import NonNegative, Positive, Strict, wrong
from aurora_sim.scenario.validation import validate
from aurora_sim.treaty.policy import abi

TREATY_FILE = Path("config/aurora-treaty-akash.json")

Unsigned = Annotated[int, Field(ge=0, le=0xFFFF_FFFF)]


class TreatyTermsGiven(Strict):
    """Terms that take the place of those in the treaty's file."""

    regions: Annotated[list[Name], Field(min_length=1, max_length=64)] | None = None
    quota_gpu_hours_total: Positive | None = None
    quota_gpu_hours_daily_per_tenant: Positive | None = None
    min_reputation: Annotated[int, Field(ge=0, le=100)] | None = None
    halted: bool | None = None


class OrderGiven(Strict):
    """The fields of an order slot by name; a region by its name or by its index."""

    gpu_hours: Annotated[float, Field(allow_inf_nan=False)]
    tenant_used_today: NonNegative = 0.0
    treaty_used_total: NonNegative = 0.0
    region: Name | None = None
    region_index: Unsigned | None = None
    tenant_reputation: Unsigned
    nonce_seen: bool = False
    treaty: TreatyTermsGiven | None = None

    @model_validator(mode="after")
    def _one_region(self) -> Self:
        if (self.region is None) == (self.region_index is None):
            raise wrong("neither or both of region and region_index are given", "Give one of the two")
        return self


MODULE = click.argument("module", type=click.Path(path_type=Path))


@click.group()
def policy() -> None:
    """Check, question and time a policy module."""


@policy.command()
@MODULE
def check(module: Path) -> None:
    """Load MODULE as a run does, and show what it is. Ends with 2 where the host refuses it."""
    from aurora_sim.treaty.policy.host import PolicyHost
    from aurora_sim.treaty.policy.probe import PROBE_TERMS

    with PolicyHost.load(module, PROBE_TERMS) as host:
        click.echo(f"module   {module}")
        click.echo(f"sha256   {host.sha256}")
        click.echo(f"size     {host.size_bytes} bytes")
        click.echo(f"memory   {host.memory_bytes} bytes, {host.order_capacity} order slots")
        for number, (name, kind) in enumerate(host.exports):
            click.echo(f"{'exports' if number == 0 else '':8} {name} {kind}")
        for number, (name, limit) in enumerate(host.limits.items()):
            click.echo(f"{'limits' if number == 0 else '':8} {name} {limit}")
    click.echo(f"accepted: ABI version {abi.ABI_VERSION}, nothing imported, decisions do not depend on their order")


@policy.command()
@MODULE
@click.argument("order", type=click.Path(path_type=Path))
@click.option(
    "--treaty",
    "treaty_file",
    type=click.Path(path_type=Path),
    default=TREATY_FILE,
    show_default=True,
    help="Where the terms come from that ORDER does not give.",
)
def decide(module: Path, order: Path, treaty_file: Path) -> None:
    """Print what MODULE decides about the order in ORDER, a JSON file.

    Its keys: gpu_hours, tenant_reputation, region or region_index; if wanted tenant_used_today, treaty_used_total,
    nonce_seen, and treaty, an object of terms that take the place of the treaty file's.
    """
    from aurora_sim.treaty.policy.host import PolicyHost
    from aurora_sim.treaty.policy.terms import region_indexes, treaty_terms

    given = validate(read_document(order), OrderGiven)
    treaty = treaty_in_force(given.treaty, treaty_file)
    region_index = given.region_index
    if region_index is None:
        region_index = region_indexes(treaty).get(given.region or "", abi.UNKNOWN_REGION)
    with PolicyHost.load(module, treaty_terms(treaty)) as host:
        code = host.decide(
            given.gpu_hours,
            given.tenant_used_today,
            given.treaty_used_total,
            region_index,
            given.tenant_reputation,
            int(given.nonce_seen),
        )
    click.echo(f"{code} {abi.reason(code)}")


@policy.command()
@MODULE
@click.option("--orders", type=click.IntRange(1, 10_000_000), default=20_000, show_default=True, help="Orders a round.")
@click.option("--rounds", type=click.IntRange(1, 1_000), default=15, show_default=True, help="The quickest counts.")
def bench(module: Path, orders: int, rounds: int) -> None:
    """Time MODULE's decisions, four ways in one run: the ratios hold from machine to machine, the times do not."""
    from aurora_sim.treaty.policy.bench import measure
    from aurora_sim.treaty.policy.host import PolicyHost
    from aurora_sim.treaty.policy.probe import PROBE_TERMS

    with PolicyHost.load(module, PROBE_TERMS) as host:
        timings = measure(host, orders, rounds)
    unit = timings[0].ns_per_decision
    click.echo(f"{'':26} {'ns a decision':>14} {'ratio':>8}")
    for timing in timings:
        click.echo(f"{timing.name:26} {timing.ns_per_decision:14.0f} {timing.ns_per_decision / unit:8.2f}")


def treaty_in_force(given: TreatyTermsGiven | None, treaty_file: Path) -> Treaty:
    """The file's treaty with the terms that came with the order; where these are complete, no file is needed."""
    own = given.model_dump(exclude_none=True) if given is not None else {}
    if own.keys() >= {name for name, field in Treaty.model_fields.items() if field.is_required()} - {"treaty_id"}:
        return Treaty(treaty_id="given-with-the-order", **own)
    return validate(read_document(treaty_file), Treaty).model_copy(update=own)
