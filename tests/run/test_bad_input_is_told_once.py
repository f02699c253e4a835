"""Whatever is wrong with what the user gave: one message that names the place and the mend, exit 2, nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_command import PROJECT, aurora

GOOD = "title: T\nstart: 2026-01-05T14:00:00Z\nsteps: 2\n"
TRACE = "order_id,arrival_s,tenant,gpu_type,gpus,duration_s\n"
REPLAY = (
    GOOD
    + "world: {demand: {replay: {trace: trace.csv, workload: general_compute, tenants: {'*': tenant-dao},"
    + " gpu_types: {any: A100}}}}\n"
)

SCENARIOS = {
    "empty": ("", "the file"),
    "not a mapping": ("- 1\n- 2\n", "mapping"),
    "unknown key": (GOOD + "stpes: 3\n", "steps"),
    "unknown provider": (GOOD + "method: [{at: 1m, fault: outage, provider: akahs, for: 1m}]\n", "Did you mean akash?"),
    "unknown region": (GOOD + "method: [{at: 1m, fault: outage, region: us-west-3, for: 1m}]\n", "us-west-2"),
    "unknown fault": (GOOD + "method: [{at: 1m, fault: outrage, provider: akash, for: 1m}]\n", "outage"),
    "two targets": (GOOD + "method: [{at: 1m, fault: outage, provider: akash, bridge: ibc, for: 1m}]\n", "exactly one"),
    "negative time": (GOOD + "method: [{at: -5, fault: outage, provider: akash, for: 1m}]\n", "duration"),
    "NaN": (GOOD + "method: [{at: 1m, fault: price, provider: akash, factor: .nan, for: 1m}]\n", "factor"),
    "share above 1": (GOOD + "method: [{at: 1m, fault: outage, provider: akash, share: 2, for: 1m}]\n", "0 to 1"),
    "ramp too long": (GOOD + "method: [{at: 0, fault: demand, factor: 2, for: 1m, ramp: 2m}]\n", "ramp"),
    "no such day": ("title: T\nstart: 2026-02-31T14:00:00Z\nsteps: 2\n", "2026-01-05T14:00:00Z"),
    "steps not whole": ("title: T\nstart: 2026-01-05T14:00:00Z\nsteps: 2.5\n", "steps"),
    "no steps": ("title: T\nstart: 2026-01-05T14:00:00Z\nsteps: 0\n", "steps"),
    "asks for code": (GOOD + "world: !!python/object/apply:os.system ['true']\n", "tag"),
    "anchors": ("a: &a {b: *a}\n", "anchor"),
    "duplicate key": (GOOD + "steps: 3\n", "steps"),
    "deep": ("a: " + "[" * 1000 + "]" * 1000, "deep"),
    "unknown world key": (GOOD + "world: {provider: {}}\n", "providers"),
    "half a new provider": (GOOD + "world: {providers: {akahs: {capacity: 0.5}}}\n", "Did you mean akash?"),
    "bridge to nowhere": (GOOD + "world: {providers: {akash: {bridge: axlar}}}\n", "axelar"),
    "own failover": (GOOD + "world: {bridges: {ibc: {failover: ibc}}}\n", "failover"),
    "no workload": (GOOD + "world: {tenants: {tenant-dao: {mix: {llm: 1.0}}}}\n", "llm_inference"),
    "no price profile": (GOOD + "world: {price_profile: market_2027}\n", "market_2026"),
}

TRACES = {
    "empty": ("", "empty"),
    "no rows": (TRACE, "no rows"),
    "missing column": ("order_id,arrival_s\n1,2\n", "tenant"),
    "unsorted": (TRACE + "a,5,t,any,1,60\nb,4,t,any,1,60\n", "Sort"),
    "negative": (TRACE + "a,-5,t,any,1,60\n", "arrival_s"),
    "NaN": (TRACE + "a,nan,t,any,1,60\n", "arrival_s"),
    "no GPUs": (TRACE + "a,5,t,any,0,60\n", "gpus"),
    "half a GPU": (TRACE + "a,5,t,any,1.5,60\n", "whole number"),
    "short row": (TRACE + "a,5,t,any\n", "fields"),
    "unmapped type": (TRACE + "a,5,t,V100,1,60\n", "V100"),
    "binary": ("\0\1\2" + TRACE, "binary"),
    "a bad last row": (TRACE + "a,5,t,any,1,60\n" * 2000 + "a,5,t,any,1,0\n", ":2002"),
}


def told_once(tmp_path: Path, *arguments: str | Path) -> str:
    done = aurora("run", *arguments, "--out", tmp_path / "out")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()
    return done.stderr


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios(name: str, tmp_path: Path) -> None:
    text, word = SCENARIOS[name]
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    message = told_once(tmp_path, path)
    assert str(path) in message
    assert word in message


@pytest.mark.parametrize("name", TRACES)
def test_traces(name: str, tmp_path: Path) -> None:
    text, word = TRACES[name]
    scenario, trace = tmp_path / "scenario.yaml", tmp_path / "trace.csv"
    scenario.write_text(REPLAY)
    trace.write_text(text)
    message = told_once(tmp_path, scenario)
    assert str(trace) in message
    assert word in message


def test_traces_that_are_not_there(tmp_path: Path) -> None:
    assert "nowhere.csv" in told_once(tmp_path, "scenarios/philly-replay.yaml", "--trace", tmp_path / "nowhere.csv")
    assert "trace" in told_once(tmp_path, "scenarios/baseline.yaml", "--trace", "scenarios/traces/README.md")


@pytest.mark.parametrize(
    ("assignment", "word"),
    [
        ("providers.akahs.capacity=0.5", "Did you mean akash?"),
        ("providers.akash.capacity=-1", "0 or more"),
        ("providers.akash.capacity=much", "number"),
        ("providers.akash.capcity=1", "capacity"),
        ("providers.akash", "="),
        ("providers..akash=1", "empty"),
        ("treaty.quota_gpu_hours_total=.inf", "number"),
    ],
)
def test_overrides(assignment: str, word: str, tmp_path: Path) -> None:
    message = told_once(tmp_path, "scenarios/baseline.yaml", "--set", assignment)
    assert f"--set {assignment}" in message
    assert word in message


def test_a_configuration_that_is_broken(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    for path in (PROJECT / "config").glob("*.json"):
        (config / path.name).write_bytes(path.read_bytes())
    (config / "slo.json").write_text('{"slo": {}}')
    assert "slo.json" in told_once(tmp_path, "scenarios/baseline.yaml", "--config", config)
    (config / "slo.json").unlink()
    assert "slo.json" in told_once(tmp_path, "scenarios/baseline.yaml", "--config", config)


def test_things_that_are_not_files(tmp_path: Path) -> None:
    assert "folder" in told_once(tmp_path, "scenarios")
    assert "baseline" in told_once(tmp_path, "scenarios/basline.yaml")
    assert ".wasm" in told_once(tmp_path, "scenarios/baseline.yaml", "--policy", tmp_path)
    assert "rules" in told_once(tmp_path, "scenarios/baseline.yaml", "--rules", tmp_path / "rules.yml")
    assert "metrics-port" in told_once(tmp_path, "scenarios/baseline.yaml", "--serve")


@pytest.mark.parametrize(
    "arguments",
    [["runn"], ["run", "--stepz", "3"], ["run", "--steps", "0"], ["run", "--seed", "-1"], ["run", "--pace", "nan"]],
)
def test_usage(arguments: list[str]) -> None:
    done = aurora(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
