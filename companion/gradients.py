"""The numerical gradient: slow, simple, and the judge of every gradient derived by hand.

A central difference needs two evaluations for each entry of x, and its error shrinks with the
square of the step until rounding takes over. It knows nothing of what it differentiates, so one
function checks a landscape and a network alike.
"""

import numpy as np

from companion._checks import check_positive, check_same


def numerical_gradient(function, x, step=1e-5):
    r"""Return the gradient of a scalar function by central differences.

    .. math:: \frac{\partial f}{\partial x_i} \approx \frac{f(x + h e_i) - f(x - h e_i)}{2h}

    Parameters
    ----------
    function : callable
        Takes an array like `x`, returns a number. It is given `x` itself, changed in one entry at
        a time: a view into a network's parameters works.
    x : (...) float64 array
        Where to differentiate; holds the same values again afterwards.
    step : float, default 1e-5
        The step h, positive.

    Returns
    -------
    (...) float64 array
        The gradient, in the shape of `x`.

    Raises
    ------
    TypeError
        If `x` is not a float64 array: in single precision the difference drowns in rounding.
    ValueError
        If `step` is not positive.

    >>> numerical_gradient(lambda x: np.sum(x**2), np.array([1.0, -3.0])).round(6)
    array([ 2., -6.])
    """
    if not isinstance(x, np.ndarray) or x.dtype != np.float64:
        raise TypeError(f"x must be a float64 array, got {getattr(x, 'dtype', type(x).__name__)}")
    check_positive("step", step)
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        original = x[index]
        x[index] = original + step
        above = function(x)
        x[index] = original - step
        below = function(x)
        x[index] = original
        gradient[index] = (above - below) / (2 * step)
    return gradient


def relative_error(gradient, reference):
    r"""Return how far two gradients are apart, as a share of their size: a float in [0, 1].

    .. math:: \frac{\|a - b\|}{\|a\| + \|b\|}

    0 means equal (or both zero), 1 opposite. Below 1e-7 a float64 gradient is almost surely right;
    above 1e-4 it is almost surely wrong. `gradient` and `reference` must have the same shape, else
    ValueError.

    >>> relative_error(np.array([1.0, 1.0]), np.array([1.0, 1.0]))
    0.0
    """
    gradient, reference = np.asarray(gradient), np.asarray(reference)
    check_same("shape", gradient=gradient.shape, reference=reference.shape)
    size = np.linalg.norm(gradient) + np.linalg.norm(reference)
    return float(np.linalg.norm(gradient - reference) / size) if size else 0.0
