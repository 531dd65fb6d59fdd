"""The figures of the book.

Every function takes the axes `ax` to draw on and returns them; ``subplots`` makes axes in the
book's style. `label` and `color` are those of Matplotlib. Nothing changes its global settings.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import PercentFormatter

# Colors that color-blind readers can tell apart (wong2011), darkest first.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK, GRAY = "#E69F00", "#56B4E9", "#222222", "#767676"
COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
OPTIMIZER_COLORS = dict(
    SGD=BLUE,
    Momentum=VERMILION,
    Nesterov=ORANGE,
    AdaGrad=GREEN,
    RMSProp=SKY,
    Adam=PURPLE,
    AdamW=BLACK,
)
STYLE = {
    "figure.dpi": 144,
    "figure.constrained_layout.use": True,
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GRAY,
    "axes.labelcolor": BLACK,
    "axes.prop_cycle": plt.cycler(color=COLORS),
    "text.color": BLACK,
    "xtick.color": GRAY,
    "ytick.color": GRAY,
    "xtick.labelcolor": BLACK,
    "ytick.labelcolor": BLACK,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
}


def subplots(rows=1, columns=1, *, width=6.6, height=3.4, **options):
    """Return a figure of `width` × `height` inches and its axes, `rows` × `columns`, in the style.

    Other `options` are passed on to ``matplotlib.pyplot.subplots``.
    """
    with plt.rc_context(STYLE):
        return plt.subplots(rows, columns, figsize=(width, height), **options)


def contours(ax, landscape, points=241, levels=18, mark=True):
    """Draw lines of equal height, evenly spaced in the logarithm of the height above the minimum.

    `landscape` is evaluated at `points` × `points` places and cut at `levels` heights; with `mark`
    there is a star on each minimum.
    """
    grid = landscape.grid(points)
    height = landscape.value(grid) - landscape.value(landscape.minimum)
    low = max(height.max() * 1e-6, np.quantile(height, 0.002))
    levels = np.geomspace(low, height.max(), levels)
    ax.contourf(*grid, np.maximum(height, low), levels, cmap="bone", norm="log", alpha=0.4)
    ax.contour(*grid, height, levels, colors=GRAY, linewidths=0.4)
    if mark:
        ax.plot(*landscape.minima.T, "*", color=BLACK, markersize=9, zorder=5)
    ax.set(xlabel="x", ylabel="y", xlim=landscape.bounds[0], ylim=landscape.bounds[1])
    return ax


def surface(ax, landscape, points=81):
    """Draw `landscape` as a surface of `points`² places on 3-D axes, its height on a log scale."""
    grid = landscape.grid(points)
    height = landscape.value(grid) - landscape.value(landscape.minimum)
    ax.plot_surface(*grid, np.log10(1 + height), cmap="bone", rcount=points, ccount=points, lw=0)
    ax.set(xlabel="x", ylabel="y", zlabel="log₁₀(1 + f)")
    return ax


def path(ax, path, label=None, color=None, marker="."):
    """Draw a `path` (steps + 1, 2), as ``descend`` returns it: a line, a `marker` at each step."""
    inside = path[np.isfinite(path).all(axis=1)]
    ax.plot(*inside.T, marker=marker, markersize=4, linewidth=1.2, label=label, color=color)
    ax.plot(*inside[0], "o", markersize=6, color=color or BLACK, markerfacecolor="white")
    return ax


def band(ax, x, runs, label=None, color=None, **options):
    """Draw the median of several runs as a line, and the range from lowest to highest as a band.

    `runs` (runs, n) has a row for each run (each seed), `x` (n,) is where they were measured; other
    `options` are passed on to ``ax.plot``.
    """
    runs = np.asarray(runs)
    (line,) = ax.plot(x, np.median(runs, axis=0), label=label, color=color, **options)
    ax.fill_between(x, runs.min(axis=0), runs.max(axis=0), color=line.get_color(), alpha=0.2, lw=0)
    return ax


def accuracy_axis(ax, low=0.0, high=1.0):
    """Label the vertical axis as accuracy, in percent, from `low` to `high` (shares)."""
    ax.set(ylabel="accuracy", ylim=(low, high))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return ax


def digit(ax, image, title=None):
    """Draw one MNIST `image`, (784,) or (28, 28), dark on light, under a `title`."""
    ax.imshow(np.reshape(image, (28, 28)), cmap="gray_r", vmin=0, vmax=np.max(image))
    ax.set(xticks=[], yticks=[])
    ax.set_title(title or "", loc="center")
    ax.spines[:].set_visible(False)
    return ax
