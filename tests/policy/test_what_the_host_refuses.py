"""A module that breaks the ABI or a limit is refused at load, by a message that names file and fault."""

from __future__ import annotations

import os
import re
import threading

import pytest
from policy_modules import COMMITTED_MODULE, TERMS, policy_text

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.policy import PolicyHost

ONE_PAGE = '(memory (export "memory") 1 1)'
ABI_BREAKS = {
    "another ABI version": (
        {"abi_version": '(func (export "abi_version") (result i32) i32.const 2)'},
        "has ABI version 2",
    ),
    "no ABI version": ({"abi_version": ""}, "does not export abi_version () -> i32"),
    "ABI version traps": (
        {"abi_version": '(func (export "abi_version") (result i32) unreachable)'},
        "abi_version() fails",
    ),
    "no authorize": (
        {"authorize_export": "(func $authorize (param i32) (result i32) i32.const 0)"},
        "does not export authorize (i32) -> i32",
    ),
    "authorize gives i64": (
        {
            "authorize_export": '(func (export "authorize") (param i32) (result i64) i64.const 0)',
            "batch": '(func (export "authorize_batch") (param i32))',
        },
        "exports authorize as (i32) -> i64",
    ),
    "authorize takes two": (
        {
            "authorize_export": '(func (export "authorize") (param i32 i32) (result i32) i32.const 0)',
            "batch": '(func (export "authorize_batch") (param i32))',
        },
        "exports authorize as (i32, i32) -> i32",
    ),
    "authorize gives two": (
        {
            "authorize_export": '(func (export "authorize") (param i32) (result i32 i32) i32.const 0 i32.const 0)',
            "batch": '(func (export "authorize_batch") (param i32))',
        },
        "exports authorize as (i32) -> (i32, i32)",
    ),
    "authorize is a global": (
        {
            "authorize_export": '(global (export "authorize") i32 (i32.const 0))',
            "batch": '(func (export "authorize_batch") (param i32))',
        },
        "exports authorize as global i32",
    ),
    "batch gives a result": (
        {"batch": '(func (export "authorize_batch") (param i32) (result i32) i32.const 0)'},
        "exports authorize_batch as (i32) -> i32",
    ),
    "no memory": ({"memory": "(memory 1 1)"}, "does not export a memory"),
    "memory is a function": ({"memory": '(memory 1 1) (func (export "memory"))'}, "does not export a memory"),
    "memory without a maximum": ({"memory": '(memory (export "memory") 1)'}, "can grow: minimum 1 pages, no maximum"),
    "memory that can grow": ({"memory": '(memory (export "memory") 1 2)'}, "can grow: minimum 1 pages, maximum 2"),
    "too much memory": ({"memory": '(memory (export "memory") 17 17)'}, "has 17 pages"),
    "no pages": ({"memory": '(memory (export "memory") 0 0)'}, "has 0 pages"),
    "64-bit memory": ({"memory": '(memory (export "memory") i64 1 1)'}, "memory64"),
    "shared memory": ({"memory": '(memory (export "memory") 1 1 shared)'}, "threads"),
    "two memories": ({"more": "(memory 1 1)"}, "multi"),
    "imports a function": ({"first": '(import "env" "now" (func (result i64)))'}, "imports env.now"),
    "imports its memory": (
        {"memory": '(import "env" "memory" (memory 1 1)) (export "memory" (memory 0))'},
        "imports env.memory",
    ),
    "treaty outside": ({"treaty_ptr": "i32.const 65480"}, "treaty_ptr() is 65480: the block ends at 65544"),
    "treaty at a negative address": ({"treaty_ptr": "i32.const -64"}, "treaty_ptr() is 4294967232"),
    "treaty misaligned": ({"treaty_ptr": "i32.const 1028"}, "treaty_ptr() is 1028"),
    "orders outside": ({"order_ptr": "i32.const 65536"}, "order_ptr() is 65536"),
    "orders misaligned": ({"order_ptr": "i32.const 2049"}, "order_ptr() is 2049"),
    "last order outside": ({"order_capacity": "i32.const 993"}, "the block ends at 65600"),
    "no orders": ({"order_capacity": "i32.const 0"}, "order_capacity() is 0"),
    "fewer than no orders": ({"order_capacity": "i32.const -1"}, "order_capacity() is 4294967295"),
    "orders over the treaty": ({"treaty_ptr": "i32.const 2240"}, "overlap"),
    "treaty over the orders": ({"treaty_ptr": "i32.const 2000"}, "overlap"),
    "pointer loops": ({"order_ptr": "(loop $l (br $l)) unreachable"}, "order_ptr() fails: wasm trap: all fuel"),
    "pointer recurses": (
        {"order_ptr": "(call $d)", "more": "(func $d (result i32) (i32.add (call $d) (call $d)))"},
        "order_ptr() fails",
    ),
    "start function loops": ({"more": "(func $s (loop $l (br $l))) (start $s)"}, "cannot be instantiated: wasm trap"),
    "start function traps": ({"more": "(func $s unreachable) (start $s)"}, "cannot be instantiated: wasm trap"),
    "data outside": ({"more": '(data (i32.const 65535) "ab")'}, "cannot be instantiated"),
    "huge table": ({"more": "(table 100000 funcref)"}, "cannot be instantiated"),
    "SIMD": ({"more": "(func (result v128) (v128.const i64x2 0 0))"}, "SIMD"),
    "tail calls": ({"more": "(func $t (return_call $t))"}, "tail call"),
    "exceptions": ({"more": "(tag $e) (func (throw $e))"}, "exception"),
    "GC types": ({"more": "(type $s (struct (field i32)))"}, "gc"),
}


