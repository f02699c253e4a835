"""An audit on a terminal: a line a rule, what is wrong, and the matrix rule x game."""

from __future__ import annotations

from collections.abc import Iterator

from aurora_sim.lab.alerts.results import Audit, Cell, RuleAudit
from aurora_sim.lab.wargame.judge import clock


def audit_text(audit: Audit) -> str:
    """The whole of it."""
    width = max([len(rule.alert) for rule in audit.rules] + [5])
    seeds = f"seeds {audit.seeds[0]} to {audit.seeds[-1]}" if len(audit.seeds) > 1 else f"seed {audit.seeds[0]}"
    lines = [
        f"{audit.rules_file}: {len(audit.rules)} rules over {len(audit.games)} games, unanswered, and a fault-free day of "
        f"{audit.day_minutes} minutes, {seeds}",
        "",
        f"{'alert':<{width}}  expected  missed  fired  false  on days  precision  recall  detects   resets  at rest",
        "-" * (width + 85),
        *(_row(rule, width) for rule in audit.rules),
        "",
        *_matrix(audit, width),
        "",
        *_findings(audit),
    ]
    return "\n".join(lines)


def _row(rule: RuleAudit, width: int) -> str:
    numbers = (rule.expected, len(rule.missed), rule.fired, len(rule.false), len(rule.false_days))
    counts = "  ".join(f"{n:>{w}}" for n, w in zip(numbers, (8, 6, 5, 5, 7), strict=True))
    times = f"{_time(rule.detection_s):>7}  {_time(rule.reset_s):>7}"
    return f"{rule.alert:<{width}}  {counts}  {_share(rule.precision):>9}  {_share(rule.recall):>6}  {times}  {rule.at_rest:>7.2%}"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.2f}"


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else clock(seconds)


def _matrix(audit: Audit, width: int) -> Iterator[str]:
    yield (
        "F fired as asked  A fired as asked once it was answered  f fired, its indicator being out  M missed  ! false  . silent"
    )
    count = len(audit.games)
    for tens in (True, False) if count > 9 else (False,):
        digits = (str((n // 10) or " ") if tens else str(n % 10) for n in range(1, count + 1))
        yield f"{'':<{width}}  {' '.join(digits)}"
    for rule in audit.rules:
        marks = (_mark(rule.games[game]) for game in audit.games)
        yield f"{rule.alert:<{width}}  {' '.join(marks)}"
    for number, game in enumerate(audit.games, start=1):
        yield f"{number:>3} {game}"


def _mark(cell: Cell) -> str:
    if cell.missed:
        return "M"
    if cell.false:
        return "!"
    if not cell.fired:
        return "A" if cell.answered else "."
    return "F" if cell.expected else "f"


def _findings(audit: Audit) -> Iterator[str]:
    for rule in audit.rules:
        for defect in rule.defects:
            yield f"{defect.kind}: {rule.alert} ({rule.place}): {defect.what}"
        if rule.note:
            yield f"not judged: {rule.alert}: {rule.note}"
        elif not any(cell.fired or cell.false or cell.answered for cell in rule.games.values()):
            yield f"silent in every game: {rule.alert}"
        for pair in rule.missed:
            yield f"missed: {rule.alert} in {pair}"
        for pair in rule.false:
            yield f"false: {rule.alert} in {pair}"
        for seed in rule.false_days:
            yield f"false: {rule.alert} in the fault-free day of seed {seed}"
    for alert, games in audit.unheard.items():
        yield f"not in the file: {alert}, which {games} expectations are about"
    defects = sum(len(rule.defects) for rule in audit.rules)
    missed = sum(len(rule.missed) for rule in audit.rules)
    days = sum(len(rule.false_days) for rule in audit.rules)
    verdict = "clean" if audit.clean else "NOT CLEAN"
    yield f"{verdict}: {defects} defects, {missed} missed, {days} false alarms in fault-free days"
