"""The key registry: whose public keys the treaty trusts, from when until when, and which of them are revoked."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import Field, model_validator

from aurora_sim.scenario.document import read_document
from aurora_sim.scenario.errors import InputError, did_you_mean
from aurora_sim.scenario.strict import Strict, wrong
from aurora_sim.scenario.validation import validate
from aurora_sim.treaty.canonical import canonical
from aurora_sim.treaty.whole_file import write_whole

Owner: TypeAlias = str
"""Whose key it is: `tenant:ID`, `provider:ID`, `treaty` or `timestamp-authority`."""

OWNER_PATTERN: Final = "^((tenant|provider):[A-Za-z0-9][A-Za-z0-9_-]{0,63}|treaty|timestamp-authority)$"
KEY_ID_PATTERN: Final = "^[0-9a-f]{16}$"
REASON_LENGTH_MAX: Final = 1_000


@dataclass(frozen=True)
class PublicKey:
    """One Ed25519 key of an owner.

    It is not yet valid, valid, expired or revoked. `public_key` is its 32 bytes. `not_before_s` and `not_after_s` (None:
    no end) are Unix seconds, and both belong to its validity. `key_id` is derived from the key: no two keys share one.
    """

    key_id: str
    owner: Owner
    public_key: bytes
    not_before_s: float
    not_after_s: float | None = None
    revoked_at_s: float | None = None
    revoked_reason: str = ""

    def state(self, now_s: float) -> str:
        """`valid`, or the reason that a signature made at `now_s` would be refused for."""
        if self.revoked_at_s is not None:
            return "key_revoked"
        if not now_s >= self.not_before_s:
            return "key_not_yet_valid"
        if self.not_after_s is not None and not now_s <= self.not_after_s:
            return "key_expired"
        return "valid"


def key_id_of(public_key: bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the key's 32 bytes."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def check_owner(owner: str, where: str) -> None:
    """Raises InputError, naming `where`, for what is no owner's name."""
    if not re.fullmatch(OWNER_PATTERN, owner):
        raise InputError(
            where, f"{owner[:80]!r} is no owner of a key", "Write tenant:ID, provider:ID, treaty or timestamp-authority"
        )


