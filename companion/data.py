"""The data: MNIST, embedded in the package, and how data are split and batched."""

import hashlib
import io
from pathlib import Path

import numpy as np

from companion._checks import check_count, check_data, check_generator, check_same

MNIST = Path(__file__).parent / "mnist.npz"
MNIST_SHA256 = "39b9b1ffaa0ba4d8995a616551f0966941fe02a3fe79ba4a9db7373db16d53ad"


def load_mnist():
    """Return the MNIST digits as vectors, ready for a network (lecun1998mnist).

    x: (60000, 784) and (10000, 784) float32, pixels in [0, 1], row by row; y: (60000,) and
    (10000,) int64, the digits 0 to 9. Raise FileNotFoundError or ValueError if the embedded file is
    missing or damaged.

    >>> (x_train, y_train), (x_test, y_test) = load_mnist()
    >>> x_train.shape, y_train[:5]
    ((60000, 784), array([5, 0, 4, 1, 9]))
    """
    images = load_mnist_images()
    return tuple(
        (
            np.divide(images[f"{part}_images"].reshape(-1, 784), 255, dtype=np.float32),
            images[f"{part}_labels"].astype(np.int64),
        )
        for part in ("train", "test")
    )


def load_mnist_images(path=MNIST):
    """Return MNIST as it was published: images of bytes.

    The dict holds ``train_images`` (60000, 28, 28), ``train_labels`` (60000,), ``test_images``
    (10000, 28, 28) and ``test_labels`` (10000,), all uint8. If the file at `path`, by default the
    embedded one, is missing or damaged, raise FileNotFoundError or ValueError.
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
    """Return the data in two parts, drawn by `rng`: one to train on, one to validate with.

    `x` and `y` are arrays of the same length n, `n_validation` is how many samples to hold out, 1
    to n − 1; an argument that does not fit raises TypeError or ValueError.

    >>> x, y = np.arange(20).reshape(10, 2), np.arange(10)
    >>> (x_train, y_train), (x_val, y_val) = split(x, y, 3, np.random.default_rng(0))
    >>> x_train.shape, np.sort(np.concatenate([y_train, y_val]))
    ((7, 2), array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    """
    check_generator(rng)
    x, y = check_data("x", x), check_data("y", y)
    check_same("length", x=len(x), y=len(y))
    check_count("n_validation", n_validation)
    if n_validation >= len(x):
        raise ValueError(f"n_validation must be below the {len(x)} samples, got {n_validation}")
    order = rng.permutation(len(x))
    held_out, kept = order[:n_validation], order[n_validation:]
    return (x[kept], y[kept]), (x[held_out], y[held_out])


def minibatches(n_samples, batch_size, rng):
    """Yield the indices of one epoch's minibatches: every sample once, in an order drawn by `rng`.

    Each is an integer array (batch_size,); the last is shorter where dividing `n_samples` by
    `batch_size` leaves a rest.

    >>> [len(batch) for batch in minibatches(10, 4, np.random.default_rng(0))]
    [4, 4, 2]
    """
    check_generator(rng)
    check_count("n_samples", n_samples)
    check_count("batch_size", batch_size)
    order = rng.permutation(n_samples)
    for begin in range(0, n_samples, batch_size):
        yield order[begin : begin + batch_size]


def endless_minibatches(n_samples, batch_size, rng):
    """Yield the minibatches of one epoch after the other, for a training counted in updates.

    `n_samples`, `batch_size` and `rng` are those of ``minibatches``.

    >>> from itertools import islice
    >>> endless = endless_minibatches(10, 4, np.random.default_rng(0))
    >>> [len(batch) for batch in islice(endless, 5)]
    [4, 4, 2, 4, 4]
    """
    while True:
        yield from minibatches(n_samples, batch_size, rng)


def one_hot(labels, classes=10):
    """Return a row for each of the `labels` with a one at its place: (n, classes) float64.

    A label outside of 0 to `classes` − 1 raises ValueError.

    >>> one_hot(np.array([2, 0]), classes=3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    labels = check_data("labels", labels)
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels must be integers in 0..{classes - 1}, got {labels!r}")
    return np.eye(classes)[labels]
