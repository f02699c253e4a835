"""Receipts really made and really verified: what a run with `--crypto real` does with every job that completes.

    job done -> artefacts -> script: Merkle root -> ONE stamp over the batch, receipts signed -> verified -> pinned by CID

The simulated services still say how long each step takes and when it fails; where one succeeds, its step is done here with the
treaty's own functions. Only a receipt that verifies gets its pin, so one that does not is never complete.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from aurora_sim.engine.crypto import Crypto
from aurora_sim.engine.running_job import RunningJob
from aurora_sim.treaty.canonical import canonical
from aurora_sim.treaty.receipts import authority
from aurora_sim.treaty.receipts.artefacts import list_files
from aurora_sim.treaty.receipts.form import write_receipt
from aurora_sim.treaty.receipts.receipt import Draft, complete, draft
from aurora_sim.treaty.receipts.sources import NoStamp, Stamper, stamp_roots
from aurora_sim.treaty.receipts.verification import verify_receipt_file
from aurora_sim.world.job import Job
from aurora_sim.world.provenance import ProvenanceServices
from aurora_sim.world.streams import Streams


class RealReceipts:
    """Timestamp authority, pinning service and receipt script in one, as `ReceiptDesk` asks them.

    A job, under its order's id, is *completed* (its artefacts are here), *drafted* (has its root), then *written* (stamped and
    signed) and forgotten once its receipt was verified and pinned. `pinned` is what was pinned before its stamp.
    `verified` counts receipts that held, `refused` looks at one that did not.
    """

    def __init__(self, services: ProvenanceServices, crypto: Crypto, streams: Streams) -> None:
        self._services = services
        self._crypto = crypto
        self._seed = streams.generator("key/timestamp-authority", 0).bytes(32)
        self._stamper: Stamper | None = None
        self._completed: dict[str, tuple[str, str, dict[str, bytes]]] = {}  # order signed, provider, artefacts
        self._drafted: dict[str, Draft] = {}
        self._written: dict[str, bytes] = {}
        self._pinned: set[str] = set()
        self.verified = 0
        self.refused = 0

    def job_done(self, job: RunningJob, signed_id: str) -> None:
        """The job of the order whose content has this id ended, and left its artefacts."""
        provider_id = job.provider.provider_id
        self._completed[job.order_id] = signed_id, provider_id, artefacts(job, signed_id, provider_id)

    # The three services.

    def run(self, jobs: list[Job]) -> Collection[Job]:
        """Draft the receipt of each job, and say for which the script failed."""
        failed = self._services.run(jobs)
        for job in jobs:
            if job not in failed:
                signed_id, provider_id, files = self._completed[job.order_id]
                self._drafted[job.order_id] = draft(
                    files, order_id=signed_id, treaty_id=self._crypto.treaty_id, provider_id=provider_id
                )
        return failed

    def stamp(self, batch_size: int, now_s: float) -> float | None:
        """Stamp all that is drafted: the seconds that it took, or None when the authority failed."""
        latency_s = self._services.stamp(batch_size, now_s)
        if latency_s is None:
            return None
        assert batch_size == len(self._drafted), "the batch is not what has a root and no stamp"
        unix_s, drafts = self._crypto.unix_s(now_s), list(self._drafted.values())
        try:
            stamped = stamp_roots([item.root for item in drafts], self._authority(unix_s), unix_s)
        except NoStamp:
            return None
        receipts = complete(drafts, stamped, self._crypto.signers["treaty"], unix_s)
        self._written.update(zip(self._drafted, map(write_receipt, receipts), strict=True))
        # Those with a pin are complete by this stamp, and so it is good for nothing if one of them does not hold.
        if not all(self._holds(name, now_s) for name in self._drafted if name in self._pinned):
            for name in self._drafted:
                del self._written[name]
            return None
        for name in self._pinned.intersection(self._drafted):
            self._forget(name)
        self._drafted.clear()
        return latency_s

    def pin(self, jobs: list[Job], now_s: float) -> list[float | None]:
        """Pin the artefacts of each job whose receipt holds, or is yet to be stamped: the seconds, or None where it failed."""
        latencies_s = self._services.pin(jobs, now_s)
        return [
            latency_s if latency_s is not None and self._pin(job.order_id, now_s) else None
            for job, latency_s in zip(jobs, latencies_s, strict=True)
        ]

    def _pin(self, name: str, now_s: float) -> bool:
        if name in self._drafted:
            self._pinned.add(name)
            return True
        if not self._holds(name, now_s):
            return False
        self._forget(name)
        return True

    def _holds(self, name: str, now_s: float) -> bool:
        """Does the written receipt verify, and is it over the artefacts that the job left?"""
        crypto, unix_s = self._crypto, self._crypto.unix_s(now_s)
        signed_id, provider_id, files = self._completed[name]
        trusted = self._authority(unix_s).trusted
        receipt, faults = verify_receipt_file(self._written[name], None, crypto.registry, trusted, now_s=unix_s)
        good = (
            receipt is not None
            and not faults
            and (receipt.order_id, receipt.treaty_id, receipt.provider_id) == (signed_id, crypto.treaty_id, provider_id)
            and receipt.files == list_files(files)
        )
        self.verified += good
        self.refused += not good
        return good

    def _forget(self, name: str) -> None:
        del self._completed[name], self._written[name]
        self._pinned.discard(name)

    def _authority(self, unix_s: float) -> Stamper:
        """The run's own authority, whose certificate begins a day before its first stamp."""
        if self._stamper is None:
            own = authority.in_memory(self._seed, unix_s)
            self._stamper = Stamper([own], [own.certificate])
        return self._stamper


def artefacts(job: RunningJob, signed_id: str, provider_id: str) -> dict[str, bytes]:
    """What a simulated job leaves: a record of the job, and the digest of a result that is made of it."""
    record = canonical(
        {
            "order_id": signed_id,
            "provider_id": provider_id,
            "tenant_id": job.tenant_id,
            "workload_type": job.workload_type,
            "gpu_type": job.gpu_type,
            "gpus": job.gpus,
            "gpu_hours": job.gpu_hours,
            "region": job.region,
        }
    )
    return {"job.json": record, "result.sha256": hashlib.sha256(record).hexdigest().encode() + b"\n"}
