"""The data: MNIST, embedded in the package, and how data are split and batched."""

import hashlib
import io
from pathlib import Path

import numpy as np

from companion._checks import check_count, check_data, check_generator, check_same_length

MNIST = Path(__file__).parent / "mnist.npz"
MNIST_SHA256 = "39b9b1ffaa0ba4d8995a616551f0966941fe02a3fe79ba4a9db7373db16d53ad"


def load_mnist():
    """Return the MNIST digits as vectors, ready for a network.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x: (60000, 784) and (10000, 784) float32, pixels in [0, 1], row by row; y: (60000,) and
        (10000,) int64, the digits 0 to 9.

    Raises
    ------
    FileNotFoundError, ValueError
        If the embedded file is missing or damaged.

    Source: lecun1998mnist.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_mnist()
    >>> x_train.shape, y_train[:5]
    ((60000, 784), array([5, 0, 4, 1, 9]))
    """
    images = load_mnist_images()
    return tuple(
        (
            images[f"{part}_images"].reshape(-1, 784).astype(np.float32) / 255,
            images[f"{part}_labels"].astype(np.int64),
        )
        for part in ("train", "test")
    )


def load_mnist_images(path=MNIST):
    """Return MNIST as it was published: images of bytes.

    Parameters
    ----------
    path : path, default the embedded file

    Returns
    -------
    dict
        ``train_images`` (60000, 28, 28), ``train_labels`` (60000,), ``test_images``
        (10000, 28, 28), ``test_labels`` (10000,); all uint8.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing or damaged.
    """
    remedy = "install the package again, or restore the file with: git checkout companion/mnist.npz"
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"the MNIST file {path} is missing; {remedy}") from None
    checksum = hashlib.sha256(content).hexdigest()
    if checksum != MNIST_SHA256:
        raise ValueError(
            f"the MNIST file {path} is damaged: its SHA-256 must be {MNIST_SHA256}, got "
            f"{checksum}; {remedy}"
        )
    with np.load(io.BytesIO(content)) as file:
        return {name: file[name] for name in file.files}


def split(x, y, n_validation, rng):
    """Return the data in two parts, drawn at random: one to train on, one to validate with.

    Parameters
    ----------
    x, y : arrays of the same length n
    n_validation : int
        How many samples to hold out, 1 to n − 1.
    rng : numpy.random.Generator

    Returns
    -------
    (x_train, y_train), (x_validation, y_validation)

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.

    Examples
    --------
    >>> x, y = np.arange(20).reshape(10, 2), np.arange(10)
    >>> (x_train, y_train), (x_val, y_val) = split(x, y, 3, np.random.default_rng(0))
    >>> x_train.shape, np.sort(np.concatenate([y_train, y_val]))
    ((7, 2), array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    """
    check_generator(rng)
    x, y = check_data("x", x), check_data("y", y)
    check_same_length(x=x, y=y)
    check_count("n_validation", n_validation)
    if n_validation >= len(x):
        raise ValueError(f"n_validation must be below the {len(x)} samples, got {n_validation}")
    order = rng.permutation(len(x))
    held_out, kept = order[:n_validation], order[n_validation:]
    return (x[kept], y[kept]), (x[held_out], y[held_out])


def minibatches(n_samples, batch_size, rng):
    """Yield the indices of one epoch's minibatches: every sample once, in random order.

    Parameters
    ----------
    n_samples : int
    batch_size : int
        1 to `n_samples`; the last batch is smaller where the division leaves a rest.
    rng : numpy.random.Generator

    Yields
    ------
    (batch_size,) integer array

    Examples
    --------
    >>> [len(batch) for batch in minibatches(10, 4, np.random.default_rng(0))]
    [4, 4, 2]
    """
    check_generator(rng)
    check_count("n_samples", n_samples)
    check_count("batch_size", batch_size)
    order = rng.permutation(n_samples)
    for begin in range(0, n_samples, batch_size):
        yield order[begin : begin + batch_size]


def one_hot(labels, classes=10):
    """Return a row for each of the `labels` with a one at its place: (n, classes) float64.

    Raises
    ------
    ValueError
        If a label is outside 0 to `classes` − 1.

    Examples
    --------
    >>> one_hot(np.array([2, 0]), classes=3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    labels = check_data("labels", labels)
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels must be integers in 0..{classes - 1}, got {labels!r}")
    return np.eye(classes)[labels]
