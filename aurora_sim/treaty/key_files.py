"""Private keys, one file each, that nobody but their owner can read."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.keys import KeyRegistry, Owner, check_owner, key_id_of
from aurora_sim.treaty.whole_file import write_whole

_BYTES_MAX = 16_384


@dataclass(frozen=True)
class Signer:
    """An owner's private key, ready to sign with."""

    owner: Owner
    key_id: str
    private_key: Ed25519PrivateKey = field(repr=False)

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that a registry takes."""
        return self.private_key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self.private_key.sign(message)


def key_path(keys_dir: Path, owner: Owner, key_id: str) -> Path:
    """Where a private key is: `<owner with - for :>.<key_id>.pem`."""
    return keys_dir / f"{owner.replace(':', '-')}.{key_id}.pem"


def make_keys_folder(keys_dir: Path) -> None:
    """The folder, for its owner alone (0700). Raises InputError for one that others may write to."""
    keys_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    _check_folder(keys_dir)


def create_key(keys_dir: Path, owner: Owner) -> Signer:
    """A new private key, in a PKCS#8 file of mode 0600."""
    check_owner(owner, "owner")
    make_keys_folder(keys_dir)
    private_key = Ed25519PrivateKey.generate()
    signer = Signer(owner, key_id_of(private_key.public_key().public_bytes_raw()), private_key)
    text = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_whole(key_path(keys_dir, owner, signer.key_id), text, mode=0o600)
    return signer


def load_signer(keys_dir: Path, owner: Owner, key_id: str) -> Signer:
    """The private key of that id. Raises InputError where it is absent, open to others, or another key."""
    path = key_path(keys_dir, owner, key_id)
    content = read_secret(path)
    try:
        private_key = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InputError(
            str(path), "this is no private key in PEM without a password", "Restore it, or rotate the key"
        ) from None
    if not isinstance(private_key, Ed25519PrivateKey):
        raise InputError(str(path), "the key is not an Ed25519 key", "Restore it, or rotate the key")
    if key_id_of(private_key.public_key().public_bytes_raw()) != key_id:
        raise InputError(str(path), "the file holds another key than its name says", "Restore it, or rotate the key")
    return Signer(owner, key_id, private_key)


def signer_for(keys_dir: Path, registry: KeyRegistry, owner: Owner, now_s: float) -> Signer:
    """The private half of the key that `owner` signs with at `now_s`. Raises InputError where there is none."""
    key = registry.active(owner, now_s)
    if key is None:
        raise InputError(owner, "the registry has no key that is valid now", f"Run: vault-law keys rotate {owner}")
    return load_signer(keys_dir, owner, key.key_id)


def read_public_key(path: Path) -> bytes:
    """The 32 bytes of an Ed25519 public key in a PEM file. Raises InputError for any other file."""
    try:
        with path.open("rb") as file:
            content = file.read(_BYTES_MAX + 1)
        key = serialization.load_pem_public_key(content)
    except OSError as error:
        raise InputError(str(path), f"it cannot be read: {error.strerror}", "Name the public key's file") from None
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(
            str(path), "this is no public key in PEM", "Write one: openssl pkey -in private.pem -pubout"
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(str(path), "the key is not an Ed25519 key", "Make one: openssl genpkey -algorithm ed25519")
    return key.public_bytes_raw()


def read_secret(path: Path) -> bytes:
    """The content of a file that only this user can read. Raises InputError for any other, and says what to run."""
    _check_folder(path.parent)
    try:
        # Not to wait where somebody put a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise InputError(str(path), "there is no such private key", "Name its folder by --keys") from None
    except OSError as error:
        raise InputError(str(path), f"the private key cannot be read ({error.strerror})", "Mend that") from None
    with os.fdopen(descriptor, "rb") as file:
        # Of the file that is open, not of the name, which could be another file by now.
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise InputError(str(path), "this is no ordinary file", "Put the private key there")
        if status.st_uid not in (os.geteuid(), 0):
            raise InputError(str(path), "the private key belongs to another user", f"Run: chown $USER {path}")
        if status.st_mode & 0o077:
            raise InputError(str(path), "others than its owner may use the private key", f"Run: chmod 600 {path}")
        content = file.read(_BYTES_MAX + 1)
    if len(content) > _BYTES_MAX:
        raise InputError(str(path), f"the file is longer than {_BYTES_MAX} bytes", "Put the private key there")
    return content


def _check_folder(folder: Path) -> None:
    """Who may write to the folder may put another key in the place of ours."""
    if folder.exists() and folder.stat().st_mode & 0o022:
        raise InputError(str(folder), "others may write to the folder of private keys", f"Run: chmod 700 {folder}")
