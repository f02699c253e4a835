"""Where an order's cost goes: a run of the baseline, function by function.

By default in instructions, by callgrind (Debian's package `valgrind`), of the compiled hot path: repeatable, whatever else the
machine does. Two runs of different length go side by side, and what is told is their difference by order, so that start and end
count for nothing. A function's instructions are its own, or with all that it calls; `--of` tells who calls one, and what it calls.

    python benchmarks/profile_run.py [--steps 160] [--top 40] [--of OrderLife._admit]
    python benchmarks/profile_run.py --sources [--steps 160]

`--sources` profiles the sources instead, in microseconds, by Python's own profiler, which makes every call dearer than it is.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Final, NamedTuple

import wasmtime

from aurora_sim import compiled
from aurora_sim.engine.run import Options, Run, run
from aurora_sim.scenario.scenario import PROJECT, load
from aurora_sim.treaty.policy import load as policy_load

POLICY = PROJECT / "policy" / "wasm" / "vault-law-akash-policy.wasm"
RULES = PROJECT / "config" / "prometheus" / "alert_rules.yml"
SHORT_STEPS: Final = 60
LIMIT_S: Final = 600.0
FROM_PYTHON: Final = " (called from Python)"
LEAST_PER_ORDER: Final = 15.0
"""Of the callers and callees of a function, those that cost fewer instructions are not told."""


class Costs(NamedTuple):
    """Of one run, in instructions: each function's own; and by (caller, callee) the calls, and what they cost with all below."""

    own: dict[str, int]
    calls: dict[tuple[str, str], int]
    below: dict[tuple[str, str], int]

    def whole(self) -> dict[str, int]:
        """Each function's, with all that it calls."""
        whole: dict[str, int] = defaultdict(int, self.own)
        for (caller, callee), cost in self.below.items():
            if caller != callee:
                whole[caller] += cost
        return whole


def product(steps: int, folder: Path, begun: Callable[[Run], object] = lambda _: None) -> int:
    """The run that is profiled; how many orders ended."""

    def compiled_here(path: Path, wasm: bytes) -> bytes:
        # Not in a child: that would compile for this processor, and valgrind's is another.
        return bytes(wasmtime.Module(policy_load.make_engine(), wasm).serialize())

    policy_load.compile_in_child = compiled_here
    options = Options(42, POLICY, RULES, steps, folder / "out")
    done = run(load(PROJECT / "scenarios" / "baseline.yaml"), options, begun=begun)
    return done.recorder.ended_total


def told(name: str) -> str:
    """A function's name as we have it: `CPyDef_life___OrderLife____admit` is `life.OrderLife._admit`."""
    name = re.sub(r"'\d+$", "", name)
    found = re.match(r"CPy(Def|Py)_(.+)", name)
    if found is None:
        return name
    mark = "" if found[1] == "Def" else FROM_PYTHON
    parts = re.sub(r"_{3}(_?)(?=[A-Za-z_])", r".\1", found[2])
    return parts + mark


def read(file: Path) -> Costs:
    """What callgrind wrote."""
    names: dict[str, str] = {}

    def name_of(text: str) -> str:
        number, _, name = text.partition(" ")
        if name:
            names[number] = told(name)
        return names[number]

    costs = Costs(defaultdict(int), defaultdict(int), defaultdict(int))
    function, callee, calls = "", "", 0
    with file.open() as lines:
        for line in lines:
            line = line.rstrip()
            if line.startswith("fn="):
                function = name_of(line[3:])
            elif line.startswith("cfn="):
                callee = name_of(line[4:])
            elif line.startswith("calls="):
                calls = int(line[6:].split()[0])
            elif line[:1].isdigit() or line[:1] in ("+", "-", "*"):
                cost = int(line.split()[1])
                if callee:
                    costs.calls[function, callee] += calls
                    costs.below[function, callee] += cost
                    callee = ""
                else:
                    costs.own[function] += cost
    return through_stubs(costs)


def through_stubs(costs: Costs) -> Costs:
    """The same without the jumps from library to library, which callgrind sees as functions that have no name."""
    targets: dict[str, list[str]] = defaultdict(list)
    for caller, callee in costs.below:
        targets[caller].append(callee)

    def meant(name: str) -> str:
        while name.startswith("0x") and len(targets[name]) == 1 and targets[name] != [name]:
            (name,) = targets[name]
        return name

    direct = Costs(costs.own, defaultdict(int), defaultdict(int))
    for (caller, callee), cost in costs.below.items():
        if meant(caller) != meant(callee):  # else it is the jump's own
            direct.calls[caller, meant(callee)] += costs.calls[caller, callee]
            direct.below[caller, meant(callee)] += cost
    return direct


