"""Promise: verify and audit end with 1 exactly when there is something to see; a backup brings a lost database back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from commands import Command

from aurora_sim.treaty.keys import editing
from aurora_sim.treaty.store.deployment import Deployment


def submit(deployment: Deployment, now_s: float, count: int, **changes: object) -> list[str]:
    from deployments import Tenant, open_desk

    desk, tenant = open_desk(deployment), Tenant(deployment, now_s=now_s)
    times = {"issued_s": now_s, "deadline_s": now_s + 600.0}
    given = [tenant.submission(f"n-{now_s}-{number}", **times, **changes) for number in range(count)]
    answers = desk.submit(given, now_s)
    desk.submit(given[:1], now_s)
    desk.close()
    assert {answer.status for answer in answers} == {202}
    return [str(answer.body["order_id"]) for answer in answers]


def test_a_lost_database_comes_back_from_an_old_backup_and_the_log(
    vault_law: Command, deployed: Deployment, now_s: float, tmp_path: Path
) -> None:
    submit(deployed, now_s, 5)
    backup = tmp_path / "backup.db"
    made = vault_law("backup", str(backup))
    assert (made.status, made.out.splitlines()[0]) == (0, f"{backup}: 5 orders, up to entry 6 of the log")
    submit(deployed, now_s + 1.0, 7)
    for file in (tmp_path / "state").glob("aurora.db*"):
        file.unlink()
    restored = vault_law("restore", str(backup))
    assert restored.status == 0
    assert "restored 5 orders, up to entry 6; redone from the log: 8 entries" in restored.out
    verified = vault_law("verify")
    assert (verified.status, "all as written: 12 orders" in verified.out) == (0, True)


def test_a_restore_asks_before_it_replaces_anything(
    vault_law: Command, deployed: Deployment, now_s: float, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    vault_law("backup", str(backup))
    submit(deployed, now_s, 3)
    refused = vault_law("restore", str(backup), given="n\n")
    assert refused.status == 130
    assert "holds 3 orders" in refused.out
    assert vault_law("restore", str(backup), "--yes").status == 0
    assert "all as written: 3 orders" in vault_law("verify").out


def test_without_the_log_the_copy_beside_the_backup_is_used(
    vault_law: Command, deployed: Deployment, now_s: float, tmp_path: Path
) -> None:
    submit(deployed, now_s, 4)
    backup = tmp_path / "backup.db"
    vault_law("backup", str(backup))
    for file in [*(tmp_path / "state").glob("aurora.db*"), deployed.log]:
        file.unlink()
    said = vault_law("restore", str(backup))
    assert said.status == 0
    assert "what was accepted after it is lost" in said.out
    assert "all as written: 4 orders" in vault_law("verify").out


def test_verify_names_a_fault_and_ends_with_1(vault_law: Command, deployed: Deployment, now_s: float) -> None:
    submit(deployed, now_s, 2)
    connection = sqlite3.connect(deployed.db.removeprefix("sqlite:///"))
    connection.execute("UPDATE quota_days SET units = 1")
    connection.commit()
    connection.close()
    said = vault_law("verify")
    assert said.status == 1
    assert "ledger, tenant-research" in said.out
    assert "NOT as written: 1 faults" in said.out


def test_a_flipped_bit_in_the_log_is_named_by_its_line(vault_law: Command, deployed: Deployment, now_s: float) -> None:
    submit(deployed, now_s, 3)
    content = bytearray(deployed.log.read_bytes())
    content[content.index(b"\n") + 40] ^= 1
    deployed.log.write_bytes(content)
    said = vault_law("verify")
    assert said.status == 1
    assert f"{deployed.log}:2: " in said.out


def test_audit_lists_what_an_operator_should_look_at(vault_law: Command, deployed: Deployment, now_s: float) -> None:
    assert vault_law("audit").status == 0
    submit(deployed, now_s, 1, gpu_hours=54_500.0)
    connection = sqlite3.connect(deployed.db.removeprefix("sqlite:///"))
    # Half an hour ago its job ended.
    connection.execute("UPDATE orders SET completes_at = strftime('%Y-%m-%d %H:%M:%S.000000', 'now', '-30 minutes')")
    connection.commit()
    connection.close()
    with editing(deployed.registry) as registry:
        for key in registry.keys("provider:akash"):
            registry.revoke(key.key_id, "stolen", now_s)
    vault_law("halt", "--treaty", "AURORA-AKASH-001", "--reason", "drill")
    said = vault_law("audit")
    assert said.status == 1
    kinds = [line.split()[0] for line in said.out.splitlines()]
    assert kinds == ["halt", "replay", "quota", "no_receipt", "revoked_key", "5"]
    assert "came again once" in said.out
    assert "54500 of 60000 GPU-hours used today (90.8%)" in said.out
    assert "(stolen)" in said.out


def test_a_backup_needs_its_folder(vault_law: Command, deployed: Deployment, tmp_path: Path) -> None:
    said = vault_law("backup", str(tmp_path / "nowhere/backup.db"))
    assert said.status == 2
    assert "mkdir -p" in said.err
