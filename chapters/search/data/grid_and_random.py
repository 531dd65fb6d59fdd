"""The trials of the page on grid and random search: makes grid_and_random.csv, which it plots.

Run it from the project's root: ``python chapters/search/data/grid_and_random.py``. It takes about
five minutes on one core, and goes on where it was interrupted; delete grid_and_random.csv to
begin anew. Each trial is a row: the space searched, the method, the number of the search (which is
also the seed of its trainings), the number of the trial in it; learning rate, weight decay and the
scale of the initial weights; then the accuracy on 2,000 validation images (the score) and on 5,000
others, both ``nan`` if the training diverged.

The spaces: "rate" has the learning rate alone, "decay" learning rate and weight decay, "scale"
learning rate and initial scale. All is float64, but trainings at far too high learning rates
multiply rounding errors: on another CPU their scores differ. The page makes some of the trials
again and compares those that learned.
"""

import csv
import os
from itertools import product
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when NumPy is imported

import numpy as np
from scipy.stats import qmc

from companion.callbacks import DivergenceError
from companion.data import load_mnist
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import Momentum
from companion.search import LogUniform, random_configs
from companion.training import evaluate, fit

TABLE = Path(__file__).with_suffix(".csv")
SEARCHES, BUDGET = 25, 25
SPACES = {
    "decay": {"lr": LogUniform(1e-4, 10), "weight_decay": LogUniform(1e-6, 1e-3)},
    "scale": {"lr": LogUniform(0.003, 1), "scale": LogUniform(0.01, 100)},
}
DEFAULTS = {"lr": 0.01, "weight_decay": 0.0, "scale": 1.0}
HEADER = ["space", "method", "search", "trial", *DEFAULTS, "score", "unseen"]


def shrunk(images):
    """Return images of 14 × 14: means of 2 × 2 pixels."""
    squares = images.astype(float).reshape(-1, 14, 2, 14, 2)
    return squares.mean(axis=(2, 4)).reshape(-1, 196)


def load():
    """Return the images and labels for training, for the score, and for the verdict."""
    (x, y), _ = load_mnist()
    parts = (slice(1000), slice(50_000, 52_000), slice(52_000, 57_000))
    return [(shrunk(x[part]), y[part]) for part in parts]


def train(config, seed, training):
    """Return a network after 100 updates."""
    rng = np.random.default_rng(seed)
    network = mlp([196, 32, 10], rng=rng)
    network.params[network.decayed] *= config["scale"]
    plan = {"epochs": 5, "batch_size": 50, "weight_decay": config["weight_decay"]}
    optimizer = Momentum(config["lr"])
    fit(network, softmax_cross_entropy, optimizer, *training, rng=rng, **plan)
    return network


def measured(config, seed, parts):
    """Return the two accuracies of a trial."""
    training, *others = parts
    try:
        network = train(config, seed, training)
    except DivergenceError:
        return [np.nan, np.nan]
    return [evaluate(network, softmax_cross_entropy, *each)["accuracy"] for each in others]


def units(method, search):
    """Return where in the unit square a search tries, (trials, 2)."""
    rng = np.random.default_rng(search)
    if method == "sobol":
        return qmc.Sobol(2, rng=rng).random(32)[:BUDGET]
    if method == "crossed":  # the mistake: all pairs of two random lists
        return list(product(*rng.uniform(size=(2, 5))))
    k = int(method[-1])
    shifts = [0.5, 0.5] if method.startswith("centered") else rng.uniform(size=2)
    return list(product(*[(np.arange(k) + shift) / k for shift in shifts]))


def configurations(space, method, search):
    """Return the configurations that a search tries."""
    if method == "random":
        return random_configs(space, BUDGET, seed=search)
    return [
        {name: space[name].from_unit(unit) for name, unit in zip(space, point, strict=True)}
        for point in units(method, search)
    ]


def planned():
    """Yield the place and the configuration of every trial."""
    rates = {"linear": np.linspace(1e-4, 10, 20), "geometric": np.geomspace(1e-4, 10, 20)}
    for (method, values), search in product(rates.items(), range(5)):
        for trial, lr in enumerate(values):
            yield ("rate", method, search, trial), {"lr": float(lr)}
    methods = ("random", "sobol", "grid3", "grid4", "grid5")
    for search, (name, space) in product(range(SEARCHES), SPACES.items()):
        for method in (*methods, "crossed") if name == "decay" else methods:
            for trial, config in enumerate(configurations(space, method, search)):
                yield (name, method, search, trial), config
    for search, k in product(range(SEARCHES), (3, 4, 5)):
        for trial, config in enumerate(configurations(SPACES["decay"], f"centered{k}", search)):
            yield ("decay", f"centered{k}", search, trial), config


def read():
    """Return the places of the trials that are done."""
    with open(TABLE, newline="", encoding="utf-8") as file:
        return {
            (row["space"], row["method"], int(row["search"]), int(row["trial"]))
            for row in csv.DictReader(file)
        }


def main():
    """Make the trials that are missing."""
    parts = load()
    if not TABLE.exists():
        TABLE.write_text(",".join(HEADER) + "\n", encoding="utf-8")
    done = read()
    with open(TABLE, "a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for place, config in planned():
            if place not in done:
                config = DEFAULTS | config
                numbers = [*config.values(), *measured(config, place[2], parts)]
                writer.writerow([*place, *(f"{number:.6g}" for number in numbers)])
                file.flush()


if __name__ == "__main__":
    main()
