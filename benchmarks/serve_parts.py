"""What the measurements and proofs of the serving path share: a deployment, its servers, signed orders, and clients that load it.

Everything listens on the loopback, on free ports, and lives in a temporary folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import redis

PROJECT = Path(__file__).resolve().parents[1]
sys.path.append(str(PROJECT / "tests" / "store"))  # the PostgreSQL and the Redis of the tests

from servers import Postgresql, Redis  # noqa: E402

from aurora_sim.scenario.configuration import read_world  # noqa: E402
from aurora_sim.treaty.key_files import signer_for  # noqa: E402
from aurora_sim.treaty.keys import KeyRegistry  # noqa: E402
from aurora_sim.treaty.signed_order import order_id, sign_order  # noqa: E402
from aurora_sim.treaty.store.deployment import Deployment, make  # noqa: E402

VAULT_LAW = [sys.executable, "-c", "from aurora_sim.cli.vault_law import main; main()"]
START_MAX_S = 60.0
ANSWER_MAX_S = 60.0
READY = re.compile(r"on http://127\.0\.0\.1:([0-9]+), metrics on http://127\.0\.0\.1:([0-9]+)/metrics")


@contextlib.contextmanager
def database_url(given: str, folder: Path) -> Iterator[str]:
    """`sqlite`: a file in the folder. `postgresql`: a cluster of its own, for as long as the block lasts. Else a URL."""
    if given == "sqlite":
        yield f"sqlite:///{folder}/aurora.db"
    elif given == "postgresql":
        cluster = Postgresql()
        try:
            yield cluster.emptied("aurora")
        finally:
            cluster.remove()
    else:
        yield given


class Site:
    """A deployment in a folder: the rate limits and terms that are asked for (none, and the committed), a key for everybody."""

    def __init__(self, folder: Path, db: str, gateway: dict[str, Any] | None = None, **terms: Any) -> None:
        self.folder = folder
        self.config = folder / "config"
        shutil.copytree(PROJECT / "config", self.config, ignore=shutil.ignore_patterns("keys.json"))
        _change(self.config / "gateway.json", "gateway", {"tenant_rate": None, "source_rate": None, **(gateway or {})})
        _change(self.config / "aurora-treaty-akash.json", None, terms)
        self.world = read_world(self.config)
        self.deployment = Deployment(db, folder / "keys", folder / "keys.json", folder / "vault-law.log", self.world)
        for _ in make(self.deployment, time.time() - 2 * 86_400.0):  # so that an order may have been issued yesterday
            pass

    @property
    def arguments(self) -> list[str]:
        """The options that every command needs."""
        deployment = self.deployment
        return [
            *("--db", deployment.db, "--keys", str(deployment.keys), "--registry", str(deployment.registry)),
            *("--log", str(deployment.log)),
        ]

    def orders(
        self,
        count: int,
        tenant_id: str,
        prefix: str,
        gpu_hours: float = 0.01,
        valid_s: float = 7200.0,
        issued_s: float | None = None,
    ) -> list[SignedBody]:
        """Signed orders that every check lets pass, each with a nonce of its own."""
        now_s = time.time()
        signer = signer_for(
            self.deployment.keys, KeyRegistry.load(self.deployment.registry), f"tenant:{tenant_id}", now_s
        )
        fields = {
            "treaty_id": self.world.treaty.treaty_id,
            "tenant_id": tenant_id,
            "workload_type": "general_compute",
            "gpu_type": "A100",
            "gpus": 1,
            "gpu_hours": gpu_hours,
            "region": "eu-west-1",
            "max_price_usd_per_hour": 3.0,
            "max_latency_ms": 700.0,
            "min_reputation": 0.0,
            "issued_s": round(now_s if issued_s is None else issued_s, 3),
            "deadline_s": round((now_s if issued_s is None else issued_s) + valid_s, 3),
        }
        signed = []
        for number in range(count):
            order = sign_order({**fields, "nonce": f"{prefix}-{number}"}, signer.private_key)
            body = order.model_dump_json().encode()
            signed.append(SignedBody(f"{tenant_id}/{order.nonce}", order_id(order), gpu_hours, body))
        return signed


@dataclass(frozen=True)
class SignedBody:
    """An order ready to be posted."""

    nonce: str
    """With its tenant, as no two may be accepted."""
    order_id: str
    gpu_hours: float
    body: bytes


class Server:
    """A `vault-law serve` process. It is started, ready, and ended by `stop` or `kill`."""

    def __init__(self, site: Site, *more: str) -> None:
        command = [
            *VAULT_LAW,
            "serve",
            *site.arguments,
            "--config",
            str(site.config),
            "--port",
            "0",
            "--metrics-port",
            "0",
            *more,
        ]
        self.errors = (site.folder / "serve.err").open("ab")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, text=True, cwd=PROJECT)
        self.port = self.metrics_port = 0

    def wait_until_ready(self) -> bool:
        """Whether it answers now; it does not when it was killed while it started."""
        assert self.process.stdout is not None
        found = READY.search(self.process.stdout.readline())
        if found is None:
            return False
        self.port, self.metrics_port = int(found[1]), int(found[2])
        return True

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(30)
        self._close()

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(60)
        finally:
            self.process.kill()
        self._close()
        return status

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """All samples of a scrape."""
        from prometheus_client.parser import text_string_to_metric_families

        with urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=30) as page:
            families = text_string_to_metric_families(page.read().decode())
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def _close(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.errors.close()


class Outage:
    """A Redis server that goes out of reach and comes back: `killed` it comes back empty, `hung` as it was."""

    def __init__(self, kind: str) -> None:
        self._redis = Redis()
        self._hung = kind == "hung"
        self.url = self._redis.url
        self._process = int(redis.Redis.from_url(self.url).info("server")["process_id"])
        self.began_s = self.ended_s = 0.0

    def begin(self) -> None:
        """From when this returns it does not answer."""
        if self._hung:
            os.kill(self._process, signal.SIGSTOP)
        else:
            self._redis.stop()
        self.began_s = time.time()

    def end(self) -> None:
        """Until this is called it did not."""
        self.ended_s = time.time()
        if self._hung:
            os.kill(self._process, signal.SIGCONT)
        else:
            self._redis.start()

    def close(self) -> None:
        """End the server, whatever it does."""
        self._redis.stop()


@dataclass
class Answered:
    """What came back for a submission: its place in the list, the status (0: nothing), the reason, and when, in seconds."""

    place: int
    status: int
    error: str
    sent_s: float
    answered_s: float
    body: bytes = b""


@dataclass
class Load:
    """Posts bodies over several connections, one after the other on each, and notes every answer.

    A connection that breaks leaves its order unanswered; it is made again after `pause_s` until `stop` is called, unless
    `reconnect` is False. Ports are taken in turn. With a `rate_per_s` a body is posted when its time has come, or later,
    when no connection is free; either way it counts as sent when its time came. After a 503 a connection waits for
    `pause_refused_s`.
    """

    ports: Sequence[int]
    bodies: Sequence[bytes]
    connections: int = 16
    reconnect: bool = False
    keep_bodies: bool = False
    pause_s: float = 0.02
    pause_refused_s: float = 0.05
    rate_per_s: float | None = None
    answers: list[Answered] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._left = deque(range(len(self.bodies)))
        self._stopped = False
        self._began_s = time.time()

    def due_s(self, place: int) -> float:
        """When a body is to be posted."""
        return time.time() if self.rate_per_s is None else self._began_s + place / self.rate_per_s

    def next(self) -> int | None:
        """The place of the next body to post."""
        return self._left.popleft() if self._left and not self._stopped else None

    def stop(self) -> None:
        """Post nothing more; what was posted may still be answered."""
        self._stopped = True

    async def run(self) -> None:
        """Until all are answered, or lost with their connections, or the time is up."""
        self._began_s = time.time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_MAX_S + 0.05 * len(self.bodies)):
                await asyncio.gather(*(self._connection(number) for number in range(self.connections)))

    async def _connection(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        port = self.ports[number % len(self.ports)]
        while self._left and not self._stopped:
            over: asyncio.Future[None] = loop.create_future()
            try:
                await loop.create_connection(lambda over=over: _Connection(self, over), "127.0.0.1", port)  # type: ignore[misc]
                await over
            except OSError:
                pass
            if not self.reconnect:
                return
            await asyncio.sleep(self.pause_s)


class _Connection(asyncio.Protocol):
    """One connection: posts the next body when the answer to the last one is complete."""

    HEAD = b"POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

    def __init__(self, load: Load, over: asyncio.Future[None]) -> None:
        self._load = load
        self._over = over
        self._buffer = b""
        self._place: int | None = None
        self._sent_s = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._post()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, gap, rest = self._buffer.partition(b"\r\n\r\n")
        if not gap:
            return
        length = int(re.search(rb"content-length: ([0-9]+)", head)[1])  # type: ignore[index]
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        status = int(head[9:12])
        self._note(status, rest[:length])
        if status == 503:
            asyncio.get_running_loop().call_later(self._load.pause_refused_s, self._post)
        else:
            self._post()

    def connection_lost(self, exc: Exception | None) -> None:
        self._note(0, b"")
        if not self._over.done():
            self._over.set_result(None)

    def _note(self, status: int, body: bytes) -> None:
        if self._place is not None:
            error = "" if status in (0, 202) else json.loads(body)["error"]
            kept = body if self._load.keep_bodies else b""
            self._load.answers.append(Answered(self._place, status, error, self._sent_s, time.time(), kept))
            self._place = None

    def _post(self) -> None:
        self._place = self._load.next()
        if self._place is None:
            self._transport.close()
            return
        self._sent_s = self._load.due_s(self._place)
        early_s = self._sent_s - time.time()
        if early_s > 0.0:
            asyncio.get_running_loop().call_later(early_s, self._write)
        else:
            self._write()

    def _write(self) -> None:
        if self._place is not None:
            body = self._load.bodies[self._place]
            self._transport.write(self.HEAD % len(body) + body)


def load_from_processes(
    ports: Sequence[int],
    bodies: Sequence[bytes],
    processes: int,
    connections: int,
    rate_per_s: float | None = None,
) -> list[Answered]:
    """The answers to all bodies, dealt out to client processes of so many connections each; places are the list's.

    `rate_per_s` is that of all processes together.
    """
    share = None if rate_per_s is None else rate_per_s / processes
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        parts = []
        for part in range(processes):
            turn = [*ports[part % len(ports) :], *ports[: part % len(ports)]]
            parts.append(pool.submit(_load, turn, bodies[part::processes], connections, share))
        answers = []
        for part, found in enumerate(parts):
            for answer in found.result():
                answer.place = answer.place * processes + part
                answers.append(answer)
    return answers


def _load(ports: Sequence[int], bodies: Sequence[bytes], connections: int, rate_per_s: float | None) -> list[Answered]:
    load = Load(ports, bodies, connections, rate_per_s=rate_per_s)
    asyncio.run(load.run())
    return load.answers


def vault_law(site: Site, *arguments: str, timeout_s: float = 300.0) -> subprocess.CompletedProcess[str]:
    """Run a command of the deployment to its end."""
    return subprocess.run(
        [*VAULT_LAW, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        cwd=PROJECT,
        env=environment(site),
    )


def environment(site: Site) -> dict[str, str]:
    """The environment in which every command finds the deployment."""
    deployment = site.deployment
    return {
        **os.environ,
        "AURORA_DB": deployment.db,
        "AURORA_KEYS": str(deployment.keys),
        "AURORA_KEY_REGISTRY": str(deployment.registry),
        "AURORA_LOG": str(deployment.log),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so many are at or below."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 100) * len(ordered) // 100) - 1)]


def shuffled(bodies: list[SignedBody], seed: int) -> list[SignedBody]:
    """In an order that the seed gives."""
    mixed = list(bodies)
    random.Random(seed).shuffle(mixed)
    return mixed


def _change(path: Path, section: str | None, changes: dict[str, Any]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    (content if section is None else content[section]).update(changes)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
