"""Runs over the workers of a Dask cluster, which may be on many machines (the extra `dask`).

Whoever reaches a scheduler that has no TLS can run code on its workers, and on whoever unpickles their results. So without TLS it
and all its workers must be on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import ipaddress
import logging
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from typing import TYPE_CHECKING, Final, NamedTuple

from aurora_sim.lab.crew import Result, Task
from aurora_sim.lab.outpost import Outpost, attempt_there, differences, here, look
from aurora_sim.scenario.errors import InputError, RunError

if TYPE_CHECKING:
    from distributed import Client, Security

ANSWER_WITHIN_S: Final = 10.0
"""For a scheduler to answer, and to have a worker."""
NOBODY_S: Final = 60.0
"""So long may a cluster be without any worker in the middle of the work: whoever restarts them needs some seconds."""
LOOK_EVERY_S: Final = 5.0
PLAIN: Final = "dask"
TLS: Final = "dask+tls"


class Address(NamedTuple):
    """Of a scheduler, as the user gave it."""

    text: str
    tls: bool
    host: str
    port: int

    @property
    def of_dask(self) -> str:
        """As Dask writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls' if self.tls else 'tcp'}://{host}:{self.port}"

    def refusal(self, what: str, mend: str) -> InputError:
        return InputError(f"--executor {self.text}", what, mend)


def read_address(text: str) -> Address:
    """`dask://HOST:PORT` or `dask+tls://HOST:PORT`. Raises InputError for anything else, and for one off loopback without TLS."""
    found = re.fullmatch(r"(dask|dask\+tls)://(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})", text)
    if found is None or not 0 < int(found[4]) <= 65535:
        raise InputError(
            f"--executor {text}",
            "this is no address of a Dask scheduler",
            "Give one such as dask://127.0.0.1:8786, or dask+tls://HOST:PORT",
        )
    address = Address(text, found[1] == TLS, found[2] or found[3], int(found[4]))
    if not address.tls and not _on_loopback(address.host):
        raise address.refusal(
            "it is not on loopback, and whoever reaches a scheduler without TLS can run code on its workers",
            f"Use {TLS}://, with certificates in Dask's own configuration (distributed.comm.tls)",
        )
    return address


@contextlib.contextmanager
def connected(text: str) -> Iterator[Cluster]:
    """The cluster at an address, whose workers have the code that is here, until the end of the block.

    Raises InputError for an address that is none or not safe, where nothing answers, and where the workers would not give the
    same results.
    """
    address = read_address(text)
    if importlib.util.find_spec("distributed") is None:
        raise address.refusal(
            "distributed, which speaks to it, is not installed", 'Install the extra: pip install ".[dask]"'
        )
    from distributed import Client

    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)  # what goes wrong is said here, once
    security = _certificates(address) if address.tls else None
    _ask_who_is_there(address, security)
    client = Client(address.of_dask, timeout=ANSWER_WITHIN_S, security=security, set_as_default=False)
    with contextlib.ExitStack() as stack:
        stack.callback(client.close, timeout=5.0)
        _await_worker(client, address)
        if not address.tls:
            _refuse_open_doors(client, address)
        outpost = here()
        _compare(client, address, outpost)
        yield Cluster(client, outpost)


class Cluster:
    """The workers of a connected cluster, as a crew. Dask itself runs again what a worker that died was at."""

    def __init__(self, client: Client, outpost: Outpost) -> None:
        self._client = client
        self._outpost = outpost
        self._executor = client.get_executor(pure=False)

    def size(self) -> int:
        return self._workers() or 1

    def begin(self, work: Callable[[Task], Result], task: Task) -> Future[Result]:
        future: Future[Result] = self._executor.submit(attempt_there, self._outpost, work, task)
        return future

    def wait(self, future: Future[Result]) -> Result:
        from distributed.scheduler import KilledWorker

        nobody_since: float | None = None
        while not wait([future], LOOK_EVERY_S).done:
            if self._workers():
                nobody_since = None
            elif nobody_since is None:
                nobody_since = time.monotonic()
            elif time.monotonic() - nobody_since > NOBODY_S:
                raise RunError(f"the cluster has had no worker for {NOBODY_S:g} s. Start some, and run it again")
        try:
            return future.result()
        except KilledWorker as killed:
            raise RunError(
                f"{killed.allowed_failures + 1} workers of the cluster were killed while the same run was under way. "
                "Often it is memory that is short: give each worker more, or start fewer"
            ) from None
        except CancelledError:
            raise _scheduler_lost() from None

    def renew(self) -> None:
        """Dask starts workers anew, or whoever runs the cluster does."""

    def end(self) -> None:
        self._executor.shutdown(wait=False)
        self._executor = self._client.get_executor(pure=False)

    def _workers(self) -> int:
        try:
            return len(self._client.nthreads())
        except OSError:
            raise _scheduler_lost() from None


