"""The full-size runs of the page on schedules: makes schedules.csv, which the page plots.

Run it from the project's root: ``python chapters/optimizers/data/schedules.py``. It takes about
eight minutes on one core, and goes on where it was interrupted; delete schedules.csv to begin anew.
Each run is a row: schedule, batch size, and the accuracy on the 10,000 test images after some of
its epochs, under their numbers. The seed is always 0.

All is float32, for speed: on another CPU the last digits differ, and those of the run "per epoch",
which gets lost, differ entirely. What the page says of them does not.
"""

import csv
import os
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when NumPy is imported

import numpy as np

from companion import schedules
from companion.data import load_mnist, minibatches
from companion.initializers import uniform
from companion.layers import Dense, Dropout, ReLU
from companion.losses import softmax_cross_entropy
from companion.network import Network
from companion.optimizers import Momentum
from companion.training import evaluate, update

TABLE = Path(__file__).with_suffix(".csv")
EPOCHS = (1, 2, 5, 10, 20, 40, 60)  # those in the table; the last one ends the run
HEADER = ["schedule", "batch_size", *map(str, EPOCHS)]
time_based = partial(schedules.time_based, lr=0.1)
falling = partial(schedules.exponential, lr=1.0, decay=0.1)
SCHEDULES = {  # functions of the updates made and of the epochs made
    "per epoch": lambda t, epoch: time_based(epoch, decay=0.1 / 60),
    "per update": lambda t, epoch: time_based(t, decay=0.1 / 60),
    "k = 0.1": lambda t, epoch: time_based(t, decay=0.1),
    "stacked": lambda t, epoch: time_based(t, decay=0.1) * falling(epoch),
}
RUNS = [*((name, 7) for name in SCHEDULES), ("stacked", 196)]


def accuracies(schedule, batch_size, x, y, test):
    """Yield the accuracy of a run after each of the `EPOCHS`."""
    rng, initializer = np.random.default_rng(0), uniform(0.05)
    layers = [Dense(784, 64, initializer), ReLU(), Dropout(0.1, rng)]
    layers += [Dense(64, 64, initializer), ReLU(), Dense(64, 10, initializer)]
    network, optimizer = Network(layers, np.float32, rng), Momentum(0.1, momentum=0.8)
    for epoch in range(EPOCHS[-1]):
        for batch in minibatches(len(x), batch_size, rng):
            optimizer.lr = float(schedule(optimizer.t, epoch))
            update(network, softmax_cross_entropy, optimizer, x[batch], y[batch])
        if epoch + 1 in EPOCHS:
            yield evaluate(network, softmax_cross_entropy, *test)["accuracy"]


def main():
    """Make the runs that are not in the table yet."""
    if not TABLE.exists():
        TABLE.write_text(",".join(HEADER) + "\n", encoding="utf-8")
    training, test = load_mnist()
    for name, batch_size in RUNS:
        if f"\n{name},{batch_size}," not in TABLE.read_text(encoding="utf-8"):
            shares = accuracies(SCHEDULES[name], batch_size, *training, test)
            cells = [name, batch_size, *(f"{share:.4f}" for share in shares)]
            with open(TABLE, "a", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerow(cells)


if __name__ == "__main__":
    main()
