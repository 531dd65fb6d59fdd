"""The full-size runs of the page on Bayesian optimization: makes four tables that the page reads.

Run it from the project's root: ``python chapters/search/data/bayesian.py``. It takes about nine
minutes on one core. A file that is there already is left alone; delete it to make it anew.

- bayesian_map.csv: validation accuracy at the end of training, over a net of learning rates and
  weight scales, for three seeds.
- bayesian_searches.csv: every trial of every search, in order: method, seed, trial, learning rate,
  weight scale, score. Of successive halving, the best score of each round instead, and for the
  number of the trial the epochs that had been spent by then.
- bayesian_chosen.csv: what each search chose, its score there, and the mean accuracy when it is
  trained again from five other seeds and judged by 5,000 other images.
- bayesian_dimensions.csv: Bayesian searches on the interpolated map, with 5 and 10 random trials
  and 0, 4 and 8 parameters that do nothing: the best score after each trial.

All is float64, so that another processor finds the same accuracies, but for a rare digit that the
last bit decides; from there on a Bayesian search may go another way.
"""

import csv
import os
from functools import cache
from itertools import product
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when NumPy is imported

import numpy as np
import optuna
from scipy.interpolate import RegularGridInterpolator

from companion.bayes import bayesian_search
from companion.callbacks import DivergenceError
from companion.data import load_mnist
from companion.initializers import he_normal
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD
from companion.search import LogUniform, Uniform, grid_configs, random_configs
from companion.training import evaluate, fit

FOLDER = Path(__file__).parent
SPACE = {"lr": LogUniform(1e-4, 10), "scale": LogUniform(0.1, 10)}
LINEAR = {"lr": Uniform(1e-4, 10), "scale": Uniform(0.1, 10)}
SEEDS, TRIALS, EPOCHS = range(20), 28, 9
FRESH_SEEDS = range(1000, 1005)
GUESSING = 0.1  # the score of a run that diverges


@cache
def data():
    """Return images of 14 × 14 pixels, with labels: to train on, to validate with, and others."""
    (x, y), _ = load_mnist()
    squares = x[:10_000].astype(float).reshape(-1, 14, 2, 14, 2)
    x, y = squares.mean(axis=(2, 4)).reshape(-1, 196), y[:10_000]
    return [(x[part], y[part]) for part in (slice(1000), slice(1000, 2000), slice(5000, None))]


def start(config, seed):
    """Return a fresh network, its optimizer and its generator."""
    rng = np.random.default_rng(seed)

    def initializer(shape, rng):
        return config["scale"] * he_normal(shape, rng)

    return mlp([196, 50, 50, 10], initializer=initializer, rng=rng), SGD(config["lr"]), rng


def advance(run, epochs):
    """Train some epochs more; return the validation accuracy after the last."""
    network, optimizer, rng = run
    train, validation, _ = data()
    plan = {"epochs": epochs, "batch_size": 100, "rng": rng, "validation": validation}
    try:
        history = fit(network, softmax_cross_entropy, optimizer, *train, **plan)
    except DivergenceError:
        return GUESSING
    return history[-1]["validation_accuracy"]


def score(config, seed):
    """Return the validation accuracy at the end of a training."""
    return advance(start(config, seed), EPOCHS)


def in_order(configs, seed):
    """Return the configurations and their scores."""
    return [(config, score(config, seed)) for config in configs]


def grid(seed):
    """Return the trials of a grid, in an order that the seed decides."""
    lrs, scales = np.geomspace(1e-4, 10, 7), np.geomspace(0.1, 10, 4)
    configs = grid_configs({"lr": lrs.tolist(), "scale": scales.tolist()})
    order = np.random.default_rng(seed).permutation(len(configs))
    return in_order([configs[i] for i in order], seed)


def random(seed):
    """Return the trials of a random search of twice the budget; its first half is one itself."""
    return in_order(random_configs(SPACE, 2 * TRIALS, seed), seed)


def bayesian(seed, space=SPACE, begin=5):
    """Return the trials of a Bayesian search that begins with `begin` random ones."""
    trials = []

    def objective(config):
        trials.append((config, score(config, seed)))
        return trials[-1][1]

    bayesian_search(objective, space, TRIALS, np.random.default_rng(seed), start=begin)
    return trials


def linear(seed):
    """Return the trials of a Bayesian search on linear axes."""
    return bayesian(seed, space=LINEAR)


def ten_starts(seed):
    """Return the trials of a Bayesian search that begins with 10 random ones."""
    return bayesian(seed, begin=10)


