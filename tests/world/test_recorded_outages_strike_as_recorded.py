"""A recorded outage history strikes exactly when and as hard as it says, on its target alone; a bad row is told by line."""

from __future__ import annotations

import pytest
from world_parts import PROJECT, a_world, play

from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.faults import Outage
from aurora_sim.scenario.scenario import load

ROWS = ["0,100,0.25,x", "1000,2000,0.5,x", "1500,2500,1,x", "3000,3500,0,x", "9000,9600,0.125,x"]


@pytest.fixture
def loaded(tmp_path):
    """Loads a scenario whose method is a history of these rows."""

    def make(entry, rows=ROWS, header="start_time,end_time,status,service"):
        (tmp_path / "history.csv").write_text("\n".join([header, *rows]) + "\n")
        path = tmp_path / "scenario.yaml"
        method = "{fault: outage-history, file: history.csv, " + entry + "}"
        path.write_text(
            f"title: T\nstart: 2026-01-05T14:00:00Z\nsteps: 2\nmethod:\n"
            f"  - {method}\n  - {{at: 1m, fault: price, provider: flux, factor: 2, for: 1m}}\n"
        )
        return load(path)

    return make


def seen(faults):
    return [(name, fault.at, fault.end, fault.share) for name, fault in faults if isinstance(fault, Outage)]


def test_each_incident_is_an_outage_at_its_time(loaded):
    faults = loaded("provider: vast, at: 1h, for: 9600s").faults
    assert seen(faults) == [
        ("vast-history-row-1", 3600.0, 3700.0, 0.25),
        ("vast-history-row-2", 4600.0, 5600.0, 0.5),
        ("vast-history-row-3", 5100.0, 6100.0, 1.0),
        ("vast-history-row-5", 12600.0, 13200.0, 0.125),
    ], "an incident of severity 0 darkened nothing"
    assert [name for name, _ in faults][-1] == "flux-price", "the other faults keep their places and names"


def test_the_span_cuts_what_reaches_over_its_edges(loaded):
    faults = loaded("region: us-west-2, at: 0s, for: 1000s, offset: 1200s, id: cloud").faults
    assert seen(faults) == [("cloud-row-2", 0.0, 800.0, 0.5), ("cloud-row-3", 300.0, 1000.0, 1.0)]
    assert all(fault.region == "us-west-2" for _, fault in faults[:2])


@pytest.mark.parametrize("target", ["provider: vast", "bridge: rest_api"])
def test_the_target_is_as_dark_as_the_record_says_and_no_other(loaded, target):
    faults = loaded(f"{target}, at: 1h, for: 9600s").faults
    world = a_world()
    everyone = {name: provider.dark for name, provider in world.providers.items()}

    def shares():
        by_provider = {
            name: {modifiers.compound_share() for modifiers in dark.values()} for name, dark in everyone.items()
        }
        return {**by_provider, **{name: {bridge.dark.compound_share()} for name, bridge in world.bridges.items()}}

    name = target.split()[1]
    expected = {3650: 0.25, 3700: 0.0, 4600: 0.5, 5100: 1.0, 5600: 1.0, 6100: 0.0, 6700: 0.0, 13199: 0.125, 13200: 0.0}
    for until_s, share in expected.items():
        play(world, [entry for entry in faults if entry[1].fault == "outage"], until_s)
        found = shares()
        assert found.pop(name) == {share}, until_s
        assert set().union(*found.values()) == {0.0}, "nobody else is touched"


def test_the_file_is_among_the_digests_of_what_was_read(loaded):
    assert len(loaded("provider: vast, at: 0s, for: 1h").sha256["history.csv"]) == 64


BAD = {
    "severity above 1": (["0,10,0.5,x", "20,30,1.5,x"], ":3", "status"),
    "no number": (["0,ten,0.5,x"], ":2", "end_time"),
    "not a number": (["0,10,nan,x"], ":2", "status"),
    "ends before it begins": (["0,10,0.5,x", "30,20,0.5,x"], ":3", "not after"),
    "unsorted": (["50,60,0.5,x", "20,30,0.5,x"], ":3", "Sort"),
    "too few fields": (["0,10"], ":2", "fields"),
    "empty": ([], "", "no rows"),
    "nothing in the span": (["90000,90010,0.5,x"], "", "offset"),
}


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_bad_file_is_told_by_name_and_line(loaded, tmp_path, bad):
    rows, line, told = BAD[bad]
    with pytest.raises(InputError) as caught:
        loaded("provider: vast, at: 0s, for: 1h", rows)
    assert f"{tmp_path / 'history.csv'}{line}: " in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("provider: vasst, at: 0s, for: 1h", "vasst"),
        ("at: 0s, for: 1h", "exactly one"),
        ("provider: vast, region: us-west-2, at: 0s, for: 1h", "exactly one"),
    ],
)
def test_a_bad_entry_is_told(loaded, entry, told):
    with pytest.raises(InputError, match=told):
        loaded(entry)


def test_columns_may_be_missed_by_name(loaded):
    with pytest.raises(InputError, match="no column status"):
        loaded("provider: vast, at: 0s, for: 1h", header="start_time,end_time,severity,service")


def test_the_committed_scenario_darkens_akash_twice():
    faults = load(PROJECT / "scenarios" / "recorded-outages.yaml").faults
    assert [(round(fault.at), round(fault.for_s), round(fault.share, 2)) for _, fault in faults] == [
        (3518, 7388, 0.21),
        (90022, 14400, 0.57),
    ]
