"""How the cost of an order grows: with the number of orders, of providers, and of tenants.

    orders     the baseline, longer and longer
    providers  the baseline with the seven providers of `config/` again and again, each with its own capacity
    split      the seven, each split into many that together have ten times its capacity, under ten times the demand
    tenants    the baseline with its four tenants, each split into many that together have its demand

Of `providers`, most have little to do: what is seen is what it costs that they are there. Of `split`, all are as full as the
baseline's, and one has room for few orders: between two looks of the router many orders want the same best one, and try several
before one takes them. So its figure is also given per try. Copies are not quite alike: prices, latencies and preferences are
spread by a few per cent. The treaty's quota is raised, and bridges have as many more workers as there is more demand.

What is measured is the CPU time of a run of the product with every output file, from its first recorded step to its last file in
place; each run has a process of its own.

    python benchmarks/growth.py [--long | --full] [--rounds 1] [--only providers] [--json FILE] [--picture FILE]

The short form takes the first two sizes of orders and few steps; `--long` takes every size; `--full` ten million orders too, some
ten minutes more (`--full --only orders` those alone). The first size of an axis, which the others are compared with, is run three
times at least. Exit status 1 if an order's cost grows by more than it may.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from aurora_sim.engine.run import Options, Run, run
from aurora_sim.scenario.config import Provider, Tenant, World
from aurora_sim.scenario.scenario import PROJECT, Loaded, load

POLICY = PROJECT / "policy" / "wasm" / "vault-law-akash-policy.wasm"
RULES = PROJECT / "config" / "prometheus" / "alert_rules.yml"
ORDERS_PER_STEP: Final = 36
FIRST_ROUNDS: Final = 3
START_LIMIT_S: Final = 120.0
ORDER_LIMIT_S: Final = 2e-3
"""A run that takes longer than this for its start and its orders hangs: an order usually takes a thirtieth."""
QUOTA_GPU_HOURS: Final = 1e9
TIMES: Final = 10
SIZES: Final = {
    "orders": (10_000, 100_000, 1_000_000),
    "providers": (7, 70, 700),
    "split": (7, 70, 700),
    "tenants": (4, 40, 400),
}
GROWTH_MAX: Final = {"orders": 1.3, "providers": 10.0, "split": 10.0, "tenants": 10.0}
"""How many times as much the largest may cost an order: providers and tenants grow a hundredfold, and its root is ten."""
SPREAD: Final = 0.04
GOLDEN: Final = 0.6180339887498949


class Measured(NamedTuple):
    """One run: its axis and size, its orders, how many were filled, all tries to reach a provider, and an order's CPU time."""

    axis: str
    size: int
    orders: int
    filled: int
    tries: int
    us_per_order: float


def spread(number: int) -> float:
    """A factor near 1, different for each number and evenly spread."""
    return 1.0 + SPREAD * ((number * GOLDEN) % 1.0 - 0.5)


def copied_providers(providers: dict[str, Provider], copies: int, times: float) -> Iterator[tuple[str, Provider]]:
    """Each provider so often, with so many times its capacity."""
    for number in range(copies):
        for name, one in providers.items():
            pools = {
                kind: pool.model_copy(update={"capacity_gpus": round(pool.capacity_gpus * times)})
                for kind, pool in one.gpus.items()
            }
            prices = {
                profile: {kind: round(price * spread(number), 4) for kind, price in listed.items()}
                for profile, listed in one.prices_usd_per_hour.items()
            }
            latency_ms = one.latency_ms * spread(number + 1)
            changes = {"gpus": pools, "prices_usd_per_hour": prices, "latency_ms": latency_ms}
            yield f"{name}-{number}", one.model_copy(update=changes)


def copied_tenants(tenants: dict[str, Tenant], copies: int, times: float) -> Iterator[tuple[str, Tenant]]:
    """Each tenant so often, with so many times its demand."""
    for number in range(copies):
        for name, one in tenants.items():
            demand = one.demand.model_copy(update={"orders_per_minute": one.demand.orders_per_minute * times})
            wants = one.preferences.model_copy(update={"price": one.preferences.price * spread(number)})
            yield f"{name}-{number}", one.model_copy(update={"demand": demand, "preferences": wants})


def world_of(world: World, axis: str, size: int) -> World:
    """The baseline's world, grown."""
    quota = {"quota_gpu_hours_total": QUOTA_GPU_HOURS, "quota_gpu_hours_daily_per_tenant": QUOTA_GPU_HOURS}
    changes: dict[str, object] = {"treaty": world.treaty.model_copy(update=quota)}
    if axis in ("providers", "split"):
        copies = size // len(world.providers)
        times = TIMES / copies if axis == "split" else 1.0
        changes["providers"] = dict(copied_providers(world.providers, copies, times))
    if axis == "tenants":
        copies = size // len(world.tenants)
        changes["tenants"] = dict(copied_tenants(world.tenants, copies, 1.0 / copies))
    if axis == "split":
        changes["tenants"] = dict(copied_tenants(world.tenants, 1, TIMES))
        changes["bridges"] = {
            name: bridge.model_copy(update={"workers": bridge.workers * TIMES})
            for name, bridge in world.bridges.items()
        }
    return world.model_copy(update=changes)


