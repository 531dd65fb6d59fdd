"""How long one training step takes: companion, its bare matrix products, and its peers.

Prints a table for each task; with ``--write`` it also keeps them in benchmarks/README.md.
"""

import argparse
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read once, when NumPy is imported

import numpy as np
import peers
import side_by_side

from companion.data import load_mnist
from companion.layers import Dense
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD, Optimizer
from companion.training import QUIET, update

README = Path(__file__).parent / "README.md"
PRODUCTS = "matrix products alone"
PEERS = {
    "scikit-learn": peers.scikit_learn,
    "PyTorch": peers.pytorch,
    "JAX": peers.jax,
}
PACKAGES = ["numpy", "scipy", "scikit-learn", "torch", "jax"]
TOLERANCE = {np.float32: 1e-4, np.float64: 1e-8}


@dataclass(frozen=True)
class Task:
    """A network and the minibatches on which it makes one step each, in turn.

    Attributes
    ----------
    sizes : tuple of int
        Units of the input, of each hidden layer (ReLU), of the output.
    batch_norm : bool
    dtype : float32 or float64
    batches : list of pairs
        x (batch, n_in) of that dtype, y (batch,) integers.
    goals : dict
        By contestant, the multiple of companion's time that it should take, or more.
    optimizer : Optimizer
        An unused one; everybody takes one with its settings.
    """

    sizes: tuple
    batch_norm: bool
    dtype: type
    batches: list
    goals: dict
    optimizer: Optimizer = field(default_factory=lambda: SGD(lr=0.01))

    @property
    def title(self):
        """What the task is, for people."""
        n_in, *hidden, n_out = self.sizes
        extra = " with BatchNorm" if self.batch_norm else ""
        optimizer = type(self.optimizer).__name__
        return (
            f"{n_in}-{hidden[0]}×{len(hidden)}-{n_out}{extra}, {optimizer}, {self.dtype.__name__}"
        )

    @property
    def batch_size(self):
        """Samples in a minibatch."""
        return len(self.batches[0][0])

    def network(self):
        """Return a new companion network, always with the same weights."""
        rng = np.random.default_rng(0)
        return mlp(self.sizes, batch_norm=self.batch_norm, dtype=self.dtype, rng=rng)

    def weights(self):
        """Return the first weights as (W, b) of each dense layer, W (n_in, n_out)."""
        return [(layer.W, layer.b) for layer in self.network().layers if isinstance(layer, Dense)]


def make_tasks(n_batches, batch_size=100):
    """Return the four tasks: with and without BatchNorm, in single and in double precision."""
    (x, y), _ = load_mnist()
    slices = [slice(i * batch_size, (i + 1) * batch_size) for i in range(n_batches)]
    batches = {
        dtype: [(x[part].astype(dtype), y[part]) for part in slices]
        for dtype in (np.float32, np.float64)
    }
    plain, normalized = (784, *[100] * 6, 10), (784, *[100] * 5, 10)
    goals = {PRODUCTS: 0.8, "PyTorch": 1.5, "JAX": 1.0}
    return [
        Task(plain, False, np.float32, batches[np.float32], goals),
        Task(plain, False, np.float64, batches[np.float64], {}),
        Task(normalized, True, np.float32, batches[np.float32], {"JAX": 1.0}),
        Task(normalized, True, np.float64, batches[np.float64], {}),
    ]


def companion(task):
    """Return a function that makes the steps as ``companion.training.fit`` makes them."""
    network, optimizer = task.network(), replace(task.optimizer)

    @QUIET
    def steps():
        return [update(network, softmax_cross_entropy, optimizer, x, y) for x, y in task.batches]

    return steps


def matrix_products(task):
    """Return a function that makes the steps with everything left out but the matrix products."""
    weights = [W for W, _ in task.weights()]
    gradients = [np.empty_like(W) for W in weights]
    output_gradient = np.ones((task.batch_size, task.sizes[-1]), task.dtype)

    def step(x):
        activations = [x]
        for W in weights:
            activations.append(activations[-1] @ W)
        gradient = output_gradient
        for layer in reversed(range(len(weights))):
            np.matmul(activations[layer].T, gradient, out=gradients[layer])
            if layer > 0:  # nobody needs the gradient of the first layer's inputs
                gradient = gradient @ weights[layer].T

    return lambda: [step(x) for x, _ in task.batches]


def gather(task, chosen):
    """Return companion and the `chosen` peers, ready for `task`, and notes on who is missing."""
    contestants, notes = {"companion": companion(task)}, []
    for name in chosen:
        try:
            contestants[name] = PEERS[name](task)
        except ModuleNotFoundError as error:
            notes.append(f"{name} is skipped: {error.name} is not installed.")
        except NotImplementedError as error:
            notes.append(f"{name} is skipped: {error}.")
    return contestants, notes


def compare(task, chosen, rounds):
    """Return the section of the report on `task`."""
    contestants, notes = gather(task, chosen)
    for _ in range(2):  # the first pass also compiles what wants to be compiled
        losses = {name: float(np.mean(steps())) for name, steps in contestants.items()}
        side_by_side.check_agreement(losses, TOLERANCE[task.dtype])
    contestants = {PRODUCTS: matrix_products(task)} | contestants
    seconds = side_by_side.measure(contestants, rounds, np.random.default_rng(0))
    per_step = {name: times / len(task.batches) for name, times in seconds.items()}
    table = side_by_side.table(per_step, "companion", task.goals)
    return "\n\n".join([f"### {task.title}", table, *notes])


def main():
    """Measure every task; print the tables, and keep them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100, help="how often everyone has a turn")
    parser.add_argument("--steps", type=int, default=20, help="training steps in a turn")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--write", action="store_true", help=f"keep the tables in {README.name}")
    arguments = parser.parse_args()
    side_by_side.use_one_core()
    sections = []
    for task in make_tasks(arguments.steps):
        sections.append(compare(task, arguments.peers, arguments.rounds))
        print(sections[-1], end="\n\n", flush=True)
    sections.append(side_by_side.conditions(arguments.rounds, PACKAGES))
    print(sections[-1])
    if arguments.write:
        side_by_side.write_section(README, "training_step", "\n\n".join(sections))


if __name__ == "__main__":
    main()
