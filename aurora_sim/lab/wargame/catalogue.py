"""Which games are played: the playbooks of the paths that were given, chosen by tag or name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from aurora_sim.lab.wargame.play import Game, GameOptions, read_game
from aurora_sim.scenario.errors import InputError, did_you_mean


def playbooks(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, and every `.yaml` below the folders, each folder in the order of names. Raises InputError."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            below = sorted(path.rglob("*.yaml"))
            if not below:
                raise InputError(str(path), "there is no playbook below it", "Give a folder of .yaml files, or a file")
            found += below
        elif path.exists():
            found.append(path)
        else:
            raise InputError(str(path), "there is no such file or folder", "Give a playbook, or a folder of them")
    return list(dict.fromkeys(found))


def read_games(paths: Iterable[Path], options: GameOptions, only: Sequence[str] = ()) -> list[Game]:
    """The games, read and checked. `only`: tags, ids, or the first part of ids; a game is kept that matches any."""
    games = [read_game(path, options) for path in playbooks(paths)]
    ids: dict[str, Path] = {}
    for game in games:
        if game.id in ids:
            raise InputError(str(game.path), f"{ids[game.id]} is the game {game.id} already", "Rename one of them")
        ids[game.id] = game.path
    if not only:
        return games
    names = {name for game in games for name in (*game.playbook.tags, game.id, game.id.partition("/")[0])}
    for wanted in only:
        if wanted not in names:
            raise InputError(f"--only {wanted}", "no game has this tag or name", did_you_mean(wanted, names))
    return [game for game in games if {*game.playbook.tags, game.id, game.id.partition("/")[0]} & set(only)]
