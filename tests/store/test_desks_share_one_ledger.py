"""Promise: however many processes take orders in at once, each nonce is accepted once and no quota is exceeded."""

from __future__ import annotations

import random
from pathlib import Path

import desk_worker
from books import check_books
from deployments import Tenant, deploy, world

from aurora_sim.treaty.chain import Chain

QUOTA_GPU_HOURS = 100.0


def test_two_processes_with_duplicates_accept_each_nonce_once_and_stop_at_the_quota(
    tmp_path: Path, database_url: str
) -> None:
    config = world(quota_gpu_hours_daily_per_tenant=QUOTA_GPU_HOURS)
    deployment = deploy(tmp_path, database_url, config)
    research, dao = Tenant(deployment), Tenant(deployment, "tenant-dao")
    # A quota of 100 takes 200 of research's 300 orders; all of the other tenant's fit.
    orders = [research.order(gpu_hours=0.5) for _ in range(300)] + [dao.order(gpu_hours=0.25) for _ in range(100)]
    luck = random.Random(1)
    shared = luck.sample(orders, 120)
    luck.shuffle(orders)
    halves = [orders[:200] + shared, orders[200:] + shared + luck.sample(orders, 40)]
    for half in halves:
        luck.shuffle(half)
    workers = [desk_worker.start(deployment, half, f"worker{i}") for i, half in enumerate(halves)]
    for process, _ in workers:
        assert process.wait(60) == 0
    answers = [answer for _, path in workers for answer in desk_worker.read_answers(path)]
    assert len(answers) == sum(map(len, halves))
    accepted = [body["order_id"] for status, body in answers if status == 202]
    assert len(set(accepted)) == len(accepted) == 300
    assert {status for status, _ in answers} == {202, 403, 409}
    assert {body["error"] for status, body in answers if status == 403} == {"tenant_daily_quota"}

    filled = check_books(database_url)
    assert {row["order_id"] for row in filled} == set(accepted)
    used = sum(row["gpu_hours"] for row in filled if row["tenant_id"] == "tenant-research")
    assert used == QUOTA_GPU_HOURS
    logged = [entry.body["order_id"] for entry in Chain(deployment.log).entries() if entry.kind == "order"]
    assert sorted(map(str, logged)) == sorted(accepted)
