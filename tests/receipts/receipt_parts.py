"""What the tests of receipts are made of: a deployment's keys, a job's folder, and an HTTP server that answers as told."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from aurora_sim.treaty.key_files import Signer, create_key
from aurora_sim.treaty.keys import KeyRegistry
from aurora_sim.treaty.receipts import authority
from aurora_sim.treaty.receipts.receipt import JobFolder, make_receipts
from aurora_sim.treaty.receipts.sources import Stamper
from aurora_sim.treaty.receipts.verification import ReceiptFault, verify_receipt

NOW_S = 1_767_700_800.25
TREATY = "AURORA-AKASH-001"
ARTEFACTS = {"logs/run.log": b"step 1\nstep 2\n", "model.bin": bytes(range(256)) * 20, "notes.txt": b""}


class Deployment(NamedTuple):
    """The treaty's key with its registry, and an authority in memory."""

    signer: Signer
    registry: KeyRegistry
    tsa: authority.TimestampAuthority

    @property
    def trusted(self) -> list[x509.Certificate]:
        return [self.tsa.certificate]

    @property
    def stamper(self) -> Stamper:
        return Stamper([self.tsa], self.trusted)

    def make(self, *folders: Path):
        """One receipt for each folder, in one batch."""
        jobs = [JobFolder(folder, f"order-{number}", "akash") for number, folder in enumerate(folders, 1)]
        return make_receipts(jobs, treaty_id=TREATY, stamper=self.stamper, signer=self.signer, now_s=NOW_S)

    def faults(self, receipt, folder: Path | None = None, now_s: float = NOW_S) -> list[ReceiptFault]:
        return verify_receipt(receipt, folder, self.registry, self.trusted, now_s=now_s)


def deployment(keys_folder: Path) -> Deployment:
    signer = create_key(keys_folder, "treaty")
    registry = KeyRegistry()
    registry.add("treaty", signer.public_key, NOW_S - 3600.0)
    return Deployment(signer, registry, authority.in_memory(b"seed", NOW_S))


def job_folder(folder: Path, artefacts: dict[str, bytes] = ARTEFACTS) -> Path:
    for path, content in artefacts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


@contextlib.contextmanager
def http_server(answer: Answer) -> Iterator[str]:
    """A server on a free port of 127.0.0.1 that hands each POST and its body to `answer`; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with contextlib.suppress(OSError):  # who asked may be gone
                answer(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
