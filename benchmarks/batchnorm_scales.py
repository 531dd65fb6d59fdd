"""How long the 16-scale experiment of the page on BatchNorm takes: companion and its peers.

A turn is an epoch at one scale, as the experiment makes it: ten updates and an accuracy over the
1000 images, with BatchNorm and without. Prints a table; with ``--write`` it also keeps it in
benchmarks/README.md.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read once, when NumPy is imported

import numpy as np
import peers
import side_by_side
import training_step
from textbook import Textbook

from companion.data import load_mnist
from companion.initializers import normal
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.training import QUIET, update

README = Path(__file__).parent / "README.md"
SCALE = 0.1  # neither overflows nor starves; the arithmetic is the same at all sixteen
TOLERANCE = 1e-3  # the textbook's arithmetic is float64
GOALS = {"PyTorch": 1.7}


class ScaledTask(training_step.Task):
    """The task with first weights of the experiment's kind."""

    def network(self):
        """Return a new companion network, always with the same weights."""
        rng, options = np.random.default_rng(0), {"batch_norm": self.batch_norm}
        return mlp(self.sizes, initializer=normal(SCALE), dtype=self.dtype, rng=rng, **options)


def tasks():
    """Return the two networks of a scale, in float32, and all images and labels."""
    (x, y), _ = load_mnist()
    x, y = x[:1000], y[:1000]
    batches = [(x[i : i + 100], y[i : i + 100]) for i in range(0, 1000, 100)]
    sizes = (784, *[100] * 5, 10)
    return [ScaledTask(sizes, extra, np.float32, batches, {}) for extra in (False, True)], x, y


def companion(task, x, y):
    """Return an epoch in companion."""
    network, optimizer = task.network(), replace(task.optimizer)

    @QUIET
    def epoch():
        for batch in task.batches:
            loss = update(network, softmax_cross_entropy, optimizer, *batch)
        return loss, np.mean(network.predict(x) == y)

    return epoch


def pytorch(task, x, y):
    """Return an epoch in PyTorch, in eager mode."""
    import torch

    torch.set_num_threads(1)
    model = peers.pytorch_model(torch, task)
    optimizer = peers.pytorch_optimizer(task.optimizer, model.parameters())
    batches = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in task.batches]
    images, labels = torch.from_numpy(x), torch.from_numpy(y)

    def epoch():
        model.train()
        for batch in batches:
            loss = peers.pytorch_step(torch, model, optimizer, *batch)
        model.eval()
        with torch.no_grad():
            correct = model(images).argmax(dim=1) == labels
        return loss.item(), correct.float().mean().item()

    return epoch


def textbook(task, x, y):
    """Return an epoch in the arithmetic of the original code."""
    network = Textbook(task.weights(), task.batch_norm)

    def epoch():
        for batch in task.batches:
            loss = network.step(*batch, lr=task.optimizer.lr)
        return loss, np.mean(network.forward(x, training=False).argmax(axis=1) == y)

    return epoch


def compare(rounds):
    """Return the section of the report, after three epochs in which all must agree."""
    pair, x, y = tasks()
    contestants, notes = {}, []
    for name, make in {
        "companion": companion,
        "PyTorch": pytorch,
        "the textbook's arithmetic": textbook,
    }.items():
        try:
            contestants[name] = [make(task, x, y) for task in pair]
        except ModuleNotFoundError as error:
            notes.append(f"{name} is skipped: {error.name} is not installed.")
    for _ in range(3):
        reached = {name: [epoch() for epoch in both] for name, both in contestants.items()}
        for quantity in np.moveaxis(list(reached.values()), 0, -1).reshape(4, -1):
            side_by_side.check_agreement(dict(zip(reached, quantity, strict=True)), TOLERANCE)
    turns = {
        name: lambda both=both: [epoch() for epoch in both] for name, both in contestants.items()
    }
    seconds = side_by_side.measure(turns, rounds, np.random.default_rng(0))
    table = side_by_side.table(seconds, "companion", GOALS)
    total = np.median(seconds["companion"]) * 16 * 20
    title = "### The 16-scale experiment, an epoch at one scale, float32"
    whole = f"The whole experiment, 16 scales and 20 epochs, takes companion {total:.0f} s."
    return "\n\n".join([title, table, whole, *notes])


def main():
    """Measure; print the table, and keep it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100, help="how often everyone has a turn")
    parser.add_argument("--write", action="store_true", help=f"keep the table in {README.name}")
    arguments = parser.parse_args()
    side_by_side.use_one_core()
    section = compare(arguments.rounds)
    section += "\n\n" + side_by_side.conditions(arguments.rounds, ["numpy", "torch"])
    print(section)
    if arguments.write:
        side_by_side.write_section(README, "batchnorm_scales", section)


if __name__ == "__main__":
    main()
