"""Promise: where there is an orders database, `receipt make` and `repin` record in it, and coverage follows by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from books import rows
from deployments import Tenant, deploy, open_desk

from aurora_sim.cli import LazyGroup, call
from aurora_sim.cli.vault_law import COMMANDS
from aurora_sim.treaty.store import tables

Run = Callable[..., tuple[int, str, str]]
DEAD = "http://127.0.0.1:9"  # the discard port, where nothing listens


@pytest.fixture
def order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """An order that was filled, its job's folder named by it: its id and provider."""
    now_s = time.time()
    deployment = deploy(tmp_path / "state", now_s=now_s - 60.0)
    desk = open_desk(deployment)
    tenant = Tenant(deployment, now_s=now_s)
    (answer,) = desk.submit([tenant.submission(issued_s=now_s, deadline_s=now_s + 600.0)], now_s)
    desk.close()
    monkeypatch.chdir(tmp_path)
    for variable, value in {
        "AURORA_DB": deployment.db,
        "AURORA_LOG": str(deployment.log),
        "AURORA_KEYS": str(deployment.keys),
        "AURORA_KEY_REGISTRY": str(deployment.registry),
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(variable, value)
    order_id = str(answer.body["order_id"])
    (tmp_path / order_id).mkdir()
    (tmp_path / order_id / "result").write_text("done")
    return order_id, str(answer.body["provider_id"])


@pytest.fixture
def receipt(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        status = call(LazyGroup(COMMANDS, "vault-law", ""), ["receipt", *arguments], "vault-law")
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def recorded(tmp_path: Path) -> list[bool]:
    """Whether each receipt in the database is complete."""
    return [bool(row["complete"]) for row in rows(f"sqlite:///{tmp_path}/state/aurora.db", tables.receipts)]


def test_a_receipt_is_complete_once_it_is_pinned(order: tuple[str, str], receipt: Run, tmp_path: Path) -> None:
    order_id, provider_id = order
    status, out, err = receipt("make", order_id, "--provider", provider_id, "--pins", DEAD)
    assert status == 1
    assert out.endswith("1 as not complete: not pinned\n")
    assert "not pinned" in err
    assert recorded(tmp_path) == [False]
    log = tmp_path / "state" / "vault-law.log"
    for entries_more, shown in ((1, "recorded in"), (0, "already")):
        before = len(log.read_text().splitlines())
        status, out, _ = receipt("repin", f"{order_id}.receipt.json")
        assert status == 0
        assert shown in out
        assert recorded(tmp_path) == [True]
        assert len(log.read_text().splitlines()) == before + entries_more


def test_a_receipt_that_is_pinned_at_once_is_complete_at_once(
    order: tuple[str, str], receipt: Run, tmp_path: Path
) -> None:
    assert receipt("make", order[0], "--provider", order[1])[0] == 0
    assert recorded(tmp_path) == [True]


@pytest.mark.parametrize(
    ("order_id", "provider_id", "why"),
    [("o-unknown", None, "no such order was filled here"), (None, "salad", "the receipt is salad's")],
    ids=["order", "provider"],
)
def test_a_receipt_for_what_was_not_ordered_is_made_but_not_recorded(
    order: tuple[str, str], receipt: Run, tmp_path: Path, order_id: str | None, provider_id: str | None, why: str
) -> None:
    named = ("--order", order_id or order[0], "--provider", provider_id or order[1])
    status, _, err = receipt("make", order[0], *named)
    assert status == 1
    assert f"not recorded: {order_id or order[0]}: {why}" in err
    assert f"vault-law receipt record {order[0]}.receipt.json" in err
    assert (tmp_path / f"{order[0]}.receipt.json").exists()
    assert recorded(tmp_path) == []


def test_a_forged_receipt_is_neither_pinned_nor_recorded(order: tuple[str, str], receipt: Run, tmp_path: Path) -> None:
    receipt("make", order[0], "--provider", order[1], "--pins", DEAD)
    file = tmp_path / f"{order[0]}.receipt.json"
    text = file.read_text()
    signature = text.split('"signature": "')[1][:8]
    file.write_text(text.replace(signature, signature[::-1]))
    status, out, err = receipt("repin", file.name)
    assert (status, out) == (1, "")
    assert f"{file.name}: signature: is not the treaty's over this receipt" in err
    assert recorded(tmp_path) == [False]
    assert not (tmp_path / "state" / "pins").exists()


def test_a_database_that_cannot_be_used_is_said_before_anything_is_made(
    order: tuple[str, str], receipt: Run, tmp_path: Path
) -> None:
    status, out, err = receipt("make", order[0], "--provider", order[1], "--db", f"sqlite:///{tmp_path}/none.db")
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / f"{order[0]}.receipt.json").exists()
