"""The short forms of the proofs in benchmarks/: kills under load, duplicates at two servers, a Redis that goes away, throughput."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))]


def proof(project: Path, script: str, *arguments: str) -> str:
    """What a proof prints; it fails by its exit status."""
    command = [sys.executable, str(project / "benchmarks" / script), *arguments]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("db", DATABASES)
def test_nothing_acknowledged_is_lost_by_a_kill(project: Path, db: str) -> None:
    told = proof(project, "serve_kill.py", "--rounds", "3", "--seed", "2", "--db", db)
    assert "3 kills" in told
    assert " 0 acknowledged" not in told


@pytest.mark.parametrize("db", DATABASES)
def test_two_servers_accept_each_nonce_once_and_stay_within_quota(project: Path, db: str) -> None:
    told = proof(project, "serve_duplicates.py", "--submissions", "1500", "--db", db)
    assert "1500 answers" in told
    assert "403 tenant_daily_quota" in told
    assert "409 replayed_nonce" in told


@pytest.mark.needs("redis")
@pytest.mark.parametrize("kind", ["killed", "hung"])
def test_without_redis_everything_is_denied_until_it_is_back(project: Path, kind: str) -> None:
    told = proof(project, "serve_duplicates.py", "--submissions", "1500", "--redis", kind)
    assert "orders denied" in told


def test_throughput_is_measured(project: Path) -> None:
    command = ("--orders", "100", "--rate", "20", "--db", "sqlite", "--workers", "2", "--decision-p95-max", "20000")
    assert "sqlite            2" in proof(project, "serve_throughput.py", *command)
