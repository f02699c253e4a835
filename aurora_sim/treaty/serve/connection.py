"""One client's connection: uvicorn's HTTP/1.1 protocol with the limits that uvicorn leaves out.

uvicorn waits for a request's head for ever, takes any number of connections, and answers a broken head in plain text.
"""

from __future__ import annotations

import asyncio
import http
import json
from typing import Any, ClassVar, Final

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

HEAD_BYTES_MAX: Final = 16_384
"""A request's line and headers together."""
DISCARDED_BYTES_MAX: Final = 1 << 20
"""What is read and thrown away of a body that was refused: a connection closed at once would lose the answer."""


class Connection(H11Protocol):
    """A connection is waiting for a head, in a request, discarding what is left of a refused body, or refused itself.

    While it waits for a head or discards, `head_time_max_s` runs, from the first byte (the first connection: from the
    start); then a head that has begun is answered 408, and anything else is closed. Between requests uvicorn's
    keep-alive time runs. Beyond `connections_max` a connection is refused: its first bytes are answered 503.
    """

    head_time_max_s: ClassVar[float] = 10.0
    connections_max: ClassVar[int] = 256

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_timer: asyncio.TimerHandle | None = None
        self._bytes_waiting = 0  # received since the last request's answer was complete
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuse what is one too many, and drop what is far too many."""
        super().connection_made(transport)
        over = len(self.connections) - self.connections_max
        self._refused = over > 0
        if over > self.connections_max:
            transport.abort()
            return
        self._head_timer = self.loop.call_later(self.head_time_max_s, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Go on with the request, with the clock running whenever no request is being worked on."""
        if self._refused:
            self._answer_and_close(503, "too_many_connections", "Every connection is taken", retry_after_s=1)
            return
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_timer()
            self._bytes_waiting = 0
            return
        idle = self.conn.our_state is h11.IDLE and not self.conn.trailing_data[0]  # a refused body has come to its end
        self._bytes_waiting = 0 if idle else self._bytes_waiting + len(data)
        if self._bytes_waiting > DISCARDED_BYTES_MAX:
            self.transport.abort()
        elif self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(self.head_time_max_s, self._head_is_late)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP as the rest of the service answers."""
        self._answer_and_close(400, "bad_request", "This is no HTTP/1.1 request, or its head is too long")

    def on_response_complete(self) -> None:
        """Start counting what comes after the answer."""
        self._bytes_waiting = 0
        super().on_response_complete()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        answered = self.cycle is not None and self.conn.our_state is h11.DONE  # then it was discarding a body
        if self._bytes_waiting and not answered:
            self._answer_and_close(408, "request_timeout", f"The request's head took over {self.head_time_max_s:g} s")
        else:
            self.transport.close()

    def _answer_and_close(self, status: int, error: str, message: str, retry_after_s: int | None = None) -> None:
        """Answer outside of any application, where an answer may still be begun; the connection ends in any case."""
        if not self.transport.is_closing() and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps({"error": error, "message": message}).encode()
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            if retry_after_s is not None:
                headers.append((b"retry-after", str(retry_after_s).encode()))
            reason = http.HTTPStatus(status).phrase.encode()
            head = h11.Response(status_code=status, headers=headers, reason=reason)
            for event in (head, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
