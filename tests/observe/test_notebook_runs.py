"""The notebooks run from top to bottom, and are committed without outputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from aurora_sim.engine.run import Run, run
from aurora_sim.observe.run_files import RowFormat

SECONDS_MAX = 120


NOTEBOOKS = ("long_runs", "routing_analysis", "trace_to_scenario")


def committed(project: Path, name: str) -> Any:
    return nbformat.read(project / "notebooks" / f"{name}.ipynb", as_version=4)


@pytest.fixture(scope="session")
def notebook(project: Path) -> Any:
    """The committed notebook that takes a run apart."""
    return committed(project, "routing_analysis")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_committed_clean(name: str, project: Path) -> None:
    notebook = committed(project, name)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert max(len(cell.source.splitlines()) for cell in code) <= 20, "cells are small"
    assert notebook.cells[-1].source.startswith("## Questions to ask next")


def executed(notebook: Any, project: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, out: Path) -> list[Any]:
    """The outputs of a notebook over a run."""
    monkeypatch.setenv("AURORA_RUN", str(out))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    client = NotebookClient(
        notebook,
        timeout=SECONDS_MAX,
        kernel_name="python3",
        resources={"metadata": {"path": str(project / "notebooks")}},
    )
    return [output for cell in client.execute().cells for output in cell.get("outputs", [])]


@pytest.mark.parametrize("scenario", ["akash-outage", "baseline"])
def test_it_runs_from_top_to_bottom(
    notebook: Any,
    outage: Run,
    short_run: Callable[..., Run],
    scenario: str,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = outage if scenario == "akash-outage" else short_run(12, tmp_path / "out", scenario)
    assert read.options.out is not None
    outputs = executed(notebook, project, tmp_path, monkeypatch, read.options.out)
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert {"image/png", "text/html"} <= kinds
    assert [output for output in outputs if output.get("name") == "stderr"] == []


@pytest.mark.parametrize(("rows", "share"), [("csv", 1.0), ("parquet", 1.0), ("parquet", 0.2)])
def test_a_long_run_is_read_from_what_it_kept(
    rows: RowFormat, share: float, outage: Run, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run(outage.loaded, replace(outage.options, steps=60, out=tmp_path / "out", rows=rows, rows_share=share))
    outputs = executed(committed(project, "long_runs"), project, tmp_path, monkeypatch, tmp_path / "out")
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    assert any("image/png" in output.get("data", {}) for output in outputs)
    text = "".join(output.get("text", "") for output in outputs)
    manifest = json.loads((tmp_path / "out" / "run.json").read_text())
    assert f"{manifest['fill_rate']:.4f} of all orders" in text
    assert f"{manifest['order_rows']['written']:,} rows" in text
    if share == 1.0:
        assert f"fill rate {manifest['fill_rate']:.4f} of the rows" in text, "the query counts as the recorder does"
    else:
        assert f"of 0.2 of {done.recorder.ended_total:,} orders" in text


@pytest.mark.parametrize("name", ["long_runs", "routing_analysis"])
def test_a_run_without_rows_is_told(
    name: str, outage: Run, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(outage.loaded, replace(outage.options, steps=2, out=tmp_path / "out", rows="none"))
    with pytest.raises(CellExecutionError, match="--no-orders"):
        executed(committed(project, name), project, tmp_path, monkeypatch, tmp_path / "out")


FIGURES = {
    "is 8.2 over minutes": "8.19", "138 over hours": "138", "52 % of the orders": "51.6%", "bring 47 %": "47%",
    "7 of 10": "7 of 10 seeds", "0.014": "0.014", "of gaps is 2.9": "2.91", "91.1 %": "0.911", "93.2 %": "0.932",
    "86.4 %": "0.864", "99.6 %": "0.996",
}  # fmt: skip
"""What the text of `trace_to_scenario` states, and how the cells print it."""


def test_from_a_trace_to_a_scenario(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text says what its cells measure."""
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = committed(project, "trace_to_scenario")
    text = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    client = NotebookClient(
        notebook,
        timeout=SECONDS_MAX,
        kernel_name="python3",
        resources={"metadata": {"path": str(project / "notebooks")}},
    )
    outputs = [output for cell in client.execute().cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.get("name") == "stderr"] == []
    shown = " ".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)
    for stated, printed in FIGURES.items():
        assert stated in text
        assert printed in shown
