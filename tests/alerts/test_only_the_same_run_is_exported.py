"""A run is exported only if its inputs, its files, and what running it again gives are those of its manifest; else one message."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exported_runs import PROJECT, aurora


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "out"
    scenario = folder.parent / "scenario.yaml"
    shutil.copy(PROJECT / "scenarios" / "akash-outage.yaml", scenario)
    assert aurora("run", scenario, "--steps", 8, "--out", folder, "--quiet") == 0
    return folder


@pytest.fixture
def copied(run_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(run_folder, tmp_path / "copy")
    return tmp_path / "copy"


def change(path: Path, alter: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    alter(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one message; nothing is written."""
    assert aurora("alerts", "export", *arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1, told.err
    return told.err


def test_the_same_run_is(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert aurora("alerts", "export", copied) == 0
    assert sorted(path.name for path in (copied / "alerts").iterdir()) == ["metrics.txt", "rule_test.yml", "rules.yml"]


@pytest.mark.parametrize("options", [("--no-orders",), ("--format", "parquet", "--sample", "0.2")], ids=" ".join)
def test_a_run_that_kept_other_rows_is(
    options: tuple[str, ...], run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert aurora("run", run_folder.parent / "scenario.yaml", "--steps", 8, "--out", out, "--quiet", *options) == 0
    assert aurora("alerts", "export", out, "--quiet") == 0
    change(out / "run.json", lambda data: data.update(seed=7))
    assert "run again, the run gives another" in refused(capsys, out)


def test_an_interrupted_run_is_exported_as_far_as_it_went(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A run of 8 steps that was stopped after 5 has other files than one of 5: its manifest says both numbers.
    from exported_runs import POLICY, RULES

    from aurora_sim.engine.run import Options, Run, run
    from aurora_sim.scenario.scenario import load

    states: list[Run] = []
    out = tmp_path / "stopped"
    run(
        load(PROJECT / "scenarios" / "akash-outage.yaml"),
        Options(1, POLICY, RULES, 8, out),
        begun=states.append,
        watch=lambda reading: setattr(states[0], "stop", reading.step == 4),
    )
    assert aurora("alerts", "export", out) == 0
    assert "6 minutes" in capsys.readouterr().out


def test_a_file_that_was_changed(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (copied / "step_metrics.csv").open("a") as file:
        file.write("8,0\n")
    assert "step_metrics.csv is not what the run wrote" in refused(capsys, copied)
    assert not (copied / "alerts").exists()


def test_a_file_that_is_gone(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copied / "alerts.csv").unlink()
    assert "alerts.csv is not what the run wrote" in refused(capsys, copied)


def test_another_seed_gives_other_files(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(copied / "run.json", lambda data: data.update(seed=7))
    assert "run again, the run gives another" in refused(capsys, copied)


@pytest.mark.parametrize("kind", ["scenario", "rules", "policy"])
def test_an_input_that_was_changed(copied: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    def alter(data: dict[str, Any]) -> None:
        if kind == "scenario":
            data["inputs"][data["scenario"]] = "0" * 64
        else:
            data[kind]["sha256"] = "0" * 64

    change(copied / "run.json", alter)
    assert "is not what it was in the run" in refused(capsys, copied)


def test_what_is_no_run_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no such folder" in refused(capsys, tmp_path / "nowhere")
    assert "it holds no run.json" in refused(capsys, tmp_path)
    (tmp_path / "run.json").write_text("{", encoding="utf-8")
    assert "this is not JSON" in refused(capsys, tmp_path)
    (tmp_path / "run.json").write_text('{"seed": 1}', encoding="utf-8")
    assert "scenario: Field required" in refused(capsys, tmp_path)
    scenario = PROJECT / "scenarios" / "baseline.yaml"
    assert "this is no playbook" in refused(capsys, scenario)


def test_a_run_of_a_year(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(copied / "run.json", lambda data: data.update(steps=525_600, steps_done=525_600))
    assert "it has 525600 minutes, and at most" in refused(capsys, copied)


def test_options_that_say_nothing_of_a_run(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "a run has its own seed" in refused(capsys, copied, "--seed", 3)


def test_rules_that_are_not_evaluated_here(copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: [{name: a, rules: [{alert: A, expr: 'deriv(treaty_rtt_ms[5m]) > 1'}]}]", encoding="utf-8")
    assert "the function deriv is not evaluated here" in refused(capsys, copied, "--rules", rules)
    assert not (copied / "alerts").exists()
    assert "nowhere.yml" in refused(capsys, copied, "--rules", tmp_path / "nowhere.yml")
