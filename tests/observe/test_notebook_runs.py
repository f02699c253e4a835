"""The notebooks run from top to bottom, and are committed without outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from aurora_sim.engine.run import Run

SECONDS_MAX = 120


NOTEBOOKS = ("routing_analysis", "trace_to_scenario")


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
    run = outage if scenario == "akash-outage" else short_run(12, tmp_path / "out", scenario)
    monkeypatch.setenv("AURORA_RUN", str(run.options.out))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    client = NotebookClient(
        nbformat.from_dict(notebook),
        timeout=SECONDS_MAX,
        kernel_name="python3",
        resources={"metadata": {"path": str(project / "notebooks")}},
    )
    done = client.execute()
    kinds = {kind for cell in done.cells for output in cell.get("outputs", []) for kind in output.get("data", {})}
    assert {"image/png", "text/html"} <= kinds
    warnings = [output for cell in done.cells for output in cell.get("outputs", []) if output.get("name") == "stderr"]
    assert warnings == []


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
