"""When an authority fails, in whatever way, the next is asked, and what was wrong with it is said."""

from __future__ import annotations

import time

import pytest
from receipt_parts import NOW_S, TREATY, http_server, reply

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.receipts import authority
from aurora_sim.treaty.receipts.http_call import ServiceFailed, post
from aurora_sim.treaty.receipts.query import write_query
from aurora_sim.treaty.receipts.receipt import JobFolder, make_receipts
from aurora_sim.treaty.receipts.sources import HttpAuthority, NoStamp, Stamper

DIGEST = bytes(range(32))
LIMIT_S = 0.3


def hang(handler, body: bytes) -> None:
    time.sleep(2.0)


def drip(handler, body: bytes) -> None:
    """A byte now and then: each wait on the socket is short, and there is no end."""
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
    for _ in range(40):
        time.sleep(0.05)
        handler.wfile.write(b"X-A: b\r\n")


def drip_body(handler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "60000")
    handler.end_headers()
    for _ in range(40):
        time.sleep(0.05)
        handler.wfile.write(b"x")


def say(body: bytes, status: int = 200):
    return lambda handler, _: reply(handler, body, status)


def stamped_by(tsa, *, query=None, off_s: float = 0.0):
    return lambda handler, body: reply(handler, tsa.stamp(query or body, NOW_S + off_s))


FAILURES = {
    "hang": (hang, "no answer within 0.3 s"),
    "drip": (drip, "no answer within 0.3 s"),
    "drip-body": (drip_body, "no answer within 0.3 s"),
    "error": (say(b"oops", 503), "HTTP status 503"),
    "redirect": (say(b"", 302), "HTTP status 302"),
    "empty": (say(b""), "this is no time stamp"),
    "text": (say(b"<html>hello</html>"), "this is no time stamp"),
    "too-long": (say(b"x" * 70_000), "longer than 65536 bytes"),
    "not-http": (lambda handler, _: handler.wfile.write(b"hello\r\n\r\n"), ""),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_backup_stands_in_for_a_broken_authority(ours, name) -> None:
    answer, reason = FAILURES[name]
    with http_server(answer) as broken, http_server(stamped_by(ours.tsa)) as good:
        limit_s = LIMIT_S if "no answer" in reason else 60.0
        stamper = Stamper([HttpAuthority(broken, limit_s), HttpAuthority(f"{good}/tsr", 60.0)], ours.trusted)
        stamped = stamper.stamp(DIGEST, NOW_S)
    assert stamped.source == f"{good}/tsr"
    assert stamped.time_s == int(NOW_S)
    (failure,) = stamper.failures
    assert failure.startswith(broken)
    assert reason in failure


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda tsa: stamped_by(tsa, query=write_query(DIGEST, 7)), "another query"),
        (lambda tsa: stamped_by(tsa, query=write_query(bytes(32), 7)), "something else"),
        (lambda tsa: stamped_by(tsa, query=b"\x30\x00"), "refuses: the query cannot be read"),
        (lambda tsa: stamped_by(tsa, off_s=400.0), "clock is +400 s off"),
        (lambda tsa: stamped_by(tsa, off_s=-400.0), "clock is -400 s off"),
        (lambda tsa: stamped_by(authority.in_memory(b"stranger", NOW_S)), "no trusted authority"),
    ],
    ids=["old-answer", "other-digest", "refusal", "fast-clock", "slow-clock", "stranger"],
)
def test_a_stamp_that_nobody_would_believe_counts_as_none(ours, answer, reason) -> None:
    with http_server(answer(ours.tsa)) as wrong:
        stamper = Stamper([HttpAuthority(wrong), ours.tsa], ours.trusted)
        assert stamper.stamp(DIGEST, NOW_S).source == "embedded"
    (failure,) = stamper.failures
    assert reason in failure


def test_the_first_that_works_is_taken_and_no_other_asked(ours) -> None:
    asked = []

    def second(handler, body: bytes) -> None:
        asked.append(body)

    with http_server(second) as url:
        stamper = Stamper([ours.tsa, HttpAuthority(url)], ours.trusted)
        assert stamper.stamp(DIGEST, NOW_S).source == "embedded"
    assert asked == []
    assert stamper.failures == []


def test_when_all_fail_each_is_named_and_nothing_is_made(ours, job) -> None:
    with http_server(say(b"", 500)) as first, http_server(say(b"", 404)) as second:
        stamper = Stamper([HttpAuthority(first), HttpAuthority(second)], ours.trusted)
        with pytest.raises(NoStamp) as raised:
            make_receipts(
                [JobFolder(job, "o-1", "akash")], treaty_id=TREATY, stamper=stamper, signer=ours.signer, now_s=NOW_S
            )
    assert raised.value.reasons == (f"{first}: HTTP status 500", f"{second}: HTTP status 404")


def test_a_stopped_authority_is_said_to_refuse(ours) -> None:
    with http_server(hang) as url:
        pass
    with pytest.raises(NoStamp, match="Connection refused"):
        Stamper([HttpAuthority(url)], ours.trusted).stamp(DIGEST, NOW_S)


def test_the_query_goes_out_as_the_rfc_has_it(ours) -> None:
    seen = []

    def answer(handler, body: bytes) -> None:
        seen.append((handler.headers["Content-Type"], handler.headers["Accept-Encoding"], body))
        stamped_by(ours.tsa)(handler, body)

    with http_server(answer) as url:
        Stamper([HttpAuthority(url)], ours.trusted).stamp(DIGEST, NOW_S)
    ((kind, encoding, body),) = seen
    assert (kind, encoding) == ("application/timestamp-query", "identity")
    assert DIGEST in body


def test_no_authority_at_all_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Stamper([], [])


@pytest.mark.parametrize("url", ["freetsa.org/tsr", "ftp://example.org/tsr", "http://", "http://[::1", ""])
def test_what_is_no_url_is_said_so(url: str) -> None:
    with pytest.raises(InputError, match="--tsa"):
        HttpAuthority(url)


def test_passwords_in_urls_are_not_shown() -> None:
    source = HttpAuthority("https://user:secret@tsa.example.org/tsr")
    assert source.name == "https://tsa.example.org/tsr"


def test_an_answer_that_would_unpack_to_more_is_taken_as_it_is() -> None:
    def answer(handler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        handler.wfile.write(b"packed")

    with http_server(answer) as url:
        assert post(url, time_limit_s=5.0, bytes_max=100) == b"packed"
        with pytest.raises(ServiceFailed, match="longer than 3 bytes"):
            post(url, time_limit_s=5.0, bytes_max=3)


def test_the_failures_are_those_of_the_last_stamp(ours) -> None:
    with http_server(say(b"", 500)) as url:
        stamper = Stamper([HttpAuthority(url), ours.tsa], ours.trusted)
        for _ in range(2):
            stamper.stamp(DIGEST, NOW_S)
            assert stamper.failures == [f"{url}: HTTP status 500"]
