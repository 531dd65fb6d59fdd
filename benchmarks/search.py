"""How long the 100 trials of the page on random search take: companion and PyTorch, two processes.

The textbook's search: 500 images, a fifth held out, 784-100×6-10, SGD, minibatches of 100, 50
epochs, a learning rate and a weight decay drawn for each trial. Times are those of the clock, from
the first trial to the last, in pools that are already running. Prints a table; with ``--write`` it
also keeps it in benchmarks/README.md.
"""

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read once, when NumPy is imported; workers inherit it

import numpy as np
import side_by_side

from companion.data import load_mnist, minibatches, split
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD
from companion.search import LogUniform, random_configs, ranked, run_trials
from companion.training import fit

README = Path(__file__).parent / "README.md"
SIZES = (784, *[100] * 6, 10)
EPOCHS, BATCH = 50, 100
SPACE = {"lr": LogUniform(1e-6, 1e-2), "weight_decay": LogUniform(1e-8, 1e-4)}


@cache
def data():
    """Return the 400 images to train on and the 100 to judge by, with their labels."""
    (x, y), _ = load_mnist()
    return split(x[:500], y[:500], 100, np.random.default_rng(0))


def companion(config):
    """Make a trial in companion; return its validation accuracy."""
    train, validation = data()
    rng = np.random.default_rng(0)
    network = mlp(SIZES, dtype=np.float32, rng=rng)
    plan = {"epochs": EPOCHS, "batch_size": BATCH, "rng": rng}
    plan |= {"validation": validation, "weight_decay": config["weight_decay"]}
    history = fit(network, softmax_cross_entropy, SGD(config["lr"]), *train, **plan)
    return {"score": history[-1]["validation_accuracy"], "history": history}


def pytorch(config):
    """Make the same trial in PyTorch: same weights, same minibatches, same measurements."""
    import torch

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    start = mlp(SIZES, dtype=np.float32, rng=rng)
    layers = []
    for layer in start.layers[::2]:
        linear = torch.nn.Linear(*layer.W.shape)
        linear.weight = torch.nn.Parameter(torch.from_numpy(layer.W.T.copy()))
        linear.bias = torch.nn.Parameter(torch.from_numpy(layer.b.copy()))
        layers += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    decay = config["weight_decay"]
    groups = [
        {"params": [p for p in model.parameters() if p.ndim == 2], "weight_decay": decay},
        {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=config["lr"])
    tensors = [[torch.from_numpy(each) for each in part] for part in data()]
    (x, y), history = tensors[0], []
    loss_of = torch.nn.functional.cross_entropy
    for _ in range(EPOCHS):
        for batch in minibatches(len(x), BATCH, rng):
            batch = torch.from_numpy(batch)
            optimizer.zero_grad()
            loss_of(model(x[batch]), y[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            history.append([_measure(model(inputs), labels) for inputs, labels in tensors])
    return {"score": history[-1][1]["accuracy"], "history": history}


def _measure(outputs, labels):
    import torch

    loss = torch.nn.functional.cross_entropy(outputs, labels).item()
    return {"loss": loss, "accuracy": (outputs.argmax(dim=1) == labels).float().mean().item()}


def search(objective, trials, workers):
    """Return the seconds that the search takes in so many processes, and its best score."""
    configs = random_configs(SPACE, trials, seed=0)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(objective, configs[:1] * workers * 2))  # everything is imported and loaded
        begin = time.perf_counter()
        done = run_trials(objective, configs, executor=pool)
        seconds = time.perf_counter() - begin
    failed = [trial.error for trial in done if trial.status == "failed"]
    if failed:
        raise RuntimeError(failed[0])
    return seconds, ranked(done)[0].score


def compare(trials, rounds):
    """Return the section of the report."""
    contestants = {
        "companion, two processes": (companion, 2),
        "companion, one process": (companion, 1),
        "PyTorch, two processes": (pytorch, 2),
    }
    notes = []
    try:
        import torch  # noqa: F401 - only whether it is there
    except ModuleNotFoundError:
        del contestants["PyTorch, two processes"]
        notes.append("PyTorch is skipped: torch is not installed.")
    seconds = {name: [] for name in contestants}
    best = {}
    for _ in range(rounds):
        for name, (objective, workers) in contestants.items():
            taken, best[name] = search(objective, trials, workers)
            seconds[name].append(taken)
    side_by_side.check_agreement(best, tolerance=0.03)
    first = np.array(seconds["companion, two processes"])
    lines = ["| | seconds | time ÷ the first | goal |", "| --- | ---: | ---: | ---: |"]
    goals = {"companion, one process": "≥ 1.70", "PyTorch, two processes": "≥ 2.00"}
    goals["companion, two processes"] = "≤ 15 s"
    for name, taken in seconds.items():
        ratio = np.median(np.array(taken) / first)
        lines.append(f"| {name} | {np.median(taken):.1f} | {ratio:.2f} | {goals[name]} |")
    title = f"### {trials} trials of the random search, float32"
    return "\n\n".join([title, "\n".join(lines), *notes])


def main():
    """Measure; print the table, and keep it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"keep the table in {README.name}")
    arguments = parser.parse_args()
    section = compare(arguments.trials, arguments.rounds)
    section += "\n\n" + side_by_side.conditions(arguments.rounds, ["numpy", "torch"]).replace(
        "one core", "two cores"
    )
    print(section)
    if arguments.write:
        side_by_side.write_section(README, "search", section)


if __name__ == "__main__":
    main()
