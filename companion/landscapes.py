"""Functions of two variables with known minima, and descent on them.

A network's loss has thousands of dimensions and no picture. These functions have two, so one sees
what an optimizer does. All are written for arrays of shape (2, ...): the same code evaluates one
point, a path, or the grid under a contour plot.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from companion._checks import check_count


@dataclass(eq=False)
class Landscape:
    """A function of two variables that knows its gradient and its minima.

    Attributes
    ----------
    name : str
    value, gradient : callable
        Take an array (2, ...), return the function's values (...) and its gradient (2, ...).
    minima : (k, 2) array
        Where the function is lowest.
    start : (2,) array
        The usual starting point.
    bounds : tuple
        ((x low, x high), (y low, y high)): the part that is plotted and searched.
    source : str
        Where the function comes from: a key in references.bib.

    Examples
    --------
    The gradient is also zero where there is no minimum: Beale's function has a saddle at (0, 1).

    >>> BEALE.gradient(np.array([0.0, 1.0])), float(BEALE.value((0.0, 1.0)))
    (array([0., 0.]), 14.203125)
    """

    name: str
    value: Callable
    gradient: Callable
    minima: np.ndarray
    start: np.ndarray
    bounds: tuple
    source: str

    def __post_init__(self):
        self.minima, self.start = np.array(self.minima, float), np.array(self.start, float)

    @property
    def minimum(self):
        """The (first) minimum, (2,)."""
        return self.minima[0]

    def grid(self, points=101):
        """Return `points` × `points` places over the bounds, (2, points, points).

        >>> RAVINE.grid(3)[:, 0]
        array([[-10.,   0.,  10.],
               [ -4.,  -4.,  -4.]])
        """
        check_count("points", points, least=2)
        return np.array(np.meshgrid(*(np.linspace(low, high, points) for low, high in self.bounds)))


def descend(landscape, optimizer, start=None, steps=100):
    """Move a point down a landscape and return its path, (steps + 1, 2).

    Parameters
    ----------
    landscape : Landscape
    optimizer : object with ``step(params, grads)``
        A fresh one: its memory goes on from earlier steps.
    start : (2,) array, optional
        Where to begin, two finite numbers, else ValueError; by default the landscape's own start.
    steps : int, default 100
        The number of updates. Once a coordinate overflows, the run has diverged, and what follows
        in the path is NaN.

    Examples
    --------
    >>> from companion.optimizers import SGD
    >>> descend(RAVINE, SGD(lr=0.95), steps=30)[-1].round(6)
    array([-0.350393,  0.084782])
    """
    point = np.array(landscape.start if start is None else start, dtype=float)
    if point.shape != (2,) or not np.isfinite(point).all():
        raise ValueError(f"start must be two finite numbers, got {start!r}")
    check_count("steps", steps, least=0)
    path = np.full((steps + 1, 2), np.nan)
    path[0] = point
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(1, steps + 1):
            optimizer.step(point, landscape.gradient(point))
            if not np.isfinite(point).all():
                break
            path[step] = point
    return path


def _beale(point):
    x, y = point
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def _beale_gradient(point):
    x, y = point
    a, b, c = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
    along_x = 2 * a * (y - 1) + 2 * b * (y**2 - 1) + 2 * c * (y**3 - 1)
    along_y = 2 * a * x + 4 * b * x * y + 6 * c * x * y**2
    return np.array([along_x, along_y])


def _ravine(point):
    x, y = point
    return x**2 / 20 + y**2


def _ravine_gradient(point):
    x, y = point
    return np.array([x / 10, 2 * y])


def _rosenbrock(point):
    x, y = point
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _rosenbrock_gradient(point):
    x, y = point
    return np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])


def _himmelblau(point):
    x, y = point
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def _himmelblau_gradient(point):
    x, y = point
    a, b = x**2 + y - 11, x + y**2 - 7
    return np.array([4 * a * x + 2 * b, 2 * a + 4 * b * y])


def _saddle(point):
    x, y = point
    return x**4 / 4 - x**2 / 2 + y**2 / 2


def _saddle_gradient(point):
    x, y = point
    return np.array([x**3 - x, y])


def _rastrigin(point):
    x, y = point
    return 20 + x**2 - 10 * np.cos(2 * np.pi * x) + y**2 - 10 * np.cos(2 * np.pi * y)


def _rastrigin_gradient(point):
    return 2 * np.asarray(point) + 20 * np.pi * np.sin(2 * np.pi * np.asarray(point))


def _square(limit):
    return (-limit, limit), (-limit, limit)


HIMMELBLAU_MINIMA = [  # the first is exact, the others are roots of the gradient to 16 digits
    (3.0, 2.0),
    (-2.805118086952745, 3.131312518250573),
    (-3.779310253377747, -3.283185991286170),
    (3.584428340330492, -1.848126526964404),
]
BEALE = Landscape("Beale", _beale, _beale_gradient, [(3, 0.5)], (1, 1), _square(4.5), "jamil2013")
RAVINE = Landscape(
    "ravine", _ravine, _ravine_gradient, [(0, 0)], (-7, 2), ((-10, 10), (-4, 4)), "saitoh2016"
)
ROSENBROCK = Landscape(
    "Rosenbrock",
    _rosenbrock,
    _rosenbrock_gradient,
    [(1, 1)],
    (-1.2, 1),
    ((-2, 2), (-1, 3)),
    "rosenbrock1960",
)
HIMMELBLAU = Landscape(
    "Himmelblau",
    _himmelblau,
    _himmelblau_gradient,
    HIMMELBLAU_MINIMA,
    (0, 0),
    _square(5.0),
    "himmelblau1972",
)
SADDLE = Landscape(
    "saddle", _saddle, _saddle_gradient, [(1, 0), (-1, 0)], (0.001, 1), _square(1.8), "nesterov2004"
)
RASTRIGIN = Landscape(
    "Rastrigin",
    _rastrigin,
    _rastrigin_gradient,
    [(0, 0)],
    (2.2, -1.7),
    _square(5.12),
    "rastrigin1974",
)
LANDSCAPES = (BEALE, RAVINE, ROSENBROCK, HIMMELBLAU, SADDLE, RASTRIGIN)
