"""`vault-law receipt` makes, verifies, shows and pins; each mistake is one message, each failure its exit status."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from fake_ipfs import fake_ipfs
from receipt_parts import ARTEFACTS, http_server, job_folder, reply

from aurora_sim.cli import LazyGroup, call
from aurora_sim.cli.vault_law import COMMANDS
from aurora_sim.treaty.key_files import create_key
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.receipts import authority

ID = "o-" + "0123456789abcdef" * 2


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with keys, registry, authority, and two jobs' folders."""
    monkeypatch.chdir(tmp_path)
    for variable in [name for name in os.environ if name.startswith("AURORA_")]:
        monkeypatch.delenv(variable)
    signer = create_key(tmp_path / "state" / "keys", "treaty")
    registry = KeyRegistry()
    registry.add("treaty", signer.public_key, time.time() - 60.0)
    (tmp_path / "config").mkdir()
    registry.save(tmp_path / "config" / "keys.json")
    authority.create(tmp_path / "state" / "keys")
    for name in (ID, "job-2"):
        job_folder(tmp_path / "jobs" / name)
    return tmp_path


@pytest.fixture
def receipt(place: Path, capsys: pytest.CaptureFixture[str]):
    """Runs a command line as the console script does: exit status, output, messages."""

    def run(*arguments: object) -> tuple[int, str, str]:
        group = LazyGroup(COMMANDS, "vault-law", "")
        status = call(group, ["receipt", *(str(argument) for argument in arguments)], "vault-law")
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return status, captured.out, captured.err

    return run


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_make_and_verify(receipt, place) -> None:
    status, out, err = receipt("make", f"jobs/{ID}", "--provider", "akash")
    assert (status, err) == (0, "")
    assert f"receipt  jobs/{ID}.receipt.json" in out
    assert f"order    {ID}, under AURORA-AKASH-001, run by akash" in out
    assert re.search(r"pinned   bafkrei\w+ in state/pins", out)
    status, out, err = receipt("verify", f"jobs/{ID}.receipt.json", f"jobs/{ID}")
    assert (status, err) == (0, "")
    assert "good" in out
    assert re.search(r"by CN=Aurora Treaty timestamp authority [0-9a-f]{16}, receipt 1 of 1 under it", out)
    assert receipt("verify", f"jobs/{ID}.receipt.json")[0] == 0, "the folder beside it is the default"


def test_verify_names_each_file_that_is_not_as_it_was(receipt, place) -> None:
    receipt("make", f"jobs/{ID}", "--provider", "akash")
    (place / "jobs" / ID / "logs" / "run.log").write_text("forged")
    (place / "jobs" / ID / "model.bin").unlink()
    (place / "jobs" / ID / "extra").write_text("")
    status, out, _ = receipt("verify", f"jobs/{ID}.receipt.json", f"jobs/{ID}")
    assert status == 1
    assert out.splitlines() == [
        f"jobs/{ID}.receipt.json: artefact extra: was added: the receipt does not know it",
        f"jobs/{ID}.receipt.json: artefact logs/run.log: was changed: it has 6 bytes, and the receipt says 14",
        f"jobs/{ID}.receipt.json: artefact model.bin: is missing",
        f"jobs/{ID}.receipt.json: does not hold, 3 faults",
    ]


def test_verify_names_the_part_of_the_receipt_that_was_changed(receipt, place) -> None:
    receipt("make", f"jobs/{ID}", "--provider", "akash")
    file = place / "jobs" / f"{ID}.receipt.json"
    file.write_text(file.read_text().replace('"akash"', '"ionet"'))
    status, out, _ = receipt("verify", file, f"jobs/{ID}")
    assert status == 1
    assert "cid, order_id, treaty_id or provider_id: one of them was changed" in out


