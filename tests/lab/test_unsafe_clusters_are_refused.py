"""A cluster that is not there, or where strangers could run code, is refused with one message and exit status 2."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import dask
import distributed
import pytest
from dask_cluster import STARTS_WITHIN_S, dask_cluster

from aurora_sim.cli import COMMANDS, LazyGroup, call
from aurora_sim.lab import cluster as cluster_module
from aurora_sim.lab.cluster import connected, read_address
from aurora_sim.scenario.errors import InputError

REPLICATE = ("run", "--steps", "1", "--replications", "2", "--quiet", "--out")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """What it says."""
    status = call(LazyGroup(COMMANDS, "aurora-sim", ""), [*map(str, arguments)], "aurora-sim")
    told = capsys.readouterr().err
    assert (status, told.count("\n")) == (2, 1), told
    return told


@pytest.mark.parametrize(
    "address",
    [
        "", "dask", "dask://", "dask://127.0.0.1", "dask://127.0.0.1:0", "dask://127.0.0.1:65536", "dask://:8786",
        "tcp://127.0.0.1:8786", "dask://me@127.0.0.1:8786", "dask://127.0.0.1:8786/", "dask://127.0.0.1:8786\n", "dask://::1:8786",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(
    address: str,
) -> None:
    with pytest.raises(InputError, match=r"no address of a Dask scheduler. Give one such as dask://127.0.0.1:8786"):
        read_address(address)


@pytest.mark.parametrize(
    "host", ["10.0.0.7", "0.0.0.0", "scheduler.example", "[2001:db8::1]", "localhost.example", "[::]"]
)
def test_off_loopback_it_takes_tls(host: str) -> None:
    with pytest.raises(InputError, match=r"not on loopback, and whoever reaches .* Use dask\+tls://"):
        read_address(f"dask://{host}:8786")
    assert read_address(f"dask+tls://{host}:8786").of_dask == f"tls://{host}:8786"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7", "[::1]", "localhost"])
def test_on_loopback_it_takes_none(host: str) -> None:
    assert read_address(f"dask://{host}:8786").of_dask == f"tcp://{host}:8786"


@pytest.mark.parametrize("whose", ["scheduler", "worker"])
def test_a_door_to_the_outside_is_refused(whose: str) -> None:
    class Client:
        def scheduler_info(self) -> dict[str, Any]:
            return {"address": f"tcp://{'10.0.0.7' if whose == 'scheduler' else '127.0.0.1'}:8786"}

        def nthreads(self) -> dict[str, int]:
            return {"tcp://127.0.0.1:40000": 1, f"tcp://{'10.0.0.7' if whose == 'worker' else '127.0.0.1'}:40001": 1}

    with pytest.raises(InputError, match=rf"its {whose} listens at tcp://10.0.0.7:.*Start it with --host 127.0.0.1"):
        cluster_module._refuse_open_doors(Client(), read_address("dask://127.0.0.1:8786"))  # type: ignore[arg-type]


def test_something_that_says_nothing_is_given_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "ANSWER_WITHIN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"dask://127.0.0.1:{mute.getsockname()[1]}"
        told = refused(capsys, *REPLICATE, tmp_path / "out", "--executor", address)
        assert "no Dask scheduler answered within 0.5 s" in told
    told = refused(capsys, *REPLICATE, tmp_path / "out", "--executor", address)
    assert f"Start one: dask scheduler --host 127.0.0.1 --port {address[-5:].lstrip(':')}" in told
    assert not (tmp_path / "out").exists()


def test_a_cluster_without_workers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dask_cluster(tmp_path, workers=0) as running:
        monkeypatch.setattr(cluster_module, "ANSWER_WITHIN_S", 1.0)
        with (
            pytest.raises(InputError, match="the scheduler has had no worker for 1 s"),
            connected(f"dask://{running.address}"),
        ):
            pass


def test_without_the_extra_it_says_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module.importlib.util, "find_spec", lambda name: None)
    told = refused(capsys, *REPLICATE, tmp_path / "out", "--executor", "dask://127.0.0.1:8786")
    assert 'not installed. Install the extra: pip install ".[dask]"' in told


def test_it_goes_with_no_jobs_and_no_single_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    executor = ("--executor", "dask://127.0.0.1:8786")
    assert "Leave it out, or --executor" in refused(capsys, *REPLICATE, tmp_path / "out", *executor, "--jobs", "2")
    assert "Give --replications too" in refused(capsys, "run", "--out", tmp_path / "out", *executor)
    assert not (tmp_path / "out").exists()


def test_tls_takes_certificates_that_the_scheduler_s_authority_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "ANSWER_WITHIN_S", STARTS_WITHIN_S)
    ours, strangers = (_certificate(tmp_path / name) for name in ("ours", "strangers"))
    tls = ("--tls-ca-file", ours["ca-file"], "--tls-cert", ours["cert"], "--tls-key", ours["key"], "--protocol", "tls")
    with dask_cluster(tmp_path, workers=1, arguments=tls) as running:
        with dask.config.set(_tls(ours)), connected(f"dask+tls://{running.address}") as cluster:
            assert cluster.size() == 1
        monkeypatch.setattr(cluster_module, "ANSWER_WITHIN_S", 2.0)
        for configured, scheme, told in (
            (strangers, "dask+tls", "no Dask scheduler answered"),
            ({}, "dask+tls", "Dask's configuration names no certificates"),
            ({**ours, "cert": str(tmp_path / "none")}, "dask+tls", "certificates .* cannot be used"),
            (ours, "dask", "no Dask scheduler answered"),
        ):
            with (
                dask.config.set(_tls(configured)),
                pytest.raises(InputError, match=told),
                connected(f"{scheme}://{running.address}"),
            ):
                pass


def _certificate(folder: Path) -> dict[str, str]:
    folder.mkdir()
    made = distributed.Security.temporary()
    files = {"ca-file": made.tls_ca_file, "cert": made.tls_client_cert, "key": made.tls_client_key}
    for name, text in files.items():
        (folder / name).write_text(text)
    return {name: str(folder / name) for name in files}


def _tls(files: dict[str, str]) -> dict[str, str | None]:
    return {
        "distributed.comm.tls.ca-file": files.get("ca-file"),
        "distributed.comm.tls.client.cert": files.get("cert"),
        "distributed.comm.tls.client.key": files.get("key"),
    }
