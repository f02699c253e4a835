"""A signature counts by its owner's key, within the key's time, and never once the key is revoked."""

from __future__ import annotations

import dataclasses
import multiprocessing
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from treaty_keys import AKASH, NOW_S, TENANT, a_registry, a_signer

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.keys import KeyRegistry, editing, key_id_of

OWNER = TENANT.owner
DAY_S = 86_400.0
MESSAGE = b"what is signed"


def verified(registry: KeyRegistry, signer=TENANT, owner=OWNER, signed_at_s=NOW_S, now_s=NOW_S, message=MESSAGE) -> str:
    return registry.verify(owner, signer.key_id, signer.sign(MESSAGE), message, signed_at_s, now_s)


def test_reasons():
    registry = a_registry()
    assert verified(registry) == ""
    assert verified(registry, message=b"another") == "signature_invalid"
    assert verified(registry, signer=a_signer(OWNER, 1)) == "key_unknown"
    assert verified(registry, signer=AKASH) == "key_owner"
    assert verified(registry, signed_at_s=NOW_S - DAY_S) == "key_not_yet_valid"
    assert registry.verify(OWNER, TENANT.key_id, b"short", MESSAGE, NOW_S, NOW_S) == "signature_invalid"
    assert registry.verify(OWNER, TENANT.key_id, TENANT.sign(MESSAGE), MESSAGE, float("nan"), NOW_S) != ""


def test_both_keys_count_within_the_overlap_and_the_new_one_after_it():
    registry, new = a_registry(), a_signer(OWNER, 1)
    registry.rotate(OWNER, new.public_key, NOW_S, DAY_S)
    for later_s in (0.0, DAY_S / 2, DAY_S):
        then_s = NOW_S + later_s
        assert verified(registry, new, signed_at_s=then_s, now_s=then_s) == ""
        assert verified(registry, signed_at_s=then_s, now_s=then_s) == ""
    then_s = NOW_S + DAY_S + 1.0
    assert verified(registry, new, signed_at_s=then_s, now_s=then_s) == ""
    assert verified(registry, signed_at_s=then_s, now_s=then_s) == "key_expired"
    # A new order cannot be dated back into the overlap; what was signed in it stays good.
    assert verified(registry, signed_at_s=NOW_S, now_s=then_s) == "key_expired"
    assert verified(registry, signed_at_s=NOW_S, now_s=NOW_S) == ""


def test_the_newest_valid_key_signs():
    registry = a_registry()
    keys = [TENANT]
    for generation in (1, 2, 3):
        keys.append(a_signer(OWNER, generation))
        registry.rotate(OWNER, keys[-1].public_key, NOW_S, DAY_S)  # at one instant: the last one counts
        active = registry.active(OWNER, NOW_S)
        assert active is not None
        assert active.key_id == keys[-1].key_id
    registry.revoke(keys[-1].key_id, "stolen", NOW_S)
    assert registry.active(OWNER, NOW_S + 2 * DAY_S) is None
    assert registry.active("tenant:nobody", NOW_S) is None


def test_a_second_rotation_does_not_prolong_the_first_key():
    registry = a_registry()
    registry.rotate(OWNER, a_signer(OWNER, 1).public_key, NOW_S, DAY_S)
    registry.rotate(OWNER, a_signer(OWNER, 2).public_key, NOW_S + 10.0, DAY_S)
    first, second, third = registry.keys(OWNER)
    assert (first.not_after_s, second.not_after_s, third.not_after_s) == (NOW_S + DAY_S, NOW_S + 10.0 + DAY_S, None)
    registry.rotate(OWNER, a_signer(OWNER, 3).public_key, NOW_S + 20.0, 0.0)
    assert {key.not_after_s for key in registry.keys(OWNER)[:3]} == {NOW_S + 20.0}


def test_rotation_leaves_other_owners_alone():
    registry = a_registry()
    before = registry.keys(AKASH.owner)
    registry.rotate(OWNER, a_signer(OWNER, 1).public_key, NOW_S, 0.0)
    assert registry.keys(AKASH.owner) == before


def test_a_revoked_key_verifies_nothing_whatever_the_time():
    registry = a_registry()
    registry.revoke(TENANT.key_id, "stolen", NOW_S)
    for then_s in (NOW_S - 10.0, NOW_S, NOW_S + 10.0):
        assert verified(registry, signed_at_s=then_s, now_s=then_s) == "key_revoked"
    registry.revoke(TENANT.key_id, "again", NOW_S + 5.0)
    assert registry.keys(OWNER)[0].revoked_reason == "stolen"
    registry.rotate(OWNER, a_signer(OWNER, 1).public_key, NOW_S, DAY_S)
    assert registry.keys(OWNER)[0].not_after_s is None, "a revoked key gets no new time"


