"""The one table of an audit, for the terminal and the JSON file: the same bytes for the same catalogue, seeds and rules."""

from __future__ import annotations

from typing import Literal

from aurora_sim.scenario.strict import Strict

DefectKind = Literal["blind", "deaf", "noisy", "rate-of-gauge"]


class Defect(Strict):
    """What is wrong with a rule as such."""

    kind: DefectKind
    what: str


class Cell(Strict):
    """One rule in one game: on how many seeds it fired for the fault, fired falsely, was silent.

    `expected`: the game asks for it. Of the seeds on which it was silent, or late, `answered` are those on which it fired in time
    in the answered arm, and `missed` those on which it did not fire in time at all.
    """

    expected: bool
    fired: int
    false: int
    silent: int
    answered: int
    missed: int


class RuleAudit(Strict):
    """One rule over all that was played.

    `expected` are the pairs of game and seed that ask for it to fire, `missed` those where it did not in time. `fired` counts the
    pairs in which it fired for the fault, `false` are those in which it fired without it, `false_days` the fault-free days on which
    it fired. Precision = fired / (fired + false + false_days), recall = (expected - missed) / expected; None without any.
    """

    alert: str
    severity: str
    place: str
    expected: int
    missed: list[str]
    fired: int
    false: list[str]
    false_days: list[int]
    """The seeds of the days."""
    precision: float | None
    recall: float | None
    detection_s: float | None
    """Median, from the first fault's begin to firing."""
    reset_s: float | None
    """Median, from the last minute at which its indicator was out of its objective to when it resolved; from the last fault's
    end for a rule without an indicator, or whose indicator was never out."""
    unresolved: int
    """Pairs in which it still fired at the end; they have no reset time."""
    at_rest: float
    """Share of the fault-free minutes at which it was pending or firing."""
    note: str
    """Why it could not be judged; empty where it could."""
    defects: list[Defect]
    games: dict[str, Cell]


class Audit(Strict):
    """A rule file over a catalogue and fault-free days. `unheard` are alerts that games ask for and the file does not have."""

    format: Literal[1] = 1
    rules_file: str
    rules_sha256: str
    games: list[str]
    seeds: list[int]
    whole: bool
    """Whether it was the whole catalogue: only then is a threshold that nothing comes near a defect."""
    day: str
    day_minutes: int
    rules: list[RuleAudit]
    unheard: dict[str, int]
    noisy_share: float
    reach_share: float
    clean: bool
    """No defect, recall 1, no false alarm in a fault-free day."""
