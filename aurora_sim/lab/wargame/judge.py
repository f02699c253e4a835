"""The verdict over one seed: passed, failed or void. Never vacuous.

void     a fault whose effect nobody saw; a steady state that did not hold before it; an expectation without data
failed   an expectation or a check did not hold: safety at each event, liveness after the last fault, the steady state and every
         provider's traffic after the rollbacks, no critical alert but those that are expected
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from aurora_sim.lab.wargame.incident import Incident, all_back, incident_of
from aurora_sim.lab.wargame.indicators import STABLE_S, STEP_S, Indicator, back_inside, end_s, indicators, step_at
from aurora_sim.lab.wargame.results import Verdict
from aurora_sim.observe.game_record import GameRecord
from aurora_sim.observe.recorder import TRAILING_STEPS
from aurora_sim.scenario.config import Slo
from aurora_sim.scenario.playbook import Expectation, Playbook

STEADY_STEPS: Final = 10
"""How many minutes before the first fault must be in the steady state."""
ODD_SHARE: Final = 0.2
"""Minutes outside an objective once the steady state is back, at most: chance takes a p95 of 180 round trips out at times."""
TRAFFIC_STEPS: Final = 10
TRAFFIC_ORDERS_MIN: Final = 20
CUSTOM_STEPS: Final = 60
"""A provider that without any fault filled so many orders in the last ten minutes, and some in any five of the last hour, must fill
some with it, after the rollbacks. One that fills only what is too much for the others may have none."""


@dataclass(frozen=True, slots=True)
class Held:
    """How one expectation or check went on one seed. `margin`: how far inside its bound it was, in its unit; below 0 outside."""

    verdict: Verdict
    measured: str
    margin: float = 0.0
    why_void: str = ""


@dataclass(frozen=True, slots=True)
class SeedVerdict:
    """One seed of one game. `held`: by expectation, in the playbook's order; `checks`: what is checked in every game, by name."""

    seed: int
    verdict: Verdict
    held: list[Held]
    checks: dict[str, Held]
    incident: Incident


def expected_alerts(playbook: Playbook) -> tuple[frozenset[str], frozenset[str]]:
    """The alerts that must fire, and those that may."""
    must = {e.alert for e in playbook.expect if e.alert is not None and e.fires_within is not None}
    may = {e.alert for e in playbook.expect if e.alert is not None and e.may_fire}
    return frozenset(must), frozenset(must | may)


