"""What is pinned can be had again by its CID: in a folder of our own, and through the API of an IPFS daemon."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest
from fake_ipfs import fake_ipfs
from receipt_parts import ARTEFACTS, TREATY, http_server, job_folder, reply

from aurora_sim.scenario.errors import InputError
from aurora_sim.treaty.receipts.artefacts import folder_artefacts
from aurora_sim.treaty.receipts.cid import cid_of_sha256, cid_v1_raw
from aurora_sim.treaty.receipts.ipfs import BLOCK_BYTES_MAX, IpfsPins
from aurora_sim.treaty.receipts.pins import LocalPins, PinFailed
from aurora_sim.treaty.receipts.receipt import draft


@pytest.fixture
def manifest(job: Path) -> bytes:
    return manifest_of(folder_artefacts(job))


def manifest_of(found) -> bytes:
    return draft(found, order_id="o-1", treaty_id=TREATY, provider_id="akash").manifest


@pytest.fixture
def local(tmp_path: Path) -> LocalPins:
    return LocalPins(tmp_path / "state" / "pins")


def content(pins: Path) -> set[bytes]:
    return {path.read_bytes() for path in pins.iterdir()}


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_folder_holds_manifest_and_artefacts_by_their_cids(local, job, manifest, tmp_path, in_memory) -> None:
    cid = cid_v1_raw(manifest)
    assert not local.has(cid)
    local.pin(cid, manifest, ARTEFACTS if in_memory else folder_artefacts(job))
    assert local.has(cid)
    assert content(tmp_path / "state" / "pins") == {manifest, *ARTEFACTS.values()}
    for path in (tmp_path / "state" / "pins").iterdir():
        assert path.name == cid_v1_raw(path.read_bytes())
    local.pin(cid, manifest, folder_artefacts(job))
    assert len(list((tmp_path / "state" / "pins").iterdir())) == 1 + len(ARTEFACTS)


def test_the_manifest_leads_to_every_artefact(local, job, manifest, tmp_path) -> None:
    """With the folder of pins and the receipt's CID alone, a job's artefacts can be put together again."""
    local.pin(cid_v1_raw(manifest), manifest, folder_artefacts(job))
    found = json.loads((tmp_path / "state" / "pins" / cid_v1_raw(manifest)).read_bytes())
    assert found["order_id"] == "o-1"
    pinned = {
        entry["path"]: (tmp_path / "state" / "pins" / cid_of_sha256(bytes.fromhex(entry["sha256"]))).read_bytes()
        for entry in found["files"]
    }
    assert pinned == ARTEFACTS


@pytest.mark.parametrize("harm", ["lost", "changed", "cut"])
@pytest.mark.parametrize("which", ["manifest", "artefact"])
def test_what_a_disk_lost_is_not_pinned_and_is_mended(local, job, manifest, tmp_path, harm, which) -> None:
    cid = cid_v1_raw(manifest)
    local.pin(cid, manifest, folder_artefacts(job))
    place = tmp_path / "state" / "pins" / (cid if which == "manifest" else cid_v1_raw(ARTEFACTS["model.bin"]))
    if harm == "lost":
        place.unlink()
    else:
        data = place.read_bytes()
        place.write_bytes(data[:-1] if harm == "cut" else data[:-1] + b"?")
    assert not local.has(cid)
    local.pin(cid, manifest, folder_artefacts(job))
    assert local.has(cid)


def both_stores(tmp_path: Path, url: str):
    return LocalPins(tmp_path / "pins"), IpfsPins(url)


def test_artefacts_that_are_not_the_receipts_are_not_pinned(job, manifest, tmp_path) -> None:
    cid = cid_v1_raw(manifest)
    (job / "model.bin").write_bytes(b"changed")
    with fake_ipfs() as daemon:
        for store in both_stores(tmp_path, daemon.url):
            with pytest.raises(PinFailed, match=r"model\.bin was changed since"):
                store.pin(cid, manifest, folder_artefacts(job))
            with pytest.raises(PinFailed, match=r"model\.bin is missing"):
                store.pin(cid, manifest, {"logs/run.log": ARTEFACTS["logs/run.log"]})
            with pytest.raises(PinFailed, match="not the one that"):
                store.pin(cid_v1_raw(b"another"), manifest, ARTEFACTS)
            assert not store.has(cid)
        assert cid_v1_raw(b"changed") not in daemon.pinned
    assert not (tmp_path / "pins" / cid).exists()
    assert not [path for path in (tmp_path / "pins").iterdir() if path.name.startswith(".")]


def test_a_folder_that_cannot_be_is_said_so(job, manifest, tmp_path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = LocalPins(tmp_path / "file" / "pins")
    with pytest.raises(PinFailed, match="Not a directory"):
        store.pin(cid_v1_raw(manifest), manifest, ARTEFACTS)
    with pytest.raises(PinFailed, match="Not a directory"):
        store.has(cid_v1_raw(manifest))


@pytest.mark.parametrize("in_memory", [False, True])
def test_ipfs_holds_them_under_the_same_cids(job, manifest, in_memory) -> None:
    cid = cid_v1_raw(manifest)
    with fake_ipfs() as daemon:
        store = IpfsPins(daemon.url + "/")
        assert not store.has(cid)
        store.pin(cid, manifest, ARTEFACTS if in_memory else folder_artefacts(job))
        assert store.has(cid)
        assert daemon.pinned == {cid_v1_raw(data): data for data in (manifest, *ARTEFACTS.values())}
        assert list(daemon.pinned)[-1] == cid, "the manifest is last: it is there only when all that it names is"


def test_ipfs_cuts_large_artefacts_as_it_likes(tmp_path) -> None:
    large = bytes(BLOCK_BYTES_MAX + 1)
    found = folder_artefacts(job_folder(tmp_path / "large", {"large": large}))
    manifest = manifest_of(found)
    with fake_ipfs() as daemon:
        IpfsPins(daemon.url).pin(cid_v1_raw(manifest), manifest, found)
        assert {hashlib.sha256(data).digest() for data in daemon.pinned.values()} == {
            hashlib.sha256(data).digest() for data in (large, manifest)
        }


def test_a_manifest_that_is_no_block_is_refused_before_anything_is_sent() -> None:
    many = {f"{number:0200}": b"" for number in range(4000)}
    manifest = manifest_of(many)
    assert len(manifest) > BLOCK_BYTES_MAX
    with fake_ipfs() as daemon:
        with pytest.raises(PinFailed, match="pack the artefacts"):
            IpfsPins(daemon.url).pin(cid_v1_raw(manifest), manifest, many)
        assert daemon.calls == []


@pytest.mark.parametrize("fail", ["add", "pin/ls"])
def test_a_daemon_that_fails_has_not_pinned(job, manifest, fail) -> None:
    cid = cid_v1_raw(manifest)
    with fake_ipfs() as daemon:
        daemon.fail = fail
        with pytest.raises(PinFailed, match="HTTP status 500"):
            IpfsPins(daemon.url).pin(cid, manifest, ARTEFACTS) if fail == "add" else IpfsPins(daemon.url).has(cid)
        assert cid not in daemon.pinned


def test_a_daemon_that_pins_something_else_is_not_believed(manifest) -> None:
    with fake_ipfs() as daemon:
        daemon.lie = True
        with pytest.raises(PinFailed, match="was to pin bafkrei"):
            IpfsPins(daemon.url).pin(cid_v1_raw(manifest), manifest, ARTEFACTS)


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[1]", b'{"Hash": 5}', b'{"Keys": []}'])
def test_what_is_no_such_api_has_not_pinned(manifest, answer) -> None:
    with http_server(lambda handler, _: reply(handler, answer)) as url:
        with pytest.raises(PinFailed):
            IpfsPins(url).pin(cid_v1_raw(manifest), manifest, ARTEFACTS)
        if b"Keys" in answer or b"Hash" in answer:
            assert not IpfsPins(url).has(cid_v1_raw(manifest))
        else:
            with pytest.raises(PinFailed, match="IPFS API"):
                IpfsPins(url).has(cid_v1_raw(manifest))


def test_a_daemon_that_hangs_is_given_up(manifest) -> None:
    with (
        http_server(lambda handler, _: time.sleep(1.0)) as url,
        pytest.raises(PinFailed, match=r"no answer within 0\.2 s"),
    ):
        IpfsPins(url, 0.2).has(cid_v1_raw(manifest))


def test_what_is_no_url_is_said_so() -> None:
    with pytest.raises(InputError, match="--pins"):
        IpfsPins("ftp://127.0.0.1:5001")
