"""Promise: `--set` changes one value, leaves the document it was given as it was, and is named by the errors it causes."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from pydantic import Field

from aurora_sim.scenario.document import Document, apply_overrides, read_document
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.merge import merge
from aurora_sim.scenario.quantities import Share, Strict
from aurora_sim.scenario.validation import validate

TEXT = """\
title: x
steady-state: []
providers:
  akash: {capacity: 1}
method:
  - at: 1
  - at: 2
world:
"""


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Document:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(TEXT)
    return read_document(Path("s.yaml"))


@pytest.mark.parametrize(
    ("assignment", "keys", "value"),
    [
        ("providers.akash.capacity=0.5", ("providers", "akash", "capacity"), 0.5),
        ("providers.flux.capacity=1e3", ("providers", "flux", "capacity"), 1000.0),
        ("providers.flux={capacity: 2, tags: [a, no]}", ("providers", "flux"), {"capacity": 2, "tags": ["a", "no"]}),
        ("method.1.at=30m", ("method", 1, "at"), "30m"),
        ("method.2={at: 3}", ("method", 2), {"at": 3}),
        ("method.2.at=3", ("method", 2), {"at": 3}),
        ("world.demand.factor=1.1", ("world",), {"demand": {"factor": 1.1}}),
        ("steady_state=[a]", ("steady-state",), ["a"]),
        ("title=a: b # c = *d", ("title",), "a: b # c = *d"),
        ("title='5'", ("title",), "5"),
        (" title = 5 ", ("title",), 5),
        ("title=null", ("title",), None),
        ('title=""', ("title",), ""),
    ],
)
def test_an_assignment_puts_one_value_in(
    document: Document, assignment: str, keys: tuple[str, ...], value: object
) -> None:
    before = copy.deepcopy(document)
    changed = apply_overrides(document, [assignment])
    found = changed.data
    for key in keys:
        found = found[key]
    assert found == value
    assert type(found) is type(value)
    assert document == before
    assert changed.overrides == (assignment,)
    assert changed.sha256 == document.sha256


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("title", "there is no = in it. Write --set key.path=value"),
        ("=5", "a part of the key is empty. Write --set key.path=value, with one dot between keys"),
        ("a..b=5", "a part of the key is empty. Write --set key.path=value, with one dot between keys"),
        ("title=", 'there is nothing after the =. Give a value; null takes a value away, and "" is an empty text'),
        ("title.x=5", "title is a single value and has no keys. Set it as a whole, or mend the key"),
        (
            "method.4.at=5",
            "method is a list that has 2 items, and 4 is none of them. Items count from 0, and 2 adds one",
        ),
        (
            "method.at=5",
            "method is a list that has 2 items, and at is none of them. Items count from 0, and 2 adds one",
        ),
        ("title=.inf", ".inf is not a finite number. Give one, or leave the key out"),
        ("title={a: 1, a: 2}", "the key is given twice, here and on line 1. Keep one of the two"),
        ("title='x", "a quoted text that is opened here is not closed. Put the closing quote"),
        ("title=[a] b", "text after the end of the document. Take it out, or put it inside"),
        (".".join("a" * 40) + "=1", "the key has more than 32 parts. Name a key that the file could have"),
    ],
)
def test_a_malformed_assignment_is_refused(document: Document, assignment: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        apply_overrides(document, ["title=fine", assignment])
    assert str(raised.value) == f"--set {assignment}: {message}"


def test_later_assignments_win_and_may_build_on_earlier_ones(document: Document) -> None:
    changed = apply_overrides(
        document, ["providers.flux={capacity: 1}", "providers.flux.capacity=2", "title=y", "title=z"]
    )
    assert changed.data["providers"]["flux"] == {"capacity": 2}
    assert changed.data["title"] == "z"
    assert apply_overrides(changed, ["title=q"]).overrides == (*changed.overrides, "title=q")


class Provider(Strict):
    capacity: Share


class Scenario(Strict):
    title: str
    steady_state: list[str] = Field(alias="steady-state")
    providers: dict[str, Provider]
    method: list[dict[str, int]]
    world: dict[str, Provider] | None


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("providers.akash.capacity=2", "{set}: 2 is not a share. Give a number from 0 to 1, such as 0.25"),
        ("providers.akash.capcity=1", "{set}: unknown key. Did you mean capacity? Known: capacity"),
        ("providers.flux.x=1", "{set}: capacity is missing. Add `capacity: ...` (and 1 more error)"),
        ("world={a: {capacity: 2}}", "{set}: world.a.capacity: 2 is not a share. Give a number from 0 to 1, such as 0.25"),
        ("providers.akash=1", "{set}: 1 is not a mapping of keys to values. Write `key: value` lines under it, or {key: value}"),
    ],
)  # fmt: skip
def test_an_error_names_the_assignment_it_came_from(document: Document, assignment: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        validate(apply_overrides(document, [assignment]), Scenario)
    assert str(raised.value) == message.replace("{set}", f"--set {assignment}")


def test_errors_elsewhere_still_name_the_file(document: Document) -> None:
    changed = apply_overrides(document, ["method.0.at=1"])
    changed.data["method"][1]["at"] = "x"
    with pytest.raises(InputError, match=r"^s\.yaml:7: method\.1\.at: 'x' is not a whole number"):
        validate(changed, Scenario)


def test_a_merged_document_names_the_file_that_each_value_came_from(document: Document) -> None:
    Path("over.yaml").write_text("x:\n  providers:\n    akash:\n      capacity: 3\n    flux: {}\n  title: null\n")
    merged = merge(document, read_document(Path("over.yaml")), take=("x",))
    assert merged.data["providers"] == {"akash": {"capacity": 3}, "flux": {}}
    assert merged.where(("providers", "akash", "capacity")) == "over.yaml:4: x.providers.akash.capacity"
    assert merged.where(("providers", "akash")) == "s.yaml:4: providers.akash"
    assert merged.where(("providers", "flux", "capacity")) == "over.yaml:5: x.providers.flux.capacity"
    assert merged.where(("title",)) == "over.yaml:6: x.title"
    assert apply_overrides(merged, ["title=y"]).where(("title",)) == "--set title=y"
    assert document.data["providers"] == {"akash": {"capacity": 1}}
    assert merge(document, merged, take=("none", "such")) is document


def test_a_merge_into_or_from_a_single_value_is_refused(document: Document) -> None:
    with pytest.raises(InputError, match=r"^s\.yaml:1: title: title is no mapping\. Make it one"):
        merge(document, document, into=("title",))
    with pytest.raises(InputError, match=r"^s\.yaml:1: title: a mapping is due here"):
        merge(document, document, take=("title",))
