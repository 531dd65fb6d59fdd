"""The figures of the book.

A function takes the axes `ax` to draw on and returns them; ``subplots`` makes axes in the book's
style, and ``race`` a figure that moves, for the browser. `label` and `color` are those of
Matplotlib. Nothing changes its global settings.
"""

from dataclasses import dataclass, field, replace
from html import escape
from itertools import cycle
from pathlib import Path
from string import Template

import matplotlib.pyplot as plt
import numpy as np
from contourpy import contour_generator
from matplotlib.path import Path as Curve
from matplotlib.ticker import PercentFormatter

# Colors that color-blind readers can tell apart (wong2011), darkest first.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK, GRAY = "#E69F00", "#56B4E9", "#222222", "#767676"
COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
STAR = "m0,-88l21,59 63,2-50,38 18,60-52-35-52,35 18-60-50-38 63-2z"  # in an SVG path
OPTIMIZERS = ("SGD", "Momentum", "AdaGrad", "Adam", "Nesterov", "RMSProp", "AdamW")
OPTIMIZER_COLORS = dict(zip(OPTIMIZERS, COLORS, strict=True))
STYLE = {
    "figure.dpi": 144,
    "figure.constrained_layout.use": True,
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=COLORS),
    **dict.fromkeys(["axes.edgecolor", "xtick.color", "ytick.color"], GRAY),
    **dict.fromkeys(
        ["text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"], BLACK
    ),
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
    grid, height, levels = _levels(landscape, points, levels)
    ax.contourf(*grid, np.maximum(height, levels[0]), levels, cmap="bone", norm="log", alpha=0.4)
    ax.contour(*grid, height, levels, colors=GRAY, linewidths=0.4)
    if mark:
        ax.plot(*landscape.minima.T, "*", color=BLACK, markersize=9, zorder=5)
    ax.set(xlabel="x", ylabel="y", xlim=landscape.bounds[0], ylim=landscape.bounds[1])
    return ax


def _levels(landscape, points, levels):
    grid = landscape.grid(points)
    height = landscape.value(grid) - landscape.value(landscape.minimum)
    low = max(height.max() * 1e-6, np.quantile(height, 0.002))
    return grid, height, np.geomspace(low, height.max(), levels)


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


@dataclass
class Player:
    """What ``race`` returns: notebooks and the book show its `html`, others its `description`."""

    description: str
    html: str = field(repr=False)

    def _repr_html_(self):
        return self.html


def race(landscape, paths, description, bounds=None, levels=18, scores=None):
    """Return a player that moves a dot along each path; without JavaScript, a still picture.

    `landscape` is shown within `bounds`, by default its own, with `levels` as in ``contours``.
    `paths` is a dict of name → path (steps + 1, 2), as ``descend`` returns it; the name of an
    optimizer has its color. A path ends where it leaves the map. `description` says what there is
    to see, for those who cannot see it.

    For searches pass their `scores`, a dict of name → (trials,), and the points tried as `paths`:
    the points are not joined, and the best score so far stands where the height would.
    """
    shapes = {name: np.shape(path) for name, path in paths.items()}
    if len(set(shapes.values())) != 1 or min(shapes.values())[1:] != (2,):
        raise ValueError(f"paths must be arrays of one shape (steps + 1, 2), got {shapes}")
    landscape = replace(landscape, bounds=bounds or landscape.bounds)
    own = {name: OPTIMIZER_COLORS[name] for name in paths if name in OPTIMIZER_COLORS}
    free = cycle([color for color in COLORS if color not in own.values()] or COLORS)
    runners = [_runner(landscape, name, paths[name], own.get(name) or next(free)) for name in paths]
    for runner, name in zip(runners, scores or (), strict=False):
        best = [f"{score:.3g}" for score in np.maximum.accumulate(scores[name])]
        runner |= dict(heights="|".join(best), height=best[-1])
    kind = dict(kind="race", shown="Height <i>f</i> after", unit="update", past="updates")
    if scores:
        shown = "Best score after the first trial and"
        kind = dict(kind="race race-search", shown=shown, unit="trial", past="more")
    kind |= dict(label=kind["unit"].capitalize())
    page, *parts = Path(__file__).with_name("race.html").read_text("utf-8").split("<!-- each -->\n")
    trails, dots, legend = ("".join(map(Template(part).substitute, runners)) for part in parts)
    html = Template(page).substitute(
        _ticks(landscape.bounds) | kind,
        trails=trails,
        dots=dots,
        legend=legend,
        updates=min(shapes.values())[0] - 1,
        contours="".join(f'<path d="{region}"/>' for region in _regions(landscape, levels)),
        minima="".join(f"M{x},{y}{STAR}" for x, y in _pixels(landscape, landscape.minima)),
        description=escape(description),
    )
    return Player(description, html)


def _ticks(bounds):
    ticks = np.linspace(*np.transpose(bounds), 5)
    return {"xy"[axis] + str(i): _number(ticks[i, axis]) for i, axis in np.ndindex(5, 2)}


def _number(value):
    return np.format_float_positional(value, 3, fractional=False, trim="-").replace("-", "−")


def _pixels(landscape, points):
    low, high = np.transpose(landscape.bounds)
    # In tenths; the 0.01 keeps round numbers off the middle, where the last bit would decide.
    return np.rint((points - low) / (high - low) * (6000, -3600) + (0.01, 3600.01)).astype(int)


def _regions(landscape, levels):
    """Yield the region below each level, the highest first, as the `d` of an SVG path."""
    grid, height, levels = _levels(landscape, 151, levels)
    generator = contour_generator(*_pixels(landscape, grid.T).T, height, fill_type="OuterOffset")
    for level in levels[-2:0:-1]:
        pieces = zip(*generator.filled(-np.inf, level), strict=True)
        rings = [ring for points, ends in pieces for ring in np.split(points, ends[1:-1])]
        yield "".join(map(_outline, rings))


