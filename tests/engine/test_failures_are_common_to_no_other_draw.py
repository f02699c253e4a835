"""A failure model that is off changes not one byte, and one that is on changes no order's arrival, wish or luck."""

from __future__ import annotations

import pytest
from engine_runs import a_config, simulate, what_was_ordered

ON = {"enabled": True}
MODELS = {
    "outages": {"outages": {**ON, "up_time_factor": 0.001}},
    "nodes": {"nodes": {**ON, "providers": {"vast": {"interruptible": {"share": 1.0}}}}},
    "market": {
        "market": {
            **ON,
            "bids": {"akash": {"no_bid_share": 0.3, "no_manifest_share": 0.3}},
            "offers": {"vast": {"gone_share": 0.5}},
        }
    },
    "reputation": {"reputation": {**ON, "outage_penalty_points": 50.0}},
}  # fmt: skip
OUTAGE = {"at": "4m", "for": "5m", "fault": "outage", "provider": "akash"}


@pytest.fixture(scope="module")
def calm():
    return simulate(OUTAGE)


def switched(models, enabled):
    return {model: {**figures, "enabled": enabled} for model, figures in models.items()}


@pytest.mark.parametrize("model", MODELS)
def test_off_its_figures_change_not_one_byte(calm, model):
    seen = simulate(OUTAGE, world=a_config(failures=switched(MODELS[model], False)))
    assert seen.text == calm.text
    assert seen.read() == calm.read()
    assert seen.books == calm.books


NOTHING = {
    "no chance": {
        "market": {
            **ON,
            "bids": {"akash": {"no_bid_share": 0.0, "no_manifest_share": 0.0}},
            "offers": {"vast": {"gone_share": 0.0}},
        }
    },
    "nodes that stay": {
        "nodes": {**ON, "providers": {
            "vast": {"node_up": {"scale_h": 1e12}, "interruptible": {"share": 0.0}}, "salad": {"node_up": {"scale_h": 1e12}}}}
    },
    "no points": {"reputation": {**ON, "outage_penalty_points": 0.0, "hysteresis_points": 0.0}},
}  # fmt: skip


@pytest.mark.parametrize("nothing", NOTHING)
def test_on_but_without_effect_it_changes_not_one_byte(calm, nothing):
    seen = simulate(OUTAGE, world=a_config(failures=NOTHING[nothing]))
    assert seen.text == calm.text
    assert seen.books == calm.books


@pytest.mark.parametrize("model", MODELS)
def test_on_every_order_comes_when_and_as_it_would_have(calm, model):
    seen = simulate(OUTAGE, world=a_config(failures=MODELS[model]))
    assert seen.text != calm.text
    rows = {row["order_id"]: what_was_ordered(row) for row in seen.rows}
    early = {
        row["order_id"]: what_was_ordered(row)
        for row in calm.rows
        if float(row["time_s"]) < 300.0 and row["order_id"] in rows  # one that waits for a bid has no row yet
    }
    assert len(early) > 150
    assert {order_id: rows[order_id] for order_id in early} == early
    assert [reading.tally.arrived for reading in seen.readings] == [reading.tally.arrived for reading in calm.readings]
