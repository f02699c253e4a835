"""Fixtures of the policy's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime


@pytest.fixture
def write_module(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Writes a module, given as text or bytes, to a file and returns its path."""

    def write(module: str | bytes) -> Path:
        wasm = bytes(wasmtime.wat2wasm(module)) if isinstance(module, str) else module
        path = tmp_path / f"policy-{len(list(tmp_path.iterdir()))}.wasm"
        path.write_bytes(wasm)
        return path

    return write
