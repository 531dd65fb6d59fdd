"""What happens between the updates.

``fit`` calls every callback at four moments and hands it the `Run` as it stands. A callback is a
subclass of `Callback` with the moments it cares about.
"""

import math
import sys
from multiprocessing import parent_process

from tqdm import tqdm

from companion._checks import check_count


class Callback:
    """Four moments of a run, each given the `Run`; all do nothing.

    What a callback must remember when a run is resumed, it names in `state`: attributes that hold
    numbers, arrays, None, or lists and dicts of these.
    """

    state = ()

    def on_start(self, run):
        """Before the first update."""

    def on_update(self, run):
        """After each update; ``run.loss`` is the loss of its minibatch, before the update."""

    def on_epoch(self, run):
        """After each epoch; ``run.history[-1]`` is its record."""

    def on_end(self, run):
        """After the run, also when it ends in an error."""


class DivergenceError(ArithmeticError):
    """The loss is no longer finite. ``history`` holds the records of the finished epochs."""

    def __init__(self, message, history=()):
        super().__init__(message)
        self.history = list(history)


class DivergenceGuard(Callback):
    """Stop a run as soon as its loss is infinite or not a number. `fit` always has one."""

    def on_update(self, run):
        self._check(run, run.loss, run.history)

    def on_epoch(self, run):
        *finished, record = run.history  # the last update may have been the fatal one
        self._check(run, record["train_loss"], finished)

    def _check(self, run, loss, history):
        if not math.isfinite(loss):
            raise DivergenceError(
                f"the training loss is {loss} in epoch {run.epoch}, update {run.update} "
                f"(learning rate {run.optimizer.lr:g}): the run has diverged; lower the learning "
                f"rate, or look at the data and the initial weights",
                history,
            )


class LearningRateSchedule(Callback):
    """Set the learning rate before each update to that of a schedule.

    `schedule` takes the number of steps made, returns the learning rate of the next; with
    `per_epoch` a step is an epoch, not an update.

    >>> from companion.schedules import cosine
    >>> falling = LearningRateSchedule(lambda update: cosine(update, lr=0.1, total=600))
    """

    def __init__(self, schedule, per_epoch=False):
        self.schedule, self.per_epoch = schedule, per_epoch

    def on_start(self, run):
        self.on_update(run)

    def on_update(self, run):
        step = run.update // run.updates_per_epoch if self.per_epoch else run.update
        run.optimizer.lr = float(self.schedule(step))


class EarlyStopping(Callback):
    """Stop when a run has not improved for a while, and keep its best weights (goodfellow2016).

    Parameters
    ----------
    patience : int
        Epochs without improvement after which the run ends, at least 1.
    metric : str, default "validation_loss"
        What to watch, a key of the history's records. An accuracy is to rise, others are to fall.

    When the run ends, the network gets back the weights and BatchNorm's statistics of its best
    epoch, whose number is in ``best_epoch``. Equal is no improvement.

    Examples
    --------
    >>> callback = EarlyStopping(patience=5, metric="validation_accuracy")
    """

    state = ("best", "best_epoch", "best_arrays")

    def __init__(self, patience, metric="validation_loss"):
        check_count("patience", patience)
        self.patience, self.metric = patience, metric

    def on_start(self, run):
        self.best, self.best_epoch, self.best_arrays = math.inf, 0, None

    def on_epoch(self, run):
        record = run.history[-1]
        if self.metric not in record:
            raise ValueError(f"metric must be one of {list(record)}, got {self.metric!r}")
        value = record[self.metric] * (-1 if self.metric.endswith("accuracy") else 1)
        if value < self.best:
            self.best, self.best_epoch = value, run.epoch
            self.best_arrays = {name: a.copy() for name, a in run.network.arrays().items()}
        run.stop = run.stop or run.epoch - self.best_epoch >= self.patience

    def on_end(self, run):
        if self.best_arrays is not None:
            run.network.restore(self.best_arrays)


class Progress(Callback):
    """Show a bar while a person watches, and nothing otherwise. `fit` always has one.

    A person watches at a terminal, and at a notebook whose cell was run by hand: then the kernel
    may ask for input, which programs that execute notebooks do not allow. The bar goes when the run
    ends.
    """

    def on_start(self, run):
        self.bar = progress_bar(run.epochs * run.updates_per_epoch, "update")

    def on_update(self, run):
        self.bar.update(run.update - self.bar.n)  # a resumed run does not begin at 0

    def on_epoch(self, run):
        self.bar.set_postfix(epoch=run.epoch, loss=f"{run.history[-1]['train_loss']:.3f}")

    def on_end(self, run):
        self.bar.close()


def progress_bar(total, unit):
    """Return a bar of tqdm over `total` steps, each a `unit`, or `NoBar` if no person watches."""
    if not someone_watches():
        return NoBar()
    file = None if sys.stderr.isatty() else NotebookOutput()
    return tqdm(total=total, unit=unit, leave=False, file=file)


class NoBar:
    """Shows nothing, and shares nothing.

    Even a disabled bar of tqdm takes a lock that a process shares with those it has started: one
    that is killed while it holds the lock would stop all others.
    """

    n = 0

    def _ignore(self, *values, **named):
        """Do nothing, whatever the `values` and the `named` ones are."""

    update = set_postfix = close = _ignore


def someone_watches():
    """Return whether a person sees what this process writes to the standard error stream now."""
    if parent_process() is not None:  # a worker, whose bar would disturb the one of its search
        return False
    if "IPython" in sys.modules:
        kernel = getattr(sys.modules["IPython"].get_ipython(), "kernel", None)
        if kernel is not None:
            return bool(getattr(kernel, "_allow_stdin", False))
    return sys.stderr is not None and sys.stderr.isatty()


class NotebookOutput:
    """A file for tqdm: shows what is written last in an output of its own, which can be emptied.

    A stream cannot: overwritten with spaces, it stays in the notebook, and is saved with it.
    """

    def __init__(self):
        ipython = sys.modules["IPython"]  # not imported: companion works without it
        self.output = ipython.display.display({}, raw=True, display_id=True)

    def write(self, text):
        """Show the text, or nothing if it is blank."""
        text = text.strip()
        self.output.update({"text/plain": text} if text else {}, raw=True)

    def flush(self):
        """Do nothing: what is written is shown at once."""
