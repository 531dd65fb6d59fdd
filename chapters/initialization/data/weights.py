"""The full-size runs of the page on initial weights: makes weights.csv, which the page plots.

Run it from the project's root: ``python chapters/initialization/data/weights.py``. It takes about
ten minutes on one core, and goes on where it was interrupted; delete weights.csv to begin anew.
Each run is a row: spread of the first weights, method (an optimizer, or SGD with BatchNorm),
learning rate, seed, loss and accuracy on the validation set at the end, and the mean loss of each
40 minibatches in turn, under the number of the last of them. A run whose loss is no longer finite
has ``nan`` from there on.

All is float32, for speed: on another CPU the last digits differ, the picture does not. The page
makes the beginnings of some runs again and compares.
"""

import csv
import os
from itertools import islice
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when NumPy is imported

import numpy as np

from companion.data import endless_minibatches, load_mnist, split
from companion.initializers import he_normal, normal, xavier_normal
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD, Adam
from companion.training import evaluate, update

TABLE = Path(__file__).with_suffix(".csv")
SIZES, BATCH_SIZE, UPDATES, BLOCK = (784, 100, 100, 100, 100, 10), 128, 2000, 40
SPREADS = {"0.01": normal(0.01), "Xavier": xavier_normal, "He": he_normal}
RATES = {
    "SGD": (0.01, 0.03, 0.1, 0.3, 1.0),
    "Adam": (0.0003, 0.001, 0.003),
    "BatchNorm": (0.01, 0.03, 0.1, 0.3),
}
SEEDS = range(5)
BLOCKS = [str(end) for end in range(BLOCK, UPDATES + 1, BLOCK)]
HEADER = ["spread", "method", "lr", "seed", "validation_loss", "validation_accuracy", *BLOCKS]


def train(spread, method, lr, seed, x, y, updates=UPDATES):
    """Return a trained network and the loss of each minibatch, NaN once it is no longer finite."""
    rng = np.random.default_rng(seed)
    options = {"initializer": SPREADS[spread], "batch_norm": method == "BatchNorm"}
    network = mlp(SIZES, dtype=np.float32, rng=rng, **options)
    optimizer = Adam(lr) if method == "Adam" else SGD(lr)
    losses, batches = np.full(updates, np.nan), endless_minibatches(len(x), BATCH_SIZE, rng)
    with np.errstate(over="ignore", invalid="ignore"):
        for i, batch in enumerate(islice(batches, updates)):
            loss = update(network, softmax_cross_entropy, optimizer, x[batch], y[batch])
            if not np.isfinite(loss):
                break
            losses[i] = loss
    return network, losses


def row(spread, method, lr, seed, training, validation):
    """Return what the table holds on one run."""
    network, losses = train(spread, method, lr, seed, *training)
    measured = {"loss": np.nan, "accuracy": np.nan}
    if np.isfinite(losses).all():
        measured = evaluate(network, softmax_cross_entropy, *validation)
    numbers = [measured["loss"], measured["accuracy"], *losses.reshape(-1, BLOCK).mean(axis=1)]
    return [spread, method, lr, seed, *(f"{number:.4g}" for number in numbers)]


def finished():
    """Return the runs that the table holds, as a set of (spread, method, learning rate, seed)."""
    with open(TABLE, newline="", encoding="utf-8") as file:
        return {
            (run["spread"], run["method"], float(run["lr"]), int(run["seed"]))
            for run in csv.DictReader(file)
        }


def main():
    """Make every run that the table does not hold yet."""
    training, validation = split(*load_mnist()[0], 10_000, np.random.default_rng(0))
    if not TABLE.exists():
        TABLE.write_text(",".join(HEADER) + "\n", encoding="utf-8")
    grid = [(method, lr) for method, rates in RATES.items() for lr in rates]
    runs = [(spread, *how, seed) for seed in SEEDS for how in grid for spread in SPREADS]
    for run in runs:
        if run not in finished():
            cells = row(*run, training, validation)
            with open(TABLE, "a", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerow(cells)


if __name__ == "__main__":
    main()
