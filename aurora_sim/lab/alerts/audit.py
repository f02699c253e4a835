"""Alert rules over the whole catalogue and fault-free days: every game played once, and what any rules file makes of it.

The arm is the unanswered one, where the fault is there in full and nobody's response hides it. An alert that a game asks for and
that stays silent there is looked for in the answered arm too: some are the response's doing, such as failovers to what it enables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aurora_sim.engine.run import Options
from aurora_sim.lab.alerts.hearing import Heard, hear
from aurora_sim.lab.alerts.judge import GamePlayed, rule_audit
from aurora_sim.lab.alerts.results import Audit
from aurora_sim.lab.alerts.tape import tape_of_game, tape_of_scenario
from aurora_sim.lab.alerts.thresholds import NOISY_SHARE, REACH_SHARE
from aurora_sim.lab.crew import Crew
from aurora_sim.lab.wargame.play import Game, GameOptions, read_game
from aurora_sim.lab.workers import run_all
from aurora_sim.observe.alerts import RuleFile, load_rules
from aurora_sim.observe.game_record import Arm, GameRecord
from aurora_sim.scenario.scenario import Loaded, load


@dataclass(frozen=True)
class Day:
    """A fault-free day: a scenario without faults, for so many steps of 60 s."""

    scenario: Path
    steps: int


@dataclass(frozen=True)
class _Task:
    """One play of a game, or, with `arm` None, one fault-free day; heard with the rules of a file."""

    path: Path
    seed: int
    arm: Arm | None
    steps: int
    options: GameOptions
    rules: Path


def audit(
    rules: RuleFile,
    games: Sequence[Game],
    seeds: Sequence[int],
    day: Day,
    options: GameOptions,
    jobs: int | Crew,
    *,
    whole: bool,
    watch: Callable[[int, int], object] = lambda done, of: None,
) -> Audit:
    """Play the games and the days, and judge the rules. `options.rules` are those that games are checked against.

    `whole`: it is the whole catalogue. `watch` is told how many plays of how many are done. Raises InputError for what cannot be
    evaluated.
    """
    of_game = {game.id: seeds[: game.playbook.seeds_max] for game in games}
    # The days first: they are the longest, and a process that began one last would keep the others waiting.
    days = [_Task(day.scenario, seed, None, day.steps, options, rules.path) for seed in seeds]
    first = [_Task(g.path, seed, "unanswered", 0, options, rules.path) for g in games for seed in of_game[g.id]]
    heard: dict[_Task, tuple[Heard, GameRecord | None]] = {}
    tasks = [*days, *first]
    for task, result in zip(tasks, run_all(_listen, tasks, jobs), strict=True):
        heard[task] = result
        watch(len(heard), len(tasks))
    played = {task: _played(game, heard[task]) for game in games for task in first if task.path == game.path}
    again = [
        _Task(task.path, task.seed, "answered", 0, options, rules.path)
        for task, one in played.items()
        if one.missed(rules)
    ]
    for task, (of_rules, record) in zip(again, run_all(_listen, again, jobs), strict=True):
        assert record is not None
        unanswered = _Task(task.path, task.seed, "unanswered", 0, options, rules.path)
        played[unanswered] = played[unanswered].with_answered(of_rules, record)
    at_rest = {task.seed: heard[task][0] for task in days}
    asked = Counter(e.alert for game in games for e in game.playbook.expect if e.fires_within is not None)
    known = {rule.alert for rule in rules.rules}
    judged = [rule_audit(rules, number, [*played.values()], at_rest, whole=whole) for number in range(len(rules.rules))]
    return Audit(
        rules_file=str(rules.path),
        rules_sha256=rules.sha256,
        games=[game.id for game in games],
        seeds=[*seeds],
        whole=whole,
        day=str(day.scenario),
        day_minutes=day.steps,
        rules=judged,
        unheard={alert: count for alert, count in sorted(asked.items(), key=str) if alert and alert not in known},
        noisy_share=NOISY_SHARE,
        reach_share=REACH_SHARE,
        clean=not any(rule.defects or rule.missed or rule.false_days for rule in judged),
    )


def _played(game: Game, result: tuple[Heard, GameRecord | None]) -> GamePlayed:
    heard, record = result
    assert record is not None
    return GamePlayed(game, record, heard)


# In the worker.


def _listen(task: _Task) -> tuple[Heard, GameRecord | None]:
    rules = _rules(task.rules)
    if task.arm is None:
        options = Options(task.seed, task.options.policy, task.options.rules, task.steps)
        tape, _ = tape_of_scenario(_scenario(task.path, task.options.config), options, rules.sample_names)
        return hear(rules, tape.minutes), None
    game = read_game(task.path, task.options)
    tape, record = tape_of_game(game, task.seed, task.arm, task.options, rules.sample_names)
    return hear(rules, tape.minutes), record


@lru_cache(maxsize=1)
def _rules(path: Path) -> RuleFile:
    return load_rules(path)


@lru_cache(maxsize=1)
def _scenario(path: Path, config: Path | None) -> Loaded:
    return load(path, config_dir=config)
