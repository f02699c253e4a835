"""A fit orders like its trace: Philly's fortnight within 30 % of its dispersion and 0.05 of KS; a known process is found."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from trace_parts import a_trace

from aurora_sim.cli.trace_fit import fit as fit_command
from aurora_sim.engine.run import simulate
from aurora_sim.lab.trace.dispersion import SCALES_S, index_of_dispersion, together
from aurora_sim.lab.trace.fit import Fit, fit
from aurora_sim.lab.trace.fit_arrivals import fit_arrivals
from aurora_sim.lab.trace.goodness import DISPERSION_MAX, KS_MAX, demand_of_run, goodness, ks_distance
from aurora_sim.lab.trace.scenario_text import capacity, main_region, workload_mix
from aurora_sim.lab.trace.trace import load_trace, write_trace
from aurora_sim.observe.recorder import Recorder
from aurora_sim.observe.rows import COLUMNS
from aurora_sim.scenario.configuration import read_world
from aurora_sim.scenario.demand import Batches, Bursts, Mmpp, Poisson
from aurora_sim.scenario.scenario import load
from aurora_sim.treaty.policy.host import PolicyHost
from aurora_sim.treaty.policy.terms import treaty_terms
from aurora_sim.world.sources import demand_of
from aurora_sim.world.streams import Streams

SPAN_S = 60 * 86_400.0
SEEDS = range(42, 52)


def drawn(demand, seed, span_s=SPAN_S):
    _, times = demand_of("t", demand, demand.orders_per_minute / 60, Streams(seed), 0.0, 0.0, span_s)
    return np.concatenate(list(times))


def model(batch, spread_s, burst, memory_s):
    windows = np.array(SCALES_S)
    return 1 + batch * together(windows, spread_s) + burst * together(windows, memory_s)


def test_a_known_processs_dispersion_is_recovered():
    """The closed form of what was fitted is the closed form of what was drawn, at the three scales, over replications."""
    known = Mmpp(
        model="mmpp",
        orders_per_minute=1.0,
        bursts=Bursts(ratio=12, calm="3h", burst="1h"),
        batches=Batches(mean=6, spread="40s"),
    )
    share, mean = 0.25, 0.75 + 12 * 0.25
    c2 = (0.75 + 144 * share) / mean**2 - 1
    memory_s = 1 / (1 / 10_800 + 1 / 3600)
    expected = model(10.0, 40.0, 2 * memory_s * c2 / 60, memory_s)
    found = []
    for seed in range(8):
        one = fit_arrivals(drawn(known, seed), SPAN_S, None)
        found.append(model(one.batch_part, one.batch_spread_s, one.burst_part, one.burst_memory_s))
        own = one.demand()
        assert isinstance(own, Mmpp)
        assert own.batches is not None
        assert own.batches.mean == pytest.approx(6, rel=0.2)
        assert own.batches.spread == pytest.approx(40, rel=0.3)
    assert np.mean(found, axis=0) == pytest.approx(expected, rel=0.12)


def test_the_states_have_the_variance_and_the_memory_that_were_fitted():
    one = fit_arrivals(drawn(Mmpp(model="mmpp", orders_per_minute=1.0, preset="consumer"), 3), SPAN_S, None)
    bursts = one.demand().bursts
    share = bursts.burst / (bursts.burst + bursts.calm)
    mean = 1 - share + bursts.ratio * share
    c2 = (1 - share + bursts.ratio**2 * share) / mean**2 - 1
    assert 1 / (1 / bursts.calm + 1 / bursts.burst) == pytest.approx(one.burst_memory_s, rel=1e-3)
    assert 2 * one.burst_memory_s * one.rate_per_s * c2 == pytest.approx(one.burst_part, rel=1e-3)
    assert 1 / mean == pytest.approx(one.calm_share, rel=1e-3)


def test_a_poisson_process_is_found_to_be_one():
    one = fit_arrivals(drawn(Poisson(model="poisson", orders_per_minute=1.0), 5), SPAN_S, None)
    assert model(one.batch_part, one.batch_spread_s, one.burst_part, one.burst_memory_s) == pytest.approx(1.0, abs=0.15)


@pytest.fixture(scope="module")
def philly(project: Path, tmp_path_factory: pytest.TempPathFactory):
    """The command's fit of the fortnight: its output, its scenario, its trace."""
    out = tmp_path_factory.mktemp("fit") / "philly.yaml"
    path = project / "scenarios" / "traces" / "philly_2017-11-01_14d.csv"
    done = CliRunner().invoke(
        fit_command, [str(path), "--out", str(out)], catch_exceptions=False, standalone_mode=False
    )
    return done, out, load_trace(path)


