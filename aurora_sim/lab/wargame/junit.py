"""The results as JUnit XML, which every CI reads: a suite, a case a game; void is an error, failed a failure."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from aurora_sim.lab.wargame.results import Results


def junit_text(results: Results) -> str:
    """The XML, without times: it is the same for the same plays."""
    counts = {verdict: sum(game.verdict == verdict for game in results.games) for verdict in ("failed", "void")}
    suite = Xml.Element(
        "testsuite",
        name="aurora-sim wargame",
        tests=str(len(results.games)),
        failures=str(counts["failed"]),
        errors=str(counts["void"]),
    )
    for game in results.games:
        folder, _, name = game.id.rpartition("/")
        case = Xml.SubElement(suite, "testcase", classname=folder or "games", name=name)
        if game.verdict != "passed":
            tag = "failure" if game.verdict == "failed" else "error"
            problem = Xml.SubElement(case, tag, message=game.decided_by, type=game.verdict)
            lines = [
                f"{e.verdict}: {e.text}: {e.why_void or e.measured}, wanted {e.target} ({e.place})"
                for e in game.expectations
                if e.verdict != "passed"
            ]
            problem.text = "\n".join([*lines, f"replay: {game.replay}"])
    Xml.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(suite, encoding="unicode") + "\n"