def _outline(ring):
    curve = Curve(ring)
    curve.simplify_threshold = 2  # leaves out what is finer than 0.2 pixels
    corners = np.rint(curve.cleaned(simplify=True).vertices[:-1] + 0.01).astype(int)
    first, *steps = (f"{x},{y}" for x, y in np.diff(corners, axis=0, prepend=0))
    return f"M{first}l{' '.join(steps)}z"


def _runner(landscape, name, path, color):
    """Return what the template says about one path."""
    low, high = np.transpose(landscape.bounds)
    inside = np.all((low <= path) & (path <= high), axis=1)
    path = np.asarray(path)[: np.argmin([*inside, False])]
    if len(path) == 0:
        raise ValueError(f"the paths must begin inside of the bounds, and {name} does not")
    heights = [_number(height) for height in landscape.value(path.T).round(6) + 0.0]
    heights += [] if inside.all() else ["outside"]
    points = [f"{x},{y}" for x, y in _pixels(landscape, path)]
    marks = "".join(f"M{point}h0" for point in points)
    path_values = dict(points=" ".join(points), marks=marks, last=points[-1])
    height_values = dict(heights="|".join(heights), height=heights[-1])
    return dict(name=escape(name), color=color) | path_values | height_values


def _finished(trials):
    return [trial for trial in trials if trial.status == "finished"]


def scatter(ax, trials, x, y, log=()):
    """Draw the `trials` of a search over two parameters, `x` and `y`: the darker, the better.

    A cross is a trial that did not finish. The parameters in `log` have a logarithmic axis.
    """
    finished, others = _finished(trials), [t for t in trials if t.status != "finished"]
    places = [[trial.config[name] for trial in finished] for name in (x, y)]
    scores = [trial.score for trial in finished]
    shown = ax.scatter(*places, c=scores, cmap="viridis_r", s=28, edgecolor="white", linewidth=0.4)
    if others:
        ax.plot(*[[t.config[name] for t in others] for name in (x, y)], "x", color=GRAY)
    scales = ["log" if name in log else "linear" for name in (x, y)]
    ax.set(xlabel=x, ylabel=y, xscale=scales[0], yscale=scales[1])
    ax.figure.colorbar(shown, ax=ax, label="score")
    return ax


def marginal(ax, trials, name, log=False, color=BLUE, groups=5):
    """Draw the score of the finished `trials` over the parameter `name`, a dot for each.

    The line joins the median scores of `groups` groups of equally many trials, by rising values.
    With `log` the axis of the parameter is logarithmic.
    """
    finished = sorted(_finished(trials), key=lambda trial: trial.config[name])
    points = np.array([(trial.config[name], trial.score) for trial in finished])
    parts = np.array_split(points, min(groups, len(points)))
    medians = [np.median(part, axis=0) for part in parts]
    ax.plot(*points.T, "o", color=color, markersize=4, alpha=0.5, markeredgewidth=0)
    ax.plot(*np.transpose(medians), "o-", color=BLACK, markersize=5)
    ax.set(xlabel=name, ylabel="score", xscale="log" if log else "linear")
    return ax


def best_so_far(ax, runs, label=None, color=None):
    """Draw the best score after each trial: the median and the range of several searches.

    `runs` (searches, trials) holds the scores in the order of the trials.
    """
    best = np.maximum.accumulate(np.asarray(runs), axis=1)
    band(ax, np.arange(1, best.shape[1] + 1), best, label, color)
    ax.set(xlabel="trials", ylabel="best score so far")
    return ax


def importance(ax, trials, names):
    """Draw Spearman's rank correlation of the score with each of the parameters `names`, −1 to 1.

    `trials` are those of a search; only the finished ones count.
    """
    from scipy.stats import spearmanr  # slow to import, and rarely needed

    finished = _finished(trials)
    scores = [trial.score for trial in finished]
    values = [[trial.config[name] for trial in finished] for name in names]
    correlations = [spearmanr(each, scores).statistic for each in values]
    ax.barh(names, correlations, color=BLUE, height=0.5)
    ax.axvline(0, color=GRAY, linewidth=0.8)
    ax.set(xlabel="rank correlation with the score", xlim=(-1, 1))
    return ax


def parallel(ax, trials, space):
    """Draw each finished one of the `trials` as a line through its parameters and its score.

    The darker, the better. `space` is that of the search; every axis runs over its range, the last
    over the scores.
    """
    finished = sorted(_finished(trials), key=lambda trial: trial.score)
    scores = np.array([trial.score for trial in finished])
    heights = (scores - scores.min()) / max(np.ptp(scores), 1e-12)
    names = [*space, "score"]
    for trial, height in zip(finished, heights, strict=True):
        units = [space[name].to_unit(trial.config[name]) for name in space]
        ax.plot(names, [*units, height], color=plt.cm.viridis_r(height), linewidth=1, alpha=0.8)
    for i, name in enumerate(space):
        for unit, side in ((0, "top"), (1, "bottom")):
            ax.text(i, unit, f"{space[name].from_unit(unit):.3g}", va=side, ha="center")
    ax.text(len(space), 0, f"{scores.min():.3g}", va="top", ha="center")
    ax.text(len(space), 1, f"{scores.max():.3g}", va="bottom", ha="center")
    ax.set(yticks=[], ylim=(-0.12, 1.12))
    ax.tick_params(axis="x", length=0, pad=12)
    ax.spines[:].set_visible(False)
    return ax
