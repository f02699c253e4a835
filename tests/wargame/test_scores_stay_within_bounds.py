"""A score is from 0 to 100, whatever happened; 100 only where everything held, and void has none."""

from __future__ import annotations

from game_records import STEPS, a_playbook, a_record
from hypothesis import given
from hypothesis import strategies as st

from aurora_sim.lab.wargame.judge import judge
from aurora_sim.lab.wargame.scorecard import seed_score
from aurora_sim.scenario.configuration import PROJECT
from aurora_sim.scenario.scenario import load

SLO = load(PROJECT / "scenarios" / "baseline.yaml").world.slo


@given(
    low=st.floats(0, 1),
    until=st.integers(31, STEPS),
    weights=st.lists(st.floats(0, 10), min_size=3, max_size=3),
    forbidden=st.integers(0, 3),
)
def test_the_score_is_a_share_of_the_weights(low, until, weights, forbidden):
    playbook = a_playbook()
    expect = [e.model_copy(update={"weight": w}) for e, w in zip(playbook.expect, weights, strict=True)]
    playbook = playbook.model_copy(update={"expect": expect})
    verdict = judge(
        playbook, a_record(low=low, low_until=until, counts=[500, forbidden]), a_record("calm"), SLO, 3600.0
    )
    score = seed_score(playbook, verdict)
    assert (score is None) == (verdict.verdict == "void" or not sum(weights))
    if score is not None:
        assert 0.0 <= score <= 100.0
        if verdict.verdict == "passed":
            assert score == 100.0
        if not all(check.verdict == "passed" for check in verdict.checks.values()):
            assert score <= 50.0
