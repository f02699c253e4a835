"""Every sample of a run or a game at every minute, as a scrape a minute would have taken them; none of it is a measured time.

A run keeps no series. Its manifest says what it was made of, so it is run again, and what comes out must be the run's own files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

from pydantic import BaseModel, ValidationError

from aurora_sim.engine.game import play
from aurora_sim.engine.run import Options, Run, run
from aurora_sim.lab.wargame.play import Game, GameOptions
from aurora_sim.observe.game_record import Arm, GameRecord
from aurora_sim.observe.game_recorder import GameRecorder
from aurora_sim.observe.recorder import Recorder, StepReading
from aurora_sim.observe.run_files import MANIFEST, ROUTING, ROUTING_PARQUET, RowFormat
from aurora_sim.observe.series import Sample, reproducible_samples
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.scenario import Loaded, file_sha256, find, load

Minutes = list[tuple[float, list[Sample]]]
"""Time in seconds from the start, and what was there; the first is time 0 where there was a warm-up, else the end of step 0."""

MINUTES_MAX: Final = 31 * 1440
"""A minute's samples take some 10 KB of memory."""
RUN_IT: Final = "Give a folder that `aurora-sim run --out FOLDER` wrote"
RUN_AGAIN: Final = "Run the scenario again, and give that folder"


@dataclass(frozen=True)
class Tape:
    """`start` is what second 0 is; `rules` the file whose alerts the run or game had."""

    start: datetime
    rules: Path
    minutes: Minutes


class _File(BaseModel):
    path: Path
    sha256: str


class _Rows(BaseModel):
    """The rows of the orders; `sha256_as_csv` is there of those that were written as something else."""

    format: RowFormat
    share: float = 1.0
    sha256_as_csv: str | None = None


class _Manifest(BaseModel):
    """What a run's manifest must say for it to be run again."""

    scenario: Path
    config: Path | None
    overrides: list[str]
    seed: int
    crypto: Literal["carried", "real"]
    steps: int
    steps_done: int
    inputs: dict[str, str]
    policy: _File
    rules: _File
    order_rows: _Rows = _Rows(format="csv")
    outputs: dict[str, str]

    @property
    def outputs_again(self) -> dict[str, str]:
        """What comes out when it is run again with CSV in place of Parquet, of which no two versions write the same bytes."""
        if self.order_rows.sha256_as_csv is None:
            return self.outputs
        others = {name: sha256 for name, sha256 in self.outputs.items() if name != ROUTING_PARQUET}
        return {**others, ROUTING: self.order_rows.sha256_as_csv}


class Taker:
    """Takes every minute's samples; `only` the names that are wanted, or all."""

    def __init__(self, treaty_id: str, only: AbstractSet[str] | None = None) -> None:
        self.minutes: Minutes = []
        self._treaty_id = treaty_id
        self._only = only

    def take(self, time_s: float, recorder: Recorder, reading: StepReading) -> None:
        """Take what is there now."""
        samples = reproducible_samples(recorder, reading, self._treaty_id, only=self._only)
        self.minutes.append((time_s, [*samples]))


def tape_of_game(
    game: Game, seed: int, arm: Arm, options: GameOptions, only: AbstractSet[str] | None = None
) -> tuple[Tape, GameRecord]:
    """Play a game, and keep what its minutes showed. Raises InputError for a bad policy or rules file."""
    taker = Taker(game.loaded.world.treaty.treaty_id, only)

    def watch(time_s: float, recorder: GameRecorder, reading: StepReading) -> None:
        taker.take(time_s, recorder, reading)

    record = play(game.loaded, game.playbook, seed, arm, options.policy, options.rules, watch)
    return Tape(game.playbook.start, options.rules, taker.minutes), record


def tape_of_scenario(
    loaded: Loaded,
    options: Options,
    only: AbstractSet[str] | None = None,
    show: Callable[[int, int], object] = lambda done, of: None,
    steps_done: int | None = None,
) -> tuple[Tape, Run]:
    """Run a scenario, up to `steps_done` of its steps if given; `show` is told how many steps of how many are done."""
    taker = Taker(loaded.world.treaty.treaty_id, only)
    running: list[Run] = []

    def begun(state: Run) -> None:
        running.append(state)
        if state.recorder.latest is not None:
            taker.take(0.0, state.recorder, state.recorder.latest)
        state.stop = steps_done == 0

    def watch(reading: StepReading) -> None:
        state = running[0]
        taker.take(reading.time_s, state.recorder, reading)
        show(reading.step + 1, steps_done or state.steps)
        state.stop = reading.step + 1 == steps_done

    done = run(loaded, options, begun=begun, watch=watch)
    return Tape(loaded.scenario.start, options.rules, taker.minutes), done


def tape_of_run(folder: Path, show: Callable[[int, int], object] = lambda done, of: None) -> Tape:
    """Run a run again. Raises InputError unless its inputs, its files and what comes out now are what its manifest says."""
    manifest = _read_manifest(folder)
    place = str(folder / MANIFEST)
    if manifest.steps_done > MINUTES_MAX:
        what = f"it has {manifest.steps_done} minutes, and at most {MINUTES_MAX} are exported"
        raise InputError(place, what, "Run fewer --steps")
    found = {name: file_sha256(folder / name) for name in manifest.outputs}
    _same(manifest.outputs, found, place, lambda name: f"{folder / name} is not what the run wrote", RUN_AGAIN)
    loaded = load(manifest.scenario, config_dir=manifest.config, overrides=manifest.overrides)
    policy, rules = find(manifest.policy.path), find(manifest.rules.path)
    given = {**manifest.inputs, "the policy": manifest.policy.sha256, "the rules": manifest.rules.sha256}
    now = {**loaded.sha256, "the policy": file_sha256(policy), "the rules": file_sha256(rules)}
    _same(given, now, place, lambda name: f"{name} is not what it was in the run", f"Put it back. Or: {RUN_AGAIN}")
    with TemporaryDirectory() as beside:
        out = Path(beside) / "again"
        options = Options(
            manifest.seed,
            policy,
            rules,
            manifest.steps,
            out,
            crypto=manifest.crypto,
            rows="none" if manifest.order_rows.format == "none" else "csv",
            rows_share=manifest.order_rows.share,
        )
        tape, again = tape_of_scenario(loaded, options, show=show, steps_done=manifest.steps_done)
    _same(
        manifest.outputs_again,
        again.outputs,
        place,
        lambda name: f"run again, the run gives another {name}: it is of another version of the program",
        RUN_AGAIN,
    )
    return tape


def _same(said: Mapping[str, str], found: Mapping[str, str], place: str, what: Callable[[str], str], mend: str) -> None:
    for name in sorted({*said, *found}):
        if said.get(name) != found.get(name):
            raise InputError(place, what(name), mend)


def _read_manifest(folder: Path) -> _Manifest:
    path = folder / MANIFEST
    if not folder.is_dir():
        raise InputError(str(folder), "there is no such folder", RUN_IT)
    try:
        return _Manifest.model_validate(json.loads(path.read_bytes()))
    except FileNotFoundError as error:
        raise InputError(str(folder), f"it holds no {MANIFEST}, so it is no run's", RUN_IT) from error
    except OSError as error:
        raise InputError(str(path), error.strerror or "it cannot be read", RUN_IT) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: {key}" if key else str(path), first["msg"], RUN_AGAIN) from error
    except ValueError as error:
        raise InputError(str(path), f"this is not JSON: {error}", RUN_AGAIN) from error
