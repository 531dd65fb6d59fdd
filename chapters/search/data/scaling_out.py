"""The measurements of the page on scaling out: makes two tables that the page reads.

Run it from the project's root: ``python chapters/search/data/scaling_out.py``. It takes about two
minutes on two cores. A table that is there already is left alone; delete it to make it anew.

- scaling_out_threads.csv: what eight equal trials take in one process or two, each with one thread
  for linear algebra or two.
- scaling_out_overhead.csv: what so many trials take that do nothing, in two processes, of a pool or
  of a Dask cluster, with a log.

`seconds` are those of the clock, and grow with what else the machine does; `cpu_seconds` are the
processor time of all threads: of the trials in the first table; in the second of everything, the
handing out included. Every round is kept, with the machine on which it was made.
"""

import csv
import logging
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["OPENBLAS_NUM_THREADS"] = "2"  # the most that a trial may ask for

import numpy as np
from threadpoolctl import threadpool_limits

from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD
from companion.search import run_trials
from companion.training import fit

FOLDER = Path(__file__).parent
ROUNDS, TRIALS, NOTHINGS = 7, 8, 300


def multiply(config):
    """Train a wide network on noise for two epochs: nearly all of it is products of matrices."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1000, 784)), rng.integers(0, 10, 1000)
    network, plan = mlp([784, 500, 10], rng=rng), {"epochs": 2, "batch_size": 250, "rng": rng}
    with threadpool_limits(config["threads"], user_api="blas"):
        begin = time.process_time()
        fit(network, softmax_cross_entropy, SGD(0.01), x, y, **plan)
        return {"score": 0.0, "cpu_seconds": time.process_time() - begin}


def nothing(config):
    """Return at once, and say how much processor time this process has had so far."""
    return {"score": 0.0, "process": os.getpid(), "cpu_seconds": time.process_time()}


def pause(_):
    """Keep a process busy until the others have started, too."""
    time.sleep(2)


@contextmanager
def pool(workers):
    """Yield a pool of so many processes, all of them running."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
        wait([executor.submit(pause, i) for i in range(workers)])
        yield executor


@contextmanager
def dask():
    """Yield the executor of a Dask cluster of two processes on this machine."""
    from dask.distributed import Client, LocalCluster  # here, so that pools start without it

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    options["silence_logs"] = logging.CRITICAL
    with LocalCluster(processes=True, **options) as cluster, Client(cluster) as client:
        yield client.get_executor()


def search(objective, configs, executor):
    """Return the trials of a search, its seconds, and the processor time of this process."""
    with TemporaryDirectory() as folder:
        begin = time.perf_counter(), time.process_time()
        trials = run_trials(objective, configs, log=f"{folder}/trials.jsonl", executor=executor)
        taken = time.perf_counter() - begin[0], time.process_time() - begin[1]
    if any(trial.status != "finished" for trial in trials):
        raise RuntimeError(next(trial.error for trial in trials if trial.error))
    return trials, *taken


def threads_table():
    """Yield the rows of scaling_out_threads.csv."""
    yield ["processes", "threads", "round", "seconds", "cpu_seconds"]
    for workers in (1, 2):
        with pool(workers) as executor:
            for round_ in range(ROUNDS):
                for threads in (1, 2):
                    configs = [{"trial": i, "threads": threads} for i in range(TRIALS)]
                    trials, seconds, _ = search(multiply, configs, executor)
                    cpu_seconds = sum(trial.details["cpu_seconds"] for trial in trials)
                    yield [workers, threads, round_, f"{seconds:.4f}", f"{cpu_seconds:.4f}"]


def overhead_table():
    """Yield the rows of scaling_out_overhead.csv."""
    yield ["executor", "trials", "round", "seconds", "cpu_seconds"]
    for name, make in {"pool": lambda: pool(2), "dask": dask}.items():
        with make() as executor:
            for round_ in range(ROUNDS):
                configs = [{"trial": i} for i in range(NOTHINGS)]
                trials, seconds, cpu_seconds = search(nothing, configs, executor)
                for process in {trial.details["process"] for trial in trials}:
                    mine = [t.details for t in trials if t.details["process"] == process]
                    times = [details["cpu_seconds"] for details in mine]
                    cpu_seconds += max(times) - min(times)
                yield [name, NOTHINGS, round_, f"{seconds:.4f}", f"{cpu_seconds:.4f}"]


def machine():
    """Return the name of this machine's processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main():
    """Make the tables that are not there."""
    for name, table in {"threads": threads_table, "overhead": overhead_table}.items():
        path = FOLDER / f"scaling_out_{name}.csv"
        if path.exists():
            continue
        header, *rows = table()
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*header, "machine", "cores"])
            writer.writerows([*row, machine(), os.cpu_count()] for row in rows)


if __name__ == "__main__":
    main()
