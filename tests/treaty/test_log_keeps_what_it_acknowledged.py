"""Once `append` has given its head, the entries are there for good, whoever is killed and whoever else appends."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from chain_lines import NOW_S, a_log, an_entry, lines_of
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_sim.treaty.canonical import canonical
from aurora_sim.treaty.chain import NO_HASH, Chain, ChainBroken, verify_chain
from aurora_sim.treaty.chain_line import LINE_BYTES_MAX

BIG = {"text": "x" * 100_000}


def test_an_empty_log_has_the_first_head(tmp_path):
    chain = Chain(tmp_path / "log")
    assert chain.head() == (0, NO_HASH)
    assert list(chain.entries()) == []
    assert not (tmp_path / "log").exists(), "who only looks makes no file"
    assert chain.append([]) == (0, NO_HASH)


def test_entries_come_back_in_order(tmp_path):
    path = tmp_path / "log"
    head = a_log(path, 20)
    entries = list(Chain(path).entries())
    assert [(entry.at_s, entry.kind, entry.body) for entry in entries] == [an_entry(n) for n in range(1, 21)]
    assert [entry.seq for entry in entries] == list(range(1, 21))
    assert (entries[-1].seq, entries[-1].hash) == head == Chain(path).head()
    assert path.stat().st_mode & 0o137 == 0, "orders are nobody else's business"


@given(st.lists(st.integers(0, 150_000), min_size=1, max_size=12), st.integers(0, 13))
@settings(max_examples=30)
def test_any_entry_is_found_whatever_the_lengths(tmp_path_factory, lengths, after):
    chain = Chain(tmp_path_factory.mktemp("chain") / "log")
    for length in lengths:
        chain.append([(NOW_S, "note", {"text": "x" * length})])
    expected = list(range(after + 1, len(lengths) + 1))
    assert [entry.seq for entry in chain.entries(after)] == expected
    assert (chain.entry(after + 1) is not None) == bool(expected)
    assert chain.entry(0) is None
    chain.close()


def test_the_last_entries_of_a_long_log_are_found_without_reading_all(tmp_path):
    path = tmp_path / "log"
    chain = Chain(path)
    for _ in range(10):
        chain.append([an_entry(number) for number in range(2_000)])
    content = bytearray(path.read_bytes())
    content[1_000] ^= 1
    path.write_bytes(content)
    assert [entry.seq for entry in Chain(path).entries(19_990)] == list(range(19_991, 20_001))
    assert Chain(path).entry(12_345).seq == 12_345


@pytest.mark.parametrize("torn", [b"{", b'{"at_s":1767622800.25,"body":' + b"x" * 200_000, b"\0" * 4096])
def test_the_rest_of_an_interrupted_write_is_taken_away(tmp_path, torn):
    path = tmp_path / "log"
    head = a_log(path, 4)
    with path.open("ab") as file:
        file.write(torn)
    chain = Chain(path)
    assert chain.head() == head
    assert [entry.seq for entry in chain.entries()] == [1, 2, 3, 4]
    assert chain.append([an_entry(5)])[0] == 5
    assert verify_chain(path) == []
    assert b"\0" not in path.read_bytes()


def test_a_log_of_nothing_but_a_torn_line_begins_anew(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b'{"at_s":17')
    chain = Chain(path)
    assert chain.head() == (0, NO_HASH)
    chain.append([an_entry(1)])
    assert verify_chain(path) == []


def test_a_batch_is_one_write_and_one_flush(tmp_path, monkeypatch):
    calls = []
    write, flush = os.write, os.fsync
    monkeypatch.setattr(os, "write", lambda *arguments: calls.append("write") or write(*arguments))
    monkeypatch.setattr(os, "fsync", lambda *arguments: calls.append("flush") or flush(*arguments))
    chain = Chain(tmp_path / "log")
    chain.append([an_entry(0)])
    calls.clear()
    chain.append([an_entry(number) for number in range(64)])
    assert calls == ["write", "flush"]


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_disk_that_fails_leaves_nothing_of_the_batch(tmp_path, monkeypatch, failing):
    path = tmp_path / "log"
    a_log(path, 4)
    chain = Chain(path)
    before = path.read_bytes()
    real = os.write

    def part_of_it(descriptor: int, content: bytes) -> int:
        if len(content) < 700:  # the second attempt
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, content[:-600])

    def no_flush(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, failing, part_of_it if failing == "write" else no_flush)
    with pytest.raises(OSError, match=r"space|Input"):
        chain.append([an_entry(number) for number in range(5, 9)])
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert chain.append([an_entry(5)])[0] == 5
    assert verify_chain(path) == []


@pytest.mark.parametrize(
    "entry",
    [
        (NOW_S, "order", {"a": float("nan")}),
        (NOW_S, "order", {"a": "\ud800"}),
        (float("inf"), "order", {}),
        (NOW_S, "Order", {}),
        (NOW_S, 'a","b":"', {}),
        (NOW_S, "", {}),
        (NOW_S, "order", {"a": "x" * LINE_BYTES_MAX}),
    ],
    ids=range(7),
)
def test_one_bad_entry_keeps_the_batch_out(tmp_path, entry):
    path = tmp_path / "log"
    head = a_log(path, 2)
    chain = Chain(path)
    with pytest.raises(ValueError):
        chain.append([an_entry(3), entry])
    assert chain.head() == head
    assert len(lines_of(path)) == 2


def test_two_who_append_in_turn_see_each_other(tmp_path):
    path = tmp_path / "log"
    one, other = Chain(path), Chain(path)
    for number in range(1, 21):
        turn = one if number % 3 else other
        head = turn.append([an_entry(number)])
        assert head[0] == number
        assert one.head() == other.head() == head
    assert [entry.seq for entry in one.entries()] == list(range(1, 21))
    assert verify_chain(path, one.head()) == []


def test_a_log_that_was_put_in_its_place_is_read_anew(tmp_path):
    path = tmp_path / "log"
    a_log(path, 5)
    chain = Chain(path)
    chain.head()
    a_log(tmp_path / "restored", 3)
    (tmp_path / "restored").replace(path)
    assert chain.head()[0] == 3
    assert chain.append([an_entry(4)])[0] == 4
    assert verify_chain(path) == []


def test_files_are_given_back(tmp_path):
    path = tmp_path / "log"
    chain = Chain(path)
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(1, 6):
        a_log(tmp_path / "restored", number)
        (tmp_path / "restored").replace(path)
        assert chain.head()[0] == number
        assert len(list(chain.entries())) == number
    chain.append([an_entry(6)])
    chain.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


def test_a_log_that_was_cut_or_taken_away_under_its_user_is_broken(tmp_path):
    path = tmp_path / "log"
    a_log(path, 5)
    chain = Chain(path)
    chain.head()
    with path.open("rb+") as file:
        file.truncate(path.stat().st_size - 10)
    with pytest.raises(ChainBroken, match="was cut"):
        chain.append([an_entry(6)])
    chain = Chain(path)
    assert chain.head()[0] == 4
    path.unlink()
    with pytest.raises(ChainBroken, match="is gone"):
        chain.append([an_entry(5)])


def test_who_may_only_read_can_read(tmp_path, monkeypatch):
    path = tmp_path / "log"
    head = a_log(path, 3)
    opened = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda name, flags, *rest: opened.append(flags) or real(name, flags, *rest))
    assert Chain(path).head() == head
    assert [flags & os.O_ACCMODE for flags in opened] == [os.O_RDONLY]


WRITER = textwrap.dedent("""
    import fcntl, sys
    from aurora_sim.treaty.chain import Chain

    path, name, batches = sys.argv[1], sys.argv[2], int(sys.argv[3])
    chain = Chain(__import__("pathlib").Path(path))
    with open(path + ".lock", "a") as lock:
        for batch in range(batches):
            fcntl.flock(lock, fcntl.LOCK_EX)
            body = {"by": name, "batch": batch, "text": "x" * 30_000}
            head = chain.append([(float(batch), "note", {**body, "item": item}) for item in range(4)])
            fcntl.flock(lock, fcntl.LOCK_UN)
            print(*head, flush=True)
