"""The cost of an order in the product against its floor, alternated in one process.

The floor is what no design of this kind can do without, per order: three bare SimPy timeouts, one bare policy call with the
order packed, and one row of twenty columns formatted and written. The product is a run of `scenarios/baseline.yaml`, every output
written, from its first recorded step to its last file in place. It is the product as `make bench` sets it up, its hot path compiled
where there is a C compiler; `AURORA_SIM_COMPILED=0` measures the sources.

    python benchmarks/hot_path.py [--rounds 5] [--steps 600]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import simpy

from aurora_sim import compiled
from aurora_sim.engine.run import Options, Run, run
from aurora_sim.scenario.scenario import PROJECT, Loaded, load
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.policy.terms import treaty_terms

POLICY = PROJECT / "policy" / "wasm" / "vault-law-akash-policy.wasm"
RULES = PROJECT / "config" / "prometheus" / "alert_rules.yml"
RATIO_MAX = 2.0
ARRIVAL_S, BRIDGE_S, JOB_S = 60 / 36, 0.2, 6000.0
IN_FLIGHT = round(JOB_S / ARRIVAL_S)
"""The baseline's mean delays; so there are as many timeouts in the event heap of the floor as in the product's."""
ROW = "%d,%s,%s,%s,%.4f,%s,%s,%d,%.4f,%.1f,%s,%s,%.3f,%s,%d,%s,%.3f,%d,%d,%d\n"


def floor_us(loaded: Loaded, folder: Path, orders: int) -> float:
    """Microseconds per order of the floor."""
    with PolicyHost.load(POLICY, treaty_terms(loaded.world.treaty)) as policy, (folder / "floor.csv").open("w") as file:
        env = simpy.Environment()
        write, decide = file.write, policy.decide
        numbers: Iterator[int] = iter(range(orders + IN_FLIGHT))
        began = 0.0

        def arrive(event: simpy.Event) -> None:
            nonlocal began
            number: int = event.value  # type: ignore[assignment]
            if number == IN_FLIGHT:
                began = time.process_time()
            following = next(numbers, None)
            if following is not None:
                env.timeout(ARRIVAL_S, following).callbacks.append(arrive)
            decide(1.0, 10.0, 100.0, 0, 80, 0)
            env.timeout(BRIDGE_S, number).callbacks.append(answer)

        def answer(event: simpy.Event) -> None:
            number: int = event.value  # type: ignore[assignment]
            env.timeout(JOB_S, number).callbacks.append(done)
            write(
                ROW
                % (
                    number // 36, "tenant-gaming", "cloud_gaming", "A100", 0.84, "akash", "filled", 1, 1.8, 300.0, "", "order-1",
                    env.now, "us-west-2", 1, "axelar", 177.0, 1, 0, 0,
                )
            )  # fmt: skip

        def done(event: simpy.Event) -> None:
            assert event.value >= 0  # type: ignore[operator]

        env.timeout(0.0, next(numbers)).callbacks.append(arrive)
        env.run(until=(orders + IN_FLIGHT) * ARRIVAL_S)
        return (time.process_time() - began) / orders * 1e6


def product_us(loaded: Loaded, folder: Path, steps: int) -> float:
    """Microseconds per order of a whole run."""
    began: list[float] = []

    def begun(_: Run) -> None:
        began.append(time.process_time())

    done = run(loaded, Options(42, POLICY, RULES, steps, folder / "out"), begun=begun)
    return (time.process_time() - began[0]) / done.recorder.ended_total * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=600)
    arguments = parser.parse_args()
    loaded = load(PROJECT / "scenarios" / "baseline.yaml")
    ratios = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        floor_us(loaded, folder, 2000)
        product_us(loaded, folder, 60)
        print(f"the hot path is {'compiled' if compiled.in_use() else 'not compiled (`make compiled`)'}")
        print("round  floor us/order  product us/order  ratio")
        for number in range(1, arguments.rounds + 1):
            floor = floor_us(loaded, folder, arguments.steps * 36)
            product = product_us(loaded, folder, arguments.steps)
            ratios.append(product / floor)
            print(f"{number:5d}  {floor:14.2f}  {product:16.2f}  {ratios[-1]:5.2f}")
    ratio = statistics.median(ratios)
    print(f"ratio: {ratio:.2f} (median of {arguments.rounds}; at most {RATIO_MAX:g} is wanted)")
    return 0 if ratio <= RATIO_MAX else 1


if __name__ == "__main__":
    raise SystemExit(main())
