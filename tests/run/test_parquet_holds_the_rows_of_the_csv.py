"""`--format parquet`: the same rows as the CSV, value by value, in row groups; and one message where it cannot be written."""

from __future__ import annotations

import csv
import hashlib
import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet
from row_runs import PROJECT, loaded_with_every_outcome, run_into
from run_command import aurora

from aurora_sim.observe import parquet_rows
from aurora_sim.observe.rows import COLUMNS

TEXTS = {"tenant_id", "workload_type", "gpu_type", "provider_id", "outcome", "reason", "order_id", "region", "bridge"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same run, as CSV and as Parquet of small row groups."""
    folder = tmp_path_factory.mktemp("rows")
    loaded = loaded_with_every_outcome(folder)
    run_into(folder / "csv", loaded)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_rows, "ROWS_PER_GROUP", 500)
        run_into(folder / "parquet", loaded, rows="parquet")
    return folder / "csv", folder / "parquet"


def csv_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "routing_decisions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_value_is_that_of_the_csv(folders: tuple[Path, Path]) -> None:
    written = csv_rows(folders[0])
    assert {"filled", "rejected", "denied", "refused"} <= {row["outcome"] for row in written}
    found = parquet.read_table(folders[1] / "routing_decisions.parquet")
    assert found.column_names == COLUMNS.split(",")
    for name in found.column_names:
        texts = [row[name] for row in written]
        wanted = texts if name in TEXTS else [float(text) if text else None for text in texts]
        assert found[name].to_pylist() == wanted, name


def test_rows_are_written_in_groups(folders: tuple[Path, Path]) -> None:
    file = parquet.ParquetFile(folders[1] / "routing_decisions.parquet")
    sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert len(sizes) > 3
    assert min(sizes[:-1]) >= 500
    assert {file.metadata.row_group(0).column(0).compression} == {"ZSTD"}


def test_the_manifest_knows_the_rows_as_csv(folders: tuple[Path, Path]) -> None:
    manifests = [json.loads((folder / "run.json").read_text()) for folder in folders]
    digest = hashlib.sha256((folders[0] / "routing_decisions.csv").read_bytes()).hexdigest()
    written = len(csv_rows(folders[0]))
    assert manifests[0]["order_rows"] == {"format": "csv", "share": 1.0, "written": written}
    assert manifests[1]["order_rows"] == {
        "format": "parquet",
        "share": 1.0,
        "written": written,
        "sha256_as_csv": digest,
    }
    found = hashlib.sha256((folders[1] / "routing_decisions.parquet").read_bytes()).hexdigest()
    assert manifests[1]["outputs"]["routing_decisions.parquet"] == found
    assert "pyarrow" in manifests[1]["versions"]


def test_rows_of_a_run_before_do_not_stay(tmp_path: Path) -> None:
    loaded = loaded_with_every_outcome(tmp_path)
    left = {}
    for rows in ("csv", "parquet", "none", "csv"):
        run_into(tmp_path / "out", loaded, rows=rows, steps=2)
        left[rows] = {path.name for path in (tmp_path / "out").glob("routing_decisions*")}
    assert left == {"csv": {"routing_decisions.csv"}, "parquet": {"routing_decisions.parquet"}, "none": set()}


def test_without_pyarrow_the_message_names_the_extra(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['pyarrow'] = None\n")
    path = f"{tmp_path}:{PROJECT}"
    done = aurora("run", "--format", "parquet", "--out", tmp_path / "out", PYTHONPATH=path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert 'pip install ".[parquet]"' in done.stderr
    assert not (tmp_path / "out").exists()
    assert aurora("run", "--steps", "1", "--out", tmp_path / "out", PYTHONPATH=path).returncode == 0


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    command = ["run", "--steps", "10", "--format", "parquet", "--quiet", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-B", "-m", "aurora_sim", *command],
        cwd=PROJECT,
        preexec_fn=small_files,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "out").exists()
