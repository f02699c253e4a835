"""The house: imports point downwards, start-up stays light, and what is committed is fresh."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from aurora_sim.scenario.json_schema import playbook_schema, schema_text

SCENARIOS = sorted((Path(__file__).resolve().parents[2] / "scenarios").rglob("*.yaml"))


def modules_of(project: Path, *arguments: str) -> set[str]:
    """What a command line imports."""
    code = (
        "import sys; from aurora_sim.cli import COMMANDS, LazyGroup, call\n"
        f"call(LazyGroup(COMMANDS, 'aurora-sim', ''), {list(arguments)!r}, 'aurora-sim')\n"
        "print('MODULES', *sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.rsplit("MODULES", 1)[1].split())


def test_imports_point_only_downwards(project: Path) -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout


def test_help_imports_nothing_heavy(project: Path) -> None:
    heavy = {"numpy", "simpy", "wasmtime", "pydantic", "yaml", "pandas", "matplotlib", "prometheus_client", "rich"}
    assert not modules_of(project, "--help") & heavy


def test_validate_imports_no_engine_and_no_game(project: Path) -> None:
    heavy = {"numpy", "simpy", "wasmtime", "prometheus_client", "promql_parser", "rich", "scipy", "jinja2", "httpx"}
    rooms = {"aurora_sim.engine", "aurora_sim.treaty", "aurora_sim.world", "aurora_sim.observe", "aurora_sim.lab"}
    modules = modules_of(project, "validate", "scenarios/baseline.yaml")
    assert not modules & (heavy | rooms | {"aurora_sim.scenario.playbook"})


def test_a_run_imports_pandas_and_matplotlib_only_for_plots(project: Path, tmp_path: Path) -> None:
    plain = modules_of(project, "run", "--steps", "1", "--quiet", "--out", str(tmp_path))
    assert not plain & {
        "pandas",
        "matplotlib",
        "prometheus_client",
        "rich",
        "jinja2",
        "scipy",
        "pyarrow",
        "distributed",
    }


def test_a_run_imports_cryptography_only_where_it_is_asked_for(project: Path, tmp_path: Path) -> None:
    run = ("run", "--steps", "1", "--quiet", "--out", str(tmp_path))
    arithmetic = {"cryptography", "rfc8785", "rfc3161_client", "aurora_sim.engine.crypto", "aurora_sim.treaty.keys"}
    assert not modules_of(project, *run) & arithmetic
    assert arithmetic <= modules_of(project, *run, "--crypto", "real")


def test_the_committed_schema_is_the_models(project: Path) -> None:
    assert (project / "scenarios" / "scenario.schema.json").read_text() == schema_text(), "run `make schemas`"
    playbook = schema_text(playbook_schema())
    assert (project / "scenarios" / "playbook.schema.json").read_text() == playbook, "run `make schemas`"


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_every_scenario_names_the_schema_and_keeps_to_it(path: Path, project: Path) -> None:
    first, rest = path.read_text().split("\n", 1)
    match = re.fullmatch(r"# yaml-language-server: \$schema=(.+)", first)
    assert match, "the first line names the schema, so that editors complete the file"
    schema = json.loads((path.parent / match[1]).read_text())
    data = json.loads(json.dumps(yaml.safe_load(rest), default=lambda instant: instant.isoformat()))
    jsonschema.validate(data, schema)


def test_the_schema_refuses_what_the_models_refuse(project: Path) -> None:
    schema = json.loads((project / "scenarios" / "scenario.schema.json").read_text())
    good = {"title": "T", "start": "2026-01-05T14:00:00Z", "steps": 2}
    jsonschema.validate(good, schema)
    for bad in (
        {**good, "stpes": 2},
        {**good, "world": {"provider": {}}},
        {**good, "world": {"providers": {"akash": {"capcity": 1}}}},
        {**good, "method": [{"at": "1m", "for": "1m", "fault": "outrage"}]},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


def test_no_file_of_the_package_is_long(project: Path) -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in (project / "aurora_sim").rglob("*.py")}
    assert not {str(path): lines for path, lines in lengths.items() if lines > 400}
