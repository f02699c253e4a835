"""The notebook runs from top to bottom on a run's folder, and is committed without outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from aurora_sim.engine.run import Run

SECONDS_MAX = 120


@pytest.fixture(scope="session")
def notebook(project: Path) -> Any:
    """The committed notebook."""
    return nbformat.read(project / "notebooks/routing_analysis.ipynb", as_version=4)


def test_it_is_committed_clean(notebook: Any) -> None:
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