@pytest.mark.parametrize(("parts", "what"), ABI_BREAKS.values(), ids=ABI_BREAKS.keys())
def test_a_module_that_breaks_the_abi(write_module, parts, what):
    path = write_module(policy_text(**parts))
    with pytest.raises(InputError) as refused:
        PolicyHost.load(path, TERMS)
    assert refused.value.where == str(path)
    assert what.lower() in refused.value.what.lower()
    assert refused.value.mend


COUNTER = "(global $seen (mut i32) (i32.const 0))"
COUNT = "(global.set $seen (i32.add (global.get $seen) (i32.const 1)))"
STATEFUL = {
    "turns after ten orders": f"{COUNT} (i32.gt_u (global.get $seen) (i32.const 10))",
    "allows every other order": f"{COUNT} (i32.and (global.get $seen) (i32.const 1))",
    "remembers the last order": """(local $r i32) (local.set $r (global.get $seen))
        (global.set $seen (i32.load offset=28 (local.get $a))) (i32.eq (local.get $r) (i32.const 49))""",
    "remembers in memory": """(local $r i32) (local.set $r (i32.load (i32.const 8192)))
        (i32.store (i32.const 8192) (i32.load offset=24 (local.get $a))) (i32.eq (local.get $r) (i32.const 1))""",
    "traps after ten orders": f"""{COUNT}
        (if (i32.gt_u (global.get $seen) (i32.const 10)) (then unreachable)) (i32.const 0)""",
}


@pytest.mark.parametrize("body", STATEFUL.values(), ids=STATEFUL.keys())
def test_a_module_whose_decisions_depend_on_the_calls_before(write_module, body):
    with pytest.raises(InputError, match=r"keeps state between calls: .* for gpu_hours="):
        PolicyHost.load(write_module(policy_text(body, more=COUNTER)), TERMS)


def test_exports_beyond_the_abi_are_tolerated_and_shown(write_module):
    more = '(global (export "__heap_base") i32 (i32.const 9000)) (func (export "help") (result f32) f32.const 0)'
    with PolicyHost.load(write_module(policy_text(more=more)), TERMS) as host:
        assert {"__heap_base": "global i32", "help": "() -> f32", "memory": "memory 1-1 pages"}.items() <= dict(
            host.exports
        ).items()


def test_a_batch_that_decides_otherwise(write_module):
    allow_all = """(func (export "authorize_batch") (param $n i32)
        (memory.fill (i32.const 2048) (i32.const 0) (i32.const 256)))"""
    with pytest.raises(InputError, match="authorize_batch disagrees: treaty_halted, then allow for gpu_hours="):
        PolicyHost.load(write_module(policy_text(batch=allow_all)), TERMS)


GOOD = COMMITTED_MODULE.read_bytes()
NOT_MODULES = {
    "empty": (b"", "is empty"),
    "text": (b"hello, world\n" * 40, "is not a WASM binary"),
    "a module's text": (b"(module)", "is not a WASM binary"),
    "zeros": (bytes(1000), "is not a WASM binary"),
    "a header alone": (GOOD[:8], "does not export"),
    "half a header": (GOOD[:5], "is not a WASM binary"),
    "cut in the middle": (GOOD[: len(GOOD) // 2], "not a valid policy module"),
    "cut at the end": (GOOD[:-1], "not a valid policy module"),
    "one byte more": (GOOD + b"\0", "not a valid policy module"),
    "a component": (b"\0asm\x0d\0\x01\0", "is a WASM component"),
    "too large": (GOOD + b"\0\x81\x80\x01\0" + bytes(16_384), "is larger than 16384 bytes"),
}


@pytest.mark.parametrize(("content", "what"), NOT_MODULES.values(), ids=NOT_MODULES.keys())
def test_a_file_that_is_no_module(write_module, content, what):
    with pytest.raises(InputError, match=re.escape(what)):
        PolicyHost.load(write_module(content), TERMS)


def test_a_path_that_is_no_file(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        PolicyHost.load(tmp_path / "absent.wasm", TERMS)
    with pytest.raises(InputError, match="not a regular file"):
        PolicyHost.load(tmp_path, TERMS)
    os.mkfifo(tmp_path / "pipe.wasm")
    refused = []

    def load() -> None:
        with pytest.raises(InputError, match="not a regular file"):
            PolicyHost.load(tmp_path / "pipe.wasm", TERMS)
        refused.append(True)

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert refused, "loading a named pipe waits for a writer"
