"""A policy module that denies denies; one that misbehaves allows nothing; one that breaks the ABI is refused at load."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import wasmtime
from run_command import aurora

MODULE = """(module
  (memory (export "memory") {memory})
  (func (export "abi_version") (result i32) (i32.const {version}))
  (func (export "treaty_ptr") (result i32) (i32.const 1024))
  (func (export "order_ptr") (result i32) (i32.const 2048))
  (func (export "order_capacity") (result i32) (i32.const 1))
  (func (export "authorize") (param i32) (result i32) {decide})
  (func (export "{batch}") (param i32) {each}))"""


def module(
    folder: Path,
    decide: str,
    version: int = 1,
    memory: str = "1 1",
    batch: str = "authorize_batch",
    each: str | None = None,
) -> Path:
    text = MODULE.format(
        decide=decide,
        version=version,
        memory=memory,
        batch=batch,
        each=each if each is not None else f"(i32.store (i32.const 2084) {decide})",
    )
    path = folder / "policy.wasm"
    path.write_bytes(wasmtime.wat2wasm(text))
    return path


def outcomes(folder: Path, policy: Path) -> set[tuple[str, str]]:
    done = aurora("run", "--steps", "3", "--out", folder / "out", "--quiet", "--policy", policy)
    assert done.returncode == 0, done.stderr
    with (folder / "out" / "routing_decisions.csv").open(newline="") as file:
        return {(row["outcome"], row["reason"]) for row in csv.DictReader(file)}


def test_one_that_denies_all_denies_all(tmp_path: Path) -> None:
    assert outcomes(tmp_path, module(tmp_path, "(i32.const 4)")) == {("denied", "low_reputation")}


@pytest.mark.parametrize(
    "decide",
    ["unreachable", "(i32.load (i32.const 70000))", "(i32.const 99)", "(i32.const -7)"],
    ids=["traps", "reads out of bounds", "answers 99", "answers -7"],
)
def test_one_that_misbehaves_allows_nothing(decide: str, tmp_path: Path) -> None:
    assert outcomes(tmp_path, module(tmp_path, decide)) == {("denied", "policy_error")}


def test_one_that_loops_is_refused_in_bounded_time(tmp_path: Path) -> None:
    path = module(tmp_path, "(loop (br 0)) (i32.const 0)", each="(loop (br 0))")
    done = aurora("run", "--steps", "3", "--out", tmp_path / "out", "--policy", path)
    assert done.returncode == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "what",
    [{"version": 2}, {"batch": "authorise_batch"}, {"memory": "1 2"}, {"memory": "1"}],
    ids=["a wrong version", "a missing export", "growable memory", "unbounded memory"],
)
def test_one_that_breaks_the_abi_is_refused(what: dict[str, object], tmp_path: Path) -> None:
    path = module(tmp_path, "(i32.const 0)", **what)  # type: ignore[arg-type]
    done = aurora("run", "--steps", "3", "--out", tmp_path / "out", "--policy", path)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(path) in done.stderr
    assert not (tmp_path / "out").exists()
