"""`aurora-sim alerts`: hand a run to Prometheus, and judge the alert rules themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.lab.alerts.tape import Tape
    from aurora_sim.observe.game_record import Arm

RULES = Path("config/prometheus/alert_rules.yml")
POLICY = Path("policy/wasm/vault-law-akash-policy.wasm")
SEED_MAX = 2**63 - 100_001


@click.group()
def alerts() -> None:
    """Hand a run to Prometheus, and judge the alert rules."""


@alerts.command()
@click.argument("source", metavar="RUN_FOLDER|PLAYBOOK", type=click.Path(path_type=Path))
@click.option("--rules", type=click.Path(path_type=Path), help="Other rules  [default: the run's].")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write  [default: RUN_FOLDER/alerts].")
@click.option("--seed", type=click.IntRange(0, SEED_MAX), help="Of a playbook: which seed is played  [default: 1].")
@click.option(
    "--arm",
    type=click.Choice(["calm", "unanswered", "answered"]),
    help="Of a playbook: without its faults, with them, or with the response too  [default: answered].",
)
@click.option("--quiet", is_flag=True, help="Print nothing.")
def export(source: Path, rules: Path | None, out: Path | None, seed: int | None, arm: Arm | None, quiet: bool) -> None:
    """Write what promtool needs to judge a run's alerts at every minute, and OpenMetrics to fill a Prometheus with the run.

    RUN_FOLDER is one that `aurora-sim run --out` wrote. A run keeps no series: it is run again, and must give the same files.
    """
    from aurora_sim.cli.run import progress_bar
    from aurora_sim.lab.alerts.export import export as export_tape
    from aurora_sim.observe.alerts import load_rules
    from aurora_sim.scenario.scenario import find

    if rules is not None:
        load_rules(rules := find(rules))  # what is wrong with them is said before a long run
    if source.is_file() or (not source.exists() and find(source).is_file()):
        tape = _tape_of_game(source, seed, arm)
        out = out or Path("out/alerts")
    else:
        if seed is not None or arm is not None:
            raise InputError(
                "--seed, --arm", "a run has its own seed and no arms", "Leave them out, or give a playbook"
            )
        from aurora_sim.lab.alerts.tape import tape_of_run

        with progress_bar("running it again", "steps", quiet) as show:
            tape = tape_of_run(source, show)
        out = out or source / "alerts"
    exported = export_tape(tape, rules or tape.rules, out)
    if not quiet:
        click.echo(exported.text)


def _tape_of_game(path: Path, seed: int | None, arm: Arm | None) -> Tape:
    from aurora_sim.lab.alerts.tape import tape_of_game
    from aurora_sim.lab.wargame.play import GameOptions, read_game
    from aurora_sim.scenario.document import is_playbook, read_document
    from aurora_sim.scenario.scenario import find

    if not is_playbook(read_document(find(path))):
        raise InputError(
            str(path),
            "this is no playbook, and a scenario has no run yet",
            f"Run it: aurora-sim run {path} --out FOLDER",
        )
    options = GameOptions(find(POLICY), find(RULES))
    return tape_of_game(read_game(path, options), 1 if seed is None else seed, arm or "answered", options)[0]
