"""How long the optimizers take: an update alone, and the steps of the comparison experiment.

Prints two tables; with ``--write`` it also keeps them in benchmarks/README.md.
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

from companion.data import load_mnist
from companion.optimizers import SGD, AdaGrad, Adam, Momentum, RMSProp

README = Path(__file__).parent / "README.md"
OPTIMIZERS = [SGD(lr=0.01), Momentum(lr=0.01), AdaGrad(lr=0.01), RMSProp(), Adam()]
SIZES = (784, 100, 100, 100, 100, 10)  # the network of the page on comparison: 109,810 parameters
SHAPES = [(784, 120), (120, 120), (120, 84), (84, 10)]  # 119,400 parameters, as matrices
UPDATES = 50  # in a turn


def companion_update(optimizer, start, gradient):
    """Return a function that makes the updates on one vector, as a `Network` holds it."""
    params, optimizer = start.copy(), replace(optimizer)

    def updates():
        for _ in range(UPDATES):
            optimizer.step(params, gradient)
        return params

    return updates


def pytorch_update(optimizer, start, gradient, **form):
    """Return a function that makes the updates on one tensor for each layer, as PyTorch does."""
    import torch

    torch.set_num_threads(1)
    ends = np.cumsum([np.prod(shape) for shape in SHAPES])[:-1]
    params = [torch.nn.Parameter(torch.from_numpy(part.copy())) for part in np.split(start, ends)]
    for param, part in zip(params, np.split(gradient, ends), strict=True):
        param.grad = torch.from_numpy(part.copy())
    optimizer = peers.pytorch_optimizer(optimizer, params, **form)

    def updates():
        for _ in range(UPDATES):
            optimizer.step()
        return np.concatenate([param.detach().numpy() for param in params])

    return updates


def compare_update(optimizer, rounds):
    """Return the rows on one optimizer's update alone."""
    rng = np.random.default_rng(0)
    size = sum(int(np.prod(shape)) for shape in SHAPES)
    start, gradient = rng.normal(size=(2, size)).astype(np.float32)
    contestants = {"companion": companion_update(optimizer, start, gradient)}
    notes = []
    for name, form in {
        "PyTorch, fused": {"fused": True},
        "PyTorch, looped": {"foreach": False},
    }.items():
        try:
            contestants[name] = pytorch_update(optimizer, start, gradient, **form)
        except (ModuleNotFoundError, NotImplementedError) as error:
            notes.append(f"{name} is skipped: {error}.")
    moved = {
        name: float(np.linalg.norm(updates() - start)) for name, updates in contestants.items()
    }
    side_by_side.check_agreement(moved, tolerance=1e-4)
    seconds = side_by_side.measure(contestants, rounds, np.random.default_rng(0))
    per_update = {name: times / UPDATES for name, times in seconds.items()}
    title = f"### The update of {type(optimizer).__name__}, {size:,} parameters, float32"
    return "\n\n".join([title, side_by_side.table(per_update, "companion"), *notes])


def comparison_tasks(n_batches, batch_size=128):
    """Return the steps of the comparison experiment with each of its four optimizers."""
    (x, y), _ = load_mnist()
    parts = [slice(i * batch_size, (i + 1) * batch_size) for i in range(n_batches)]
    batches = [(x[part], y[part]) for part in parts]
    optimizers = [each for each in OPTIMIZERS if not isinstance(each, RMSProp)]
    return [
        training_step.Task(SIZES, False, np.float32, batches, {"PyTorch": 1.4}, optimizer)
        for optimizer in optimizers
    ]


def main():
    """Measure the updates and the experiment; print the tables, and keep them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100, help="how often everyone has a turn")
    parser.add_argument("--steps", type=int, default=20, help="training steps in a turn")
    parser.add_argument("--write", action="store_true", help=f"keep the tables in {README.name}")
    arguments = parser.parse_args()
    side_by_side.use_one_core()
    sections = []
    for task in comparison_tasks(arguments.steps):
        sections.append(training_step.compare(task, ["PyTorch"], arguments.rounds))
        print(sections[-1], end="\n\n", flush=True)
    for optimizer in OPTIMIZERS:
        sections.append(compare_update(optimizer, arguments.rounds))
        print(sections[-1], end="\n\n", flush=True)
    sections.append(side_by_side.conditions(arguments.rounds, ["numpy", "torch"]))
    print(sections[-1])
    if arguments.write:
        side_by_side.write_section(README, "optimizers", "\n\n".join(sections))


if __name__ == "__main__":
    main()