""")


def a_writer(path: Path, name: str, batches: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), name, str(batches)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def acknowledged(writer: subprocess.Popen[str]) -> list[tuple[int, str]]:
    assert writer.stdout is not None
    text = writer.stdout.read()
    writer.wait(60)
    heads = (line.split() for line in text.splitlines(keepends=True) if line.endswith("\n"))
    return [(int(seq), own_hash) for seq, own_hash in heads]


def test_two_processes_that_append_in_turn_make_one_chain(tmp_path):
    path = tmp_path / "log"
    writers = [a_writer(path, name, 40) for name in ("one", "other")]
    heads = [head for writer in writers for head in acknowledged(writer)]
    assert len(heads) == 80
    entries = list(Chain(path).entries())
    assert {(entry.seq, entry.hash) for entry in entries} >= set(heads)
    assert len(entries) == 320
    assert [e.body["item"] for e in entries] == [0, 1, 2, 3] * 80, "batches are not mixed"
    assert verify_chain(path, max(heads)) == []


def test_what_a_killed_process_acknowledged_is_there(tmp_path):
    path = tmp_path / "log"
    moments = random.Random(42)
    known: list[tuple[int, str]] = []
    for _ in range(8):
        writers = [a_writer(path, name, 100_000) for name in ("one", "other")]
        assert writers[0].stdout is not None
        first = writers[0].stdout.readline().split()
        known.append((int(first[0]), first[1]))
        time.sleep(moments.uniform(0.0, 0.05))
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            known += acknowledged(writer)
        with Path(f"{path}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            Chain(path).append([an_entry(0)])  # takes away what was torn
    entries = {entry.seq: entry.hash for entry in Chain(path).entries()}
    assert all(entries[seq] == own_hash for seq, own_hash in known)
    assert verify_chain(path, max(known)) == []


def test_a_line_of_the_longest_length_is_read(tmp_path):
    path = tmp_path / "log"
    chain = Chain(path)
    spare = LINE_BYTES_MAX - len(canonical({"a": ""})) - 256
    chain.append([(NOW_S, "order", {"a": "x" * spare})])
    chain.append([(NOW_S, "order", BIG)])
    assert Chain(path).entry(1).body == {"a": "x" * spare}
    assert verify_chain(path) == []
