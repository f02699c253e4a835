"""`aurora-sim policy` shows a module, answers for one order and times it; what is wrong with its input, it names."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from click.testing import CliRunner
from policy_modules import COMMITTED_MODULE, policy_text

from aurora_sim.cli.policy import policy
from aurora_sim.scenario.errors import InputError

TREATY = {
    "treaty_id": "akash",
    "regions": ["eu-west-1", "us-west-2"],
    "quota_gpu_hours_total": 1000.0,
    "quota_gpu_hours_daily_per_tenant": 100.0,
    "min_reputation": 50,
}
ORDER = {"gpu_hours": 1.0, "region": "eu-west-1", "tenant_reputation": 78}


def run(*arguments: object) -> str:
    """The command's output; an `InputError` passes through, as it does to the program's own `main`."""
    result = CliRunner().invoke(policy, [str(argument) for argument in arguments], catch_exceptions=True)
    if isinstance(result.exception, InputError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def decide(tmp_path):
    """Asks the committed module about an order, under `TREATY`."""

    def ask(order: dict, text: str | None = None) -> str:
        (tmp_path / "treaty.json").write_text(json.dumps(TREATY))
        (tmp_path / "order.json").write_text(text or json.dumps(order))
        return run("decide", COMMITTED_MODULE, tmp_path / "order.json", "--treaty", tmp_path / "treaty.json").strip()

    return ask


def test_check_shows_what_the_module_is():
    shown = run("check", COMMITTED_MODULE)
    assert hashlib.sha256(COMMITTED_MODULE.read_bytes()).hexdigest() in shown
    assert f"size     {COMMITTED_MODULE.stat().st_size} bytes" in shown
    for line in ("authorize (i32) -> i32", "memory 1-1 pages", "65536 bytes, 512 order slots", "fuel_per_decision"):
        assert line in shown


def test_check_refuses_what_the_host_refuses(write_module):
    with pytest.raises(InputError, match="does not export abi_version"):
        run("check", write_module(policy_text(abi_version="")))


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, "0 allow"),
        ({"treaty": {"halted": True}}, "1 treaty_halted"),
        ({"region": "ap-south-1"}, "2 region_not_allowed"),
        ({"region": "us-west-2"}, "0 allow"),
        ({"region": "us-west-2", "treaty": {"regions": ["eu-west-1"]}}, "2 region_not_allowed"),
        ({"nonce_seen": True}, "3 replayed_nonce"),
        ({"tenant_reputation": 49}, "4 low_reputation"),
        ({"tenant_used_today": 99.5}, "5 tenant_daily_quota"),
        ({"treaty_used_total": 999.5}, "6 treaty_total_quota"),
        ({"treaty_used_total": 999}, "0 allow"),
        ({"gpu_hours": -1}, "7 malformed_order"),
    ],
    ids=str,
)
def test_decide_prints_code_and_reason(decide, changes, answer):
    assert decide({**ORDER, **changes}) == answer


def test_a_region_may_be_given_by_its_index(decide):
    order = {"gpu_hours": 1.0, "tenant_reputation": 78}
    assert decide({**order, "region_index": 1}) == "0 allow"
    assert decide({**order, "region_index": 64}) == "2 region_not_allowed"


def test_an_order_that_brings_all_terms_needs_no_treaty_file(tmp_path):
    terms = {name: value for name, value in TREATY.items() if name != "treaty_id"}
    (tmp_path / "order.json").write_text(json.dumps({**ORDER, "treaty": terms}))
    assert run("decide", COMMITTED_MODULE, tmp_path / "order.json", "--treaty", tmp_path / "absent.json") == "0 allow\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"gpu_hours": NaN, "region": "eu-west-1", "tenant_reputation": 78}', "order.json:1"),
        ('{"gpu_hours": 1e999, "region": "eu-west-1", "tenant_reputation": 78}', "gpu_hours"),
        ('{"gpu_hour": 1, "region": "eu-west-1", "tenant_reputation": 78}', "Did you mean gpu_hours"),
        ('{"gpu_hours": 1, "region": "eu-west-1"}', "tenant_reputation"),
        ('{"gpu_hours": 1, "tenant_reputation": 78}', "region"),
        ('{"gpu_hours": 1, "region": "a", "region_index": 1, "tenant_reputation": 78}', "region"),
        ('{"gpu_hours": 1, "region": "a", "tenant_reputation": -1}', "tenant_reputation"),
        ('{"gpu_hours": 1, "region": "a", "tenant_reputation": 4294967296}', "tenant_reputation"),
        ('{"gpu_hours": "1", "region": "a", "tenant_reputation": 78}', "gpu_hours"),
        ('{"gpu_hours": 1, "region": "a", "tenant_reputation": 78, "treaty": {"halt": true}}', "halted"),
        ("[]", "mapping"),
        ("{", "order.json:1"),
    ],
)
def test_an_order_with_a_mistake_is_refused_by_name(decide, text, message):
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        decide({}, text)
    assert "order.json" in refused.value.where


def test_bench_compares_four_ways_in_one_run():
    lines = run("bench", COMMITTED_MODULE, "--orders", 400, "--rounds", 2).splitlines()
    assert len(lines) == 5
    assert lines[1].split()[-1] == "1.00"
    assert all(float(line.split()[-1]) > 0 for line in lines[1:])