def test_several_folders_share_one_stamp(receipt, place) -> None:
    status, _, _ = receipt(
        "make", f"jobs/{ID}", "jobs/job-2", "--order", ID, "--order", "o-2", "--provider", "akash", "--provider", "flux"
    )
    assert status == 0
    first, second = (json.loads((place / "jobs" / f"{name}.receipt.json").read_text()) for name in (ID, "job-2"))
    assert first["timestamp"]["token"] == second["timestamp"]["token"]
    assert (first["provider_id"], second["provider_id"]) == ("akash", "flux")
    for name in (ID, "job-2"):
        assert receipt("verify", f"jobs/{name}.receipt.json")[0] == 0


def test_a_backup_authority_is_used_and_said(receipt, place) -> None:
    with http_server(lambda handler, _: reply(handler, b"", 503)) as url:
        command = ("make", f"jobs/{ID}", "--provider", "akash", "--tsa", url)
        status, out, err = receipt(*command)
        assert (status, out) == (1, "")
        assert f"no timestamp authority gave a stamp: {url}: HTTP status 503. Nothing was written" in err
        assert files_in(place / "jobs") == {f"{name}/{path}" for name in (ID, "job-2") for path in ARTEFACTS}
        status, out, err = receipt(*command, "--tsa", "embedded")
    assert status == 0
    assert err == f"warning: {url}: HTTP status 503; the next timestamp authority was asked\n"


def test_an_authority_by_url_counts_with_its_root_certificate(receipt, place) -> None:
    theirs = authority.in_memory(b"theirs", time.time())
    (place / "theirs.pem").write_bytes(theirs.certificate.public_bytes(Encoding.PEM))
    with http_server(lambda handler, body: reply(handler, theirs.stamp(body, time.time()))) as url:
        command = ("make", f"jobs/{ID}", "--provider", "akash", "--tsa", url)
        status, _, err = receipt(*command)
        assert status == 1
        assert "--tsa-ca" in err
        assert receipt(*command, "--tsa-ca", "theirs.pem")[0] == 0
    assert receipt("verify", f"jobs/{ID}.receipt.json")[0] == 1
    assert receipt("verify", f"jobs/{ID}.receipt.json", "--tsa-ca", "theirs.pem")[0] == 0


def test_repin_pins_what_is_not_pinned_and_only_that(receipt, place) -> None:
    with http_server(lambda handler, _: reply(handler, b"", 500)) as url:
        status, out, err = receipt("make", f"jobs/{ID}", "--provider", "akash", "--pins", url)
    assert status == 1, "the receipt is made, and is not complete"
    assert f"receipt  jobs/{ID}.receipt.json" in out
    assert (
        f"not pinned: {url}: HTTP status 500. When that is mended: vault-law receipt repin jobs/{ID}.receipt.json"
        in err
    )
    receipt("make", "jobs/job-2", "--order", "o-2", "--provider", "akash")
    status, out, err = receipt("repin", f"jobs/{ID}.receipt.json", "jobs/job-2.receipt.json")
    assert (status, err) == (0, "")
    first, second = out.splitlines()
    assert first.endswith("in state/pins")
    assert second.endswith("is in state/pins already")


def test_repin_goes_on_after_one_that_fails(receipt, place) -> None:
    receipt("make", f"jobs/{ID}", "jobs/job-2", "--order", ID, "--order", "o-2", "--provider", "akash")
    shutil.rmtree(place / "state" / "pins")
    (place / "jobs" / ID / "model.bin").write_bytes(b"changed")
    (place / "bad.receipt.json").write_text("{}")
    status, out, err = receipt("repin", "bad.receipt.json", f"jobs/{ID}.receipt.json", "jobs/job-2.receipt.json")
    assert status == 1
    assert "bad.receipt.json: " in err
    assert "the artefact model.bin was changed since the receipt was made" in err
    assert len(out.splitlines()) == 1


