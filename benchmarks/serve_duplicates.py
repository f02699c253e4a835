"""Two serving processes over one database, 20,000 submissions of which one in ten is another's duplicate: every book must be exact.

All orders are signed beforehand, shuffled with their duplicates, and posted by several client processes to both servers. One tenant
asks for more than its quota. Then:

- each nonce was accepted at most once, and exactly once but for that tenant's, which the quota cut off;
- that tenant's quota is reached, to within one order, and exceeded by nothing;
- every duplicate was answered 409, or 403 where the quota had denied its order;
- `vault-law verify` finds nothing wrong.

With `--redis`, the nonces are kept in Redis in front of the database, and Redis is killed in the middle and started again, empty
(`hung`: it stops, with its connections open, and goes on). Meanwhile every order must be denied, 503 `nonce_store_unavailable`,
and none accepted; what was denied is posted again when Redis is back, and then the same must hold. A Redis that hung sets, when it
goes on, the nonces that it was asked for meanwhile: such an order may be refused as a replay of itself, and is counted.

    python benchmarks/serve_duplicates.py [--submissions 20000] [--db sqlite|postgresql|URL] [--redis killed|hung] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from serve_parts import Answered, Outage, Server, SignedBody, Site, database_url, load_from_processes, vault_law
from sqlalchemy import func, select

from aurora_sim.treaty.ledger import MICRO
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.database import Database

TENANT, LIMITED = "tenant-research", "tenant-dao"
GPU_HOURS, LIMITED_GPU_HOURS = 0.001, 0.37
DUPLICATES = 0.1
DENIED = "nonce_store_unavailable"
SETTLED_S = 1.0
"""What was sent within that of the outage's beginning or end may have met either state."""


def limited_orders(count: int) -> int:
    """How many orders of so many submissions are the limited tenant's; half of them fit into its quota."""
    return round(count * (1.0 - DUPLICATES)) // 9


def submissions(site: Site, count: int, seed: int) -> list[SignedBody]:
    """Orders of both tenants and duplicates of some of them, shuffled."""
    unique = round(count * (1.0 - DUPLICATES))
    limited = limited_orders(count)
    orders = site.orders(unique - limited, TENANT, "n", GPU_HOURS)
    orders += site.orders(limited, LIMITED, "n", LIMITED_GPU_HOURS)
    luck = random.Random(seed)
    orders += luck.choices(orders, k=count - unique)
    luck.shuffle(orders)
    return orders


