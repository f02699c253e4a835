"""No client can hold, fill or crash the server: bytes, times, connections and the line are all bounded, and each limit is told."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from memory_desk import MemoryDesk, Served, an_order, read_all, serving

from aurora_sim.treaty.serve.app import Limits
from aurora_sim.treaty.serve.connection import Connection
from aurora_sim.treaty.serve.server import listen

SHORT = Limits(body_time_max_s=0.3, answer_time_max_s=0.5)
HEAD = b"POST /orders HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"


class QuickConnection(Connection):
    """Limits that a test can wait for."""

    head_time_max_s = 0.3
    connections_max = 4


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(limits=SHORT, connection=QuickConnection) as running:
        yield running


def status_of(raw: bytes) -> int:
    assert raw.startswith(b"HTTP/1.1 "), raw[:80]
    return int(raw.split(b" ", 2)[1])


def error_of(raw: bytes) -> str:
    return str(json.loads(raw.partition(b"\r\n\r\n")[2])["error"])


def test_an_order_of_64_kib_is_read_and_one_byte_more_is_not(served: Served) -> None:
    order = an_order()
    assert served.post(order + b" " * (65_536 - len(order))).status == 202
    too_large = served.post(order + b" " * (65_537 - len(order)))
    assert (too_large.status, too_large.json["error"]) == (413, "order_too_large")


def test_too_large_is_told_though_the_client_is_still_sending(served: Served) -> None:
    assert served.post(b" " * 900_000).status == 413
    chunked = b"".join(b"8000\r\n" + b" " * 0x8000 + b"\r\n" for _ in range(20)) + b"0\r\n\r\n"
    raw = served.raw(HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunked)
    assert (status_of(raw), error_of(raw)) == (413, "order_too_large")


def test_a_body_without_end_is_cut_off(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(HEAD + b"Content-Length: 99999999999\r\n\r\n")
        with pytest.raises(OSError):
            send_without_end(connection)
    assert served.post(an_order()).status == 202


@pytest.mark.parametrize("rest", [b"Content-Length: 500\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"])
def test_a_body_that_does_not_come_is_not_waited_for(served: Served, rest: bytes) -> None:
    raw = served.raw(HEAD + rest)
    assert (status_of(raw), error_of(raw)) == (408, "request_timeout")
    assert served.desk.batches == []


def test_a_head_that_does_not_come_is_not_waited_for(served: Served) -> None:
    raw = served.raw(b"POST /orders HTTP/1.1\r\nHost:")
    assert (status_of(raw), error_of(raw)) == (408, "request_timeout")
    assert served.raw(b"") == b""  # whoever says nothing is told nothing


def test_the_second_head_of_a_connection_is_timed_too(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(b"GET /schema HTTP/1.1\r\nHost: here\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
        connection.sendall(b"GET /sch")
        assert b"HTTP/1.1 408" in read_all(connection)


def test_a_head_that_drips_is_not_prolonged_by_its_drops(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        closed = time.monotonic() + 8
        with contextlib.suppress(OSError):
            while time.monotonic() < closed:
                connection.sendall(b"X")
                time.sleep(0.05)
        assert time.monotonic() < closed


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 20_000,
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"GET \xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=lambda sent: repr(sent[:24]),
)
def test_what_is_no_http_gets_400_in_json(served: Served, sent: bytes) -> None:
    raw = served.raw(sent)
    assert (status_of(raw), error_of(raw)) == (400, "bad_request")


def test_pipelined_requests_are_answered_one_by_one(served: Served) -> None:
    order = an_order("pipelined")
    length = f"Content-Length: {len(order)}\r\n".encode()
    raw = served.raw((HEAD + length + b"\r\n" + order) * 2 + HEAD + length + b"Connection: close\r\n\r\n" + order)
    assert [status_of(b"HTTP/1.1 " + part) for part in raw.split(b"HTTP/1.1 ")[1:4]] == [202, 409, 409]


def test_connections_beyond_the_limit_are_told_so(served: Served) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(QuickConnection.connections_max):
            held = socket.create_connection(("127.0.0.1", served.port), timeout=10)
            stack.callback(held.close)
        time.sleep(0.1)
        refused = served.raw(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
        assert (status_of(refused), error_of(refused)) == (503, "too_many_connections")
        assert b"retry-after: 1" in refused
    assert eventually(lambda: served.ask("GET", "/healthz").status == 200)


def test_when_as_many_wait_as_may_the_next_is_told_to_come_again() -> None:
    desk = MemoryDesk()
    desk.open.clear()
    with serving(desk, waiting_max=3) as served, ThreadPoolExecutor(8) as clients:
        first = clients.submit(served.post, an_order("first"))
        assert eventually(lambda: served.desk.entered == 1)
        waiting = [clients.submit(served.post, an_order(f"waits-{number}")) for number in range(3)]
        assert eventually(lambda: served.ask("GET", "/healthz").json["waiting"] == 3)
        refused = served.post(an_order("one-too-many"))
        assert (refused.status, refused.json["error"], refused.headers["retry-after"]) == (503, "busy", "1")
        desk.open.set()
        assert [reply.result().status for reply in (first, *waiting)] == [202] * 4
        assert desk.batches == [1, 3]  # who waited was answered together
        assert served.post(an_order("one-too-many")).status == 202


def test_a_desk_that_hangs_holds_no_client(served: Served) -> None:
    served.desk.open.clear()
    with ThreadPoolExecutor(2) as clients:
        at_desk = clients.submit(served.post, an_order("at-desk"))
        assert eventually(lambda: served.desk.entered == 1)
        in_line = clients.submit(served.post, an_order("in-line"))
        # Of the one at the desk nobody knows; the one in the line was never looked at.
        assert (at_desk.result().status, at_desk.result().json["error"]) == (503, "desk_failed")
        assert (in_line.result().status, in_line.result().json["error"]) == (503, "busy")
    served.desk.open.set()
    assert eventually(lambda: served.post(an_order("at-desk")).status == 409)
    assert served.post(an_order("in-line")).status == 202


def test_an_order_at_the_desk_is_decided_though_its_client_has_gone(served: Served) -> None:
    served.desk.open.clear()
    order = an_order("gone")
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(HEAD + f"Content-Length: {len(order)}\r\n\r\n".encode() + order)
        assert eventually(lambda: served.desk.entered == 1)
    served.desk.open.set()
    assert eventually(lambda: served.desk.batches == [1])
    assert served.post(order).status == 409


def test_to_stop_is_to_answer_whoever_waits_and_let_nobody_in() -> None:
    desk = MemoryDesk()
    desk.open.clear()
    with serving(desk) as served, ThreadPoolExecutor(4) as clients:
        replies = [clients.submit(served.post, an_order(f"drained-{number}")) for number in range(4)]
        assert eventually(lambda: served.desk.entered + served.ask("GET", "/healthz").json["waiting"] == 4)
        served.server.stop()
        assert eventually(lambda: refuses_connections(served.port))
        desk.open.set()
        assert [reply.result().status for reply in replies] == [202] * 4


def test_the_guard_is_run_between_batches_and_its_failures_stop_nothing() -> None:
    with serving(tick_every_s=0.05) as served:
        assert eventually(lambda: len(served.desk.ticks) >= 2)
        served.desk.unavailable = True
        seen = len(served.desk.ticks)
        assert eventually(lambda: len(served.desk.ticks) >= seen + 2)
        assert served.post(an_order()).status == 202


def test_answers_are_not_held_back_by_nagle() -> None:
    # asyncio switches it off for sockets that are TCP by name; accepted ones have the name from the listener.
    with contextlib.closing(listen("test", "127.0.0.1", 0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_many_clients_at_once_get_one_answer_each() -> None:
    with serving() as served, ThreadPoolExecutor(16) as clients:
        replies = list(clients.map(lambda number: served.post(an_order(f"n-{number % 50}")), range(200)))
    assert sorted(reply.status for reply in replies) == [202] * 50 + [409] * 150
    assert sum(served.desk.batches) == 200


def send_without_end(connection: socket.socket) -> None:
    for _ in range(10_000):
        connection.sendall(b" " * 65_536)


def refuses_connections(port: int) -> bool:
    try:
        http.client.HTTPConnection("127.0.0.1", port, timeout=5).connect()
    except ConnectionRefusedError:
        return True
    return False


def eventually(holds, within_s: float = 10.0) -> bool:
    """Whether it comes true in time."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if holds():
            return True
        time.sleep(0.01)
    return False
