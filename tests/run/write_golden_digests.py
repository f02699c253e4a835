"""Writes `golden_digests.json` anew: `python tests/run/write_golden_digests.py`, when the model was meant to change."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from run_command import aurora
from test_replay_is_byte_equal import GOLDEN, digests

SCENARIOS = ("baseline", "akash-outage", "relayer-outage")

if __name__ == "__main__":
    found = {}
    for name in SCENARIOS:
        with tempfile.TemporaryDirectory() as folder:
            done = aurora("run", f"scenarios/{name}.yaml", "--seed", "42", "--steps", "60", "--out", folder, "--quiet")
            assert done.returncode == 0, done.stderr
            found[name] = digests(Path(folder))
    GOLDEN.write_text(json.dumps(found, indent=2) + "\n")
