"""The full-size runs of the page on comparison: makes comparison.csv, which the page plots.

Run it from the project's root: ``python chapters/optimizers/data/comparison.py``. It takes about a
quarter of an hour on one core, and goes on where it was interrupted; delete comparison.csv to begin
anew. Each run is a row: optimizer, learning rate, seed, loss and accuracy on the validation set at
the end, and the mean loss of each 40 minibatches in turn, under the number of the last of them. A
run whose loss is no longer finite has ``nan`` from there on.

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
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSProp
from companion.training import evaluate, update

TABLE = Path(__file__).with_suffix(".csv")
SIZES, BATCH_SIZE, UPDATES, BLOCK = (784, 100, 100, 100, 100, 10), 128, 2000, 40
GRID = {
    SGD: (0.01, 0.03, 0.1, 0.3, 1.0),
    Momentum: (0.003, 0.01, 0.03, 0.1, 0.3),
    Nesterov: (0.003, 0.01, 0.03, 0.1, 0.3),
    AdaGrad: (0.001, 0.003, 0.01, 0.03, 0.1),
    RMSProp: (1e-4, 3e-4, 0.001, 0.003, 0.01),
    Adam: (1e-4, 3e-4, 0.001, 0.003, 0.01),
}
TUNING_SEEDS, FRESH_SEEDS = range(5), range(5, 15)
BLOCKS = [str(end) for end in range(BLOCK, UPDATES + 1, BLOCK)]
HEADER = ["optimizer", "lr", "seed", "validation_loss", "validation_accuracy", *BLOCKS]


def train(optimizer, seed, x, y, updates=UPDATES):
    """Return a trained network and the loss of each minibatch, NaN once it is no longer finite."""
    rng = np.random.default_rng(seed)
    network = mlp(SIZES, dtype=np.float32, rng=rng)
    losses, batches = np.full(updates, np.nan), endless_minibatches(len(x), BATCH_SIZE, rng)
    with np.errstate(over="ignore", invalid="ignore"):
        for i, batch in enumerate(islice(batches, updates)):
            loss = update(network, softmax_cross_entropy, optimizer, x[batch], y[batch])
            if not np.isfinite(loss):
                break
            losses[i] = loss
    return network, losses


def row(optimizer, seed, training, validation):
    """Return what the table holds on one run."""
    network, losses = train(optimizer, seed, *training)
    measured = {"loss": np.nan, "accuracy": np.nan}
    if np.isfinite(losses).all():
        measured = evaluate(network, softmax_cross_entropy, *validation)
    numbers = [measured["loss"], measured["accuracy"], *losses.reshape(-1, BLOCK).mean(axis=1)]
    return [type(optimizer).__name__, optimizer.lr, seed, *(f"{number:.4g}" for number in numbers)]


def read():
    """Return the table as a dict: (optimizer, learning rate, seed) → mean loss at the end."""
    if not TABLE.exists():
        return {}
    with open(TABLE, newline="", encoding="utf-8") as file:
        return {
            (run["optimizer"], float(run["lr"]), int(run["seed"])): np.mean(
                [float(run[block]) for block in BLOCKS[-len(BLOCKS) // 10 :]]
            )
            for run in csv.DictReader(file)
        }


def best_rate(kind):
    """Return the rate of an optimizer's grid with the lowest median loss over the tuning seeds."""
    table = read()
    runs = [[table[kind.__name__, lr, seed] for seed in TUNING_SEEDS] for lr in GRID[kind]]
    medians = np.median(np.nan_to_num(runs, nan=np.inf), axis=1)
    return GRID[kind][int(np.argmin(medians))]


def main():
    """Tune every optimizer on some seeds, then run it at its best rate with others."""
    training, validation = split(*load_mnist()[0], 10_000, np.random.default_rng(0))

    def add(kind, lr, seed):
        if (kind.__name__, lr, seed) not in read():
            cells = row(kind(lr=lr), seed, training, validation)
            with open(TABLE, "a", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerow(cells)

    if not TABLE.exists():
        TABLE.write_text(",".join(HEADER) + "\n", encoding="utf-8")
    for seed in TUNING_SEEDS:
        for kind, rates in GRID.items():
            for lr in rates:
                add(kind, lr, seed)
    for kind in GRID:
        for seed in FRESH_SEEDS:
            add(kind, best_rate(kind), seed)


if __name__ == "__main__":
    main()
