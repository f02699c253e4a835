"""Ctrl-C, a full disk or an unwritable folder: what was recorded is there and marked, or nothing is; never half a file."""

from __future__ import annotations

import csv
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from run_command import PROJECT, aurora

NAMES = {"routing_decisions.csv", "step_metrics.csv", "provider_metrics_over_time.csv", "alerts.csv", "run.json"}


def start(out: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "aurora_sim", "run", "--out", str(out), *more]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, f"{path} never came"
        time.sleep(0.05)


def test_ctrl_c_writes_what_was_recorded_and_marks_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(out, "--pace", "600")
    wait_for(out / "routing_decisions.csv.partial")
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert "INCOMPLETE" in stdout
    assert {path.name for path in out.iterdir()} == NAMES
    manifest = json.loads((out / "run.json").read_text())
    assert manifest["complete"] is False
    assert 0 < manifest["steps_done"] < manifest["steps"]
    with (out / "step_metrics.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == manifest["steps_done"]
    with (out / "routing_decisions.csv").open(newline="") as file:
        assert {int(row["step"]) for row in csv.DictReader(file)} == set(range(manifest["steps_done"]))


def test_ctrl_c_while_serving_ends_it(tmp_path: Path) -> None:
    process = start(tmp_path / "out", "--steps", "2", "--metrics-port", "0", "--serve")
    wait_for(tmp_path / "out" / "run.json")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = aurora("run", "--steps", "2", "--out", tmp_path / "file" / "out")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(tmp_path / "file") in done.stderr


def test_a_full_disk_leaves_the_last_run_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert aurora("run", "--steps", "3", "--out", out, "--quiet").returncode == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(
        [sys.executable, "-B", "-m", "aurora_sim", "run", "--out", str(out), "--quiet"],
        cwd=PROJECT,
        env=os.environ,
        preexec_fn=small_files,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_run_without_plots_leaves_no_plots_of_another(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert aurora("run", "--steps", "3", "--out", out, "--quiet", "--plots").returncode == 0
    assert list(out.glob("*.png"))
    assert aurora("run", "--steps", "3", "--out", out, "--quiet").returncode == 0
    assert not list(out.glob("*.png"))


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = aurora("run", "--steps", "2", "--out", tmp_path / "out", "--metrics-port", str(port))
    assert done.returncode == 2
    assert str(port) in done.stderr
    assert not (tmp_path / "out").exists()
