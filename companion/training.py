"""Training: one function that one can read, and one that measures."""

from dataclasses import dataclass, field

import numpy as np

from companion._checks import (
    check_count,
    check_data,
    check_generator,
    check_not_negative,
    check_same,
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

    `epochs` of `updates_per_epoch` were asked for; `epoch` is the present one, from 1, `update` the
    number of updates made, `loss` and `lr` those of the last one (the loss before it, on its
    minibatch); `history` has a record for each finished epoch. Set `stop` to end the run after
    this epoch. `network`, `optimizer`, `rng` and `callbacks` are those given to `fit`, `settings`
    its other arguments by name.
    """

    network: Network
    optimizer: Optimizer
    rng: np.random.Generator
    callbacks: list
    settings: dict
    epochs: int
    updates_per_epoch: int
    epoch: int = 0
    update: int = 0
    loss: float = np.nan
    lr: float = np.nan
    history: list = field(default_factory=list)
    stop: bool = False


# Overflow is no news in a run that diverges: DivergenceGuard reports it, with the place.
QUIET = np.errstate(over="ignore", invalid="ignore")


@QUIET
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
        ``validation_loss``, ``validation_accuracy`` (if asked for), ``lr`` (of the last update).
        All are measured after the epoch on all samples, as the network is used: without dropout.

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
    >>> network, plan = mlp([2, 8, 2], rng=rng), {"epochs": 20, "batch_size": 10, "rng": rng}
    >>> history = fit(network, softmax_cross_entropy, SGD(lr=0.1), x, y, **plan)
    >>> history[-1]["train_accuracy"] > 0.95
    True
    """
    x, y, validation = _check_fit(
        network, loss, x, y, epochs, batch_size, rng, validation, weight_decay
    )
    settings = {"samples": len(x), "batch_size": batch_size, "weight_decay": weight_decay}
    settings |= {"loss": getattr(loss, "__name__", type(loss).__name__), "lr": optimizer.lr}
    run = Run(network, optimizer, rng, callbacks, settings, epochs, -(-len(x) // batch_size))
    callbacks = [DivergenceGuard(), *callbacks, Progress()]
    _call(callbacks, "on_start", run)
    try:
        while run.epoch < epochs and not run.stop:
            run.epoch += 1
            for batch in minibatches(len(x), batch_size, rng):
                run.lr = optimizer.lr
                run.loss = update(network, loss, optimizer, x[batch], y[batch], weight_decay)
                run.update += 1
                _call(callbacks, "on_update", run)
            run.history.append(_record(run, loss, (x, y), validation))
            _call(callbacks, "on_epoch", run)
    finally:
        _call(callbacks, "on_end", run)
    return run.history


@QUIET
def evaluate(network, loss, x, y, batch_size=1000):
    """Return the mean loss over all samples and, for classes, the accuracy (a share, 0 to 1).

    `network`, `loss`, `x` and `y` as in `fit`; data that do not fit raise TypeError or ValueError.
    `batch_size` samples are computed at a time, which changes nothing but the memory used.

    >>> from companion.losses import softmax_cross_entropy
    >>> from companion.network import mlp
    >>> network = mlp([2, 2], rng=np.random.default_rng(0))
    >>> network.params = 0.0
    >>> evaluate(network, softmax_cross_entropy, np.zeros((4, 2)), np.array([0, 0, 0, 1]))
    {'loss': 0.6931471805599453, 'accuracy': 0.75}
    """
    x, y = _check_xy(network, loss, x, y)
    check_count("batch_size", batch_size)
    return _measure(network, loss, x, y, batch_size)


def _measure(network, loss, x, y, batch_size=1000):
    total, correct = 0.0, 0
    for begin in range(0, len(x), batch_size):
        part = slice(begin, begin + batch_size)
        outputs = network.forward(x[part])
        total += loss(outputs, y[part])[0] * len(outputs)
        correct += _count_correct(loss, outputs, y[part])
    result = {"loss": total / len(x)}
    return result if np.isnan(correct) else result | {"accuracy": correct / len(x)}


def update(network, loss, optimizer, x, y, weight_decay=0.0):
    """Make one update on the minibatch `x`, `y`; return its loss before the update.

    `network`, `loss`, `optimizer` and `weight_decay` as in `fit`; only the shapes are checked here.
    """
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
            measured = _measure(run.network, loss, *data)
            record |= {f"{name}_{key}": value for key, value in measured.items()}
    return record | {"lr": run.lr}


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
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise TypeError(f"validation must be a pair (x, y), got {type(validation).__name__}")
        validation = _check_xy(network, loss, *validation, prefix="validation ")
    return x, y, validation


def _check_xy(network, loss, x, y, prefix=""):
    x, y = check_data(f"{prefix}x", x), check_data(f"{prefix}y", y)
    check_same("length", **{f"{prefix}x": len(x), f"{prefix}y": len(y)})
    if x.ndim != 2 or x.shape[1] != (network.n_in or x.shape[1]):
        raise ValueError(f"{prefix}x must have shape (n, {network.n_in}), got {x.shape}")
    try:  # the loss judges all targets, before anything has changed
        loss(np.zeros((len(x), network.n_out or x.shape[1]), network.dtype), y)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{prefix}{error}") from None
    return x, y
