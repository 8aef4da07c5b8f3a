"""Draws the shapes of loadtest/shapes.py into docs/shapes.svg, which the README shows.

After an edit of a shape: `.venv/bin/python -m tools shapes-picture`.
"""

import hashlib
import json
import sys
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from .autoscaling.chart import BLUE, STYLE

PROJECT = Path(__file__).parents[1]
PICTURE = PROJECT / "docs/shapes.svg"

sys.path.insert(0, str(PROJECT / "loadtest"))
from shapes import SHAPES, Settings  # noqa: E402 - its folder is in sys.path only now

SETTINGS = Settings(low=10, high=50, period=120, width=30)
SECONDS = range(241)

Curves = dict[str, list[int]]


def curves() -> Curves:
    """Users at each second, by shape."""
    return {name: [shape(second, SETTINGS) for second in SECONDS] for name, shape in SHAPES.items()}


def fingerprint(curves: Curves) -> str:
    """Hash of the curves, kept in the picture so that a test can compare them."""
    return hashlib.sha256(json.dumps(curves).encode()).hexdigest()


def draw(file: Path) -> None:
    """Write a panel for each shape, the same bytes for the same curves."""
    found = curves()
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        panels = figure.subplots(2, 3, sharex=True, sharey=True).flat
        for panel, (name, users) in zip(panels, found.items(), strict=True):
            panel.plot(SECONDS, users, color=BLUE, drawstyle="steps-post")
            panel.set_title(name)
            panel.set_ylim(0, SETTINGS.high * 1.1)
            panel.set_yticks([SETTINGS.low, SETTINGS.high], ["low", "high"])
            panel.set_xticks([0, SETTINGS.period, 2 * SETTINGS.period], ["0", "period", "2 periods"])
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Description": fingerprint(found)})


def main() -> None:
    """Draw the picture anew."""
    draw(PICTURE)
