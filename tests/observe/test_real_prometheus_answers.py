"""A real Prometheus scrapes a run that goes on, and answers what dashboards and alert rules ask."""

from __future__ import annotations

import json
import math
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from aurora_sim.engine.run import Run
from aurora_sim.observe.exporter import MetricsServer, serve
from aurora_sim.observe.recorder import StepReading

STEPS_MAX = 90
PACE = 120.0  # two steps a second
QUESTIONS = {
    "treaty_fill_rate": 1,
    "provider_active": 7,
    "histogram_quantile(0.95, sum by (le) (rate(policy_decision_duration_ms_bucket[1m])))": 1,
    "histogram_quantile(0.95, sum by (le) (rate(bridge_rtt_ms_bucket[1m])))": 1,
}
CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: aurora-sim
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class Prometheus:
    """Debian's Prometheus on a free port, started once the exporter's port is known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self, exporter: MetricsServer) -> None:
        """Start it; it needs a second or two until it answers."""
        config = self.folder / "prometheus.yml"
        config.write_text(CONFIG.format(port=exporter.port), encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={self.folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=error",
            ]
        )

    def ask(self, query: str) -> list[float]:
        """The values of an instant query; none while it does not answer."""
        try:
            with urlopen(f"{self.url}/api/v1/query?{urlencode({'query': query})}", timeout=2) as answer:
                told = json.load(answer)
        except OSError:
            return []
        assert told["status"] == "success", told
        return [float(series["value"][1]) for series in told["data"]["result"]]

    def stop(self) -> None:
        """End it, whatever it does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=10)


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Prometheus]:
    """A Prometheus that is over when the test is."""
    server = Prometheus(tmp_path)
    yield server
    server.stop()


@pytest.mark.needs("prometheus")
def test_prometheus_answers_dashboards_and_rules(prometheus: Prometheus, short_run: Callable[..., Run]) -> None:
    runs: list[Run] = []
    exporters: list[MetricsServer] = []
    answers: dict[str, list[float]] = {}

    def begun(run: Run) -> None:
        runs.append(run)
        exporters.append(serve(run.recorder, run.treaty_id, 0))
        prometheus.start(exporters[0])

    def watch(_: StepReading) -> None:
        for query in QUESTIONS:
            known = [value for value in prometheus.ask(query) if not math.isnan(value)]
            if known:
                answers[query] = known
        runs[0].stop = {query: len(values) for query, values in answers.items()} == QUESTIONS

    began_s = time.monotonic()
    try:
        short_run(STEPS_MAX, scenario="baseline", pace=PACE, begun=begun, watch=watch)
    finally:
        for exporter in exporters:
            exporter.close()
    assert {query: len(values) for query, values in answers.items()} == QUESTIONS
    assert answers["provider_active"] == [1.0] * 7
    assert 0.9 < answers["treaty_fill_rate"][0] <= 1.0
    policy_ms, rtt_ms = (answers[query][0] for query in list(QUESTIONS)[2:])
    assert 0.0 < policy_ms < 25.0
    assert 100.0 < rtt_ms < 500.0
    assert time.monotonic() - began_s < 60.0
