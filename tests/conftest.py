"""What every test may need: the tools that only Debian's packages bring, and a short run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# The tests look into the sources, and take their place here and there; what is compiled of them writes the same bytes
# (tests/compiled). Before anything of the package is imported, and for all commands that the tests start.
os.environ.setdefault("AURORA_SIM_COMPILED", "0")

# No test is timed, an example of Hypothesis neither: on a busy machine a good one takes long now and then.
settings.register_profile("aurora", deadline=None)
settings.load_profile("aurora")

TOOLS = {
    "promtool": ("promtool",),
    "prometheus": ("prometheus",),
    "rustc": ("/usr/bin/rustc", "wasm-ld-14"),
    "chromium": ("chromium",),
    "redis": ("redis-server",),
    "postgresql": ("postgres",),
    "openssl": ("openssl",),
}
"""What a test marked `needs(NAME)` looks for on the machine."""

PROJECT = Path(__file__).resolve().parents[1]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose tool is missing, saying which; where tools are required (CI), fail it instead."""
    for marker in item.iter_markers("needs"):
        for tool in TOOLS[marker.args[0]]:
            if shutil.which(tool) is None:
                message = f"needs {tool}, which is not installed"
                if os.environ.get("AURORA_REQUIRE_TOOLS") == "1":
                    pytest.fail(message)
                pytest.skip(message)


@pytest.fixture(scope="session")
def project() -> Path:
    """The checkout."""
    return PROJECT
