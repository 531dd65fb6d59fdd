"""The full-size runs of the page on overfitting: makes overfitting.csv, which the page plots.

Run it from the project's root: ``python chapters/regularization/data/overfitting.py``. It takes
about ten minutes on one core, and goes on where it was interrupted; delete overfitting.csv to begin
anew. Each run is a row: the number of training images, the draw (0 is the first images of MNIST, 1,
2, ... are others, drawn at random from the first 50,000), the number of hidden layers of 100 units,
learning rate, weight decay λ and seed; then loss and accuracy on the training images, on the last
10,000 training images (validation) and on the test images at the end, the norm of the weights as a
share of the norm at the start, and the training accuracy after epochs 1, 21, 41, ..., 201.

All is float32, for speed: on another CPU the last digits differ, the picture does not. The page
makes some of the runs again and compares.
"""

import csv
import os
from itertools import product
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when NumPy is imported

import numpy as np

from companion.data import load_mnist, minibatches
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD
from companion.training import evaluate, update

TABLE = Path(__file__).with_suffix(".csv")
BATCH_SIZE, EPOCHS = 100, 201
CURVE = range(1, EPOCHS + 1, 20)
GRID = (0, 1e-4, 3e-4, 0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 1)
SETTINGS = ("images", "draw", "hidden_layers", "lr", "weight_decay", "seed")
PLANS = (  # training images, draws, hidden layers, learning rates, decays, seeds
    (300, [0], [6], [0.01], GRID, range(10)),
    (300, [0], [6], [0.03], GRID, range(5)),
    (300, range(1, 21), [6], [0.01], (0, 0.03, 0.1), [0]),
    (300, [0], [0, 1, 6], [0.1], (0, 3e-4, 0.001, 0.003, 0.01, 0.03), range(5)),
    (1000, [0], [6], [0.01], (0, 0.001, 0.003, 0.01, 0.03), range(5)),
    (3000, [0], [6], [0.01], (0, 0.001, 0.003, 0.01, 0.03), range(5)),
)
HEADER = [
    *SETTINGS,
    *(
        f"{part}_{what}"
        for part in ("train", "validation", "test")
        for what in ("loss", "accuracy")
    ),
    "norm",
    *(f"train_accuracy_{epoch}" for epoch in CURVE),
]


def drawn(images, draw, x, y):
    """Return the training images of a draw and their labels."""
    if draw == 0:
        return x[:images], y[:images]
    chosen = np.random.default_rng(draw).permutation(50_000)[:images]
    return x[chosen], y[chosen]


def train(x, y, hidden_layers, lr, weight_decay, seed):
    """Return a trained network, the share of the norm that is left, and the training accuracies."""
    rng = np.random.default_rng(seed)
    network = mlp([784, *[100] * hidden_layers, 10], dtype=np.float32, rng=rng)
    optimizer, curve = SGD(lr), []
    weights = network.params[network.decayed]
    start = np.linalg.norm(weights)
    for epoch in range(1, EPOCHS + 1):
        for batch in minibatches(len(x), BATCH_SIZE, rng):
            update(network, softmax_cross_entropy, optimizer, x[batch], y[batch], weight_decay)
        if epoch in CURVE:
            curve.append(evaluate(network, softmax_cross_entropy, x, y)["accuracy"])
    return network, np.linalg.norm(weights) / start, curve


def row(setting, everything, test):
    """Return what the table holds on one run."""
    images, draw, *others = setting
    training = drawn(images, draw, *everything)
    validation = tuple(part[50_000:] for part in everything)
    network, norm, curve = train(*training, *others)
    numbers = []
    for part in (training, validation, test):
        numbers += evaluate(network, softmax_cross_entropy, *part).values()
    return [*setting, *(f"{number:.4g}" for number in (*numbers, norm, *curve))]


def read():
    """Return the table as a list of dicts of numbers, one for each run."""
    if not TABLE.exists():
        return []
    with open(TABLE, newline="", encoding="utf-8") as file:
        return [
            {name: float(number) for name, number in run.items()} for run in csv.DictReader(file)
        ]


def main():
    """Make the runs that are missing."""
    everything, test = load_mnist()
    if not TABLE.exists():
        TABLE.write_text(",".join(HEADER) + "\n", encoding="utf-8")
    done = {tuple(run[name] for name in SETTINGS) for run in read()}
    for images, *choices in PLANS:
        for setting in product([images], *choices):
            if setting not in done:
                cells = row(setting, everything, test)
                with open(TABLE, "a", newline="", encoding="utf-8") as file:
                    csv.writer(file, lineterminator="\n").writerow(cells)


if __name__ == "__main__":
    main()
