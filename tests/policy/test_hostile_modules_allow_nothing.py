"""A module that traps, loops, recurses or lies gets its orders denied: no crash, no hang, and no order allowed."""

from __future__ import annotations

import math
import os
import resource
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from policy_modules import COMMITTED_MODULE, GOOD_ORDER, ROOT, TERMS, policy_text

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.policy import POLICY_ERROR, PolicyHost

LOOPS = {
    "loops for ever": "",
    "loops growing memory": "(drop (memory.grow (i32.const 1)))",
    "loops filling memory": "(memory.fill (i32.const 4096) (i32.const 7) (i32.const 61440))",
    "loops burning the stack": "(drop (call $shallow (i32.const 100)))",
}
RECURSE = """(func $down (param $n i32) (result i32)
               (i32.add (call $down (i32.add (local.get $n) (i32.const 1))) (local.get $n)))"""

HOSTILE = {
    "traps always": {"authorize": "unreachable"},
    "reads out of bounds": {"authorize": "(i32.load (i32.const 65536))"},
    "reads at the end of the address space": {"authorize": "(i32.load offset=4294967295 (i32.const -1))"},
    "writes out of bounds": {"authorize": "(i32.store (i32.const -4) (i32.const 0)) (i32.const 0)"},
    "recurses for ever": {"authorize": "(call $down (i32.const 0))", "more": RECURSE},
    "divides by zero": {"authorize": "(i32.div_u (i32.const 1) (i32.const 0))"},
    "calls through an empty table": {
        "authorize": "(call_indirect (result i32) (i32.const 0))",
        "more": "(table 1 funcref)",
    },
    "answers 8": {"authorize": "i32.const 8"},
    "answers 99": {"authorize": "i32.const 99"},
    "answers -1": {"authorize": "i32.const -1"},
    "answers 256, whose low byte is 0": {"authorize": "i32.const 256"},
    "answers the least integer": {"authorize": "i32.const 0x80000000"},
}
"""Each of these loads, and gets `policy_error` for every order."""


@pytest.mark.parametrize("parts", HOSTILE.values(), ids=HOSTILE.keys())
def test_every_order_is_denied_by_every_way_to_decide(write_module, parts):
    with PolicyHost.load(write_module(policy_text(**parts)), TERMS) as host:
        assert [host.decide(*GOOD_ORDER) for _ in range(20)] == [POLICY_ERROR] * 20
        assert host.decide_checked(*GOOD_ORDER) == POLICY_ERROR
        columns = [[field] * 11 for field in GOOD_ORDER]
        assert host.decide_batch(*columns).tolist() == [POLICY_ERROR] * 11


SHALLOW = """(func $shallow (param $n i32) (result i32)
               (if (result i32) (local.get $n) (then (call $shallow (i32.sub (local.get $n) (i32.const 1))))
                 (else (i32.const 0))))"""


@pytest.mark.parametrize("body", LOOPS.values(), ids=LOOPS.keys())
def test_a_loop_ends_soon_and_is_refused_at_load(write_module, body):
    started = time.process_time()
    with pytest.raises(InputError, match="burns more than 1000000 fuel for gpu_hours="):
        PolicyHost.load(write_module(policy_text(f"(loop $again {body} (br $again)) unreachable", more=SHALLOW)), TERMS)
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize("body", LOOPS.values(), ids=LOOPS.keys())
def test_a_loop_that_the_probe_did_not_meet_denies_its_order_only(write_module, body):
    """Loops for reputation 13 alone."""
    trigger = f"""(if (i32.eq (i32.load offset=28 (local.get $a)) (i32.const 13))
                    (then (loop $again {body} (br $again))))
                  (i32.const 0)"""
    with PolicyHost.load(write_module(policy_text(trigger, more=SHALLOW)), TERMS) as host:
        started = time.process_time()
        codes = [host.decide(1.0, 0.0, 0.0, 0, reputation, 0) for reputation in [60, 13, 70, 13, 80]]
        assert time.process_time() - started < 1.0
        assert codes == [0, POLICY_ERROR, 0, POLICY_ERROR, 0]
        assert (host.traps, host.out_of_fuel) == (2, 2)
        columns = [[1.0] * 5, [0] * 5, [0] * 5, [0] * 5, [60, 13, 70, 13, 80], [0] * 5]
        assert host.decide_batch(*columns).tolist() == codes


def test_a_hundred_traps_a_run_do_not_touch_the_orders_between(write_module):
    """Traps where the tenant's reputation is 13, else decides by it: 0 from 50 on."""
    body = """(if (i32.eq (i32.load offset=28 (local.get $a)) (i32.const 13)) (then unreachable))
              (select (i32.const 0) (i32.const 4) (i32.ge_u (i32.load offset=28 (local.get $a)) (i32.const 50)))"""
    with PolicyHost.load(write_module(policy_text(body)), TERMS) as host:
        reputations = [13 if i % 100 == 0 else i % 100 for i in range(10_000)]
        wanted = [POLICY_ERROR if r == 13 else 0 if r >= 50 else 4 for r in reputations]
        assert [host.decide(1.0, 0.0, 0.0, 0, reputation, 0) for reputation in reputations] == wanted
        count = wanted.count(POLICY_ERROR)
        assert host.traps == count
        assert host.decisions == 10_000
        ones = [1.0] * 10_000
        zeros = [0] * 10_000
        assert host.decide_batch(ones, zeros, zeros, zeros, reputations, zeros).tolist() == wanted
        assert host.traps == 2 * count


def test_a_module_that_denies_all_is_a_policy(write_module):
    with PolicyHost.load(write_module(policy_text()), TERMS) as host:
        assert host.decide(*GOOD_ORDER) == 1
        assert host.traps == 0


