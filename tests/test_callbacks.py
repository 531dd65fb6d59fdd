"""Learning-rate schedules in a run, and the progress bar: there for a person, gone afterwards."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from companion.callbacks import EarlyStopping, LearningRateSchedule, someone_watches
from companion.layers import Dense
from companion.losses import mean_squared_error
from companion.network import Network, mlp
from companion.optimizers import SGD
from companion.training import fit


class RateKeeper(SGD):
    """SGD that keeps the rates it was run with."""

    def step(self, params, grads):
        vars(self).setdefault("rates", []).append(self.lr)
        super().step(params, grads)


@pytest.mark.parametrize(
    ("per_epoch", "rates"),
    [
        (False, [1.0, 0.5, 1 / 3, 0.25, 0.2, 1 / 6]),
        (True, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5]),
    ],
    ids=["per update", "per epoch"],
)
def test_learning_rate_schedule(per_epoch, rates):
    """1/(1 + step) over two epochs of three updates."""
    optimizer = RateKeeper(lr=123.0)
    network = Network([Dense(1, 1)], rng=np.random.default_rng(0))
    schedule = LearningRateSchedule(lambda step: 1 / (1 + np.asarray(step)), per_epoch=per_epoch)
    history = fit(
        network,
        mean_squared_error,
        optimizer,
        np.zeros((6, 1)),
        np.zeros((6, 1)),
        epochs=2,
        batch_size=2,
        rng=np.random.default_rng(0),
        callbacks=[schedule],
    )
    assert optimizer.rates == pytest.approx(rates)
    assert type(optimizer.lr) is float
    if per_epoch:
        assert [record["lr"] for record in history] == [1.0, 0.5]


def watch(values, patience, metric="validation_loss"):
    """Let EarlyStopping see these values; return the epoch it ends at, its best, the weight left.

    The one weight of the network is the number of the epoch.
    """
    network = Network([Dense(1, 1)], rng=np.random.default_rng(0))
    run = SimpleNamespace(network=network, history=[], epoch=0, stop=False)
    callback = EarlyStopping(patience, metric)
    callback.on_start(run)
    for value in values:
        if run.stop:
            break
        run.epoch += 1
        network.params[:] = run.epoch
        run.history.append({metric: value})
        callback.on_epoch(run)
    callback.on_end(run)
    return run.epoch, callback.best_epoch, network.params[0]


@pytest.mark.parametrize(
    ("values", "patience", "ends", "best"),
    [
        ([3, 2, 1, 2, 3, 4], 2, 5, 3),
        ([3, 2, 1, 2, 3, 4], 1, 4, 3),
        ([3, 2, 1, 2, 0.5, 4], 2, 6, 5),
        ([3, 3, 3, 3], 2, 3, 1),  # equal is no improvement
        ([3, 2, 1], 1, 3, 3),
        ([2, np.nan, np.nan, 1], 2, 3, 1),
    ],
)
def test_early_stopping(values, patience, ends, best):
    assert watch(values, patience) == (ends, best, best)
    rising = [-value for value in values]
    assert watch(rising, patience, "validation_accuracy") == (ends, best, best)


def test_early_stopping_brings_back_batchnorms_statistics():
    network = mlp([1, 2, 1], batch_norm=True, rng=np.random.default_rng(0))
    run = SimpleNamespace(network=network, history=[{"validation_loss": 1.0}], epoch=1, stop=False)
    callback = EarlyStopping(patience=1)
    callback.on_start(run)
    callback.on_epoch(run)
    kept = network.layers[1].running_mean.copy()
    network.forward(np.array([[1.0], [5.0]]), training=True)
    assert np.any(network.layers[1].running_mean != kept)
    callback.on_end(run)
    np.testing.assert_array_equal(network.layers[1].running_mean, kept)


def test_early_stopping_asks_for_what_it_watches():
    run = SimpleNamespace(history=[{"train_loss": 1.0}])
    with pytest.raises(ValueError, match=r"must be one of \['train_loss'\], got 'validation_loss'"):
        EarlyStopping(patience=1).on_epoch(run)
    with pytest.raises(ValueError, match="patience must be an integer of at least 1, got 0"):
        EarlyStopping(patience=0)


PROGRAM = """
import sys
import numpy as np
from companion.layers import Dense
from companion.losses import mean_squared_error
from companion.network import Network, mlp
from companion.optimizers import SGD
from companion.training import fit

network = Network([Dense(1, 1)], rng=np.random.default_rng(0))
x = np.full((20, 1), 1e200 if "diverge" in sys.argv else 1.0)
fit(network, mean_squared_error, SGD(), x, x, epochs=3, batch_size=2, rng=np.random.default_rng(0))
"""


def run_program(stderr, *arguments):
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, timeout=60)


def run_at_terminal(*arguments):
    """Run the program at a pseudo-terminal; return its result and what the terminal was sent."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")  # on Unix only
    main, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    result = run_program(terminal, *arguments)
    os.write(terminal, b"<end>")
    written = b""
    while not written.endswith(b"<end>"):
        written += os.read(main, 10_000)
    os.close(terminal)
    os.close(main)
    return result, written.removesuffix(b"<end>").decode()


def show(written):
    """Return what is left to see of a line: a carriage return starts it again."""
    screen = ""
    for part in written.replace("\r\n", "\n").split("\r"):
        screen = part + screen[len(part) :]
    return screen


@pytest.mark.parametrize("arguments", [[], ["diverge"]], ids=["finished", "diverged"])
def test_progress_on_a_terminal_comes_and_goes(arguments):
    result, written = run_at_terminal(*arguments)
    assert "/30 [" in written
    assert result.stdout == b""
    assert "update" not in show(written.split("Traceback")[0])
    assert ("DivergenceError" in written) == bool(arguments)


def test_progress_is_silent_when_nobody_watches():
    result = run_program(subprocess.PIPE)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


class Terminal:
    def isatty(self):
        return True


class File:
    def isatty(self):
        return False


def notebook(allow_stdin):
    kernel = SimpleNamespace(_allow_stdin=allow_stdin)
    return SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=kernel))


@pytest.mark.parametrize(
    ("ipython", "stderr", "watched"),
    [
        (notebook(allow_stdin=True), File(), True),
        (notebook(allow_stdin=False), File(), False),
        (notebook(allow_stdin=False), Terminal(), False),
        (SimpleNamespace(get_ipython=lambda: None), Terminal(), True),
        (SimpleNamespace(get_ipython=lambda: None), File(), False),
        (None, Terminal(), True),
        (None, File(), False),
        (None, None, False),
    ],
    ids=[
        "notebook run by hand",
        "notebook executed by a program",
        "notebook executed from a terminal",
        "IPython loaded, at a terminal",
        "IPython loaded, into a file",
        "terminal",
        "file",
        "no standard error",
    ],
)
def test_who_watches(monkeypatch, ipython, stderr, watched):
    if ipython is None:
        monkeypatch.delitem(sys.modules, "IPython", raising=False)
    else:
        monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr(sys, "stderr", stderr)
    assert someone_watches() is watched


def test_nobody_watches_a_worker(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr("companion.callbacks.parent_process", lambda: "the search's process")
    assert not someone_watches()
