"""The metrics endpoint: what the recorder knows, read when somebody asks.

Nothing is done per order, and nothing is written into the model: a scrape cannot change a run.
"""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client import Metric as Family
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.registry import Collector

from aurora_sim.observe.recorder import Recorder
from aurora_sim.observe.series import METRICS, samples
from aurora_sim.scenario.errors import InputError

PATH: Final = "/metrics"
LOOPBACK: Final = "127.0.0.1"
IDLE_S: Final = 10.0
"""How long a connection may say nothing."""


class RecorderCollector(Collector):
    """Makes a scrape's families from the latest step and the totals of a recorder. Before the first step there are none."""

    def __init__(self, recorder: Recorder, treaty_id: str) -> None:
        self._recorder = recorder
        self._treaty_id = treaty_id

    def describe(self) -> Iterable[Family]:
        """Nothing, so that registering reads nothing."""
        return ()

    def collect(self) -> Iterator[Family]:
        """One family for each metric that has data."""
        reading = self._recorder.latest
        if reading is None:
            return
        families = {
            metric.name: Family(metric.name.removesuffix("_total"), metric.help, metric.kind) for metric in METRICS
        }
        family_of = {name: families[metric.name] for metric in METRICS for name in metric.sample_names}
        for sample in samples(self._recorder, reading, self._treaty_id):
            family_of[sample.name].add_sample(sample.name, dict(sample.labels), sample.value)
        yield from (family for family in families.values() if family.samples)


class MetricsServer:
    """A running endpoint, on its own thread until `close`."""

    def __init__(self, server: ThreadingWSGIServer, address: str) -> None:
        self.port: int = server.server_port
        host = f"[{address}]" if ":" in address else address
        self.url = f"http://{host}:{self.port}{PATH}"
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering, and free the port. To close twice does nothing."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> MetricsServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(recorder: Recorder, treaty_id: str, port: int, address: str = LOOPBACK) -> MetricsServer:
    """Answer `GET /metrics` from now on; port 0 takes any free one. Raises InputError where the port cannot be had."""
    registry = CollectorRegistry()
    registry.register(RecorderCollector(recorder, treaty_id))
    metrics = make_wsgi_app(registry)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == PATH:
            page: Iterable[bytes] = metrics(environ, start_response)
            return page
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"There is only {PATH} here.\n".encode()]

    where = f"metrics on {address}:{port}"
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        server_class = type("MetricsWSGIServer", (ThreadingWSGIServer,), {"address_family": family})
        server: Any = make_server(address, port, answer, server_class, handler_class=_SilentHandler)
    except socket.gaierror as error:
        raise InputError(
            where, f"no such address ({error.strerror})", f"Give one of this machine's, as {LOOPBACK}"
        ) from error
    except OverflowError as error:
        raise InputError(where, "no such port", "Give one from 0 to 65535; 0 takes any free one") from error
    except OSError as error:
        raise InputError(where, *_cause_and_mend(error)) from error
    return MetricsServer(server, address)


def _cause_and_mend(error: OSError) -> tuple[str, str]:
    match error.errno:
        case errno.EADDRINUSE:
            return "the port is in use", "Give another one, or 0 for any free one"
        case errno.EACCES:
            return "the port may not be taken", "Give one from 1024 on, or 0 for any free one"
        case errno.EADDRNOTAVAIL:
            return "this machine does not have that address", f"Give {LOOPBACK}, or 0.0.0.0 for all that it has"
        case _:
            return error.strerror or "it cannot be listened on", "Give another port or address"


class _SilentHandler(WSGIRequestHandler):
    timeout = IDLE_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep requests out of the terminal."""