class KeyRegistry:
    """The public keys by their ids, each with its owner and its time.

    `verify` is the one place that says whether a signature counts. A revoked key verifies nothing, whatever the time:
    who stole it can write any time into what it signs.
    """

    def __init__(self, keys: Iterable[PublicKey] = ()) -> None:
        self._path: Path | None = None
        self._stamp: tuple[int, int, int] | None = None
        # Beside each key the object that does its arithmetic, which costs a tenth of a verification to make.
        self._keys: dict[str, tuple[PublicKey, Ed25519PublicKey]] = {}
        for key in keys:
            self._put(key)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The registry in a file, as `save` writes it. Raises InputError for one that is absent or wrong."""
        registry = cls()
        registry._path = path
        registry.refresh()
        return registry

    def refresh(self) -> bool:
        """Read the file again if it was changed since it was loaded, and say whether it was: one look at its date.

        So a revocation reaches a process that runs. Raises InputError when the file went away or bad: the caller fails
        closed, for nobody knows what is revoked then.
        """
        if self._path is None:
            return False
        try:
            status = self._path.stat()
        except OSError:
            raise InputError(
                str(self._path), "there is no key registry", "Make one with vault-law init, or name it by --registry"
            ) from None
        stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        if stamp == self._stamp:
            return False
        if status.st_mode & 0o002:
            raise InputError(str(self._path), "anybody may write to the key registry", f"Run: chmod o-w {self._path}")
        given = validate(read_document(self._path), _RegistryGiven)
        self._keys = KeyRegistry(key.public() for key in given.keys)._keys
        self._stamp = stamp
        return True

    def save(self, path: Path) -> None:
        """Write the registry as JSON; the file is replaced as a whole."""
        lines = [canonical(_KeyGiven.of(key).model_dump(exclude_defaults=True)).decode() for key in self.keys()]
        write_whole(path, ('{"version":1,"keys":[\n' + ",\n".join(lines) + "\n]}\n").encode(), mode=0o644)

    def keys(self, owner: Owner | None = None) -> list[PublicKey]:
        """All keys, or those of one owner: by owner, the oldest first."""
        found = (key for key, _ in self._keys.values() if owner in (None, key.owner))
        return sorted(found, key=lambda key: (key.owner, key.not_before_s, key.key_id))

    def owners(self) -> list[Owner]:
        """Everybody who has or had a key, by name."""
        return sorted({key.owner for key, _ in self._keys.values()})

    def get(self, key_id: str) -> PublicKey | None:
        """The key of that id."""
        found = self._keys.get(key_id)
        return found[0] if found is not None else None

    def active(self, owner: Owner, now_s: float) -> PublicKey | None:
        """The newest key of an owner that is valid at `now_s`: the one to sign with."""
        valid = [key for key in self.keys(owner) if key.state(now_s) == "valid"]
        return max(valid, key=lambda key: (key.not_before_s, key.not_after_s or math.inf), default=None)

    def verify(
        self, owner: Owner, key_id: str, signature: bytes, message: bytes, signed_at_s: float, now_s: float
    ) -> str:
        """ "" when `owner` signed `message` with a key that was valid at `signed_at_s` and is at `now_s`, else why not.

        For what stays good after its key's end, such as an old ack, pass the time of signing twice.
        `key_unknown`, `key_owner` (another's key), `key_revoked`, `key_not_yet_valid`, `key_expired`, `signature_invalid`.
        """
        found = self._keys.get(key_id)
        if found is None:
            return "key_unknown"
        key, arithmetic = found
        if key.owner != owner:
            return "key_owner"
        for time_s in (signed_at_s, now_s):
            state = key.state(time_s)
            if state != "valid":
                return state
        try:
            arithmetic.verify(signature, message)
        except InvalidSignature:
            return "signature_invalid"
        return ""

    def add(self, owner: Owner, public_key: bytes, now_s: float) -> PublicKey:
        """A new key, valid from `now_s` on. Raises ValueError where the registry has that key already."""
        key = PublicKey(key_id_of(public_key), owner, public_key, now_s)
        if key.key_id in self._keys:
            raise ValueError(f"the key {key.key_id} is in the registry already")
        self._put(key)
        return key

    def rotate(self, owner: Owner, public_key: bytes, now_s: float, overlap_s: float) -> PublicKey:
        """A new key, valid from `now_s` on; what the owner had before ends `overlap_s` later, if it does not end earlier."""
        before = self.keys(owner)
        key = self.add(owner, public_key, now_s)
        end_s = now_s + overlap_s
        for old in before:
            if old.revoked_at_s is None and (old.not_after_s is None or old.not_after_s > end_s):
                self._put(replace(old, not_after_s=max(end_s, old.not_before_s)))
        return key

    def revoke(self, key_id: str, reason: str, now_s: float) -> PublicKey:
        """From now on the key verifies nothing; revoked once more it stays as it was.

        Raises InputError for an id that is not known, and for a reason that is none.
        """
        key = self.get(key_id)
        if key is None:
            raise InputError(f"{key_id[:80]!r}", "the registry has no such key", did_you_mean(key_id, self._keys))
        if not reason.strip() or len(reason) > REASON_LENGTH_MAX or not reason.isprintable():
            raise InputError(
                "--reason",
                f"this is no text of 1 to {REASON_LENGTH_MAX} printable characters",
                "Say in a sentence why the key is revoked",
            )
        if key.revoked_at_s is None:
            key = replace(key, revoked_at_s=now_s, revoked_reason=reason)
            self._put(key)
        return key

    def _put(self, key: PublicKey) -> None:
        self._keys[key.key_id] = (key, Ed25519PublicKey.from_public_bytes(key.public_key))


@contextlib.contextmanager
def editing(path: Path, *, create: bool = False) -> Iterator[KeyRegistry]:
    """The registry in a file, for a change: saved at the end of the block if nothing failed in it.

    Two who change it do so one after the other. `create`: begin with an empty one where there is no file.
    """
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif not path.exists():
        KeyRegistry.load(path)  # says what is wrong with it
    with path.with_name(path.name + ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        registry = KeyRegistry() if create and not path.exists() else KeyRegistry.load(path)
        yield registry
        registry.save(path)


Time = Annotated[float, Field(ge=0, le=253_402_300_799)]


class _KeyGiven(Strict):
    """One key as the file has it; times in Unix seconds."""

    key_id: Annotated[str, Field(pattern=KEY_ID_PATTERN)]
    owner: Annotated[str, Field(pattern=OWNER_PATTERN)]
    public_key: Annotated[
        str, Field(pattern="^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$", description="base64 of the key's 32 bytes")
    ]
    not_before_s: Time
    not_after_s: Time | None = None
    revoked_at_s: Time | None = None
    revoked_reason: Annotated[str, Field(max_length=REASON_LENGTH_MAX)] = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.key_id != key_id_of(base64.b64decode(self.public_key)):
            raise wrong("the id is not that of the key", "One of the two was changed: restore the file", "key_id")
        if self.not_after_s is not None and self.not_after_s < self.not_before_s:
            raise wrong("the key ends before it begins", "Give a later time", "not_after_s")
        return self

    @classmethod
    def of(cls, key: PublicKey) -> Self:
        return cls(
            key_id=key.key_id,
            owner=key.owner,
            public_key=base64.b64encode(key.public_key).decode(),
            not_before_s=key.not_before_s,
            not_after_s=key.not_after_s,
            revoked_at_s=key.revoked_at_s,
            revoked_reason=key.revoked_reason,
        )

    def public(self) -> PublicKey:
        return PublicKey(
            self.key_id,
            self.owner,
            base64.b64decode(self.public_key),
            self.not_before_s,
            self.not_after_s,
            self.revoked_at_s,
            self.revoked_reason,
        )


class _RegistryGiven(Strict):
    """The file."""

    version: Literal[1]
    keys: Annotated[list[_KeyGiven], Field(max_length=100_000)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        seen: set[str] = set()
        for key in self.keys:
            if key.key_id in seen:
                raise wrong(f"the key {key.key_id} is there twice", "Keep one of the two", "keys")
            seen.add(key.key_id)
        return self
