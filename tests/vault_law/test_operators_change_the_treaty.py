"""Promise: init, halt, resume, status and amend do what they say, say what they did, and refuse bad input in one message."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from commands import Command


def test_init_makes_everything_once_and_says_so(vault_law: Command, tmp_path: Path) -> None:
    first = vault_law("init")
    assert first.status == 0
    for made in (
        "12 keys, 12 of them new",
        "brought to version",
        "made version 1, signed",
        "timestamp authority: made",
    ):
        assert made in first.out
    keys = tmp_path / "state/keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(key.stat().st_mode) == 0o600 for key in keys.glob("*.pem") if "certificate" not in key.name)
    registry = (tmp_path / "keys.json").read_bytes()
    again = vault_law("init")
    assert again.status == 0
    assert "0 of them new" in again.out
    assert again.out.count("there already") == 5
    assert (tmp_path / "keys.json").read_bytes() == registry


def test_halt_status_resume(vault_law: Command) -> None:
    vault_law("init")
    assert vault_law("status").status == 0
    halted = vault_law("halt", "--treaty", "AURORA-AKASH-001", "--reason", "attestation-failure")
    assert (halted.status, "is halted: attestation-failure" in halted.out) == (0, True)
    status = vault_law("status")
    assert status.status == 1
    assert "attestation-failure (by the operator" in status.out
    assert "lifted: attestation-failure" in vault_law("resume").out
    assert "was not halted" in vault_law("resume").out
    assert vault_law("status").status == 0


def test_amend_is_versioned_and_reversible(vault_law: Command) -> None:
    vault_law("init")
    amended = vault_law("amend", "--set", "quota_gpu_hours_daily_per_tenant=80000")
    assert amended.out.splitlines() == [
        "version 2 of the terms is in force (amend quota_gpu_hours_daily_per_tenant=80000)",
        "  quota_gpu_hours_daily_per_tenant: 60000.0 -> 80000.0",
    ]
    assert "of 80000 GPU-hours" in vault_law("status").out
    assert "80000.0 -> 60000.0" in vault_law("amend", "--revert").out
    assert "60000.0 -> 80000.0" in vault_law("amend", "--revert", "--to", "2").out
    assert [line.split()[0] for line in vault_law("amend", "--history").out.splitlines()] == ["4", "3", "2", "1"]
    assert vault_law("verify").status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["halt", "--treaty", "ANOTHER", "--reason", "x"], "this deployment serves another treaty"),
        (["halt", "--treaty", "AURORA-AKASH-001", "--reason", "  "], "Say it in 1 to 200"),
        (["halt", "--reason", "x"], "Missing option '--treaty'"),
        (["amend"], "it is not clear what to do"),
        (["amend", "--set", "min_reputation=high"], "min_reputation"),
        (["amend", "--set", "quota_gpu_hours_totl=1"], "Did you mean quota_gpu_hours_total?"),
        (["amend", "--revert", "--to", "7"], "there is no earlier version 7"),
        (["amend", "--revert"], "there is no earlier version 0"),
        (["audit", "--since", "yesterday"], "this is no duration"),
        (["status", "--config", "nowhere"], "nowhere"),
        (["nonce", "stats", "--store", "redis:nonsense"], "only Redis can stand in front"),
    ],
)
def test_bad_input_is_one_message_and_2(arguments: list[str], message: str, vault_law: Command) -> None:
    vault_law("init")
    said = vault_law(*arguments)
    assert said.status == 2
    assert message in said.err


@pytest.mark.parametrize(
    "arguments", [["status"], ["verify"], ["audit"], ["nonce", "stats"], ["db", "upgrade"], ["db", "version"]]
)
def test_before_init_each_command_says_what_to_run(arguments: list[str], vault_law: Command) -> None:
    said = vault_law(*arguments)
    assert said.status == 2
    assert "vault-law init" in said.err


def test_a_log_of_another_history_is_told_and_nothing_goes_on(vault_law: Command, tmp_path: Path) -> None:
    vault_law("init")
    log = tmp_path / "state/vault-law.log"
    log.unlink()
    said = vault_law("halt", "--treaty", "AURORA-AKASH-001", "--reason", "x")
    assert said.status == 2
    assert "the log ends at entry 0, but the database holds entries up to 1" in said.err
    assert vault_law("verify").status == 1