def test_repin_says_when_the_store_still_fails(receipt, place) -> None:
    receipt("make", f"jobs/{ID}", "--provider", "akash")
    with http_server(lambda handler, _: reply(handler, b"", 500)) as url:
        status, out, err = receipt("repin", f"jobs/{ID}.receipt.json", "--pins", url)
    assert (status, out) == (1, "")
    assert err.startswith("not pinned: ")


def test_repin_takes_a_receipt_from_elsewhere(receipt, place) -> None:
    receipt("make", f"jobs/{ID}", "--provider", "akash", "--out", "elsewhere.json")
    with fake_ipfs() as daemon:
        assert receipt("repin", "elsewhere.json", "--pins", daemon.url)[0] == 2, "where are the artefacts?"
        assert receipt("repin", "elsewhere.json", "--artefacts", f"jobs/{ID}", "--pins", daemon.url)[0] == 0
        assert json.loads((place / "elsewhere.json").read_text())["cid"] in daemon.pinned


def test_health_asks_every_service(receipt, place) -> None:
    status, out, _ = receipt("health")
    assert status == 0
    assert re.fullmatch(r"good    embedded: stamped at \S+Z, in \d+ ms\ngood    state/pins: answers\n", out)
    with http_server(lambda handler, _: reply(handler, b"", 404)) as url:
        status, out, _ = receipt("health", "--tsa", url, "--tsa", "embedded", "--pins", url)
    assert status == 1
    assert [line.split()[0] for line in out.splitlines()] == ["failed", "good", "failed"]


@pytest.mark.needs("openssl")
def test_show_says_how_openssl_checks_the_stamp(receipt, place) -> None:
    receipt("make", f"jobs/{ID}", "--provider", "akash")
    status, out, _ = receipt("show", f"jobs/{ID}.receipt.json", "--token", "token.der")
    assert status == 0
    for path in ARTEFACTS:
        assert f"  {path}\n" in out
    command = out.splitlines()[-1].split()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "Verification: OK" in done.stdout, done.stderr


