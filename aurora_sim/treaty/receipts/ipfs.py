"""Pinning through the HTTP API that IPFS daemons and many pinning services have (RPC API v0)."""

from __future__ import annotations

import json
from typing import Any, Final

from aurora_sim.treaty.receipts.artefacts import Artefacts
from aurora_sim.treaty.receipts.cid import cid_of_sha256, cid_v1_raw
from aurora_sim.treaty.receipts.http_call import ServiceFailed, check_url, post, without_password
from aurora_sim.treaty.receipts.pins import PinFailed, artefact_pieces, manifest_files

TIME_LIMIT_S: Final = 30.0
BLOCK_BYTES_MAX: Final = 1 << 20
"""The largest block that IPFS nodes pass on to each other: what is larger has no CID as raw bytes there."""
_UPLOAD_BYTES_PER_S_MIN: Final = 1 << 20
_ANSWER_BYTES_MAX: Final = 1 << 20
_ADD: Final = {
    "cid-version": "1",
    "raw-leaves": "true",
    "hash": "sha2-256",
    "chunker": f"size-{BLOCK_BYTES_MAX}",
    "pin": "true",
}


class IpfsPins:
    """Pins through an IPFS daemon's API, such as http://127.0.0.1:5001.

    Manifests, and artefacts of up to one block (1 MiB), have the CIDs there that they have here. A larger artefact is
    cut into blocks by the daemon, under a CID of its making. Each call has `time_limit_s`, an upload one second more for
    each MiB.
    """

    def __init__(self, url: str, time_limit_s: float = TIME_LIMIT_S) -> None:
        check_url(url, "--pins")
        self.name = without_password(url)
        self._url = url.rstrip("/")
        self._time_limit_s = time_limit_s

    def has(self, cid: str) -> bool:
        """Whether the daemon has the manifest pinned; it was pinned last, after all that it names."""
        try:
            answer = self._call("pin/ls", self._time_limit_s, params={"arg": cid, "type": "recursive"})
        except ServiceFailed as failed:
            # The API has no "no": what is not pinned is an error, told from others by its text alone.
            if failed.status == 500 and b"not pinned" in failed.body:
                return False
            raise PinFailed(f"{self.name}: {failed}") from None
        keys = answer.get("Keys")
        return isinstance(keys, dict) and cid in keys

    def pin(self, cid: str, manifest: bytes, artefacts: Artefacts) -> None:
        """Add and pin each artefact, then the manifest."""
        if cid_v1_raw(manifest) != cid:
            raise PinFailed(f"the manifest is not the one that {cid} names")
        if len(manifest) > BLOCK_BYTES_MAX:
            raise PinFailed(
                f"{self.name}: the manifest has {len(manifest)} bytes, and a block of IPFS at most {BLOCK_BYTES_MAX}: "
                "pack the artefacts into fewer files"
            )
        for entry in manifest_files(manifest):
            for _ in artefact_pieces(entry, artefacts):
                pass  # read through once: what was changed is not to be pinned under its old name
            fits = entry.size <= BLOCK_BYTES_MAX
            expected = cid_of_sha256(bytes.fromhex(entry.sha256)) if fits else ""
            content = artefacts[entry.path]
            if isinstance(content, bytes):
                self._add(content, entry.size, expected)
            else:
                with content.open("rb") as file:
                    self._add(file, entry.size, expected)
        self._add(manifest, len(manifest), cid)

    def _add(self, content: Any, size: int, expected: str) -> None:
        """Add and pin one file; `expected` is the CID that it must get, or empty."""
        limit_s = self._time_limit_s + size / _UPLOAD_BYTES_PER_S_MIN
        try:
            answer = self._call("add", limit_s, params=_ADD, files={"file": ("file", content)})
        except ServiceFailed as failed:
            raise PinFailed(f"{self.name}: {failed}") from None
        given = answer.get("Hash")
        if not isinstance(given, str) or (expected and given != expected):
            raise PinFailed(f"{self.name}: it was to pin {expected or 'a file'}, and says that it pinned {given!r:.80}")

    def _call(self, method: str, time_limit_s: float, **request: Any) -> dict[str, Any]:
        """Call a method of the API: the object in its answer, the last one where there are several."""
        answer = post(f"{self._url}/api/v0/{method}", time_limit_s=time_limit_s, bytes_max=_ANSWER_BYTES_MAX, **request)
        return _last_object(answer)


def _last_object(answer: bytes) -> dict[str, Any]:
    lines = answer.strip().splitlines()
    try:
        value = json.loads(lines[-1]) if lines else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ServiceFailed("the answer is not that of an IPFS API")
    return value
