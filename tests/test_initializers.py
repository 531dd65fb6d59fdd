"""The initializers: their spread by statistics, with tolerances of four standard errors."""

import numpy as np
import pytest

from companion import initializers
from companion.initializers import normal, uniform, zeros

N_IN, N_OUT = 300, 200
STANDARD_DEVIATIONS = {
    "lecun": 1 / 300**0.5,
    "xavier": (2 / 500) ** 0.5,
    "he": (2 / 300) ** 0.5,
}
# Glorot's paper gives the limit √6/√(n_in + n_out); He's and LeCun's follow from variance a²/3.
LIMITS = {"lecun": (3 / 300) ** 0.5, "xavier": (6 / 500) ** 0.5, "he": (6 / 300) ** 0.5}


def named(method, distribution):
    return getattr(initializers, f"{method}_{distribution}")


def check_moments(weights, std, kurtosis):
    """Compare mean, variance and the fourth moment with theory, at four standard errors.

    The variance of a sample variance is (κ − 1) σ⁴ / n, with κ = 3 for a normal distribution and
    9/5 for a uniform one.
    """
    n = weights.size
    assert abs(weights.mean()) < 4 * std / n**0.5
    assert abs(weights.var() / std**2 - 1) < 4 * ((kurtosis - 1) / n) ** 0.5
    assert np.mean(weights**4) / weights.var() ** 2 == pytest.approx(kurtosis, abs=0.1)


@pytest.mark.parametrize("method", STANDARD_DEVIATIONS)
class TestNamed:
    def test_normal(self, method, rng):
        weights = named(method, "normal")((N_IN, N_OUT), rng)
        check_moments(weights, STANDARD_DEVIATIONS[method], kurtosis=3)

    def test_uniform(self, method, rng):
        weights = named(method, "uniform")((N_IN, N_OUT), rng)
        check_moments(weights, STANDARD_DEVIATIONS[method], kurtosis=1.8)
        largest, limit = np.abs(weights).max(), LIMITS[method]
        assert limit * (1 - 20 / weights.size) < largest <= limit

    def test_counts_inputs_and_outputs_as_the_paper_does(self, method, rng):
        """The same matrix turned over: only Xavier's spread stays."""
        turned = named(method, "normal")((N_OUT, N_IN), rng).std()
        ratio = turned / STANDARD_DEVIATIONS[method]
        assert ratio == pytest.approx(1.0 if method == "xavier" else 1.5**0.5, rel=0.02)


def test_normal_and_uniform_have_the_spread_asked_for(rng):
    check_moments(normal(std=0.05)((N_IN, N_OUT), rng), 0.05, kurtosis=3)
    weights = uniform(limit=0.05)((N_IN, N_OUT), rng)
    check_moments(weights, 0.05 / 3**0.5, kurtosis=1.8)
    assert np.abs(weights).max() <= 0.05


INITIALIZERS = {
    "normal": normal(0.1),
    "uniform": uniform(0.1),
    **{
        f"{method}_{distribution}": named(method, distribution)
        for method in LIMITS
        for distribution in ("normal", "uniform")
    },
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_depends_on_the_generator_only(name):
    first, again, other = (
        INITIALIZERS[name]((3, 2), np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first.shape == (3, 2)
    np.testing.assert_array_equal(first, again)
    assert np.all(first != other)


def test_zeros_draws_nothing(rng):
    np.testing.assert_array_equal(zeros((3, 2), rng), np.zeros((3, 2)))
    assert rng.random() == np.random.default_rng(0).random()
