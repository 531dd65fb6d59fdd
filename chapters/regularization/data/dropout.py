"""The full-size runs of the page on dropout: makes dropout.csv and dropout_rates.csv.

Run it from the project's root: ``python chapters/regularization/data/dropout.py``. It takes about a
quarter of an hour on one core, and goes on where it was interrupted; delete a table to make it
anew.

dropout.csv holds the textbook's experiment: the first 300 images, SGD, with and without dropout,
and two controls that drop nothing: "scaled only", which scales, and "slower", which is the run
without dropout at a learning rate of 0.003. The form "without" is the run without dropout once
more, measured at more moments. A row is a moment of a run: the form of dropout, its rate, the seed,
the epoch, then loss and accuracy on the 300 training images and on the 10,000 test images. All is
float64, so that the page can make a run again and find the same numbers.

dropout_rates.csv holds a wider network with Adam on 1,000 images, at several rates of dropout: the
learning rate of each chosen on some seeds, then that one and the lowest run with others. A row is a
run: rate, learning rate, seed (which also draws the images), then what was measured on the
training images, on the last 10,000 training images of MNIST (validation) and on the test images.
These runs are float32, for speed: on another CPU the last digits differ, the picture does not.
"""

import csv
import os
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when NumPy is imported

import numpy as np

from companion.data import load_mnist, minibatches
from companion.layers import Dense, Dropout, Layer, ReLU
from companion.losses import softmax_cross_entropy
from companion.network import Network, mlp
from companion.optimizers import SGD, Adam
from companion.training import evaluate, update

CURVES = Path(__file__).with_suffix(".csv")
RATES = CURVES.with_name("dropout_rates.csv")
PARTS = ("train", "validation", "test")
MEASURED = {part: [f"{part}_loss", f"{part}_accuracy"] for part in PARTS}
CURVES_HEADER = ["form", "rate", "seed", "epoch", *MEASURED["train"], *MEASURED["test"]]
RATES_HEADER = ["rate", "lr", "seed", *(name for part in PARTS for name in MEASURED[part])]

ARMS = (("inverted", 0.0, 901), ("inverted", 0.2, 901), ("classical", 0.2, 901))
ARMS += (("scaled only", 0.2, 901), ("inverted", 0.8, 301))
ARMS += (("without", 0.0, 120), ("slower", 0.0, 360))
EPOCHS = (1, *range(11, 102, 10), *range(121, 302, 20), *range(401, 902, 100))
MOMENTS = {"without": range(2, 121, 2), "slower": range(6, 361, 6)}  # else EPOCHS
SEEDS = range(5)

GRID, LEARNING_RATES = (0, 0.1, 0.2, 0.35, 0.5), (0.0005, 0.0015, 0.005, 0.015)
TUNING_SEEDS, FRESH_SEEDS = range(3), range(3, 13)
WIDE, IMAGES, BATCH_SIZE, WIDE_EPOCHS = (784, 300, 300, 10), 1000, 50, 30


class Classical(Layer):
    """Dropout that scales in use and not in training."""

    def __init__(self, rate, rng):
        self.rate, self.rng = rate, rng

    def forward(self, inputs, training=False):
        """Drop in training; otherwise multiply by the share that training keeps."""
        self.mask = 1 - self.rate
        if training:
            self.mask = (self.rng.random(inputs.shape) >= self.rate).astype(inputs.dtype)
        return inputs * self.mask

    def input_gradient(self, gradient):
        """Multiply by the mask of the forward pass."""
        return gradient * self.mask


class ScaledOnly(Classical):
    """The classical form without its noise: what is multiplied in use is so in training, too."""

    def forward(self, inputs, training=False):
        """Multiply by the share kept."""
        return super().forward(inputs)


FORMS = {"inverted": Dropout, "classical": Classical, "scaled only": ScaledOnly}