MISTAKES = {
    "no such folder": (("make", "nowhere", "--order", "o-1", "--provider", "akash"), "no such folder"),
    "no order": (("make", "jobs/job-2", "--provider", "akash"), "--order"),
    "orders do not fit": (("make", f"jobs/{ID}", "--order", "a", "--order", "b", "--provider", "x"), "2 are given for 1"),
    "providers do not fit": (("make", f"jobs/{ID}", "--provider", "a", "--provider", "b"), "2 are given for 1"),
    "no id": (("make", f"jobs/{ID}", "--provider", "a b"), "no id"),
    "no treaty id": (("make", f"jobs/{ID}", "--provider", "a", "--treaty", "../x"), "no id"),
    "twice": (("make", f"jobs/{ID}", f"jobs/../jobs/{ID}", "--provider", "a"), "given twice"),
    "out for two": (("make", f"jobs/{ID}", "jobs/job-2", "--order", "a", "--order", "b", "--provider", "a", "--out", "x"), "--out"),
    "out among the artefacts": (("make", f"jobs/{ID}", "--provider", "a", "--out", f"jobs/{ID}/r.json"), "artefact itself"),
    "out nowhere": (("make", f"jobs/{ID}", "--provider", "a", "--out", "nowhere/r.json"), "no such folder"),
    "bad authority": (("make", f"jobs/{ID}", "--provider", "a", "--tsa", "freetsa"), "no HTTP URL"),
    "bad pins": (("make", f"jobs/{ID}", "--provider", "a", "--pins", "ftp://x"), "no HTTP URL"),
    "bad root certificate": (("make", f"jobs/{ID}", "--provider", "a", "--tsa-ca", "config/keys.json"), "no certificate"),
    "no root certificate": (("make", f"jobs/{ID}", "--provider", "a", "--tsa-ca", "x"), "cannot be read"),
    "no registry": (("make", f"jobs/{ID}", "--provider", "a", "--registry", "x"), "no key registry"),
    "no keys": (("make", f"jobs/{ID}", "--provider", "a", "--keys", "x"), "no such private key"),
    "verify the other way round": (("verify", f"jobs/{ID}", "x.json"), "receipt comes first"),
    "verify nothing": (("verify", "x.json", f"jobs/{ID}"), "cannot be read"),
    "verify without authorities": (("verify", "config/keys.json", f"jobs/{ID}", "--keys", "x"), "no certificate"),
    "verify beside nothing": (("verify", "config/keys.json"), "artefacts' folder too"),
    "repin into one folder": (("repin", "a", "b", "--artefacts", "x"), "cannot share"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_message_and_leaves_nothing(receipt, place, name) -> None:
    arguments, what = MISTAKES[name]
    before = files_in(place)
    status, out, err = receipt(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("vault-law: ")
    assert len(err.splitlines()) == 1
    assert what in err
    assert files_in(place) == before


def test_a_receipt_is_not_replaced_unasked(receipt, place) -> None:
    command = ("make", f"jobs/{ID}", "--provider", "akash")
    receipt(*command)
    first = (place / "jobs" / f"{ID}.receipt.json").read_bytes()
    status, _, err = receipt(*command)
    assert status == 2
    assert "--force" in err
    assert (place / "jobs" / f"{ID}.receipt.json").read_bytes() == first
    assert receipt(*command, "--force")[0] == 0
    assert (place / "jobs" / f"{ID}.receipt.json").read_bytes() != first


def test_the_folder_may_be_where_one_is(receipt, place, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, path in {"AURORA_KEYS": "state/keys", "AURORA_KEY_REGISTRY": "config/keys.json"}.items():
        monkeypatch.setenv(variable, str(place / path))
    monkeypatch.setenv("AURORA_PINS", str(place / "pins"))
    monkeypatch.chdir(place / "jobs" / ID)
    assert receipt("make", ".", "--provider", "akash")[0] == 0
    assert (place / "jobs" / f"{ID}.receipt.json").exists()


# The limit is on what this process writes to any file, as a full disk would be, and works for root too.
SHORT_OF_SPACE = """
import resource, sys
from aurora_sim.cli import LazyGroup, call
from aurora_sim.cli.vault_law import COMMANDS
import aurora_sim.cli.receipt, aurora_sim.treaty.receipts.verification, aurora_sim.treaty.receipts.ipfs
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(call(LazyGroup(COMMANDS, "vault-law", ""), ["receipt", *sys.argv[2:]], "vault-law"))
"""


@pytest.mark.parametrize(
    ("limit", "status", "said", "left"),
    [
        (1000, 1, "File too large. Nothing was left half-written", set()),
        (4500, 1, "not pinned: ", {f"jobs/{ID}.receipt.json", "jobs/job-2.receipt.json"}),
    ],
    ids=["no receipt fits", "no artefact fits"],
)
def test_a_full_disk_is_one_message_and_nothing_half_written(receipt, place, limit, status, said, left) -> None:
    before = files_in(place)
    arguments = ("make", f"jobs/{ID}", "jobs/job-2", "--order", ID, "--order", "o-2", "--provider", "akash")
    done = subprocess.run(
        [sys.executable, "-c", SHORT_OF_SPACE, str(limit), *arguments], capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    new = files_in(place) - before
    assert {name for name in new if not name.startswith("state/pins")} == left
    if left:
        assert receipt("verify", f"jobs/{ID}.receipt.json")[0] == 0
        assert receipt("repin", f"jobs/{ID}.receipt.json", "jobs/job-2.receipt.json")[0] == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_may_not_be_written_is_one_message(receipt, place) -> None:
    (place / "jobs").chmod(0o500)
    before = files_in(place)
    status, out, err = receipt("make", f"jobs/{ID}", "--provider", "akash")
    (place / "jobs").chmod(0o700)
    assert (status, out) == (1, "")
    assert f"jobs/{ID}.receipt.json: Permission denied" in err
    assert files_in(place) == before
