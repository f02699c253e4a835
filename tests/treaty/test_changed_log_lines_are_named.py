"""Whatever is done to a log line - a bit flipped, the line changed, taken away, moved, doubled, cut - is found and named."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from chain_lines import NOW_S, a_log, an_entry, lines_of
from hypothesis import given
from hypothesis import strategies as st

from aurora_sim.treaty.canonical import canonical
from aurora_sim.treaty.chain import NO_HASH, Chain, ChainBroken, verify_chain
from aurora_sim.treaty.chain_line import LINE_BYTES_MAX, line_of, read_line

ENTRIES = 7


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "vault-law.log"
    return path, a_log(path, ENTRIES), lines_of(path)


def faults_of(path, content, head=None):
    path.with_name("other.log").write_bytes(content)
    return [(fault.line, fault.why) for fault in verify_chain(path.with_name("other.log"), head)]


def test_a_line_is_what_the_design_says(log):
    before = NO_HASH
    for number, line in enumerate(log[2], start=1):
        value = json.loads(line)
        own_hash = value.pop("hash")
        assert own_hash == hashlib.sha256(canonical(value)).hexdigest()
        at_s, kind, body = an_entry(number)
        assert value == {"seq": number, "at_s": at_s, "kind": kind, "body": body, "prev": before}
        assert line == canonical({**value, "hash": own_hash}) + b"\n"
        before = own_hash
    assert log[1] == (ENTRIES, before)


def test_a_whole_log_has_no_faults(log):
    path, head, lines = log
    assert verify_chain(path) == verify_chain(path, head) == []
    assert verify_chain(path, (3, json.loads(lines[2])["hash"])) == [], "what came after the head is in order"
    assert faults_of(path, b"") == []


@given(data=st.data())
def test_a_flipped_bit_is_found_and_its_line_named(log, data):
    path, head, lines = log
    content = bytearray(b"".join(lines))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    line = bytes(b"".join(lines)[:position]).count(b"\n") + 1
    for expected in (None, head):
        faults = faults_of(path, content, expected)
        named = {number for number, _ in faults}
        assert named, "not found"
        # An end of line that became something else, or something else that became one, shifts the numbers by one; and
        # a flipped number or hash may be told of the next line.
        assert min(named) in (line, line + 1)
        assert len(faults) <= 3


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (lambda x: [*x[:2], x[2].replace(b'"number":3', b'"number":4'), *x[3:]], [(3, "its hash is not that")]),
        (lambda x: [*x[:6], x[6].replace(b'"number":7', b'"number":4')], [(7, "its hash is not that")]),
        (lambda x: [x[0].replace(b'"prev":"0', b'"prev":"1'), *x[1:]], [(1, "its hash is not that")]),
        (lambda x: [x[0].replace(b'"hash":"', b'"hash":"0', 1), *x[1:]], [(1, "its hash is not that")]),
        (lambda x: [*x[:2], b"\n", *x[3:]], [(3, "does not end as an entry")]),
        (lambda x: [*x[:2], x[2][:100] + b"\n", *x[3:]], [(3, "does not end as an entry")]),
        (lambda x: [*x[:3], *x[4:]], [(4, "entry 4 is missing before entry 5")]),
        (lambda x: [*x[:2], *x[5:]], [(3, "entries 3 to 5 are missing before entry 6")]),
        (lambda x: x[2:], [(1, "entries 1 to 2 are missing before entry 3")]),
        (lambda x: [*x[:3], x[2], *x[3:]], [(4, "entry 3 stands here a second time")]),
        (
            lambda x: [*x[:2], x[3], x[2], *x[4:]],
            [(3, "entry 3 is missing before entry 4"), (4, "entry 3 stands after entry 4"), (5, "entry 4 is missing")],
        ),
        (lambda x: [x[0] + x[1][:50] + b"\n" + x[1][50:], *x[2:]], [(2, "does not end"), (3, "its hash is not")]),
        (lambda x: [x[0][:-1] + b" \n", *x[1:]], [(1, "does not end as an entry")]),
        (lambda x: [*x, b"garbage\n"], [(8, "does not end as an entry")]),
        (lambda x: [*x, b"a" * (2 * LINE_BYTES_MAX) + b"\n"], [(8, "longer than 1048576 bytes")]),
        (lambda x: [*x[:-1], x[-1][:-1]], [(7, "no end")]),
        (lambda x: [*x, b'{"at_s":17'], [(8, "no end")]),
    ],
)
def test_what_was_done_is_named(log, change, faults):
    path, _, lines = log
    found = faults_of(path, b"".join(change(lines)))
    assert [line for line, _ in found] == [line for line, _ in faults]
    for (_, why), (_, message) in zip(found, faults, strict=True):
        assert message in why


def test_a_line_that_was_written_anew_does_not_fit_the_next(log):
    path, head, lines = log
    forged, own_hash = line_of(3, NOW_S, "order", {"forged": True}, json.loads(lines[1])["hash"])
    assert faults_of(path, b"".join([*lines[:2], forged, *lines[3:]])) == [
        (4, "entry 4 does not follow entry 3: one of the two was changed")
    ]
    # With all that follows written anew too, only who knows the head can tell.
    anew, before = [*lines[:2], forged], own_hash
    for number in range(4, ENTRIES + 1):
        line, before = line_of(number, *an_entry(number), before)
        anew.append(line)
    assert faults_of(path, b"".join(anew)) == []
    [(line, why)] = faults_of(path, b"".join(anew), head)
    assert (line, why) == (ENTRIES, f"entry {ENTRIES} is not the one that was written: its hash was {head[1]}")


def test_a_changed_hash_is_blamed_on_its_own_line_alone(log):
    path, head, lines = log
    own_hash = json.loads(lines[2])["hash"].encode()
    changed = lines[2].replace(own_hash, own_hash.translate(bytes.maketrans(b"0123", b"1230")))
    found = faults_of(path, b"".join([*lines[:2], changed, *lines[3:]]), head)
    assert found == [(3, "its hash is not that of its content, so it was changed")]


def test_lines_that_were_cut_off_show_by_the_head(log):
    path, head, lines = log
    assert faults_of(path, b"".join(lines[:5])) == []
    assert faults_of(path, b"".join(lines[:5]), head) == [(5, "entries 6 to 7 are missing at the end")]
    assert faults_of(path, b"".join(lines[:6]) + lines[6][:-1], head) == [(7, "entry 7 is missing at the end")]
    assert faults_of(path, b"", head) == [(1, "entries 1 to 7 are missing at the end")]


def test_the_rest_of_an_interrupted_write_is_no_fault_to_who_knows_the_head(log):
    path, head, lines = log
    assert faults_of(path, b"".join(lines) + b'{"at_s":17', head) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"at_s":17676', b'"at_s": 17676'),
        (b'{"at_s"', b'{"a":1,"at_s"'),
        (b'"number":1', b'"number":1.0'),
        (b'"number":1', b'"number":1,"number":2'),
        (b'"at_s":1767622801.25', b'"at_s":"now"'),
    ],
)
def test_a_line_with_the_right_hash_must_still_be_an_entry(log, old, new):
    line = log[2][0][:-1]
    assert old in line
    changed = line.replace(old, new)
    content = re.sub(rb',"hash":"[0-9a-f]{64}"(?=,"kind")', b"", changed)
    own_hash = hashlib.sha256(content).hexdigest().encode()
    changed = re.sub(rb',"hash":"[0-9a-f]{64}"(?=,"kind")', b',"hash":"' + own_hash + b'"', changed)
    with pytest.raises(ValueError, match=r"canonical|stands twice|its time"):
        read_line(changed)


def test_who_reads_or_appends_stops_at_a_damaged_line(log, tmp_path):
    path = tmp_path / "damaged.log"
    lines = log[2]
    path.write_bytes(b"".join([*lines[:2], lines[2].replace(b'"number":3', b'"number":4'), *lines[3:]]))
    read = Chain(path).entries()
    assert [next(read).seq, next(read).seq] == [1, 2]
    with pytest.raises(ChainBroken, match=re.escape(f"{path}:3: its hash is not that of its content")):
        next(read)
    path.write_bytes(b"".join([*lines[:6], lines[6].replace(b'"number":7', b'"number":4')]))
    before = path.read_bytes()
    with pytest.raises(ChainBroken, match=":7: "):
        Chain(path).append([an_entry(8)])
    with pytest.raises(ChainBroken, match=":7: "):
        Chain(path).head()
    assert path.read_bytes() == before
    forged, _ = line_of(3, NOW_S, "order", {"forged": True}, json.loads(lines[1])["hash"])
    path.write_bytes(b"".join([*lines[:2], forged, *lines[3:]]))
    with pytest.raises(ChainBroken, match=":4: entry 4 does not follow entry 3"):
        list(Chain(path).entries())
    path.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    with pytest.raises(ChainBroken, match=":4: entry 5 does not follow entry 3"):
        list(Chain(path).entries())
