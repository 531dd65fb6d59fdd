"""Training: one function that one can read, and one that measures."""

from dataclasses import dataclass, field

import numpy as np

from companion._checks import (
    check_count,
    check_data,
    check_generator,
    check_not_negative,
    check_same_length,
)
from companion.callbacks import DivergenceGuard, Progress
from companion.data import minibatches
from companion.layers import BatchNorm
from companion.losses import binary_cross_entropy
from companion.network import Network
from companion.optimizers import Optimizer


@dataclass
class Run:
    """Where a run of `fit` stands; what its callbacks see.

    Attributes
    ----------
    network, optimizer : Network, Optimizer
    epochs, updates_per_epoch : int
        What was asked for.
    epoch, update : int
        The present epoch and the updates made, both counted from 1.
    loss : float
        Of the last minibatch, before its update.
    history : list of dict
        One record for each finished epoch.
    stop : bool
        Set it to end the run after this epoch.
    """

    network: Network
    optimizer: Optimizer
    epochs: int
    updates_per_epoch: int
    epoch: int = 0
    update: int = 0
    loss: float = np.nan
    history: list = field(default_factory=list)
    stop: bool = False


def fit(
    network,
    loss,
    optimizer,
    x,
    y,
    *,
    epochs,
    batch_size,
    rng=None,
    validation=None,
    weight_decay=0.0,
    callbacks=(),
):
    r"""Train `network`, in place, and return the history.

    Parameters
    ----------
    network : Network
    loss : callable
        ``loss(outputs, targets) -> (value, gradient)``.
    optimizer : Optimizer
    x : (n, n_in) array
        The inputs; minibatches are converted to the network's dtype.
    y : (n,) integers or (n, n_out) numbers
        The targets, as `loss` wants them.
    epochs : int
        How often every sample is used, from 1.
    batch_size : int
        Samples in an update, 1 to n.
    rng : numpy.random.Generator
        Shuffles the samples in each epoch. Needed.
    validation : pair of arrays, optional
        (x, y) to evaluate on after each epoch.
    weight_decay : float, default 0.0
        λ of the term :math:`\frac12 \lambda \|W\|^2` added to the loss, at least 0; acts on
        weights, not on biases, γ or β. The losses in the history do not contain it.
    callbacks : list of Callback

    Returns
    -------
    list of dict
        One record for each epoch: ``epoch``, ``train_loss``, ``train_accuracy`` (for classes),
        ``validation_loss``, ``validation_accuracy`` (if asked for), ``lr``. All are measured
        after the epoch on all samples, as the network is used: without dropout.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; nothing has been trained then.
    DivergenceError
        If the loss is no longer finite; says where.

    Examples
    --------
    >>> from companion.losses import softmax_cross_entropy
    >>> from companion.network import mlp
    >>> from companion.optimizers import SGD
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 2))
    >>> y = (x[:, 0] > 0).astype(int)
    >>> history = fit(
    ...     mlp([2, 8, 2], rng=rng),
    ...     softmax_cross_entropy,
    ...     SGD(lr=0.1),
    ...     x,
    ...     y,
    ...     epochs=20,
    ...     batch_size=10,
    ...     rng=rng,
    ... )
    >>> history[-1]["train_accuracy"] > 0.95
    True
    """
    x, y = _check_fit(network, loss, x, y, epochs, batch_size, rng, validation, weight_decay)
    run = Run(network, optimizer, epochs, updates_per_epoch=-(-len(x) // batch_size))
    callbacks = [DivergenceGuard(), Progress(), *callbacks]
    _call(callbacks, "on_start", run)
    try:
        while run.epoch < epochs and not run.stop:
            run.epoch += 1
            for batch in minibatches(len(x), batch_size, rng):
                run.loss = _update(network, loss, optimizer, x[batch], y[batch], weight_decay)
                run.update += 1
                _call(callbacks, "on_update", run)
            run.history.append(_record(run, loss, (x, y), validation))
            _call(callbacks, "on_epoch", run)
    finally:
        _call(callbacks, "on_end", run)
    return run.history


def evaluate(network, loss, x, y, batch_size=1000):
    """Return the mean loss over all samples and, for classes, the accuracy.

    Parameters
    ----------
    network, loss, x, y
        As in `fit`.
    batch_size : int, default 1000
        Samples computed at a time; changes nothing but the memory used.

    Returns
    -------
    dict
        ``loss`` and, if the targets are classes, ``accuracy`` (a share, 0 to 1).

    Raises
    ------
    TypeError, ValueError
        If the data do not fit.

    Examples
    --------
    >>> from companion.losses import softmax_cross_entropy
    >>> from companion.network import mlp
    >>> network = mlp([2, 2], rng=np.random.default_rng(0))
    >>> network.params = 0.0
    >>> evaluate(network, softmax_cross_entropy, np.zeros((4, 2)), np.array([0, 0, 0, 1]))
    {'loss': 0.6931471805599453, 'accuracy': 0.75}
    """
    x, y = _check_xy(network, loss, x, y)
    check_count("batch_size", batch_size)
    total, correct = 0.0, 0
    with np.errstate(over="ignore", invalid="ignore"):
        for begin in range(0, len(x), batch_size):
            part = slice(begin, begin + batch_size)
            outputs = network.forward(x[part])
            total += loss(outputs, y[part])[0] * len(outputs)
            correct += _count_correct(loss, outputs, y[part])
    result = {"loss": total / len(x)}
    return result if np.isnan(correct) else result | {"accuracy": correct / len(x)}


def _update(network, loss, optimizer, x, y, weight_decay):
    """Make one update on one minibatch; return its loss before the update."""
    with np.errstate(over="ignore", invalid="ignore"):  # DivergenceGuard reports, with the place
        value, gradient = loss(network.forward(x, training=True), y)
        network.backward(gradient)
        if weight_decay:
            network.grads[network.decayed] += weight_decay * network.params[network.decayed]
        optimizer.step(network.params, network.grads)
    return value


def _record(run, loss, train, validation):
    record = {"epoch": run.epoch}
    for name, data in (("train", train), ("validation", validation)):
        if data is not None:
            measured = evaluate(run.network, loss, *data)
            record |= {f"{name}_{key}": value for key, value in measured.items()}
    return record | {"lr": run.optimizer.lr}


def _count_correct(loss, outputs, targets):
    """Return how many outputs name the right class; NaN if the targets are no classes."""
    if loss is binary_cross_entropy:
        return int(np.sum((outputs > 0) == (targets > 0.5)))
    if targets.ndim == 1 and targets.dtype.kind in "iu":
        return int(np.sum(outputs.argmax(axis=1) == targets))
    return np.nan


def _call(callbacks, moment, run):
    for callback in callbacks:
        getattr(callback, moment)(run)


def _check_fit(network, loss, x, y, epochs, batch_size, rng, validation, weight_decay):
    check_generator(rng)
    check_count("epochs", epochs)
    check_count("batch_size", batch_size)
    check_not_negative("weight_decay", weight_decay)
    x, y = _check_xy(network, loss, x, y)
    if batch_size > len(x):
        raise ValueError(f"batch_size must be at most the {len(x)} samples, got {batch_size}")
    normalizes = any(isinstance(layer, BatchNorm) for layer in network.layers)
    if normalizes and (batch_size == 1 or len(x) % batch_size == 1):
        raise ValueError(
            f"batch_size must leave BatchNorm at least 2 samples in every batch, got {batch_size} "
            f"for {len(x)} samples, which makes a batch of one"
        )
    if validation is not None:
        _check_xy(network, loss, *validation, prefix="validation ")
    return x, y


def _check_xy(network, loss, x, y, prefix=""):
    x, y = check_data(f"{prefix}x", x), check_data(f"{prefix}y", y)
    check_same_length(**{f"{prefix}x": x, f"{prefix}y": y})
    if x.ndim != 2 or x.shape[1] != (network.n_in or x.shape[1]):
        raise ValueError(f"{prefix}x must have shape (n, {network.n_in}), got {x.shape}")
    try:  # the loss judges all targets, before anything has changed
        loss(np.zeros((len(x), network.n_out or x.shape[1]), network.dtype), y)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{prefix}{error}") from None
    return x, y
