"""Promise: each mistake gets one message with file, line, key and mend. The wording is golden, so that it is reviewed."""

# ruff: noqa: E501  (a message and what brings it about stand on one line)

from __future__ import annotations

import os
import stat
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

import pytest
from pydantic import Field, ValidationInfo, field_validator, model_validator

from aurora_sim.scenario.document import read_document
from aurora_sim.scenario.errors import InputError
from aurora_sim.scenario.quantities import Factor, Seconds, Share, Strict, Timestamp, wrong
from aurora_sim.scenario.validation import validate


class Outage(Strict):
    fault: Literal["outage"]
    at: Seconds = Field(description="When it begins, such as 30m.")
    for_s: Seconds = Field(alias="for")
    provider: str | None = None
    outage: int = 0  # a key that is named like its union's tag

    @model_validator(mode="after")
    def _short(self) -> Self:
        if self.for_s > 86400:
            raise ValueError(f"for ({self.for_s:g} s) is longer than a day. Shorten it")
        return self


class Price(Strict):
    fault: Literal["price"]
    at: Seconds
    factor: Factor

    @model_validator(mode="after")
    def _late(self) -> Self:
        if self.at > 3600:
            raise wrong("the price {moves} too late", "Begin within an hour", key="at")
        return self


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class Provider(Strict):
    share: Share = 1.0
    percent: Annotated[float, Field(ge=0, le=100)] = 0.0
    gpus: Annotated[list[Annotated[int, Field(gt=0)]], Field(min_length=1, default_factory=lambda: [1])]
    size: Size | None = None
    label: Annotated[str, Field(min_length=1, max_length=8, pattern=r"^[a-z]+$")] = "a"
    either: int | list[str] = 0


class Scenario(Strict):
    title: str = ""
    start: Timestamp | None = None
    steps: int = 120
    seeds: tuple[int, ...] = ()
    paused: bool = False
    steady_state: list[str] = Field(default=[], alias="steady-state")
    method: list[Annotated[Outage | Price, Field(discriminator="fault")]] = Field(default_factory=list)
    providers: dict[str, Provider] = Field(default_factory=dict)

    @field_validator("title")
    @classmethod
    def _allowed(cls, title: str, info: ValidationInfo) -> str:
        if info.context and title in info.context["taken"]:
            raise InputError(title, "the title is taken", "Choose another")
        return title


SCENARIO_KEYS = "method, paused, providers, seeds, start, steady-state, steps, title"
_LISTED = "a list that is opened here has no comma between its entries, or is not closed. Put the missing , or ]"
_QUOTES = "Align it with its neighbours, or put the text above it in quotes"
_ALIASES = "Write the value out, or put it in quotes: a few aliases can unfold into gigabytes, so none are read"
_TAGS = "Take it out: tags are not accepted, and a text that begins with ! needs quotes"

