"""Plays games: each on every seed and in every arm, one task a play, over processes.

The calm arm of a seed is the same for all games over the same world, start and length: it is played once for them all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from aurora_sim.engine.game import play
from aurora_sim.lab.crew import Crew
from aurora_sim.lab.workers import run_all
from aurora_sim.observe.alerts import load_rules
from aurora_sim.observe.game_record import Arm, GameRecord
from aurora_sim.scenario.errors import RunError
from aurora_sim.scenario.playbook import Playbook
from aurora_sim.scenario.playbook_file import load_playbook
from aurora_sim.scenario.scenario import Loaded, file_sha256

FOLDER: Final = "war-games"


@dataclass(frozen=True, slots=True)
class GameOptions:
    """What a game is played over: the policy's module, the rules, the configuration and overrides of it."""

    policy: Path
    rules: Path
    config: Path | None = None
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Game:
    """A playbook that was read and checked, and its id."""

    id: str
    path: Path
    loaded: Loaded
    playbook: Playbook

    def inputs(self, options: GameOptions) -> str:
        """A digest of all files that a play of it reads."""
        what = [self.loaded.sha256, *(file_sha256(path) for path in (options.policy, options.rules))]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()

    @property
    def world_key(self) -> str:
        """Equal for games whose calm arms are the same."""
        world = self.loaded.world.model_dump(mode="json")
        what = [world, self.playbook.start.isoformat(), self.playbook.steps, self.playbook.warm_up]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Play:
    """One game on one seed in one arm. The files are read anew where it is played, and must be what `inputs` says."""

    path: Path
    seed: int
    arm: Arm
    options: GameOptions
    inputs: str


@dataclass(frozen=True, slots=True)
class SeedPlays:
    """A seed's records. `answered` is None where the response was not played."""

    seed: int
    calm: GameRecord
    unanswered: GameRecord
    answered: GameRecord | None


def play_all(
    games: Sequence[Game], seeds: Sequence[int], options: GameOptions, jobs: int | Crew, *, respond: bool = True
) -> Iterator[tuple[Game, list[SeedPlays]]]:
    """Play every game on every seed (as many of them as it wants), in order; a game comes when all its plays are done."""
    plans: list[tuple[Game, list[tuple[int, list[Play]]]]] = []
    calm_first: dict[tuple[str, int], Play] = {}
    last_use: dict[Play, int] = {}
    for place, game in enumerate(games):
        of_game: list[tuple[int, list[Play]]] = []
        key, inputs = game.world_key, game.inputs(options)
        for seed in seeds[: game.playbook.seeds_max]:
            calm = calm_first.setdefault((key, seed), Play(game.path, seed, "calm", options, inputs))
            last_use[calm] = place
            arms: tuple[Arm, ...] = ("unanswered", "answered") if respond else ("unanswered",)
            of_game.append((seed, [calm, *(Play(game.path, seed, arm, options, inputs) for arm in arms)]))
        plans.append((game, of_game))
    tasks = list(dict.fromkeys(one for _, of_game in plans for _, plays in of_game for one in plays))
    results = zip(tasks, run_all(play_one, tasks, jobs), strict=True)
    done: dict[Play, GameRecord] = {}
    for place, (game, of_game) in enumerate(plans):
        needed = [one for _, plays in of_game for one in plays]
        while any(one not in done for one in needed):
            task, record = next(results)
            done[task] = record
        yield (
            game,
            [
                SeedPlays(seed, done[plays[0]], done[plays[1]], done[plays[2]] if respond else None)
                for seed, plays in of_game
            ],
        )
        for one in needed:
            if last_use.get(one, place) == place:
                done.pop(one, None)


def play_one(task: Play) -> GameRecord:
    """One play, in whatever process. Raises RunError where its files are others there."""
    game = read_game(task.path, task.options)
    if game.inputs(task.options) != task.inputs:
        raise RunError(f"{task.path}, or a file that it is played with, is not what it was at the start. Play it again")
    return play(game.loaded, game.playbook, task.seed, task.arm, task.options.policy, task.options.rules)


@lru_cache(maxsize=64)
def read_game(path: Path, options: GameOptions) -> Game:
    """The playbook of a file, read and checked in full. Raises InputError."""
    alerts = {rule.alert: rule.for_s for rule in load_rules(options.rules).rules}
    loaded, playbook, _ = load_playbook(
        path, config_dir=options.config, overrides=list(options.overrides), alerts=alerts
    )
    return Game(game_id(path), path, loaded, playbook)


def game_id(path: Path) -> str:
    """Its path below the folder of games, without the ending."""
    parts = path.with_suffix("").parts
    below = parts[::-1].index(FOLDER) if FOLDER in parts else 1
    return "/".join(parts[-below:])
