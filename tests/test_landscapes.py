"""The landscapes: known values, gradients against difference quotients, and descent."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from companion.gradients import numerical_gradient
from companion.landscapes import (
    BEALE,
    HIMMELBLAU,
    LANDSCAPES,
    RASTRIGIN,
    RAVINE,
    ROSENBROCK,
    SADDLE,
    descend,
)
from companion.optimizers import SGD, Adam

each_landscape = pytest.mark.parametrize("landscape", LANDSCAPES, ids=lambda each: each.name)


@pytest.mark.parametrize(
    ("landscape", "point", "value"),
    [
        (BEALE, (4, 4), 68891.203125),
        (BEALE, (0, 1), 14.203125),
        (BEALE, (0, 0), 1.5**2 + 2.25**2 + 2.625**2),
        (BEALE, (3, 0.5), 0),
        (RAVINE, (-7, 2), 49 / 20 + 4),
        (ROSENBROCK, (-1.2, 1), 24.2),
        (ROSENBROCK, (1, 1), 0),
        (HIMMELBLAU, (0, 0), 170),
        (HIMMELBLAU, (3, 2), 0),
        (SADDLE, (0, 0), 0),
        (SADDLE, (-1, 0), -0.25),
        (SADDLE, (2, 3), 4 - 2 + 4.5),
        (RASTRIGIN, (0, 0), 0),
        (RASTRIGIN, (0.5, -0.5), 40.5),
        (RASTRIGIN, (1, 2), 5),
    ],
    ids=lambda argument: getattr(argument, "name", str(argument)),
)
def test_known_values(landscape, point, value):
    assert landscape.value(point) == pytest.approx(value, rel=1e-12, abs=1e-14)


@each_landscape
def test_minima_are_flat_and_lowest(landscape):
    lowest = landscape.value(landscape.grid(201)).min()
    for minimum in landscape.minima:
        np.testing.assert_allclose(landscape.gradient(minimum), 0, atol=1e-11)
        assert landscape.value(minimum) == pytest.approx(
            landscape.value(landscape.minimum), abs=1e-20
        )
        assert landscape.value(minimum) <= lowest + 1e-20


def test_himmelblau_has_four_minima_of_zero():
    """The closed-form one, and three that are zeros of both squares to all digits."""
    assert HIMMELBLAU.minima.shape == (4, 2)
    np.testing.assert_allclose(HIMMELBLAU.value(HIMMELBLAU.minima.T), 0, atol=1e-24)
    signs = np.sign(HIMMELBLAU.minima).astype(int).tolist()
    assert sorted(signs) == [[-1, -1], [-1, 1], [1, -1], [1, 1]]  # one in each quadrant


def test_curvature_at_beales_minimum():
    """The numbers that explain why gradient descent diverges there above 2/48.98 = 0.0408."""
    point = BEALE.minimum.copy()
    hessian = [numerical_gradient(lambda p, i=i: BEALE.gradient(p)[i], point) for i in range(2)]
    low, high = np.linalg.eigvalsh(hessian)
    assert (round(low, 4), round(high, 2), round(high / low, 1)) == (0.3015, 48.98, 162.5)


def test_beale_and_the_saddle_have_their_saddle_points():
    np.testing.assert_array_equal(BEALE.gradient(np.array([0.0, 1.0])), 0)
    np.testing.assert_array_equal(SADDLE.gradient(np.zeros(2)), 0)
    assert SADDLE.value((0, 0.1)) > SADDLE.value((0, 0)) > SADDLE.value((0.1, 0))


@each_landscape
@settings(max_examples=25)
@given(share=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_gradient(landscape, share):
    """Against our own quotient and SciPy's, anywhere within the bounds."""
    low, high = np.transpose(landscape.bounds)
    point = low + np.array(share) * (high - low)
    gradient = landscape.gradient(point)
    scale = 1 + np.abs(landscape.value(point))
    np.testing.assert_allclose(
        gradient, numerical_gradient(landscape.value, point), rtol=1e-6, atol=1e-8 * scale
    )
    np.testing.assert_allclose(
        gradient, approx_fprime(point, landscape.value), rtol=1e-4, atol=1e-4 * scale
    )


@each_landscape
def test_grid_form_equals_point_form(landscape):
    grid = landscape.grid(7)
    values, gradients = landscape.value(grid), landscape.gradient(grid)
    assert grid.shape == gradients.shape == (2, 7, 7)
    for i, j in np.ndindex(7, 7):
        point = grid[:, i, j]
        np.testing.assert_allclose(values[i, j], landscape.value(point), rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(
            gradients[:, i, j], landscape.gradient(point), rtol=1e-12, atol=1e-12
        )


@each_landscape
def test_grid_spans_the_bounds(landscape):
    x, y = landscape.grid(5)
    np.testing.assert_array_equal(x, np.tile(np.linspace(*landscape.bounds[0], 5), (5, 1)))
    np.testing.assert_array_equal(y.T, np.tile(np.linspace(*landscape.bounds[1], 5), (5, 1)))


@each_landscape
def test_start_and_minima_lie_within_the_bounds(landscape):
    low, high = np.transpose(landscape.bounds)
    for point in [landscape.start, *landscape.minima]:
        assert np.all((low <= point) & (point <= high))


class TestDescend:
    def test_holds_the_start_and_the_point_after_each_update(self):
        path = descend(RAVINE, SGD(lr=0.5), start=(10, 3), steps=2)
        np.testing.assert_allclose(path, [(10, 3), (9.5, 0), (9.025, 0)], atol=1e-15)

    def test_starts_at_the_landscapes_own_start(self):
        path = descend(BEALE, Adam(), steps=0)
        np.testing.assert_array_equal(path, [(1.0, 1.0)])

    def test_leaves_the_start_alone(self):
        start, own = np.array([1.0, 1.0]), BEALE.start.copy()
        descend(BEALE, Adam(lr=0.1), start=start, steps=3)
        descend(BEALE, Adam(lr=0.1), steps=3)
        np.testing.assert_array_equal(start, [1, 1])
        np.testing.assert_array_equal(BEALE.start, own)

    def test_default_is_a_hundred_steps(self):
        assert descend(SADDLE, SGD(lr=0.1)).shape == (101, 2)

    @pytest.mark.parametrize("lr", [1e3, 1e300])
    def test_divergence_is_nan_to_the_end_and_warns_of_nothing(self, lr):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            path = descend(BEALE, SGD(lr=lr), start=(4, 4), steps=50)
        diverged = ~np.isfinite(path).all(axis=1)
        first = diverged.argmax()
        assert 1 <= first < 50
        assert np.isfinite(path[:first]).all()
        assert np.isnan(path[first:]).all()
