"""Kill processes at random moments, resume what they did, compare with one that was never killed.

What is killed is a training run with a checkpoint after every epoch (dropout, BatchNorm, Adam, a
schedule, early stopping), or a search with a log of its trials. Each is killed (SIGKILL) one to
three times, then finished. No file may be unreadable, and everything must end as in the process
that was never killed: weights and history, or trials, equal to the bit.
"""

import argparse
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read once, when NumPy is imported

import numpy as np

from companion._files import read_file
from companion.callbacks import EarlyStopping, LearningRateSchedule
from companion.checkpoints import FORMAT, Checkpoint
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD, Adam
from companion.schedules import cosine
from companion.search import LogUniform, random_configs, run_trials
from companion.training import fit
from companion.trial_log import TrialLog


def training(path):
    """Make the training run, or what is left of it, and return everything that it leads to."""
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


CONFIGS = random_configs({"lr": LogUniform(1e-3, 100)}, 60, seed=0)  # some of them diverge


def search(path):
    """Make the search, or what is left of it, and return its trials, without their seconds."""
    return [replace(trial, seconds=0) for trial in run_trials(_objective, CONFIGS, log=path)]


def _objective(config):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 5)), rng.integers(0, 2, 60)
    plan = {"epochs": 3, "batch_size": 20, "rng": rng}
    history = fit(mlp([5, 4, 2], rng=rng), softmax_cross_entropy, SGD(config["lr"]), x, y, **plan)
    return {"score": history[-1]["train_accuracy"], "history": history}


def read(path):
    """Raise unless the file is a whole checkpoint, or a log with at most its last line torn."""
    if path.name.startswith("search"):
        with TrialLog(path, CONFIGS):
            return
    read_file(path, FORMAT, "Checkpoint", lambda header, arrays: None)


def kill_after(seconds, subject, path):
    """Let a process of its own work, kill it then; return whether it was still running."""
    child = os.fork()
    if child == 0:
        try:
            subject(path)
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def kill_and_resume(subject, kills, rng, folder):
    """Kill `subject` so often, resuming it; return how often what was seen."""
    counts = dict.fromkeys(["kills", "before the first file", "amid a write", "finished"], 0)
    name = subject.__name__
    begin = time.monotonic()
    expected = subject(folder / f"{name}, never killed")
    duration = time.monotonic() - begin
    while counts["kills"] < kills:
        path = folder / f"{name} {counts['finished']}"
        for _ in range(rng.integers(1, 4)):
            if not kill_after(rng.uniform(0, duration), subject, path):
                break
            counts["kills"] += 1
            counts["amid a write"] += os.path.exists(f"{path}.partial") or is_torn(path)
            if path.exists():
                read(path)
            else:
                counts["before the first file"] += 1
        counts["finished"] += 1
        if subject(path) != expected:
            sys.exit(f"{name} {counts['finished']} differs from the one that was never killed")
    return counts


def is_torn(path):
    """Return whether the last line of a log has no end."""
    content = path.read_bytes() if path.exists() else b""
    return path.name.startswith("search") and content != b"" and not content.endswith(b"\n")


def main():
    """Kill and resume both kinds; say how often what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    with TemporaryDirectory() as folder:
        for subject in (training, search):
            counts = kill_and_resume(subject, arguments.kills, rng, Path(folder))
            print(f"{subject.__name__}:", ", ".join(f"{n} {what}" for what, n in counts.items()))
    print("every file was readable, everything ended as if never killed")


if __name__ == "__main__":
    main()
