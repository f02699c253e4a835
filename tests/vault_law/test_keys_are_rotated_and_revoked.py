"""`vault-law keys` lists, rotates, takes over and revokes keys, says what it did, and logs it where there is a log."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from law_runs import OWNERS, VaultLaw, key_id, make_keys

from aurora_sim.scenario.configuration import read_world
from aurora_sim.treaty.chain import Chain
from aurora_sim.treaty.key_files import load_signer
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.store.deployment import Deployment, make

TENANT = "tenant:tenant-research"


@pytest.fixture
def law(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("AURORA_DB", "AURORA_KEYS", "AURORA_KEY_REGISTRY", "AURORA_LOG"):
        monkeypatch.delenv(name, raising=False)
    make_keys(tmp_path, time.time() - 100.0)
    return VaultLaw(capsys)


def registry() -> KeyRegistry:
    return KeyRegistry.load(Path("config/keys.json"))


def test_list_shows_every_key_and_which_signs(law):
    status, shown, _ = law("keys", "list")
    assert status == 0
    lines = shown.splitlines()
    assert [line.split()[0] for line in lines] == ["OWNER", "provider:akash", TENANT, "treaty"]
    assert all(line.split()[-2:] == ["here", "signs"] for line in lines[1:])
    status, shown, _ = law("keys", "list", "--owner", TENANT, "--json")
    assert json.loads(shown)["key_id"] == key_id(registry(), TENANT)
    status, _, complaint = law("keys", "list", "--owner", "tenant:tenant-reserch")
    assert (status, "Did you mean tenant:tenant-research" in complaint) == (2, True)


def test_rotate_gives_a_new_key_and_ends_the_old(law, tmp_path):
    old = key_id(registry(), TENANT)
    status, shown, complaint = law("keys", "rotate", TENANT, "--overlap", "1h")
    assert status == 0
    before, new = registry().keys(TENANT)
    assert before.key_id == old
    assert before.not_after_s == pytest.approx(new.not_before_s + 3_600.0)
    assert load_signer(tmp_path / "state" / "keys", TENANT, new.key_id).public_key == new.public_key
    assert f"key {new.key_id} signs from now on" in shown
    assert f"key {old} is valid until" in shown
    assert "stands in no log" in complaint
    states = [json.loads(line)["state"] for line in law("keys", "list", "--owner", TENANT, "--json")[1].splitlines()]
    assert states == ["valid", "signs"]


def test_rotate_all_leaves_those_whose_keys_are_elsewhere(law, tmp_path):
    (akash,) = (tmp_path / "state" / "keys").glob("provider-akash.*")
    akash.unlink()
    status, _, complaint = law("keys", "rotate", "--all")
    assert status == 0
    assert [len(registry().keys(owner)) for owner in OWNERS] == [2, 1, 2]
    assert "provider:akash: left as it is" in complaint
    status, _, complaint = law("keys", "rotate", "provider:akash")
    assert (status, "vault-law keys add provider:akash" in complaint) == (2, True)
    assert law("keys", "rotate", "provider:akash", "--new")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tenant:tenant-reserch"], "Did you mean tenant:tenant-research"),
        (["tenant-research"], "no owner of a key"),
        (["tenant:../x", "--new"], "no owner of a key"),
        (["timestamp-authority", "--new"], "no key of the registry"),
        ([TENANT, "--all"], "neither or both"),
        ([], "neither or both"),
        ([TENANT, "--overlap", "-1s"], "is not a duration"),
        ([TENANT, "--overlap", "nan"], "is not a duration"),
        ([TENANT, "--registry", "absent.json"], "no key registry"),
        ([TENANT, "--keys", "absent"], "is not in absent"),
        ([TENANT, "--db", "sqlite:///absent.db"], "no such database"),
    ],
)
def test_a_rotation_that_is_refused_changes_nothing(law, tmp_path, arguments, message):
    before = sorted((path, path.read_bytes()) for path in tmp_path.rglob("*.*") if path.suffix in (".pem", ".json"))
    status, shown, complaint = law("keys", "rotate", *arguments)
    assert status == 2
    assert message in complaint
    assert not shown
    after = sorted((path, path.read_bytes()) for path in tmp_path.rglob("*.*") if path.suffix in (".pem", ".json"))
    assert before == after


def test_revoke_says_who_is_left_without_a_key(law):
    old = key_id(registry(), TENANT)
    status, shown, _ = law("keys", "revoke", old, "--reason", "stolen from a laptop")
    assert status == 0
    assert f"{TENANT} has no valid key now. Run: vault-law keys rotate {TENANT}" in shown
    assert registry().get(old).revoked_reason == "stolen from a laptop"
    assert "revoked already, on " in law("keys", "revoke", old, "--reason", "again")[1]
    assert registry().get(old).revoked_reason == "stolen from a laptop"
    assert law("keys", "rotate", TENANT)[0] == 0
    assert "stolen from a laptop" in law("keys", "list")[1]
    status, _, complaint = law("keys", "revoke", "0" * 16, "--reason", "x")
    assert (status, "no such key" in complaint) == (2, True)
    assert law("keys", "revoke", old)[0] == 2, "a revocation has a reason"


@pytest.mark.needs("openssl")
def test_an_owner_s_own_key_is_taken_over(law, tmp_path):
    for command in ("genpkey -algorithm ed25519 -out own.pem", "pkey -in own.pem -pubout -out public.pem"):
        subprocess.run(["openssl", *command.split()], cwd=tmp_path, check=True, capture_output=True, timeout=30)
    assert law("keys", "add", "provider:akash", "public.pem", "--overlap", "0s")[0] == 0
    assert len(registry().keys("provider:akash")) == 2
    for arguments, message in (
        (["provider:akash", "public.pem"], "in the registry already"),
        (["provider:akash", "own.pem"], "no public key in PEM"),
        (["provider:akash", "absent.pem"], "cannot be read"),
        (["akash", "public.pem"], "no owner of a key"),
    ):
        status, _, complaint = law("keys", "add", *arguments)
        assert (status, message in complaint) == (2, True), complaint
    status, _, complaint = law("keys", "rotate", "provider:akash")
    assert (status, "vault-law keys add" in complaint) == (2, True), "its newest key is not ours"


def test_what_is_done_is_logged(law, tmp_path, project):
    state = tmp_path / "state"
    database = f"sqlite:///{state / 'aurora.db'}"
    log = state / "vault-law.log"
    list(
        make(
            Deployment(database, state / "keys", tmp_path / "config/keys.json", log, read_world(project / "config")),
            time.time(),
        )
    )
    before = Chain(log).head()[0]
    old = key_id(registry(), TENANT)
    assert law("keys", "rotate", TENANT, "--overlap", "1h")[0] == 0
    status, _, complaint = law("keys", "revoke", old, "--reason", "stolen")
    assert (status, complaint) == (0, "")
    assert law("keys", "revoke", old, "--reason", "stolen")[0] == 0
    assert [(entry.kind, entry.body) for entry in Chain(log).entries(before)] == [
        ("keys.rotate", {"owner": TENANT, "key_id": key_id(registry(), TENANT), "overlap_s": 3_600}),
        ("keys.revoke", {"owner": TENANT, "key_id": old, "reason": "stolen"}),
    ]
    # A log that cannot be written: nothing is done, and no key lies about.
    keys_before = sorted((state / "keys").iterdir())
    (state / "other.log").write_text("")
    status, _, complaint = law("keys", "rotate", TENANT, "--log", state / "other.log")
    assert (status, "Nothing was changed" in complaint) == (2, True), complaint
    assert sorted((state / "keys").iterdir()) == keys_before
    assert len(registry().keys(TENANT)) == 2
