"""Whatever is wrong with a trace is told once, by file and line, with exit status 2; nothing is left half-written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEADER = "order_id,arrival_s,tenant,gpu_type,gpus,duration_s\n"
GOOD = HEADER + "".join(f"o{n},{60 * n},x,any,1,{90 + n}\n" for n in range(50))

BAD = {
    "missing": (None, ""),
    "empty": (b"", ""),
    "header only": (HEADER.encode(), ""),
    "missing column": (b"order_id,arrival_s,tenant,gpus,duration_s\na,1,x,1,60\n", ":1"),
    "unsorted": (GOOD.encode() + b"z,5,x,any,1,60\n", ":52"),
    "NaN": (GOOD.encode() + b"z,nan,x,any,1,60\n", ":52"),
    "negative duration": (GOOD.encode() + b"z,9999,x,any,1,-60\n", ":52"),
    "not a CSV": (b"{'a': [1, 2]}\n" * 5, ":1"),
    "binary": (bytes(range(256)) * 50, ""),
    "NUL": (GOOD.encode() + b"z,9\x0099,x,any,1,60\n", ":52"),
}


def trace_command(*arguments, project):
    return subprocess.run(
        [sys.executable, "-m", "aurora_sim", "trace", *map(str, arguments)],
        cwd=project, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def told_once(done, place):
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"aurora-sim: {place}")
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_describe(bad, tmp_path, project: Path):
    content, line = BAD[bad]
    path = tmp_path / "bad.csv"
    if content is not None:
        path.write_bytes(content)
    told_once(
        trace_command("describe", path, "--json", tmp_path / "out" / "d.json", project=project), f"{path}{line}: "
    )
    assert not (tmp_path / "out").exists()


def test_import_leaves_no_file_behind(tmp_path, project: Path):
    path = tmp_path / "jobs.csv"
    path.write_text("timestamp,duration,num_gpus,cluster\n2017-11-01 00:00:00,60,1,a\n2017-11-01 00:00:00,x,1,a\n")
    done = trace_command("import", "philly", path, "--out", tmp_path / "t.csv", project=project)
    told_once(done, f"{path}:3: ")
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "arguments",
    [("philly", "--from", "yesterday"), ("philly", "--min-duration", "long"), ("servegen", "--duration", "0s")],
)
def test_bad_options_are_told(arguments, tmp_path, project: Path):
    path = tmp_path / "jobs.csv"
    path.write_text("timestamp,duration,num_gpus,cluster\n2017-11-01 00:00:00,60,1,a\n")
    done = trace_command("import", arguments[0], path, *arguments[1:], "--out", tmp_path / "t.csv", project=project)
    told_once(done, arguments[1])


def test_describe_prints_and_writes_the_same_figures(tmp_path, project: Path):
    path = tmp_path / "good.csv"
    path.write_text(GOOD)
    done = trace_command("describe", path, "--json", tmp_path / "d.json", "--start", "2017-11-01", project=project)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "d.json").read_text())
    assert figures["orders"] == 50
    assert "good.csv: 50 orders" in done.stdout
    assert f"{figures['dispersion']['600']:.2f}" in done.stdout
