"""Draw hero.png: which of Himmelblau's four minima each of 691,200 descents reaches.

Run it from the top of the repository: .venv/bin/python assets/hero.py
"""

from pathlib import Path

import numpy as np
from matplotlib.colors import ListedColormap

from companion import plots
from companion.landscapes import HIMMELBLAU
from companion.optimizers import SGD, Adam, Momentum

UPDATES = 200
SIDE = 480  # starting points along each side of a panel, one pixel each
GAP, TITLE = 24, 72  # pixels between and above the panels
RUNS = {"SGD": SGD(lr=0.01), "Momentum": Momentum(lr=0.01), "Adam": Adam(lr=0.5)}
COLORS = ListedColormap([plots.BLUE, plots.ORANGE, plots.GREEN, plots.PURPLE])


def reached(optimizer, side=SIDE):
    """Return for each point of a grid, (side, side), the number of the minimum reached, or -1."""
    points = HIMMELBLAU.grid(side).reshape(2, -1)  # every column is a descent of its own
    with np.errstate(over="ignore", invalid="ignore"):  # some diverge
        for _ in range(UPDATES):
            optimizer.step(points, HIMMELBLAU.gradient(points))
        distances = np.linalg.norm(HIMMELBLAU.minima[:, :, None] - points, axis=1)  # (4, n)
    arrived = (distances < 0.1).any(axis=0)
    return np.where(arrived, distances.argmin(axis=0), -1).reshape(side, side)


def draw(maps):
    """Return the figure of the maps, a dict of what `reached` returns by title."""
    width, height = len(maps) * (SIDE + GAP) - GAP, SIDE + TITLE
    place = dict(left=0, right=1, bottom=0, top=SIDE / height, wspace=GAP / SIDE)
    size = dict(width=width / 100, height=height / 100)
    fig, axes = plots.subplots(1, len(maps), **size, layout="none", gridspec_kw=place)
    grid = HIMMELBLAU.grid()
    for ax, (title, minimum) in zip(axes, maps.items(), strict=True):
        box = dict(origin="lower", extent=(-5, 5, -5, 5), interpolation="nearest")
        ax.imshow(np.ma.masked_less(minimum, 0), COLORS, vmin=0, vmax=3, **box)
        lines = dict(colors="k", linewidths=0.6, alpha=0.35)
        ax.contour(*grid, HIMMELBLAU.value(grid), levels=2.0 ** np.arange(10), **lines)
        ax.plot(*HIMMELBLAU.minima.T, "*w", markersize=24, markeredgecolor=plots.BLACK)
        ax.set_title(title, fontsize=36, fontweight="bold", color=plots.GRAY, pad=16)
        ax.set_axis_off()
    return fig


if __name__ == "__main__":
    maps = {title: reached(optimizer) for title, optimizer in RUNS.items()}
    # Gray titles on no background: readable on white and on black.
    draw(maps).savefig(Path(__file__).with_name("hero.png"), dpi=100, transparent=True)
