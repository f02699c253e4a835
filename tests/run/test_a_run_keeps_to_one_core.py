"""A run takes one core, so that as many runs as there are cores go side by side."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from run_command import PROJECT

TOLD = """
import sys
from aurora_sim.cli import main
sys.argv[1:] = ["run", "--steps", "1", "--quiet", "--out", sys.argv[1]]
try:
    main()
finally:
    print(next(line for line in open("/proc/self/status") if line.startswith("Threads:")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells its threads so")
def test_a_run_has_one_thread(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", TOLD, str(tmp_path / "out")],
        cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["Threads:", "1"]
