"""A replayed trace gives its rows, scaled, thinned and mapped as the scenario says; a bad row is told by file and line."""

from __future__ import annotations

import itertools
import random

import pytest
from world_parts import HOUR_S, PROJECT, a_config, assert_mean_is, drafts

from aurora_sim.scenario.errors import InputError
from aurora_sim.world.replay import check_trace, read_trace

HEADER = "order_id,arrival_s,tenant,gpu_type,gpus,duration_s"
PHILLY = PROJECT / "scenarios" / "traces" / "philly_2017-11-01_14d.csv"


def rows_of(count, seed=1):
    """Rows of some trace, several of them at one instant."""
    draws = random.Random(seed)
    time_s = 0.0
    rows = []
    for number in range(count):
        time_s += draws.choice([0, 0, 1, 5, 60])
        row = (
            f"o{number}",
            time_s,
            draws.choice("xyz"),
            draws.choice(["K80", "any"]),
            draws.choice([1, 2, 8]),
            30 + number,
        )
        rows.append(row)
    return rows


@pytest.fixture
def trace(tmp_path):
    """Writes rows to a trace file and returns its path."""
    names = itertools.count()

    def write(rows, header=HEADER):
        path = tmp_path / f"trace-{next(names)}.csv"
        path.write_text(
            "\n".join([header, *(row if isinstance(row, str) else ",".join(map(str, row)) for row in rows)]) + "\n"
        )
        return path

    return write


def replay(path, **different):
    mapping = {"tenants": {"*": "tenant-dao"}, "gpu_types": {"*": "A100"}}
    return a_config(demand={"replay": {"trace": str(path), "workload": "general_compute", **mapping, **different}})


def orders(config, seed=0):
    found = drafts(config, seed, 1e12)
    assert list(found) == ["trace"]
    return found["trace"]


def test_every_row_is_an_order_as_it_stands(trace):
    rows = rows_of(3000)
    found = orders(replay(trace(rows)))
    assert [(o.number, o.arrival_s, o.gpus) for o in found] == [(n, row[1], row[4]) for n, row in enumerate(rows)]
    for order, (_, _, _, _, gpus, duration_s) in zip(found, rows, strict=True):
        assert order.gpu_hours == pytest.approx(gpus * duration_s / HOUR_S, abs=1e-4)
        assert (order.tenant_id, order.workload, order.gpu_type) == ("tenant-dao", "general_compute", "A100")


@pytest.mark.skipif(not PHILLY.exists(), reason="the trace is not in this checkout")
def test_the_philly_fortnight_is_read_whole():
    config = replay(PHILLY)
    rows = list(read_trace(PHILLY))
    found = orders(config)
    assert len(rows) == len(found) == check_trace(config.demand.replay, config) == 10_176
    assert [(o.arrival_s, o.gpus) for o in found] == [(row[0], row[3]) for row in rows]
    gpu_hours = sum(row[3] * row[4] for row in rows) / HOUR_S
    assert sum(o.gpu_hours for o in found) == pytest.approx(gpu_hours, rel=1e-4)


@pytest.mark.parametrize("scale", [0.01, 0.5, 3.0])
def test_time_scale_stretches_the_gaps_and_leaves_the_rest(trace, scale):
    path = trace(rows_of(1500))
    plain, scaled = orders(replay(path)), orders(replay(path, time_scale=scale))
    assert [o.arrival_s for o in scaled] == [pytest.approx(o.arrival_s * scale, abs=1e-6) for o in plain]
    assert [o._replace(arrival_s=0.0) for o in scaled] == [o._replace(arrival_s=0.0) for o in plain]


def test_thinning_keeps_the_same_rows_for_the_same_seed(trace):
    path = trace(rows_of(3000))
    everything = {order.number: order for order in orders(replay(path), seed=5)}
    half = orders(replay(path, thin=0.5), seed=5)
    assert orders(replay(path, thin=0.5), seed=5) == half
    assert all(everything[order.number] == order for order in half)
    assert {o.number for o in orders(replay(path, thin=0.2), seed=5)} < {o.number for o in half}
    assert {o.number for o in orders(replay(path, thin=0.5), seed=6)} != {o.number for o in half}
    assert orders(replay(path, thin=0.0)) == []


