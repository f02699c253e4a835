"""`aurora-sim explain`: why the router ranks an order as it does, at a moment of a scenario."""

from __future__ import annotations

import math
from pathlib import Path

import click

from aurora_sim.engine.run import simulate
from aurora_sim.observe.recorder import STEP_S, Recorder
from aurora_sim.scenario.errors import InputError, did_you_mean
from aurora_sim.scenario.quantities import parse_duration
from aurora_sim.scenario.scenario import find, load
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.policy.terms import treaty_terms


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path), default=Path("scenarios/baseline.yaml"))
@click.option("--at", default="0m", show_default=True, metavar="TIME", help="Time since the start, e.g. 35m or 2100.")
@click.option("--tenant", default="tenant-research", show_default=True)
@click.option("--workload", default="general_compute", show_default=True)
@click.option("--gpus", type=click.IntRange(1, 65536), default=1, show_default=True)
@click.option(
    "--max-price",
    type=click.FloatRange(0, min_open=True),
    help="USD per GPU-hour  [default: the middle of the limits].",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=42, show_default=True)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override the world.")
def explain(
    scenario: Path,
    at: str,
    tenant: str,
    workload: str,
    gpus: int,
    max_price: float | None,
    seed: int,
    overrides: tuple[str, ...],
) -> None:
    """Run SCENARIO up to a moment, and say for each provider how it scores for an order, or what cut it."""
    at_s = _seconds(at)
    loaded = load(scenario, overrides=list(overrides))
    world = loaded.world
    for option, given, known in (("--tenant", tenant, world.tenants), ("--workload", workload, world.workloads)):
        if given not in known:
            raise InputError(
                f"{option} {given}", f"the configuration has no such {option[2:]}", did_you_mean(given, known)
            )
    gpu_type = world.workloads[workload].gpu_type
    limit = world.price_limits[gpu_type]
    price = max_price if max_price is not None else (limit.low + limit.high) / 2.0
    module = find(Path("policy/wasm/vault-law-akash-policy.wasm"))
    with PolicyHost.load(module, treaty_terms(world.treaty)) as policy:
        simulation = simulate(loaded, seed, math.floor(at_s / STEP_S) + 1, policy, Recorder(None))
        simulation.warm_up()
        while simulation.next_step_s <= at_s:
            simulation.step()
        simulation.advance(at_s)
        region = world.tenants[tenant].region
        click.echo(f"{workload} of {tenant} at {at}: {gpus} {gpu_type} in {region}, at most {price:.2f} USD/GPU-hour")
        click.echo(str(simulation.explain(tenant, workload, gpus, price)))


def _seconds(text: str) -> float:
    try:
        return float(parse_duration(text))
    except ValueError:
        raise InputError(
            f"--at {text}", "this is no duration", "Give seconds, or a text such as 35m or 1h30m"
        ) from None
