"""From plays to the table of results: each game judged on each seed, and over them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from aurora_sim.lab.wargame.judge import Held, SeedVerdict, expected_alerts, judge
from aurora_sim.lab.wargame.play import Game, GameOptions, SeedPlays
from aurora_sim.lab.wargame.results import (
    AlertRow,
    ExpectationResult,
    GameResult,
    Results,
    Spread,
    Verdict,
)
from aurora_sim.lab.wargame.scorecard import MEASURES, measures, seed_score, spread
from aurora_sim.lab.wargame.timeline import timeline
from aurora_sim.lab.wargame.wording import expectation_text, target_text
from aurora_sim.scenario.document import read_document

FORMULA: Final = (
    "Score of a game on a seed = 100 x the weights of the expectations that held / all weights, halved where a check "
    "failed (safety, liveness, steady state, alerts); of a game, the mean over its seeds, none where a seed is void; of a "
    "section of the runbook, the mean of its games; of the week, the mean over the sections, 0 for one without a game. "
    "Error budget burnt = orders lost beyond the calm twin / ((1 - fill-rate objective) x orders of 30 days)."
)
SECTIONS: Final = (
    "1. Halt Treaty (Emergency)",
    "2. Failover to Backup Provider",
    "3. Purge Nonce Cache (Replay Attack Response)",
    "4. Budget Exhaustion Recovery",
    "5. Provenance Failure Recovery",
    "Incident: Low Fill Rate (<0.80)",
    "Incident: Bridge RTT Breach (>350ms)",
    "Incident: Provenance Coverage Low (<0.90)",
)
"""The procedures and incidents of the runbook: each must be drilled."""
CHECKS: Final = "check: "


@dataclass(frozen=True, slots=True)
class _Judged:
    plays: SeedPlays
    verdict: SeedVerdict
    score: float | None
    figures: dict[str, float | None]


def game_result(
    game: Game, plays: Sequence[SeedPlays], options: GameOptions, rules: Sequence[tuple[str, str]]
) -> GameResult:
    """One game over its seeds. `rules`: name and severity of each alert of the rules file."""
    playbook, slo, rto_s = game.playbook, game.loaded.world.slo, game.loaded.world.operators.rto
    judged: list[_Judged] = []
    lost: list[bool] = []
    for one in plays:
        alone = judge(playbook, one.unanswered, one.calm, slo, rto_s, answered=False)
        main = alone if one.answered is None else judge(playbook, one.answered, one.calm, slo, rto_s)
        lost.append(alone.verdict == "failed")
        record = one.answered or one.unanswered
        figures = measures(playbook, slo, main, record, one.calm, one.unanswered)
        judged.append(_Judged(one, main, seed_score(playbook, main), figures))
    verdicts = [one.verdict.verdict for one in judged]
    verdict = over_seeds(verdicts)
    expectations = _expectations(game, judged)
    deciding = _deciding(judged)
    scores = [one.score for one in judged]
    return GameResult(
        id=game.id,
        title=playbook.title,
        runbook=playbook.runbook,
        severity=playbook.severity,
        tags=list(playbook.tags),
        needs_response=playbook.needs_response,
        start=playbook.start.isoformat().replace("+00:00", "Z"),
        seeds=[one.plays.seed for one in judged],
        verdict=verdict,
        score=None
        if any(score is None for score in scores)
        else round(float(np.mean([s for s in scores if s is not None])), 2),
        decided_by=_decided_by(verdict, expectations),
        lost_without_response=all(lost),
        expectations=expectations,
        measures=_spreads(judged),
        alerts=_alert_rows(game, judged, rules),
        violations=[
            f"seed {one.plays.seed}: {line}" for one in judged for line in timeline(one.plays, slo).violations[:3]
        ][:20],
        timeline=timeline(deciding.plays, slo),
        replay=replay_line(game, deciding.plays.seed, options, respond=deciding.plays.answered is not None),
        digests={
            f"{one.plays.seed}/{record.arm}": record.digest()
            for one in judged
            for record in (one.plays.calm, one.plays.unanswered, one.plays.answered)
            if record is not None
        },
    )


def over_seeds(verdicts: Sequence[Verdict]) -> Verdict:
    """Failed where any seed failed, else void where any was, else passed."""
    return "failed" if "failed" in verdicts else "void" if "void" in verdicts or not verdicts else "passed"


def _expectations(game: Game, judged: Sequence[_Judged]) -> list[ExpectationResult]:
    document = read_document(game.path)
    found = [
        _one(
            expectation_text(e),
            document.where(("expect", place)),
            e.weight,
            target_text(e),
            [(one.plays.seed, one.verdict.held[place]) for one in judged],
        )
        for place, e in enumerate(game.playbook.expect)
    ]
    names = judged[0].verdict.checks if judged else {}
    return found + [
        _one(CHECKS + name, str(game.path), 0.0, "-", [(one.plays.seed, one.verdict.checks[name]) for one in judged])
        for name in names
    ]


def _one(text: str, place: str, weight: float, target: str, by_seed: Sequence[tuple[int, Held]]) -> ExpectationResult:
    failed = [seed for seed, held in by_seed if held.verdict == "failed"]
    void = [seed for seed, held in by_seed if held.verdict == "void"]
    chosen = [pair for pair in by_seed if pair[0] in (failed or void)] or list(by_seed)
    seed, worst = min(chosen, key=lambda pair: (pair[1].margin, pair[0]))
    return ExpectationResult(
        text=text,
        place=place,
        weight=weight,
        verdict=over_seeds([held.verdict for _, held in by_seed]),
        target=target,
        measured=f"{worst.measured} (seed {seed})",
        failed_seeds=failed,
        void_seeds=void,
        why_void=worst.why_void,
    )


def _deciding(judged: Sequence[_Judged]) -> _Judged:
    """The seed to look at: a failed one, else a void one, else the first."""
    for verdict in ("failed", "void"):
        for one in judged:
            if one.verdict.verdict == verdict:
                return one
    return judged[0]


def _decided_by(verdict: Verdict, expectations: Sequence[ExpectationResult]) -> str:
    chosen = next((e for e in expectations if e.verdict == verdict), expectations[0])
    bound = f", wanted {chosen.target}" if chosen.target != "-" else ""
    return f"{chosen.text}: {chosen.why_void or chosen.measured}{bound}"


def _spreads(judged: Sequence[_Judged]) -> dict[str, Spread]:
    return {name: spread(name, [one.figures[name] for one in judged]) for name in MEASURES}


def _alert_rows(game: Game, judged: Sequence[_Judged], rules: Sequence[tuple[str, str]]) -> list[AlertRow]:
    must, _ = expected_alerts(game.playbook)
    rows = []
    for alert, severity in rules:
        fired = false = 0
        detections = []
        for one in judged:
            record = one.plays.answered or one.plays.unanswered
            incident = one.verdict.incident
            times = [a.fired_s for a in record.alerts if a.alert == alert and a.fired_s is not None]
            true = [at for at in times if incident.in_time(at)]
            fired += bool(true)
            false += len(true) < len(times)
            if true and incident.fault_s is not None:
                detections.append(min(true) - incident.fault_s)
        rows.append(
            AlertRow(
                alert=alert,
                severity=severity,
                expected=alert in must,
                fired=fired,
                false=false,
                silent=len(judged) - fired,
                detection_s=float(np.median(detections)) if detections else None,
            )
        )
    return rows


def replay_line(game: Game, seed: int, options: GameOptions, *, respond: bool) -> str:
    """The command line that plays this game on this seed again."""
    words = ["aurora-sim", "wargame", str(game.path), "--first-seed", str(seed), "--seeds", "1"]
    words += ["--policy", str(options.policy), "--rules", str(options.rules)]
    if options.config is not None:
        words += ["--config", str(options.config)]
    for override in options.overrides:
        words += ["--set", override]
    return shlex.join(words if respond else [*words, "--no-response"])


def results_table(
    games: Sequence[GameResult], seeds: Sequence[int], inputs: Mapping[str, str], *, respond: bool, whole: bool
) -> Results:
    """The table of a week. `whole`: the whole catalogue was played, so that a section without a game counts 0."""
    sections: dict[str, float | None] = dict.fromkeys(SECTIONS) if whole else {}
    by_section: dict[str, list[float]] = {}
    for game in games:
        by_section.setdefault(game.runbook, []).append(game.score or 0.0)
    for section, scores in by_section.items():
        sections[section] = round(float(np.mean(scores)), 2)
    verdict = over_seeds([game.verdict for game in games])
    decided = next((game for game in games if game.verdict == verdict), None)
    return Results(
        seeds=list(seeds),
        arms=["calm", "unanswered", *(["answered"] if respond else [])],
        inputs=dict(inputs),
        score=round(float(np.mean([score or 0.0 for score in sections.values()])), 2) if sections else None,
        sections=sections,
        verdict=verdict,
        decided_by="no game" if decided is None else f"{decided.id}: {decided.decided_by}",
        games=list(games),
        findings=None,
        formula=FORMULA,
    )
