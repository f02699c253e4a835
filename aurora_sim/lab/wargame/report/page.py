"""The page, from the table of results and from nothing else."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import Final

from aurora_sim.lab.wargame.judge import clock
from aurora_sim.lab.wargame.report.drawing import sparkline_svg, timeline_svg
from aurora_sim.lab.wargame.results import Finding, GameResult, Results, Spread

KINDS: Final = ("new", "regressed", "resolved", "ongoing", "flaky", "improved")
COLUMNS: Final = (
    ("time to detect", "TTD"),
    ("time to acknowledge", "TTA"),
    ("time to resolve", "TTR"),
    ("error budget burnt", "budget burnt"),
    ("orders lost", "orders lost"),
    ("safety violations", "violations"),
)


def report_html(results: Results) -> str:
    """The whole report, self-contained: the same bytes for the same results."""
    from jinja2 import Environment, StrictUndefined

    # Not at the top: the war game runs without it.
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    script = _asset("report.js")
    environment.filters.update(spread=spread_text, clock=clock, utc=utc)
    environment.globals.update(
        sparkline=lambda game: sparkline_svg(_spark(game)),
        drawing=lambda game: timeline_svg(game.timeline, f"Timeline of {game.id}, seed {game.timeline.seed}"),
        anchor=lambda name: "game-" + "".join(c if c.isalnum() else "-" for c in name),
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    from markupsafe import Markup

    return environment.from_string(_asset("report.html.jinja")).render(
        results=results,
        kinds=[(kind, [f for f in results.findings or [] if f.kind == kind]) for kind in KINDS],
        changed=_changed(results.findings),
        columns=COLUMNS,
        alerts=_matrix(results),
        failed=[game for game in results.games if game.verdict == "failed"],
        style=Markup(_asset("report.css")),  # noqa: S704  # ours
        script=Markup(script),  # noqa: S704  # ours
        script_digest=digest,
    )


@lru_cache(maxsize=8)
def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _spark(game: GameResult) -> list[float | None]:
    if game.timeline is None:
        return []
    arms = game.timeline.series.get("fill_rate", {})
    return arms.get("answered") or arms.get("unanswered") or []


def _changed(findings: list[Finding] | None) -> dict[str, str]:
    """By game, what the findings say of it in a word each."""
    found: dict[str, list[str]] = {}
    for finding in findings or []:
        found.setdefault(finding.game, []).append(finding.kind)
    return {game: ", ".join(dict.fromkeys(kinds)) for game, kinds in found.items()}


def _matrix(results: Results) -> list[tuple[str, str, list[tuple[str, str, str]]]]:
    """A row a rule: name, severity, and for each game its id, a word and what it stands for."""
    rows: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for game in results.games:
        for row in game.alerts:
            seeds = len(game.seeds)
            word = "false" if row.false else "fired" if row.fired else "silent"
            if word == "fired" and row.expected:
                word = "expected"
            if word == "silent" and row.expected:
                word = "missed"
            text = f"fired on {row.fired} of {seeds} seeds" + (f", falsely on {row.false}" if row.false else "")
            if row.detection_s is not None:
                text += f", after {clock(row.detection_s)}"
            rows.setdefault((row.alert, row.severity), []).append((game.id, word, text))
    return [(alert, severity, cells) for (alert, severity), cells in rows.items()]


def spread_text(spread: Spread) -> str:
    """Median with its interval, p90, and how many seeds never got there."""
    if spread.median is None:
        return "–"
    low, high = spread.low, spread.high
    interval = f" [{_number(low, spread.unit)}, {_number(high, spread.unit)}]" if low != high else ""
    censored = f", {spread.censored} censored" if spread.censored else ""
    return f"{_number(spread.median, spread.unit)}{interval}{censored}"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "s":
        return clock(value)
    if unit == "share":
        return f"{value:.2%}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def utc(start: str, seconds: float) -> str:
    """The instant in UTC."""
    return f"{datetime.fromisoformat(start) + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S} UTC"
