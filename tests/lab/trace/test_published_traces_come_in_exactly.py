"""Philly's jobs come in row by row as they stand; ServeGen's records become arrivals of their rates and laws, by seed."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from aurora_sim.lab.trace.import_philly import import_philly
from aurora_sim.lab.trace.import_servegen import import_servegen
from aurora_sim.lab.trace.trace import load_trace, write_trace
from aurora_sim.scenario.errors import InputError

JOBS = """timestamp,duration,num_gpus,gpu_time,cluster
2017-11-01 00:02:12,97.0,1,97.0,11cb48
2017-10-31 23:59:59,500.0,1,500.0,11cb48
2017-11-02 00:00:00,600.5,8,4804.0,6c71a0
2017-11-01 00:01:00,59.0,1,59.0,6c71a0
2017-11-01 00:02:12,60.0,4,240.0,6c71a0

"""


def philly(tmp_path, text=JOBS, **span):
    path = tmp_path / "jobs.csv"
    path.write_text(text)
    return import_philly(path, **span)


def test_philly_jobs_are_cut_sorted_and_named(tmp_path):
    trace, jobs = philly(tmp_path, begin=datetime(2017, 11, 1), days=2, min_duration_s=60)
    write_trace(trace, tmp_path / "t.csv", "ph")
    assert jobs == 5
    assert (tmp_path / "t.csv").read_text() == (
        "order_id,arrival_s,tenant,gpu_type,gpus,duration_s\n"
        "ph000000,132,vc-11cb48,any,1,97\n"
        "ph000001,132,vc-6c71a0,any,4,60\n"
        "ph000002,86400,vc-6c71a0,any,8,600.5\n"
    )
    again = load_trace(tmp_path / "t.csv")
    assert np.array_equal(again.arrival_s, trace.arrival_s)
    assert np.array_equal(again.duration_s, trace.duration_s)


def test_without_a_span_the_first_jobs_midnight_is_time_0(tmp_path):
    trace, _ = philly(tmp_path)
    assert trace.arrival_s.tolist() == [86399.0, 86460.0, 86532.0, 86532.0, 172800.0]


def records(tmp_path, rows, name="client.csv"):
    path = tmp_path / name
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


def arrivals(paths, seed=1, begin_s=0.0, span_s=1e9, factor=1.0):
    return import_servegen(paths, seed, begin_s, span_s, factor, 30.0)


LAWS = {"Gamma": (0.25, 2.0), "Weibull": (0.6, 1.758), "": (0.0, 1.0)}
"""Shape, and the CV that it gives."""


@pytest.mark.parametrize("family", LAWS)
def test_each_record_keeps_its_rate_and_its_law(tmp_path, family):
    shape, cv = LAWS[family]
    path = records(tmp_path, [(600 * n, (0.5, 5.0)[n % 2], cv, family, shape, 1.0) for n in range(400)])
    times = arrivals([path]).arrival_s
    fast = times[times // 600 % 2 == 1]
    assert fast.size == pytest.approx(200 * 600 * 5.0, rel=0.02)
    assert times.size - fast.size == pytest.approx(200 * 600 * 0.5, rel=0.06)
    gaps = np.diff(fast)
    gaps = gaps[gaps < 300]  # not those across the slow records
    assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.05)


def test_a_silent_record_is_silent_and_the_factor_scales(tmp_path):
    path = records(tmp_path, [(0, 2.0, 1, "Gamma", 1.0, 1), (600, 0, 0, "", 0, 0), (1200, 2.0, 1, "Gamma", 1.0, 1)])
    trace = arrivals([path])
    assert not ((trace.arrival_s >= 600) & (trace.arrival_s < 1200)).any()
    assert trace.arrival_s.max() < 1800
    assert arrivals([path], factor=10.0).arrival_s.size == pytest.approx(24_000, rel=0.05)


def test_a_client_draws_alone_and_by_seed(tmp_path):
    rows = [(600 * n, 1.0, 2, "Gamma", 0.25, 4) for n in range(20)]
    one, other = records(tmp_path, rows, "one.csv"), records(tmp_path, rows, "other.csv")
    alone = arrivals([one])
    both = arrivals([other, one])
    assert both.tenants == ("other", "one")
    assert np.array_equal(both.of_tenants("one").arrival_s, alone.arrival_s)
    assert not np.array_equal(both.of_tenants("other").arrival_s[:50], alone.arrival_s[:50])
    assert np.array_equal(arrivals([one]).arrival_s, alone.arrival_s)
    assert not np.array_equal(arrivals([one], seed=2).arrival_s[:50], alone.arrival_s[:50])


def test_a_span_is_cut_out_of_the_records(tmp_path):
    path = records(tmp_path, [(600 * n, float(n), 1, "Gamma", 1.0, 1) for n in range(10)])
    times = arrivals([path], begin_s=1500.0, span_s=900.0).arrival_s
    assert times.min() >= 0
    assert times.max() < 900
    assert times.size == pytest.approx(300 * 2 + 600 * 3, rel=0.1)


BAD_JOBS = {
    "a date that is none": ("2017-13-01 00:00:00,97,1,97,a", "timestamp"),
    "an empty date": (",97,1,97,a", "timestamp"),
    "negative duration": ("2017-11-01 00:00:00,-1,1,97,a", "duration"),
    "not a number": ("2017-11-01 00:00:00,nan,1,97,a", "duration"),
    "half a GPU": ("2017-11-01 00:00:00,97,0.5,97,a", "num_gpus"),
    "no cluster": ("2017-11-01 00:00:00,97,1,97,", "cluster"),
    "binary": ("2017-11-01 00:00:00,97,1,97,\0", "binary"),
    "too few fields": ("2017-11-01 00:00:00,97", "fields"),
}


@pytest.mark.parametrize("bad", BAD_JOBS, ids=str)
def test_a_bad_job_is_told_by_line(tmp_path, bad):
    row, told = BAD_JOBS[bad]
    with pytest.raises(InputError, match=told) as caught:
        philly(tmp_path, JOBS.strip() + "\n" + row + "\n")
    assert caught.value.where == f"{tmp_path / 'jobs.csv'}:7"


def test_a_span_without_jobs_says_which_there_are(tmp_path):
    with pytest.raises(InputError, match="2017-10-31"):
        philly(tmp_path, begin=datetime(2018, 1, 1))


BAD_RECORDS = {
    "unsorted": ("0,1,1,Gamma,1,1", "time"),
    "unknown family": ("1200,1,1,Pareto,1,1", "family"),
    "negative rate": ("1200,-1,1,Gamma,1,1", "rate"),
    "no shape": ("1200,1,1,Gamma,0,1", "shape"),
    "not a number": ("1200,nan,1,Gamma,1,1", "rate"),
    "a field too many": ("1200,1,1,Gamma,1,1,1", "fields"),
}


@pytest.mark.parametrize("bad", BAD_RECORDS, ids=str)
def test_a_bad_record_is_told_by_line(tmp_path, bad):
    row, told = BAD_RECORDS[bad]
    path = records(tmp_path, [(0, 1, 1, "Gamma", 1, 1), (600, 1, 1, "Gamma", 1, 1), row.split(",")])
    with pytest.raises(InputError, match=told) as caught:
        arrivals([path])
    assert caught.value.where == f"{path}:3"


def test_too_many_orders_are_refused_before_they_are_made(tmp_path):
    path = records(tmp_path, [(0, 1e9, 1, "Gamma", 1, 1), (600, 1e9, 1, "Gamma", 1, 1)])
    with pytest.raises(InputError, match="factor"):
        arrivals([path])
