"""A deployment and a job's folder for each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from receipt_parts import Deployment, deployment, job_folder


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' servers are on this machine, whatever proxy the environment names."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return deployment(tmp_path_factory.mktemp("deployment") / "keys")


@pytest.fixture
def job(tmp_path: Path) -> Path:
    return job_folder(tmp_path / "job")
