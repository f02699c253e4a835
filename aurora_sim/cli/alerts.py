"""`aurora-sim alerts`: hand a run to Prometheus, and judge the alert rules themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora_sim.cli.crew_options import chosen_crew, crew_options, warm_up
from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.lab.alerts.tape import Tape
    from aurora_sim.observe.game_record import Arm

RULES = Path("config/prometheus/alert_rules.yml")
POLICY = Path("policy/wasm/vault-law-akash-policy.wasm")
GAMES = Path("scenarios/war-games")
DAY = Path("scenarios/baseline.yaml")
SEED_MAX = 2**63 - 100_001
STEPS_MAX = 10_080


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


@alerts.command()
@click.argument("rules", metavar="[FILE]", type=click.Path(path_type=Path), default=RULES)
@click.option(
    "--games", "paths", multiple=True, type=click.Path(path_type=Path), help="Playbooks or folders  [default: all]."
)
@click.option("--only", multiple=True, metavar="TAG", help="Only games with this tag, group or name.")
@click.option(
    "--seeds", type=click.IntRange(1, 1000), default=1, show_default=True, help="Seeds, of games and of days."
)
@click.option(
    "--first-seed", type=click.IntRange(0, SEED_MAX), default=1, show_default=True, help="Seeds count up from it."
)
@click.option(
    "--day-steps",
    type=click.IntRange(1, STEPS_MAX),
    default=1440,
    show_default=True,
    help="Minutes of a fault-free day.",
)
@crew_options
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the audit there too.")
@click.option("--policy", type=click.Path(path_type=Path), default=POLICY, help="Policy module.")
@click.option("--config", type=click.Path(path_type=Path), help="Configuration folder  [default: config].")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def audit(
    rules: Path,
    paths: tuple[Path, ...],
    only: tuple[str, ...],
    seeds: int,
    first_seed: int,
    day_steps: int,
    jobs: int | None,
    executor: str | None,
    json_file: Path | None,
    policy: Path,
    config: Path | None,
    quiet: bool,
) -> int:
    """Judge the rules of FILE over every war game and a fault-free day: precision, recall, times, and what is wrong with a rule.

    Exit status 1 when a rule has a defect, a game's alert was missed, or one fired in a fault-free day.
    """
    warm_up(jobs, executor, "aurora_sim.lab.alerts.audit")
    from aurora_sim.cli.run import progress_bar
    from aurora_sim.lab.alerts.audit import Day
    from aurora_sim.lab.alerts.audit import audit as audited
    from aurora_sim.lab.alerts.terminal import audit_text
    from aurora_sim.lab.wargame.catalogue import read_games
    from aurora_sim.lab.wargame.play import GameOptions
    from aurora_sim.observe.alerts import load_rules
    from aurora_sim.scenario.scenario import find
    from aurora_sim.treaty.whole_file import write_whole

    if json_file is not None and not json_file.parent.is_dir():
        raise InputError(f"--json {json_file}", "its folder does not exist", "Make it, or give another place")
    loaded = load_rules(find(rules))
    if not loaded.rules:
        raise InputError(str(rules), "there is no rule in it", "Give a file with alert rules")
    options = GameOptions(find(policy), find(RULES), config)
    games = read_games(paths or (find(GAMES),), options, only)
    with chosen_crew(jobs, executor) as crew, progress_bar("playing", "plays", quiet) as show:
        found = audited(
            loaded,
            games,
            range(first_seed, first_seed + seeds),
            Day(DAY, day_steps),
            options,
            crew,
            whole=not paths and not only,
            watch=show,
        )
    if json_file is not None:
        write_whole(json_file, (found.model_dump_json(indent=1) + "\n").encode(), mode=0o644)
    click.echo(audit_text(found))
    return 0 if found.clean else 1


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
