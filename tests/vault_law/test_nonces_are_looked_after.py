"""Promise: the nonce commands look without using up, purge only when keys are newer than replays, and move nonces whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Command

from aurora_sim.treaty.store.deployment import Deployment

RESEARCH = "tenant:tenant-research"


def submit(deployment: Deployment, now_s: float, nonce: str, times: int = 1) -> None:
    from deployments import Tenant, open_desk

    desk = open_desk(deployment)
    given = Tenant(deployment, now_s=now_s).submission(nonce, issued_s=now_s, deadline_s=now_s + 600.0)
    for _ in range(times):
        desk.submit([given], now_s)
    desk.close()


def test_check_uses_nothing_up_and_ends_with_1_for_what_was_seen(
    vault_law: Command, deployed: Deployment, now_s: float
) -> None:
    for _ in range(2):
        assert vault_law("nonce", "check", "--nonce", "test-001").status == 0
    submit(deployed, now_s, "test-001")
    seen = vault_law("nonce", "check", "--nonce", "test-001")
    assert seen.status == 1
    assert "test-001: seen, from tenant-research, order o-" in seen.out
    assert vault_law("nonce", "check", "--nonce", "test-001", "--tenant", "tenant-dao").status == 0
    assert "database: 1 held" in vault_law("nonce", "stats").out


def test_clear_asks_and_refuses_until_the_key_is_newer_than_the_replay(
    vault_law: Command, deployed: Deployment, now_s: float
) -> None:
    submit(deployed, now_s, "n-1")
    assert vault_law("nonce", "clear", given="n\n").status == 130
    assert "1 nonces forgotten" in vault_law("nonce", "clear", given="y\n").out
    assert "database: 0 held" in vault_law("nonce", "stats").out

    submit(deployed, now_s, "n-2", times=3)
    refused = vault_law("nonce", "clear", "--yes")
    assert refused.status == 2
    assert f"vault-law keys rotate {RESEARCH}" in refused.err
    assert "2 replays in all" in vault_law("nonce", "stats").out
    assert vault_law("keys", "rotate", "tenant:tenant-dao").status == 0
    assert vault_law("nonce", "clear", "--yes").status == 2  # another's new key changes nothing
    assert vault_law("keys", "rotate", RESEARCH).status == 0
    cleared = vault_law("nonce", "clear", "--yes")
    assert cleared.status == 0
    assert "key of the time of the replay is valid until" in cleared.err
    assert "nonces.clear" in (deployed.log).read_text()


def test_force_purges_all_the_same(vault_law: Command, deployed: Deployment, now_s: float) -> None:
    submit(deployed, now_s, "n-1", times=2)
    assert vault_law("nonce", "clear", "--yes", "--force").status == 0
    assert '"forced":true' in deployed.log.read_text()


def test_a_filled_order_is_not_taken_again_even_after_a_purge(
    vault_law: Command, deployed: Deployment, now_s: float
) -> None:
    submit(deployed, now_s, "n-1")
    vault_law("nonce", "clear", "--yes")
    submit(deployed, now_s, "n-1")
    assert vault_law("verify").status == 0
    assert "today, tenant-research  1.5 of" in vault_law("status").out


def test_export_and_import_keep_every_nonce(
    vault_law: Command, deployed: Deployment, now_s: float, tmp_path: Path
) -> None:
    for number in range(3):
        submit(deployed, now_s, f"n-{number}")
    exported = tmp_path / "nonces.jsonl"
    assert "3 nonces" in vault_law("nonce", "export", "--out", str(exported)).out
    assert len(vault_law("nonce", "export").out.splitlines()) == 3
    vault_law("nonce", "clear", "--yes")
    assert "3 nonces, 3 of them new" in vault_law("nonce", "import", str(exported)).out
    assert "3 nonces, 0 of them new" in vault_law("nonce", "import", str(exported)).out
    assert vault_law("nonce", "check", "--nonce", "n-1").status == 1
    again = [json.loads(line) for line in vault_law("nonce", "export").out.splitlines()]
    assert again == [json.loads(line) for line in exported.read_text().splitlines()]


@pytest.mark.parametrize("text", ["?", '{"nonce": "n"}', "[]"])
def test_a_bad_import_holds_nothing(text: str, vault_law: Command, deployed: Deployment, tmp_path: Path) -> None:
    good = {"tenant_id": "t", "nonce": "n", "order_id": "o", "accepted_s": 1.0, "expires_s": 9e9}
    file = tmp_path / "nonces.jsonl"
    file.write_text(json.dumps(good) + "\n" + text + "\n")
    said = vault_law("nonce", "import", str(file))
    assert said.status == 2
    assert f"{file}:2" in said.err
    assert "database: 0 held" in vault_law("nonce", "stats").out


@pytest.mark.needs("redis")
def test_with_redis_in_front_both_are_looked_after(vault_law: Command, deployed: Deployment, now_s: float) -> None:
    from deployments import Tenant, open_desk
    from servers import redis

    from aurora_sim.treaty.store.nonce_stores import shared_nonces

    with redis() as server:
        front = shared_nonces(server.url, deployed.config.treaty.treaty_id, deployed.config.gateway.nonce_ttl)
        desk = open_desk(deployed, shared_nonces=front)
        given = Tenant(deployed, now_s=now_s).submission("n-1", issued_s=now_s, deadline_s=now_s + 600.0)
        assert desk.submit([given], now_s)[0].status == 202
        desk.close()
        store = ["--store", server.url]
        assert "redis: 1 held" in vault_law("nonce", "stats", *store).out
        assert vault_law("nonce", "check", "--nonce", "n-1", *store).status == 1
        exported = vault_law("nonce", "export", *store).out
        assert len(exported.splitlines()) == 1
        assert "2 nonces forgotten" in vault_law("nonce", "clear", "--yes", *store).out
        assert "redis: 0 held" in vault_law("nonce", "stats", *store).out
        file = deployed.keys.parent / "nonces.jsonl"
        file.write_text(exported)
        assert "1 of them new" in vault_law("nonce", "import", str(file), *store).out
        assert "redis: 1 held" in vault_law("nonce", "stats", *store).out
        server.stop()
        away = vault_law("nonce", "stats", *store)
        assert away.status == 2
        assert "the nonce store is out of reach" in away.err
