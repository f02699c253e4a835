"""Replications are the single runs of their seeds, in order, to the byte, however many processes ran them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from aurora_sim.cli import call
from aurora_sim.cli.run import run as command
from aurora_sim.engine.run import Options, run
from aurora_sim.lab.measures import NAMES, measured
from aurora_sim.lab.replications import Replication, replicate
from aurora_sim.scenario.errors import RunError
from aurora_sim.scenario.scenario import load

PROJECT = Path(__file__).resolve().parents[2]
POLICY = PROJECT / "policy" / "wasm" / "vault-law-akash-policy.wasm"
RULES = PROJECT / "config" / "prometheus" / "alert_rules.yml"
OUTAGE = PROJECT / "scenarios" / "akash-outage.yaml"
FILES = {"replications.csv", "replications.json"}


def aurora(out: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aurora_sim", "run", *map(str, arguments), "--out", str(out)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)


def replicated(out: Path, *arguments: str | Path) -> dict[str, bytes]:
    done = aurora(out, *arguments)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} == FILES
    return {name: (out / name).read_bytes() for name in FILES}


def test_bytes_are_the_same_over_one_and_two_processes(tmp_path: Path) -> None:
    number = ("scenarios/akash-outage.yaml", "--steps", "33", "--seed", "7", "--replications", "4")
    assert replicated(tmp_path / "a", *number, "--jobs", "1") == replicated(tmp_path / "b", *number, "--jobs", "2")


def test_as_many_as_it_takes_are_as_many_over_two_processes(tmp_path: Path) -> None:
    measure = ("--measure", "rtt_p95_ms", "--precision", "0.04")
    arguments = ("scenarios/baseline.yaml", "--steps", "5", "--replications", "auto", *measure)
    one = replicated(tmp_path / "a", *arguments, "--jobs", "1")
    assert one == replicated(tmp_path / "b", *arguments, "--jobs", "2")
    result = json.loads(one["replications.json"])
    method = result["method"]["automatic"]
    assert method["of"] == ["rtt_p95_ms"]
    assert method["replications_min"] <= method["precise_since"] < result["replications"] < method["replications_max"]
    found = result["measures"]["rtt_p95_ms"]
    assert 0.0 < found["half_width"] <= 0.04 * found["mean"]


def test_each_row_is_the_single_run_of_its_seed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    replicated(out, OUTAGE, "--steps", "33", "--seed", "9", "--replications", "2", "--jobs", "1")
    with (out / "replications.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["seed"] for row in rows] == ["9", "10"]
    for row in rows:
        alone = run(load(OUTAGE), Options(int(row["seed"]), POLICY, RULES, 33))
        for name, figure in measured(alone).items():
            assert row[name] == ("" if figure is None else f"{figure:.10g}")
        assert [row[column] for column in row if column.startswith("slo_")] == [
            objective.verdict for objective in alone.objectives if not objective.wall_clock
        ]
    assert rows[0] != {**rows[1], "seed": "9"}, "another seed is another run"


def test_the_result_names_its_inputs_and_its_method(tmp_path: Path) -> None:
    result = json.loads(
        replicated(
            tmp_path / "out", OUTAGE, "--steps", "5", "--replications", "2", "--set", "providers.akash.capacity=0.5"
        )["replications.json"]
    )
    assert {Path(name).name for name in result["inputs"]} >= {OUTAGE.name, POLICY.name, RULES.name, "slo.json"}
    assert all(len(sha256) == 64 for sha256 in result["inputs"].values())
    assert result["overrides"] == ["providers.akash.capacity=0.5"]
    assert result["method"]["confidence"] == 0.95
    assert set(result["measures"]) == set(NAMES)
    for verdicts in result["slo"].values():
        assert sum(verdicts[name] for name in ("met", "missed", "not enough data")) == 2
    assert "wall" not in json.dumps(result)


def test_the_table_says_how_often_an_objective_was_met(tmp_path: Path) -> None:
    done = aurora(tmp_path / "out", "scenarios/akash-outage.yaml", "--steps", "40", "--replications", "3")
    assert "3 replications of 40 steps, seeds 42 to 44" in done.stdout
    for line in ("fill rate, by count", "fill rate, by GPU-hours", "met in 0 of 3", "met in 3 of 3"):
        assert line in done.stdout
    short = aurora(tmp_path / "out", "--steps", "3", "--replications", "2")
    assert "not enough data in 2" in short.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("scenarios/basline.yaml",),
        ("scenarios/baseline.yaml", "--policy", "README.md"),
        ("scenarios/philly-replay.yaml", "--trace", "nowhere.csv"),
        ("scenarios/philly-replay.yaml", "--trace", "README.md"),
        ("scenarios/baseline.yaml", "--rules", "README.md"),
        ("scenarios/baseline.yaml", "--config", "nowhere"),
    ],
    ids=lambda arguments: arguments[-1],
)
def test_bad_input_is_told_as_in_a_single_run(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PROJECT)
    arguments = (*arguments, "--out", str(tmp_path / "out"))
    assert call(command, list(arguments), "aurora-sim") == 2
    alone = capsys.readouterr()
    assert call(command, [*arguments, "--replications", "4", "--jobs", "1"], "aurora-sim") == 2
    assert capsys.readouterr() == alone
    assert len(alone.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_bad_input_that_a_worker_finds_is_told_likewise(tmp_path: Path) -> None:
    done = aurora(tmp_path / "out", "--policy", "README.md", "--replications", "2", "--jobs", "2")
    assert (done.returncode, done.stdout, len(done.stderr.strip().splitlines())) == (2, "", 1)
    assert "README.md" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--replications", "1"), "from 2 to"),
        (("--replications", "9" * 30), "from 2 to"),
        (("--replications", "some"), "auto"),
        (("--replications", "2", "--plots"), "--plots"),
        (("--replications", "2", "--pace", "60"), "--pace"),
        (("--replications", "2", "--metrics-port", "0"), "--metrics-port"),
        (("--replications", "2", "--precision", "0.1"), "--replications auto"),
        (("--replications", "2", "--measure", "fill_rate"), "--replications auto"),
        (("--replications", "auto", "--measure", "fil_rate"), "Did you mean fill_rate?"),
        (("--replications", "auto", "--precision", "0"), "precision"),
        (("--replications", "2", "--seed", str(2**63 - 1)), "seed"),
        (("--jobs", "2"), "--replications"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_together_are_refused(arguments: tuple[str, ...], word: str, tmp_path: Path) -> None:
    done = aurora(tmp_path / "out", *arguments)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_input_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    loaded = load(OUTAGE)
    changed = {**loaded.sha256, str(OUTAGE): "0" * 64}
    task = Replication(OUTAGE, None, (), None, Options(1, POLICY, RULES, 1), tuple(changed.items()))
    with pytest.raises(RunError, match=r"akash-outage\.yaml was changed"):
        replicate(task)
