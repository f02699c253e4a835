"""A run that is scraped as fast as can be has the very same files as one that nobody looks at, and every scrape is sound."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from aurora_sim.engine.run import Run
from aurora_sim.observe.exporter import MetricsServer, serve

STEPS = 38
SCRAPERS = 3


def test_scraped_and_unwatched_runs_write_the_same_bytes(
    outage: Run, short_run: Callable[..., Run], tmp_path: Path
) -> None:
    servers: list[MetricsServer] = []
    pages: list[bytes] = []
    faults: list[BaseException] = []
    over = threading.Event()

    def scrape() -> None:
        try:
            while not over.is_set():
                with urlopen(servers[0].url, timeout=10) as page:
                    pages.append(page.read())
        except BaseException as fault:  # told by the test, not lost with the thread
            faults.append(fault)

    threads = [threading.Thread(target=scrape) for _ in range(SCRAPERS)]

    def begun(run: Run) -> None:
        servers.append(serve(run.recorder, run.treaty_id, 0))
        for thread in threads:
            thread.start()

    try:
        scraped = short_run(STEPS, tmp_path / "out", begun=begun)
    finally:
        over.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join(timeout=30)
        for server in servers:
            server.close()
    assert not faults
    assert len(pages) >= SCRAPERS
    assert all(b"\nprovider_active" in page and page.endswith(b"\n") for page in pages)
    assert scraped.outputs == outage.outputs
    assert scraped.books == outage.books
