"""Same inputs and seed, same bytes: twice over, in slices, looked at in between, and whatever Python's hash seed is."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from engine_runs import simulate

STORM = (
    {"at": "2m", "for": "5m", "fault": "outage", "provider": "akash"},
    {"at": "3m", "for": "5m", "fault": "loss", "bridge": "rest_api", "add": 0.3},
    {"at": "4m", "for": "5m", "fault": "demand", "factor": 2.0},
    {"at": "4m", "for": "5m", "fault": "bad-requests", "kind": "replay", "rate": 1.0, "id": "bad"},
)


@pytest.fixture(scope="module")
def storm():
    return simulate(*STORM)


def test_the_same_seed_gives_the_same_run(storm):
    again = simulate(*STORM)
    assert again.text == storm.text
    assert again.read() == storm.read()
    assert again.books == storm.books
    assert again.recorder.reroutes == storm.recorder.reroutes


def test_another_seed_gives_another_run(storm):
    other = simulate(*STORM, seed=43)
    assert other.text != storm.text
    assert not {(row["order_id"], row["time_s"]) for row in other.rows} & {
        (r["order_id"], r["time_s"]) for r in storm.rows
    }


@pytest.mark.parametrize("slices_s", [(30.0,), (0.1, 0.2, 17.3, 59.999), tuple(range(1, 60)), (60.0,), (45.0, 12.0)])
def test_slices_change_nothing(storm, slices_s):
    def in_slices(simulation, step):
        for slice_s in slices_s:
            simulation.advance(step * 60.0 + slice_s)

    sliced = simulate(*STORM, before_step=in_slices)
    assert sliced.text == storm.text
    assert sliced.read() == storm.read()
    assert sliced.books == storm.books


def test_looking_changes_nothing(storm):
    looked = []

    def look(simulation, step):
        looked.append((simulation.in_flight, simulation.finish()))

    seen = simulate(*STORM, before_step=look)
    assert len(looked) == 20
    assert seen.text == storm.text
    assert seen.read() == storm.read()


def test_two_runs_at_once_do_not_meet(storm):
    """One is stepped inside the other."""
    inner = []

    def run_another(simulation, step):
        if step == 7:
            inner.append(simulate(*STORM, seed=5, steps=3).text)

    assert simulate(*STORM, before_step=run_another).text == storm.text
    assert inner == [simulate(*STORM, seed=5, steps=3).text]


def test_python_s_hash_seed_changes_nothing(storm):
    here = Path(__file__).parent
    program = (
        "from hashlib import sha256; from test_runs_are_reproducible import STORM; from engine_runs import simulate;"
        "print(sha256(simulate(*STORM).text.encode()).hexdigest())"
    )
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(here)}
        told = subprocess.run(
            [sys.executable, "-c", program], env=environment, cwd=here, capture_output=True, text=True, check=True
        )
        assert told.stdout.strip() == sha256(storm.text.encode()).hexdigest()
