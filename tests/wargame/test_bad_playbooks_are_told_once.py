"""A playbook that cannot be played: exit status 2, one message with file, line and mend, and nothing is played."""

from __future__ import annotations

import subprocess
import sys

import pytest
from real_games import PROJECT, a_game

STEP = {"when": {"alert": "AuroraFillRateLow"}, "do": "drain-provider", "with": {"provider": "akash"}}


@pytest.mark.parametrize(
    ("different", "written", "what", "mend"),
    [
        ({"respones": [STEP]}, "respones:", "unknown key", "Did you mean response"),
        ({"response": [{**STEP, "when": {"alert": "AuroraFilRateLow"}}]},
         "AuroraFilRateLow", "there is no alert", "Did you mean AuroraFillRateLow"),
        ({"response": [{**STEP, "with": {}}]}, "with: {}", "provider is missing", "Add `provider: ...`"),
        ({"response": [{**STEP, "when": {"metric": "fill_rate", "below": 0}}]},
         "below: 0", "never below 0", "Give a bound above 0"),
    ],
    ids=["wrong-key", "unknown-alert", "no-argument", "never-holds"],
)  # fmt: skip
def test_it_is_refused_with_place_and_mend(tmp_path, different, written, what, mend):
    path = a_game(tmp_path, "bad", **different)
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if written in text)
    done = subprocess.run(
        [sys.executable, "-m", "aurora_sim", "wargame", str(path), "--json", str(tmp_path / "results.json")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"{path}:{line}" in done.stderr
    assert what in done.stderr
    assert mend in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results.json").exists()
