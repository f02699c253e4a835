"""`selfcheck` says for each quantity whether it met theory: status 0 if all did, 1 if one did not, 2 for a case that is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from aurora_sim.cli import COMMANDS, LazyGroup, call
from aurora_sim.lab.selfcheck.case import FAILS_MAX, Case, Quantity, judge
from aurora_sim.lab.selfcheck.check import CASES, LEVEL
from aurora_sim.world.bridge import Bridge

QUICK = "pollaczek-khinchine"


def selfcheck(*arguments: str) -> int:
    return call(LazyGroup(COMMANDS, "aurora-sim", ""), ["selfcheck", *arguments], "aurora-sim")


def test_a_right_model_meets_theory_whoever_runs_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for jobs in ("1", "2"):
        assert selfcheck("--only", QUICK, "--seed", "7", "--jobs", jobs, "--json", str(tmp_path / jobs)) == 0
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    written = json.loads((tmp_path / "1").read_text())
    (finding,) = written["findings"]
    assert written["passed"]
    assert finding["low"] < finding["measured"] < finding["high"]
    assert finding["p_value"] > LEVEL == written["level"]
    table = capsys.readouterr().out
    assert f"{finding['theory']:.3f}" in table
    assert "seed 7: 1 of 1 quantities met" in table


def test_a_wrong_model_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    make = Bridge.__init__

    def slower(self: Bridge, *arguments: object) -> None:
        make(self, *arguments)  # type: ignore[arg-type]
        self._service_s *= 1.1

    monkeypatch.setattr(Bridge, "__init__", slower)
    assert selfcheck("--only", QUICK, "--jobs", "1") == 1
    told = capsys.readouterr().out
    assert "MISSED (p = " in told
    assert "0 of 1 quantities met" in told


def test_bad_arguments_are_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert selfcheck("--only", "erlang-bb") == 2
    assert "Did you mean erlang-b?" in capsys.readouterr().err
    assert selfcheck("--json", str(tmp_path / "none" / "file.json")) == 2


def test_a_right_model_seldom_misses_and_a_wrong_one_always() -> None:
    """The verdicts themselves, on normal, exponential and controlled samples."""
    draws = np.random.default_rng(11)
    level = 0.01
    case = Case(
        "drawn",
        [
            Quantity("two-sided", 5.0),
            Quantity("bound", 5.0, law="at least"),
            Quantity("gaps", 0.0, law="exponential"),
            Quantity("controlled", 3.0, control=("beside", 2.0)),
            Quantity("paired", "two-sided"),
        ],
        1,
        lambda seed: {},
    )

    def missed(shift: float) -> set[str]:
        """Of a sample whose quantities are all off by a share."""
        levels = draws.exponential(2.0, 200)
        near = draws.normal(5.0, 1.0, 400)
        sample = {
            "two-sided": near * (1.0 + shift),
            "bound": draws.normal(5.0, 1.0, 400) * (1.0 + shift),
            "gaps": draws.exponential(1.0, 4000) * (1.0 + shift),
            "controlled": 1.5 * levels * (1.0 + shift) * draws.normal(1.0, 0.05, 200),
            "beside": levels,
            "paired": near + draws.normal(0.0, 0.1, 400),
        }
        findings = judge(case, [{name: values.tolist() for name, values in sample.items()}], level)
        return {finding.quantity for finding in findings if not finding.passed}

    counts = dict.fromkeys((quantity.name for quantity in case.quantities), 0)
    for _ in range(400):
        for name in missed(0.0):
            counts[name] += 1
    # Binomial(400, 0.01): more than 14 has chance 0.00003.
    assert max(counts.values()) <= 14
    assert sum(counts.values()) > 0
    everything = {"two-sided", "gaps", "controlled", "paired"}
    assert missed(0.2) == everything, "more than a bound is no fault"
    assert missed(-0.2) == everything | {"bound"}


def test_all_cases_together_fail_less_than_once_in_a_thousand() -> None:
    assert LEVEL * sum(len(case.quantities) for case in CASES.values()) <= FAILS_MAX
