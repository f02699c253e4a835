"""Each committed module is what its source compiles to: anyone with Debian's packages can build it anew and compare."""

from __future__ import annotations

import os
import subprocess

import pytest
from policy_modules import COMMITTED_MODULE, ROOT

BUILD = ROOT / "policy" / "build.sh"


def build(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(BUILD), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **environment})


@pytest.mark.needs("rustc")
def test_a_build_elsewhere_gives_the_committed_bytes(tmp_path):
    other = tmp_path / "with a space" / "another-name.wasm"
    done = build(other)
    assert done.returncode == 0, done.stderr
    assert other.read_bytes() == COMMITTED_MODULE.read_bytes()


@pytest.mark.needs("rustc")
@pytest.mark.parametrize("name", ["denies-eu-west-1", "traps-on-some-orders"])
def test_the_war_games_releases_are_what_their_sources_compile_to(tmp_path, name):
    done = build(tmp_path / "module.wasm", f"war-game/{name}.rs")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "module.wasm").read_bytes() == (ROOT / "policy" / "war-game" / f"{name}.wasm").read_bytes()


@pytest.mark.parametrize("tool", ["RUSTC", "WASM_LD"])
def test_a_missing_tool_is_named_and_nothing_is_written(tmp_path, tool):
    done = build(tmp_path / "module.wasm", **{tool: "/nowhere/tool"})
    assert done.returncode == 2
    assert "apt-get install rustc libstd-rust-dev-wasm32 lld" in done.stderr
    assert list(tmp_path.iterdir()) == []
