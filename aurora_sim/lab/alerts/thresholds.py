"""What is wrong with a rule by what was played: noisy, deaf though its threshold could be reached, blind for want of a series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from aurora_sim.lab.alerts.defects import defects_of_text, wanted
from aurora_sim.lab.alerts.exported import LATE_LABELS, exported
from aurora_sim.lab.alerts.hearing import Heard, Spread
from aurora_sim.lab.alerts.reach import Comparison, comparisons, reach
from aurora_sim.lab.alerts.results import Defect
from aurora_sim.observe.alerts.expression import Aggregate, Binary, Call, Negate, Node, Selector, selectors
from aurora_sim.observe.alerts.rules import Rule

NOISY_SHARE: Final = 0.05
"""A rule that is pending or firing for more than this share of the fault-free minutes is noisy."""
REACH_SHARE: Final = 0.5
"""A threshold is deaf if, over the whole catalogue, no value went so much of the way to it from where it rests."""


def note_of(rule: Rule) -> str:
    """Why a rule cannot be judged here."""
    known = exported()
    names = sorted({s.name for s in selectors(rule.expression) if s.name in known and not known[s.name].recorded})
    return f"{', '.join(names)}: of vault-law serve alone, and not in a simulation" if names else ""


def defects_of(rule: Rule, number: int, games: Sequence[Heard], days: Sequence[Heard], *, whole: bool) -> list[Defect]:
    """All defects of the rule with this number in its file."""
    found = defects_of_text(rule)
    kinds = {defect.kind for defect in found}
    minutes = sum(day.minutes for day in days)
    at_rest = sum(day.rules[number].active_minutes for day in days) / minutes
    if at_rest > NOISY_SHARE:
        what = f"pending or firing in {at_rest:.1%} of the fault-free minutes, more than {NOISY_SHARE:.0%}"
        found.append(Defect(kind="noisy", what=what))
    if "blind" not in kinds:
        found += [Defect(kind="blind", what=what) for what in _selecting_nothing(rule, [*games, *days])]
    if whole and not kinds & {"blind", "deaf"}:
        found += [Defect(kind="deaf", what=what) for what in _never_near(rule, number, games, days)]
    return found


def _selecting_nothing(rule: Rule, everything: Sequence[Heard]) -> Iterator[str]:
    series = frozenset[tuple[str, tuple[tuple[str, str], ...]]]().union(*(heard.series for heard in everything))
    for selector in dict.fromkeys(_present(rule.expression)):
        metric = exported()[selector.name]
        if not metric.recorded or not selector.matchers or (metric.labels or LATE_LABELS) & LATE_LABELS:
            continue
        if not any(
            name == selector.name and all(m.matches(dict(labels).get(m.label, "")) for m in selector.matchers)
            for name, labels in series
        ):
            asked = ", ".join(f"{m.label}{m.operator}{m.value!r}" for m in selector.matchers)
            yield f"no series of {selector.name} has {asked}"


def _present(node: Node) -> Iterator[Selector]:
    """The selectors that are asked for what is there: not those whose absence is asked for."""
    match node:
        case Selector():
            yield node
        case Call() if node.function != "absent":
            for argument in node.arguments:
                yield from _present(argument)
        case Aggregate() | Negate():
            yield from _present(node.operand)
        case Binary():
            yield from _present(node.left)
            if node.operator != "unless":
                yield from _present(node.right)


def _never_near(rule: Rule, number: int, games: Sequence[Heard], days: Sequence[Heard]) -> Iterator[str]:
    far: dict[Binary, str] = {}
    for place, comparison in enumerate(comparisons(rule.expression)):
        rested = [s for day in days if (s := day.rules[number].spreads[place]) is not None]
        seen = [s for heard in (*games, *days) if (s := heard.rules[number].spreads[place]) is not None]
        if rested and (what := _far(comparison, median(s.middle for s in rested), seen)):
            far[comparison.node] = what
    if far and reach(rule.expression, far.keys()) is None:
        yield "; ".join(far.values())


def _far(comparison: Comparison, rest: float, seen: Sequence[Spread]) -> str:
    """How far its values stayed from a threshold that none came near to; empty where one did."""
    low, high, threshold = min(s.low for s in seen), max(s.high for s in seen), comparison.threshold
    nearest = high if threshold > rest else low
    if comparison.possible(low, high) or threshold == rest:
        return ""
    way = (nearest - rest) / (threshold - rest)
    if way >= REACH_SHARE:
        return ""
    return (
        f"what is compared rests at {rest:.4g} and came no nearer to {wanted(comparison)} than {nearest:.4g} "
        f"over the whole catalogue, {max(0.0, way):.0%} of the way"
    )
