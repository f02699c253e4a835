"""What a game keeps is counted as orders end; the rows of the same run, counted afterwards, say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_runs import POLICY, Row, Seen, simulate
from game_runs import OUTAGE, RULES, loaded, played

from aurora_sim.engine.run import Options, run
from aurora_sim.observe.game_record import GameRecord
from aurora_sim.observe.order_queries import query_place
from aurora_sim.scenario.playbook import TOTALS, Expectation

STEPS = 40
SURGE = {"at": "5m", "for": "20m", "fault": "demand", "tenant": "tenant-dao", "factor": 3.0, "id": "surge"}
BAD = {"at": "5m", "for": "20m", "fault": "bad-requests", "kind": "replay", "rate": 0.5, "id": "bad"}
DRIFT = {"at": "30m", "for": "5m", "fault": "schema-drift", "tenant": "tenant-render", "share": 0.5}
METHOD = [OUTAGE, SURGE, BAD, DRIFT]
EXPECT = [
    {"metric": "fill_rate", "at-least": 0.1},
    {"never": {"outcome": "filled", "provider": "akash"}, "while": "akash-outage"},
    {"share": {"outcome": "filled"}, "at-least": 0.1},
    {"share": {"outcome": "filled"}, "of-orders": {"tenant": "tenant-dao", "source": "surge"}, "at-least": 0.1},
    {"share": {"outcome": "denied", "reason": "replayed_nonce"}, "of-orders": {"source": "bad"}, "at-least": 0.1},
    {"never": {"workload": "cloud_gaming", "outcome": "refused"}, "from": "12m", "until": "20m"},
]


@pytest.fixture(scope="module")
def seen() -> Seen:
    return simulate(*METHOD, steps=STEPS)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> GameRecord:
    return played(tmp_path_factory.mktemp("game"), "unanswered", method=METHOD, expect=EXPECT, steps=STEPS)


def among(rows: list[Row], from_s: float, until_s: float) -> list[Row]:
    return [row for row in rows if from_s <= float(row["ended_s"]) < until_s]


def test_order_queries_count_what_the_rows_say(seen: Seen, record: GameRecord) -> None:
    rows, honest, bad = seen.rows, seen.honest(), seen.bad()
    surge = [row for row in honest if "/surge-" in row["order_id"]]
    dark, later = among(rows, 600.0, 1500.0), among(rows, 720.0, 1200.0)

    def filled(some: list[Row]) -> int:
        return sum(row["outcome"] == "filled" for row in some)

    assert len(surge) > 50
    assert record.counts == [
        len(dark), 0,
        len(honest), filled(honest),
        len(surge), filled(surge),
        len(bad), sum(row["reason"] == "replayed_nonce" for row in bad),
        len(later), sum((row["workload_type"], row["outcome"]) == ("cloud_gaming", "refused") for row in later),
    ]  # fmt: skip


def test_each_expectation_finds_its_own_counts() -> None:
    expect = [Expectation.model_validate(given) for given in EXPECT]
    assert [query_place(expect, number) for number in range(1, 6)] == [0, 2, 4, 6, 8]


def test_totals_are_those_of_the_rows(seen: Seen, record: GameRecord) -> None:
    outcomes = seen.outcomes
    assert tuple(record.totals) == TOTALS
    assert record.totals["filled"] == outcomes["filled"]
    assert record.totals["rejected"] == outcomes["rejected"]
    assert record.totals["denied"] == outcomes["denied"]
    assert record.totals["allowed"] == len(seen.rows) - outcomes["rejected"] - outcomes["denied"]
    assert record.totals["dropped"] == record.totals["allowed"] - outcomes["filled"]
    refused = [row for row in seen.honest() if row["outcome"] in ("rejected", "denied")]
    assert record.totals["honest_refused"] == len(refused) > 5
    assert record.totals["orders"] == seen.books["orders_in"]
    assert record.totals["orders_in_flight"] == seen.books["orders_in_flight"]
    assert record.totals["gpu_hours_lost"] == seen.recorder.gpu_hours_lost > 0.0
    assert record.totals["cost_usd"] == seen.recorder.cost_usd
    assert record.totals["replays_accepted"] == 0


def test_what_is_seen_each_minute_is_what_the_rows_say(seen: Seen, record: GameRecord) -> None:
    assert record.series["fill_rate"] == [reading.fill_rate for reading in seen.readings]
    assert record.series["bridge_rtt"] == [reading.rtt_p95_ms for reading in seen.readings]
    for minute in (10, 20, 30):
        recent = [row for row in seen.rows if minute - 5 <= int(row["step"]) < minute]
        mine = [row for row in recent if row["tenant_id"] == "tenant-dao" and "bad" not in row["order_id"]]
        served = sum(row["outcome"] == "filled" for row in mine) / len(mine)
        assert record.series["tenant_served{tenant-dao}"][minute - 1] == served
        for name, outcome in (("rejected", "rejected"), ("denied", "denied")):
            assert record.series[name][minute - 1] == sum(row["outcome"] == outcome for row in recent)
        by_vast = [row for row in recent if (row["provider_id"], row["outcome"]) == ("vast", "filled")]
        assert record.series["provider_filled{vast}"][minute - 1] == len(by_vast)
    assert {len(values) for values in record.series.values()} == {STEPS}
    active = record.series["provider_active{akash}"]
    assert active == [1.0] * 10 + [0.0] * 15 + [1.0] * 15


def test_decisions_are_the_simulated_waits(tmp_path: Path) -> None:
    slow = {"at": "5m", "for": "10m", "fault": "policy-slow", "add": "40ms"}
    waits = played(tmp_path, "unanswered", steps=25, method=[slow]).series["policy_decision"]
    assert waits[:4] == [0.0] * 4
    assert waits[6:15] == [40.0] * 9
    assert waits[21:] == [0.0] * 4


def test_alerts_are_those_of_an_ordinary_run(tmp_path: Path) -> None:
    game = loaded(tmp_path, method=METHOD, expect=EXPECT, steps=STEPS)
    alerts = run(game.loaded, Options(42, POLICY, RULES)).alerts
    record = played(tmp_path, "unanswered", method=METHOD, expect=EXPECT, steps=STEPS)
    spans = [(span.alert, span.severity, span.started_s, span.fired_s) for span in record.alerts]
    assert spans == [(name, severity, float(began), float(fired) if fired else None)
                     for name, severity, _, began, fired, _ in alerts]  # fmt: skip
    assert spans
