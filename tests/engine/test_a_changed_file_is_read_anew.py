"""What a process reads once for all its runs is read again when the file has changed; a bad one is refused then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from engine_runs import POLICY, PROJECT, a_config

from aurora_sim.engine.read_once import policy_host, rule_file
from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.policy.terms import treaty_terms

RULES = PROJECT / "config" / "prometheus" / "alert_rules.yml"


def replaced(file: Path, content: bytes) -> None:
    """Write it, with a time of change of its own."""
    before_ns = file.stat().st_mtime_ns
    file.write_bytes(content)
    os.utime(file, ns=(before_ns + 1_000_000, before_ns + 1_000_000))


def test_rules(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_bytes(RULES.read_bytes())
    first = rule_file(file)
    assert rule_file(file) is first
    replaced(file, RULES.read_bytes().replace(b"treaty_rtt_ms > 350", b"treaty_rtt_ms > 351"))
    assert rule_file(file).sha256 != first.sha256


def test_a_policy(tmp_path: Path) -> None:
    file, terms = tmp_path / "policy.wasm", treaty_terms(a_config().treaty)
    file.write_bytes(POLICY.read_bytes())
    first, second = policy_host(file, terms), policy_host(file, terms)
    assert first is not second
    first.close()  # each caller has a host of its own
    assert second.decide(1.0, 0.0, 0.0, 0, 90, 0) == 0
    replaced(file, b"\0" * file.stat().st_size)
    with pytest.raises(InputError):
        policy_host(file, terms)
