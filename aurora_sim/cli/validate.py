"""`aurora-sim validate`: read everything that a run would read, and run nothing."""

from __future__ import annotations

from pathlib import Path

import click

from aurora_sim.scenario.scenario import load


@click.command()
@click.argument("scenarios", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override the world.")
@click.option("--config", type=click.Path(path_type=Path), help="Configuration folder  [default: config].")
def validate(scenarios: tuple[Path, ...], overrides: tuple[str, ...], config: Path | None) -> None:
    """Check each of SCENARIOS, the configuration under it, and the trace that it replays."""
    for path in scenarios:
        loaded = load(path, config_dir=config, overrides=list(overrides))
        rows = ""
        if loaded.world.demand.replay is not None:
            from aurora_sim.world.replay import check_trace

            rows = f", {check_trace(loaded.world.demand.replay, loaded.world)} orders to replay"
        faults = ", ".join(name for name, _ in loaded.faults) or "none"
        click.echo(
            f"{path}: good; {loaded.scenario.steps} steps from {loaded.scenario.start:%Y-%m-%d %H:%M} UTC; faults: {faults}{rows}"
        )
