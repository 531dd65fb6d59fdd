"""The Gaussian process against scikit-learn's; expected improvement against numbers by hand."""

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from companion.bayes import GaussianProcess, bayesian_search, expected_improvement, suggest
from companion.search import LogUniform, Uniform


@pytest.mark.parametrize("dimensions", [1, 2, 4])
@pytest.mark.parametrize("noise", [1e-4, 0.3])
def test_predicts_what_scikit_learn_predicts(rng, dimensions, noise):
    x, new = rng.random((25, dimensions)), rng.random((40, dimensions))
    y = np.sin(5 * x[:, 0]) + rng.normal(size=25)
    scales = rng.uniform(0.2, 1.0, dimensions)
    ours = GaussianProcess(scales, 1.7, noise).fit(x, y)
    kernel = ConstantKernel(1.7) * Matern(scales, nu=2.5)
    theirs = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(x, y - y.mean())
    mean, std = theirs.predict(new, return_std=True)
    np.testing.assert_allclose(ours.predict(new)[0], mean + y.mean(), rtol=0, atol=1e-8)
    np.testing.assert_allclose(ours.predict(new)[1], std, rtol=0, atol=1e-8)
    likelihood = theirs.log_marginal_likelihood_value_
    assert ours.log_likelihood() == pytest.approx(likelihood, rel=1e-8)


def test_tuning_makes_the_values_more_likely(rng):
    x = rng.random((30, 2))
    y = np.sin(8 * x[:, 0]) + 0.01 * rng.normal(size=30)  # nothing depends on the second
    before = GaussianProcess().fit(x, y).log_likelihood()
    tuned = GaussianProcess().tune(x, y)
    assert tuned.log_likelihood() > before
    assert tuned.length_scales[1] > 3 * tuned.length_scales[0]


@pytest.mark.parametrize(("mean", "std", "best"), [(0.2, 0.5, 0.4), (1.0, 0.1, 0.5), (-1, 2, 3)])
def test_expected_improvement_is_the_mean_of_the_improvement(mean, std, best):
    def weighted(value):
        return max(value - best, 0) * stats.norm.pdf(value, mean, std)

    expected, _ = integrate.quad(weighted, best, mean + 12 * std, epsabs=1e-12)
    found = expected_improvement(np.array([mean]), np.array([std]), best)
    assert found[0] == pytest.approx(expected, abs=1e-9)


def test_without_doubt_the_improvement_is_certain():
    found = expected_improvement(np.array([1.0, -1.0]), np.zeros(2), best=0.5)
    np.testing.assert_array_equal(found, [0.5, 0.0])


def test_suggests_a_point_of_the_cube(rng):
    point = suggest(rng.random((6, 3)), rng.random(6), rng)
    assert point.shape == (3,)
    assert np.all((point >= 0) & (point <= 1))


def test_a_search_gets_closer_than_random_ones():
    """The best of 20 trials on a smooth bump in two dimensions, over five seeds."""
    space = {"lr": LogUniform(1e-4, 1.0), "rate": Uniform(0.0, 1.0)}

    def score(config):
        return -((np.log10(config["lr"]) + 1.3) ** 2) - 4 * (config["rate"] - 0.7) ** 2

    for seed in range(5):
        points, scores = bayesian_search(score, space, 20, np.random.default_rng(seed))
        assert points.shape == (20, 2)
        at_random = np.random.default_rng(seed).random((20, 2))
        random_scores = [
            score({name: space[name].from_unit(u) for name, u in zip(space, point, strict=True)})
            for point in at_random
        ]
        assert scores.max() > max(random_scores)
        assert scores.max() > -0.01


def test_same_generator_same_search():
    space = {"x": Uniform(0, 1)}
    runs = [
        bayesian_search(lambda c: -c["x"], space, 8, np.random.default_rng(1), start=4)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(runs[0][0], runs[1][0])


def test_bad_input():
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator"):
        bayesian_search(lambda c: 0, {"x": Uniform(0, 1)}, 5, None)
    with pytest.raises(ValueError, match="start must be an integer of at least 2, got 1"):
        bayesian_search(lambda c: 0, {"x": Uniform(0, 1)}, 5, np.random.default_rng(0), start=1)
    with pytest.raises(ValueError, match="x and y must have the same length, got 3 and 2"):
        GaussianProcess().fit(np.zeros((3, 1)), np.zeros(2))
