"""The sweeps of the page on batch normalization: makes batchnorm_sweeps.csv, which the page plots.

Run it from the project's root: ``python chapters/initialization/data/batchnorm_sweeps.py``. It
takes about a quarter of an hour on one core, in float64, and goes on where it was interrupted;
delete batchnorm_sweeps.csv to begin anew. The page makes some of the rows again and compares.

Each run trains 784-100×5-10 with ReLU on the first 1,000 images of MNIST with SGD and is a row: the
sweep it belongs to, whether it has BatchNorm, the standard deviation of its first weights (``he``:
He's), ε, learning rate, batch size, epochs, seed; then the accuracy at the end, in evaluation mode,
on these images, on the next 2,000 (to choose a learning rate by) and on the 10,000 test images. The
running statistics start from mean 0 and variance 1, which no longer matters at the end.
"""

import csv
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when NumPy is imported

import numpy as np

from companion.data import load_mnist, minibatches
from companion.initializers import he_normal, normal
from companion.layers import BatchNorm
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD
from companion.training import update

TABLE = Path(__file__).with_suffix(".csv")
SIZES, SEEDS = (784, 100, 100, 100, 100, 100, 10), range(5)
SETTINGS = ["sweep", "batch_norm", "weight_std", "eps", "lr", "batch_size", "epochs", "seed"]
HEADER = [*SETTINGS, "train_accuracy", "validation_accuracy", "test_accuracy"]
RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)


def runs():
    """Yield the settings of each run."""
    for seed in SEEDS:
        for std in (0.01, 0.001, 0.0001):
            for eps in (1e-12, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 0.001, 0.01):
                yield "eps", 1, std, eps, 0.01, 100, 20, seed
        for std in (1, 0.1, 0.01, 0.001):
            for lr in RATES:
                yield "step", 1, std, 1e-6, lr, 100, 20, seed
        for batch_norm in (0, 1):
            for std in (0.292864, 0.158489):
                for lr in RATES[1:-1]:
                    yield "window", batch_norm, std, 1e-6, lr, 100, 20, seed
            for lr in RATES[2:]:
                yield "rate", batch_norm, "he", 1e-5, lr, 100, 20, seed
            for batch_size in (2, 4, 16, 100):
                for lr in RATES[2:-1]:
                    yield "batch", batch_norm, "he", 1e-5, lr, batch_size, 10, seed


def train(batch_norm, std, eps, lr, batch_size, epochs, seed, x, y):
    """Return the trained network."""
    rng = np.random.default_rng(seed)
    initializer = he_normal if std == "he" else normal(std)
    network = mlp(SIZES, initializer=initializer, batch_norm=bool(batch_norm), rng=rng)
    for layer in network.layers:
        if isinstance(layer, BatchNorm):
            layer.eps = eps
    optimizer = SGD(lr)
    for _ in range(epochs):
        for batch in minibatches(len(x), batch_size, rng):
            update(network, softmax_cross_entropy, optimizer, x[batch], y[batch])
    return network


def main():
    """Make the runs that the table does not hold yet, and add a row for each."""
    (x, y), test = load_mnist()
    sets = (x[:1000], y[:1000]), (x[1000:3000], y[1000:3000]), test
    if not TABLE.exists():
        TABLE.write_text(",".join(HEADER) + "\n", encoding="utf-8")
    with open(TABLE, newline="", encoding="utf-8") as file:
        done = {tuple(row[: len(SETTINGS)]) for row in csv.reader(file)}
    for settings in runs():
        cells = [str(setting) for setting in settings]
        if tuple(cells) in done:
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            network = train(*settings[1:], *sets[0])
            shares = [f"{np.mean(network.predict(x) == y):.4f}" for x, y in sets]
        with open(TABLE, "a", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerow(cells + shares)


if __name__ == "__main__":
    main()
