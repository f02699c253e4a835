"""An IPFS daemon's HTTP API, as far as pinning goes: what it is sent it keeps in memory, under the CIDs that IPFS gives."""

from __future__ import annotations

import contextlib
import email.parser
import email.policy
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from receipt_parts import http_server, reply

from aurora_sim.treaty.receipts.cid import cid_v1_raw

BLOCK = 1 << 20


class FakeIpfs:
    """`pinned` has the content by CID, `calls` the methods in order; `fail` is a method that answers with an error."""

    def __init__(self) -> None:
        self.pinned: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.fail = ""
        self.lie = False
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        parts = urlsplit(handler.path)
        method = parts.path.removeprefix("/api/v0/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.calls.append(method)
        if method == self.fail:
            return self._error(handler, "no space left on device")
        if method == "pin/ls":
            cid = query["arg"]
            if cid not in self.pinned:
                return self._error(handler, f"path '{cid}' is not pinned")
            return self._say(handler, {"Keys": {cid: {"Type": "recursive"}}})
        assert method == "add", method
        assert (query["cid-version"], query["raw-leaves"], query["pin"]) == ("1", "true", "true")
        content = _uploaded(handler.headers["Content-Type"], body)
        cid = cid_v1_raw(content)
        if len(content) > BLOCK:
            cid = "bafybei" + cid[7:]  # some CID of a tree of blocks
        if self.lie:
            cid = cid_v1_raw(content + b"!")
        self.pinned[cid] = content
        return self._say(handler, {"Name": "file", "Hash": cid, "Size": str(len(content))})

    @staticmethod
    def _say(handler: BaseHTTPRequestHandler, value: object) -> None:
        reply(handler, json.dumps(value).encode() + b"\n")

    @staticmethod
    def _error(handler: BaseHTTPRequestHandler, message: str) -> None:
        reply(handler, json.dumps({"Message": message, "Code": 0, "Type": "error"}).encode(), 500)


@contextlib.contextmanager
def fake_ipfs() -> Iterator[FakeIpfs]:
    daemon = FakeIpfs()
    with http_server(daemon.answer) as url:
        daemon.url = url
        yield daemon


def _uploaded(content_type: str, body: bytes) -> bytes:
    """The one file in a multipart body."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    (part,) = message.iter_parts()
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content
