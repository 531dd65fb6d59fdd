"""The trial of the page on scaling out, in a module, where processes that work for it find it."""

import os
import time
from functools import cache
from pathlib import Path

import numpy as np

from companion.data import load_mnist_images
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import Momentum
from companion.training import fit

GENERATOR = np.random.default_rng(0)  # a mistake that the page shows: each process has its own copy


@cache
def data():
    """Return images of 14 × 14 pixels with labels: 1,000 to train on, 2,000 to validate with."""
    images = load_mnist_images()
    squares = images["train_images"][:3000].reshape(-1, 14, 2, 14, 2) / 255
    x, y = squares.mean(axis=(2, 4)).reshape(-1, 196), images["train_labels"][:3000].astype(int)
    return (x[:1000], y[:1000]), (x[1000:], y[1000:])


def trial(config):
    """Train a small network; return its accuracy, and where it was trained."""
    training, validation = data()
    rng = np.random.default_rng(0)
    network = mlp([196, 32, 10], rng=rng)
    optimizer, loss = Momentum(config["lr"]), softmax_cross_entropy
    plan = {"epochs": 5, "batch_size": 50, "validation": validation}
    plan |= {"weight_decay": config["weight_decay"], "rng": rng}
    history = fit(network, loss, optimizer, *training, **plan)
    return {
        "score": history[-1]["validation_accuracy"],
        "process": os.getpid(),
        "loads": data.cache_info().misses,  # how often this process did
    }


def doomed_trial(config, doomed, place):
    """Make the trial; the first time that the `doomed` one begins, say so, and wait to be killed.

    The process leaves its number in the file `place`. Nobody waits for more than two minutes.
    """
    if config == doomed and not Path(place).exists():
        Path(place).write_text(str(os.getpid()))
        time.sleep(120)
    return trial(config)


def draw(n):
    """Return `n` numbers from the generator of this module."""
    return GENERATOR.uniform(size=n).round(2).tolist()