SYNTAX = [
    ("", "s.yaml:1:1: the file is empty. Put `key: value` lines into it"),
    ("# only this", "s.yaml:1:1: the file is empty. Put `key: value` lines into it"),
    ("- a", "s.yaml: the file holds a list where a mapping is due. Begin it with `key: value` lines"),
    ("just text", "s.yaml: the file holds a single value where a mapping is due. Begin it with `key: value` lines"),
    ("a: 1\na: 2", "s.yaml:2: a: the key is given twice, here and on line 1. Keep one of the two"),
    ("x: {b: 1, b: 2}", "s.yaml:1: x.b: the key is given twice, here and on line 1. Keep one of the two"),
    ("a: &b 1", f"s.yaml:1:4: an anchor (&b) is used. {_ALIASES}"),
    ("a: *b", f"s.yaml:1:4: an alias (*b) is used. {_ALIASES}"),
    ("<<: {a: 1}", "s.yaml:1:1: a merge key (<<) is used. Write the values out: files are read without anchors, aliases and merges"),
    ("a: !!python/object/apply:os.system [x]", f"s.yaml:1:4: the tag !!python/object/apply:os.system asks for code to be run. {_TAGS}"),
    ("a: !secret x", f"s.yaml:1:4: the tag !secret is used. {_TAGS}"),
    ("a: 1\n---\nb: 1", "s.yaml:2:1: a second document begins here. Keep one document in a file: take the --- out"),
    ("5: 1", 's.yaml:1:1: the key 5 is not text. Put it in quotes: "5"'),
    ("x:\n  ? [a]\n  : 1", "s.yaml:2: x: a list is used as a key. Keys are text: put a name before the colon"),
    ("a: .nan", "s.yaml:1: a: .nan is not a finite number. Give one, or leave the key out"),
    ("a: [1, -.inf]", "s.yaml:1: a.1: -.inf is not a finite number. Give one, or leave the key out"),
    ("a: 1e999", "s.yaml:1: a: 1e999 is too large a number. Give one below 1.8e308"),
    ("a: 9223372036854775808", "s.yaml:1: a: 9223372036854775808 is too large a whole number. Give one below 2^63, or put a name in quotes"),
    ("a: [1, 2\nb: 3", f"s.yaml:1:4: {_LISTED}"),
    ("a: 'x", "s.yaml:1:4: a quoted text that is opened here is not closed. Put the closing quote"),
    ('a: "\\q"', "s.yaml:1:5: a backslash that escapes nothing. Double it, or use single quotes"),
    ("a:\n\tb: 1", "s.yaml:2:1: a tab where spaces are due. Use spaces"),
    ("a: @b", "s.yaml:1:4: a value cannot begin with @. Put it in quotes"),
    ("a: b: c", f"s.yaml:1:5: a second colon, or a key that is indented too far. {_QUOTES}"),
    ("a: - b", "s.yaml:1:4: a list item on the line of its key. Begin the list on the next line"),
    ("a:\n  b: 1\n c: 2", f"s.yaml:3:2: the line does not fit the lines above it. {_QUOTES}"),
    ("a: \x1b[31m", "s.yaml:1: an unprintable character (U+001B) at offset 3. Save the file as UTF-8 text, and write such a character as an escape in double quotes"),
]  # fmt: skip

JSON_SYNTAX = [
    ("", 's.json:1:1: the file is empty. Put {"key": value} into it'),
    ('{"a": 1,}', "s.json:1:9: a comma before the closing }. Take the comma out: JSON does not allow it"),
    ('{"a": 1 "b": 2}', "s.json:1:1: a mapping that is opened here has no comma between its entries, or is not closed. Put the missing , or }"),
    ("{a: 1}", 's.json:1:2: a key without double quotes. Write it as "key": value'),
    ('{"a" 1}', 's.json:1:6: no colon after the key. Write it as "key": value'),
    ('{"a": NaN}', "s.json:1: a: NaN is not a finite number. Give one, or leave the key out"),
    ('{"a": yes}', "s.json:1:7: yes where a value is due. Texts need double quotes; else give a number, true, false or null"),
    ('{"a": 1} // x', "s.json:1:10: text after the end of the document. Take it out, or put it inside the brackets"),
    ('{\n// x\n"a": 1}', 's.json:2:1: a key without double quotes. Write it as "key": value'),
    ('{"a": [// x\n1]}', "s.json:1:8: a comment, which JSON does not have. Take it out, or save the file as .yaml"),
    ('{"a": "\\ud800"}', "s.json:1: a: half of a surrogate pair, which is no character. Write the character itself, or both halves"),
    ('{"a": 1, "a": 2}', "s.json:1: a: the key is given twice, here and on line 1. Keep one of the two"),
]  # fmt: skip

