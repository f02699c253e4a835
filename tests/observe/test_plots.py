"""The pictures of a run are there, show something, and are the same bytes for the same run."""

from __future__ import annotations

import shutil
import sys
import tracemalloc
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from aurora_sim.engine.run import Run
from aurora_sim.observe.course import POINTS_MAX, Curve, read_course
from aurora_sim.observe.plots import draw
from aurora_sim.scenario.config import Slo
from aurora_sim.scenario.errors import InputError

NAMES = ["fill_rate.png", "rtt.png", "providers.png", "failovers.png", "overview.png"]
VERMILLION = (0xD5, 0x5E, 0x00)
BLUE = (0x00, 0x72, 0xB2)


@pytest.fixture
def folder(outage: Run, tmp_path: Path) -> Path:
    """A copy of the run's files."""
    assert outage.options.out is not None
    return Path(shutil.copytree(outage.options.out, tmp_path / "run"))


@pytest.fixture
def slo(outage: Run) -> Slo:
    """The objectives."""
    return outage.loaded.world.slo


def pixels(path: Path) -> np.ndarray:
    """The picture's colours, as whole numbers from 0 to 255."""
    return (matplotlib.image.imread(path)[:, :, :3] * 255).round().astype(int)


def test_all_five_are_written_and_none_is_blank(outage: Run, folder: Path, slo: Slo) -> None:
    before = {path.name for path in folder.iterdir()}
    paths = draw(folder, "Akash goes dark", outage.faults, slo)
    assert [path.name for path in paths] == NAMES
    assert {path.name for path in folder.iterdir()} == before | set(NAMES)
    for path in paths:
        picture = pixels(path)
        assert (picture == BLUE).all(axis=2).sum() > 200, path.name
        assert len(np.unique(picture @ (65_536, 256, 1))) > 50, path.name
        assert 0.02 < (picture < 250).any(axis=2).mean() < 0.8, path.name


def test_the_same_run_gives_the_same_bytes(outage: Run, folder: Path, slo: Slo) -> None:
    first = [path.read_bytes() for path in draw(folder, "Akash goes dark", outage.faults, slo)]
    assert [path.read_bytes() for path in draw(folder, "Akash goes dark", outage.faults, slo)] == first
    assert all(b"Software" not in data and b"tIME" not in data for data in first)


def test_users_matplotlib_settings_change_nothing(outage: Run, folder: Path, slo: Slo) -> None:
    first = [path.read_bytes() for path in draw(folder, "T", outage.faults, slo)]
    with matplotlib.rc_context(
        {"lines.linewidth": 9, "font.size": 20, "savefig.facecolor": "red", "axes.facecolor": "k"}
    ):
        assert [path.read_bytes() for path in draw(folder, "T", outage.faults, slo)] == first
        assert matplotlib.rcParams["lines.linewidth"] == 9, "and are left as they were"


def test_a_missed_objective_is_red_and_a_fault_is_shaded(outage: Run, folder: Path, slo: Slo) -> None:
    def shaded(picture: np.ndarray) -> int:
        red, green, blue = picture[:, :, 0], picture[:, :, 1], picture[:, :, 2]
        return int(((red > green + 5) & (green > blue + 15) & (red > 230)).sum())

    draw(folder, "T", outage.faults, slo)
    with_fault = pixels(folder / "fill_rate.png")
    draw(folder, "T", [], slo)
    without = pixels(folder / "fill_rate.png")
    assert shaded(with_fault) > 10_000 > shaded(without)
    heading = with_fault[:72, :400]
    assert (heading == VERMILLION).all(axis=2).any()


def test_pyplot_is_not_used(outage: Run, folder: Path, slo: Slo) -> None:
    sys.modules.pop("matplotlib.pyplot", None)
    draw(folder, "T", outage.faults, slo)
    assert "matplotlib.pyplot" not in sys.modules


def test_many_faults_hide_no_other(folder: Path, slo: Slo) -> None:
    faults = [(f"provider-number-{number}-outage", 60.0 * number, 2700.0) for number in range(40)]
    faults += [("after-the-end", 9000.0, 9600.0), ("longer-than-the-picture-" * 10, 0.0, 1e9)]
    assert len(draw(folder, "T", faults, slo)) == 5


def test_memory_does_not_grow_with_the_run(folder: Path, slo: Slo) -> None:
    def peak_bytes(times: int) -> int:
        many = folder.with_name(f"times-{times}")
        many.mkdir()
        for name in ("routing_decisions.csv", "step_metrics.csv", "provider_metrics_over_time.csv"):
            header, *rows = (folder / name).read_text(encoding="utf-8").splitlines()
            with (many / name).open("w", encoding="utf-8") as file:
                file.write(header + "\n")
                for turn in range(times):
                    for row in rows:
                        step, comma, rest = row.partition(",")
                        file.write(f"{int(step) + 38 * turn}{comma}{rest}\n")
        tracemalloc.start()
        course = read_course(many, slo)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert course.steps == 38 * times
        assert len(course.fill_rate.low) <= POINTS_MAX
        return peak

    assert peak_bytes(48) < peak_bytes(16) * 1.2, "720 and 2,160 steps: both are 720 points"


def test_a_curve_keeps_extremes_when_thinned() -> None:
    curve = Curve(10_000, limit=0.5)
    for step in range(10_000):
        curve.add(step, 0.1 if step == 7777 else 1.0)
    value, time_s = curve.lowest()
    assert value == 0.1
    assert abs(time_s - 7778 * 60.0) <= 60.0 * curve.steps_per_point
    assert (curve.below, curve.above) == (1, 9_999)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("step_metrics.csv", None, "step_metrics.csv: No such file"),
        ("step_metrics.csv", "step,total_requests\n", "there is no step in it"),
        ("step_metrics.csv", "step,total_requests\n0,1\n", "it has no column fill_rate_5m"),
        (
            "provider_metrics_over_time.csv",
            "step,provider_id,active,effective_capacity,leased_gpus\n99,a,1,1,1\n",
            "broken row",
        ),
        (
            "provider_metrics_over_time.csv",
            "step,provider_id,active,effective_capacity,leased_gpus\n0,a\n",
            "broken row",
        ),
    ],
)
def test_files_that_are_no_runs_are_told(folder: Path, slo: Slo, name: str, text: str | None, says: str) -> None:
    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says.replace(".", r"\.")):
        draw(folder, "T", [], slo)


def test_a_quiet_run_is_drawn_too(folder: Path, slo: Slo) -> None:
    (folder / "routing_decisions.csv").write_text("step,rtt_ms\n", encoding="utf-8")
    steps = (folder / "step_metrics.csv").read_text(encoding="utf-8").splitlines()[0]
    (folder / "step_metrics.csv").write_text(f"{steps}\n0,0,0,0,,,,0,,,,,0,0,0,0,0,0,0,0\n", encoding="utf-8")
    rows = (folder / "provider_metrics_over_time.csv").read_text(encoding="utf-8").splitlines()
    (folder / "provider_metrics_over_time.csv").write_text("\n".join(rows[:8]) + "\n", encoding="utf-8")
    assert len(draw(folder, "Nothing happens", [], slo)) == 5
