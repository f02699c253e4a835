"""The files of a run: written beside their final names while it goes on, and put in place all together at its end.

So a run that breaks off leaves the files of the run before as they were, and no half-written file under a final name.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TextIO

from aurora_sim.observe.recorder import ProviderReading, StepReading
from aurora_sim.observe.rows import COLUMNS

if TYPE_CHECKING:
    from aurora_sim.observe.parquet_rows import ParquetRows

RowFormat = Literal["csv", "parquet", "none"]
"""What the rows of the orders are written as, if they are."""
ROUTING: Final = "routing_decisions.csv"
ROUTING_PARQUET: Final = "routing_decisions.parquet"
STEPS: Final = "step_metrics.csv"
PROVIDERS: Final = "provider_metrics_over_time.csv"
ALERTS: Final = "alerts.csv"
MANIFEST: Final = "run.json"
PLOTS: Final = ("overview.png", "fill_rate.png", "rtt.png", "providers.png", "failovers.png")
PARTIAL: Final = ".partial"
BUFFERED_BYTES: Final = 1 << 17
"""Of each file, before it is written: the rows of some twenty minutes. It comes into place at the end, so nobody waits for it."""

STEP_COLUMNS: Final = (
    "step,total_requests,routed,dropped,fill_rate,avg_cost_usd_per_request,avg_latency_ms,refused_entry,fill_rate_5m,"
    "fill_rate_gpu_hours_5m,rtt_p50_ms_5m,rtt_p95_ms_5m,rtt_p99_ms_5m,provenance_coverage,dropped_5m,failovers,failovers_5m,jobs_killed,jobs_lost,"
    "gpu_hours_routed,gpu_hours_leased,halted"
)
_STEP_ROW: Final = "%d,%d,%d,%d,%.4f,%.4f,%.1f,%d,%.4f,%.4f,%.1f,%.1f,%.1f,%.4f,%d,%d,%d,%d,%d,%.4f,%.3f,%d\n"
PROVIDER_COLUMNS: Final = (
    "step,provider_id,active,effective_capacity,latency_ms,price_usd_per_hour,reputation,leased_gpus"
)
ALERT_COLUMNS: Final = ("alert", "severity", "state", "started_s", "fired_s", "resolved_s")


class RunFiles:
    """The streams of rows of a run, and what is written once at its end. With rows `none` it takes no orders.

    Open until `finish` puts everything in place or `discard` takes everything away. Raises OSError where the disk does.
    """

    def __init__(self, folder: Path, rows: RowFormat = "csv") -> None:
        self.folder = folder
        self.rows = rows
        self._made = make_folder(folder)
        self._open: dict[str, TextIO | ParquetRows] = {}
        self._parquet: ParquetRows | None = None
        try:
            if rows == "csv":
                self.orders: Callable[[str], object] = self._csv(ROUTING, COLUMNS).write
                """Write rows of orders, as lines of `routing_decisions.csv`."""
            elif rows == "parquet":
                from aurora_sim.observe.parquet_rows import ParquetRows  # pyarrow is an extra

                self._parquet = self._open[ROUTING_PARQUET] = ParquetRows(folder / (ROUTING_PARQUET + PARTIAL))
                self.orders = self._parquet.write
            self._steps = self._csv(STEPS, STEP_COLUMNS)
            self._providers = self._csv(PROVIDERS, PROVIDER_COLUMNS)
            self._read: Sequence[ProviderReading] = ()  # at the step before, and
            self._texts: list[str] = []  # their rows
        except OSError:
            self.discard()
            raise

    def _csv(self, name: str, columns: str) -> TextIO:
        file = self._open[name] = (self.folder / (name + PARTIAL)).open(
            "w", buffering=BUFFERED_BYTES, encoding="utf-8", newline="\n"
        )
        file.write(columns + "\n")
        return file

    def step(self, reading: StepReading) -> None:
        """The rows of a step."""
        tally = reading.tally
        filled, ended = tally.filled, tally.filled + tally.dropped
        values = (
            reading.step, tally.arrived, filled, tally.dropped, filled / ended if ended else None,
            tally.cost_usd / filled if filled else None, tally.latency_ms_sum / filled if filled else None,
            tally.refused_entry, reading.fill_rate, reading.fill_rate_gpu_hours, reading.rtt_p50_ms, reading.rtt_p95_ms,
            reading.rtt_p99_ms, reading.provenance_coverage, reading.dropped_5m, tally.failovers, reading.failovers_5m,
            tally.jobs_killed, tally.jobs_lost, tally.gpu_hours_filled, reading.gpu_hours_leased, reading.halted,
        )  # fmt: skip
        self._steps.write(_STEP_ROW % values if None not in values else _row_with_gaps(values))
        step = f"{reading.step},"
        self._providers.write(step + step.join(self._provider_texts(reading.providers)))

    def _provider_texts(self, providers: Sequence[ProviderReading]) -> Iterable[str]:
        """What follows the step in the rows of the providers. Of many, most are as they were, and so the same object."""
        texts = self._texts = self._texts or [""] * len(providers)
        for place, (now, before) in enumerate(zip_longest(providers, self._read)):
            if now is not before:
                texts[place] = f"{_offer(*now[:6])},{now.leased_gpus}\n"
        self._read = providers
        return texts

    def finish(
        self,
        alerts: Iterable[Sequence[object]],
        manifest: Mapping[str, object],
        rows_written: int,
        share_of_rows: float = 1.0,
    ) -> dict[str, str]:
        """Write the alerts and the manifest, put every file in place, and give the SHA-256 of each but the manifest."""
        for file in self._open.values():
            file.close()
        with (self.folder / (ALERTS + PARTIAL)).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(ALERT_COLUMNS)
            writer.writerows(alerts)
        names = (*self._open, ALERTS)
        outputs = {name: _sha256(self.folder / (name + PARTIAL)) for name in names}
        told = {**manifest, "order_rows": self._told_of_rows(rows_written, share_of_rows), "outputs": outputs}
        text = json.dumps(told, indent=2, sort_keys=True, allow_nan=False) + "\n"
        (self.folder / (MANIFEST + PARTIAL)).write_text(text, encoding="utf-8")
        for name in (*names, MANIFEST):
            (self.folder / (name + PARTIAL)).replace(self.folder / name)
        for name in {ROUTING, ROUTING_PARQUET, *PLOTS}.difference(names):  # of the run before, and not of this one
            (self.folder / name).unlink(missing_ok=True)
        return outputs

    def _told_of_rows(self, written: int, share: float) -> dict[str, object]:
        """What the manifest says of the rows of the orders: how they are written, of which share of the orders, and how many."""
        told: dict[str, object] = {"format": self.rows, "written": written}
        if self.rows != "none":
            told["share"] = share
        if self._parquet is not None:  # whose own digest is another with each version of pyarrow
            told["sha256_as_csv"] = self._parquet.sha256_as_csv
        return told

    def discard(self) -> None:
        """Take away what this run has written, and the folders that it made."""
        for file in self._open.values():
            with contextlib.suppress(OSError):  # closing flushes, and a full disk refuses that too
                file.close()
        for name in (ROUTING, ROUTING_PARQUET, STEPS, PROVIDERS, ALERTS, MANIFEST):
            (self.folder / (name + PARTIAL)).unlink(missing_ok=True)
        remove_folders(self._made)


def make_folder(folder: Path) -> list[Path]:
    """Make a folder and those that it is in, and give the ones that were not there."""
    made: list[Path] = []
    for missing in reversed([folder, *folder.parents]):
        if not missing.exists():
            missing.mkdir()
            made.append(missing)
    return made


def remove_folders(made: Sequence[Path]) -> None:
    """Take away folders that were made, but for those that hold something."""
    for folder in reversed(made):
        with contextlib.suppress(OSError):
            folder.rmdir()


def write_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Put files into a folder, all or none. Raises OSError where the disk does."""
    try:
        for name, text in texts.items():
            (folder / (name + PARTIAL)).write_text(text, encoding="utf-8", newline="\n")
        for name in texts:
            (folder / (name + PARTIAL)).replace(folder / name)
    except BaseException:
        for name in texts:
            (folder / (name + PARTIAL)).unlink(missing_ok=True)
        raise


@lru_cache(maxsize=1024)
def _offer(
    provider_id: str, active: bool, capacity_gpus: int, latency_ms: float, price_usd_per_hour: float, reputation: float
) -> str:
    """What a provider offers, as text: it seldom changes, and the text of a float is dear."""
    return f"{provider_id},{active:d},{capacity_gpus},{latency_ms:.1f},{price_usd_per_hour:.4f},{reputation:.2f}"


def _row_with_gaps(values: Sequence[float | None]) -> str:
    """The row of a step in which something has no value: its column is empty."""
    columns = zip(_STEP_ROW.rstrip().split(","), values, strict=True)
    return ",".join(["" if value is None else form % value for form, value in columns]) + "\n"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
