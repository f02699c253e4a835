"""`aurora-sim wargame`: play the catalogue, or some of it; and the tools to write a game."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aurora_sim.cli.crew_options import chosen_crew, crew_options, warm_up
from aurora_sim.scenario.errors import InputError

if TYPE_CHECKING:
    from aurora_sim.lab.wargame.play import GameOptions

GAMES = Path("scenarios/war-games")
SEED_MAX = 2**63 - 100_001


class _PlayByDefault(click.Group):
    """`wargame PATH...` plays; `wargame new`, `plan` and `validate` are its tools."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "play", self.commands["play"], args

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args[:1] == ["--help"]:
            return super().parse_args(ctx, args)
        return super().parse_args(ctx, args if args and args[0] in self.commands else ["play", *args])


@click.group(cls=_PlayByDefault)
def wargame() -> None:
    """Play war games: `aurora-sim wargame [PATH...]` (`play --help` has the options)."""


def _options(command: Any) -> Any:
    for option in reversed(
        (
            click.option("--rules", type=click.Path(path_type=Path), default=Path("config/prometheus/alert_rules.yml")),
            click.option(
                "--policy", type=click.Path(path_type=Path), default=Path("policy/wasm/vault-law-akash-policy.wasm")
            ),
            click.option("--config", type=click.Path(path_type=Path), help="Configuration folder  [default: config]."),
            click.option(
                "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override the world of each game."
            ),
        )
    ):
        command = option(command)
    return command


def _game_options(rules: Path, policy: Path, config: Path | None, overrides: tuple[str, ...]) -> GameOptions:
    from aurora_sim.lab.wargame.play import GameOptions
    from aurora_sim.scenario.scenario import find

    return GameOptions(find(policy), find(rules), config, overrides)


@wargame.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--seeds", type=click.IntRange(1, 1000), default=20, show_default=True, help="Seeds for each game.")
@click.option(
    "--first-seed", type=click.IntRange(0, SEED_MAX), default=1, show_default=True, help="Seeds count up from it."
)
@crew_options
@click.option("--no-response", is_flag=True, help="Nobody responds: every game that needs a response must fail.")
@click.option("--only", multiple=True, metavar="TAG", help="Only games with this tag, group or name.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the table of results.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML.")
@click.option("--report", type=click.Path(path_type=Path), help="Write the HTML report into this folder.")
@click.option("--against", type=click.Path(path_type=Path), help="Compare with the JSON results of another time.")
@click.option("--quiet", is_flag=True, help="Print only the closing lines.")
@_options
def play(
    paths: tuple[Path, ...],
    seeds: int,
    first_seed: int,
    jobs: int | None,
    executor: str | None,
    no_response: bool,
    only: tuple[str, ...],
    json_file: Path | None,
    junit: Path | None,
    report: Path | None,
    against: Path | None,
    quiet: bool,
    rules: Path,
    policy: Path,
    config: Path | None,
    overrides: tuple[str, ...],
) -> int:
    """Play the games of PATH... (files or folders; the catalogue without any), and judge them.

    Exit status 1 when a game did not pass or, with --against, when something got worse.
    """
    warm_up(jobs, executor, "aurora_sim.lab.wargame.play")
    from aurora_sim.lab.wargame.against import findings, regressed
    from aurora_sim.lab.wargame.catalogue import read_games
    from aurora_sim.lab.wargame.files import read_results, write_results
    from aurora_sim.lab.wargame.terminal import closing, game_line
    from aurora_sim.lab.wargame.week import play_week

    options = _game_options(rules, policy, config, overrides)
    last = None if against is None else read_results(against)
    games = read_games(paths or (_catalogue(),), options, only)
    if not games:
        raise InputError("--only", "no game is left to play", "Choose other tags")
    with chosen_crew(jobs, executor) as crew:
        results = play_week(
            games,
            range(first_seed, first_seed + seeds),
            options,
            crew,
            respond=not no_response,
            whole=not paths and not only,
            watch=lambda game: None if quiet else click.echo(game_line(game)),
        )
    if last is not None:
        results = results.model_copy(update={"findings": findings(last, results)})
    write_results(results, json_file=json_file, junit=junit, report=report)
    click.echo(closing(results))
    if results.findings is not None and regressed(results.findings):
        return 1
    return 0 if results.verdict == "passed" else 1


def _catalogue() -> Path:
    from aurora_sim.scenario.scenario import find

    return find(GAMES)


@wargame.command()
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path), default=GAMES, show_default=True)
def new(name: str, folder: Path) -> None:
    """Write the commented skeleton of a game NAME, such as rtt/my-game."""
    from aurora_sim.lab.wargame.skeleton import write_skeleton

    path = write_skeleton(name, folder)
    click.echo(f"wrote {path}; next: aurora-sim wargame plan {path}, aurora-sim wargame {path} --seeds 3")


@wargame.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@_options
def validate(
    files: tuple[Path, ...], rules: Path, policy: Path, config: Path | None, overrides: tuple[str, ...]
) -> None:
    """Check each of FILES (or of a folder), and all that they name; play nothing."""
    from aurora_sim.lab.wargame.catalogue import read_games

    for game in read_games(files, _game_options(rules, policy, config, overrides)):
        faults = ", ".join(name for name, _ in game.loaded.faults) or "none"
        click.echo(f"{game.path}: good; {game.playbook.steps} minutes; faults: {faults}")


@wargame.command()
@click.argument("file", type=click.Path(path_type=Path))
@_options
def plan(file: Path, rules: Path, policy: Path, config: Path | None, overrides: tuple[str, ...]) -> None:
    """Print the resolved timeline of FILE; play nothing."""
    from aurora_sim.lab.wargame.plan import plan_text
    from aurora_sim.lab.wargame.play import read_game

    click.echo(plan_text(read_game(file, _game_options(rules, policy, config, overrides))))
