"""The full-size grids of the page on cross-validation: makes cross_validation.csv, which it reads.

Run it from the project's root: ``python chapters/search/data/cross_validation.py``. It takes five
to ten minutes on one core, and goes on where it was interrupted; delete cross_validation.csv to
begin anew.

All 60,000 training images of MNIST, in three folds: the thirds of the file, in its order, neither
shuffled nor stratified, as in the published grids (initializer_grid.csv, joint_grid.csv). Each fold
tests a network 784-64-(dropout .1)-64-10 that RMSProp has trained on the two others. Each row is a
training: initializer, batch size, epochs, seed, fold, accuracy on the fold. A seed decides the
weights, the order of the images and the dropout; all settings have the same five. The row of 10
epochs is the first half of that of 20.

All is float32, for speed: on another CPU the last digits differ, the picture does not.
"""

import csv
import os
from itertools import product
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when NumPy is imported

import numpy as np

from companion import initializers
from companion.data import load_mnist, minibatches
from companion.layers import Dense, Dropout, ReLU
from companion.losses import softmax_cross_entropy
from companion.network import Network
from companion.optimizers import RMSProp
from companion.training import update

TABLE = Path(__file__).with_suffix(".csv")
SEEDS, FOLDS = 5, 3
INITIALIZERS = {
    "uniform": initializers.uniform(0.05),
    "lecun_uniform": initializers.lecun_uniform,
    "normal": initializers.normal(0.05),
    "zero": initializers.zeros,
    "glorot_normal": initializers.xavier_normal,
    "glorot_uniform": initializers.xavier_uniform,
    "he_normal": initializers.he_normal,
    "he_uniform": initializers.he_uniform,
}
JOINT = ("glorot_uniform", "uniform")  # those of the grid with epochs and batch size
HEADER = ["initializer", "batch_size", "epochs", "seed", "fold", "accuracy"]


def accuracies(initializer, batch_size, epochs, seed, training, test):
    """Train a network; return its accuracy on `test` after each 10 epochs."""
    rng, optimizer, found = np.random.default_rng(seed), RMSProp(), []
    layers = [Dense(784, 64, initializer), ReLU(), Dropout(0.1, rng)]
    layers += [Dense(64, 64, initializer), ReLU(), Dense(64, 10, initializer)]
    network = Network(layers, dtype=np.float32, rng=rng)
    (x, y), (x_test, y_test) = training, test
    for epoch in range(1, epochs + 1):
        for batch in minibatches(len(x), batch_size, rng):
            update(network, softmax_cross_entropy, optimizer, x[batch], y[batch])
        if epoch % 10 == 0:
            found.append(np.mean(network.predict(x_test) == y_test))
    return found


def read():
    """Return the trainings in the table: (initializer, batch size, seed, fold) of each."""
    with open(TABLE, newline="", encoding="utf-8") as file:
        names = ("initializer", "batch_size", "seed", "fold")
        return {tuple(row[name] for name in names) for row in csv.DictReader(file)}


def add(initializer, batch_size, epochs, seed, fold, x, y):
    """Make the rows of one training, unless they are there."""
    if tuple(map(str, (initializer, batch_size, seed, fold))) in read():
        return
    test = np.array_split(np.arange(len(x)), FOLDS)[fold]
    training = np.delete(np.arange(len(x)), test)
    plan = INITIALIZERS[initializer], batch_size, epochs, seed
    found = accuracies(*plan, (x[training], y[training]), (x[test], y[test]))
    with open(TABLE, "a", newline="", encoding="utf-8") as file:
        for tens, accuracy in enumerate(found, 1):
            row = [initializer, batch_size, 10 * tens, seed, fold, f"{accuracy:.5f}"]
            csv.writer(file, lineterminator="\n").writerow(row)


def main():
    """Make the table."""
    (x, y), _ = load_mnist()
    if not TABLE.exists():
        TABLE.write_text(",".join(HEADER) + "\n", encoding="utf-8")
    settings = [(name, 128, 20 if name in JOINT else 10) for name in INITIALIZERS]
    settings += [(name, 512, 20) for name in JOINT]
    for seed, fold, setting in product(range(SEEDS), range(FOLDS), settings):
        add(*setting, seed, fold, x, y)


if __name__ == "__main__":
    main()
