"""How long a war-game report takes to open: `benchmarks/report_opening.py out/wargame/index.html`. Needs Chromium and playwright.

From the navigation's begin until its load event is over and the page is painted twice; the worst of five, each in a fresh browser.
`--picture FILE` also takes a picture of its top.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

ROUNDS = 5
OPENED = (
    """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"""
)


def main() -> None:
    """Measure the report that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    report, picture = given.report, given.picture
    from playwright.sync_api import sync_playwright

    times_ms = []
    with sync_playwright() as playwright:
        for _ in range(ROUNDS):
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1100, "height": 1000})
            page.goto(report.resolve().as_uri())
            times_ms.append(page.evaluate(OPENED))
            if picture is not None:
                page.screenshot(path=picture)
            browser.close()
    print(f"{report.stat().st_size / 1e6:.2f} MB, opened in {max(times_ms):.0f} ms at worst of {ROUNDS}")


if __name__ == "__main__":
    main()
