"""Runs over processes give what they give in one: in order, each once, whatever dies; and nobody outlives an interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor
from contextlib import closing
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import worker_tasks
from worker_tasks import Sum

from aurora_sim.lab.processes import Processes
from aurora_sim.lab.workers import AHEAD_PER_JOB, LOSSES_MAX, default_jobs, run_all
from aurora_sim.scenario.errors import InputError, RunError


def begun(folder: Path) -> list[int]:
    """The tasks that were begun, a number for each time."""
    return sorted(int(path.name.split(".")[0]) for path in folder.iterdir())


def test_results_come_in_the_order_of_the_tasks() -> None:
    tasks = [Sum((number, 1), 0.3 if number == 0 else 0.0) for number in range(20)]
    expected = [number + 1 for number in range(20)]
    assert list(run_all(worker_tasks.add, tasks, 1)) == expected
    assert list(run_all(worker_tasks.add, tasks, 2)) == expected


def test_one_job_or_one_task_stays_in_this_process(tmp_path: Path) -> None:
    list(run_all(worker_tasks.note, [Sum((1,), folder=tmp_path)], 2))
    list(run_all(worker_tasks.note, [Sum((1,), folder=tmp_path), Sum((2,), folder=tmp_path)], 1))
    assert {path.name.split(".")[1] for path in tmp_path.iterdir()} == {str(os.getpid())}


def test_no_tasks_are_no_results() -> None:
    assert list(run_all(worker_tasks.add, [], 2)) == []


def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    tasks = [Sum((number,), 0.05, tmp_path) for number in range(10)]
    assert list(run_all(worker_tasks.die_once, tasks, 2)) == list(range(10))
    assert (tmp_path / "died").exists()


def test_a_task_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=rf"killed {LOSSES_MAX + 1} times.*run 4 of 6.*numbers=\(3,\)"):
        list(run_all(worker_tasks.die, [Sum((number,), folder=tmp_path) for number in range(6)], 2))
    for number in begun(tmp_path):
        assert begun(tmp_path).count(number) <= LOSSES_MAX + 1


def test_a_worker_that_a_broken_pool_overlooks_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that begins while the pool stops the others is not told to stop, and is then waited for."""
    monkeypatch.setattr(BaseProcess, "terminate", lambda self: None)
    crew = Processes(2, worker_tasks.__name__)
    try:
        crew.begin(worker_tasks.add, Sum((1,), 3600.0))
        with pytest.raises(BrokenExecutor):
            crew.wait(crew.begin(worker_tasks.die, Sum((3,))))
        crew.renew()
        assert crew.wait(crew.begin(worker_tasks.add, Sum((1, 2)))) == 3
    finally:
        crew.end()


def test_what_is_raised_comes_out_as_itself_in_its_turn() -> None:
    for jobs in (1, 2):
        results = run_all(worker_tasks.refuse, [Sum((number,)) for number in range(5)], jobs)
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(InputError) as raised:
            next(results)
        error = raised.value
        assert (error.where, error.what, error.mend) == ("file.yaml:3: key", "this is wrong", "Do it right")
        assert str(error) == "file.yaml:3: key: this is wrong. Do it right"


def test_an_exception_that_cannot_travel_is_told() -> None:
    with pytest.raises(RuntimeError, match="NeedsTwoError: the one and the other"):
        list(run_all(worker_tasks.fail_strangely, [Sum((1,)), Sum((2,))], 2))


def test_who_stops_listening_is_given_no_more(tmp_path: Path) -> None:
    tasks = [Sum((number,), 0.01, tmp_path) for number in range(100)]
    with closing(run_all(worker_tasks.note, tasks, 2)) as results:
        assert [next(results) for _ in range(3)] == [0, 1, 2]
    done = begun(tmp_path)
    assert len(done) <= 3 + 2 * AHEAD_PER_JOB
    time.sleep(0.3)
    assert begun(tmp_path) == done


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C reaches the whole group, as from a terminal; a kill reaches the parent alone."""
    parent = subprocess.Popen(
        [sys.executable, worker_tasks.__file__, str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2:
        assert time.monotonic() < until, "the workers never began"
        time.sleep(0.05)
    if number == signal.SIGINT:
        os.killpg(parent.pid, number)
    else:
        parent.send_signal(number)
    _, stderr = parent.communicate(timeout=90)  # the workers share its stderr: this is over when they are
    assert parent.returncode == -number
    assert stderr.count("Traceback") == (number == signal.SIGINT), "the parent's own, and none of a worker"


def test_the_default_is_the_cores_that_may_be_used() -> None:
    assert 1 <= default_jobs() <= (os.cpu_count() or 1)
