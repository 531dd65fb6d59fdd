"""The full-size 16-scale experiment of the page on batch normalization: makes batchnorm_scales.csv.

Run it from the project's root: ``python chapters/initialization/data/batchnorm_scales.py``. It
takes about two minutes on one core, in float64: the page makes some of the rows again and compares.

The first 1,000 images of MNIST, 784-100×5-10, ReLU, normal weights of standard deviation
logspace(0, −4, 16), biases 0, plain and with BatchNorm before each ReLU; SGD at 0.01, minibatches
of 100, 20 epochs, seeds 0 to 4. Both networks of a seed have the same first weights and the same
minibatches, dealt without replacement. BatchNorm: ε = 1e-6, γ = 1, β = 0, momentum 0.9, running
mean *and running variance* from 0. As in the published run, accuracy is measured on the 1,000
images, in evaluation mode, after the *first* minibatch of each epoch: updates 1, 11, ..., 191.
"""

import csv
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when NumPy is imported

import numpy as np

from companion.data import load_mnist, minibatches
from companion.initializers import normal
from companion.layers import BatchNorm
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD
from companion.training import update

TABLE = Path(__file__).with_suffix(".csv")
SIZES, EPOCHS, BATCH_SIZE, LR, EPS = (784, 100, 100, 100, 100, 100, 10), 20, 100, 0.01, 1e-6
SCALES, SEEDS = np.logspace(0, -4, 16), range(5)
HEADER = ["seed", "weight_std", "epoch", "plain_accuracy", "batchnorm_accuracy"]


def accuracies(std, seed, x, y, batch_norm):
    """Return the accuracy after the first minibatch of each epoch."""
    rng = np.random.default_rng(seed)
    network = mlp(SIZES, initializer=normal(std), batch_norm=batch_norm, rng=rng)
    for layer in network.layers:
        if isinstance(layer, BatchNorm):
            layer.eps, layer.running_var[:] = EPS, 0
    optimizer, measured = SGD(LR), []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(EPOCHS):
            for i, batch in enumerate(minibatches(len(x), BATCH_SIZE, rng)):
                update(network, softmax_cross_entropy, optimizer, x[batch], y[batch])
                if i == 0:
                    measured.append(np.mean(network.predict(x) == y))
    return measured


def main():
    """Write the table: a row for each seed, scale and epoch."""
    (x, y), _ = load_mnist()
    x, y = x[:1000], y[:1000]
    with open(TABLE, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for seed in SEEDS:
            for std in SCALES:
                plain, normalized = (accuracies(std, seed, x, y, bn) for bn in (False, True))
                for epoch in range(EPOCHS):
                    numbers = f"{std:.6g}", epoch, f"{plain[epoch]:.3f}", f"{normalized[epoch]:.3f}"
                    writer.writerow([seed, *numbers])


if __name__ == "__main__":
    main()
