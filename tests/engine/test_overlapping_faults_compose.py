"""Faults that are on together are one fault of their joint effect: factors multiply, losses add, the fewest workers hold."""

from __future__ import annotations

import pytest
from engine_runs import simulate

TIMES = {"at": 300, "for": 480}
AXELAR = {**TIMES, "bridge": "axelar"}
AKASH = {**TIMES, "provider": "akash"}
JOINT = {
    "a bridge slowed six times": (
        [{**AXELAR, "fault": "bridge-slow", "factor": 6}],
        [{**AXELAR, "fault": "bridge-slow", "factor": 2}, {**AXELAR, "fault": "bridge-slow", "factor": 3}],
    ),
    "a network slowed six times": (
        [{**AXELAR, "fault": "network", "factor": 6}],
        [{**AXELAR, "fault": "network", "factor": 3}, {**AXELAR, "fault": "network", "factor": 2}],
    ),
    "a quarter of the GPUs": (
        [{**AKASH, "fault": "capacity", "factor": 0.25}],
        [{**AKASH, "fault": "capacity", "factor": 0.5}] * 2,
    ),
    "a quarter dearer twice over": (
        [{**AKASH, "fault": "price", "factor": 1.5625}],
        [{**AKASH, "fault": "price", "factor": 1.25}] * 2,
    ),
    "a service six times as far": (
        [{**AKASH, "fault": "latency", "factor": 6}],
        [{**AKASH, "fault": "latency", "factor": 2}, {**AKASH, "fault": "latency", "factor": 3}],
    ),
    "a tenth of the messages lost": (
        [{**AXELAR, "fault": "loss", "add": 0.1}],
        [{**AXELAR, "fault": "loss", "add": 0.05}] * 2,
    ),
    "one relayer left": (
        [{**AXELAR, "fault": "relayers", "workers": 1}],
        [{**AXELAR, "fault": "relayers", "workers": 3}, {**AXELAR, "fault": "relayers", "workers": 1}],
    ),
    "a quarter of the orders": (
        [{**TIMES, "fault": "demand", "factor": 0.25}],
        [{**TIMES, "fault": "demand", "factor": 0.5}] * 2,
    ),
    "a slow bridge in two parts": (
        [{**AXELAR, "fault": "bridge-slow", "factor": 4}],
        [
            {"at": 300, "for": 200, "fault": "bridge-slow", "bridge": "axelar", "factor": 4},
            {"at": 500, "for": 280, "fault": "bridge-slow", "bridge": "axelar", "factor": 4},
        ],
    ),
}


@pytest.fixture(scope="module")
def calm():
    return simulate()


@pytest.mark.parametrize("joint", JOINT)
def test_faults_of_the_same_joint_effect_give_the_same_bytes(calm, joint):
    one, parts = (simulate(*method) for method in JOINT[joint])
    assert one.text != calm.text, "a fault that does nothing proves nothing"
    assert parts.text == one.text
    assert parts.books == one.books
