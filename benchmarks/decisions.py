"""One policy decision, by every way of making it, alternated in one run: ours, and three policy engines of others.

All decide the same 20,000 random orders by the treaty's rules, one after the other, and must agree on each: on the reason, that is,
the first rule that denies. Each has its policy parsed and its constants bound before the clock starts, and gets an order as it
takes one at its quickest: a tuple, a dictionary, or for Cedar JSON in integers, because it has no floating-point numbers. GPU-hours
are multiples of 1/64, so that integers and floats mean the same.

    python benchmarks/decisions.py [--orders 20000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence

import cedarpy
import regorus
import zen

from aurora_sim.scenario.scenario import PROJECT, load
from aurora_sim.treaty.policy import abi
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.policy.rules import decide_by_rules
from aurora_sim.treaty.policy.terms import treaty_terms

POLICY = PROJECT / "policy" / "wasm" / "vault-law-akash-policy.wasm"
PARTS = 64  # of a GPU-hour

Order = tuple[float, float, float, int, int, int]
"""GPU-hours, the tenant's used today, the treaty's in all, the region's index, the tenant's reputation, nonce seen."""
NAMES = ("hours", "today", "total", "region", "reputation", "seen")
RULES = ("malformed_order", "treaty_halted", "region_not_allowed", "replayed_nonce", "low_reputation", "tenant_daily_quota",
         "treaty_total_quota")  # fmt: skip
"""In the order in which they are tried."""
CODES = {name: abi.DECISIONS.index(name) for name in RULES}


def orders(terms: abi.TreatyTerms, count: int) -> list[Order]:
    """Random orders: about half are allowed, and every rule but the halt denies some."""
    chance = random.Random(1)
    daily, total = terms.quota_gpu_hours_daily_per_tenant, terms.quota_gpu_hours_total

    def hours(most: float) -> float:
        return chance.randrange(int(most * PARTS)) / PARTS

    return [
        (
            hours(12.0) if chance.random() > 0.01 else 0.0,
            hours(daily * 1.05),
            hours(total * 1.05),
            chance.randrange(3) if chance.random() > 0.05 else 40,
            chance.randint(terms.min_reputation, 100) if chance.random() > 0.05 else terms.min_reputation - 1,
            int(chance.random() < 0.05),
        )
        for _ in range(count)
    ]


def allowed_regions(terms: abi.TreatyTerms) -> list[int]:
    return [region for region in range(abi.REGIONS) if terms.region_mask >> region & 1]


def rego(terms: abi.TreatyTerms) -> Callable[[Order], int]:
    """Regorus: a rule with `else` for each reason."""
    conditions = {
        "malformed_order": "input.hours <= 0",
        "treaty_halted": "data.terms.halted",
        "region_not_allowed": "not input.region in data.terms.regions",
        "replayed_nonce": "input.seen == 1",
        "low_reputation": "input.reputation < data.terms.reputation",
        "tenant_daily_quota": "input.today + input.hours > data.terms.daily",
        "treaty_total_quota": "input.total + input.hours > data.terms.total",
    }
    chain = " else := ".join(f"{CODES[name]} if {{ {condition} }}" for name, condition in conditions.items())
    engine = regorus.Engine()
    engine.add_policy("treaty.rego", f"package treaty\nimport rego.v1\ncode := {chain} else := {abi.ALLOW}\n")
    bound = {
        "halted": terms.halted,
        "regions": allowed_regions(terms),
        "reputation": terms.min_reputation,
        "daily": terms.quota_gpu_hours_daily_per_tenant,
        "total": terms.quota_gpu_hours_total,
    }
    engine.add_data_json(json.dumps({"terms": bound}))  # as a dictionary, False arrives as 0.0, which in Rego is true

    def decide(order: Order) -> int:
        engine.set_input(dict(zip(NAMES, order, strict=True)))
        return int(engine.eval_rule("data.treaty.code"))

    return decide


def zen_expression(terms: abi.TreatyTerms) -> Callable[[Order], int]:
    """ZEN: one compiled expression, which is quicker than its decision tables."""
    regions = ",".join(map(str, allowed_regions(terms)))
    conditions = {
        "malformed_order": "not (hours > 0)",
        "treaty_halted": "true" if terms.halted else "false",
        "region_not_allowed": f"not (region in [{regions}])",
        "replayed_nonce": "seen == 1",
        "low_reputation": f"reputation < {terms.min_reputation}",
        "tenant_daily_quota": f"today + hours > {terms.quota_gpu_hours_daily_per_tenant}",
        "treaty_total_quota": f"total + hours > {terms.quota_gpu_hours_total}",
    }
    text = str(abi.ALLOW)
    for name in reversed(RULES):
        text = f"({conditions[name]}) ? {CODES[name]} : ({text})"
    expression = zen.compile_expression(text)

    def decide(order: Order) -> int:
        return int(expression.evaluate(dict(zip(NAMES, order, strict=True))))

    return decide


def cedar(terms: abi.TreatyTerms) -> Callable[[Order], int]:
    """Cedar: a `forbid` for each rule; of those that apply, the first is the reason."""
    regions = ",".join(map(str, allowed_regions(terms)))
    conditions = (
        "!(context.hours > 0)",
        "true" if terms.halted else "false",
        f"!([{regions}].contains(context.region))",
        "context.seen == 1",
        f"context.reputation < {terms.min_reputation}",
        f"context.today + context.hours > {int(terms.quota_gpu_hours_daily_per_tenant * PARTS)}",
        f"context.total + context.hours > {int(terms.quota_gpu_hours_total * PARTS)}",
    )
    text = "".join(f"forbid(principal, action, resource) when {{ {condition} }};\n" for condition in conditions)
    policies = cedarpy.PolicySet.from_str(text + "permit(principal, action, resource);\n")
    entities = cedarpy.Entities.from_json_str("[]")
    request = {"principal": 'Tenant::"dao"', "action": 'Action::"order"', "resource": 'Treaty::"aurora"'}
    numbers = {f"policy{place}": place for place in range(len(RULES))}

    def decide(order: Order) -> int:
        hours, today, total, region, reputation, seen = order
        context = {
            "hours": int(hours * PARTS),
            "today": int(today * PARTS),
            "total": int(total * PARTS),
            "region": region,
            "reputation": reputation,
            "seen": seen,
        }
        answer = cedarpy.is_authorized({**request, "context": json.dumps(context)}, policies, entities)
        if answer.allowed:
            return abi.ALLOW
        return CODES[RULES[min(numbers[reason] for reason in answer.diagnostics.reasons)]]

    return decide


def microseconds(decide: Callable[[Order], int], asked: Sequence[Order]) -> tuple[float, list[int]]:
    began = time.process_time()
    codes = [decide(order) for order in asked]
    return (time.process_time() - began) / len(asked) * 1e6, codes


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    terms = treaty_terms(load(PROJECT / "scenarios" / "baseline.yaml").world.treaty)
    asked = orders(terms, arguments.orders)
    with PolicyHost.load(POLICY, terms) as host:
        ways: dict[str, Callable[[Order], int]] = {
            "our WASM policy, unchecked call": lambda order: host.decide(*order),
            "our WASM policy, wasmtime's ordinary call": lambda order: host.decide_checked(*order),
            "plain Python": lambda order: decide_by_rules(terms, *order),
            "ZEN (zen-engine), compiled expression": zen_expression(terms),
            "Rego (celine-regorus)": rego(terms),
            "Cedar (cedarpy)": cedar(terms),
        }
        measured: dict[str, list[float]] = {name: [] for name in ways}
        answers: dict[str, list[int]] = {}
        for _ in range(arguments.rounds):
            for name, decide in ways.items():
                microseconds_each, answers[name] = microseconds(decide, asked)
                measured[name].append(microseconds_each)
    first, *others = ways
    for name in others:
        different = [place for place, code in enumerate(answers[name]) if code != answers[first][place]]
        if different:
            place = different[0]
            print(f"{name} and {first} disagree on {len(different)} orders; the first: {asked[place]}: "
                  f"{answers[name][place]} and {answers[first][place]}")  # fmt: skip
            return 1
    share = answers[first].count(abi.ALLOW) / len(asked)
    print(
        f"{len(asked):,} orders, {share:.0%} allowed, all ways agree on every reason; median of {arguments.rounds} rounds"
    )
    ours = statistics.median(measured[first])
    print(f"{'way':44} {'us/decision':>12} {'ratio':>7}")
    for name, times in measured.items():
        print(f"{name:44} {statistics.median(times):12.2f} {statistics.median(times) / ours:7.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
