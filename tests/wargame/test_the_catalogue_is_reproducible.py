"""The same games give the same bytes, again and over other numbers of processes."""

from __future__ import annotations

from real_games import CATALOGUE, week

from aurora_sim.lab.wargame.files import results_text

GAMES = [CATALOGUE / name for name in ("gateway/clock-skew.yaml", "rtt/ddos.yaml", "procedures/replay-attack.yaml")]


def test_results_are_the_same_bytes_again_and_over_two_processes():
    first = results_text(week(*GAMES))
    assert first.count('/answered": ') == len(GAMES)
    assert results_text(week(*GAMES)) == first
    assert results_text(week(*GAMES, jobs=2)) == first
