"""The runs of the page on random search: makes the logs random_search*.jsonl, which it reads.

Run it from the project's root: ``python chapters/search/data/random_search.py``. It takes some four
minutes on one core, and goes on where it was interrupted; delete a log to make it anew. Each is a
log of ``run_trials``:

- random_search.jsonl: the textbook's search, 100 trials in float64, with every trial's curves,
  which validation images it has right, and its accuracy on 10,000 other images;
- random_search_decays_off.jsonl: its ten best again, without weight decay and with the most;
- random_search_rates.jsonl: learning rates up to 1, five seeds;
- random_search_decays.jsonl: weight decay up to 0.3 at two learning rates, five seeds;
- random_search_again.jsonl: the ten best with ten other seeds.

In the last three a seed draws the 500 images, their split, the weights and the minibatches; they
are float32, for speed: on another CPU an answer may differ here and there, the picture does not.
"""

import os
from functools import cache
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read once, when NumPy is imported

import numpy as np

from companion.data import load_mnist, split
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD
from companion.search import LogUniform, grid_configs, random_configs, ranked, run_trials
from companion.training import evaluate, fit

FOLDER = Path(__file__).parent
SIZES = (784, *[100] * 6, 10)
SPACE = {"lr": LogUniform(1e-6, 1e-2), "weight_decay": LogUniform(1e-8, 1e-4)}
RATES = [10 ** (exponent / 4) for exponent in range(-12, 1)]
DECAYS = [0.0, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1]


@cache
def images():
    """Return what samples are drawn from, and the 10,000 others, with their labels."""
    (x, y), _ = load_mnist()
    return (x[:50_000], y[:50_000]), (x[50_000:], y[50_000:])


@cache
def first_500():
    """Return 400 of the first 500 images to train on and 100 to validate with."""
    (x, y), _ = images()
    return split(x[:500], y[:500], 100, np.random.default_rng(0))


def textbook_trial(config):
    """Make a trial of the textbook's search, the same weights and minibatches for all."""
    training, validation = first_500()
    rng = np.random.default_rng(0)
    network = mlp(SIZES, rng=rng)
    plan = {"epochs": 50, "batch_size": 100, "rng": rng}
    plan |= {"validation": validation, "weight_decay": config["weight_decay"]}
    history = fit(network, softmax_cross_entropy, SGD(config["lr"]), *training, **plan)
    result = {"score": history[-1]["validation_accuracy"]}
    for part in ("train", "validation"):
        result[part] = [record[f"{part}_accuracy"] for record in history]
    right = network.predict(validation[0]) == validation[1]
    result["right"] = "".join(np.where(right, "1", "0"))
    result["others"] = evaluate(network, softmax_cross_entropy, *images()[1])["accuracy"]
    return result


def fresh_trial(config):
    """Make a trial with everything drawn anew by the seed in `config`."""
    (x, y), others = images()
    rng = np.random.default_rng(config["seed"])
    drawn = rng.choice(len(x), 500, replace=False)
    training, validation = split(x[drawn], y[drawn], 100, rng)
    network = mlp(SIZES, dtype=np.float32, rng=rng)
    plan = {"epochs": 50, "batch_size": 100, "rng": rng, "weight_decay": config["weight_decay"]}
    fit(network, softmax_cross_entropy, SGD(config["lr"]), *training, **plan)
    return {
        "score": evaluate(network, softmax_cross_entropy, *validation)["accuracy"],
        "others": evaluate(network, softmax_cross_entropy, *others)["accuracy"],
    }


def main():
    """Make the five searches."""

    def search(name, objective, configs):
        trials = run_trials(objective, configs, log=FOLDER / f"{name}.jsonl")
        failed = [trial.error for trial in trials if trial.status == "failed"]
        if failed:
            raise RuntimeError(failed[0])
        return trials

    trials = search("random_search", textbook_trial, random_configs(SPACE, 100, seed=0))
    best = [trial.config for trial in ranked(trials)[:10]]
    extremes = [config | {"weight_decay": decay} for decay in (0.0, 1e-4) for config in best]
    search("random_search_decays_off", textbook_trial, extremes)
    five = {"seed": list(range(1, 6))}
    rates = grid_configs({"lr": RATES, "weight_decay": [0.0]} | five)
    search("random_search_rates", fresh_trial, rates)
    decays = grid_configs({"lr": [0.01, 0.1], "weight_decay": DECAYS} | five)
    search("random_search_decays", fresh_trial, decays)
    again = [config | {"seed": seed} for config in best for seed in range(1, 11)]
    search("random_search_again", fresh_trial, again)
    for lock in FOLDER.glob("random_search*.jsonl.lock"):
        lock.unlink()


if __name__ == "__main__":
    main()
