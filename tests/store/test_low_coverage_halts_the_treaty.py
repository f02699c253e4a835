"""Promise: coverage below 0.80 for more than ten minutes halts the treaty, whichever worker looks, and says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from books import rows
from deployments import NOON_S, Tenant, deploy, open_desk

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.chain import Chain
from aurora_sim.treaty.key_files import signer_for
from aurora_sim.treaty.receipts import authority
from aurora_sim.treaty.receipts.form import Receipt
from aurora_sim.treaty.receipts.receipt import JobFolder, make_receipts
from aurora_sim.treaty.receipts.sources import stamper_of
from aurora_sim.treaty.store import actions, tables
from aurora_sim.treaty.store.deployment import Deployment
from aurora_sim.treaty.store.desk import Desk
from aurora_sim.treaty.store.receipt_book import record_receipts

JOB_S = 60.0


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return deploy(tmp_path)


@pytest.fixture
def desk(deployment: Deployment) -> Iterator[Desk]:
    desk = open_desk(deployment)
    yield desk
    desk.close()


def run_jobs(desk: Desk, tenant: Tenant, count: int, now_s: float) -> list[str]:
    """Orders whose jobs are over a minute later."""
    times = {"issued_s": now_s, "deadline_s": now_s + 600.0, "gpu_hours": JOB_S / 3600.0}
    answers = desk.submit([tenant.submission(**times) for _ in range(count)], now_s)
    assert {answer.status for answer in answers} == {202}
    return [str(answer.body["order_id"]) for answer in answers]


def receipts(deployment: Deployment, folder: Path, orders: list[str], now_s: float) -> list[Receipt]:
    folder.mkdir(exist_ok=True)
    (folder / "result.txt").write_text("done")
    providers = {row["order_id"]: row["provider_id"] for row in rows(deployment.db, tables.orders)}
    jobs = [JobFolder(folder, order_id, providers[order_id]) for order_id in orders]
    signer = signer_for(deployment.keys, deployment.key_registry(), "treaty", now_s)
    stamper = stamper_of((authority.EMBEDDED,), deployment.keys)
    return make_receipts(jobs, treaty_id="AURORA-AKASH-001", stamper=stamper, signer=signer, now_s=now_s)


def halted(desk: Desk, tenant: Tenant, now_s: float) -> bool:
    times = {"issued_s": now_s, "deadline_s": now_s + 600.0}
    answer = desk.submit([tenant.submission(max_price_usd_per_hour=0.01, **times)], now_s)[0]
    return answer.body["error"] == "treaty_halted"


def test_below_for_more_than_ten_minutes_halts_and_a_resume_gives_it_its_time_anew(
    deployment: Deployment, desk: Desk
) -> None:
    tenant = Tenant(deployment)
    # Jobs end every minute, and none gets a receipt; after its grace of five minutes each counts.
    first_below_s = None
    for minute in range(40):
        now_s = NOON_S + 60.0 * minute
        watcher = open_desk(deployment)  # another worker each time, started anew
        watcher.tick(now_s)
        watcher.close()
        coverage = desk.readings(now_s).provenance_coverage
        if first_below_s is None and coverage is not None:
            assert coverage == 0.0
            first_below_s = now_s
        if halted(desk, tenant, now_s):
            break
        run_jobs(desk, tenant, 1, now_s)
    assert first_below_s is not None
    assert now_s - first_below_s == 660.0  # the first look at which it is more than ten minutes
    (halt,) = [entry for entry in Chain(deployment.log).entries() if entry.kind == "halt"]
    assert halt.body["made_by"] == "provenance"
    assert "provenance coverage 0.000 is below 0.8" in str(halt.body["reason"])

    store = deployment.store()
    assert len(actions.resume(store, "AURORA-AKASH-001", "looked into", now_s)) == 1
    store.close()
    assert not halted(desk, tenant, now_s)
    for minutes, expected in ((0.0, False), (5.0, False)):
        desk.tick(now_s + minutes * 60.0)
        assert halted(desk, tenant, now_s + minutes * 60.0) == expected


def test_only_complete_receipts_count_and_enough_of_them_lift_the_guards_own_halt(
    deployment: Deployment, desk: Desk, tmp_path: Path
) -> None:
    tenant = Tenant(deployment)
    store = deployment.store()
    actions.halt(store, "AURORA-AKASH-001", "an operator's", NOON_S)
    actions.resume(store, "AURORA-AKASH-001", "", NOON_S)
    orders = [order_id for minute in range(18) for order_id in run_jobs(desk, tenant, 1, NOON_S + 60.0 * minute)]
    for minute in range(18):
        desk.tick(NOON_S + 60.0 * minute)
    now_s = NOON_S + 18 * 60.0
    desk.tick(now_s)
    assert halted(desk, tenant, now_s)

    made = receipts(deployment, tmp_path / "job", orders, now_s)
    record_receipts(store, [(receipt, False) for receipt in made], now_s)  # not pinned: not complete
    desk.tick(now_s)
    assert halted(desk, tenant, now_s)
    record_receipts(store, [(receipt, True) for receipt in made], now_s)
    assert desk.readings(now_s).provenance_coverage == 1.0
    desk.tick(now_s)
    assert not halted(desk, tenant, now_s)
    resumed = [entry for entry in Chain(deployment.log).entries() if entry.kind == "resume"]
    assert [entry.body["made_by"] for entry in resumed] == [None, "provenance"]
    assert rows(deployment.db, tables.head)[0]["coverage_below_since"] is None
    store.close()


def test_a_receipt_needs_its_order_and_its_provider(deployment: Deployment, desk: Desk, tmp_path: Path) -> None:
    (order_id,) = run_jobs(desk, Tenant(deployment), 1, NOON_S)
    (receipt,) = receipts(deployment, tmp_path / "job", [order_id], NOON_S + 100.0)
    store = deployment.store()
    for change in ({"order_id": "o-unknown"}, {"provider_id": "salad"}):
        with pytest.raises(InputError):
            record_receipts(store, [(receipt.model_copy(update=change), True)], NOON_S + 100.0)
    record_receipts(store, [(receipt, True)], NOON_S + 100.0)
    kept = desk.order(order_id)
    assert kept is not None
    assert kept["receipt"] == receipt.model_dump(mode="json")
    store.close()
