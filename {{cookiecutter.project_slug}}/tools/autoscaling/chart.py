"""Draws the load and the autoscaler's reaction over one time axis: chart.svg of `make pulse`."""

import textwrap
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .reaction import Moment, RecordedRun
from .samples import Sample

GAP = 3
"""Seconds without a value after which a line is interrupted."""
# Colours of medium lightness, which are readable on white and on black pages.
INK, BLUE, RED, ORANGE, GREEN = "#808080", "#3b8fd6", "#e0524d", "#d08a1d", "#2fa36b"
PANELS = [
    "Users",
    "Requests and failures per second",
    "Response time in ms",
    "Replicas",
    "CPU in % of the request",
]
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "salt",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": INK,
    "axes.xmargin": 0.01,
    "axes.ymargin": 0.1,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": INK,
    "grid.alpha": 0.2,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.constrained_layout.h_pad": 0.07,
    "legend.frameon": False,
    "legend.borderpad": 0,
    "legend.labelcolor": "linecolor",
    "lines.linewidth": 1.6,
}


def draw(file: Path, title: str, run: RecordedRun, target: int) -> None:
    """Write the chart as SVG, the same bytes for the same data; the target is in per cent of the CPU request."""
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 8.5), layout="constrained")
        users, requests, times, replicas, cpu = axes = list(figure.subplots(len(PANELS), sharex=True))

        def line(panel: Axes, values: str, color: str, rows: Sequence[Moment | Sample], **style: Any) -> None:
            points = interrupted([(row.at - run.start, getattr(row, values)) for row in rows])
            panel.plot(*points, color=color, **{"label": values} | style)

        line(users, "users", BLUE, run.history, label="_")
        line(requests, "failures", RED, run.history)
        line(requests, "requests", BLUE, run.history)
        line(times, "p95", ORANGE, run.history)
        line(times, "p50", BLUE, run.history)
        line(replicas, "desired", ORANGE, run.samples, drawstyle="steps-post")
        line(replicas, "ready", GREEN, run.samples, drawstyle="steps-post")
        line(cpu, "cpu", GREEN, run.samples, label="CPU", drawstyle="steps-post")
        cpu.axhline(target, color=INK, linestyle="--", linewidth=1, label=f"target {target} %")

        for panel, name in zip(axes, PANELS, strict=True):
            panel.set_title(name)
            panel.set_ylim(bottom=0)
            panel.yaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
            if run.pulse:
                panel.axvspan(*(at - run.start for at in run.pulse), color=INK, alpha=0.12, linewidth=0)
        for panel in axes[1:]:
            panel.legend(loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2)
        if run.pulse:
            middle = sum(run.pulse) / 2 - run.start
            users.text(middle, 0.07, "pulse", transform=users.get_xaxis_transform(), ha="center")
        cpu.set_xlim(left=0)
        cpu.set_xlabel("seconds since the start of the run")
        figure.suptitle("\n".join(textwrap.wrap(title, 120)), x=0.01, ha="left", fontsize=10)
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})


def interrupted(points: list[tuple[float, float | None]]) -> tuple[list[float], list[float]]:
    """Times and values of a line with a break where a value is missing or the next one comes after more than GAP."""
    nan = float("nan")
    line = [(at, nan if value is None else value) for at, value in points]
    gaps = [(before + GAP, nan) for (before, _), (after, _) in pairwise(line) if after - before > GAP]
    line = sorted(line + gaps, key=lambda point: point[0])
    return [at for at, _ in line], [value for _, value in line]
