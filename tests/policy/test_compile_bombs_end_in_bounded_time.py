"""A small module that costs the compiler seconds and gigabytes is refused within the child's limits."""

from __future__ import annotations

import time

import pytest
from policy_modules import COMMITTED_MODULE, TERMS

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.policy import PolicyHost, load


def number(value: int) -> bytes:
    """LEB128."""
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])


def section(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + number(len(content)) + content


def module_of(bodies: list[bytes]) -> bytes:
    """A module of functions () -> () with these bodies."""
    code = number(len(bodies)) + b"".join(number(len(body)) + body for body in bodies)
    types = section(1, b"\x01\x60\0\0")
    return b"\0asm\x01\0\0\0" + types + section(3, number(len(bodies)) + bytes(len(bodies))) + section(10, code)


END = b"\x0b"
FLOAT_LOCALS = b"\x01" + number(50_000) + b"\x7c"
BOMBS = {
    "50,000 locals in each of 1,500 functions": module_of([FLOAT_LOCALS + END] * 1_500),
    "the same, used across a loop": module_of([FLOAT_LOCALS + b"\x03\x40\x20\0\x21\x01\x0c\0\x0b" + END] * 950),
}


@pytest.mark.parametrize("wasm", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused(write_module, wasm):
    assert len(wasm) <= load.MAX_MODULE_BYTES
    started = time.monotonic()
    # On a fast processor it may be compiled within the limit: then it is refused for what it does not export.
    with pytest.raises(InputError, match=r"compiling it exceeds 2 s of processor time or 1024 MiB|abi_version"):
        PolicyHost.load(write_module(wasm), TERMS)
    assert time.monotonic() - started < load.COMPILE_TIMEOUT_SECONDS


def test_a_child_that_gets_no_processor_is_given_up(write_module, monkeypatch):
    monkeypatch.setattr(load, "COMPILE_TIMEOUT_SECONDS", 0.001)
    with pytest.raises(InputError, match="of wall clock"):
        PolicyHost.load(COMMITTED_MODULE, TERMS)
