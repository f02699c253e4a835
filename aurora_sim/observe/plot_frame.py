"""What every picture of a run has in common: heading, time axis, shaded faults with their names, and labels at the lines' ends.

Places are worked out in inches and points, so that a picture looks the same alone and as a quarter of the overview.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter, MultipleLocator

# Okabe and Ito's colours: they stay apart for every kind of colour blindness, and in grey.
BLUE: Final = "#0072B2"
SKY: Final = "#3A96CF"  # darker than theirs, so that it can be read as letters
VERMILLION: Final = "#D55E00"
INK: Final = "#222222"
GREY: Final = "#6B6B6B"
FAINT: Final = "#D9D9D9"
FAULT: Final = (0.88, 0.71, 0.30, 0.30)  # see-through: where faults overlap it is darker
FAULT_EDGE: Final = "#A9772B"

STYLE: Final[dict[str, Any]] = {
    "font.family": ["DejaVu Sans"],  # it comes with matplotlib: the same letters on every machine
    "font.size": 9.0,
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "ytick.major.size": 0.0,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "lines.solid_capstyle": "round",
    "path.simplify": False,
}

LEFT_IN: Final = 0.65
RIGHT_IN: Final = 1.75
TOP_IN: Final = 0.72
BOTTOM_IN: Final = 0.5
LANE_PT: Final = 12.0
LANES_MAX: Final = 4
LABEL_PT: Final = 9.0
POINTS_PER_INCH: Final = 72.0


class FaultSpan(NamedTuple):
    """A fault to be shaded: its name, and when it begins and ends, in seconds from the start."""

    name: str
    at_s: float
    end_s: float


class TimeUnit(NamedTuple):
    """The unit of the time axis, and how far apart its ticks may be."""

    name: str
    seconds: float
    tick_steps: tuple[int, ...]


MINUTES: Final = TimeUnit("minutes", 60.0, (1, 2, 5, 10, 15, 30))
HOURS: Final = TimeUnit("hours", 3600.0, (1, 2, 3, 6, 12))
DAYS: Final = TimeUnit("days", 86_400.0, (1, 2, 7, 14, 28, 91, 182, 364, 728))


def time_unit(end_s: float) -> TimeUnit:
    """Minutes up to four hours, hours up to four days, then days."""
    if end_s <= 4 * 3600:
        return MINUTES
    return HOURS if end_s <= 4 * 86_400 else DAYS


class Frame:
    """A picture's part of a figure: the heading is drawn at once, axes are made inside it on demand."""

    def __init__(
        self,
        figure: Figure | SubFigure,
        heading: str,
        finding: str,
        alarming: bool,
        end_s: float,
        faults: Sequence[FaultSpan],
        *,
        named: bool = True,
    ) -> None:
        self.figure = figure
        self.end_s = end_s
        self.unit = time_unit(end_s)
        self.faults = [fault for fault in faults if fault.at_s < end_s]
        root = figure.figure if isinstance(figure, SubFigure) else figure
        assert isinstance(root, Figure)
        self._width_in = figure.bbox.width / root.dpi
        self._height_in = figure.bbox.height / root.dpi
        self._lanes = _lanes(self.faults, end_s, self._width_in - LEFT_IN - RIGHT_IN) if named else []
        self.text(LEFT_IN, 0.26, heading, size=12, weight="bold", color=INK)
        self.text(LEFT_IN, 0.48, finding, size=9.5, color=VERMILLION if alarming else GREY)

    def text(self, left_in: float, down_in: float, words: str, **style: Any) -> None:
        """Words whose base line begins so far from the frame's left and top."""
        self.figure.text(left_in / self._width_in, 1.0 - down_in / self._height_in, words, **style)

    @property
    def body_in(self) -> tuple[float, float]:
        """Width and height of what is left for axes."""
        named = max(self._lanes, default=-1) + 1
        return (
            self._width_in - LEFT_IN - RIGHT_IN,
            self._height_in - TOP_IN - BOTTOM_IN - named * LANE_PT / POINTS_PER_INCH,
        )

    def axes(self, left_in: float, bottom_in: float, width_in: float, height_in: float) -> Axes:
        """Axes at a place in the body, their time axis set up and the faults shaded."""
        axes = self.figure.add_axes(
            (
                (LEFT_IN + left_in) / self._width_in,
                (BOTTOM_IN + bottom_in) / self._height_in,
                width_in / self._width_in,
                height_in / self._height_in,
            )
        )
        axes.set_xlim(0.0, self.end_s / self.unit.seconds)
        ticks_max = max(2.0, width_in / 0.6)
        steps = self.unit.tick_steps
        step = next((step for step in steps if self.end_s / self.unit.seconds / step <= ticks_max), steps[-1])
        axes.xaxis.set_major_locator(MultipleLocator(step))
        for fault in self.faults:
            begin, end = fault.at_s / self.unit.seconds, min(fault.end_s, self.end_s) / self.unit.seconds
            axes.axvspan(begin, end, facecolor=FAULT, edgecolor=FAULT_EDGE, linewidth=0.6, zorder=0)
        return axes

    def name_faults(self, axes: Axes) -> None:
        """Write each fault's name above where it is shaded, in lanes so that no two names touch."""
        end = self.end_s / self.unit.seconds
        unnamed = 0
        for fault, lane in zip(self.faults, self._lanes, strict=True):
            if lane < 0:
                unnamed += 1
                continue
            begin = fault.at_s / self.unit.seconds
            width = _width_in(fault.name) / self.body_in[0] * end
            axes.annotate(
                fault.name,
                (min(begin, max(0.0, end - width)), 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 3 + lane * LANE_PT),
                textcoords="offset points",
                color=FAULT_EDGE,
                size=LABEL_PT,
                annotation_clip=False,
            )
        if unnamed:
            axes.annotate(
                f"and {unnamed} more",
                (1.0, 1.0),
                xycoords="axes fraction",
                xytext=(6, 3 + (LANES_MAX - 1) * LANE_PT),
                textcoords="offset points",
                color=FAULT_EDGE,
                size=LABEL_PT,
                annotation_clip=False,
            )

    def time_label(self, axes: Axes) -> None:
        """Name the time axis."""
        axes.set_xlabel(f"{self.unit.name} from the start", labelpad=2)


