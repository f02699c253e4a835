"""A broken invariant ends the run with one message: the values, the seed, the time, and a line that shows it again; no files."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import pytest
from run_command import PROJECT

from aurora_sim.cli import call
from aurora_sim.cli.run import run as command
from aurora_sim.engine import life, run
from aurora_sim.engine.clock import Clock
from aurora_sim.engine.life import OrderLife
from aurora_sim.engine.replay_line import replay_line
from aurora_sim.engine.run import Options
from aurora_sim.engine.simulation import Simulation
from aurora_sim.scenario.scenario import load
from aurora_sim.treaty.ledger import QuotaLedger
from aurora_sim.world.bridge import Bridge
from aurora_sim.world.provider import Provider

OUTAGE = ("scenarios/akash-outage.yaml", "--seed", "7", "--steps", "33")
BROKEN = 1800.0
"""When the parts are broken, in simulated seconds: as Akash goes dark."""

Patch = pytest.MonkeyPatch


def after(patch: Patch, owner: Any, name: str, broken: Callable[..., Any]) -> None:
    """From `BROKEN` on the method is another, which is given the real one first."""
    real = getattr(owner, name)
    clock: list[Any] = []
    begin = Clock.__init__

    def made(self: Any, initial_time: float) -> None:
        begin(self, initial_time)
        clock[:] = [self]

    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        if clock[0].now < BROKEN:
            return real(self, *arguments, **named)
        return broken(real, self, *arguments, **named)

    patch.setattr(Clock, "__init__", made)
    patch.setattr(owner, name, method)


def leased_beyond(patch: Patch) -> None:
    after(patch, Provider, "refusal", lambda real, self, *order: "")


def released_twice(patch: Patch) -> None:
    after(
        patch,
        Provider,
        "release",
        lambda real, self, now_s, lease: (real(self, now_s, lease), real(self, now_s, lease)),
    )


def leased_uncounted(patch: Patch) -> None:
    def take(real: Any, self: Provider, now_s: float, lease: Any, luck: float) -> None:
        real(self, now_s, lease, luck)
        lease.pool.leased_gpus -= 1

    after(patch, Provider, "take", take)


def below_zero(patch: Patch) -> None:
    def release(real: Any, self: Provider, now_s: float, lease: Any) -> None:
        lease.pool.leased_gpus = 0
        real(self, now_s, lease)

    after(patch, Provider, "release", release)


def order_lost(patch: Patch) -> None:
    after(patch, OrderLife, "_next", lambda real, self, order, now_s, why: None)


def order_doubled(patch: Patch) -> None:
    def route(real: Any, self: OrderLife, order: Any, now_s: float) -> None:
        real(self, order, now_s)
        real(self, copy(order), now_s)

    after(patch, OrderLife, "_route", route)


def ended_twice(patch: Patch) -> None:
    def end(real: Any, self: OrderLife, order: Any, *how: Any) -> None:
        real(self, order, *how)
        real(self, order, *how)

    after(patch, OrderLife, "_end", end)


def filled_twice(patch: Patch) -> None:
    def fill(real: Any, self: OrderLife, order: Any, provider: Provider, *how: Any) -> None:
        real(self, order, provider, *how)
        if not provider.refusal(provider.pools[order.gpu_type], order.gpus, order.region, order.max_price_usd_per_hour):
            real(self, order, provider, *how)

    after(patch, OrderLife, "_fill", fill)


def killed_forgotten(patch: Patch) -> None:
    after(patch, OrderLife, "_reroute", lambda real, self, job, now_s: None)


def quota_kept(patch: Patch) -> None:
    after(patch, QuotaLedger, "give_back", lambda real, self, *amount: None)


def quota_twice(patch: Patch) -> None:
    after(patch, QuotaLedger, "take", lambda real, self, *amount: (real(self, *amount), real(self, *amount)))


def quota_given_twice(patch: Patch) -> None:
    after(patch, QuotaLedger, "give_back", lambda real, self, *amount: (real(self, *amount), real(self, *amount)))


def clock_back(patch: Patch) -> None:
    def send(real: Any, self: Bridge, *message: Any) -> Any:
        made = real(self, *message)
        made.due_s -= 30.0
        return made

    after(patch, Bridge, "send", send)


BREAKS: dict[Callable[[Patch], None], str] = {
    leased_beyond: r"leases \d+ \w+, more than it has \(\d+\)",
    released_twice: r"a lease ends once: that of \d+ \w+ at \w+",
    leased_uncounted: r"leases \d+ \w+, and its jobs hold \d+ of them",
    below_zero: r"leases -\d+ \w+, fewer than none",
    order_lost: r"\d+ orders came, \d+ ended and \d+ are under way",
    order_doubled: r"\d+ orders came, \d+ ended and \d+ are under way|ended twice: \w+, then \w+",
    ended_twice: r"gives back .* more than it has used|ended twice: \w+, then \w+",
    filled_twice: r"\S+ was filled twice, and its job was not killed",
    killed_forgotten: r"\d+ jobs were killed, \d+ routed again, \d+ lost and \d+ are between",
    quota_kept: r"[\d.]+ GPU-hours of quota were (taken|given back), and orders",
    quota_twice: r"[\d.]+ GPU-hours of quota were taken, and orders had [\d.]+",
    quota_given_twice: r"[\d.]+ GPU-hours of quota were (taken|given back), and orders|more than it has used",
    clock_back: r"the clock went back: an (order ended|event is due) at [\d.]+ s",
}


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.__name__)
def test_each_is_told_and_the_line_shows_it_again(
    broken: Callable[[Patch], None], tmp_path: Path, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PROJECT)
    broken(monkeypatch)
    assert call(command, [*OUTAGE, "--out", str(tmp_path / "out")], "aurora-sim") == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert "Traceback" not in told.err
    assert not (tmp_path / "out").exists()
    message = re.fullmatch(
        r"aurora-sim: broken invariant: (.*) \(seed 7, ([\d.]+) s, in step (\d+)\)\. Replay: (.*)\n", told.err
    )
    assert message, told.err
    what, time_s, step, line = message.groups()
    assert re.search(BREAKS[broken], what)
    assert float(time_s) >= BROKEN
    assert int(step) * 60.0 <= float(time_s) <= (int(step) + 1) * 60.0
    words = shlex.split(line)
    assert words[:2] == ["aurora-sim", "run"]
    assert words[words.index("--steps") + 1] == str(int(step) + 1)
    assert call(command, [*words[2:], "--out", str(tmp_path / "out")], "aurora-sim") == 1
    assert capsys.readouterr().err == told.err


def test_python_without_assertions_still_holds_them(tmp_path: Path) -> None:
    program = (
        "import sys; from aurora_sim.cli import call; from aurora_sim.cli.run import run as command\n"
        "from aurora_sim.treaty.ledger import QuotaLedger; QuotaLedger.give_back = lambda *amount: None\n"
        "assert False, 'assertions are off'\n"
        f"sys.exit(call(command, {[*OUTAGE, '--out', str(tmp_path / 'out')]!r}, 'aurora-sim'))"
    )
    done = subprocess.run(
        [sys.executable, "-O", "-c", program], cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "broken invariant" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_assertion_of_the_model_is_told_likewise(
    tmp_path: Path, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    def decide(*_: object) -> str:
        raise AssertionError("3 is not 4")

    monkeypatch.chdir(PROJECT)
    monkeypatch.setattr(life, "ack_refusal", decide)
    assert call(command, [*OUTAGE, "--out", str(tmp_path / "out")], "aurora-sim") == 1
    told = capsys.readouterr().err
    assert "broken invariant: 3 is not 4 (seed 7, " in told
    assert len(told.splitlines()) == 1


def test_replications_name_the_seed_that_failed(
    tmp_path: Path, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = run.simulate

    def simulate(loaded: Any, seed: int, *rest: Any) -> Simulation:
        made = real(loaded, seed, *rest)
        if seed == 9:
            made.parts.ledger.take("tenant-dao", 0, 1.0)
        return made

    monkeypatch.chdir(PROJECT)
    monkeypatch.setattr(run, "simulate", simulate)
    arguments = ["--seed", "7", "--steps", "5", "--replications", "4", "--jobs", "1", "--out", str(tmp_path / "out")]
    assert call(command, arguments, "aurora-sim") == 1
    told = capsys.readouterr()
    assert (told.out, len(told.err.splitlines())) == ("", 1)
    assert "(seed 9, " in told.err
    assert "--seed 9 --steps " in told.err
    assert not (tmp_path / "out").exists()


def test_the_line_has_all_that_was_given_and_is_quoted(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.chdir(PROJECT)
    config, policy = tmp_path / "a config", tmp_path / "it's.wasm"
    config.symlink_to(PROJECT / "config")
    trace = PROJECT / "scenarios" / "traces"
    trace = next(path for path in sorted(trace.iterdir()) if path.suffix == ".csv")
    loaded = load(
        Path("scenarios/philly-replay.yaml"), config_dir=config, overrides=["providers.akash.capacity=0.5"], trace=trace
    )
    usual = Options(
        7, PROJECT / "policy/wasm/vault-law-akash-policy.wasm", PROJECT / "config/prometheus/alert_rules.yml"
    )
    assert shlex.split(replay_line(load(Path("scenarios/baseline.yaml")), usual, 3))[2:] == [
        "scenarios/baseline.yaml", "--seed", "7", "--steps", "3",
        "--policy", str(usual.policy), "--rules", str(usual.rules),
    ]  # fmt: skip
    options = Options(7, policy, Path("config/prometheus/alert_rules.yml"), crypto="real")
    assert shlex.split(replay_line(loaded, options, 3)) == [
        "aurora-sim", "run", "scenarios/philly-replay.yaml", "--seed", "7", "--steps", "3",
        "--set", "providers.akash.capacity=0.5", "--policy", str(policy), "--trace", str(trace),
        "--config", str(config), "--crypto", "real",
    ]  # fmt: skip
