"""Promise: a desk that is killed loses nothing that it acknowledged; what it logged is redone, once, by whoever comes next."""

from __future__ import annotations

import signal
from pathlib import Path

import desk_worker
import pytest
from books import check_books, everything, rows
from deployments import NOON_S, Tenant, deploy, open_desk, statuses, submission

from aurora_sim.treaty.store import tables


@pytest.mark.parametrize(("kill", "logged", "answered"), [("append", 48, 32), ("commit", 48, 32)])
def test_killed_after_the_append_or_after_the_commit(
    kill: str, logged: int, answered: int, tmp_path: Path, database_url: str
) -> None:
    deployment = deploy(tmp_path, database_url)
    tenant = Tenant(deployment)
    orders = [tenant.order(gpu_hours=0.5) for _ in range(80)]
    process, path = desk_worker.start(deployment, orders, "killed", kill=kill)
    assert process.wait(60) == -signal.SIGKILL
    answers = desk_worker.read_answers(path)
    assert [status for status, _ in answers] == [202] * answered
    committed = {row["order_id"] for row in rows(database_url, tables.orders)}
    assert len(committed) == (32 if kill == "append" else 48)

    desk = open_desk(deployment)
    again = desk.submit([submission(order) for order in orders], NOON_S + 2.0)
    # What was logged counts as accepted, answered or not; the tenant learns the order's id, and can ask for its ack.
    assert statuses(again) == [409] * logged + [202] * (80 - logged)
    for order, answer in zip(orders[:logged], again, strict=False):
        found = desk.order(str(answer.body["order_id"]))
        assert found is not None
        assert found["status"] == "accepted"
        assert found["order"]["nonce"] == order.nonce  # type: ignore[index,call-overload]
    assert {body["order_id"] for _, body in answers} <= {row["order_id"] for row in check_books(database_url)}
    assert len(check_books(database_url)) == 80
    desk.close()


def test_a_torn_last_line_was_never_acknowledged_and_is_cut(tmp_path: Path, database_url: str) -> None:
    deployment = deploy(tmp_path, database_url)
    tenant = Tenant(deployment)
    desk = open_desk(deployment)
    first = tenant.submission()
    assert statuses(desk.submit([first], NOON_S + 1.0)) == [202]
    with deployment.log.open("ab") as log:
        log.write(b'{"at_s":1790000000,"body":{"order"')
    assert statuses(desk.submit([tenant.submission(), first], NOON_S + 1.0)) == [202, 409]
    desk.close()
    before = everything(database_url)
    open_desk(deployment).close()
    assert everything(database_url) == before