def label_ends(axes: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Write words right of the axes at the height of a value, moved apart where they would touch: (value, words, colour)."""
    gap_px = 1.25 * LABEL_PT / POINTS_PER_INCH * axes.get_figure(root=True).dpi  # type: ignore[union-attr]
    box = axes.bbox
    placed = sorted(
        (min(max(float(axes.transData.transform((0.0, value))[1]), box.y0), box.y1), words, colour)
        for value, words, colour in labels
    )
    heights_px: list[float] = []
    for wanted_px, _, _ in placed:
        heights_px.append(wanted_px if not heights_px else max(wanted_px, heights_px[-1] + gap_px))
    top_px = box.y1
    for place in range(len(heights_px) - 1, -1, -1):  # whatever was pushed above the top pushes the others down
        heights_px[place] = min(heights_px[place], top_px)
        top_px = heights_px[place] - gap_px
    for (_, words, colour), height_px in zip(placed, heights_px, strict=True):
        axes.annotate(
            words,
            (1.0, (height_px - box.y0) / box.height),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            size=LABEL_PT,
            va="center",
            annotation_clip=False,
        )


def grouped(axes: Axes) -> None:
    """Whole numbers on the value axis, in groups of three digits."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _width_in(words: str) -> float:
    width_pt, _, _ = text_to_path.get_text_width_height_descent(words, FontProperties(size=LABEL_PT), ismath=False)
    return float(width_pt) / POINTS_PER_INCH


def _lanes(faults: Sequence[FaultSpan], end_s: float, width_in: float) -> list[int]:
    """The lowest lane in which each fault's name touches no other; -1 for those that find none."""
    free_from_in = [0.0] * LANES_MAX
    lanes: list[int] = []
    for fault in faults:
        name_in = _width_in(fault.name)
        begin_in = min(fault.at_s / end_s * width_in, max(0.0, width_in - name_in))
        lane = next((lane for lane in range(LANES_MAX) if free_from_in[lane] <= begin_in), -1)
        if lane >= 0:
            free_from_in[lane] = begin_in + name_in + 0.1
        lanes.append(lane)
    return lanes
