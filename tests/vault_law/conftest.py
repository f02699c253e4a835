"""The commands' tests run `vault-law` in this process, as its console script would, over a deployment of their own."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import pytest
from commands import Command, Said

STORE_TESTS = Path(__file__).resolve().parents[1] / "store"
if str(STORE_TESTS) not in sys.path:
    sys.path.append(str(STORE_TESTS))  # for `deployments` and `servers`


@pytest.fixture
def vault_law(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `vault-law` with its deployment in tmp_path; `given` is what is typed at a question."""
    from aurora_sim.cli import LazyGroup, call
    from aurora_sim.cli.vault_law import COMMANDS

    monkeypatch.setenv("AURORA_DB", f"sqlite:///{tmp_path}/state/aurora.db")
    monkeypatch.setenv("AURORA_KEYS", str(tmp_path / "state/keys"))
    monkeypatch.setenv("AURORA_KEY_REGISTRY", str(tmp_path / "keys.json"))
    monkeypatch.setenv("AURORA_CONFIG", str(Path(__file__).resolve().parents[2] / "config"))
    for name in ("AURORA_LOG", "AURORA_NONCES"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, given: str = "") -> Said:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        status = call(LazyGroup(COMMANDS, "vault-law", ""), list(arguments), "vault-law")
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Said(status, said.out, said.err)

    return run


@pytest.fixture
def deployed(vault_law: Command, tmp_path: Path) -> object:
    """The deployment that `vault-law init` makes, as an object."""
    import deployments

    from aurora_sim.treaty.store.deployment import Deployment

    assert vault_law("init").status == 0
    state = tmp_path / "state"
    return Deployment(
        f"sqlite:///{state}/aurora.db",
        state / "keys",
        tmp_path / "keys.json",
        state / "vault-law.log",
        deployments.world(),
    )


@pytest.fixture
def now_s() -> float:
    """The commands' clock is the machine's."""
    return time.time()
