"""Losses: functions of a network's outputs and the targets that return a value and its gradient.

The value is the mean over the minibatch, and so is the gradient: its size does not grow with the
batch. Where a softmax or a sigmoid belongs to the loss it is inside of it, because together they
are stable and their gradient is simple.
"""

import numpy as np
from scipy.special import expit


def softmax_cross_entropy(outputs, labels):
    r"""Return the cross-entropy of the softmax of `outputs`, and its gradient.

    .. math:: L = -\frac1N \sum_n \log p_{n, y_n}, \qquad
              p_{n,k} = \frac{e^{z_{n,k}}}{\sum_j e^{z_{n,j}}}, \qquad
              \frac{\partial L}{\partial z_{n,k}} = \frac{p_{n,k} - [k = y_n]}{N}

    Parameters
    ----------
    outputs : (batch, classes) float array
        The logits z: any real numbers, ±1000 included.
    labels : (batch,) integer array
        The right class y of each sample, 0 to classes − 1.

    Returns
    -------
    value : float
        In nats; ln(classes) for a network that knows nothing.
    gradient : (batch, classes) array
        With respect to `outputs`.

    Raises
    ------
    ValueError, TypeError
        If the shapes do not fit, or labels are no integers or outside of the classes.

    Examples
    --------
    >>> value, gradient = softmax_cross_entropy(np.array([[1000.0, 1000.0]]), np.array([0]))
    >>> round(value, 4), gradient
    (0.6931, array([[-0.5,  0.5]]))
    """
    if outputs.ndim != 2:
        raise ValueError(f"outputs must have shape (batch, classes), got {outputs.shape}")
    check_labels(labels, len(outputs), classes=outputs.shape[1])
    shifted = outputs - outputs.max(axis=1, keepdims=True)  # no exponential above 1, none overflows
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    value = np.mean(np.log(sums[:, 0]) - shifted[rows, labels])
    gradient = exponentials / sums
    gradient[rows, labels] -= 1
    return float(value), gradient / len(labels)


def binary_cross_entropy(outputs, targets):
    r"""Return the cross-entropy of the sigmoid of `outputs` with 0/1 `targets`, and its gradient.

    .. math:: L = \frac1N \sum_n \log(1 + e^{z_n}) - t_n z_n, \qquad
              \frac{\partial L}{\partial z_n} = \frac{\sigma(z_n) - t_n}{N}

    Parameters
    ----------
    outputs : (batch, 1) float array
        The logits z.
    targets : (batch, 1) array
        0 or 1, or a probability in between.

    Returns
    -------
    value : float
        In nats; ln 2 for a network that knows nothing.
    gradient : (batch, 1) array
        With respect to `outputs`.

    Raises
    ------
    ValueError
        If the shapes differ, or a target is outside [0, 1].

    Examples
    --------
    >>> value, gradient = binary_cross_entropy(np.array([[0.0]]), np.array([[1]]))
    >>> round(value, 4), gradient
    (0.6931, array([[-0.5]]))
    """
    targets = _like(outputs, targets)
    if targets.min() < 0 or targets.max() > 1:
        raise ValueError(f"targets must be in [0, 1], got {targets.min()} to {targets.max()}")
    value = np.mean(np.logaddexp(0, outputs) - targets * outputs)
    return float(value), (expit(outputs) - targets) / outputs.size


def mean_squared_error(outputs, targets):
    r"""Return the mean of the squared errors, over samples and outputs, and its gradient.

    .. math:: L = \frac{1}{NK} \sum_{n,k} (z_{n,k} - t_{n,k})^2, \qquad
              \frac{\partial L}{\partial z_{n,k}} = \frac{2 (z_{n,k} - t_{n,k})}{NK}

    Some texts take half of the sum over k instead: their gradient is K/2 times this one.

    Parameters
    ----------
    outputs, targets : (batch, n_out) float arrays

    Returns
    -------
    value : float
        In the square of the targets' unit.
    gradient : (batch, n_out) array
        With respect to `outputs`.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> value, gradient = mean_squared_error(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]]))
    >>> value, gradient
    (2.0, array([[2., 0.]]))
    """
    error = outputs - _like(outputs, targets)
    return float(np.mean(error * error)), 2 * error / error.size


def check_labels(labels, length, classes):
    """Raise unless `labels` are `length` integers from 0 to `classes` − 1."""
    if getattr(labels, "dtype", np.dtype(object)).kind not in "iu":
        raise TypeError(f"labels must be an array of integers, got {labels!r}")
    if labels.shape != (length,):
        raise ValueError(f"labels must have shape ({length},), got {labels.shape}")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"labels must be in 0..{classes - 1}, the network's classes, got values from "
            f"{labels.min()} to {labels.max()}"
        )


def _like(outputs, targets):
    """Return `targets` in the dtype of `outputs`; raise if the shapes differ."""
    targets = np.asarray(targets, outputs.dtype)
    if outputs.shape != targets.shape:
        raise ValueError(
            f"outputs and targets must have the same shape, got {outputs.shape} and {targets.shape}"
        )
    return targets
