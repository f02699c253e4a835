"""A whole war game: every game played, judged as it is done, and put into one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aurora_sim.lab.crew import Crew
from aurora_sim.lab.wargame.play import Game, GameOptions, play_all
from aurora_sim.lab.wargame.results import GameResult, Results
from aurora_sim.lab.wargame.table import game_result, results_table
from aurora_sim.observe.alerts import load_rules


def play_week(
    games: Sequence[Game],
    seeds: Sequence[int],
    options: GameOptions,
    jobs: int | Crew,
    *,
    respond: bool,
    whole: bool,
    watch: Callable[[GameResult], object],
) -> Results:
    """Play the games on the seeds. `watch` sees each result as soon as it is there; `whole`: it is the whole catalogue."""
    rule_file = load_rules(options.rules)
    rules = [(rule.alert, rule.severity) for rule in rule_file.rules]
    found: list[GameResult] = []
    for game, plays in play_all(games, seeds, options, jobs, respond=respond):
        found.append(game_result(game, plays, options, rules))
        watch(found[-1])
    inputs = {str(options.rules): rule_file.sha256}
    for game in games:
        inputs.update(game.loaded.sha256)
    return results_table(found, list(seeds), dict(sorted(inputs.items())), respond=respond, whole=whole)
