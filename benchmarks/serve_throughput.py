"""Orders a second of the serving path, and how long one takes: real processes, real HTTP, real signatures, every commit durable.

Clients in processes of their own post signed orders over kept connections, each the next one when the last is answered. The
round trip is the client's; the decision path is the server's, from an order's arrival at the desk's line to its answer:
signature, nonce, policy, router, ack, log, commit. On a machine with few cores clients and servers share them.

    python benchmarks/serve_throughput.py [--orders 6000] [--connections 16] [--db sqlite --db postgresql] [--workers 1 --workers 2]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from serve_parts import Server, Site, database_url, load_from_processes, percentile

DECISION_P95_MS_MAX = 25.0
BUCKET = "order_decision_duration_seconds_bucket"


def measure(
    db: str, workers: int, orders: int, connections: int, clients: int
) -> tuple[float, list[float], float, float]:
    """Orders a second; round trips in ms; p95 of the decision path in ms (the bucket's upper bound); orders to a commit."""
    with tempfile.TemporaryDirectory() as name, database_url(db, Path(name)) as url:
        site = Site(Path(name), url)
        warm_up = site.orders(200, "tenant-dao", "warm")
        signed = site.orders(orders, "tenant-research", "n")
        servers = [Server(site) for _ in range(workers)]
        try:
            assert all(server.wait_until_ready() for server in servers)
            ports = [server.port for server in servers]
            load_from_processes(ports, [order.body for order in warm_up], 1, connections)
            before = [server.metrics() for server in servers]
            answers = load_from_processes(ports, [order.body for order in signed], clients, connections // clients)
            after = [server.metrics() for server in servers]
        finally:
            statuses = [server.stop() for server in servers]
    assert statuses == [0] * workers
    refused = [answer for answer in answers if answer.status != 202]
    assert not refused, refused[:3]
    assert len(answers) == orders
    took_s = max(answer.answered_s for answer in answers) - min(answer.sent_s for answer in answers)
    rtts_ms = [(answer.answered_s - answer.sent_s) * 1000.0 for answer in answers]
    change = {key: sum(scrape[key] - was[key] for was, scrape in zip(before, after, strict=True)) for key in before[0]}
    buckets = sorted(
        (float(dict(labels)["le"]), count) for (sample, labels), count in change.items() if sample == BUCKET
    )
    p95_ms = next(bound for bound, count in buckets if count >= 0.95 * orders) * 1000.0
    nothing: frozenset[tuple[str, str]] = frozenset()
    batch = change["desk_batch_orders_sum", nothing] / change["desk_batch_orders_count", nothing]
    return orders / took_s, rtts_ms, p95_ms, batch


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--orders", type=int, default=6000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--clients", type=int, default=2, help="client processes")
    parser.add_argument("--db", action="append", help="sqlite, postgresql or a URL; may be repeated")
    parser.add_argument("--workers", type=int, action="append", help="serving processes; may be repeated")
    arguments = parser.parse_args()
    good = True
    print("database    workers  orders/s  p50 ms  p99 ms  decision p95 ms  orders/commit")
    for db in arguments.db or ["sqlite", "postgresql"]:
        for workers in arguments.workers or [1, 2]:
            rate, rtts_ms, p95_ms, batch = measure(
                db, workers, arguments.orders, arguments.connections, arguments.clients
            )
            good &= p95_ms <= DECISION_P95_MS_MAX
            print(
                f"{db.partition(':')[0]:10}  {workers:7d}  {rate:8.0f}  {percentile(rtts_ms, 0.5):6.1f}"
                f"  {percentile(rtts_ms, 0.99):6.1f}  {p95_ms:>15g}  {batch:13.1f}",
                flush=True,
            )
    print(f"p95 of the decision path: {'within' if good else 'NOT within'} {DECISION_P95_MS_MAX:g} ms")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
