"""Promise: whatever is changed in the database, the order log, an ack or a receipt is found and named; workers then stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from deployments import NOON_S, Tenant, deploy, open_desk, statuses
from sqlalchemy import text
from test_low_coverage_halts_the_treaty import receipts

from aurora_sim.treaty.chain_line import line_of, read_line
from aurora_sim.treaty.receipts.sources import trusted_certificates
from aurora_sim.treaty.store import actions
from aurora_sim.treaty.store.answers import StoreUnavailable
from aurora_sim.treaty.store.deployment import Deployment
from aurora_sim.treaty.store.integrity import Inspection, inspect
from aurora_sim.treaty.store.receipt_book import record_receipts

NOW_S = NOON_S + 1.0


@dataclass
class Case:
    """A deployment with some orders, a receipt, and a halt that was lifted."""

    deployment: Deployment
    orders: list[str]

    def sql(self, *commands: str) -> None:
        store = self.deployment.store()
        with store.database.writing() as connection:
            for command in commands:
                connection.execute(text(command))
        store.close()

    def inspect(self) -> Inspection:
        store = self.deployment.store()
        found = inspect(
            store,
            self.deployment.key_registry(),
            trusted_certificates(self.deployment.keys),
            treaty_id="AURORA-AKASH-001",
            nonce_ttl_s=86_400.0,
            now_s=NOW_S + 3600.0,
        )
        store.close()
        return found


def make_case(tmp_path: Path, database_url: str) -> Case:
    deployment = deploy(tmp_path, database_url)
    desk, tenant, store = open_desk(deployment), Tenant(deployment), deployment.store()
    given = [tenant.submission(gpu_hours=0.1 * (number + 1)) for number in range(6)]
    answers = desk.submit([*given, tenant.submission("denied", gpu_hours=1e6)], NOW_S)
    assert statuses(answers) == [202] * 6 + [403]
    orders = [str(answer.body["order_id"]) for answer in answers]
    record_receipts(store, [(receipts(deployment, tmp_path / "job", orders[:1], NOW_S)[0], True)], NOW_S)
    actions.halt(store, "AURORA-AKASH-001", "drill", NOW_S)
    actions.resume(store, "AURORA-AKASH-001", "", NOW_S)
    desk.close()
    store.close()
    return Case(deployment, orders)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return make_case(tmp_path, f"sqlite:///{tmp_path}/aurora.db")


def test_what_nobody_touched_is_as_written_and_what_somebody_did_is_not(tmp_path: Path, database_url: str) -> None:
    case = make_case(tmp_path, database_url)
    found = case.inspect()
    assert found.faults == []
    assert (found.orders, found.acks, found.receipts, found.entries) == (7, 6, 1, 10)
    case.sql("UPDATE quota_days SET units = units - 1", "UPDATE acks SET body = replace(body, '1.', '0.')")
    case.sql(f"DELETE FROM orders WHERE order_id = '{case.orders[2]}'", "UPDATE receipts SET complete = false")
    found = case.inspect()
    places = {fault.where.split()[0] for fault in found.faults}
    assert places == {"ledger,", "ack", "order", "receipt"}


def changed(column: str, value: str, table: str = "orders", order: int = 1) -> Callable[[Case], list[str]]:
    return lambda case: [f"UPDATE {table} SET {column} = {value} WHERE order_id = '{case.orders[order]}'"]


@pytest.mark.parametrize(
    ("commands", "where", "what"),
    [
        (lambda case: ["UPDATE quota_days SET units = units - 1"], "ledger, tenant-research", "GPU-hours"),
        (lambda case: ["UPDATE head SET used_units = used_units - 1"], "ledger, in all", "GPU-hours"),
        (changed("nonce", "'n-0'"), "nonce n-0 of tenant-research", "accepted twice"),
        (changed("gpu_hours", "9"), "order {1}", "gpu_hours is 9"),
        (changed("units", "9"), "order {1}", "orders.units is 9"),
        (changed("price_usd_per_hour", "0.5"), "order {1}", "orders.price_usd_per_hour is 0.5"),
        (changed("created_at", "'2026-01-01 00:00:00'"), "order {1}", "orders.created_at"),
        (changed("body", "replace(body, 'n-1', 'n-x')"), "order {1}", "its id is not that of its body"),
        (changed("signature", "'AAAA'"), "order {1}", "signature is AAAA"),
        (changed("body", "replace(body, 'eu-west-1', 'us-west-2')", order=6), "order {6}", "does not hold"),
        (changed("code", "4", "decisions"), "order {1}", "decisions.code is 4"),
        (changed("result", "'full'", "attempts"), "order {1}", "attempts.result is full"),
        (changed("body", "replace(body, '1.', '0.')", "acks"), "ack of {1}", "does not hold (signature_invalid)"),
        (changed("body", "'?'", "acks"), "ack of {1}", "its body is no ack"),
        (lambda case: [f"DELETE FROM acks WHERE order_id = '{case.orders[1]}'"], "ack of {1}", "missing"),
        (changed("root", "'00'", "receipts", 0), "receipt of {0}", "root or CID"),
        (changed("body", "replace(body, 'result.txt', 'another.txt')", "receipts", 0), "receipt of {0}", "root"),
        (lambda case: ["DELETE FROM receipts"], "receipt of {0}", "not in the database"),
        (lambda case: [f"DELETE FROM orders WHERE order_id = '{case.orders[2]}'"], "order {2}", "not in the database"),
        (changed("outcome", "'denied'", order=3), "order {3}", "orders.outcome is denied"),
        (changed("outcome", "'filled'", order=6), "order {6}", "not in the order log"),
        (lambda case: ["UPDATE terms SET body = replace(body, '60000', '70000')"], "version 1 of the terms", "key"),
        (lambda case: ["UPDATE halts SET reason = 'nothing'"], "halt, entry 9", "another than the order log"),
        (lambda case: ["DELETE FROM halts"], "halt, entry 9", "not in the database"),
    ],
)
def test_a_change_in_the_database(commands: Callable[[Case], list[str]], where: str, what: str, case: Case) -> None:
    case.sql(*commands(case))
    place = where.format(*case.orders)
    faults = case.inspect().faults
    assert [fault for fault in faults if fault.where.startswith(place) and what in fault.what], faults


def test_a_changed_line_of_the_log(case: Case) -> None:
    lines = case.deployment.log.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"units":300000', b'"units":100000')
    case.deployment.log.write_bytes(b"".join(lines))
    faults = case.inspect().faults
    assert faults[0].where == f"{case.deployment.log}:4"
    assert "changed" in faults[0].what


def test_a_cut_log_is_named_and_nobody_goes_on_with_it(case: Case) -> None:
    lines = case.deployment.log.read_bytes().splitlines(keepends=True)
    desk, tenant = open_desk(case.deployment), Tenant(case.deployment)
    case.deployment.log.write_bytes(b"".join(lines[:-2]))
    assert desk.submit([tenant.submission("later")], NOW_S)[0].body["error"] == "log_mismatch"
    desk.close()
    assert "missing at the end" in " ".join(fault.what for fault in case.inspect().faults)


def test_a_log_of_another_history_is_refused(case: Case) -> None:
    other = deploy(case.deployment.log.parent / "other")
    desk, tenant = open_desk(other), Tenant(other)
    assert statuses(desk.submit([tenant.submission() for _ in range(12)], NOW_S)) == [202] * 12
    desk.close()
    case.deployment.log.write_bytes(other.log.read_bytes())
    faults = case.inspect().faults
    assert faults[0].where == "order log"
    assert "two histories" in faults[0].what


def test_nobody_goes_on_with_a_log_of_the_same_length_and_another_end(case: Case) -> None:
    lines = case.deployment.log.read_bytes().splitlines(keepends=True)
    last = read_line(lines[-1][:-1])
    other, _ = line_of(last.seq, last.at_s, last.kind, {**last.body, "reason": "another"}, last.prev)
    case.deployment.log.write_bytes(b"".join([*lines[:-1], other]))
    with pytest.raises(StoreUnavailable, match="two histories"):
        open_desk(case.deployment)


def test_a_missing_log_is_named(case: Case) -> None:
    case.deployment.log.unlink()
    assert any("gone" in fault.what for fault in case.inspect().faults)


def test_signatures_by_revoked_keys_are_counted_but_are_no_fault(case: Case) -> None:
    from aurora_sim.treaty.keys import editing

    with editing(case.deployment.registry) as registry:
        for key in registry.keys("provider:akash"):
            registry.revoke(key.key_id, "stolen", NOW_S)
    found = case.inspect()
    assert found.faults == []
    assert found.by_revoked_keys > 0
