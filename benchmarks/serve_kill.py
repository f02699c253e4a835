"""Kills a serving process under load, again and again, at random moments; nothing that it acknowledged may be lost.

Each round starts `vault-law serve` over the same database and log, lets clients post signed orders to it, new ones and ones of
earlier rounds once more, and ends it by SIGKILL at a random moment: while it starts, while it recovers, while it works. The
clients keep every 202. Then, each round:

- `vault-law verify` finds nothing wrong;
- every order that was ever acknowledged is in the database, filled, with the very ack that the client holds;
- no nonce was acknowledged twice, and none is filled twice;
- the quota is the sum of the filled orders, for each tenant and day, and in all.

What was sent and not answered may or may not have been taken in; it is sent again in the next round, and the answer must fit.

    python benchmarks/serve_kill.py [--rounds 100] [--db sqlite|postgresql|URL] [--seed 1]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from serve_parts import Load, Server, SignedBody, Site, database_url, vault_law
from sqlalchemy import select

from aurora_sim.treaty.ledger import MICRO
from aurora_sim.treaty.store import tables
from aurora_sim.treaty.store.database import Database

TENANT = "tenant-research"
ORDERS_A_ROUND = 400
CONNECTIONS = 8
WHILE_STARTING = 0.15
"""Share of the kills that come at any moment of the start, and not under load."""
KILL_WITHIN_S = 1.0


class Books:
    """What the clients know: every ack they were given, and what they sent without hearing an answer."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.unanswered: dict[str, SignedBody] = {}
        self.statuses: Counter[int] = Counter()
        self.recovered = 0

    def note(self, sent: SignedBody, status: int, body: bytes) -> None:
        """One answer, or none. Raises `AssertionError` for one that cannot be."""
        self.statuses[status] += 1
        if status == 0:
            self.unanswered[sent.order_id] = sent
            return
        was_unanswered = self.unanswered.pop(sent.order_id, None) is not None
        answer = json.loads(body)
        if status == 202:
            assert sent.order_id not in self.acknowledged, f"{sent.nonce} was acknowledged twice"
            self.acknowledged[sent.order_id] = answer["ack"]
        elif status == 409:
            assert answer["order_id"] == sent.order_id, answer
            self.recovered += was_unanswered
        else:
            raise AssertionError(f"{status} {answer}")


def play(site: Site, books: Books, bodies: list[SignedBody], kill_after_s: float, starting: bool) -> None:
    """One life of a server: started, loaded, killed."""
    server = Server(site)
    if starting:
        time.sleep(kill_after_s)
        server.kill()
        return
    try:
        assert server.wait_until_ready(), "the server does not come up again: see serve.err"
        load = Load([server.port], [order.body for order in bodies], CONNECTIONS, keep_bodies=True)
        asyncio.run(_loaded(load, server, kill_after_s))
    finally:
        server.kill()
    for answer in load.answers:
        books.note(bodies[answer.place], answer.status, answer.body)


async def _loaded(load: Load, server: Server, kill_after_s: float) -> None:
    loading = asyncio.create_task(load.run())
    await asyncio.sleep(kill_after_s)
    server.process.kill()
    await loading


def check(site: Site, books: Books) -> int:
    """How many orders are filled. Raises `AssertionError` where the database is not what was acknowledged."""
    verified = vault_law(site, "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    database = Database.open(site.deployment.db)
    try:
        with database.reading() as connection:
            orders = connection.execute(select(tables.orders)).all()
            acks = dict(connection.execute(select(tables.acks.c.order_id, tables.acks.c.body)).all())
            days = connection.execute(select(tables.quota_days)).all()
            used = connection.execute(select(tables.head.c.used_units)).scalar_one()
    finally:
        database.close()
    filled = {row.order_id: row for row in orders if row.outcome == "filled"}
    for order_id, ack in books.acknowledged.items():
        assert order_id in filled, f"{order_id} was acknowledged, and is lost"
        assert json.loads(acks[order_id]) == ack, f"{order_id} has another ack"
    nonces = Counter((row.tenant_id, row.nonce) for row in filled.values())
    assert max(nonces.values(), default=0) <= 1, "a nonce was taken twice"
    sums: Counter[tuple[str, int]] = Counter()
    for row in filled.values():
        sums[row.tenant_id, row.day] += round(row.gpu_hours * MICRO)
    assert {(row.tenant_id, row.day): row.units for row in days} == dict(sums), "the quota is not the sum of the orders"
    assert used == sum(sums.values())
    return len(filled)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--db", default="sqlite", help="sqlite, postgresql (a cluster of its own) or a URL")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    luck = random.Random(arguments.seed)
    began_s = time.monotonic()
    books = Books()
    starts = 0
    with tempfile.TemporaryDirectory() as name, database_url(arguments.db, Path(name)) as url:
        site = Site(Path(name), url)
        for number in range(1, arguments.rounds + 1):
            fresh = site.orders(ORDERS_A_ROUND, TENANT, f"round-{number}")
            new = fresh + luck.sample(fresh, ORDERS_A_ROUND // 10)
            luck.shuffle(new)
            bodies = [*books.unanswered.values(), *new]
            starting = luck.random() < WHILE_STARTING
            kill_after_s = luck.uniform(0.0, 2.0 if starting else KILL_WITHIN_S)
            starts += starting
            play(site, books, bodies, kill_after_s, starting)
            filled = check(site, books)
            if number % 10 == 0 or number == arguments.rounds:
                print(
                    f"round {number:3d}: {len(books.acknowledged)} acknowledged, {filled} filled, "
                    f"{books.statuses[0]} times no answer, {books.recovered} of those taken in before the kill",
                    flush=True,
                )
        errors = (site.folder / "serve.err").read_text(encoding="utf-8")
    assert "Traceback" not in errors, errors
    print(
        f"{arguments.rounds} kills ({starts} while starting) in {time.monotonic() - began_s:.0f} s: "
        "nothing acknowledged was lost, no nonce accepted twice, quota exact"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