def measured(steps: tuple[int, int]) -> tuple[Costs, Costs, int]:
    """Both runs under callgrind, side by side, and how many orders the longer one has more."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = [
            subprocess.Popen(
                [
                    "valgrind", "--tool=callgrind", f"--callgrind-out-file={folder / str(count)}", sys.executable, __file__,
                    "--one", str(count),
                ],
                env={**os.environ, "PYTHONHASHSEED": "0"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for count in steps
        ]  # fmt: skip
        orders = []
        for process in started:
            said, errors = process.communicate(timeout=LIMIT_S)
            if process.returncode:
                raise SystemExit(f"callgrind ended with {process.returncode}: {errors[-2000:]}")
            orders.append(int(said))
        short, long = (read(folder / str(count)) for count in steps)
        return short, long, orders[1] - orders[0]


def of_one(wanted: str, short: Costs, long: Costs, orders: int) -> None:
    """Who calls a function and what it calls, by order."""
    found = sorted({name for name in long.own if name.endswith(wanted)})
    if not found:
        raise SystemExit(f"no function ends with {wanted!r}")
    for name in found:
        print(f"\n{name}: {(long.own[name] - short.own.get(name, 0)) / orders:,.0f} instructions an order of its own")
        for title, place in (("called by", 1), ("calls", 0)):
            rows = [
                (
                    (cost - short.below.get(edge, 0)) / orders,
                    (long.calls[edge] - short.calls.get(edge, 0)) / orders,
                    edge,
                )
                for edge, cost in long.below.items()
                if edge[place] == name
            ]
            for cost, calls, edge in sorted(rows, reverse=True):
                if cost >= LEAST_PER_ORDER:
                    print(f"  {title:<10}{cost:>8,.0f}{calls:>8.2f} x  {edge[1 - place][:90]}")


def by_callgrind(steps: int, top: int, wanted: str | None) -> None:
    short, long, orders = measured((SHORT_STEPS, steps))
    before, after = short.whole(), long.whole()
    rows = [
        ((after[name] - before.get(name, 0)) / orders, (long.own[name] - short.own.get(name, 0)) / orders, name)
        for name in after
    ]
    print(f"instructions an order: {sum(own for _, own, _ in rows):,.0f}")
    print(f"{'with calls':>10}{'own':>8}  function of ours")
    ours = [row for row in rows if "." in row[2] and "@" not in row[2] and not row[2].endswith(FROM_PYTHON)]
    for whole, own, name in sorted(ours, reverse=True)[:top]:
        print(f"{whole:>10,.0f}{own:>8,.0f}  {name[:100]}")
    print(f"\n{'own':>10}  any function")
    for _, own, name in sorted(rows, key=lambda row: -row[1])[: top // 2]:
        print(f"{own:>10,.0f}  {name[:100]}")
    if wanted is not None:
        of_one(wanted, short, long, orders)


def by_cprofile(steps: int, top: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        profile = cProfile.Profile()
        orders = product(steps, Path(name), lambda _: profile.enable())
        profile.disable()
    rows = [
        (entry.inlinetime / orders * 1e6, entry.totaltime / orders * 1e6, told_of(entry.code))
        for entry in profile.getstats()
    ]
    print(f"{'own us':>8}{'with calls':>12}  function, by order")
    for own_us, whole_us, function in sorted(rows, reverse=True)[:top]:
        print(f"{own_us:>8.2f}{whole_us:>12.2f}  {function[:100]}")


def told_of(code: CodeType | str) -> str:
    """Where a function of Python's is; of a built-in one its name."""
    return code if isinstance(code, str) else f"{Path(code.co_filename).name}:{code.co_firstlineno} {code.co_name}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--steps", type=int, default=160, help=f"of the longer run; the shorter has {SHORT_STEPS}")
    parser.add_argument("--top", type=int, default=40)
    parser.add_argument("--of", metavar="FUNCTION", help="the end of a function's name")
    parser.add_argument("--sources", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        with tempfile.TemporaryDirectory() as name:
            print(product(arguments.one, Path(name)))
        return 0
    if arguments.steps <= SHORT_STEPS:
        parser.error(f"--steps must be more than {SHORT_STEPS}, those of the shorter run")
    if arguments.sources:
        if compiled.in_use():
            again = [sys.executable, *sys.argv]
            return subprocess.run(again, env={**os.environ, compiled.SWITCH: "0"}, check=False).returncode
        by_cprofile(arguments.steps, arguments.top)
        return 0
    if not compiled.in_use():
        parser.error(
            "the hot path is not compiled, and callgrind sees no functions of Python's: `make compiled`, or --sources"
        )
    if shutil.which("valgrind") is None:
        parser.error("there is no valgrind (Debian: apt-get install valgrind): install it, or give --sources")
    by_callgrind(arguments.steps, arguments.top, arguments.of)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