def check(site: Site, sent: list[SignedBody], answers: list[Answered]) -> Counter[str]:
    """How often each answer came. Raises `AssertionError` for whatever may not be."""
    by_nonce: dict[str, Counter[str]] = defaultdict(Counter)
    for answer in answers:
        by_nonce[sent[answer.place].nonce][f"{answer.status} {answer.error}".strip()] += 1
    orders = {order.nonce: order for order in sent}
    assert by_nonce.keys() == orders.keys()
    accepted = {nonce for nonce, found in by_nonce.items() if found["202"]}
    used_up = 0
    for nonce, found in by_nonce.items():
        assert found["202"] <= 1, f"{nonce} was accepted {found['202']} times"
        assert set(found) <= {"202", "409 replayed_nonce", "403 tenant_daily_quota", f"503 {DENIED}"}, found
        if nonce not in accepted and found[f"503 {DENIED}"] and found["409 replayed_nonce"]:
            used_up += 1
        elif nonce not in accepted:
            assert nonce.startswith(LIMITED), f"{nonce} was not accepted: {found}"
            assert found["403 tenant_daily_quota"] == 1, found
    used = sum(orders[nonce].gpu_hours for nonce in accepted if nonce.startswith(LIMITED))
    quota = site.world.treaty.quota_gpu_hours_daily_per_tenant
    assert quota - LIMITED_GPU_HOURS * (1 + used_up) < used <= quota + 1e-9, used
    database = Database.open(site.deployment.db)
    try:
        with database.reading() as connection:
            filled = select(tables.orders.c.tenant_id, tables.orders.c.nonce).where(tables.orders.c.outcome == "filled")
            names = [f"{tenant_id}/{nonce}" for tenant_id, nonce in connection.execute(filled)]
            days = select(tables.quota_days.c.tenant_id, func.sum(tables.quota_days.c.units)).group_by(
                tables.quota_days.c.tenant_id
            )
            taken = {tenant_id: int(units) for tenant_id, units in connection.execute(days)}
    finally:
        database.close()
    assert sorted(names) == sorted(accepted), "what was acknowledged is not what is filled"
    for tenant_id in (TENANT, LIMITED):
        whole = sum(round(orders[nonce].gpu_hours * MICRO) for nonce in accepted if nonce.startswith(f"{tenant_id}/"))
        assert taken.get(tenant_id, 0) == whole, f"{tenant_id}: {taken} is not the sum of its orders, {whole}"
    verified = vault_law(site, "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    if used_up:
        print(f"{used_up} nonces were used up by orders that were denied: the safe side")
    return sum(by_nonce.values(), Counter())


def deliver(
    site: Site, servers: list[Server], sent: list[SignedBody], clients: int, outage: Outage | None
) -> list[Answered]:
    """Every answer; what was denied because of the outage is posted again when it is over."""
    ports = [server.port for server in servers]
    bodies = [order.body for order in sent]
    stopper = None
    if outage is not None:
        stopper = threading.Thread(target=_outage_in_the_middle, args=(outage, servers, len(sent) // 3))
        stopper.start()
    answers = load_from_processes(ports, bodies, clients, 8)
    if stopper is None or outage is None:
        return answers
    stopper.join(120)
    assert outage.began_s < max(answer.sent_s for answer in answers), "the outage was not in the middle"
    _check_outage(answers, outage)
    again = [answer.place for answer in answers if answer.error == DENIED]
    second = load_from_processes(ports, [bodies[place] for place in again], clients, 8)
    for answer in second:
        assert answer.error != DENIED, "it is back, and orders are still denied"
        answer.place = again[answer.place]
    print(f"{len(again)} orders denied in the {outage.ended_s - outage.began_s:.1f} s without Redis, then posted again")
    return answers + second


def _outage_in_the_middle(outage: Outage, servers: list[Server], after_orders: int) -> None:
    """Begin it when so many orders were answered, and end it when hundreds were denied, or some seconds later."""

    def answered(status: str) -> float:
        key = frozenset({("method", "POST"), ("path", "/orders"), ("status", status)})
        return sum(server.metrics().get(("http_requests_total", key), 0.0) for server in servers)

    _wait_until(lambda: answered("202") + answered("403") + answered("409") >= after_orders, 300.0)
    outage.begin()
    _wait_until(lambda: answered("503") >= 200.0, 4.0)
    time.sleep(SETTLED_S)
    outage.end()


def _wait_until(holds: Callable[[], bool], within_s: float) -> None:
    until_s = time.monotonic() + within_s
    while not holds() and time.monotonic() < until_s:
        time.sleep(0.05)


def _check_outage(answers: list[Answered], outage: Outage) -> None:
    within = [a for a in answers if a.sent_s >= outage.began_s + 0.1 and a.answered_s <= outage.ended_s]
    assert within, "nothing was posted during the outage"
    others = Counter(f"{a.status} {a.error}" for a in within if a.error != DENIED)
    assert not others, f"answered without Redis: {others}"
    late = [a for a in answers if a.error == DENIED and a.sent_s > outage.ended_s + 10.0]
    assert not late, "still denied 10 s after it was back"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--submissions", type=int, default=20_000)
    parser.add_argument("--db", default="sqlite", help="sqlite, postgresql (a cluster of its own) or a URL")
    parser.add_argument("--redis", choices=["killed", "hung"], help="stop Redis in the middle, in this way")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=3, help="client processes")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    with tempfile.TemporaryDirectory() as name, database_url(arguments.db, Path(name)) as url:
        quota = LIMITED_GPU_HOURS * limited_orders(arguments.submissions) / 2.0
        site = Site(Path(name), url, quota_gpu_hours_daily_per_tenant=quota)
        sent = submissions(site, arguments.submissions, arguments.seed)
        outage = Outage(arguments.redis) if arguments.redis else None
        more = ("--nonces", outage.url) if outage is not None else ()
        servers = [Server(site, *more) for _ in range(arguments.workers)]
        try:
            assert all(server.wait_until_ready() for server in servers), (Path(name) / "serve.err").read_text()
            began_s = time.monotonic()
            answers = deliver(site, servers, sent, arguments.clients, outage)
            took_s = time.monotonic() - began_s
        finally:
            for server in servers:
                server.stop()
            if outage is not None:
                outage.close()
        found = check(site, sent, answers)
    print(
        f"{len(answers)} answers in {took_s:.0f} s: "
        + ", ".join(f"{count} x {what}" for what, count in sorted(found.items()))
    )
    print("each nonce accepted exactly once, duplicates refused, quota reached and not exceeded, verify clean")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
