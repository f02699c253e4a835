"""The results on a terminal: a line a game as it is done, then what decided, and the findings."""

from __future__ import annotations

from collections.abc import Sequence

from aurora_sim.lab.wargame.results import Finding, GameResult, Results

MARKS = {"passed": "passed", "failed": "FAILED", "void": "VOID  "}


def game_line(game: GameResult) -> str:
    """Verdict, game, score, and the number that decided."""
    score = "  -" if game.score is None else f"{game.score:3.0f}"
    return f"{MARKS[game.verdict]}  {score}  {game.id:<36} {game.decided_by}"


def closing(results: Results) -> str:
    """The week in a line, then each finding with the line that replays it."""
    counts = {verdict: sum(game.verdict == verdict for game in results.games) for verdict in MARKS}
    tally = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    score = "-" if results.score is None else f"{results.score:.1f}"
    lines = [f"{results.verdict}: {tally or 'no game'}; score {score} of 100, {len(results.seeds)} seeds"]
    if results.findings is not None:
        lines += finding_lines(results.findings)
    else:
        lines += [f"replay: {game.replay}" for game in results.games if game.verdict != "passed"]
    return "\n".join(lines)


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """Two lines a finding."""
    if not findings:
        return ["nothing got better or worse since the last results"]
    return [
        line
        for f in findings
        for line in (f"{f.kind:<9}  {f.game}: {f.what}: {f.before} -> {f.now}", f"           replay: {f.replay}")
    ]