def test_phillys_fit_is_within_its_bounds(philly):
    done, out, trace = philly
    assert done.return_value == 0, done.output
    judged = goodness(trace, load(out), SEEDS)
    errors = np.array(judged.dispersion_errors())
    assert (np.abs(np.median(errors, axis=0)) <= DISPERSION_MAX).all(), errors
    assert max(judged.ks.values()) <= KS_MAX
    assert judged.seeds_within >= 6, "most seeds are within it one by one"
    assert f"so are {judged.seeds_within} of 10 seeds" in done.output
    shares = [run.gpu_shares for run in judged.by_seed.values()]
    for count, share in judged.trace.gpu_shares.items():
        assert np.median([run.get(count, 0.0) for run in shares]) == pytest.approx(share, abs=0.01)


def test_what_is_judged_is_what_the_engine_orders(philly, project):
    """The first day of a run, order by order: time, tenant, GPUs and GPU-hours."""
    _, out, _ = philly
    loaded = load(out)
    texts: list[str] = []
    with PolicyHost.load(
        project / "policy/wasm/vault-law-akash-policy.wasm", treaty_terms(loaded.world.treaty)
    ) as policy:
        run = simulate(loaded, 42, 1440, policy, Recorder(texts.append))
        run.warm_up()
        for _ in range(1440):
            run.step()
        under_way = run.in_flight
    names = COLUMNS.split(",")
    rows = [dict(zip(names, line.split(","), strict=True)) for line in "".join(texts).splitlines()]
    by_engine = sorted((float(row["time_s"]), row["tenant_id"], int(row["gpus"])) for row in rows)
    judged = demand_of_run(loaded, 42)
    first = judged.arrival_s < 86_400.0
    assert len(by_engine) + under_way == first.sum() > 200
    times = np.array([row[0] for row in by_engine])
    assert np.abs(times[:, None] - judged.arrival_s[first]).min(axis=1).max() < 1e-3
    if under_way == 0:
        assert sorted(row[2] for row in by_engine) == sorted(judged.gpus[first].tolist())


def test_the_committed_scenario_is_this_fit(philly, project):
    """But for what another machine's arithmetic may turn."""
    _, out, _ = philly
    made, committed = load(out), load(project / "scenarios" / "philly-fitted.yaml")
    assert made.world.durations == committed.world.durations
    assert made.world.providers == committed.world.providers
    assert list(made.world.tenants) == list(committed.world.tenants)
    for tenant_id, tenant in made.world.tenants.items():
        own, kept = tenant.demand, committed.world.tenants[tenant_id].demand
        assert tenant.gpus_per_order == committed.world.tenants[tenant_id].gpus_per_order
        assert (own.model, own.orders_per_minute, own.profile) == (kept.model, kept.orders_per_minute, kept.profile)
        if isinstance(own, Mmpp) and own.batches and own.bursts:
            assert own.batches.mean == pytest.approx(kept.batches.mean, rel=0.05)
            assert own.bursts.burst == pytest.approx(kept.bursts.burst, rel=0.05)


def test_the_scenario_has_the_load_that_was_asked_for(philly):
    _, out, trace = philly
    world = load(out).world
    kinds = {world.workloads[name].gpu_type for name in workload_mix(trace, world)}
    gpus = sum(
        p.capacity * pool.capacity_gpus for p in world.providers.values() for k, pool in p.gpus.items() if k in kinds
    )
    assert trace.gpu_hours.sum() / (trace.span_s / 3600) / gpus == pytest.approx(0.7, rel=1e-3)


