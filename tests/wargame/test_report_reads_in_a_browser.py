"""The report is one file that a real browser reads: no console error, no request, nothing serious by axe, all by keyboard."""

from __future__ import annotations

import shutil

import pytest
from game_records import STEPS
from results_made import a_week, noisy_plays

from aurora_sim.lab.wargame.against import findings
from aurora_sim.lab.wargame.files import write_results
from aurora_sim.observe.game_record import FaultSeen

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    unseen = [FaultSeen("dark", 1800.0, 3600.0, False, "<script>alert(1)</script>")]
    before = a_week(folder, ("a/good", noisy_plays(1, 9)), ("a/bad", noisy_plays(1, 9)))
    now = a_week(
        folder,
        ("a/good", noisy_plays(1, 9)),
        ("a/bad", noisy_plays(1, 9, low_until=STEPS)),
        ("b/void", noisy_plays(1, 9, faults=unseen)),
    )
    now = now.model_copy(update={"findings": findings(before, now)})
    write_results(now, json_file=None, junit=None, report=folder / "out")
    return folder / "out" / "index.html"


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield found
        found.close()


def opened(browser, report, **settings):
    page = browser.new_page(**settings)
    seen = {"errors": [], "requests": []}
    page.on("console", lambda message: seen["errors"].append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen["errors"].append(str(error)))
    page.on("request", lambda request: seen["requests"].append(request.url))
    page.goto(report.as_uri())
    return page, seen


def test_it_opens_without_an_error_or_a_request(browser, report):
    page, seen = opened(browser, report)
    page.locator("svg.timeline").first.hover()
    assert page.locator("svg .reading").count() > 0
    assert seen["errors"] == []
    assert [url for url in seen["requests"] if not url.startswith(("file:", "data:"))] == []
    assert sum(url.startswith("file:") for url in seen["requests"]) == 1


def test_axe_finds_nothing_serious(browser, report):
    from axe_playwright_python.sync_playwright import Axe

    page, _ = opened(browser, report)
    found = Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == []


def test_every_link_and_wide_table_is_reached_by_keyboard(browser, report):
    page, _ = opened(browser, report)
    wanted = page.locator("a[href], [tabindex='0']").count()
    reached = set()
    for _ in range(wanted + 2):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("[...document.querySelectorAll('a[href], [tabindex]')].indexOf(document.activeElement)")
        )
    assert len(reached - {-1}) == wanted
    page.reload()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the table of games"


def test_it_reads_without_script_and_on_a_phone(browser, report):
    page, seen = opened(browser, report, java_script_enabled=False, viewport={"width": 360, "height": 740})
    text = page.locator("body").inner_text()
    for wanted in ("a/good", "Post-mortem: a/bad", "Regressed", "orders lost"):
        assert wanted in text
    assert page.locator("svg.timeline").count() == 3
    assert seen["errors"] == []


def test_the_page_itself_never_scrolls_sideways_on_a_phone(browser, tmp_path):
    """With so many games that the matrix of alerts is wider than the phone: it scrolls by itself."""
    many = a_week(tmp_path, *((f"group/game-{number}", noisy_plays(1, 2)) for number in range(20)))
    write_results(many, json_file=None, junit=None, report=tmp_path)
    page, _ = opened(browser, tmp_path / "index.html", viewport={"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_it_says_what_the_table_says(browser, report):
    page, _ = opened(browser, report)
    rows = page.locator("section[aria-labelledby=games] tbody tr").all_inner_texts()
    assert [row.split("\t")[:2] for row in rows] == [["a/good", "passed"], ["a/bad", "failed"], ["b/void", "void"]]


def test_it_prints(browser, report):
    page, _ = opened(browser, report)
    assert page.pdf()[:4] == b"%PDF"