def _scheduler_lost() -> RunError:
    return RunError("the cluster's scheduler is gone. Start it and its workers, and run it again")


# What is asked of a cluster before it is given work.


def _certificates(address: Address) -> Security:
    """Those of Dask's own configuration. Nothing is sent or taken without them."""
    from distributed import Security

    try:
        security = Security(require_encryption=True)
        context = security.get_connection_args("client")["ssl_context"]
    except (OSError, ValueError) as error:
        raise address.refusal(
            f"the certificates of Dask's configuration cannot be used ({_first_line(error)})",
            "Put them right: distributed.comm.tls",
        ) from None
    if context is None:
        raise address.refusal(
            "Dask's configuration names no certificates",
            "Set distributed.comm.tls.ca-file, .client.cert and .client.key, or DASK_DISTRIBUTED__COMM__TLS__CA_FILE and so on",
        )
    return security


def _ask_who_is_there(address: Address, security: Security | None) -> None:
    """A handshake and a question, with a time limit: Dask's client has none for something that listens and says nothing."""
    from distributed.core import rpc

    arguments = security.get_connection_args("client") if security else {}

    async def ask() -> str:
        async with rpc(address.of_dask, timeout=ANSWER_WITHIN_S, connection_args=arguments) as there:
            return str((await there.identity())["type"])

    try:
        who = asyncio.run(asyncio.wait_for(ask(), ANSWER_WITHIN_S))
    except Exception as error:  # whatever listens there may answer with anything
        raise address.refusal(
            f"no Dask scheduler answered within {ANSWER_WITHIN_S:g} s ({_first_line(error)})",
            f"Start one: dask scheduler --host {address.host} --port {address.port}, "
            f"and workers: dask worker {address.of_dask}",
        ) from None
    if who != "Scheduler":
        raise address.refusal(f"it is no scheduler but a {who.lower()}", "Give the scheduler's address")


def _await_worker(client: Client, address: Address) -> None:
    try:
        client.wait_for_workers(1, timeout=ANSWER_WITHIN_S)
    except TimeoutError:
        raise address.refusal(
            f"the scheduler has had no worker for {ANSWER_WITHIN_S:g} s", f"Start some: dask worker {address.of_dask}"
        ) from None


def _refuse_open_doors(client: Client, address: Address) -> None:
    """Dask listens on all interfaces unless it is told otherwise, and then names itself by the one to the outside."""
    scheduler = client.scheduler_info()["address"]
    for whose, where in [("scheduler", scheduler), *(("worker", worker) for worker in client.nthreads())]:
        found = re.fullmatch(r"tcp://\[?([^\]]+)\]?:[0-9]+", where)
        if found is None or not _on_loopback(found[1]):
            raise address.refusal(
                f"its {whose} listens at {where}, off loopback and without TLS: whoever reaches it can run code there",
                f"Start it with --host {address.host}, or give all of them certificates and use {TLS}://",
            )


def _compare(client: Client, address: Address, outpost: Outpost) -> None:
    """Each worker's code, and what it computes with, against ours."""
    found = client.run(look, outpost.folder, on_error="return")
    for worker, there in sorted(found.items()):
        is_code = isinstance(there, dict)
        wrong = differences(there, outpost.code) if is_code else f"it cannot do the work ({_first_line(there)})"
        if wrong:
            raise address.refusal(
                f"worker {worker}: {wrong}, so its results would not be those of this machine",
                "Install the same aurora_sim and the same locked dependencies there, and start it anew",
            )


def _on_loopback(host: str) -> bool:
    """Of names only `localhost`, which never leaves the machine (RFC 6761, 6.3)."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
