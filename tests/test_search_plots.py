"""The figures of a search show what its trials hold."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from companion import plots
from companion.landscapes import RAVINE
from companion.search import LogUniform, Uniform
from companion.trial_log import Trial

SPACE = {"lr": LogUniform(1e-3, 1.0), "rate": Uniform(0.0, 1.0)}
TRIALS = [
    Trial(0, {"lr": 1e-3, "rate": 0.5}, "finished", 0.2),
    Trial(1, {"lr": 1e-2, "rate": 1.0}, "finished", 0.4),
    Trial(2, {"lr": 1e-1, "rate": 0.0}, "finished", 0.9),
    Trial(3, {"lr": 1.0, "rate": 0.3}, "diverged"),
]


@pytest.fixture
def ax():
    fig, ax = plots.subplots()
    yield ax
    plt.close(fig)


def test_scatter(ax):
    plots.scatter(ax, TRIALS, "lr", "rate", log=("lr",))
    (dots,), (crosses,) = ax.collections, ax.lines
    np.testing.assert_allclose(dots.get_offsets(), [(1e-3, 0.5), (1e-2, 1.0), (1e-1, 0.0)])
    np.testing.assert_array_equal(dots.get_array(), [0.2, 0.4, 0.9])
    np.testing.assert_array_equal(crosses.get_xydata(), [(1.0, 0.3)])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")


def test_marginal(ax):
    """By rising rate: 0.9 at 0, 0.2 at 0.5, 0.4 at 1; two groups, of two trials and of one."""
    plots.marginal(ax, TRIALS, "rate", groups=2)
    dots, medians = (line.get_xydata() for line in ax.lines)
    np.testing.assert_allclose(dots, [(0.0, 0.9), (0.5, 0.2), (1.0, 0.4)])
    np.testing.assert_allclose(medians, [(0.25, 0.55), (1.0, 0.4)])
    plots.marginal(ax, TRIALS, "rate", groups=1)
    np.testing.assert_allclose(ax.lines[-1].get_xydata(), [(0.5, 0.4)])  # the mean would be 0.5
    assert plots.marginal(ax, TRIALS, "lr", log=True).get_xscale() == "log"


def test_best_so_far(ax):
    plots.best_so_far(ax, [[1, 0, 3], [2, 4, 1], [0, 1, 9]])
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [(1, 1), (2, 1), (3, 4)])


def test_importance_is_spearmans_correlation(ax):
    """lr and score rise together: 1. Ranks of rate 2, 3, 1 against 1, 2, 3: 1 − 6 · 6 / 24 = −½."""
    plots.importance(ax, TRIALS, ["lr", "rate"])
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([1.0, -0.5])


def test_parallel(ax):
    plots.parallel(ax, TRIALS, SPACE)
    lines = [line.get_ydata() for line in ax.lines]
    np.testing.assert_allclose(lines, [(0, 0.5, 0), (1 / 3, 1, 2 / 7), (2 / 3, 0, 1)], atol=1e-12)


def test_a_race_of_searches_shows_the_best_score_so_far():
    points = {"random": np.array([[-7.0, 2.0], [0.0, 0.0], [1.0, 1.0]])}
    scores = {"random": np.array([0.2, 0.75, 0.5])}
    html = plots.race(RAVINE, points, "Three random points.", scores=scores).html
    assert 'data-heights="0.2|0.75|0.75">0.75</span>' in html
    assert "Best score after the first trial and" in html
    assert 'aria-label="One trial back"' in html
