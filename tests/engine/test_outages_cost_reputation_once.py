"""An outage costs a provider its points once, by the share that goes dark; below a floor it is asked again only well above it."""

from __future__ import annotations

import pytest
from engine_runs import a_config, simulate

STILL = {"router": {"reputation_alpha_per_order": 0.0}}
COLLAPSE = {"failures": {"reputation": {"enabled": True, "outage_penalty_points": 5.0, "hysteresis_points": 3.0}}}
OUTAGES = {
    "all of it": ([{}], 5.0),
    "a part of it": ([{"share": 0.4}], 2.0),
    "by and by": ([{"ramp": "3m"}], 5.0),
    "one of its two regions": ([{"region": "us-west-2"}], 2.5),
    "a second within the first": ([{}, {"at": "7m", "for": "1m"}], 5.0),
    "one after the other": ([{}, {"at": "15m"}], 10.0),
    "two halves, one of them shorter": ([{"share": 0.5, "for": "2m"}, {"share": 0.5}], 3.75),
    "two halves at once": ([{"share": 0.5}, {"share": 0.5}], 3.75),
}


@pytest.mark.parametrize("outages", OUTAGES)
def test_an_outage_costs_its_points_once(outages):
    method, points = OUTAGES[outages]
    base = {"at": "5m", "for": "6m", "fault": "outage", "provider": "akash"}
    seen = simulate(*({**base, **one} for one in method), world=a_config(**STILL, **COLLAPSE), steps=22)
    assert seen.readings[3].providers[0].reputation == 78.0
    assert seen.readings[-1].providers[0].reputation == pytest.approx(78.0 - points)


def test_it_is_asked_again_only_above_the_floor_and_the_hysteresis():
    method = [{"at": f"{minute}m", "for": "2m", "fault": "outage", "provider": "flux"} for minute in (10, 14, 18)]
    seen = simulate(*method, world=a_config(**COLLAPSE), steps=150)
    reputation = {
        reading.step: next(p.reputation for p in reading.providers if p.provider_id == "flux")
        for reading in seen.readings
    }
    filled = sorted(
        int(row["step"]) for row in seen.rows if row["provider_id"] == "flux" and row["outcome"] == "filled"
    )
    assert min(reputation.values()) < 57.0
    back = next(step for step in filled if step > 25)
    above_floor = next(step for step, points in reputation.items() if step > 25 and points >= 60.0)
    above_both = next(step for step, points in reputation.items() if step > 25 and points >= 63.0)
    assert above_floor + 10 < above_both <= back + 1 <= above_both + 8
    assert not [step for step in filled if 22 < step < above_both - 1]
