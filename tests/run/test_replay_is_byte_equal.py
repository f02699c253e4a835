"""The same inputs and seed give the same bytes, whatever the hash seed, the pace or a scrape; another seed gives others."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from run_command import PROJECT, aurora

FILES = ("routing_decisions.csv", "step_metrics.csv", "provider_metrics_over_time.csv", "alerts.csv")
GOLDEN = Path(__file__).with_name("golden_digests.json")


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


def run(
    out: Path, *more: str, scenario: str = "scenarios/akash-outage.yaml", steps: str = "45", **environment: str
) -> dict[str, str]:
    done = aurora("run", scenario, "--seed", "7", "--steps", steps, "--out", out, "--quiet", *more, **environment)
    assert done.returncode == 0, done.stderr
    return digests(out)


@pytest.mark.parametrize("scenario", ["scenarios/akash-outage.yaml", "scenarios/business-week.yaml"])
def test_twice_and_under_another_hash_seed(tmp_path: Path, scenario: str) -> None:
    first = run(tmp_path / "a", scenario=scenario, PYTHONHASHSEED="1")
    assert run(tmp_path / "b", scenario=scenario, PYTHONHASHSEED="2") == first
    assert run(tmp_path / "a", scenario=scenario, PYTHONHASHSEED="1") == first, "a second run into the same folder"


def test_another_seed_gives_other_orders(tmp_path: Path) -> None:
    run(tmp_path / "a", steps="5")
    run(tmp_path / "b", "--seed", "8", steps="5")
    assert (tmp_path / "a" / FILES[0]).read_bytes() != (tmp_path / "b" / FILES[0]).read_bytes()


def test_at_a_pace(tmp_path: Path) -> None:
    assert run(tmp_path / "a", "--pace", "600", steps="10") == run(tmp_path / "b", steps="10")


def test_while_being_scraped(tmp_path: Path) -> None:
    plain = run(tmp_path / "a", steps="30")
    command = ["run", "scenarios/akash-outage.yaml", "--seed", "7", "--steps", "30", "--out", str(tmp_path / "b")]
    process = subprocess.Popen(
        [sys.executable, "-m", "aurora_sim", *command, "--pace", "1200", "--metrics-port", "0"],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    address = process.stderr.readline().split()[-1]
    scrapes = 0
    over = threading.Event()
    threading.Thread(target=lambda: (process.wait(60), over.set()), daemon=True).start()
    while not over.wait(0.02):
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                scrapes += b"treaty_fill_rate" in answer.read()
        except OSError:
            break
    assert process.wait(60) == 0
    assert scrapes > 3
    assert digests(tmp_path / "b") == plain


@pytest.mark.parametrize("name", ["akash-outage", "baseline", "relayer-outage"])
def test_golden_digests(name: str, tmp_path: Path) -> None:
    """The committed digests: a change of them is a change of the model, and wants its reason in the commit."""
    golden = json.loads(GOLDEN.read_text())[name]
    done = aurora("run", f"scenarios/{name}.yaml", "--seed", "42", "--steps", "60", "--out", tmp_path, "--quiet")
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path) == golden
