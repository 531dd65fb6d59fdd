"""The runs behind a figure of the page on validation: makes validation.csv, which it plots.

Run it from the project's root: ``python chapters/search/data/validation.py``. It takes one or two
minutes on one core.

Of scikit-learn's 1,797 small digits 400 are ours, drawn anew for each split; the others tell the
truth. For each size of the validation set, 20 random settings are trained on what is left of the
400, and the best on the validation set is chosen. Each search is a row: split, size of the
validation set, its accuracy (``claimed``), the accuracy on the other images of the chosen network
(``chosen``), of the best one (``best``) and of all 20 on average (``mean``), and of the chosen
setting trained again on all 400, with another seed: as many epochs (``retrained``), or as many
updates (``retrained_updates``). ``same`` is that setting trained with this other seed on the
training part alone. A split has the same settings at every size.

Float64, as on the page, which makes some of the rows again and compares.
"""

import csv
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when NumPy is imported

import numpy as np
from sklearn.datasets import load_digits

from companion.data import minibatches
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD
from companion.training import update

TABLE = Path(__file__).with_suffix(".csv")
OURS, SIZES, SPLITS, SETTINGS, EPOCHS = 400, (25, 50, 100, 200, 300), 20, 20, 20
HEADER = ["split", "n_validation", "claimed", "chosen", "best", "mean", "same"]
HEADER += ["retrained", "retrained_updates"]


def draw_setting(rng):
    """Return a random setting: learning rate, weight decay, hidden units, batch size."""
    return {
        "lr": 10 ** rng.uniform(-1.5, -0.1),
        "weight_decay": 10 ** rng.uniform(-6, -2),
        "units": int(rng.integers(5, 51)),
        "batch_size": int(rng.choice([20, 40])),
    }


def train(setting, x, y, seed, updates=None):
    """Return a network trained for 20 epochs, or for a number of `updates`."""
    rng, optimizer = np.random.default_rng(seed), SGD(setting["lr"])
    network, batch_size = mlp([64, setting["units"], 10], rng=rng), setting["batch_size"]
    updates = updates or updates_of(setting, len(x))
    while updates > 0:
        for batch in minibatches(len(x), min(batch_size, len(x)), rng):
            if updates > 0:
                decay = setting["weight_decay"]
                update(network, softmax_cross_entropy, optimizer, x[batch], y[batch], decay)
            updates -= 1
    return network


def updates_of(setting, n):
    """Return the number of updates in 20 epochs of `n` images."""
    return EPOCHS * -(-n // setting["batch_size"])


def accuracy(network, x, y):
    """Return the share of images read right."""
    return np.mean(network.forward(x).argmax(axis=1) == y)


def search(split, n_validation, x, y):
    """Return what the table holds on one search."""
    order = np.random.default_rng(split).permutation(len(x))
    ours, others = order[:OURS], order[OURS:]
    val, seen = ours[:n_validation], ours[n_validation:]
    rng = np.random.default_rng([split, 1])
    settings = [draw_setting(rng) for _ in range(SETTINGS)]
    networks = [train(s, x[seen], y[seen], [split, 2, i]) for i, s in enumerate(settings)]
    claims = [accuracy(network, x[val], y[val]) for network in networks]
    truths = [accuracy(network, x[others], y[others]) for network in networks]
    best = int(np.argmax(claims))

    def again(images, updates=None):
        network = train(settings[best], x[images], y[images], [split, 3], updates)
        return accuracy(network, x[others], y[others])

    fixed = updates_of(settings[best], len(seen))
    numbers = [claims[best], truths[best], max(truths), np.mean(truths)]
    return [*numbers, again(seen), again(ours), again(ours, fixed)]


def main():
    """Make the table."""
    digits = load_digits()
    x, y = digits.data / 16, digits.target
    with open(TABLE, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for split in range(SPLITS):
            for n_validation in SIZES:
                numbers = search(split, n_validation, x, y)
                writer.writerow([split, n_validation, *(f"{number:.4f}" for number in numbers)])
                file.flush()


if __name__ == "__main__":
    main()
