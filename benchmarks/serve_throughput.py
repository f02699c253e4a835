"""Orders a second of the serving path, and how long one takes: real processes, real HTTP, real signatures, every commit durable.

Clients in processes of their own post signed orders over kept connections, twice: *saturated*, each connection the next one when
the last is answered, and *paced*, so many orders a second. The round trip is the client's, from when an order was due. The
decision path is the server's, from an order's arrival at the desk's line to its answer: signature, nonce, policy, router, ack,
log, commit; its p95 is the upper bound of the histogram's bucket. The runbook's limit is for the paced load: the committed tenants
bring 0.6 orders a second. Where there are few cores, clients and servers share them.

    python benchmarks/serve_throughput.py [--orders 4000] [--connections 16] [--rate 100] [--db sqlite] [--workers 1]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from serve_parts import Server, SignedBody, Site, database_url, load_from_processes, percentile

DECISION_P95_MS_MAX = 25.0
BUCKET = "order_decision_duration_seconds_bucket"
NO_LABELS: frozenset[tuple[str, str]] = frozenset()


class Measured(NamedTuple):
    """Of one load: orders a second, percentiles of the round trip, p95 of the decision path, and orders to a commit."""

    rate_per_s: float
    p50_ms: float
    p99_ms: float
    decision_p95_ms: float
    batch: float


def measure(
    servers: Sequence[Server], orders: list[SignedBody], clients: int, connections: int, rate_per_s: float | None = None
) -> Measured:
    """One load of servers that run; every order must be accepted."""
    before = [server.metrics() for server in servers]
    ports = [server.port for server in servers]
    bodies = [order.body for order in orders]
    answers = load_from_processes(ports, bodies, clients, max(1, connections // clients), rate_per_s)
    after = [server.metrics() for server in servers]
    refused = [answer for answer in answers if answer.status != 202]
    assert not refused, refused[:3]
    assert len(answers) == len(orders)
    took_s = max(answer.answered_s for answer in answers) - min(answer.sent_s for answer in answers)
    rtts_ms = [(answer.answered_s - answer.sent_s) * 1000.0 for answer in answers]
    pairs = list(zip(before, after, strict=True))
    change = {key: sum(now.get(key, 0.0) - was.get(key, 0.0) for was, now in pairs) for key in after[0]}
    buckets = sorted((float(dict(labels)["le"]), count) for (name, labels), count in change.items() if name == BUCKET)
    p95_ms = next(bound for bound, count in buckets if count >= 0.95 * len(orders)) * 1000.0
    batch = change["desk_batch_orders_sum", NO_LABELS] / change["desk_batch_orders_count", NO_LABELS]
    return Measured(len(orders) / took_s, percentile(rtts_ms, 0.5), percentile(rtts_ms, 0.99), p95_ms, batch)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--orders", type=int, default=4000, help="of the saturated load; the paced one is of 10 s")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--clients", type=int, default=2, help="client processes")
    parser.add_argument("--rate", type=float, default=100.0, help="orders a second of the paced load")
    parser.add_argument("--db", action="append", help="sqlite, postgresql or a URL; may be repeated")
    parser.add_argument("--workers", type=int, action="append", help="serving processes; may be repeated")
    parser.add_argument("--decision-p95-max", type=float, default=DECISION_P95_MS_MAX, metavar="MS", help="else exit 1")
    arguments = parser.parse_args()
    paced_count = max(20, min(arguments.orders, round(arguments.rate * 10.0)))
    good = True
    print(
        f"                     saturated, {arguments.connections} connections               {arguments.rate:g} orders/s"
    )
    print("database    workers  orders/s  p50 ms  p99 ms  to a commit  p50 ms  p99 ms  decision p95 ms")
    for db in arguments.db or ["sqlite", "postgresql"]:
        for workers in arguments.workers or [1, 2]:
            with tempfile.TemporaryDirectory() as name, database_url(db, Path(name)) as url:
                site = Site(Path(name), url)
                servers = [Server(site) for _ in range(workers)]
                try:
                    assert all(server.wait_until_ready() for server in servers), (Path(name) / "serve.err").read_text()
                    measure(servers, site.orders(200, "tenant-dao", "warm"), 1, arguments.connections)
                    many = site.orders(arguments.orders, "tenant-research", "saturated")
                    full = measure(servers, many, arguments.clients, arguments.connections)
                    few = site.orders(paced_count, "tenant-research", "paced")
                    paced = measure(servers, few, arguments.clients, arguments.connections, arguments.rate)
                finally:
                    statuses = [server.stop() for server in servers]
            assert statuses == [0] * workers
            good &= paced.decision_p95_ms <= arguments.decision_p95_max
            print(
                f"{db.partition(':')[0]:10}  {workers:7d}  {full.rate_per_s:8.0f}  {full.p50_ms:6.1f}  {full.p99_ms:6.1f}"
                f"  {full.batch:11.1f}  {paced.p50_ms:6.1f}  {paced.p99_ms:6.1f}  {paced.decision_p95_ms:>15g}",
                flush=True,
            )
    print(f"p95 of the decision path: {'within' if good else 'NOT within'} {arguments.decision_p95_max:g} ms")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
