"""A private key is a file that only its owner can read; any other is refused, with the command that mends it."""

from __future__ import annotations

import os
import stat
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from treaty_keys import NOW_S

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.key_files import create_key, key_path, load_signer, signer_for
from aurora_sim.treaty.keys import KeyRegistry

OWNER = "tenant:tenant-research"


@pytest.fixture
def keys_dir(tmp_path):
    return tmp_path / "state" / "keys"


@pytest.fixture
def made(keys_dir):
    return create_key(keys_dir, OWNER)


@pytest.fixture
def path(keys_dir, made):
    return key_path(keys_dir, OWNER, made.key_id)


def test_a_key_is_made_for_its_owner_alone(keys_dir, made, path):
    assert path.name == f"tenant-tenant-research.{made.key_id}.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(keys_dir.stat().st_mode) == 0o700
    assert list(keys_dir.iterdir()) == [path]
    assert load_signer(keys_dir, OWNER, made.key_id).sign(b"a") == made.sign(b"a")


def test_the_umask_does_not_matter(keys_dir):
    before = os.umask(0)
    try:
        made = create_key(keys_dir, OWNER)
    finally:
        os.umask(before)
    assert stat.S_IMODE(key_path(keys_dir, OWNER, made.key_id).stat().st_mode) == 0o600
    assert stat.S_IMODE(keys_dir.stat().st_mode) == 0o700


def test_a_key_does_not_show_itself(made):
    assert "private_key" not in repr(made)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o777])
def test_a_file_that_others_can_use_is_refused(keys_dir, made, path, mode):
    path.chmod(mode)
    with pytest.raises(InputError, match=f"chmod 600 {path}"):
        load_signer(keys_dir, OWNER, made.key_id)


@pytest.mark.parametrize("mode", [0o770, 0o702])
def test_a_folder_that_others_can_write_is_refused(keys_dir, made, mode):
    keys_dir.chmod(mode)
    with pytest.raises(InputError, match=f"chmod 700 {keys_dir}"):
        load_signer(keys_dir, OWNER, made.key_id)
    with pytest.raises(InputError, match="chmod 700"):
        create_key(keys_dir, OWNER)


def test_what_is_no_such_key_is_refused(keys_dir, made, path):
    other = create_key(keys_dir, OWNER)
    secret = path.read_bytes()
    path.write_bytes(key_path(keys_dir, OWNER, other.key_id).read_bytes())
    refused(keys_dir, made, "another key than its name says")
    path.write_bytes(b"no key at all")
    refused(keys_dir, made, "no private key in PEM")
    path.write_bytes(b"x" * 20_000)
    refused(keys_dir, made, "longer than")
    path.write_bytes(
        generate_private_key(SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    refused(keys_dir, made, "not an Ed25519 key")
    path.unlink()
    refused(keys_dir, made, "no such private key")
    os.mkfifo(path, 0o600)  # must not wait for who writes into it
    refused(keys_dir, made, "no ordinary file")
    path.unlink()
    path.write_bytes(secret)
    path.chmod(0o600)
    assert load_signer(keys_dir, OWNER, made.key_id) is not None


def refused(keys_dir, made, message):
    with pytest.raises(InputError, match=message):
        load_signer(keys_dir, OWNER, made.key_id)


def test_an_owner_s_name_leads_to_no_other_folder(keys_dir):
    for owner in ("tenant:../../etc", "tenant:", "somebody", "provider:a/b", ""):
        with pytest.raises(InputError, match="owner"):
            create_key(keys_dir, owner)


def test_the_registry_says_which_key_signs(keys_dir, made):
    registry = KeyRegistry()
    with pytest.raises(InputError, match=f"vault-law keys rotate {OWNER}"):
        signer_for(keys_dir, registry, OWNER, NOW_S)
    registry.rotate(OWNER, made.public_key, NOW_S, 0.0)
    assert signer_for(keys_dir, registry, OWNER, NOW_S).key_id == made.key_id
    newer = create_key(keys_dir, OWNER)
    registry.rotate(OWNER, newer.public_key, NOW_S + 1.0, 60.0)
    assert signer_for(keys_dir, registry, OWNER, NOW_S + 1.0).key_id == newer.key_id


@pytest.mark.needs("openssl")
def test_openssl_reads_the_key_and_agrees_on_the_signature(keys_dir, made, path, tmp_path):
    (tmp_path / "message").write_bytes(b"a message")
    command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", path, "-in", tmp_path / "message"]
    done = subprocess.run(command, capture_output=True, timeout=30, check=True)
    assert done.stdout == made.sign(b"a message")
