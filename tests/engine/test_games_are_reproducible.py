"""The same play gives the same record, and all three arms meet the same orders."""

from __future__ import annotations

from pathlib import Path

from game_runs import OUTAGE, played

RESPONSE = [
    {
        "when": {"alert": "AuroraFailoversHigh"},
        "after": "response-time",
        "do": "drain-provider",
        "with": {"provider": "akash"},
    },
    {"do": "notify", "with": {"whom": "providers"}},
]
ROLLBACKS = [
    {
        "when": {"provider": "akash", "active-for": "2m"},
        "do": "shift-traffic-back",
        "with": {"provider": "akash", "shares": [0.5, 1.0], "every": "2m"},
    }
]


def test_the_same_play_has_the_same_digest(tmp_path: Path) -> None:
    game = {"method": [OUTAGE], "response": RESPONSE, "rollbacks": ROLLBACKS}
    first = played(tmp_path, **game)
    assert [action.step for action in first.actions] == ["drain-provider", "notify", "shift-traffic-back"]
    played(tmp_path, seed=7, **game)  # another game in between leaves nothing behind
    assert played(tmp_path, **game).digest() == first.digest()


def test_all_arms_meet_the_same_orders(tmp_path: Path) -> None:
    game = {"method": [OUTAGE], "response": RESPONSE, "rollbacks": ROLLBACKS}
    calm, unanswered, answered = (played(tmp_path, arm, **game) for arm in ("calm", "unanswered", "answered"))
    assert calm.totals["orders"] == unanswered.totals["orders"] == answered.totals["orders"]
    assert calm.faults == [] == calm.actions == unanswered.actions
    assert calm.series["fill_rate"][:10] == unanswered.series["fill_rate"][:10] == answered.series["fill_rate"][:10]
    assert min(value for value in calm.series["fill_rate"] if value is not None) > 0.9
    before_the_first_step = int(answered.actions[0].done_s // 60)
    assert (
        unanswered.series["fill_rate"][:before_the_first_step] == answered.series["fill_rate"][:before_the_first_step]
    )