def test_what_is_saved_is_loaded(tmp_path):
    registry = a_registry()
    registry.rotate(OWNER, a_signer(OWNER, 1).public_key, NOW_S, DAY_S)
    registry.revoke(AKASH.key_id, 'said "stolen" é \U0001f600', NOW_S)
    registry.save(tmp_path / "keys.json")
    assert KeyRegistry.load(tmp_path / "keys.json").keys() == registry.keys()
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o644, "public keys are for everybody to read"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"version":1', '"version":2', "version"),
        ('"owner"', '"ovner"', "Did you mean owner"),
        ("tenant:tenant-research", "tenant-research", "owner"),
        ("tenant:tenant-research", "tenant:../etc", "owner"),
        (TENANT.key_id, AKASH.key_id, "the id is not that of the key"),
        (TENANT.key_id, "xyz", "key_id"),
        (f'"not_before_s":{NOW_S - 3600.0}', '"not_before_s":"now"', "not_before_s"),
        (f'"not_before_s":{NOW_S - 3600.0}', f'"not_before_s":{NOW_S},"not_after_s":1', "ends before it begins"),
        ("{", "", "keys.json:1"),
    ],
)
def test_a_file_with_a_mistake_is_refused_by_name(tmp_path, old, new, message):
    path = tmp_path / "keys.json"
    a_registry().save(path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as refused:
        KeyRegistry.load(path)
    assert str(path) in refused.value.where


def test_a_key_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "keys.json"
    a_registry(TENANT).save(path)
    line = path.read_text().splitlines()[1]
    path.write_text(path.read_text().replace(line, f"{line},\n{line}"))
    with pytest.raises(InputError, match="twice"):
        KeyRegistry.load(path)
    with pytest.raises(ValueError, match="already"):
        a_registry().add(OWNER, TENANT.public_key, NOW_S)


def test_a_registry_that_anybody_may_write_is_refused(tmp_path):
    path = tmp_path / "keys.json"
    a_registry().save(path)
    path.chmod(0o666)
    with pytest.raises(InputError, match="chmod o-w"):
        KeyRegistry.load(path)


def test_a_revocation_reaches_who_loaded_before(tmp_path):
    path = tmp_path / "keys.json"
    a_registry().save(path)
    running = KeyRegistry.load(path)
    assert not running.refresh()
    with editing(path) as registry:
        registry.revoke(TENANT.key_id, "stolen", NOW_S)
    assert running.refresh()
    assert verified(running) == "key_revoked"
    path.write_text("{")
    for _ in range(2):
        with pytest.raises(InputError):
            running.refresh()
    path.unlink()
    with pytest.raises(InputError, match="no key registry"):
        running.refresh()


def test_a_change_that_fails_changes_nothing(tmp_path):
    path = tmp_path / "keys.json"
    a_registry().save(path)
    before = path.read_bytes()

    def change() -> None:
        with editing(path) as registry:
            registry.revoke(TENANT.key_id, "stolen", NOW_S)
            registry.revoke("0" * 16, "no such key", NOW_S)

    with pytest.raises(InputError, match="no such key"):
        change()
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="no key registry"), editing(tmp_path / "absent.json"):
        pass


@pytest.mark.parametrize("reason", ["", " ", "two\nlines", "\x1b[31m", "x" * 1_001])
def test_a_reason_is_a_line_of_text(reason):
    with pytest.raises(InputError, match="--reason"):
        a_registry().revoke(TENANT.key_id, reason, NOW_S)


def add_keys(path: Path, number: int, begin: Barrier) -> None:
    begin.wait(60)
    for generation in range(5):
        with editing(path, create=True) as registry:
            time.sleep(0.002)
            registry.add(f"tenant:t{number}", a_signer(f"tenant:t{number}", generation).public_key, NOW_S)


def test_two_who_change_it_lose_nothing(tmp_path):
    path = tmp_path / "config" / "keys.json"
    spawn = multiprocessing.get_context("spawn")
    begin = spawn.Barrier(2)
    processes = [spawn.Process(target=add_keys, args=(path, number, begin)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert len(KeyRegistry.load(path).keys()) == 10


def test_an_id_is_the_digest_of_its_key():
    key = a_registry().keys(OWNER)[0]
    assert key.key_id == key_id_of(key.public_key)
    with pytest.raises(dataclasses.FrozenInstanceError):
        key.owner = "treaty"
