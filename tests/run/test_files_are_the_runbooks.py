"""The files of a run have the columns that people and scripts outside rely on, and say what happened."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from run_command import aurora

ROUTING = (
    "step,tenant_id,workload_type,gpu_type,gpu_hours,provider_id,outcome,accepted,price_usd_per_hour,latency_ms,reason,"
    "order_id,time_s,region,gpus,bridge,rtt_ms,attempts,failovers,policy_code"
)
STEPS = "step,total_requests,routed,dropped,fill_rate,avg_cost_usd_per_request,avg_latency_ms"
PROVIDERS = "step,provider_id,active,effective_capacity,latency_ms,price_usd_per_hour,reputation"
OUTCOMES = {"filled", "rejected", "denied", "unroutable", "undelivered", "refused", "expired"}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files") / "out"
    done = aurora("run", "scenarios/akash-outage.yaml", "--seed", "42", "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


def rows(out: Path, name: str) -> list[dict[str, str]]:
    with (out / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_columns_begin_as_fixed(out: Path) -> None:
    for name, columns in (
        ("routing_decisions.csv", ROUTING),
        ("step_metrics.csv", STEPS),
        ("provider_metrics_over_time.csv", PROVIDERS),
    ):
        assert (out / name).read_text().splitlines()[0].startswith(columns)
    assert (out / "alerts.csv").read_text().splitlines()[0] == "alert,severity,state,started_s,fired_s,resolved_s"


def test_the_runbooks_line_counts_outcomes(out: Path) -> None:
    line = "tail -100 routing_decisions.csv | awk -F, '{print $7}' | sort | uniq -c"
    counted = subprocess.run(["sh", "-c", line], cwd=out, capture_output=True, text=True, check=True).stdout.split()
    assert sum(map(int, counted[::2])) == 100
    assert set(counted[1::2]) <= OUTCOMES


def test_every_row_has_one_outcome_and_order_ids_are_unique(out: Path) -> None:
    found = rows(out, "routing_decisions.csv")
    assert {row["outcome"] for row in found} <= OUTCOMES
    assert len({row["order_id"] for row in found}) == len(found)
    assert all((row["accepted"] == "1") == (row["outcome"] == "filled") for row in found)
    assert all((row["reason"] == "") == (row["outcome"] == "filled") for row in found)


def test_steps_add_up_to_the_rows(out: Path) -> None:
    filled: dict[str, int] = {}
    for row in rows(out, "routing_decisions.csv"):
        filled[row["step"]] = filled.get(row["step"], 0) + int(row["accepted"])
    for step in rows(out, "step_metrics.csv")[1:]:  # the first also counts orders that came before time 0
        assert int(step["routed"]) == filled.get(step["step"], 0)


def test_the_manifest_names_every_input_and_output(out: Path) -> None:
    manifest = json.loads((out / "run.json").read_text())
    assert manifest["seed"] == 42
    assert manifest["complete"] is True
    for name, digest in manifest["outputs"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    assert {"config/providers.json", "config/aurora-treaty-akash.json"} <= set(manifest["inputs"])
    assert len(manifest["policy"]["sha256"]) == 64
    assert manifest["books"]["orders_in"] == manifest["books"]["orders_ended"] + manifest["books"]["orders_in_flight"]


def test_a_dark_provider_fills_nothing_and_comes_back(out: Path) -> None:
    outage = range(30, 40)
    found = rows(out, "routing_decisions.csv")
    by_akash = [int(row["step"]) for row in found if row["provider_id"] == "akash" and row["outcome"] == "filled"]
    assert not [step for step in by_akash if step in outage]
    assert [step for step in by_akash if step >= 40]
    active = {
        int(r["step"]): r["active"] for r in rows(out, "provider_metrics_over_time.csv") if r["provider_id"] == "akash"
    }
    # A reading is taken at the end of its step: the outage begins with step 30 and is over when step 39 ends.
    assert {step for step, value in active.items() if value == "0"} == set(outage)


def test_the_outage_shows_and_passes(out: Path) -> None:
    steps = rows(out, "step_metrics.csv")
    fill = [float(row["fill_rate_5m"] or "nan") for row in steps]
    failovers = [int(row["failovers"]) for row in steps]
    assert min(fill[:30]) > 0.95
    assert min(fill[30:45]) < 0.80
    assert min(fill[60:]) > 0.95
    assert sum(failovers[30:40]) > 10 * max(1, sum(failovers[:30]))
    assert "AuroraFillRateLow" in (out / "alerts.csv").read_text()