def judge(
    playbook: Playbook, record: GameRecord, calm: GameRecord, slo: Slo, rto_s: float, *, answered: bool = True
) -> SeedVerdict:
    """Judge a seed. Without its response (`answered` False), what asks for an action is left out: it could only fail."""
    known = indicators(slo)
    steady = [known[name] for name in playbook.steady_state]
    must, may = expected_alerts(playbook)
    incident = incident_of(record, steady, must or may)
    counts = iter(record.counts)
    held = [_expectation(expectation, record, calm, known, counts) for expectation in playbook.expect]
    checks = {
        "faults observed": _faults_observed(record),
        "steady state before": _steady_before(record, steady, incident),
        "safety": _safety(record, {e.violation for e in playbook.expect if e.violation is not None}),
        "no other critical alert": _no_other_critical(record, may),
        "liveness within the RTO": _liveness(record, steady, incident, rto_s),
        "every provider in use after": _in_use_after(record, calm, incident),
    }
    counted = [one for one, e in zip(held, playbook.expect, strict=True) if answered or e.action is None] + list(
        checks.values()
    )
    return SeedVerdict(record.seed, _worst(one.verdict for one in counted), held, checks, incident)


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Void before failed: what was not tested has not failed."""
    found = set(verdicts)
    return "void" if "void" in found else "failed" if "failed" in found else "passed"


# What every game is checked for.


def _faults_observed(record: GameRecord) -> Held:
    """Each that the playbook scripts; of those that come by themselves, which may be as small as they like, any."""
    unseen = [fault for fault in record.faults if not fault.observed and not fault.by_itself]
    if not record.faults:
        return Held("void", "no fault", why_void="the game has no fault")
    if unseen:
        return Held(
            "void", f"{unseen[0].name}: {unseen[0].effect or 'no effect'}", why_void=f"{unseen[0].name} had no effect"
        )
    seen = sum(fault.observed for fault in record.faults)
    if not seen:
        return Held("void", "0 seen", why_void="no fault that came had an effect")
    return Held("passed", f"{seen} of {len(record.faults)}")


def _steady_before(record: GameRecord, steady: Sequence[Indicator], incident: Incident) -> Held:
    if incident.fault_s is None:
        return Held("passed", "no fault")
    last = min(record.steps, int(incident.fault_s // STEP_S))
    first = max(0, last - STEADY_STEPS)
    if last - first < STEADY_STEPS:
        return Held("void", f"{last} minutes", why_void=f"fewer than {STEADY_STEPS} minutes before the first fault")
    for one in steady:
        values = [value for value in record.series[one.name][first:last] if value is not None]
        if not values:
            return Held("void", f"{one.name}: no data", why_void=f"{one.name} had no data before the first fault")
        usual = median(values)  # one odd minute stays for five in a trailing window, and is no other state
        if not one.inside(usual):
            why = f"{one.name} was {usual:g} before the first fault"
            return Held("void", why, why_void=why)
    return Held("passed", "held")


def _safety(record: GameRecord, shown: Collection[str]) -> Held:
    """Nothing that must never happen did, but for what the game is there to show."""
    found = [violation for violation in record.violations if violation.rule not in shown]
    if not found:
        return Held("passed", "0 violations")
    first = found[0]
    return Held("failed", f"{len(found)} violations, first {first.rule} at {clock(first.time_s)}", -1.0)


def _no_other_critical(record: GameRecord, allowed: frozenset[str]) -> Held:
    others = sorted(
        {
            a.alert
            for a in record.alerts
            if a.severity == "critical" and a.fired_s is not None and a.alert not in allowed
        }
    )
    return Held("failed", ", ".join(others), -1.0) if others else Held("passed", "none")


def _liveness(record: GameRecord, steady: Sequence[Indicator], incident: Incident, rto_s: float) -> Held:
    """Back in the steady state for 10 min within the RTO of the last fault or rollback, and there but for odd minutes."""
    if incident.fault_s is None:
        return Held("passed", "no fault")
    first, last = step_at(incident.over_s), record.steps
    if last - first < round(STABLE_S / STEP_S):
        return Held("void", "too short", why_void="fewer than 10 minutes are left after the last fault and rollback")
    back_s = all_back(record, steady, first)
    if back_s is None:
        return Held("failed", "not back in the steady state", -1.0)
    since = step_at(back_s)
    for one in steady:
        odd = sum(value is not None and not one.inside(value) for value in record.series[one.name][since:last])
        if odd > ODD_SHARE * (last - since):
            return Held("failed", f"{one.name} left it again for {odd} minutes", -1.0)
    took_s = max(0.0, back_s - incident.over_s)
    return Held("passed" if took_s <= rto_s else "failed", f"back after {clock(took_s)}", (rto_s - took_s) / rto_s)


def _in_use_after(record: GameRecord, calm: GameRecord, incident: Incident) -> Held:
    """After the last fault and rollback every provider that would have had orders has some: a rollback may leave one off.

    One that has fewer free GPUs than without the fault is not left off: it is busy with what the fault sent it.
    """
    last = min(record.steps, calm.steps)
    first = max(last - TRAFFIC_STEPS, step_at(incident.over_s) + 1)
    for name, values in sorted(calm.series.items()):
        if not name.startswith("provider_filled{"):
            continue
        provider_id = name[16:-1]
        usual, now = (_orders(of, first, last) for of in (values, record.series[name]))
        free = [sum(v or 0.0 for v in of.series[f"free_gpus{{{provider_id}}}"][first:last]) for of in (record, calm)]
        steady = all(values[max(0, last - CUSTOM_STEPS) : last])
        if steady and usual >= TRAFFIC_ORDERS_MIN and now == 0.0 and free[0] >= free[1]:
            return Held("failed", f"{provider_id} filled none of the last orders; without the fault {usual:.0f}", -1.0)
    return Held("passed", "all")


def _orders(trailing: Sequence[float | None], first: int, last: int) -> float:
    """How many orders the counts over trailing five minutes come to: each fifth of them, so that none counts twice."""
    return sum(trailing[step] or 0.0 for step in range(last - 1, first + TRAILING_STEPS - 2, -TRAILING_STEPS))


# Expectations.


def _expectation(
    e: Expectation, record: GameRecord, calm: GameRecord, known: dict[str, Indicator], counts: Iterable[int]
) -> Held:
    counted = iter(counts)
    if e.alert is not None:
        return alert_held(e, record)
    if e.metric is not None:
        return _metric(e, record, calm, known)
    if e.never is not None:
        whole, matched = next(counted), next(counted)
        if not whole:
            return Held("void", "0 orders", why_void="no order ended in its time")
        return Held("failed" if matched else "passed", f"{matched} orders", -float(matched))
    if e.share is not None:
        whole, part = next(counted), next(counted)
        if not whole:
            return Held("void", "0 orders", why_void="no order is of those that it speaks of")
        return _bounded(e, part / whole, f"{part / whole:.4f} ({part} of {whole})")
    if e.total is not None:
        value = record.totals[e.total]
        return _bounded(e, value, f"{value:g}")
    if e.violation is not None:
        broken = sum(violation.rule == e.violation for violation in record.violations)
        return _bounded(e, broken, f"{broken} violations")
    assert e.action is not None
    assert e.within is not None
    begin_s = _begin_s(record, e.of)
    done = [a.done_s for a in record.actions if a.do == e.action and not a.refused and a.done_s >= begin_s]
    if not done:
        return Held("failed", "not done", -1.0)
    took_s = min(done) - begin_s
    return Held(
        "passed" if took_s <= e.within else "failed", f"after {clock(took_s)}", (e.within - took_s) / (e.within or 1.0)
    )


def alert_held(e: Expectation, record: GameRecord) -> Held:
    """How an expectation of an alert went: it fired within its time of the fault's begin, was free to, or stayed silent."""
    fired = sorted(a.fired_s for a in record.alerts if a.alert == e.alert and a.fired_s is not None)
    if e.may_fire:
        return Held("passed", f"fired {len(fired)} times")
    if e.silent:
        return Held(
            "failed" if fired else "passed", f"fired at {clock(fired[0])}" if fired else "silent", -float(len(fired))
        )
    assert e.fires_within is not None
    begin_s = _begin_s(record, e.of)
    after = [at - begin_s for at in fired if at >= begin_s]
    if not after:
        return Held("failed", "silent", -1.0)
    verdict: Verdict = "passed" if after[0] <= e.fires_within else "failed"
    return Held(verdict, f"after {clock(after[0])}", (e.fires_within - after[0]) / (e.fires_within or 1.0))


