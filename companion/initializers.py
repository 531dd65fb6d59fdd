"""How weights start: functions of a shape and a generator.

An initializer takes the shape (n_in, n_out) of a weight matrix and a ``numpy.random.Generator``
`rng` (anything else raises TypeError) and returns the matrix. The named ones choose the spread from
n_in and n_out so that signals keep their size from layer to layer; ``normal`` and ``uniform`` make
one with a spread of your own.
"""

from functools import partial

import numpy as np

from companion._checks import check_generator, check_not_negative


def zeros(shape, rng):
    """Return zeros: right for biases, wrong for weights.

    >>> zeros((1, 2), np.random.default_rng(0))
    array([[0., 0.]])
    """
    return np.zeros(shape)


def normal(std):
    """Return an initializer that draws from the normal distribution N(0, std²).

    >>> normal(std=0.01)((1000, 100), np.random.default_rng(0)).std().round(4).item()
    0.01
    """
    check_not_negative("std", std)
    return partial(_normal, std)


def uniform(limit):
    """Return an initializer that draws evenly from [-limit, limit].

    >>> abs(uniform(limit=0.05)((1000, 100), np.random.default_rng(0))).max().round(3).item()
    0.05
    """
    check_not_negative("limit", limit)
    return partial(_uniform, limit)


def lecun_normal(shape, rng):
    r"""Return normal weights of standard deviation :math:`1/\sqrt{n_{in}}` (lecun1998)."""
    return _normal(np.sqrt(1 / shape[0]), shape, rng)


def lecun_uniform(shape, rng):
    r"""Return uniform weights of standard deviation :math:`1/\sqrt{n_{in}}` (lecun1998)."""
    return _uniform(np.sqrt(3 / shape[0]), shape, rng)


def xavier_normal(shape, rng):
    r"""Return normal weights of variance :math:`2/(n_{in}+n_{out})` (glorot2010)."""
    return _normal(np.sqrt(2 / sum(shape)), shape, rng)


def xavier_uniform(shape, rng):
    r"""Return uniform weights of variance :math:`2/(n_{in}+n_{out})` (glorot2010)."""
    return _uniform(np.sqrt(6 / sum(shape)), shape, rng)


def he_normal(shape, rng):
    r"""Return normal weights of standard deviation :math:`\sqrt{2/n_{in}}`, for ReLU (he2015)."""
    return _normal(np.sqrt(2 / shape[0]), shape, rng)


def he_uniform(shape, rng):
    r"""Return uniform weights of standard deviation :math:`\sqrt{2/n_{in}}`, for ReLU (he2015)."""
    return _uniform(np.sqrt(6 / shape[0]), shape, rng)


def _normal(std, shape, rng):
    check_generator(rng)
    return rng.normal(0.0, std, shape)


def _uniform(limit, shape, rng):  # has the variance limit² / 3
    check_generator(rng)
    return rng.uniform(-limit, limit, shape)