def test_thinning_keeps_its_share(trace):
    config = replay(trace(rows_of(2000)), thin=0.3)
    assert_mean_is(600, [len(orders(config, seed)) for seed in range(20)], 0.1)


def test_names_are_mapped_and_the_star_stands_for_the_others(trace):
    rows = rows_of(400)
    config = replay(
        trace(rows),
        tenants={"x": "tenant-gaming", "*": "tenant-research"},
        gpu_types={"K80": "RTX4090", "*": "H100"},
    )
    for order, (_, _, tenant, kind, _, _) in zip(orders(config), rows, strict=True):
        assert order.tenant_id == ("tenant-gaming" if tenant == "x" else "tenant-research")
        assert order.gpu_type == ("RTX4090" if kind == "K80" else "H100")
        limit = config.price_limits[order.gpu_type]
        assert limit.low <= order.max_price_usd_per_hour <= limit.high


def test_a_gpu_type_may_map_to_shares_of_several(trace):
    config = replay(trace(rows_of(2000)), gpu_types={"*": {"A100": 3.0, "H100": 1.0, "RTX3080": 0.0}})
    shares = []
    for seed in range(20):
        kinds = [order.gpu_type for order in orders(config, seed)]
        assert set(kinds) == {"A100", "H100"}
        shares.append(kinds.count("A100") / len(kinds))
    assert_mean_is(0.75, shares, 0.05)


def test_columns_may_stand_in_any_order_and_beside_others(trace):
    rows = rows_of(50)
    turned = trace([(f"{row[5]},{row[4]},note,{row[3]},{row[2]},{row[1]},{row[0]}") for row in rows],
                   "duration_s,gpus,remark,gpu_type,tenant,arrival_s,order_id")  # fmt: skip
    assert orders(replay(turned)) == orders(replay(trace(rows)))


BAD_ROWS = {
    "too few fields": ("c,10,x,any,1", "fields"),
    "too many fields": ("c,10,x,any,1,60,7", "fields"),
    "no number": ("c,ten,x,any,1,60", "arrival_s"),
    "negative time": ("c,-1,x,any,1,60", "arrival_s"),
    "not a number": ("c,nan,x,any,1,60", "arrival_s"),
    "infinite": ("c,10,x,any,1,inf", "duration_s"),
    "back in time": ("c,4,x,any,1,60", "arrival_s"),
    "no GPU": ("c,10,x,any,0,60", "gpus"),
    "half a GPU": ("c,10,x,any,1.5,60", "gpus"),
    "no length": ("c,10,x,any,1,0", "duration_s"),
    "empty": ("c,10,x,any,,60", "gpus"),
    "binary": ("c,10,x,a\0y,1,60", "binary"),
    "endless": ("c,10,x," + "a" * 5000 + ",1,60", "longer"),
    "a tenant nobody mapped": ("c,10,who,any,1,60", "who"),
    "a GPU type nobody mapped": ("c,10,x,TPU,1,60", "TPU"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD_ROWS, ids=str)
def test_a_bad_row_is_told_by_file_line_and_field(trace, bad):
    row, names = BAD_ROWS[bad]
    path = trace(["a,0,x,any,1,60", "b,5,x,any,1,60", row, "d,2000,x,any,1,60"])
    config = replay(path, tenants={"x": "tenant-dao"}, gpu_types={"any": "A100"})
    for read in (lambda: check_trace(config.demand.replay, config), lambda: orders(config)):
        with pytest.raises(InputError) as caught:
            read()
        assert f"{path}:4" in str(caught.value)
        assert names in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (HEADER.encode() + b"\n", "no rows"),
        (b"order_id,arrival_s,tenant,gpus,duration_s\na,1,x,1,60\n", "gpu_type"),
        (b"\xff\xfe\x00", "UTF-8"),
        (HEADER.encode() + b'\na,1,"x"y,any,1,60\n', "cannot be read"),
    ],
)
def test_a_file_that_is_no_trace_is_told_by_name(tmp_path, content, told):
    path = tmp_path / "odd.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(read_trace(path))
    assert str(path) in str(caught.value)
    assert told in str(caught.value)


def test_a_missing_trace_is_told_by_name(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        list(read_trace(tmp_path / "nowhere.csv"))
