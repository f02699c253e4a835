"""One HTTP request to a service that may be slow, broken or hostile: it costs a bounded time and a bounded memory."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx

from aurora_sim.scenario.errors import InputError

_ERRNO: Final = re.compile(r"^\[Errno -?\d+\] ")


class ServiceFailed(Exception):  # noqa: N818  (the state of the service, as the operator would say it)
    """The service gave no usable answer; the text says why, in a few words. `status` is the HTTP status, or 0."""

    def __init__(self, message: str, status: int = 0, body: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


def check_url(url: str, option: str) -> None:
    """Raises InputError, naming the option, for what is no address of an HTTP service."""
    mend = "Write it as https://host/path or http://host:port/path"
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InputError(f"{option} {url}", f"this is no URL: {error}", mend) from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InputError(f"{option} {url}", "this is no HTTP URL", mend)


def without_password(url: str) -> str:
    """The URL as it may be shown: without the user's name and password."""
    parsed = httpx.URL(url)
    return str(parsed.copy_with(username=None, password=None)) if parsed.userinfo else url


def post(url: str, *, time_limit_s: float, bytes_max: int, **request: Any) -> bytes:
    """Post a request (`content`, `files`, `headers`, `params` as httpx takes them), and return the answer's body.

    Raises ServiceFailed unless it came within `time_limit_s` in all, with status 200 and at most `bytes_max` bytes.
    """
    # httpx limits each wait on the socket, and a server that sends a byte now and then passes that for ever. So the
    # call has a thread of its own, which is left behind when the time is over; closing its client ends it.
    answers: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()
    headers = {"Accept-Encoding": "identity"}  # a small answer that unpacks to a large one is none
    with httpx.Client(timeout=time_limit_s, follow_redirects=False, headers=headers) as client:
        call = threading.Thread(
            target=_call, args=(client, url, time_limit_s, bytes_max, request, answers), name=f"post {url}", daemon=True
        )
        call.start()
        try:
            answer = answers.get(timeout=time_limit_s)
        except queue.Empty:
            raise ServiceFailed(f"no answer within {time_limit_s:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _call(
    client: httpx.Client,
    url: str,
    time_limit_s: float,
    bytes_max: int,
    request: Mapping[str, Any],
    answers: queue.SimpleQueue[bytes | Exception],
) -> None:
    started_s = time.monotonic()
    try:
        with client.stream("POST", url, **request) as response:
            body = b""
            for piece in response.iter_raw():
                body += piece
                if len(body) > bytes_max:
                    raise ServiceFailed(f"the answer is longer than {bytes_max} bytes")
                if time.monotonic() - started_s > time_limit_s:
                    raise ServiceFailed(f"no answer within {time_limit_s:g} s")
            if response.status_code != 200:
                raise ServiceFailed(f"HTTP status {response.status_code}", response.status_code, body)
            answers.put(body)
    except ServiceFailed as failed:
        answers.put(failed)
    except httpx.TimeoutException:
        answers.put(ServiceFailed(f"no answer within {time_limit_s:g} s"))
    except Exception as error:  # whatever a client can raise in a thread nobody waits for is an answer too
        answers.put(ServiceFailed(_ERRNO.sub("", str(error)) or type(error).__name__))
