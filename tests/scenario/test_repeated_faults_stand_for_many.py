"""A fault with `repeat` is as many faults, each with its own time and a name that nobody else has."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from aurora_sim.scenario.faults import Fault, named

FAULTS: TypeAdapter[list[Fault]] = TypeAdapter(list[Fault])


def read(*method):
    return named(FAULTS.validate_python(list(method)))


def outage(**different):
    return {"at": "10m", "for": "2m", "fault": "outage", "provider": "vast", **different}


def test_each_comes_so_long_after_the_one_before():
    found = read(outage(repeat={"every": "4m", "times": 3}))
    assert [(name, fault.at, fault.end) for name, fault in found] == [
        ("vast-outage-1", 600.0, 720.0),
        ("vast-outage-2", 840.0, 960.0),
        ("vast-outage-3", 1080.0, 1200.0),
    ]


def test_it_is_the_same_as_writing_them_out():
    times = [600.0, 840.0]
    written = read(*(outage(at=at_s, id=f"flap-{number}") for number, at_s in enumerate(times, 1)))
    assert read(outage(id="flap", repeat={"every": "4m", "times": 2})) == [
        (name, fault.model_copy(update={"id": "flap"})) for name, fault in written
    ]


def test_no_two_faults_have_one_name():
    found = read(outage(id="a-2"), outage(repeat={"every": "4m", "times": 2}, id="a"), outage(id="a-1"))
    assert [name for name, _ in found] == ["a-2", "a-1", "a-2-2", "a-1-2"]


@pytest.mark.parametrize(
    "repeat", [{"every": "1m", "times": 3}, {"every": "0s", "times": 3}, {"every": "4m", "times": 0}, {"every": "4m"}]
)
def test_what_cannot_be_is_refused(repeat):
    with pytest.raises(ValidationError):
        read(outage(repeat=repeat))
