"""A desk in memory for the tests of the HTTP side, and a server around it on a free port of the loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aurora_sim.treaty.ranking import ProviderView
from aurora_sim.treaty.serve.app import Limits
from aurora_sim.treaty.serve.connection import Connection
from aurora_sim.treaty.serve.meter import Meter
from aurora_sim.treaty.serve.server import OrderServer, listen
from aurora_sim.treaty.serve.service import order_service
from aurora_sim.treaty.signed_order import OrderInvalid, order_id, read_order, sign_order
from aurora_sim.treaty.store.answers import Answer, Readings, StoreUnavailable, Submission

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
TREATY = "AURORA-AKASH-001"
NOW_S = 1_764_000_000.0
FIELDS: dict[str, Any] = {
    "treaty_id": TREATY,
    "tenant_id": "tenant-research",
    "workload_type": "general_compute",
    "gpu_type": "A100",
    "gpus": 1,
    "gpu_hours": 0.5,
    "region": "eu-west-1",
    "max_price_usd_per_hour": 3.0,
    "max_latency_ms": 700.0,
    "min_reputation": 60.0,
    "issued_s": NOW_S,
    "deadline_s": NOW_S + 600.0,
}


def an_order(nonce: str = "n-1", **changes: Any) -> bytes:
    """The body of a signed order."""
    return sign_order({**FIELDS, "nonce": nonce, **changes}, KEY).model_dump_json().encode()


@dataclass
class MemoryDesk:
    """Accepts each nonce once. `open` holds `submit` back while it is cleared; `script` answers in its place."""

    script: list[Answer | Exception] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    batches: list[int] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    unavailable: bool = False
    entered: int = 0

    def __post_init__(self) -> None:
        self.open.set()
        self._nonces: dict[str, str] = {}

    def submit(self, submissions: Sequence[Submission], now_s: float) -> list[Answer]:
        self.entered += len(submissions)
        assert self.open.wait(30)
        self.batches.append(len(submissions))
        self.sources += [submission.source for submission in submissions]
        return [self._answer(submission) for submission in submissions]

    def _answer(self, submission: Submission) -> Answer:
        if self.script:
            scripted = self.script.pop(0)
            if isinstance(scripted, Exception):
                raise scripted
            return scripted
        try:
            order = read_order(submission.body)
        except OrderInvalid as invalid:
            return Answer(422, {"error": "schema", "field": invalid.field, "message": invalid.message})
        name = order_id(order)
        if order.nonce in self._nonces:
            known = self._nonces[order.nonce]
            return Answer(409, {"error": "replayed_nonce", "message": "The nonce was used", "order_id": known})
        self._nonces[order.nonce] = name
        ack = {"order_id": name, "provider_id": "akash", "key_id": "0" * 16, "signature": "A" * 86 + "=="}
        self.orders[name] = {
            "order_id": name,
            "status": "accepted",
            "treaty_id": TREATY,
            "provider_id": "akash",
            "price_usd_per_hour": 1.8,
            "ack": ack,
        }
        return Answer(202, self.orders[name])

    def order(self, order_id: str) -> dict[str, Any] | None:
        if self.unavailable:
            raise StoreUnavailable("database_unavailable", "the database does not answer")
        return self.orders.get(order_id)

    def tick(self, now_s: float) -> None:
        self.ticks.append(now_s)
        if self.unavailable:
            raise StoreUnavailable("database_unavailable", "the database does not answer")

    def readings(self, now_s: float) -> Readings:
        if self.unavailable:
            raise StoreUnavailable("database_unavailable", "the database does not answer")
        view = ProviderView(
            provider_id="akash",
            active=True,
            regions=frozenset({"eu-west-1"}),
            price_usd_per_hour={"A100": 1.8},
            capacity_gpus={"A100": 220},
            free_gpus={"A100": 220},
            latency_ms=300.0,
            reputation=78.0,
        )
        return Readings(
            treaty_id=TREATY,
            terms_version=1,
            quota_gpu_hours_total=1000.0,
            quota_gpu_hours_daily_per_tenant=100.0,
            halt_reasons=(),
            fill_rate=0.95,
            provenance_coverage=0.99,
            gpu_hours_used_total=12.5,
            gpu_hours_used_today={"tenant-research": 12.5, "tenant-dao": 0.0},
            dropped_recently=3,
            nonces_held=len(self._nonces),
            log_entries=7,
            providers=(view,),
        )

    def close(self) -> None:
        pass


@dataclass
class Reply:
    """What came back: the status, the headers by lower-case name, the body as bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


@dataclass
class Served:
    """A server that runs in a thread."""

    desk: MemoryDesk
    server: OrderServer
    meter: Meter
    port: int
    metrics_port: int

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        return ask(self.port, method, path, body, headers)

    def post(self, body: bytes, **headers: str) -> Reply:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", "/orders", body, {"content-type": "application/json", **given})

    def raw(self, sent: bytes, *, timeout_s: float = 10.0) -> bytes:
        """Everything that comes back for bytes as they are, until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s) as connection:
            connection.sendall(sent)
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """What is received until the other side closes, or resets."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65_536):
            received += chunk
    return received


def ask(
    port: int, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


@contextlib.contextmanager
def serving(
    desk: MemoryDesk | None = None,
    *,
    limits: Limits | None = None,
    connection: type[Connection] = Connection,
    waiting_max: int = 512,
    tick_every_s: float = 10.0,
) -> Iterator[Served]:
    """A server around a desk, until the block ends."""
    desk = desk or MemoryDesk()
    meter = Meter()
    service = order_service(
        desk, meter, TREATY, limits=limits, waiting_max=waiting_max, tick_every_s=tick_every_s, readings_age_max_s=0.0
    )
    listener, metrics_listener = listen("orders", "127.0.0.1", 0), listen("metrics", "127.0.0.1", 0)
    metrics = service.metrics, metrics_listener
    server = OrderServer(service.app, listener, service.line, metrics=metrics, connection=connection)
    ready = threading.Event()
    thread = threading.Thread(target=server.run, args=(ready.set,))
    ports = listener.getsockname()[1], metrics_listener.getsockname()[1]
    thread.start()
    try:
        assert ready.wait(10)
        yield Served(desk, server, meter, *ports)
    finally:
        desk.open.set()
        server.stop()
        thread.join(40)
        assert not thread.is_alive()
