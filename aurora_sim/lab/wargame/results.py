"""The one table of results: the terminal, the JSON and JUnit files and the report all read it, so that no two disagree.

It is what `--json` writes and `--against` reads: the same bytes for the same catalogue, seeds and build. Times in seconds from the
game's start unless a name says otherwise; no wall clock.
"""

from __future__ import annotations

from typing import Literal

from aurora_sim.scenario.strict import Strict

FORMAT = 1
Verdict = Literal["passed", "failed", "void"]
FindingKind = Literal["new", "regressed", "resolved", "ongoing", "flaky", "improved"]


class Spread(Strict):
    """A measure over the seeds: median, p90, and the bootstrap 95 % interval of the median; `values` by seed, in order.

    None among the values is right-censored: it did not happen within the game. All are None where no seed has it.
    """

    unit: Literal["s", "min", "share", "count", "GPU-hours", "USD", "ms"]
    better: Literal["lower", "higher", "neither"]
    values: list[float | None]
    median: float | None
    p90: float | None
    low: float | None
    high: float | None
    censored: int


class ExpectationResult(Strict):
    """One expectation over the seeds. `place` is file and line. `failed_seeds` and `void_seeds` are disjoint."""

    text: str
    place: str
    weight: float
    verdict: Verdict
    target: str
    measured: str
    """The seed nearest to failing, or failing by most: the number that decides."""
    failed_seeds: list[int]
    void_seeds: list[int]
    why_void: str = ""


class AlertRow(Strict):
    """One rule in one game: on how many seeds it fired for a fault, falsely (before any fault or long after), or not at all."""

    alert: str
    severity: str
    expected: bool
    fired: int
    false: int
    silent: int
    detection_s: float | None
    """Median, from the first fault's begin to firing."""


class TimelineItem(Strict):
    """A bar or a mark on the swim-lane timeline of the seed that is drawn."""

    lane: Literal["fault", "alert", "responder"]
    name: str
    state: str
    """Of a fault `on`, of an alert `pending` or `firing`, of a responder's step its action."""
    from_s: float
    until_s: float
    detail: str = ""


class Timeline(Strict):
    """One seed's course, the one that decides: lanes, and below them the indicators of each arm, a value a minute."""

    seed: int
    steps: int
    items: list[TimelineItem]
    series: dict[str, dict[str, list[float | None]]]
    """By indicator, by arm."""
    objectives: dict[str, float]
    """By indicator, the bound that is drawn as a line."""
    violations: list[str]


class GameResult(Strict):
    """One game over its seeds. `measures` is the scorecard (answered arm, differences from the other arms named so)."""

    id: str
    title: str
    runbook: str
    severity: str
    tags: list[str]
    needs_response: bool
    start: str
    """ISO 8601, UTC: what second 0 is."""
    seeds: list[int]
    verdict: Verdict
    score: float | None
    """0 to 100: the weighted mean of its expectations; None when void."""
    decided_by: str
    """The expectation or check that decided, with its number."""
    lost_without_response: bool | None
    """Whether the unanswered arm fails; None where that arm was not judged."""
    expectations: list[ExpectationResult]
    measures: dict[str, Spread]
    alerts: list[AlertRow]
    violations: list[str]
    timeline: Timeline | None
    replay: str
    """The command line that plays the deciding seed again."""
    digests: dict[str, str]
    """By `seed/arm`, of the record."""


class Finding(Strict):
    """What differs from the last results: of a game, or of one of its measures."""

    kind: FindingKind
    game: str
    what: str
    before: str
    now: str
    replay: str


class Results(Strict):
    """A whole week's game. `inputs`: SHA-256 by file (policy, rules, configuration, playbooks)."""

    format: Literal[1] = 1
    seeds: list[int]
    arms: list[str]
    inputs: dict[str, str]
    score: float | None
    """Mean over the runbook's procedures and incidents of the mean score of their games; a section without a game counts 0."""
    sections: dict[str, float | None]
    """By runbook section."""
    verdict: Verdict
    decided_by: str
    games: list[GameResult]
    findings: list[Finding] | None
    """Against the last results; None without any."""
    formula: str
