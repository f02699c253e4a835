"""The tenant's client waits as it is told, tries the very same order again, and takes no lost answer for a refusal."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest
from memory_desk import MemoryDesk, an_order, serving

from aurora_sim.treaty.serve import client
from aurora_sim.treaty.serve.app import Limits
from aurora_sim.treaty.signed_order import OrderRequest, order_id, read_order
from aurora_sim.treaty.store.answers import Answer

SLOW_DOWN = Answer(429, {"error": "rate_limited", "message": "Slow down"}, 2.0)
HALTED = Answer(503, {"error": "treaty_halted", "message": "Halted"}, 600.0)
NO_ROUTE = Answer(503, {"error": "no_route:price", "message": "None"}, None)


def order() -> OrderRequest:
    return read_order(an_order("client"))


def test_it_waits_as_long_as_it_is_told_and_no_longer_than_a_minute() -> None:
    waits: list[float] = []
    with serving(MemoryDesk(script=[SLOW_DOWN, HALTED])) as served:
        reply = client.submit(f"http://127.0.0.1:{served.port}", order(), retries=2, sleep=waits.append)
    assert (reply.status, waits) == (202, [2.0, 60.0])


@pytest.mark.parametrize(("retries", "tries"), [(0, 1), (1, 2)])
def test_it_stops_when_its_tries_are_used_up(retries: int, tries: int) -> None:
    with serving(MemoryDesk(script=[SLOW_DOWN] * 5)) as served:
        reply = client.submit(f"http://127.0.0.1:{served.port}", order(), retries=retries, sleep=lambda wait_s: None)
        assert (reply.status, served.desk.batches) == (429, [1] * tries)


def test_what_would_not_help_is_not_tried_again() -> None:
    with serving(MemoryDesk(script=[NO_ROUTE])) as served:
        assert client.submit(f"http://127.0.0.1:{served.port}", order(), retries=5).status == 503
        assert served.desk.batches == [1]


def test_an_acceptance_whose_answer_was_lost_is_asked_for() -> None:
    desk = MemoryDesk()
    desk.open.clear()
    with serving(desk, limits=Limits(answer_time_max_s=0.2)) as served:

        def sleep(wait_s: float) -> None:
            desk.open.set()

        reply = client.submit(f"http://127.0.0.1:{served.port}", order(), retries=3, sleep=sleep)
        assert (reply.status, reply.body["order_id"]) == (202, order_id(order()))
        assert desk.batches == [1, 1]  # the second was the replay


def test_a_replay_of_another_order_stays_a_refusal() -> None:
    with serving() as served:
        served.post(an_order("client", gpu_hours=0.25))
        refused = client.submit(f"http://127.0.0.1:{served.port}", order(), retries=3)
        assert (refused.status, refused.body["error"]) == (409, "replayed_nonce")
        again = client.submit(f"http://127.0.0.1:{served.port}", read_order(an_order("client", gpu_hours=0.25)))
        assert again.status == 409  # the first try of a client: it sent nothing before that could have been accepted


def test_nobody_there_and_nonsense_are_no_answer() -> None:
    with pytest.raises(client.NoAnswer):
        client.submit("http://127.0.0.1:1", order(), retries=1, sleep=lambda wait_s: None)
    for nonsense in (b"SSH-2.0\r\n", b"HTTP/1.1 202 Accepted\r\n\r\n<html>", b"HTTP/1.1 202 Accepted\r\n\r\n[]", b""):
        with (
            answering(lambda connection, text=nonsense: connection.sendall(text)) as url,
            pytest.raises(client.NoAnswer),
        ):
            client.request("GET", url, time_limit_s=5.0)


def test_an_answer_that_drips_or_never_ends_is_given_up() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 202 Accepted\r\n")
        for _ in range(200):
            connection.sendall(b"X-Drop: 1\r\n")
            threading.Event().wait(0.05)

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 202 Accepted\r\n\r\n")
        for _ in range(100):
            connection.sendall(b" " * 65_536)

    for answer, why in ((drip, "no answer within"), (flood, "bytes")):
        with answering(answer) as url, pytest.raises(client.NoAnswer, match=why):
            client.request("GET", url, time_limit_s=1.0)


class answering:  # noqa: N801  (it reads as a verb where it is used)
    """A server of one connection that answers by hand; the block gets its URL."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answer = answer
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(10)
                connection.recv(65_536)
                self._answer(connection)
        except OSError:
            return

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *error: object) -> None:
        self._listener.close()
        self._thread.join(15)