def test_a_known_gpu_type_stays_and_others_are_spread():
    world = read_world(Path("config"))
    trace = a_trace(np.arange(1000.0))
    assert set(workload_mix(trace, world)) == {"llm_training", "llm_inference", "3d_rendering"}
    assert sum(workload_mix(trace, world).values()) == pytest.approx(1.0, abs=1e-3)
    h100 = a_trace(np.arange(1000.0))
    object.__setattr__(h100, "gpu_types", ("H100",))
    assert workload_mix(h100, world) == {"llm_training": 1.0}
    assert main_region(world) in world.treaty.regions
    assert capacity(trace, world, 0.5) == pytest.approx(2 * capacity(trace, world, 1.0))


def test_tenants_keep_their_names_where_a_scenario_may_write_them():
    draws = np.random.default_rng(1)
    times = np.sort(draws.random(3000)) * 5 * 86_400.0
    names = ("vc/1", "vc 1", "ü", "d", "e")
    trace = a_trace(times, tenants=names, tenant=draws.choice(5, 3000, p=[0.4, 0.3, 0.2, 0.06, 0.04]))
    found = fit(trace, tenants_max=4)
    assert [(t.tenant_id, t.of_trace) for t in found.tenants] == [
        ("vc-1", ("vc/1",)),
        ("vc-1-2", ("vc 1",)),
        ("tenant", ("ü",)),
        ("others", ("d", "e")),
    ]
    assert isinstance(found, Fit)
    assert sum(t.orders for t in found.tenants) == 3000


def test_ks_is_scipys():
    from scipy.stats import ks_2samp

    draws = np.random.default_rng(2)
    one, other = np.round(draws.lognormal(5, 2, 400)), np.round(draws.lognormal(5.5, 1.5, 300))
    assert ks_distance(one, other) == pytest.approx(ks_2samp(one, other).statistic)


def test_a_trace_of_too_little_is_told_by_file_and_nothing_is_written(tmp_path):
    path = tmp_path / "t.csv"
    write_trace(a_trace(np.arange(50.0) * 3600), path, "o")
    done = CliRunner().invoke(fit_command, [str(path), "--out", str(tmp_path / "x.yaml")])
    assert str(path) in str(done.exception)
    assert "too few" in str(done.exception)
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("gap_s", [60.0, 1800.0])
def test_a_clockwork_is_fitted_as_well_as_may_be_and_told_to_be_unlike(tmp_path, gap_s):
    """No demand model of ours is as even as a clock: the scenario is there and runs, and the exit status says 1."""
    path = tmp_path / "t.csv"
    write_trace(a_trace(np.arange(2000.0) * gap_s), path, "o")
    arguments = [str(path), "--out", str(tmp_path / "x.yaml"), "--json", str(tmp_path / "g.json")]
    done = CliRunner().invoke(fit_command, arguments, catch_exceptions=False, standalone_mode=False)
    assert done.return_value == 1
    assert "NOT within" in done.output
    assert not re.search(r"\bnan\b", done.output)
    json.loads((tmp_path / "g.json").read_text(), parse_constant=pytest.fail)
    assert all(isinstance(t.demand, Poisson) for t in load(tmp_path / "x.yaml").world.tenants.values())


def test_plots_and_figures_are_written(tmp_path):
    draws = np.random.default_rng(4)
    path = tmp_path / "t.csv"
    times = np.floor(np.sort(draws.random(1500)) * 2 * 86_400.0)
    write_trace(a_trace(times, draws.lognormal(6, 1, 1500) + 1, tenants=("a",)), path, "o")
    arguments = [
        str(path),
        "--out",
        str(tmp_path / "x.yaml"),
        "--plots",
        str(tmp_path / "p"),
        "--json",
        str(tmp_path / "g.json"),
    ]
    done = CliRunner().invoke(fit_command, [*arguments, "--seeds", "3"], catch_exceptions=False, standalone_mode=False)
    assert (tmp_path / "p" / "x.png").read_bytes().startswith(b"\x89PNG")
    assert '"seeds_within"' in (tmp_path / "g.json").read_text()
    assert done.return_value in (0, 1)
    assert load(tmp_path / "x.yaml").scenario.steps == int(np.ceil(times[-1] / 60))
    index = index_of_dispersion(times, 60.0, times[-1])
    assert f"{index:.1f}" in done.output
    shutil.rmtree(tmp_path / "p")
