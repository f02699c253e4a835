"""Runs over a Dask cluster give the bytes that they give here, whichever of its workers is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import worker_tasks
from dask_cluster import STARTS_WITHIN_S, dask_cluster
from worker_tasks import Sum

from aurora_sim.cli import COMMANDS, LazyGroup, call
from aurora_sim.lab import cluster as cluster_module
from aurora_sim.lab.cluster import Cluster, connected
from aurora_sim.lab.outpost import here
from aurora_sim.lab.workers import AHEAD_PER_JOB, run_all
from aurora_sim.scenario.errors import InputError, RunError

GAMES = ("scenarios/war-games/gateway/clock-skew.yaml", "scenarios/war-games/rtt/relayer-outage.yaml")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with (
        dask_cluster(tmp_path_factory.mktemp("dask"), allowed_failures=1) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(cluster_module, "ANSWER_WITHIN_S", STARTS_WITHIN_S)  # it may still be starting
        with connected(f"dask://{running.address}") as cluster:
            cluster._client.wait_for_workers(2, timeout=STARTS_WITHIN_S)
        yield f"dask://{running.address}"


@pytest.fixture
def cluster(address: str) -> Iterator[Cluster]:
    with connected(address) as found:
        yield found


@pytest.fixture(autouse=True)
def in_the_checkout(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)


def aurora(*arguments: str | Path) -> int:
    return call(LazyGroup(COMMANDS, "aurora-sim", ""), [*map(str, arguments)], "aurora-sim")


def test_replications_are_the_same_bytes(address: str, tmp_path: Path) -> None:
    command = ("run", "scenarios/akash-outage.yaml", "--steps", "33", "--replications", "4", "--quiet")
    assert aurora(*command, "--out", tmp_path / "here", "--jobs", "1") == 0
    assert aurora(*command, "--out", tmp_path / "there", "--executor", address) == 0
    for name in ("replications.json", "replications.csv"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_war_games_are_the_same_bytes(address: str, tmp_path: Path) -> None:
    command = ("wargame", *GAMES, "--seeds", "1", "--no-response", "--quiet")
    status = aurora(*command, "--jobs", "1", "--json", tmp_path / "here.json")
    assert aurora(*command, "--executor", address, "--json", tmp_path / "there.json") == status
    assert (tmp_path / "there.json").read_bytes() == (tmp_path / "here.json").read_bytes()


def test_results_come_in_the_order_of_the_tasks(cluster: Cluster) -> None:
    tasks = [Sum((number, 1), 0.5 if number == 0 else 0.0) for number in range(20)]
    assert list(run_all(worker_tasks.add, tasks, cluster)) == [number + 1 for number in range(20)]
    assert list(run_all(worker_tasks.add, tasks[:1], cluster)) == [1]
    assert list(run_all(worker_tasks.add, [], cluster)) == []


def test_a_killed_worker_loses_nothing(cluster: Cluster, tmp_path: Path) -> None:
    tasks = [Sum((number,), 0.05, tmp_path) for number in range(10)]
    assert list(run_all(worker_tasks.die_once, tasks, cluster)) == list(range(10))
    assert (tmp_path / "died").exists()


def test_a_run_that_kills_every_worker_is_given_up(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="2 workers of the cluster were killed while the same run was under way"):
        list(run_all(worker_tasks.die, [Sum((number,), folder=tmp_path) for number in range(6)], cluster))


def test_a_scheduler_that_goes_ends_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "ANSWER_WITHIN_S", STARTS_WITHIN_S)
    monkeypatch.setattr(cluster_module, "LOOK_EVERY_S", 0.2)
    with dask_cluster(tmp_path, workers=1) as running, connected(f"dask://{running.address}") as cluster:
        results = run_all(worker_tasks.add, [Sum((number,), 0.2) for number in range(100)], cluster)
        assert next(results) == 0
        running.scheduler.kill()
        with pytest.raises(RunError, match="scheduler is gone"):
            list(results)


def test_what_is_raised_comes_out_as_itself_in_its_turn(cluster: Cluster) -> None:
    results = run_all(worker_tasks.refuse, [Sum((number,)) for number in range(5)], cluster)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(InputError, match=r"file.yaml:3: key: this is wrong. Do it right"):
        next(results)


def test_who_stops_listening_is_given_no_more(cluster: Cluster, tmp_path: Path) -> None:
    tasks = [Sum((number,), 0.05, tmp_path) for number in range(100)]
    with closing(run_all(worker_tasks.note, tasks, cluster)) as results:
        assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert list(run_all(worker_tasks.add, tasks[:2], cluster)) == [0, 1], "it takes other work"
    assert len(list(tmp_path.iterdir())) <= 3 + 2 * AHEAD_PER_JOB


def test_workers_with_other_sources_are_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = here()
    other = ours._replace(code={**ours.code, "aurora_sim": "0" * 64, "numpy": "2.0"})
    monkeypatch.setattr(cluster_module, "here", lambda: other)
    with (
        pytest.raises(InputError, match=r"worker tcp://127.*other sources of aurora_sim, numpy is .* there, 2\.0 here"),
        connected(address),
    ):
        pass


def test_a_worker_with_other_sources_that_comes_later_does_nothing(cluster: Cluster, tmp_path: Path) -> None:
    cluster._outpost = cluster._outpost._replace(code={"simpy": "0"})
    with pytest.raises(RunError, match="cannot go on with the others: simpy is"):
        list(run_all(worker_tasks.note, [Sum((1,), folder=tmp_path)], cluster))
    assert not list(tmp_path.iterdir())


def test_workers_without_the_folder_are_refused(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "here", lambda: here()._replace(folder=str(tmp_path / "none")))
    with pytest.raises(InputError, match=r"cannot do the work \(it has no folder .*none"), connected(address):
        pass
