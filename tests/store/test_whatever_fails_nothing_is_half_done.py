"""Promise: where disk, database or server fail in a batch, its orders are answered 503, and the books balance all the same."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from books import check_books
from deployments import NOON_S, Tenant, deploy, open_desk, statuses, world
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import Postgresql
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from aurora_sim.treaty.store.deployment import Deployment
from aurora_sim.treaty.store.desk import Desk

NOW_S = NOON_S + 1.0
QUOTA = 6.0
FAILURES = ("", "", "before the append", "after the append", "at a row", "at the commit")


@contextlib.contextmanager
def failing(desk: Desk, where: str) -> Iterator[None]:
    """The next batch of this desk fails at one place."""
    store = desk._store
    append = store.chain.append
    engine = store.database.engine

    def no_space(*arguments: Any) -> Any:
        if where == "after the append":
            append(*arguments)
        raise OSError(errno.ENOSPC, "No space left on device")

    def broken(*arguments: Any) -> None:
        raise OperationalError("COMMIT", None, Exception("disk I/O error"))

    def broken_insert(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith("INSERT INTO acks"):
            broken()

    def broken_commit(connection: Any) -> None:
        if connection.get_execution_options().get("aurora_writes"):  # not that of a look beforehand
            broken()

    hooks: dict[str, tuple[str, Callable[..., None]]] = {
        "at the commit": ("commit", broken_commit),
        "at a row": ("before_cursor_execute", broken_insert),
    }
    if where.endswith("append"):
        store.chain.append = no_space  # type: ignore[method-assign]
    if where in hooks:
        event.listen(engine, *hooks[where])
    try:
        yield
    finally:
        store.chain.append = append  # type: ignore[method-assign]
        if where in hooks:
            event.remove(engine, *hooks[where])


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return deploy(tmp_path_factory.mktemp("store"), config=world(quota_gpu_hours_daily_per_tenant=QUOTA))


_batches = st.lists(
    st.tuples(
        st.integers(0, 1),  # which desk
        st.sampled_from(FAILURES),
        st.lists(st.tuples(st.integers(0, 9), st.sampled_from([0.5, 1.0, 3.0])), min_size=1, max_size=5),
    ),
    min_size=1,
    max_size=8,
)
_days = iter(range(1, 1_000_000))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_batches)
def test_of_two_desks_each_nonce_once_and_the_quota_held(deployment: Deployment, batches: list[Any]) -> None:
    now_s = NOW_S + 86_400.0 * next(_days)  # each example has a day, and so a quota, of its own
    day = int(now_s // 86_400.0)
    desks = [open_desk(deployment) for _ in range(2)]
    tenant = Tenant(deployment, now_s=now_s)
    times = {"issued_s": now_s, "deadline_s": now_s + 60.0}
    answered: list[str] = []
    for which, failure, wanted in batches:
        given = [tenant.submission(f"n{day}-{nonce}", gpu_hours=hours, **times) for nonce, hours in wanted]
        with failing(desks[which], failure):
            answers = desks[which].submit(given, now_s)
        assert {202, 403, 409, 503}.issuperset(statuses(answers))
        answered += [str(answer.body["order_id"]) for answer in answers if answer.status == 202]
    for desk in desks:  # whoever is next redoes what the log has
        assert statuses(desk.submit([tenant.submission(f"n{day}-last", gpu_hours=1e6, **times)], now_s))[0] in (
            403,
            409,
        )
        desk.close()
    filled = [row for row in check_books(deployment.db) if row["day"] == day]
    assert len(set(answered)) == len(answered)
    assert set(answered) <= {row["order_id"] for row in filled}
    assert sum(row["gpu_hours"] for row in filled) <= QUOTA


@pytest.mark.parametrize("failure", sorted(set(FAILURES) - {""}))
def test_a_failure_is_answered_503_and_the_next_batch_goes_well(
    failure: str, tmp_path: Path, database_url: str
) -> None:
    deployment = deploy(tmp_path, database_url)
    desk, tenant = open_desk(deployment), Tenant(deployment)
    orders = [tenant.submission() for _ in range(3)]
    with failing(desk, failure):
        answers = desk.submit(orders, NOW_S)
    reason = "log_unavailable" if failure.endswith("append") else "database_unavailable"
    assert {(answer.status, answer.body["error"]) for answer in answers} == {(503, reason)}
    # What reached the log is accepted, and who asks again is told so; of the rest nothing is left.
    again = 202 if failure == "before the append" else 409
    assert statuses(desk.submit(orders, NOW_S)) == [again] * 3
    assert len(check_books(database_url)) == 3
    desk.close()


@pytest.mark.needs("postgresql")
def test_a_server_that_goes_down_at_once_loses_nothing_acknowledged(tmp_path: Path, postgresql: Postgresql) -> None:
    url = postgresql.emptied("aurora")
    deployment = deploy(tmp_path, url)
    desk, tenant = open_desk(deployment), Tenant(deployment)
    orders = [tenant.submission() for _ in range(40)]
    assert statuses(desk.submit(orders[:30], NOW_S)) == [202] * 30
    postgresql.stop()
    answers = desk.submit(orders, NOW_S)
    assert {(answer.status, answer.body["error"]) for answer in answers} == {(503, "database_unavailable")}
    postgresql.start()
    desk.submit(orders[:1], NOW_S)  # finds out that its connections are gone
    assert statuses(desk.submit(orders, NOW_S)) == [409] * 30 + [202] * 10
    assert len(check_books(url)) == 40
    desk.close()
