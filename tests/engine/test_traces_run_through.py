"""A replayed trace runs from its first row to its last, whatever its times, and from an empty world."""

from __future__ import annotations

import pytest
from engine_runs import a_config, simulate

HEADER = "order_id,arrival_s,tenant,gpu_type,gpus,duration_s\n"


@pytest.fixture
def replayed(tmp_path):
    """Runs rows (arrival, GPUs, seconds) as a trace."""

    def run(rows, steps=5, **different):
        path = tmp_path / "trace.csv"
        path.write_text(HEADER + "".join(f"o{n},{a},x,any,{g},{s}\n" for n, (a, g, s) in enumerate(rows)))
        mapping = {"tenants": {"*": "tenant-dao"}, "gpu_types": {"*": "A100"}, "workload": "general_compute"}
        return simulate(world=a_config(demand={"replay": {"trace": str(path), **mapping, **different}}), steps=steps)

    return run


def test_every_row_ends_as_an_order(replayed):
    seen = replayed([(n * 0.5, 1 + n % 4, 30 + n) for n in range(500)])
    assert len(seen.rows) == 500
    assert seen.outcomes == {"filled": 500}
    assert [float(row["time_s"]) for row in sorted(seen.rows, key=lambda r: int(r["order_id"][6:]))] == [
        n * 0.5 for n in range(500)
    ]


def test_the_world_is_empty_before_a_trace(replayed):
    seen = replayed([(200.0, 8, 600)])
    leased = [sum(provider.leased_gpus for provider in reading.providers) for reading in seen.readings]
    assert leased == [0, 0, 0, 8, 8]


def test_a_job_holds_its_gpus_for_its_time_and_its_placement(replayed):
    seen = replayed([(0.0, 8, 600)], steps=20)
    row = seen.rows[0]
    end_s = float(row["ended_s"]) + float(row["placement_s"]) + 600.0
    leased = [sum(provider.leased_gpus for provider in reading.providers) for reading in seen.readings]
    assert leased == [8 if reading.time_s <= end_s else 0 for reading in seen.readings]
    assert seen.books["receipts_completed_jobs"] == 1
    held_h = float(row["gpu_hours"]) + 8 * float(row["placement_s"]) / 3600.0
    assert seen.readings[-1].gpu_hours_leased == pytest.approx(held_h, abs=8 * 0.05 / 3600.0)  # placement to 0.1 s


def test_rows_after_the_end_do_not_come(replayed):
    seen = replayed([(10.0, 1, 60), (290.0, 1, 60), (301.0, 1, 60)])
    assert len(seen.rows) == 2


def test_time_scale_and_thin_reach_the_run(replayed):
    rows = [(n, 1, 60) for n in range(200)]
    assert max(float(row["time_s"]) for row in replayed(rows, time_scale=0.5).rows) == pytest.approx(99.5)
    assert 0 < len(replayed(rows, thin=0.3).rows) < 120


def test_orders_at_one_whole_second_all_come(replayed):
    assert len(replayed([(7, 1, 60)] * 20 + [(60, 1, 60)] * 20).rows) == 40


def test_orders_at_one_fraction_of_a_second_all_come(replayed):
    assert len(replayed([(0.3, 1, 60), (0.9, 1, 60), (0.9, 1, 60)]).rows) == 3


def test_an_order_too_large_for_the_treaty_is_refused(replayed):
    seen = replayed([(1.0, 65, 60), (2.0, 64, 60)])
    assert [(row["outcome"], row["reason"]) for row in seen.rows] == [("rejected", "schema:gpus"), ("filled", "")]
