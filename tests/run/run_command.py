"""Runs the command line as a user would: a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 120


def aurora(*arguments: str | Path, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """`aurora-sim ARGUMENTS` in `folder` (the checkout if None); bounded in time."""
    return subprocess.run(
        [sys.executable, "-m", "aurora_sim", *map(str, arguments)],
        cwd=folder or PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
