"""The HTTP interface: what each path answers, and the limits on what a client may send.

It decides nothing about an order: that is the desk's, behind the line that `POST /orders` stands in.
"""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any, Final, NamedTuple

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from aurora_sim.treaty.serve.desk_thread import RETRY_AFTER_S, DeskThread, LineFull, desk_failed
from aurora_sim.treaty.serve.state import LatestReadings
from aurora_sim.treaty.store.answers import StoreUnavailable, Submission, SubmissionDesk

JsonObject = dict[str, Any]

JSON: Final = "application/json"


class Limits(NamedTuple):
    """What a client may send and how long it may take; with the connection's own limits no request can hang."""

    body_bytes_max: int = 65_536
    body_time_max_s: float = 10.0
    answer_time_max_s: float = 20.0


class Service(NamedTuple):
    """What the paths answer from."""

    line: DeskThread
    desk: SubmissionDesk
    latest: LatestReadings
    order_schema: JsonObject
    openapi: JsonObject
    limits: Limits = Limits()


class JsonAnswer(Response):
    """A JSON body in ASCII: a text of the client's that is told back to it may hold what UTF-8 cannot."""

    media_type = JSON

    def __init__(self, status: int, body: JsonObject, headers: dict[str, str] | None = None) -> None:
        super().__init__(json.dumps(body, separators=(",", ":"), allow_nan=False), status, headers)


def make_app(service: Service) -> Starlette:
    """The ASGI application."""

    async def post_order(request: Request) -> Response:
        try:
            body = await _body(request, service.limits)
        except ClientDisconnect:
            return refusal(400, "bad_request", "The request broke off")  # nobody hears it
        if isinstance(body, Response):
            return body
        return await _submit(service, Submission(body, request.client.host if request.client else "unknown"))

    async def get_order(request: Request) -> Response:
        try:
            found = await run_in_threadpool(service.desk.order, request.path_params["order_id"])
        except StoreUnavailable as unavailable:
            return refusal(503, unavailable.reason, str(unavailable), _retry_after(RETRY_AFTER_S))
        if found is None:
            return refusal(404, "order_unknown", "There is no order of this id")
        return JsonAnswer(200, found)

    async def get_health(request: Request) -> Response:
        return await run_in_threadpool(_health, service)

    async def get_schema(request: Request) -> Response:
        return JsonAnswer(200, service.order_schema)

    async def get_openapi(request: Request) -> Response:
        return JsonAnswer(200, service.openapi)

    routes = [
        Route("/orders", post_order, methods=["POST"]),
        Route("/orders/{order_id}", get_order, methods=["GET"]),
        Route("/healthz", get_health, methods=["GET"]),
        Route("/schema", get_schema, methods=["GET"]),
        Route("/openapi.json", get_openapi, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused_by_routing, Exception: _failed})
    app.router.redirect_slashes = False
    return app


def refusal(status: int, error: str, message: str, headers: dict[str, str] | None = None) -> JsonAnswer:
    """An answer that says no: a reason code for programs, and a sentence for people."""
    return JsonAnswer(status, {"error": error, "message": message}, headers)


async def _body(request: Request, limits: Limits) -> bytes | Response:
    """The request's body, or why it is not taken. Raises `ClientDisconnect`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        return refusal(415, "unsupported_media_type", f"Send the order as Content-Type: {JSON}")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        return refusal(415, "unsupported_media_type", "Send the order without a Content-Encoding")
    too_large = refusal(413, "order_too_large", f"An order has at most {limits.body_bytes_max} bytes")
    if int(request.headers.get("content-length", "0")) > limits.body_bytes_max:
        return too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_time_max_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.body_bytes_max:
                    return too_large
    except TimeoutError:
        message = f"The order took over {limits.body_time_max_s:g} s to arrive"
        return refusal(408, "request_timeout", message, {"Connection": "close"})
    return bytes(body)


async def _submit(service: Service, submission: Submission) -> Response:
    try:
        waiting = service.line.enter(submission)
    except LineFull:
        return refusal(503, "busy", "As many orders wait as may; come again", _retry_after(RETRY_AFTER_S))
    try:
        async with asyncio.timeout(service.limits.answer_time_max_s):
            answer = await waiting.answer
    except TimeoutError:
        if service.line.leave(waiting):
            return refusal(503, "busy", "The order was not looked at in time; come again", _retry_after(RETRY_AFTER_S))
        answer = desk_failed()  # it is at the desk, and will be decided
    headers = None if answer.retry_after_s is None else _retry_after(answer.retry_after_s)
    return JsonAnswer(answer.status, dict(answer.body), headers)


def _health(service: Service) -> Response:
    """200 where orders can be decided, be it that all are refused because the treaty is halted."""
    shown: JsonObject = {"status": "ok", "waiting": len(service.line)}
    try:
        readings = service.latest.get()
    except StoreUnavailable as unavailable:
        shown |= {"status": "unavailable", "error": unavailable.reason, "message": str(unavailable)}
    else:
        shown |= {
            "treaty_id": readings.treaty_id,
            "halted": bool(readings.halt_reasons),
            "halt_reasons": list(readings.halt_reasons),
            "terms_version": readings.terms_version,
        }
        if not service.line.alive:
            shown |= {"status": "unavailable", "error": "closing", "message": "The server is about to end"}
    good = shown["status"] == "ok"
    return JsonAnswer(200 if good else 503, shown, None if good else _retry_after(RETRY_AFTER_S))


def _retry_after(seconds: float) -> dict[str, str]:
    """HTTP has whole seconds only; never 0, which would ask for the same answer again."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


async def _refused_by_routing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = {404: ("not_found", "There is nothing at this path"), 405: ("method_not_allowed", "Not by this method")}
    reason, message = what.get(error.status_code, ("refused", error.detail))
    return refusal(error.status_code, reason, message, dict(error.headers or {}))


async def _failed(request: Request, error: Exception) -> Response:
    """Whatever went wrong in here, the client is told no more than that; Starlette raises it again, into the log."""
    return refusal(503, "unavailable", "This could not be answered; come again", _retry_after(RETRY_AFTER_S))