def test_what_one_order_burns_is_not_missing_to_the_next(write_module):
    """Burns gpu_hours x 1000 turns of a loop, below and above the tank: the code depends on the order alone."""
    body = """(local $n i32)
              (local.set $n (i32.trunc_sat_f64_u (f64.mul (f64.load (local.get $a)) (f64.const 1000))))
              (loop $again
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (br_if $again (i32.gt_s (local.get $n) (i32.const 0))))
              (i32.const 0)"""
    with PolicyHost.load(write_module(policy_text(body)), TERMS) as host:
        cheap, dear, beyond = (1.0, *GOOD_ORDER[1:]), (100.0, *GOOD_ORDER[1:]), (1000.0, *GOOD_ORDER[1:])
        mixed = [cheap, dear, dear, beyond, cheap, dear] * 20
        wanted = [0, 0, 0, POLICY_ERROR, 0, 0] * 20
        assert [host.decide(*order) for order in mixed] == wanted
        assert [host.decide(*order) for order in reversed(mixed)] == wanted[::-1]
        assert [host.decide_checked(*order) for order in mixed] == wanted
        assert host.decide_batch(*zip(*mixed, strict=True)).tolist() == wanted
        assert host.traps == 4 * 20


def test_a_module_that_overwrites_the_treaty_meets_the_treaty_again_at_the_next_order(write_module):
    """Allows while `halted` is 0, and writes 0 there: only the host's rewriting keeps a halted treaty halted."""
    body = """(i32.store offset=28 (i32.const 1024) (i32.const 0))
              (i64.store offset=36 (local.get $a) (i64.const -1))
              (i32.const 4)"""
    first_looks = "(if (i32.eqz (i32.load offset=28 (i32.const 1024))) (then (return (i32.const 0))))"
    with PolicyHost.load(write_module(policy_text(first_looks + body)), TERMS) as host:
        host.amend(type(TERMS)(0b111, 1000.0, 100.0, 50, halted=True))
        assert [host.decide(*GOOD_ORDER) for _ in range(5)] == [4] * 5
        assert [host.decide_checked(*GOOD_ORDER) for _ in range(5)] == [4] * 5


def test_one_trap_after_another_stays_in_bounded_memory_and_time(write_module):
    with PolicyHost.load(write_module(policy_text("unreachable")), TERMS) as host:
        for _ in range(2_000):
            host.decide(*GOOD_ORDER)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        for _ in range(10_000):
            host.decide(*GOOD_ORDER)
        assert time.process_time() - started < 10.0  # a tenth of 100,000; 1 s on a quiet machine
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown_kib < 8_192  # an untaken trap alone would leak 16 MB


def test_a_closed_host_denies(write_module):
    host = PolicyHost.load(COMMITTED_MODULE, TERMS)
    assert host.decide(*GOOD_ORDER) == 0
    host.close()
    host.close()
    assert [host.decide(*GOOD_ORDER) for _ in range(5_000)] == [POLICY_ERROR] * 5_000
    assert host.decide_checked(*GOOD_ORDER) == POLICY_ERROR
    assert host.decide_batch(*([field] for field in GOOD_ORDER)).tolist() == [POLICY_ERROR]
    host.amend(TERMS)


def test_a_recursion_on_a_thread_with_a_small_stack_is_a_trap(write_module):
    module = write_module(policy_text(**HOSTILE["recurses for ever"]))
    codes = []

    def decide() -> None:
        with PolicyHost.load(module, TERMS) as host:
            codes.extend([host.decide(*GOOD_ORDER), host.decide_checked(*GOOD_ORDER)])

    threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=decide)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(0)
    assert codes == [POLICY_ERROR, POLICY_ERROR]


def run_python(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own: it may die, and that must not be ours."""
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)


def test_a_trap_after_faulthandler_took_the_signals_is_only_a_trap(write_module):
    done = run_python(
        """
        import faulthandler, sys
        from pathlib import Path
        from aurora_sim.treaty.policy import PolicyHost, TreatyTerms
        host = PolicyHost.load(Path(sys.argv[1]), TreatyTerms(7, 1000.0, 100.0, 50))
        faulthandler.enable()
        print(host.decide(1.0, 0.0, 0.0, 0, 78, 0), host.decide_checked(1.0, 0.0, 0.0, 0, 78, 0))
        """,
        write_module(policy_text(**HOSTILE["reads out of bounds"])),
    )
    assert (done.returncode, done.stdout.split()) == (0, ["-1", "-1"]), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_uses_its_copy_and_loads_another():
    done = run_python(
        """
        import os, sys
        from pathlib import Path
        from aurora_sim.treaty.policy import PolicyHost, TreatyTerms
        terms, order = TreatyTerms(7, 1000.0, 100.0, 50), (1.0, 0.0, 0.0, 0, 78, 0)
        host = PolicyHost.load(Path(sys.argv[1]), terms)
        host.decide(*order)
        child = os.fork()
        if child == 0:
            good = host.decide(*order) == 0 and PolicyHost.load(Path(sys.argv[1]), terms).decide(*order) == 0
            os._exit(0 if good else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), host.decide(*order))
        """,
        COMMITTED_MODULE,
    )
    assert (done.returncode, done.stdout.split()) == (0, ["0", "0"]), done.stderr


def test_one_host_for_each_thread(write_module):
    wrong = []

    def decide(gpu_hours: float, code: int) -> None:
        with PolicyHost.load(COMMITTED_MODULE, TERMS) as host:
            wrong.extend(1 for _ in range(20_000) if host.decide(gpu_hours, 0.0, 0.0, 0, 78, 0) != code)

    threads = [threading.Thread(target=decide, args=arguments) for arguments in ((1.0, 0), (math.nan, 7), (101.0, 5))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
