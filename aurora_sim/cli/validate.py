"""`aurora-sim validate`: read everything that a run or a game would read, and run nothing."""

from __future__ import annotations

from pathlib import Path

import click

from aurora_sim.scenario.document import is_playbook, read_document
from aurora_sim.scenario.scenario import Loaded, find, load

RULES = Path("config/prometheus/alert_rules.yml")


@click.command()
@click.argument("scenarios", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override the world.")
@click.option("--config", type=click.Path(path_type=Path), help="Configuration folder  [default: config].")
def validate(scenarios: tuple[Path, ...], overrides: tuple[str, ...], config: Path | None) -> None:
    """Check each of SCENARIOS (a scenario or a playbook), the configuration under it, and the trace that it replays."""
    for path in scenarios:
        if is_playbook(read_document(find(path))):
            loaded, more = _playbook(path, overrides, config)
        else:
            loaded, more = load(path, config_dir=config, overrides=list(overrides)), ""
        if loaded.world.demand.replay is not None:
            from aurora_sim.world.replay import check_trace

            more += f", {check_trace(loaded.world.demand.replay, loaded.world)} orders to replay"
        faults = ", ".join(name for name, _ in loaded.faults) or "none"
        click.echo(
            f"{path}: good; {loaded.scenario.steps} steps from {loaded.scenario.start:%Y-%m-%d %H:%M} UTC; faults: {faults}{more}"
        )


def _playbook(path: Path, overrides: tuple[str, ...], config: Path | None) -> tuple[Loaded, str]:
    # Their imports take longer than to check a scenario.
    from aurora_sim.observe.alerts import alerts_of, load_rules
    from aurora_sim.scenario.playbook_file import load_playbook

    own = config / "prometheus" / "alert_rules.yml" if config is not None else RULES
    alerts = alerts_of(load_rules(own if own.exists() else find(RULES)))
    game = load_playbook(path, config_dir=config, overrides=list(overrides), alerts=alerts)
    steps = len(game.playbook.response) + len(game.playbook.rollbacks)
    return game.loaded, f"; {steps} steps of operators, {len(game.playbook.expect)} expectations"