def tpe(seed):
    """Return the trials of Optuna's sampler TPE, at its defaults."""
    trials = []

    def objective(trial):
        config = {n: trial.suggest_float(n, s.low, s.high, log=True) for n, s in SPACE.items()}
        trials.append((config, score(config, seed)))
        return trials[-1][1]

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed)
    optuna.create_study(direction="maximize", sampler=sampler).optimize(objective, TRIALS)
    return trials


def halving(seed):
    """Return the best of each round of successive halving: epochs spent, configuration, score."""
    configs = random_configs(SPACE, 108, seed)
    runs, spent, before, rounds = [start(config, seed) for config in configs], 0, 0, []
    for epochs in (1, 3, 9):
        scores = np.array([advance(run, epochs - before) for run in runs])
        spent += len(runs) * (epochs - before)
        best = np.argsort(-scores, kind="stable")[: len(runs) // 3]
        rounds.append((spent, configs[best[0]], scores[best[0]]))
        runs, configs, before = [runs[i] for i in best], [configs[i] for i in best], epochs
    return rounds


def fresh(config):
    """Return the mean accuracy on other images of networks trained from other seeds."""
    accuracies = []
    for seed in FRESH_SEEDS:
        run = start(config, seed)
        advance(run, EPOCHS)
        measured = evaluate(run[0], softmax_cross_entropy, *data()[2])
        accuracies.append(measured["accuracy"] if np.isfinite(measured["loss"]) else GUESSING)
    return float(np.mean(accuracies))


def write(name, header, rows):
    """Write a table, unless it is there already."""
    path = FOLDER / f"bayesian_{name}.csv"
    if path.exists():
        return
    unfinished = path.with_suffix(".part")
    with open(unfinished, "w", newline="", encoding="utf-8", buffering=1) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows():
            writer.writerow([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row])
    unfinished.rename(path)


def map_rows():
    """Yield the accuracy at each point of a net, for each of three seeds."""
    for lr in np.geomspace(1e-4, 10, 21):
        for scale in np.geomspace(0.1, 10, 13):
            config = {"lr": float(lr), "scale": float(scale)}
            yield [*config.values(), *(float(score(config, seed)) for seed in range(3))]


def search_rows():
    """Yield all trials of all searches."""
    for seed in SEEDS:
        for method in (grid, random, bayesian, ten_starts, tpe):
            for trial, (config, reached) in enumerate(method(seed)):
                yield [method.__name__, seed, trial, *config.values(), float(reached)]
        for spent, config, reached in halving(seed):
            yield ["halving", seed, spent, *config.values(), float(reached)]
    for seed in SEEDS[:10]:
        for trial, (config, reached) in enumerate(linear(seed)):
            yield ["linear", seed, trial, *config.values(), float(reached)]


def chosen_rows():
    """Yield for each search what it chose, what it saw there, and what others see."""
    with open(FOLDER / "bayesian_searches.csv", newline="", encoding="utf-8") as file:
        trials = list(csv.DictReader(file))
    methods = ("grid", "random", "random twice", "bayesian", "ten_starts", "tpe", "halving")
    for method in methods:
        for seed in SEEDS:
            own = [t for t in trials if (t["method"], t["seed"]) == (method.split()[0], str(seed))]
            own = own[:TRIALS] if method == "random" else own[-1:] if method == "halving" else own
            best = max(own, key=lambda trial: float(trial["score"]))
            config = {name: float(best[name]) for name in SPACE}
            yield [method, seed, *config.values(), float(best["score"]), fresh(config)]


def dimension_rows():
    """Yield Bayesian searches on the interpolated map, with parameters that do not matter."""
    table = np.loadtxt(FOLDER / "bayesian_map.csv", delimiter=",", skiprows=1)
    heights = table[:, 2:].mean(axis=1).reshape(21, 13)
    on_map = RegularGridInterpolator((np.linspace(0, 1, 21), np.linspace(0, 1, 13)), heights)

    def objective(config):
        return float(on_map([config["0"], config["1"]])[0])

    for begin, idle in product((5, 10), (0, 4, 8)):
        space = {str(i): Uniform(0.0, 1.0) for i in range(2 + idle)}
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            _, scores = bayesian_search(objective, space, TRIALS, rng, start=begin)
            yield [begin, idle, seed, *(float(best) for best in np.maximum.accumulate(scores))]


def main():
    """Make the tables that are missing."""
    write("map", ["lr", "scale", "seed 0", "seed 1", "seed 2"], map_rows)
    header = ["method", "seed", "trial", "lr", "scale", "score"]
    write("searches", header, search_rows)
    write("chosen", ["method", "seed", "lr", "scale", "score", "fresh"], chosen_rows)
    header = ["random", "idle", "seed", *range(1, TRIALS + 1)]
    write("dimensions", header, dimension_rows)


if __name__ == "__main__":
    main()
