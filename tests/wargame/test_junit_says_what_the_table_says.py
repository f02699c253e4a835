"""JUnit XML has a case a game: a failure where it failed, an error where it is void, and the line that replays it."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from game_records import STEPS
from results_made import a_week, noisy_plays

from aurora_sim.lab.wargame.junit import junit_text
from aurora_sim.observe.game_record import FaultSeen


def test_cases_failures_and_errors_are_the_games(tmp_path):
    unseen = [FaultSeen("dark", 1800.0, 3600.0, False, "")]
    results = a_week(
        tmp_path,
        ("a/good", noisy_plays(1, 3)),
        ("a/bad", noisy_plays(1, 3, low_until=STEPS)),
        ("b/void", noisy_plays(1, 3, faults=unseen)),
    )
    suite = Xml.fromstring(junit_text(results))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    cases = {(case.get("classname"), case.get("name")): case for case in suite}
    assert len(cases["a", "good"]) == 0
    assert cases["a", "bad"][0].tag == "failure"
    assert "aurora-sim wargame" in cases["a", "bad"][0].text
    assert cases["b", "void"][0].tag == "error"
