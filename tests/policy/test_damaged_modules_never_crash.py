"""A damaged copy of the committed module is refused, or decides by codes: the process that loads it lives on.

The copies are loaded in a process of their own, many to a process: were one to kill it, the test would name the copy.
"""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from policy_modules import COMMITTED_MODULE, ROOT

LOADER = """
import sys
from pathlib import Path
from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.policy import PolicyHost, TreatyTerms
for name in sys.argv[1:]:
    print(name, end=" ", flush=True)
    try:
        with PolicyHost.load(Path(name), TreatyTerms(7, 1000.0, 100.0, 50)) as host:
            codes = {host.decide(1.0, 0.0, 0.0, 0, reputation, 0) for reputation in range(100)}
            codes |= set(host.decide_batch(*([field] * 600 for field in (1.0, 0.0, 0.0, 0, 60, 0))).tolist())
            assert codes <= set(range(-1, 8)), codes
            print("decided", flush=True)
    except InputError:
        print("refused", flush=True)
"""
COPIES = 60


def damaged(good: bytes, chance: random.Random) -> bytes:
    """A copy with one to three bits flipped, or a stretch of random bytes, or a stretch left out."""
    copy = bytearray(good)
    kind = chance.random()
    if kind < 0.7:
        for _ in range(chance.randint(1, 3)):
            copy[chance.randrange(8, len(copy))] ^= 1 << chance.randrange(8)
    elif kind < 0.9:
        start = chance.randrange(8, len(copy) - 8)
        copy[start : start + 8] = chance.randbytes(8)
    else:
        start = chance.randrange(8, len(copy) - 8)
        del copy[start : start + chance.randint(1, 8)]
    return bytes(copy)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_copies(write_module, seed):
    chance = random.Random(seed)
    good = COMMITTED_MODULE.read_bytes()
    names = [str(write_module(damaged(good, chance))) for _ in range(COPIES)]
    command = [sys.executable, "-c", LOADER, *names]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, f"seed {seed}: {done.stdout.splitlines()[-1:]} {done.stderr[-2000:]}"
    outcomes = [line.split()[1] for line in done.stdout.splitlines()]
    assert len(outcomes) == COPIES
    assert "refused" in outcomes
