"""The serving process: sockets, the event loop, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.serve.connection import HEAD_BYTES_MAX, Connection
from aurora_sim.treaty.serve.desk_thread import DeskThread

BACKLOG: Final = 256
KEEP_ALIVE_S: Final = 15
DRAIN_MAX_S: Final = 30
"""How long requests that are being answered may take after SIGTERM."""
METRICS_PATH: Final = "/metrics"


class _Server(uvicorn.Server):
    """uvicorn's server without its own signal handlers, which end the process by the signal after an orderly end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def listen(what: str, host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises InputError that names `what` where it cannot be had."""
    where = f"{what} on {host}:{port}"
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # By its protocol, which `create_server` leaves open: only for TCP by name does asyncio switch Nagle's delay off,
        # which costs each answer on a kept connection 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except socket.gaierror as error:
        raise InputError(
            where, f"no such address ({error.strerror})", "Give one of this machine's, as 127.0.0.1"
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise InputError(where, *_cause_and_mend(error)) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Where clients on this machine find it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def metrics_app(registry: CollectorRegistry) -> Starlette:
    """`GET /metrics`, read on a thread: a collector may wait for the database."""

    async def metrics(request: Request) -> Response:
        return Response(await run_in_threadpool(generate_latest, registry), media_type=CONTENT_TYPE_LATEST)

    app = Starlette(routes=[Route(METRICS_PATH, metrics, methods=["GET"])])
    app.router.redirect_slashes = False
    return app


class OrderServer:
    """Serves an application on one socket, and if wanted the metrics on another; it owns both, and the desk's thread.

    It is made, then serving, then draining: no new connection, and an answer for whoever waits; then over.
    """

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        line: DeskThread,
        *,
        metrics: tuple[ASGIApp, socket.socket] | None = None,
        connection: type[Connection] = Connection,
    ) -> None:
        self._orders = _Server(_config(app, connection)), listener
        self._metrics = None if metrics is None else (_Server(_config(metrics[0], Connection)), metrics[1])
        self._line = line

    def stop(self) -> None:
        """Begin to drain. May be called from any thread, and twice."""
        self._orders[0].should_exit = True

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`, SIGTERM or SIGINT; `ready` is called once connections are answered."""
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # a broken request is the client's affair
        if threading.current_thread() is threading.main_thread():  # Python tells no other thread of signals
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
        self._line.start(loop)
        server, listener = self._orders
        metrics = None
        if self._metrics is not None:
            metrics = asyncio.create_task(self._metrics[0].serve([self._metrics[1]]))
        announcing = asyncio.create_task(_announce(server, ready))
        try:
            await server.serve([listener])
        finally:
            announcing.cancel()
            await self._line.close(DRAIN_MAX_S)
            if metrics is not None and self._metrics is not None:
                self._metrics[0].should_exit = True
                await metrics


async def _announce(server: uvicorn.Server, ready: Callable[[], None]) -> None:
    while not server.started and not server.should_exit:
        await asyncio.sleep(0.005)
    if server.started:
        ready()


def _config(app: ASGIApp, connection: type[Connection]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=connection,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the source of a request is who it comes from, not who it says it comes from
        server_header=False,
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_MAX_S,
    )


def _cause_and_mend(error: OSError) -> tuple[str, str]:
    match error.errno:
        case errno.EADDRINUSE:
            return "the port is in use", "Give another one, or 0 for any free one"
        case errno.EACCES:
            return "the port may not be taken", "Give one from 1024 on, or 0 for any free one"
        case errno.EADDRNOTAVAIL:
            return "this machine does not have that address", "Give 127.0.0.1, or 0.0.0.0 for all that it has"
        case _:
            return error.strerror or "it cannot be listened on", "Give another port or address"
