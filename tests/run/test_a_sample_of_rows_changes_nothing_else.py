"""`--sample` and `--no-orders`: fewer rows, chosen by the orders' index, and every other figure as with all of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from row_runs import ONE_MORE, loaded_with_every_outcome, run_into
from run_command import aurora

AGGREGATES = ("step_metrics.csv", "provider_metrics_over_time.csv", "alerts.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All rows, a tenth, a fifth, and none of the same run; and a tenth of it under one more fault."""
    folder = tmp_path_factory.mktemp("sample")
    loaded = loaded_with_every_outcome(folder)
    run_into(folder / "all", loaded)
    run_into(folder / "tenth", loaded, share=0.1)
    run_into(folder / "fifth", loaded, share=0.2)
    run_into(folder / "none", loaded, rows="none")
    run_into(folder / "surge", loaded_with_every_outcome(folder, ONE_MORE), share=0.1)
    run_into(folder / "surge-all", loaded_with_every_outcome(folder, ONE_MORE))
    return folder


def lines(out: Path) -> list[str]:
    return (out / "routing_decisions.csv").read_text().splitlines()[1:]


def ids(out: Path) -> set[str]:
    with (out / "routing_decisions.csv").open(newline="") as file:
        return {row["order_id"] for row in csv.DictReader(file)}


def test_a_sample_is_some_of_the_rows_in_their_order(folder: Path) -> None:
    every, fifth, tenth = (lines(folder / name) for name in ("all", "fifth", "tenth"))
    assert 0.07 < len(tenth) / len(every) < 0.13
    assert 0.15 < len(fifth) / len(every) < 0.25
    for less, more in ((tenth, fifth), (fifth, every)):
        chosen = set(less)
        assert less == [line for line in more if line in chosen], "the less are of the more, in their order"


def test_it_is_chosen_all_along_the_run_and_from_every_outcome(folder: Path) -> None:
    tenth = lines(folder / "tenth")
    assert min(int(line.split(",")[0]) for line in tenth) < 3
    assert max(int(line.split(",")[0]) for line in tenth) > 36
    assert {"filled", "rejected", "denied"} <= {line.split(",")[6] for line in tenth}


def test_it_is_the_same_for_the_same_seed_and_another_for_another(folder: Path, tmp_path: Path) -> None:
    loaded = loaded_with_every_outcome(tmp_path)
    run_into(tmp_path / "again", loaded, share=0.1)
    run_into(tmp_path / "other", loaded, share=0.1, seed=8)
    assert lines(tmp_path / "again") == lines(folder / "tenth")
    both = ids(tmp_path / "other") & ids(folder / "tenth")
    assert len(both) < 0.3 * len(ids(folder / "tenth"))


def test_a_fault_that_is_added_changes_no_choice(folder: Path) -> None:
    before, with_surge = ids(folder / "tenth"), ids(folder / "surge")
    there_in_both = ids(folder / "all") & ids(folder / "surge-all")
    assert before & there_in_both == with_surge & there_in_both
    assert with_surge - ids(folder / "all"), "the surge's own orders are sampled too"


def told(out: Path) -> dict[str, Any]:
    """The manifest, without what differs between any two runs or says which rows there are."""
    manifest: dict[str, Any] = json.loads((out / "run.json").read_text())
    for key in ("wall_clock", "order_rows", "outputs"):
        del manifest[key]
    return manifest


@pytest.mark.parametrize("name", ["tenth", "none"])
def test_every_other_figure_is_that_of_all_orders(folder: Path, name: str) -> None:
    for file in AGGREGATES:
        assert (folder / name / file).read_bytes() == (folder / "all" / file).read_bytes()
    assert told(folder / name) == told(folder / "all")


def test_the_manifest_says_which_rows_there_are(folder: Path) -> None:
    rows = {
        name: json.loads((folder / name / "run.json").read_text())["order_rows"] for name in ("all", "tenth", "none")
    }
    assert rows == {
        "all": {"format": "csv", "share": 1.0, "written": len(lines(folder / "all"))},
        "tenth": {"format": "csv", "share": 0.1, "written": len(lines(folder / "tenth"))},
        "none": {"format": "none", "written": 0},
    }
    assert not (folder / "none" / "routing_decisions.csv").exists()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--no-orders", "--sample", "0.1"), "--sample 0.1"),
        (("--no-orders", "--format", "parquet"), "--format parquet"),
        (("--sample", "0"), "--no-orders"),
        (("--sample", "nan"), "such as 0.01"),
        (("--sample", "1.01"), "such as 0.01"),
        (("--sample", "-0.1"), "such as 0.01"),
        (("--sample", "0.1", "--replications", "2"), "single run"),
        (("--no-orders", "--replications", "2"), "single run"),
        (("--format", "avro"), "avro"),
    ],
)
def test_what_makes_no_sense_is_told(options: tuple[str, ...], what: str, tmp_path: Path) -> None:
    done = aurora("run", "--out", tmp_path / "out", *options)
    assert done.returncode == 2
    assert what in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
