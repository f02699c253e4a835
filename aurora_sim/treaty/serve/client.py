"""A tenant's client: submits a signed order until it knows what became of it, or has tried often enough."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import httpx

from aurora_sim.treaty.canonical import JsonObject, read_json
from aurora_sim.treaty.signed_order import OrderRequest, order_id

TIME_LIMIT_S: Final = 30.0
"""For one request in all, however slowly the answer drips."""
ANSWER_BYTES_MAX: Final = 262_144
WAIT_MAX_S: Final = 60.0
"""The longest wait for another try, whatever the server asks for."""
BACKOFF_S: Final = 0.5


class Reply(NamedTuple):
    """What the treaty answered. `retry_after_s` is set where the very same order may come again."""

    status: int
    body: JsonObject
    retry_after_s: float | None


class NoAnswer(Exception):  # noqa: N818  (what the client has)
    """The server cannot be reached, or its answer is none; the message says why, in a few words."""


def submit(
    url: str,
    order: OrderRequest,
    *,
    retries: int = 0,
    time_limit_s: float = TIME_LIMIT_S,
    told: Callable[[str, float], None] = lambda why, wait_s: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Reply:
    """The final answer to an order. Raises `NoAnswer` when the last try had none.

    It is tried again, at most `retries` times, where there was no answer or one with `Retry-After` (429, 503), after as
    long as that says; `told` hears why and for how long. The order is the same each time, so it is accepted once: where
    an earlier try was accepted and only its answer was lost, the acceptance is asked for.
    """
    sent_before = False
    for left in range(retries, -1, -1):
        try:
            reply = request("POST", f"{url}/orders", order.model_dump_json().encode(), time_limit_s=time_limit_s)
        except NoAnswer as failure:
            if not left:
                raise
            why, wait_s = str(failure), BACKOFF_S * 2.0 ** min(retries - left, 7)
        else:
            if reply.status == 409 and sent_before and reply.body.get("order_id") == order_id(order):
                return accepted_before(url, order, reply, time_limit_s=time_limit_s)
            if reply.retry_after_s is None or not left:
                return reply
            why, wait_s = f"{reply.status} {reply.body.get('error', '')}", reply.retry_after_s
        sent_before = True
        wait_s = min(wait_s, WAIT_MAX_S)
        told(why, wait_s)
        sleep(wait_s)
    raise AssertionError("the last try returns or raises")


def accepted_before(url: str, order: OrderRequest, replayed: Reply, *, time_limit_s: float = TIME_LIMIT_S) -> Reply:
    """The acceptance of an order whose nonce is taken by itself; `replayed` where it was not accepted."""
    found = request("GET", f"{url}/orders/{order_id(order)}", time_limit_s=time_limit_s)
    if found.status == 200 and found.body.get("status") == "accepted":
        return Reply(202, found.body, None)
    return replayed


def request(method: str, url: str, content: bytes | None = None, *, time_limit_s: float = TIME_LIMIT_S) -> Reply:
    """One request and its answer. Raises `NoAnswer`."""
    try:
        return asyncio.run(_request(method, url, content, time_limit_s))
    except TimeoutError:
        raise NoAnswer(f"no answer within {time_limit_s:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as failure:
        raise NoAnswer(" ".join(str(failure).split()) or type(failure).__name__) from None
    except ValueError as failure:
        raise NoAnswer(f"the answer is not the treaty's: {failure}") from None


async def _request(method: str, url: str, content: bytes | None, time_limit_s: float) -> Reply:
    # httpx limits each wait on the socket, and a server that sends a byte now and then passes that for ever.
    headers = {"content-type": "application/json"} if content is not None else {}
    async with (
        asyncio.timeout(time_limit_s),
        httpx.AsyncClient(timeout=time_limit_s, trust_env=False, follow_redirects=False) as client,
        client.stream(method, url, content=content, headers=headers) as answer,
    ):
        body = b""
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > ANSWER_BYTES_MAX:
                raise ValueError(f"it has over {ANSWER_BYTES_MAX} bytes")
    found = read_json(body, bytes_max=ANSWER_BYTES_MAX)
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return Reply(answer.status_code, found, _seconds(answer.headers.get("retry-after")))


def _seconds(header: str | None) -> float | None:
    return float(header) if header is not None and header.isdecimal() and header.isascii() else None
