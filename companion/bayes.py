"""Bayesian optimization: a Gaussian process that guesses the scores of what has not been tried.

The inputs are points of the unit cube, (n, d); see ``to_unit`` of the distributions in
``companion.search``.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.stats import norm, qmc

from companion._checks import check_count, check_generator, check_same

CANDIDATES = 2048  # points at which the acquisition function is looked at


@dataclass
class GaussianProcess:
    r"""A distribution over functions, given some of their values with noise (rasmussen2006).

    .. math:: k(r) = s^2 \left(1 + \sqrt5 r + \tfrac53 r^2\right) e^{-\sqrt5 r}, \qquad
              r = \|(x - x') / \ell\|

    is the Matérn kernel with ν = 5/2: functions that can be differentiated twice.

    Parameters
    ----------
    length_scales : (d,) array or float
        ℓ, how far one has to go in each direction for the function to change.
    signal : float
        s², the variance of the function.
    noise : float
        σ², the variance of the noise in each value.
    """

    length_scales: np.ndarray = 0.3
    signal: float = 1.0
    noise: float = 1e-2

    def kernel(self, a, b):
        """Return the covariances (n, m) of the function at the points `a` (n, d), `b` (m, d)."""
        r = np.sqrt(5) * cdist(a / self.length_scales, b / self.length_scales)
        return self.signal * (1 + r + r**2 / 3) * np.exp(-r)

    def fit(self, x, y):
        """Take in the values `y` (n,) at the points `x` (n, d); return self."""
        check_same("length", x=len(x), y=len(y))
        self.x, self.mean = np.asarray(x, float), np.mean(y)
        covariance = self.kernel(self.x, self.x) + self.noise * np.eye(len(x))
        self.factor = cho_factor(covariance, lower=True)
        self.residual = np.asarray(y, float) - self.mean
        self.weights = cho_solve(self.factor, self.residual)
        return self

    def predict(self, x):
        """Return the mean and the standard deviation of the function at `x`, (m,) each."""
        cross = self.kernel(x, self.x)
        explained = solve_triangular(self.factor[0], cross.T, lower=True)
        variance = self.signal - np.sum(explained**2, axis=0)
        return self.mean + cross @ self.weights, np.sqrt(np.maximum(variance, 0))

    def log_likelihood(self):
        """Return the logarithm of the probability density of the values taken in."""
        log_determinant = 2 * np.sum(np.log(np.diag(self.factor[0])))
        n = len(self.residual)
        return -0.5 * (self.residual @ self.weights + log_determinant + n * np.log(2 * np.pi))

    def tune(self, x, y):
        """Choose ℓ, s² and σ² that make `y` at `x` most likely, then `fit`; return self."""
        variance = max(np.var(y), 1e-12)

        def cost(logs):
            *scales, signal, noise = np.exp(logs)
            self.length_scales, self.signal, self.noise = np.array(scales), signal, noise
            return -self.fit(x, y).log_likelihood()

        dimensions = x.shape[1]
        start = np.log([*[0.3] * dimensions, variance, 0.1 * variance])
        bounds = [(np.log(0.05), np.log(3.0))] * dimensions
        bounds += [tuple(np.log(np.array(b) * variance)) for b in ((0.05, 20.0), (1e-4, 1.0))]
        best = minimize(cost, start, method="L-BFGS-B", bounds=bounds)
        cost(best.x)
        return self


def expected_improvement(mean, std, best):
    r"""Return by how much a point is expected to exceed `best`, the highest so far (jones1998).

    .. math:: \mathrm{EI} = (\mu - f^*) \, \Phi(z) + \sigma \, \varphi(z), \qquad
              z = \frac{\mu - f^*}{\sigma}

    `mean` and `std` (m,) are what the process predicts; a point of which it is certain has
    max(μ − f*, 0).

    >>> expected_improvement(np.array([0.0, 1.0]), np.array([1.0, 0.0]), best=0.0).round(4)
    array([0.3989, 1.    ])
    """
    gain = mean - best
    z = gain / np.maximum(std, 1e-12)
    return np.where(std > 0, gain * norm.cdf(z) + std * norm.pdf(z), np.maximum(gain, 0))


def suggest(x, y, rng):
    """Return the point (d,) to try next, given the scores `y` (n,) at the points `x` (n, d).

    The one with the greatest expected improvement over the best mean so far, among a few thousand
    candidates spread by `rng` and some close to the best.
    """
    check_generator(rng)
    x, y = np.asarray(x, float), np.asarray(y, float)
    process = GaussianProcess().tune(x, y)
    spread = qmc.Sobol(x.shape[1], rng=rng).random(CANDIDATES)
    best = x[np.argmax(process.predict(x)[0])]
    close = np.clip(best + 0.05 * rng.normal(size=(CANDIDATES // 4, x.shape[1])), 0, 1)
    candidates = np.vstack([spread, close])
    incumbent = process.predict(x)[0].max()
    return candidates[np.argmax(expected_improvement(*process.predict(candidates), incumbent))]


def bayesian_search(objective, space, n, rng, start=10):
    """Return the `n` points (n, d) tried and their scores (n,), the first `start` at random.

    `objective` takes a configuration, a dict with a value for each name of `space` (a dict of
    `Uniform` and `LogUniform`), and returns a score, the higher the better. `rng` draws the first
    points and the candidates for the others. With too few at the start the process may be sure of
    something wrong, and try one place again and again.

    >>> from companion.search import Uniform
    >>> def score(config):
    ...     return -((config["x"] - 0.3) ** 2)
    >>> space = {"x": Uniform(0, 1)}
    >>> points, scores = bayesian_search(score, space, 12, np.random.default_rng(0))
    >>> bool(abs(points[scores.argmax(), 0] - 0.3) < 0.02)
    True
    """
    check_generator(rng)
    check_count("n", n)
    check_count("start", start, least=2)
    points, scores = [], []
    for trial in range(n):
        point = rng.uniform(size=len(space)) if trial < start else suggest(points, scores, rng)
        config = {
            name: space[name].from_unit(unit) for name, unit in zip(space, point, strict=True)
        }
        points.append(point)
        scores.append(objective(config))
    return np.array(points), np.array(scores)
