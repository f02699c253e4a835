"""Against the last results: what got worse is found, two equal builds are silent, and the table survives its file."""

from __future__ import annotations

import pytest
from game_records import STEPS
from results_made import a_week, noisy_plays

from aurora_sim.lab.wargame.against import findings, paired_p_value, regressed
from aurora_sim.lab.wargame.files import read_results, results_text, write_results
from aurora_sim.scenario.errors import InputError

GAMES = [f"group/game-{number}" for number in range(12)]


def week(path, first_seed, shift=0.0, **broken):
    return a_week(path, *((name, noisy_plays(first_seed, 20, shift, **broken)) for name in GAMES))


def test_equal_builds_with_other_seeds_are_silent(tmp_path):
    assert findings(week(tmp_path, 1), week(tmp_path, 101)) == []


def test_the_same_seeds_again_are_silent(tmp_path):
    assert findings(week(tmp_path, 1), week(tmp_path, 1)) == []


@pytest.mark.parametrize("first_seed", [1, 101])
def test_more_lost_orders_are_found_in_every_game(tmp_path, first_seed):
    found = findings(week(tmp_path, 1), week(tmp_path, first_seed, shift=80.0))
    assert {f.game for f in found if f.what == "orders lost" and f.kind == "regressed"} == set(GAMES)
    assert regressed(found)
    better = findings(week(tmp_path, 1, shift=80.0), week(tmp_path, first_seed))
    assert {f.game for f in better if f.what == "orders lost" and f.kind == "improved"} == set(GAMES)
    assert not regressed(better)


def test_verdicts_that_change_are_named(tmp_path):
    good, bad = noisy_plays(1, 10), noisy_plays(1, 10, low_until=STEPS)
    before = a_week(tmp_path, ("a/one", good), ("a/two", bad), ("a/three", bad))
    now = a_week(tmp_path, ("a/one", bad), ("a/two", good), ("a/three", bad), ("a/four", bad))
    kinds = {f.game: f.kind for f in findings(before, now) if f.what == "verdict"}
    assert kinds == {"a/one": "regressed", "a/two": "resolved", "a/three": "ongoing", "a/four": "new"}


def test_a_failure_on_few_seeds_both_times_is_flaky(tmp_path):
    seldom = noisy_plays(1, 9) + noisy_plays(10, 1, low_until=STEPS)
    week_of = a_week(tmp_path, ("a/one", seldom))
    assert [f.kind for f in findings(week_of, week_of)] == ["flaky"]


def test_the_table_survives_its_file(tmp_path):
    made = week(tmp_path, 1)
    write_results(made, json_file=tmp_path / "last.json", junit=tmp_path / "junit.xml", report=None)
    assert read_results(tmp_path / "last.json") == made
    assert (tmp_path / "last.json").read_text() == results_text(made)


@pytest.mark.parametrize(
    ("gaps", "least", "most"),
    [((1.0, -1.0) * 5, 1.0, 1.0), ((0.1,) * 9 + (-0.8,), 0.01, 1.0), ((80.0,) * 20, 0.0, 1e-4)],
    ids=["balanced", "unclear", "clear"],
)
def test_the_p_value_of_pairs_is_a_probability(gaps, least, most):
    assert least <= paired_p_value([(float(k), k + gap) for k, gap in enumerate(gaps)]) <= most


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', "\x00"])
def test_what_is_no_table_is_refused(tmp_path, text):
    (tmp_path / "last.json").write_text(text)
    with pytest.raises(InputError, match=r"last\.json"):
        read_results(tmp_path / "last.json")
