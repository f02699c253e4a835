"""A tenant's command against a real `vault-law serve`: every answer that the treaty has, and an ack that can be verified."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from memory_desk import Reply, ask
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from serve_parts import PROJECT, VAULT_LAW, Server, Site, environment, vault_law

TENANT, SLOW_TENANT = "tenant-research", "tenant-dao"
BURST = 30


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    rate = {"rate_per_s": 0.01, "burst": BURST}
    return Site(folder, f"sqlite:///{folder}/aurora.db", {"tenant_rate": rate}, quota_gpu_hours_daily_per_tenant=50.0)


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[Server]:
    process = Server(site)
    assert process.wait_until_ready()
    yield process
    assert process.stop() == 0


def post(server: Server, body: bytes) -> Reply:
    return ask(server.port, "POST", "/orders", body, {"content-type": "application/json"})


def submit(site: Site, server: Server, *options: str) -> subprocess.CompletedProcess[str]:
    url = f"http://127.0.0.1:{server.port}"
    return vault_law(site, "order", "submit", "--url", url, "--config", str(site.config), *options)


def test_an_order_is_accepted_and_its_ack_verified(site: Site, server: Server, tmp_path: Path) -> None:
    ack = tmp_path / "ack.json"
    done = submit(site, server, "--tenant", TENANT, "--workload", "llm_inference", "--ack-out", str(ack))
    assert done.returncode == 0, done.stderr
    accepted = json.loads(done.stdout)
    assert accepted["ack"] == json.loads(ack.read_text())
    terms = ("--treaty-id", "AURORA-AKASH-001", "--provider-id", accepted["provider_id"])
    verified = vault_law(site, "ack", "verify", str(ack), *terms)
    assert verified.returncode == 0, verified.stderr
    ack.write_text(ack.read_text().replace('"price_usd_per_hour":', '"price_usd_per_hour":1'))
    assert vault_law(site, "ack", "verify", str(ack), *terms).returncode == 1
    shown = vault_law(site, "order", "show", "--url", f"http://127.0.0.1:{server.port}", accepted["order_id"])
    assert shown.returncode == 0
    assert json.loads(shown.stdout)["ack"] == accepted["ack"]


def test_a_signed_order_is_taken_once(site: Site, server: Server, tmp_path: Path) -> None:
    printed = submit(site, server, "--tenant", TENANT, "--workload", "general_compute", "--print")
    order = tmp_path / "order.json"
    order.write_text(printed.stdout)
    assert submit(site, server, "--file", str(order)).returncode == 0
    again = submit(site, server, "--file", str(order))
    assert again.returncode == 1
    assert "409 replayed_nonce" in again.stderr


def test_what_is_changed_after_signing_gets_401(site: Site, server: Server) -> None:
    order = json.loads(site.orders(1, TENANT, "changed")[0].body)
    changed = post(server, json.dumps({**order, "gpu_hours": 0.02}).encode())
    assert (changed.status, changed.json["error"]) == (401, "signature_invalid")
    other = post(server, json.dumps({**order, "tenant_id": SLOW_TENANT}).encode())
    assert (other.status, other.json["error"]) == (401, "key_owner")
    old = site.orders(1, TENANT, "old", issued_s=time.time() - 90_000.0, valid_s=180_000.0)[0]
    assert (post(server, old.body).status, post(server, old.body).json["error"]) == (401, "issued_too_old")


def test_what_breaks_schema_or_limits_gets_422_with_the_field(site: Site, server: Server) -> None:
    order = json.loads(site.orders(1, TENANT, "broken")[0].body)
    for change, field in (({"gpus": "1"}, "gpus"), ({"gpu": 1}, "gpu"), ({"region": "moon"}, "region")):
        refused = post(server, json.dumps({**order, **change}).encode())
        assert (refused.status, refused.json["error"], refused.json["field"]) == (422, "schema", field)
    late = site.orders(1, TENANT, "late", issued_s=time.time() - 60.0, valid_s=30.0)[0]
    assert (post(server, late.body).status, post(server, late.body).json["error"]) == (422, "deadline_passed")


def test_what_the_policy_denies_gets_403(site: Site, server: Server) -> None:
    refused = post(server, site.orders(1, TENANT, "large", gpu_hours=51.0)[0].body)
    assert (refused.status, refused.json["error"]) == (403, "tenant_daily_quota")


def test_too_many_orders_get_429_and_cost_nobody_else(site: Site, server: Server) -> None:
    orders = site.orders(BURST + 1, SLOW_TENANT, "many")
    replies = [post(server, order.body) for order in orders]
    assert [reply.status for reply in replies[:BURST]] == [202] * BURST
    assert (replies[-1].status, replies[-1].json["error"]) == (429, "rate_limited")
    assert int(replies[-1].headers["retry-after"]) >= 1
    assert post(server, site.orders(1, TENANT, "not-slow")[0].body).status == 202


def test_halted_everything_gets_503_until_it_is_resumed(site: Site, server: Server) -> None:
    halted = vault_law(site, "halt", "--treaty", "AURORA-AKASH-001", "--reason", "drill", "--config", str(site.config))
    assert halted.returncode == 0, halted.stderr
    order = site.orders(1, TENANT, "halted")[0]
    refused = post(server, order.body)
    assert (refused.status, refused.json["error"]) == (503, "treaty_halted")
    assert int(refused.headers["retry-after"]) >= 1
    resumed = vault_law(site, "resume", "--config", str(site.config))
    assert resumed.returncode == 0, resumed.stderr
    assert post(server, order.body).status == 202


def test_an_amendment_is_in_force_at_the_next_order(site: Site, server: Server) -> None:
    order = site.orders(1, TENANT, "amended", gpu_hours=49.5)[0]
    more = vault_law(site, "amend", "--set", "quota_gpu_hours_daily_per_tenant=100", "--config", str(site.config))
    assert more.returncode == 0, more.stderr
    assert post(server, order.body).status == 202


def test_the_metrics_count_what_was_answered(site: Site, server: Server) -> None:
    post(server, site.orders(1, TENANT, "counted")[0].body)
    found = server.metrics()
    answered = found["http_requests_total", frozenset({("method", "POST"), ("path", "/orders"), ("status", "202")})]
    assert (
        answered == found["treaty_orders_total", frozenset({("treaty_id", "AURORA-AKASH-001"), ("outcome", "filled")})]
    )
    assert found["tenant_gpu_hours_used", frozenset({("tenant_id", TENANT)})] > 0.0
    assert found["treaty_halted", frozenset({("treaty_id", "AURORA-AKASH-001")})] == 0.0


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_no_request_makes_a_500(server: Server, mode: GenerationMode) -> None:
    published = schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/openapi.json")

    @given(published["/orders"]["POST"].as_strategy(generation_mode=mode))
    @settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def request(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=[not_a_server_error], timeout=10)

    request()


def test_a_port_in_use_is_told_in_one_line(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = vault_law(site, "serve", "--port", port, "--metrics-port", "0", "--config", str(site.config))
    assert told.returncode == 2
    assert (
        told.stderr
        == f"vault-law: orders on 127.0.0.1:{port}: the port is in use. Give another one, or 0 for any free one\n"
    )


def test_without_a_deployment_it_says_what_to_run(tmp_path: Path) -> None:
    command = [*VAULT_LAW, "serve", "--port", "0", "--metrics-port", "0", "--keys", str(tmp_path / "keys")]
    command += ["--db", f"sqlite:///{tmp_path}/none.db", "--registry", str(tmp_path / "keys.json")]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=PROJECT)
    assert told.returncode == 2
    assert "vault-law init" in told.stderr
    assert "Traceback" not in told.stderr


def test_one_command_makes_a_deployment_and_serves_it(tmp_path: Path) -> None:
    names = {"db": f"sqlite:///{tmp_path}/state/aurora.db", "keys": "state/keys", "registry": "state/keys.json"}
    options = [f"--{name}={value if '://' in value else tmp_path / value}" for name, value in names.items()]
    process = subprocess.Popen(
        [*VAULT_LAW, "serve", "--init", "--port", "0", "--metrics-port", "0", *options],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )
    try:
        assert process.stdout is not None
        said = []
        while not said or "SIGTERM or Ctrl-C" not in said[-1]:
            line = process.stdout.readline()
            assert line, said
            said.append(line)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait(10)
    assert (tmp_path / "state" / "aurora.db").exists()


def test_nobody_there_is_told_in_one_line(site: Site) -> None:
    done = vault_law(
        site, "order", "submit", "--url", "http://127.0.0.1:1", "--tenant", TENANT, "--workload", "llm_inference",
        "--config", str(site.config),
    )  # fmt: skip
    assert done.returncode == 1
    assert "Is vault-law serve running there?" in done.stderr
    assert environment(site)["AURORA_DB"] not in done.stderr
