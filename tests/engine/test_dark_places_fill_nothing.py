"""While a provider, a region or a bridge is dark nothing is filled there; before and after it is, and elsewhere all along."""

from __future__ import annotations

from collections import Counter

import pytest
from engine_runs import simulate

FROM_S, UNTIL_S = 300.0, 780.0
DARK = {"at": FROM_S, "for": UNTIL_S - FROM_S, "fault": "outage"}
TIMEOUT_S = 2.0


def filled(seen, where, from_s=FROM_S, until_s=UNTIL_S):
    return [
        row
        for row in seen.rows
        if row["outcome"] == "filled" and where(row) and from_s <= float(row["ended_s"]) < until_s
    ]


@pytest.mark.parametrize("provider", ["akash", "aethir", "render"])
def test_a_dark_provider(provider):
    seen = simulate({**DARK, "provider": provider})
    assert filled(seen, lambda row: row["provider_id"] == provider, 0.0, FROM_S)
    assert not filled(seen, lambda row: row["provider_id"] == provider)
    assert filled(seen, lambda row: row["provider_id"] == provider, UNTIL_S, 1200.0)
    assert filled(seen, lambda row: row["provider_id"] != provider)
    during = [
        p for r in seen.readings if FROM_S < r.time_s <= UNTIL_S for p in r.providers if p.provider_id == provider
    ]
    assert all((p.active, p.capacity_gpus, p.leased_gpus) == (False, 0, 0) for p in during)
    assert set(seen.recorder.kill_causes) == {(provider, "outage")}


@pytest.mark.parametrize("region", ["eu-west-1", "us-west-2"])
def test_a_dark_region(region):
    seen = simulate({**DARK, "region": region})
    assert filled(seen, lambda row: row["region"] == region, 0.0, FROM_S)
    assert not filled(seen, lambda row: row["region"] == region)
    assert filled(seen, lambda row: row["region"] == region, UNTIL_S, 1200.0)
    others = filled(seen, lambda row: row["region"] != region)
    calm = filled(simulate(), lambda row: row["region"] != region)
    assert len(others) > 0.8 * len(calm)


def test_a_dark_bridge_is_gone_round():
    seen = simulate({**DARK, "bridge": "axelar"})
    assert filled(seen, lambda row: row["bridge"] == "axelar", 0.0, FROM_S)
    # What was sent before is still on its way for at most the client's time-out.
    assert not filled(seen, lambda row: row["bridge"] == "axelar", FROM_S + TIMEOUT_S, UNTIL_S)
    assert filled(seen, lambda row: row["bridge"] == "axelar", UNTIL_S + 60.0, 1200.0)
    round_about = filled(seen, lambda row: row["provider_id"] == "akash")
    assert Counter(row["bridge"] for row in round_about[10:]) == {"ibc": len(round_about) - 10}


def test_a_bridge_without_failover_leaves_its_orders_to_other_providers():
    seen = simulate({**DARK, "bridge": "rest_api"})
    only_there = ("aethir", "vast", "salad")
    assert not filled(seen, lambda row: row["provider_id"] in only_there, FROM_S + TIMEOUT_S, UNTIL_S)
    assert filled(seen, lambda row: row["provider_id"] not in only_there)
    assert seen.outcomes["undelivered"] > 0


def test_orders_whose_every_provider_is_dark_end_without_a_fill():
    """Only aethir has H100s for the research tenant's region."""
    seen = simulate({**DARK, "provider": "aethir"})
    mine = [row for row in seen.rows if row["gpu_type"] == "H100" and FROM_S + 60 < float(row["time_s"]) < UNTIL_S - 60]
    assert len(mine) > 10
    assert {row["outcome"] for row in mine} == {"unroutable"}


def test_killed_jobs_go_to_other_providers():
    seen = simulate({**DARK, "provider": "akash"})
    assert seen.recorder.jobs_killed > 100
    assert seen.recorder.jobs_rerouted > 0
    assert not [cause for cause in seen.recorder.failover_causes if cause[1] == "job_killed" and cause[0] != "akash"]


def test_a_killed_job_is_not_sent_back_to_where_it_died():
    """Half of akash goes dark: its other half is up, has room, and would be asked first."""
    seen = simulate({**DARK, "provider": "akash", "share": 0.5})
    placed = Counter(provider for _, outcome, _, _, provider in seen.recorder.reroutes if outcome == "filled")
    assert placed.total() > 50
    assert "akash" not in placed
    assert filled(seen, lambda row: row["provider_id"] == "akash")
