"""Kill training processes at random moments, resume each run, and compare it with one never killed.

A run has dropout, BatchNorm, Adam, a schedule, early stopping, and a checkpoint after every epoch.
Each is killed (SIGKILL) one to three times, then finished. No checkpoint may be unreadable, and
every run must end with the weights and the history of the uninterrupted one, equal to the bit.
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read once, when NumPy is imported

import numpy as np

from companion._files import read_file
from companion.callbacks import EarlyStopping, LearningRateSchedule
from companion.checkpoints import FORMAT, Checkpoint
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import Adam
from companion.schedules import cosine
from companion.training import fit


def train(path):
    """Make the run, or what is left of it, and return everything that it leads to."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 20)), rng.integers(0, 3, 200)
    network = mlp([20, 30, 30, 3], batch_norm=True, dropout=0.2, rng=rng)
    history = fit(
        network,
        softmax_cross_entropy,
        Adam(),
        x[:150],
        y[:150],
        epochs=60,
        batch_size=25,
        rng=rng,
        validation=(x[150:], y[150:]),
        callbacks=[
            LearningRateSchedule(lambda update: cosine(update, lr=0.01, total=360)),
            EarlyStopping(patience=50),
            Checkpoint(path),
        ],
    )
    return [array.tobytes() for array in network.arrays().values()], history


def kill_after(seconds, path):
    """Train in a process of its own, kill it then; return whether it was still running."""
    child = os.fork()
    if child == 0:
        try:
            train(path)
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main():
    """Kill and resume runs until there were enough kills; say how often what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    counts = dict.fromkeys(["kills", "before the first checkpoint", "while writing", "runs"], 0)
    with TemporaryDirectory() as folder:
        begin = time.monotonic()
        expected = train(Path(folder, "never killed"))
        duration = time.monotonic() - begin
        while counts["kills"] < arguments.kills:
            path = Path(folder, f"run {counts['runs']}")
            for _ in range(rng.integers(1, 4)):
                if not kill_after(rng.uniform(0, duration), path):
                    break
                counts["kills"] += 1
                counts["while writing"] += os.path.exists(f"{path}.partial")
                if path.exists():
                    read_file(path, FORMAT, "Checkpoint", lambda header, arrays: None)
                else:
                    counts["before the first checkpoint"] += 1
            counts["runs"] += 1
            if train(path) != expected:
                sys.exit(f"run {counts['runs']} differs from the run that was never killed")
    print("; ".join(f"{name}: {count}" for name, count in counts.items()))
    print("every checkpoint was readable, every run ended like the one that was never killed")


if __name__ == "__main__":
    main()
