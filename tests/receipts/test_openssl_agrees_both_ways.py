"""openssl verifies our stamps and answers our queries; a receipt under a stamp of openssl's own authority holds here."""

from __future__ import annotations

import secrets
import subprocess
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from receipt_parts import NOW_S, TREATY, http_server, reply

from aurora_sim.treaty.receipts.authority import TimestampAuthority
from aurora_sim.treaty.receipts.certificates import read_certificates
from aurora_sim.treaty.receipts.query import write_query
from aurora_sim.treaty.receipts.receipt import JobFolder, make_receipts
from aurora_sim.treaty.receipts.sources import HttpAuthority, NoStamp, Stamper
from aurora_sim.treaty.receipts.stamps import StampInvalid, verify_response, verify_token
from aurora_sim.treaty.receipts.verification import stamped_digest, verify_receipt

pytestmark = pytest.mark.needs("openssl")

CONFIG = """
[ tsa ]
default_tsa = tsa1
[ tsa1 ]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.32473.1
digests = sha256, sha512
accuracy = secs:1
{extra}
"""
EXTENSIONS = (
    "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n"
)
KEYS = {"rsa": ("rsa:2048",), "ec": ("ec", "-pkeyopt", "ec_paramgen_curve:P-384")}


def openssl(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["openssl", *(str(argument) for argument in arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


class OpensslAuthority:
    """An authority that is all openssl's: a root, a certificate under it, and `openssl ts -reply`."""

    name = "openssl"

    def __init__(self, folder: Path, key: str, extra: str = "") -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "serial").write_text("01\n")
        (folder / "extensions").write_text(EXTENSIONS)
        (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder, extra=extra))
        new_key = ("-newkey", *KEYS[key], "-nodes")
        for arguments in (
            ("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=root", "-days", "30"),
            ("req", *new_key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=tsa"),
            ("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tsa.pem",
             "-days", "30", "-extfile", "extensions"),
        ):  # fmt: skip
            done = openssl(*arguments, folder=folder)
            assert done.returncode == 0, done.stderr
        self.trusted = read_certificates(folder / "ca.pem")

    def stamp(self, query: bytes, now_s: float) -> bytes:
        (self.folder / "query.tsq").write_bytes(query)
        arguments = ("-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr")
        done = openssl("ts", *arguments, folder=self.folder)
        assert done.returncode == 0, done.stderr
        return (self.folder / "reply.tsr").read_bytes()


@pytest.fixture
def ca_file(ours, tmp_path: Path) -> Path:
    path = tmp_path / "ours.pem"
    path.write_bytes(ours.tsa.certificate.public_bytes(Encoding.PEM))
    return path


@pytest.mark.parametrize("query", [("-sha256", "-cert"), ("-sha384", "-cert"), ("-sha512", "-cert", "-no_nonce")])
def test_openssl_asks_us_and_verifies_the_answer(ours, job, tmp_path, ca_file, query) -> None:
    data = job / "model.bin"
    asked = openssl("ts", "-query", "-data", data, *query, "-out", "q.tsq", folder=tmp_path)
    assert asked.returncode == 0, asked.stderr
    (tmp_path / "r.tsr").write_bytes(ours.tsa.stamp((tmp_path / "q.tsq").read_bytes(), NOW_S))
    verify = ("ts", "-verify", "-in", "r.tsr", "-CAfile", ca_file, "-attime", int(NOW_S))
    for against in (("-queryfile", "q.tsq"), ("-data", data)):
        done = openssl(*verify, *against, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "Verification: OK" in done.stdout
    data.write_bytes(b"changed")
    assert openssl(*verify, "-data", data, folder=tmp_path).returncode != 0


def test_openssl_verifies_the_token_in_a_receipt(ours, job, tmp_path, ca_file) -> None:
    (receipt,) = ours.make(job)
    (tmp_path / "token.der").write_bytes(receipt.timestamp.token_der)
    verify = ("ts", "-verify", "-token_in", "-in", "token.der", "-CAfile", ca_file, "-attime", int(NOW_S))
    done = openssl(*verify, "-digest", stamped_digest(receipt).hex(), folder=tmp_path)
    assert "Verification: OK" in done.stdout, done.stderr
    assert openssl(*verify, "-digest", "00" * 32, folder=tmp_path).returncode != 0
    shown = openssl("ts", "-reply", "-token_in", "-in", "token.der", "-token_out", "-text", folder=tmp_path)
    assert "Jan  6 12:00:00 2026 GMT" in shown.stdout, shown.stderr


@pytest.mark.parametrize(
    "query", [b"", b"\x30\x00", b"not DER", write_query(bytes(32), 1)[:-1]], ids=["empty", "bare", "text", "cut"]
)
def test_openssl_reads_why_we_refuse(ours, tmp_path, query) -> None:
    (tmp_path / "r.tsr").write_bytes(ours.tsa.stamp(query, NOW_S))
    shown = openssl("ts", "-reply", "-in", "r.tsr", "-text", folder=tmp_path)
    assert "Status: Rejected." in shown.stdout, shown.stderr
    assert "Failure info: the data submitted has the wrong format" in shown.stdout


@pytest.mark.parametrize(
    ("key", "extra"),
    [("rsa", ""), ("ec", ""), ("rsa", "ess_cert_id_alg = sha256\nclock_precision_digits = 6\ntsa_name = yes")],
)
def test_a_stamp_by_openssl_holds_here(tmp_path, key, extra) -> None:
    theirs = OpensslAuthority(tmp_path / "theirs", key, extra)
    digest, nonce, now_s = secrets.token_bytes(32), secrets.randbits(63), time.time()
    token, reading = verify_response(
        theirs.stamp(write_query(digest, nonce), now_s), digest, nonce, theirs.trusted, now_s
    )
    assert abs(reading.time_s - now_s) < 60.0
    assert reading.authority == "CN=root"
    assert verify_token(token, digest, theirs.trusted) == reading
    with pytest.raises(StampInvalid, match="something else"):
        verify_token(token, bytes(32), theirs.trusted)


def test_a_receipt_stamped_by_openssl_over_http_holds_for_who_trusts_its_root(ours, job, tmp_path) -> None:
    theirs = OpensslAuthority(tmp_path / "theirs", "rsa")
    now_s = time.time()
    with http_server(lambda handler, body: reply(handler, theirs.stamp(body, now_s))) as url:
        source = HttpAuthority(f"{url}/tsr")
        made = {"treaty_id": TREATY, "signer": ours.signer, "now_s": now_s}
        jobs = [JobFolder(job, "order-1", "akash")]
        (receipt,) = make_receipts(jobs, stamper=Stamper([source], theirs.trusted), **made)
        assert verify_receipt(receipt, job, ours.registry, theirs.trusted, now_s=now_s) == []
        assert verify_receipt(receipt, job, ours.registry, ours.trusted + theirs.trusted, now_s=now_s) == []
        (fault,) = verify_receipt(receipt, job, ours.registry, ours.trusted, now_s=now_s)
        assert fault.part == "timestamp.token"
        with pytest.raises(NoStamp, match="no trusted authority made it"):
            make_receipts(jobs, stamper=Stamper([source], ours.trusted), **made)


def test_a_certificate_that_is_not_for_time_stamping_counts_for_nothing(tmp_path) -> None:
    """An ordinary certificate under a trusted root is no authority, whatever it signs."""
    theirs = OpensslAuthority(tmp_path / "theirs", "ec")
    ours_under_theirs = tmp_path / "theirs" / "extensions"
    ours_under_theirs.write_text("keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n")
    signed = openssl(
        "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.pem",
        "-days", "30", "-extfile", "extensions", folder=theirs.folder,
    )  # fmt: skip
    assert signed.returncode == 0, signed.stderr
    tsa = _authority_with(theirs.folder / "tsa.key", theirs.folder / "server.pem")
    digest, now_s = secrets.token_bytes(32), time.time()
    with pytest.raises(StampInvalid, match="no trusted authority"):
        verify_response(tsa.stamp(write_query(digest, 1), now_s), digest, 1, theirs.trusted, now_s)
    good = _authority_with(theirs.folder / "tsa.key", theirs.folder / "tsa.pem")
    verify_response(good.stamp(write_query(digest, 1), now_s), digest, 1, theirs.trusted, now_s)


def _authority_with(key_file: Path, certificate_file: Path) -> TimestampAuthority:
    key = load_pem_private_key(key_file.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return TimestampAuthority(key, read_certificates(certificate_file)[0])
