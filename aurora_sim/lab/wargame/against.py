"""What got worse, and what got better, since the last results.

A measure regressed when three things hold: the bootstrap 95 % interval of the difference of medians (paired where both
were played on the same seeds) excludes 0 on the worse side; the difference is above a practical margin; and a rank test
(Mann-Whitney; where paired it or Wilcoxon's signed-rank test, whichever is clearer, at twice its p-value, as ten pairs alone
cannot go below 0.002) stands after Holm's correction over all measures of all games at 1 %, so that the hundreds of measures of
two equal builds stay silent together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from aurora_sim.lab.wargame.results import Finding, FindingKind, GameResult, Results, Spread

JOINT_ERROR: Final = 0.01
RESAMPLES: Final = 2000
SEEDS_MIN: Final = 8
"""Fewer values on a side can say nothing."""
MARGINS: Final[dict[str, tuple[float, float]]] = {
    "s": (120.0, 0.2),
    "min": (3.0, 0.2),
    "share": (0.0005, 0.2),
    "count": (10.0, 0.2),
    "GPU-hours": (20.0, 0.2),
    "USD": (200.0, 0.1),
    "ms": (5.0, 0.05),
}
"""By unit: the difference that matters in practice, absolute and as a share of the value before; both must be passed."""
FLAKY_SHARE: Final = 0.2


class _Change(NamedTuple):
    game: GameResult
    measure: str
    before: Spread
    now: Spread
    difference: float
    low: float
    high: float
    p_value: float


def findings(before: Results, now: Results) -> list[Finding]:
    """All findings, games first, in the order of the games."""
    last = {game.id: game for game in before.games}
    found: list[Finding] = []
    changes: list[_Change] = []
    for game in now.games:
        old = last.get(game.id)
        kind = verdict_kind(old, game)
        if kind is not None:
            was = "not played" if old is None else f"{old.verdict}: {old.decided_by}"
            found.append(_finding(kind, game, "verdict", was, f"{game.verdict}: {game.decided_by}"))
        if old is not None:
            paired = old.seeds == game.seeds
            changes += [
                change
                for name in game.measures
                if name in old.measures
                and (change := _change(game, name, old.measures[name], game.measures[name], paired)) is not None
            ]
    return found + [_of_change(change) for change in _significant(changes)]


def regressed(found: Sequence[Finding]) -> bool:
    """Whether anything got worse."""
    return any(finding.kind in ("regressed", "new") for finding in found)


def verdict_kind(old: GameResult | None, now: GameResult) -> FindingKind | None:
    """New, regressed, resolved, ongoing, flaky; None where it passed and passes."""
    if now.verdict == "passed":
        return "resolved" if old is not None and old.verdict != "passed" else None
    if old is None:
        return "new"
    if old.verdict == "passed":
        return "regressed"
    return "flaky" if _flaky(old) and _flaky(now) else "ongoing"


def _flaky(game: GameResult) -> bool:
    failed = {seed for e in game.expectations for seed in e.failed_seeds}
    return 0 < len(failed) <= FLAKY_SHARE * len(game.seeds)


def _change(game: GameResult, name: str, before: Spread, now: Spread, paired: bool) -> _Change | None:
    from scipy import stats

    draws = np.random.Generator(np.random.PCG64(crc32(f"{game.id}/{name}".encode())))
    if paired:
        pairs = [(a, b) for a, b in zip(before.values, now.values, strict=True) if a is not None and b is not None]
        if len(pairs) < SEEDS_MIN:
            return None
        gaps = np.array([b - a for a, b in pairs])
        if not gaps.any():
            return None
        medians = np.median(gaps[draws.integers(0, gaps.size, (RESAMPLES, gaps.size))], axis=1)
        difference = float(np.median(gaps))
        p_value = paired_p_value(pairs)
    else:
        old, new = _known(before), _known(now)
        if min(old.size, new.size) < SEEDS_MIN:
            return None
        if old.size == new.size == np.count_nonzero(old == new):
            return None
        medians = np.median(new[draws.integers(0, new.size, (RESAMPLES, new.size))], axis=1) - np.median(
            old[draws.integers(0, old.size, (RESAMPLES, old.size))], axis=1
        )
        difference = float(np.median(new) - np.median(old))
        p_value = float(stats.mannwhitneyu(new, old).pvalue)
    low, high = np.quantile(medians, [0.025, 0.975])
    return _Change(game, name, before, now, difference, float(low), float(high), p_value)


def paired_p_value(pairs: Sequence[tuple[float, float]]) -> float:
    """How likely pairs (before, now), not all alike, differ so much by chance: twice the clearer of two rank tests, 1 at most.

    Equal builds' pairs are alike, which makes the rank-sum test the more careful.
    """
    from scipy import stats

    before, now = np.array(pairs).T
    signed = float(stats.wilcoxon(now - before, zero_method="zsplit").pvalue)
    summed = float(stats.mannwhitneyu(now, before).pvalue)
    return min(1.0, 2.0 * min(signed, summed))


def _known(spread: Spread) -> NDArray[np.float64]:
    return np.array([value for value in spread.values if value is not None])


def _significant(changes: Sequence[_Change]) -> list[_Change]:
    """Holm's step-down over all, then interval and margin; in the order given."""
    ranked = sorted(range(len(changes)), key=lambda place: changes[place].p_value)
    standing: set[int] = set()
    for rank, place in enumerate(ranked):
        if not changes[place].p_value <= JOINT_ERROR / (len(changes) - rank):
            break
        standing.add(place)
    return [change for place, change in enumerate(changes) if place in standing and _matters(change)]


def _matters(change: _Change) -> bool:
    if change.now.better == "neither" or change.low <= 0.0 <= change.high:
        return False
    absolute, relative = MARGINS[change.now.unit]
    return abs(change.difference) > max(absolute, relative * abs(change.before.median or 0.0))


def _of_change(change: _Change) -> Finding:
    worse = (change.difference > 0) == (change.now.better == "lower")
    unit = change.now.unit
    return _finding(
        "regressed" if worse else "improved",
        change.game,
        change.measure,
        f"{change.before.median:g} {unit}",
        f"{change.now.median:g} {unit} ({change.difference:+.4g}; 95 % interval {change.low:+.4g} to {change.high:+.4g})",
    )


def _finding(kind: FindingKind, game: GameResult, what: str, before: str, now: str) -> Finding:
    return Finding(kind=kind, game=game.id, what=what, before=before, now=now, replay=game.replay)
