"""`routing_decisions.parquet`: the rows of the CSV in typed columns, compressed, for runs of which the CSV is too long to read.

Every row is made of its line in the CSV, so that both hold the same values to the last decimal. This module imports pyarrow, which
is an extra.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import pyarrow  # type: ignore[import-untyped]
from pyarrow import csv, parquet

from aurora_sim.observe.rows import COLUMNS

ROWS_PER_GROUP: Final = 65_536
"""Rows are kept as text until there are so many: 11 MB. A group is what a reader takes in, and a processor, at a time."""

_NAME: Final = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
_TYPES: Final = {
    **dict.fromkeys(("step", "gpus", "attempts", "failovers"), pyarrow.int32()),
    **dict.fromkeys(("accepted", "policy_code"), pyarrow.int8()),
    **dict.fromkeys(
        ("tenant_id", "workload_type", "gpu_type", "provider_id", "outcome", "reason", "region", "bridge"), _NAME
    ),
    "order_id": pyarrow.string(),
}
SCHEMA: Final = pyarrow.schema([(name, _TYPES.get(name, pyarrow.float64())) for name in COLUMNS.split(",")])
"""An empty number of the CSV is null here; an empty text is one."""

_READ: Final = {
    "parse_options": csv.ParseOptions(quote_char=False),
    "convert_options": csv.ConvertOptions(
        column_types=SCHEMA, strings_can_be_null=False, null_values=[""], true_values=[], false_values=[]
    ),
}


class ParquetRows:
    """The file while it is written, a row group at a time. Raises OSError where the disk does."""

    def __init__(self, path: Path) -> None:
        self._writer = parquet.ParquetWriter(path, SCHEMA, compression="zstd")
        self._lines: list[str] = []
        self._kept = 0
        self._sha256 = hashlib.sha256(f"{COLUMNS}\n".encode())

    def write(self, rows: str) -> None:
        """Take in rows, as lines of the CSV."""
        self._lines.append(rows)
        self._kept += rows.count("\n")
        if self._kept >= ROWS_PER_GROUP:
            self._write_group()

    def close(self) -> None:
        """Write what is left, and the file's end."""
        try:
            if self._kept:
                self._write_group()
        finally:
            self._writer.close()

    @property
    def sha256_as_csv(self) -> str:
        """The digest that the CSV of the rows written would have, in hexadecimal."""
        return self._sha256.hexdigest()

    def _write_group(self) -> None:
        text = "".join(self._lines).encode()
        self._lines.clear()
        self._kept = 0
        self._sha256.update(text)
        at_once = csv.ReadOptions(column_names=SCHEMA.names, use_threads=False, block_size=len(text) + 1)
        self._writer.write_table(csv.read_csv(pyarrow.BufferReader(text), read_options=at_once, **_READ), 2**31)
