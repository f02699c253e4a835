"""`vault-law log verify` names every line that is not as it was written, and ends with 1; `log show` prints the last ones."""

from __future__ import annotations

import json
import time

import pytest
from law_runs import VaultLaw

from aurora_sim.scenario.configuration import read_world
from aurora_sim.treaty.chain import Chain
from aurora_sim.treaty.store import actions
from aurora_sim.treaty.store.deployment import Deployment, make

NOW_S = 1_767_622_800.0


@pytest.fixture
def law(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("AURORA_DB", "AURORA_KEYS", "AURORA_KEY_REGISTRY", "AURORA_LOG"):
        monkeypatch.delenv(name, raising=False)
    return VaultLaw(capsys)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "orders.log"
    Chain(path).append(
        [(NOW_S + n, "halt" if n == 3 else "order", {"tenant_id": f"tenant-{n}", "text": "é\x9b"}) for n in range(1, 8)]
    )
    return path


def test_a_whole_log_is_good(law, file):
    status, shown, complaint = law("log", "verify", file)
    assert status == 0
    assert shown == f"{file}: whole: 7 entries, the last with hash {Chain(file).head()[1]}\n"
    assert "Name it by --db" in complaint


def test_changed_lines_are_named(law, file):
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], lines[1].replace(b"tenant-2", b"tenant-9"), *lines[2:4], *lines[5:]]))
    status, shown, _ = law("log", "verify", file)
    assert status == 1
    assert shown.splitlines() == [
        f"{file}:2: its hash is not that of its content, so it was changed",
        f"{file}:5: entry 5 is missing before entry 6",
        f"{file}: not as it was written: 2 faults",
    ]


def test_show_prints_the_last_entries(law, file):
    status, shown, _ = law("log", "show", file, "--tail", 2)
    assert status == 0
    assert shown == (
        '6 2026-01-05T14:20:06Z order {"tenant_id":"tenant-6","text":"\\u00e9\\u009b"}\n'
        '7 2026-01-05T14:20:07Z order {"tenant_id":"tenant-7","text":"\\u00e9\\u009b"}\n'
    )
    assert len(law("log", "show", file)[1].splitlines()) == 7
    assert law("log", "show", file, "--kind", "halt")[1].startswith("3 2026-01-05T14:20:03Z halt ")
    lines = law("log", "show", file, "--json", "--tail", 1)[1]
    assert json.loads(lines) == json.loads(file.read_bytes().splitlines()[-1])


def test_what_cannot_be_read_is_bad_input(law, file, tmp_path):
    for command in ("verify", "show"):
        for path in ("absent.log", tmp_path):
            status, _, complaint = law("log", command, path)
            assert (status, "cannot be read" in complaint) == (2, True)
    assert law("log", "verify")[0] == 2, "there is no default log here"
    file.write_bytes(file.read_bytes().replace(b"tenant-7", b"tenant-8"))
    status, _, complaint = law("log", "show", file)
    assert (status, f"{file}:7: its hash" in complaint) == (2, True)


def test_the_database_knows_what_was_cut_off(law, tmp_path, project):
    state = tmp_path / "state"
    config = read_world(project / "config")
    registry = tmp_path / "config" / "keys.json"
    deployment = Deployment(
        f"sqlite:///{state / 'aurora.db'}", state / "keys", registry, state / "vault-law.log", config
    )
    list(make(deployment, time.time()))
    store = deployment.store()
    for number in range(3):
        actions.note(store, "note", {"number": number}, NOW_S)
    store.close()
    status, shown, complaint = law("log", "verify")
    assert (status, complaint) == (0, "")
    assert shown.startswith("state/vault-law.log: whole: 4 entries")
    lines = deployment.log.read_bytes().splitlines(keepends=True)
    with deployment.log.open("ab") as log:
        log.write(lines[-1][:30])  # a write that was interrupted
    assert law("log", "verify")[0] == 0
    deployment.log.write_bytes(b"".join(lines[:-2]))
    status, shown, _ = law("log", "verify")
    assert status == 1
    assert "state/vault-law.log:2: entries 3 to 4 are missing at the end" in shown
    assert law("log", "verify", deployment.log)[0] == 0, "nothing to compare it with was named"
    assert law("log", "verify", deployment.log, "--db", deployment.db)[0] == 1
