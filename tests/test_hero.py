"""The figure on the first page is what its script draws today, and shows what its caption says."""

import io
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ASSETS = Path(__file__).parents[1] / "assets"

# Where neighbors end far apart, rounding may decide. Of the starts, a disturbance of each update by
# 1e-9 of the coordinates moved none, and one by 1e-6 moved at most 0.005 %: room for 20 times that.
LEVELS, SHARE = 8, 0.001


@pytest.fixture(scope="module")
def hero():
    """Return the names that the script defines."""
    return runpy.run_path(str(ASSETS / "hero.py"))


@pytest.fixture(scope="module")
def maps(hero):
    return {title: hero["reached"](optimizer) for title, optimizer in hero["RUNS"].items()}


def changed(fresh, stored):
    """Return the share of pixels whose color or transparency differs visibly."""
    return (np.abs(np.subtract(fresh, stored, dtype=int)).max(axis=2) > LEVELS).mean()


def pixels(file):
    return np.asarray(Image.open(file).convert("RGBA"))


def test_the_stored_figure_is_what_the_script_draws(hero, maps):
    buffer = io.BytesIO()
    hero["draw"](maps).savefig(buffer, dpi=100, transparent=True)
    fresh, stored = pixels(buffer), pixels(ASSETS / "hero.png")
    assert fresh.shape == stored.shape
    assert changed(fresh, stored) < SHARE
    moved = np.roll(stored, 1, axis=1)  # one pixel to the right
    assert changed(fresh, moved) > 2 * SHARE


def ragged(minimum):
    """Return the share of starts that end elsewhere than the start to their left."""
    return (minimum[:, 1:] != minimum[:, :-1]).mean()


def test_the_figure_shows_what_its_caption_says(hero, maps):
    assert hero["UPDATES"] == 200
    assert [optimizer.lr for optimizer in hero["RUNS"].values()] == [0.01, 0.01, 0.5]
    assert sum(minimum.size for minimum in maps.values()) == 691_200
    sgd, momentum, adam = maps.values()
    assert (sgd >= 0).all()
    assert (adam >= 0).mean() > 0.999
    assert 0 < (momentum < 0).mean() < 0.005
    rows, columns = np.nonzero(momentum < 0)
    assert np.median(rows) > 0.9 * len(momentum)  # the blank corner is at the upper right
    assert np.median(columns) > 0.9 * len(momentum)
    assert ragged(momentum) > 10 * ragged(sgd)
    assert ragged(adam) < 3 * ragged(sgd)


def test_the_figure_is_light():
    assert (ASSETS / "hero.png").stat().st_size < 250_000