def deep(form, rate, rng):
    """Return the textbook's network, 784-100×6-10, with a form of dropout after each ReLU."""
    layers = []
    for n_in, n_out in pairwise((784, *[100] * 6)):
        layers += [Dense(n_in, n_out), ReLU()]
        layers += [FORMS[form](rate, rng)] if rate else []
    return Network([*layers, Dense(100, 10)], rng=rng)


def train(network, optimizer, x, y, epochs, batch_size, rng):
    """Train, and yield after each epoch its number."""
    for epoch in range(1, epochs + 1):
        for batch in minibatches(len(x), batch_size, rng):
            update(network, softmax_cross_entropy, optimizer, x[batch], y[batch])
        yield epoch


def numbers(network, *sets):
    """Return loss and accuracy on each set of data, as text."""
    results = [evaluate(network, softmax_cross_entropy, *data) for data in sets]
    return [f"{result[key]:.5g}" for result in results for key in ("loss", "accuracy")]


def curve(form, rate, seed, epochs, training, test):
    """Return the rows of one run of the textbook's experiment."""
    rng = np.random.default_rng(seed)
    network = deep(form, rate, rng)
    optimizer = SGD(0.003 if form == "slower" else 0.01)
    run = train(network, optimizer, *training, epochs, 100, rng)
    return [
        [form, rate, seed, epoch, *numbers(network, training, test)]
        for epoch in run
        if epoch in MOMENTS.get(form, EPOCHS)
    ]


def wide(rate, lr, seed, x, y, validation, test):
    """Return the row of one run of the wide network."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(50_000)[:IMAGES]
    training = x[chosen], y[chosen]
    network = mlp(WIDE, dropout=rate, dtype=np.float32, rng=rng)
    for _ in train(network, Adam(lr), *training, WIDE_EPOCHS, BATCH_SIZE, rng):
        pass
    return [[rate, lr, seed, *numbers(network, training, validation, test)]]


def read(table):
    """Return the rows of a table as dicts of text."""
    if not table.exists():
        return []
    with open(table, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def add(table, header, make, *settings):
    """Make a run and append its rows, unless a row of the table begins with these settings."""
    names = header[: len(settings)]
    if any([row[name] for name in names] == list(map(str, settings)) for row in read(table)):
        return
    rows = make()
    with open(table, "a", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def best(rate):
    """Return the learning rate of the highest mean validation accuracy over the tuning seeds."""
    runs = [row for row in read(RATES) if float(row["rate"]) == rate]
    runs = [run for run in runs if int(run["seed"]) in TUNING_SEEDS]
    means = {
        lr: np.mean([float(run["validation_accuracy"]) for run in runs if float(run["lr"]) == lr])
        for lr in LEARNING_RATES
    }
    return max(means, key=means.get)


def main():
    """Make what the two tables lack."""
    (x, y), test = load_mnist()
    validation = x[50_000:], y[50_000:]
    for table, header in ((CURVES, CURVES_HEADER), (RATES, RATES_HEADER)):
        if not table.exists():
            table.write_text(",".join(header) + "\n", encoding="utf-8")
    first = x[:300], y[:300]
    for seed in SEEDS:
        for form, rate, epochs in ARMS:
            run = (form, rate, seed, epochs, first, test)
            add(CURVES, CURVES_HEADER, lambda run=run: curve(*run), form, rate, seed)
    plans = [(rate, lr, seed) for seed in TUNING_SEEDS for rate in GRID for lr in LEARNING_RATES]
    for plan in plans:
        add(RATES, RATES_HEADER, lambda plan=plan: wide(*plan, x, y, validation, test), *plan)
    fresh = [(rate, seed) for seed in FRESH_SEEDS for rate in GRID]
    plans = [(rate, best(rate), seed) for rate, seed in fresh]
    for plan in plans + [(rate, LEARNING_RATES[0], seed) for rate, seed in fresh]:
        add(RATES, RATES_HEADER, lambda plan=plan: wide(*plan, x, y, validation, test), *plan)


if __name__ == "__main__":
    main()