VALUES = [
    ("stpes: 5", f"s.yaml:1: stpes: unknown key. Did you mean steps? Known: {SCENARIO_KEYS}"),
    ("zzz: 5", f"s.yaml:1: zzz: unknown key. Known: {SCENARIO_KEYS}"),
    ("steps: many", "s.yaml:1: steps: 'many' is not a whole number. Give a whole number"),
    ("steps: '5'", "s.yaml:1: steps: '5' is not a whole number. Take the quotes away"),
    ("steps: 1e3", "s.yaml:1: steps: 1000.0 is not a whole number. Write 1000"),
    ("steps: true", "s.yaml:1: steps: true is not a whole number. Give a whole number"),
    ("steps:", "s.yaml:1: steps: there is no value. Give a whole number"),
    ("paused: no", "s.yaml:1: paused: 'no' is not true or false. Write false"),
    ("title: 5", 's.yaml:1: title: 5 is not text. Put it in quotes: "5"'),
    ("start: 2026-01-05T14:00", "s.yaml:1: start: '2026-01-05T14:00' is not a date and time with its offset from UTC. Write it as 2026-01-05T14:00:00Z, or with an offset such as +01:00"),
    ("method: {}", "s.yaml:1: method: a mapping is not a list. Write it as [a, b], or as lines that begin with -"),
    ("method: [5]", "s.yaml:1: method.0: 5 is not a mapping of keys to values. Write `key: value` lines under it, or {key: value}"),
    ("method: [{at: 1}]", "s.yaml:1: method.0: fault is missing. Add `fault: ...`, which says what kind of entry this is"),
    ("method:\n- {fault: outge}", "s.yaml:2: method.0.fault: 'outge' is not known. Did you mean outage? Known: outage, price"),
    ("method:\n- fault: outage\n  for: 5m", "s.yaml:2: method.0: at is missing. Add `at: ...` (When it begins, such as 30m)"),
    ("method:\n- fault: outage\n  at: 0\n  fro: 5m", "s.yaml:4: method.0.fro: unknown key. Did you mean for? Known: at, fault, for, outage, provider"),
    ("method:\n- {fault: outage, at: 0,\n   for: soon}", "s.yaml:3: method.0.for: 'soon' is not a duration (0 s to ten years). Give seconds, or a text such as 30m, 1h30m, 1.5h or 250ms"),
    ("method:\n- {fault: outage, at: 0, for: 1,\n   outage: x}", "s.yaml:3: method.0.outage: 'x' is not a whole number. Give a whole number"),
    ("method:\n- {fault: outage, at: 0, for: 2d}", "s.yaml:2: method.0: for (172800 s) is longer than a day. Shorten it"),
    ("method:\n- {fault: price, factor: 2,\n   at: 2h}", "s.yaml:3: method.0.at: the price {moves} too late. Begin within an hour"),
    ("method:\n- {fault: price, factor: 0, at: 0}", "s.yaml:2: method.0.factor: 0 is not a factor. Give a number above 0, such as 1.5; 1 changes nothing"),
    ("providers:\n  akash:\n    share: 1.5", "s.yaml:3: providers.akash.share: 1.5 is not a share. Give a number from 0 to 1, such as 0.25"),
    ("providers: {akash: {percent: 101}}", "s.yaml:1: providers.akash.percent: 101 is above 100. Give a number from 0 to 100"),
    ("providers: {akash: {gpus: [2, -1]}}", "s.yaml:1: providers.akash.gpus.1: -1 is not above 0. Give a number above 0"),
    ("providers: {akash: {gpus: []}}", "s.yaml:1: providers.akash.gpus: it has 0 entries. Give at least 1"),
    ("providers: {akash: {size: lage}}", "s.yaml:1: providers.akash.size: 'lage' is not known. Did you mean large? Known: large, small"),
    ("providers: {akash: {label: A}}", "s.yaml:1: providers.akash.label: 'A' is not written as it must be here. It must match ^[a-z]+$"),
    ("providers: {akash: {label: abcdefghij}}", "s.yaml:1: providers.akash.label: 'abcdefghij' is too long. Give at most 8 characters"),
    ("providers: {akash: {either: {}}}", "s.yaml:1: providers.akash.either: a mapping is not a whole number or a list. Give a whole number or a list"),
    ("providers: {akash: [1]}", "s.yaml:1: providers.akash: a list is not a mapping of keys to values. Write `key: value` lines under it, or {key: value}"),
    ('providers: {"a k.ash\\n": {shre: 1}}', "s.yaml:1: providers.'a k.ash\\n'.shre: unknown key. Did you mean share? Known: either, gpus, label, percent, share, size"),
    ("steady-state: []\nsteady_state: []", "s.yaml:2: steady_state: steady-state and steady_state are the same key, and both are given. Keep steady-state"),
    ("title: x\nseeds: [1, 2, x]\nsteps: x\npaused: 1", "s.yaml:2: seeds.2: 'x' is not a whole number. Give a whole number (and 2 more errors)"),
]  # fmt: skip


