r"""Losses: functions of a network's outputs and the targets that return a value and its gradient.

All are called as ``value, gradient = loss(outputs, targets)``. `outputs` is a float array
(batch, n_out), the logits where a softmax or a sigmoid belongs to the loss: it is inside of it,
because together they are stable and their gradient is simple. The value is a float, the mean over
the minibatch; the gradient, (batch, n_out), is that of the value with respect to `outputs`, so its
size does not grow with the batch. Shapes that do not fit and targets out of range raise ValueError.
"""

import numpy as np
from scipy.special import expit

from companion._checks import check_same


def softmax_cross_entropy(outputs, labels):
    r"""Return the cross-entropy of the softmax of `outputs` in nats, and its gradient.

    .. math:: L = -\frac1N \sum_n \log p_{n, y_n}, \qquad
              p_{n,k} = \frac{e^{z_{n,k}}}{\sum_j e^{z_{n,j}}}, \qquad
              \frac{\partial L}{\partial z_{n,k}} = \frac{p_{n,k} - [k = y_n]}{N}

    `labels` (batch,) are integers from 0 to classes − 1, else TypeError. The logits may be any
    real numbers, ±1000 included. A network that knows nothing has a loss of ln(classes).

    >>> value, gradient = softmax_cross_entropy(np.array([[1000.0, 1000.0]]), np.array([0]))
    >>> round(value, 4), gradient
    (0.6931, array([[-0.5,  0.5]]))
    """
    if outputs.ndim != 2:
        raise ValueError(f"outputs must have shape (batch, classes), got {outputs.shape}")
    _check_labels(labels, *outputs.shape)
    shifted = outputs - outputs.max(axis=1, keepdims=True)  # no exponential above 1, none overflows
    gradient = np.exp(shifted)
    sums = gradient.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    value = (np.log(sums[:, 0]) - shifted[rows, labels]).sum() / len(labels)
    gradient /= sums  # the probabilities
    gradient[rows, labels] -= 1
    gradient /= len(labels)
    return float(value), gradient


def binary_cross_entropy(outputs, targets):
    r"""Return the cross-entropy of the sigmoid of `outputs` in nats, and its gradient.

    .. math:: L = \frac1N \sum_n \log(1 + e^{z_n}) - t_n z_n, \qquad
              \frac{\partial L}{\partial z_n} = \frac{\sigma(z_n) - t_n}{N}

    `targets` have the shape of `outputs` and are 0, 1, or a probability in between.

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

    `targets` have the shape of `outputs`; the value is in the square of their unit. Some texts take
    half of the sum over k instead: their gradient is K/2 times this one.

    >>> mean_squared_error(np.array([[3.0, 1.0]]), np.array([[1.0, 1.0]]))
    (2.0, array([[2., 0.]]))
    """
    error = outputs - _like(outputs, targets)
    return float(np.mean(error * error)), 2 * error / error.size


def _check_labels(labels, length, classes):
    if getattr(labels, "dtype", np.dtype(object)).kind not in "iu":
        raise TypeError(f"labels must be an array of integers, got {labels!r}")
    if labels.shape != (length,):
        raise ValueError(f"labels must have shape ({length},), got {labels.shape}")
    low, high = labels.min(), labels.max()
    if low < 0 or high >= classes:
        raise ValueError(
            f"labels must be in 0..{classes - 1}, the classes, got values from {low} to {high}"
        )


def _like(outputs, targets):
    targets = np.asarray(targets, outputs.dtype)
    check_same("shape", outputs=outputs.shape, targets=targets.shape)
    return targets