def measured(loaded: Loaded, axis: str, size: int, orders: int) -> Measured:
    """Run about so many orders through a world of that size."""
    per_step = ORDERS_PER_STEP * (TIMES if axis == "split" else 1)
    began: list[float] = []

    def begun(_: Run) -> None:
        began.append(time.process_time())

    with tempfile.TemporaryDirectory() as name:
        grown = replace(loaded, world=world_of(loaded.world, axis, size))
        done = run(grown, Options(42, POLICY, RULES, -(-orders // per_step), Path(name) / "out"), begun=begun)
    recorder = done.recorder
    us_per_order = (time.process_time() - began[0]) / recorder.ended_total * 1e6
    tries = recorder.ended_total + recorder.failovers_total
    return Measured(axis, size, recorder.ended_total, recorder.outcomes["filled", ""], tries, us_per_order)


def in_its_own_process(axis: str, size: int, orders: int) -> Measured:
    """The same, with nothing of another run in memory."""
    command = [sys.executable, __file__, "--one", axis, str(size), str(orders)]
    limit_s = START_LIMIT_S + ORDER_LIMIT_S * orders
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT, timeout=limit_s)
    return Measured(*json.loads(answer.stdout))


def median(runs: list[Measured]) -> Measured:
    """The run of the median cost."""
    return sorted(runs, key=lambda run: run.us_per_order)[(len(runs) - 1) // 2]


def us_per_try(run: Measured) -> float:
    """The CPU time of a try to reach a provider, with its share of all else."""
    return run.us_per_order * run.orders / run.tries


def picture(axes: dict[str, list[Measured]], path: Path) -> None:
    """An order's cost against the size, a line for each axis; both as multiples of the first."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    plot = figure.add_subplot()
    for axis, runs in axes.items():
        sizes = [run.size / runs[0].size for run in runs]
        costs = [run.us_per_order / runs[0].us_per_order for run in runs]
        label = "providers, as full" if axis == "split" else axis
        plot.plot(sizes, costs, marker="o", label=f"{label}: from {runs[0].size:,} to {runs[-1].size:,}")
    furthest = max(run.size / runs[0].size for runs in axes.values() for run in runs)
    plot.plot([1, furthest], [1, furthest], color="grey", linestyle=":", label="linear")
    plot.set_xscale("log")
    plot.set_yscale("log")
    plot.set_ylim(0.5, 12)
    plot.set_xlabel("times as many")
    plot.set_ylabel("times the CPU time of an order")
    plot.grid(alpha=0.3, which="both")
    plot.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--full", action="store_true", help="every size, and ten million orders")
    parser.add_argument("--long", action="store_true", help="every size but ten million orders")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each size, of which the median counts")
    parser.add_argument("--only", choices=list(SIZES), action="append", help="these axes alone")
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--picture", type=Path, help="where the picture goes (PNG)")
    parser.add_argument("--one", nargs=3, metavar=("AXIS", "SIZE", "ORDERS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        axis, size, orders = arguments.one
        print(json.dumps(measured(load(PROJECT / "scenarios" / "baseline.yaml"), axis, int(size), int(orders))))
        return 0
    long = arguments.full or arguments.long
    axes: dict[str, list[Measured]] = {}
    print("     axis        size    orders  filled  tries/order  us/order  times the first  us/try  times the first")
    for axis in arguments.only or SIZES:
        sizes = SIZES[axis] if long or axis != "orders" else SIZES[axis][:2]
        if arguments.full and axis == "orders":
            sizes = (*sizes, 10_000_000)
        axes[axis] = []
        for size in sizes:
            orders = size if axis == "orders" else 36_000 if long else 5_400
            rounds = arguments.rounds if axes[axis] else max(arguments.rounds, FIRST_ROUNDS)
            run = median([in_its_own_process(axis, size, orders) for _ in range(rounds)])
            axes[axis].append(run)
            first = axes[axis][0]
            print(
                f"{axis:>9s}  {size:10,d}  {run.orders:8,d}  {run.filled / run.orders:6.1%}  {run.tries / run.orders:11.2f}"
                f"  {run.us_per_order:8.1f}  {run.us_per_order / first.us_per_order:15.2f}"
                f"  {us_per_try(run):6.1f}  {us_per_try(run) / us_per_try(first):15.2f}",
                flush=True,
            )
    if arguments.json is not None:
        figures = [run._asdict() for runs in axes.values() for run in runs]
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if arguments.picture is not None:
        picture(axes, arguments.picture)
    too_much = [axis for axis, runs in axes.items() if runs[-1].us_per_order > GROWTH_MAX[axis] * runs[0].us_per_order]
    for axis in too_much:
        print(f"{axis}: an order's cost may grow to {GROWTH_MAX[axis]:g} times the first's, and grows further")
    return int(bool(too_much))


if __name__ == "__main__":
    raise SystemExit(main())