def _message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, name: str = "s.yaml") -> str:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        validate(read_document(Path(name)), Scenario)
    return str(raised.value)


@pytest.mark.parametrize(("text", "message"), SYNTAX + VALUES)
def test_yaml(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _message(tmp_path, monkeypatch, text) == message


@pytest.mark.parametrize(("text", "message"), JSON_SYNTAX)
def test_json(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _message(tmp_path, monkeypatch, text, "s.json") == message


def test_what_is_right_is_accepted_in_either_spelling(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("steady_state: [a]\nstart: 2026-01-05T15:00:00+01:00\nseeds: [1, 2]")
    scenario = validate(read_document(tmp_path / "s.yaml"), Scenario)
    assert (scenario.steady_state, scenario.seeds) == (["a"], (1, 2))


def test_an_input_error_of_a_validator_passes_through(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("title: x")
    with pytest.raises(InputError, match=r"x: the title is taken\. Choose another"):
        validate(read_document(tmp_path / "s.yaml"), Scenario, context={"taken": ["x"]})


def _refusal(path: Path) -> str:
    with pytest.raises(InputError) as raised:
        read_document(path)
    return str(raised.value).replace(str(path.parent), "DIR")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "baseline.yaml").write_text("a: 1")
    (tmp_path / "text.txt").write_text("a: 1")
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xe9")
    (tmp_path / "wide.yaml").write_bytes("a: 1".encode("utf-16"))
    (tmp_path / "nul.yaml").write_bytes(b"a: \x00")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    known = "Known: baseline.yaml, latin.yaml, loop.yaml, nul.yaml, pipe.yaml, wide.yaml"
    text = "Save the file as UTF-8 text"
    assert (
        _refusal(tmp_path / "basline.yaml")
        == f"DIR/basline.yaml: there is no such file. Did you mean baseline.yaml? {known}"
    )
    assert (
        _refusal(tmp_path / "empty" / "a.yaml")
        == "DIR/a.yaml: there is no such file. There is no YAML or JSON file in DIR"
    )
    assert _refusal(tmp_path / "none" / "a.yaml") == "DIR/a.yaml: there is no such file. There is no folder DIR either: check the path from where you are"  # fmt: skip
    assert _refusal(tmp_path / "text.txt") == "DIR/text.txt: the name does not say what is in it. Rename it to end in .yaml, .yml, .json"  # fmt: skip
    assert _refusal(tmp_path / "latin.yaml") == f"DIR/latin.yaml:2: byte 0xe9 at offset 8 is not UTF-8. {text}"
    assert _refusal(tmp_path / "wide.yaml") == "DIR/wide.yaml: the file is UTF-16. Save it as UTF-8"
    assert _refusal(tmp_path / "nul.yaml").startswith("DIR/nul.yaml:1: an unprintable character (U+0000) at offset 3. ")
    assert (
        _refusal(tmp_path / "empty") == "DIR/empty: this is a folder. Name a file: there is no YAML or JSON file in it"
    )
    assert _refusal(tmp_path) == f"DIR/{tmp_path.name}: this is a folder. Name a file in it. {known}"
    assert _refusal(tmp_path / "pipe.yaml") == "DIR/pipe.yaml: this is a pipe or device, not a file. Save the text to a .yaml or .json file"  # fmt: skip
    assert _refusal(Path("/dev/zero")).startswith("DIR/zero: this is a pipe or device")
    assert "it cannot be read (" in _refusal(tmp_path / "loop.yaml")
    assert "it cannot be read (" in _refusal(tmp_path / "a\0b.yaml")
    assert "it cannot be read (" in _refusal(tmp_path / ("a" * 300 + ".yaml"))
    assert "it cannot be read (not a directory)" in _refusal(tmp_path / "text.txt" / "a.yaml")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("a: 1")
    path.chmod(stat.S_IWUSR)
    assert _refusal(path) == "DIR/s.yaml: it cannot be read (permission denied). Check its name and permissions"