def _metric(e: Expectation, record: GameRecord, calm: GameRecord, known: dict[str, Indicator]) -> Held:
    assert e.metric is not None
    name = e.metric + (f"{{{e.tenant or e.provider}}}" if e.tenant or e.provider else "")
    series = record.series[name]
    if e.recovers_to is not None:
        low = known[e.metric].low if e.metric in known else not e.metric.startswith(("rejected", "denied"))
        return _recovery(e, Indicator(name, e.recovers_to, low), series, calm.series[name], _begin_s(record, e.of))
    from_s, until_s = _window(e, record)
    values = [value for step, value in enumerate(series) if value is not None and from_s < end_s(step) <= until_s]
    if not values:
        return Held("void", "no data", why_void=f"{name} has no value there")
    worst = min(values) if e.at_least is not None else max(values)
    return _bounded(e, worst, f"{'lowest' if e.at_least is not None else 'highest'} {worst:.4g}")


def _recovery(
    e: Expectation, bound: Indicator, series: Sequence[float | None], twin: Sequence[float | None], begin_s: float
) -> Held:
    """Whether a series is back inside a bound within a time of the fault's begin, and stays for the expectation's `for`.

    A minute that is outside without the fault too says nothing of it. Recovery counts from the last breach that began within
    the time: what comes and goes has not recovered. With fewer than half of the minutes saying something a series is not
    shown to be back; it can still be shown not to be.
    """
    assert e.within is not None
    from_step, until_step = step_at(begin_s) + 1, min(len(series), step_at(begin_s + e.within) + 1)
    own = [
        None if _outside(value, bound) and step < len(twin) and _outside(twin[step], bound) else value
        for step, value in enumerate(series)
    ]
    last_bad = max((step for step in range(from_step, until_step) if _outside(own[step], bound)), default=None)
    held = Held("passed", "never left it", 1.0)
    if last_bad is not None:
        back_s = back_inside(own, bound, last_bad, e.for_s)
        if back_s is None:
            return Held("failed", "not back", -1.0)
        took_s = back_s - begin_s
        verdict: Verdict = "passed" if took_s <= e.within else "failed"
        held = Held(verdict, f"back after {clock(took_s)}", (e.within - took_s) / e.within)
    span = own[from_step:until_step]
    telling = sum(value is not None for value in span)
    if held.verdict == "passed" and telling < max(1, len(span) / 2):
        why = f"{bound.name} says something in {telling} of {len(span)} minutes after the fault began"
        return Held("void", "no data", why_void=why)
    return held


def _outside(value: float | None, bound: Indicator) -> bool:
    return value is not None and not bound.inside(value)


def _bounded(e: Expectation, value: float, measured: str) -> Held:
    margins = []
    if e.at_least is not None:
        margins.append(value - e.at_least)
    if e.at_most is not None:
        margins.append(e.at_most - value)
    margin = min(margins)
    return Held("passed" if margin >= 0.0 else "failed", measured, margin)


def _begin_s(record: GameRecord, name: str | None) -> float:
    """When the named fault begins, or the first of all."""
    times = [fault.at_s for fault in record.faults if name is None or fault.name == name]
    return min(times, default=0.0)


def _window(e: Expectation, record: GameRecord) -> tuple[float, float]:
    if e.while_ is not None:
        for fault in record.faults:
            if fault.name == e.while_:
                return fault.at_s, fault.end_s
    return e.from_s or 0.0, e.until if e.until is not None else record.steps * STEP_S


def clock(seconds: float) -> str:
    """A duration as people say it: 45 s, 12m, 1h05."""
    if seconds < 60.0:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60.0)
    return f"{minutes // 60}h{minutes % 60:02d}" if minutes >= 60 else f"{minutes}m"
