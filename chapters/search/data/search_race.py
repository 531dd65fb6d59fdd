"""The searches that the page on random search compares: makes three tables, search_race*.csv.

Run it from the project's root: ``python chapters/search/data/search_race.py``. It takes about six
minutes on one core; a table that is there is not made again. All is float32, for speed.

- search_race_stages.csv: three stages against one at equal budget, a row for each search: method,
  seed, the best trial's learning rate, weight decay, validation accuracy and accuracy on 10,000
  other images;
- search_race_map.csv: accuracy on 2,000 other images after 20 epochs over learning rate and scale
  of the initial weights, the mean of three seeds;
- search_race.csv: grid, random and Bayesian search of that map's two parameters, eight seeds, every
  trial a training of its own. Diverged trials count as guessing, 0.1.
"""

import csv
import os
from functools import cache
from itertools import product
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when NumPy is imported

import numpy as np

from companion.bayes import bayesian_search
from companion.callbacks import DivergenceError
from companion.data import load_mnist, split
from companion.initializers import he_normal
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD
from companion.search import LogUniform, narrow, random_configs, ranked, run_trials
from companion.training import evaluate, fit

FOLDER = Path(__file__).parent
SIZES = (784, *[100] * 6, 10)
WIDE = {"lr": LogUniform(1e-6, 1.0), "weight_decay": LogUniform(1e-8, 1e-1)}
STAGES = ((30, 10), (15, 20), (10, 50))  # trials, epochs
PLAIN = ((22, 50),)  # as many epochs in all
SPACE = {"lr": LogUniform(1e-4, 1.0), "scale": LogUniform(0.25, 4.0)}
BUDGET, SEEDS, MAP_SEEDS = 25, range(8), range(3)


@cache
def images():
    """Return what samples are drawn from, and the 10,000 others, with their labels."""
    (x, y), _ = load_mnist()
    return (x[:50_000], y[:50_000]), (x[50_000:], y[50_000:])


def train(seed, epochs, lr, weight_decay=0.0, scale=1.0):
    """Return a network, and the 100 images to validate it with; all is drawn by `seed`."""
    (x, y), _ = images()
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(x), 500, replace=False)
    training, validation = split(x[drawn], y[drawn], 100, rng)

    def scaled(shape, rng):
        return scale * he_normal(shape, rng)

    network = mlp(SIZES, initializer=scaled, dtype=np.float32, rng=rng)
    plan = {"epochs": epochs, "batch_size": 100, "rng": rng, "weight_decay": weight_decay}
    fit(network, softmax_cross_entropy, SGD(lr), *training, **plan)
    return network, validation


def stages_of(seed, stages):
    """Return the best trial of a search in `stages`, each in the narrowed space of the last."""
    space = WIDE
    for stage, (n, epochs) in enumerate(stages):

        def objective(config, epochs=epochs):
            network, validation = train(seed, epochs, **config)
            others = evaluate(network, softmax_cross_entropy, *images()[1])["accuracy"]
            score = evaluate(network, softmax_cross_entropy, *validation)["accuracy"]
            return {"score": score, "others": others}

        configs = random_configs(space, n, seed=10 * seed + stage)
        trials = run_trials(objective, configs)
        space = narrow(trials, space, best=6)
    return ranked(trials)[0]


def accuracy(config, seed):
    """Return the score of the race: accuracy on 2,000 other images after 20 epochs."""
    try:
        network, _ = train(seed, 20, **config)
    except DivergenceError:
        return 0.1
    x, y = images()[1]
    return evaluate(network, softmax_cross_entropy, x[:2000], y[:2000])["accuracy"]


def search(method, seed):
    """Return the configurations that a search tries, in order, and their scores."""
    if method == "Bayesian":
        plan = {"n": BUDGET, "rng": np.random.default_rng(seed), "start": 5}
        points, scores = bayesian_search(lambda c: accuracy(c, seed), SPACE, **plan)
        return [at(point) for point in points], scores
    if method == "random":
        configs = random_configs(SPACE, BUDGET, seed)
    else:  # the centers of 5 × 5 equal fields, in random order
        centers = [at(point) for point in product((0.1, 0.3, 0.5, 0.7, 0.9), repeat=2)]
        configs = [centers[i] for i in np.random.default_rng(seed).permutation(BUDGET)]
    return configs, [accuracy(config, seed) for config in configs]


def at(point):
    """Return the configuration at a `point` of the unit square."""
    pairs = zip(SPACE, point, strict=True)
    return {name: SPACE[name].from_unit(float(unit)) for name, unit in pairs}


def stages_rows():
    """Yield the rows of search_race_stages.csv."""
    yield "method", "seed", "lr", "weight_decay", "validation", "others"
    for seed, (method, stages) in product(SEEDS, (("stages", STAGES), ("plain", PLAIN))):
        best = stages_of(seed, stages)
        numbers = *best.config.values(), best.score, best.details["others"]
        yield method, seed, *(f"{number:.4g}" for number in numbers)


def map_rows():
    """Yield the rows of search_race_map.csv."""
    yield "lr", "scale", "accuracy"
    for point in product(np.linspace(0, 1, 13), np.linspace(0, 1, 9)):
        mean = np.mean([accuracy(at(point), seed) for seed in MAP_SEEDS])
        yield *(f"{value:.5g}" for value in at(point).values()), f"{mean:.4f}"


def race_rows():
    """Yield the rows of search_race.csv."""
    yield "method", "seed", "trial", "lr", "scale", "accuracy"
    for method, seed in product(("grid", "random", "Bayesian"), SEEDS):
        for trial, (config, score) in enumerate(zip(*search(method, seed), strict=True)):
            yield method, seed, trial, *(f"{c:.4g}" for c in config.values()), f"{score:.4g}"


def main():
    """Make the tables that are not there."""
    tables = {"search_race_stages": stages_rows, "search_race_map": map_rows}
    for name, rows in (tables | {"search_race": race_rows}).items():
        table = FOLDER / f"{name}.csv"
        if not table.exists():
            written = list(rows())
            with open(table, "w", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows(written)


if __name__ == "__main__":
    main()
