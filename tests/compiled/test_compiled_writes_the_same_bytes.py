"""What is compiled of the hot path writes what its sources write, to the byte, and never outlives them."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import pkgutil
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import aurora_sim
from aurora_sim.compiled import MODULES, SWITCH, folder
from aurora_sim.compiled.__main__ import missing

PROJECT = Path(__file__).resolve().parents[2]
GAMES = [
    f"scenarios/war-games/{name}.yaml"
    for name in (
        "combo/replay-during-failover",
        "policy/bad-release",
        "provider/bad-acks",
        "recovery/control-plane-restore",
        "rtt/ddos",
        "rtt/relayer-outage",
    )
]
SCENARIOS = {  # name -> steps: as many as it takes until what is special about it has begun
    "capacity-exhaustion": 40,
    "demand-surge": 40,
    "market-failures": 30,
    "node-departures": 60,
    "philly-replay": 1500,
    "price-process": 30,
    "price-spike": 40,
    "recorded-outages": 60,
    "region-partition": 45,
    "reputation-collapse": 40,
}
PRINTS = "from aurora_sim import compiled; print(compiled.in_use())"


def python(*arguments: str, checkout: Path = PROJECT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout), SWITCH: "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module", autouse=True)
def made() -> None:
    """What every test here needs: the hot path, compiled from the sources as they are."""
    if not folder().is_dir() and (lacking := missing()):
        message = f"the hot path cannot be compiled: {lacking}"
        if os.environ.get("AURORA_REQUIRE_TOOLS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    done = python("-m", "aurora_sim.compiled", "--required")
    assert done.returncode == 0, done.stdout + done.stderr


def both(*arguments: str, out: Path) -> tuple[str, str]:
    """Of a command, one digest of all that it writes into `{out}`: by the sources, and by what is compiled of them."""
    found = []
    for switch in ("0", "1"):
        target = out / switch
        done = python("-m", "aurora_sim", *(word.format(out=target) for word in arguments), **{SWITCH: switch})
        assert done.returncode == 0, done.stdout + done.stderr
        # Beside the measured times that `run.json` is there for.
        files = [path for path in sorted(target.rglob("*")) if path.is_file() and path.name != "run.json"]
        assert files
        found.append(hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest())
    return found[0], found[1]


def run(name: str, steps: int, *more: str) -> list[str]:
    return ["run", f"scenarios/{name}.yaml", "--seed", "11", "--steps", str(steps), "--out", "{out}", "--quiet", *more]


def test_it_is_in_use_unless_it_is_switched_off():
    assert python("-c", PRINTS).stdout == "True\n"
    assert python("-c", PRINTS, **{SWITCH: "0"}).stdout == "False\n"


@pytest.mark.parametrize("name", ["akash-outage", "baseline", "relayer-outage"])
def test_the_committed_digests_are_its_digests_too(name: str, tmp_path: Path):
    golden: Mapping[str, str] = json.loads((PROJECT / "tests" / "run" / "golden_digests.json").read_text())[name]
    command = ("run", f"scenarios/{name}.yaml", "--seed", "42", "--steps", "60", "--out", str(tmp_path), "--quiet")
    done = python("-m", "aurora_sim", *command)
    assert done.returncode == 0, done.stderr
    assert {file: hashlib.sha256((tmp_path / file).read_bytes()).hexdigest() for file in golden} == golden


@pytest.mark.parametrize(("name", "steps"), SCENARIOS.items())
def test_the_other_scenarios_are_the_same(name: str, steps: int, tmp_path: Path):
    sources, compiled = both(*run(name, steps), out=tmp_path)
    assert compiled == sources


def test_really_signed_orders_are_the_same(tmp_path: Path):
    sources, compiled = both(*run("market-failures", 10, "--crypto", "real"), out=tmp_path)
    assert compiled == sources


def test_replications_over_two_processes_are_the_same(tmp_path: Path):
    sources, compiled = both(*run("price-spike", 10, "--replications", "3", "--jobs", "2"), out=tmp_path)
    assert compiled == sources


def test_no_class_that_is_not_compiled_extends_one_that_is():
    """That would be a TypeError, but only where it is compiled."""
    found = 0
    for module in pkgutil.walk_packages(aurora_sim.__path__, "aurora_sim."):
        if module.name.endswith("__main__"):
            continue
        for thing in vars(importlib.import_module(module.name)).values():
            if isinstance(thing, type) and thing.__module__ == module.name and module.name not in MODULES:
                found += 1
                compiled = [base.__qualname__ for base in thing.__mro__ if base.__module__ in MODULES]
                assert not compiled, f"{thing.__qualname__} extends {', '.join(compiled)}"
    assert found > 100


def test_games_are_the_same(tmp_path: Path):
    for switch in ("0", "1"):
        (tmp_path / switch).mkdir()
    results = ("--seeds", "1", "--first-seed", "5", "--jobs", "1", "--quiet", "--json", "{out}/results.json")
    sources, compiled = both("wargame", "play", *GAMES, *results, out=tmp_path)
    assert compiled == sources


def a_checkout(target: Path) -> Path:
    """Another checkout, with the package and what is compiled of it."""
    shutil.copytree(PROJECT / "aurora_sim", target / "aurora_sim", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(folder(), target / "build" / "compiled" / folder().name)
    return target


@pytest.mark.parametrize("room", ["compiled", "engine", "observe", "scenario", "treaty", "world"])
def test_after_an_edit_of_any_source_it_is_used_no_more(room: str, tmp_path: Path):
    checkout = a_checkout(tmp_path)
    assert python("-c", PRINTS, checkout=checkout).stdout == "True\n"
    edited = next(path for path in sorted((checkout / "aurora_sim" / room).glob("*.py")) if path.name != "__init__.py")
    edited.write_bytes(edited.read_bytes() + b"\n")
    assert python("-c", PRINTS, checkout=checkout).stdout == "False\n"


def test_without_a_compiler_it_says_so_and_the_sources_run(tmp_path: Path):
    checkout = a_checkout(tmp_path)
    shutil.rmtree(checkout / "build")
    for arguments, status in (((), 0), (("--required",), 1)):
        done = python("-m", "aurora_sim.compiled", *arguments, checkout=checkout, CC="no-such-compiler -O2")
        assert done.returncode == status
        assert "there is no C compiler (no-such-compiler)" in done.stderr
        assert "Traceback" not in done.stderr
    assert not (checkout / "build").exists()
    assert python("-c", PRINTS, checkout=checkout).stdout == "False\n"


def test_what_cannot_be_compiled_is_told_and_leaves_nothing(tmp_path: Path):
    checkout = a_checkout(tmp_path)
    shutil.rmtree(checkout / "build")
    shutil.copy(PROJECT / "pyproject.toml", checkout)
    last = checkout / "aurora_sim" / "world" / "provider.py"
    last.write_text(last.read_text() + "\nclass (")
    done = python("-m", "aurora_sim.compiled", checkout=checkout)
    assert done.returncode == 0
    assert "the hot path is not compiled, so its sources run" in done.stderr
    assert "aurora_sim/world/provider.py:" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((checkout / "build" / "compiled").iterdir()) == []
