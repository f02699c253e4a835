"""Promise: one transaction writes at a time, even against a process that lost the database's lock; a dead holder stops nobody."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from deployments import NOON_S, deploy

from aurora_sim.treaty.chain import Chain
from aurora_sim.treaty.store.answers import StoreUnavailable
from aurora_sim.treaty.store.write_lock import WriteLock

HOLD = """
import sys, time
from pathlib import Path
from aurora_sim.treaty.store.write_lock import WriteLock
with WriteLock(Path(sys.argv[1]), 1.0).held():
    print("held", flush=True)
    time.sleep(60)
"""


def refused(lock: WriteLock) -> bool:
    try:
        with lock.held():
            return False
    except StoreUnavailable as failure:
        return failure.reason == "log_unavailable"


def test_the_second_waits_for_its_time_and_a_killed_holder_gives_way(tmp_path: Path) -> None:
    path = tmp_path / "log.lock"
    lock = WriteLock(path, 0.05)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    assert refused(lock)
    holder.kill()
    holder.wait(20)
    holder.stdout.close()
    assert not refused(lock)


def test_within_a_process_too_and_on_a_file_that_somebody_removed(tmp_path: Path) -> None:
    path = tmp_path / "log.lock"
    lock = WriteLock(path, 0.05)
    with lock.held():
        assert refused(lock)
    path.unlink()
    with lock.held():
        assert path.exists()
        assert refused(lock)


def test_a_folder_that_is_not_there_is_out_of_reach(tmp_path: Path) -> None:
    assert refused(WriteLock(tmp_path / "nowhere/log.lock", 0.05))


def test_a_log_that_somebody_else_appended_to_meanwhile_voids_the_transaction(tmp_path: Path) -> None:
    deployment = deploy(tmp_path)
    store = deployment.store()
    with contextlib.ExitStack() as stack:
        transaction = stack.enter_context(store.transaction())
        Chain(deployment.log).append([(NOON_S, "note", {})])
        with pytest.raises(StoreUnavailable, match="somebody else appended"):
            transaction.record([(NOON_S, "note", {})])
    store.close()
