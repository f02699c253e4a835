"""Counting requests: what each was answered, and how long that took."""

from __future__ import annotations

import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aurora_sim.treaty.serve.meter import Meter

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
PATHS: Final = frozenset({"/orders", "/healthz", "/schema", "/openapi.json"})
OTHER: Final = "other"
"""Methods and paths become labels, so their number is bounded: a client must not be able to make new ones up."""


class Accounting:
    """Wraps an application, and tells the meter of every answer that was begun."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        self._app = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and note the status that goes out."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            if status:
                method = scope["method"] if scope["method"] in METHODS else OTHER
                self._meter.request_answered(method, _label(scope["path"]), status, time.perf_counter() - began_s)


def _label(path: str) -> str:
    if path in PATHS:
        return path
    order_id = path.removeprefix("/orders/")
    return "/orders/{order_id}" if order_id != path and order_id and "/" not in order_id else OTHER
