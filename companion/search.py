"""Hyperparameter search: configurations drawn from a space, tried one by one, each trial logged."""

import math
import time
from concurrent.futures import as_completed
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np

from companion._checks import check_count, check_positive
from companion.callbacks import DivergenceError, progress_bar
from companion.trial_log import Trial, TrialLog


@dataclass(frozen=True)
class Uniform:
    """Numbers from `low` to `high`, all equally likely.

    >>> Uniform(0.0, 0.5).sample(np.random.default_rng(0))
    0.31848084366072715
    """

    low: float
    high: float

    def __post_init__(self):
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low must be below high, both finite, got {self.low} and {self.high}")

    def sample(self, rng):
        """Return a number drawn with `rng`."""
        return float(rng.uniform(self.low, self.high))

    def to_unit(self, value):
        """Return where `value` lies: 0 at `low`, 1 at `high`."""
        return (value - self.low) / (self.high - self.low)

    def from_unit(self, unit):
        """Return the value at `unit`, the inverse of ``to_unit``."""
        return float(self.low + unit * (self.high - self.low))


@dataclass(frozen=True)
class LogUniform:
    """Positive numbers from `low` to `high`; their logarithms are equally likely.

    >>> [LogUniform(1e-6, 1e-2).from_unit(unit) for unit in (0, 0.5, 1)]
    [1e-06, 0.0001, 0.01]
    """

    low: float
    high: float

    def __post_init__(self):
        check_positive("low", self.low)
        if not (self.low < self.high < math.inf):
            raise ValueError(f"high must be finite and above low, {self.low}, got {self.high}")

    def sample(self, rng):
        """Return a number drawn with `rng`."""
        return self.from_unit(rng.uniform())

    def to_unit(self, value):
        """Return where the logarithm of `value` lies: 0 at `low`, 1 at `high`."""
        return math.log(value / self.low) / math.log(self.high / self.low)

    def from_unit(self, unit):
        """Return the value at `unit`, the inverse of ``to_unit``."""
        exponent = (1 - unit) * math.log10(self.low) + unit * math.log10(self.high)
        return float(10**exponent)


@dataclass(frozen=True)
class Choice:
    """One of some `options`, all equally likely.

    >>> Choice(["relu", "tanh"]).sample(np.random.default_rng(0))
    'tanh'
    """

    options: list

    def __post_init__(self):
        if not self.options:
            raise ValueError("options must not be empty, got []")

    def sample(self, rng):
        """Return an option drawn with `rng`."""
        return self.options[rng.integers(len(self.options))]


class Configurations(list):
    """A list of configurations that knows its `origin`: what a log must agree with."""

    def __init__(self, configurations, **origin):
        super().__init__(configurations)
        self.origin = origin


def random_configs(space, n, seed):
    """Return `n` configurations, each a dict, drawn independently from `space`.

    The configuration of trial i depends on `seed` and i only: a longer search begins with the
    trials of a shorter one.

    >>> space = {"lr": LogUniform(1e-6, 1e-2), "activation": Choice(["relu", "tanh"])}
    >>> random_configs(space, 2, seed=0) == random_configs(space, 5, seed=0)[:2]
    True
    """
    check_count("n", n)
    configurations = []
    for trial in range(n):
        rng = np.random.default_rng([seed, trial])
        configurations.append({name: values.sample(rng) for name, values in space.items()})
    described = {name: {type(each).__name__: asdict(each)} for name, each in space.items()}
    return Configurations(configurations, space=described, seed=seed)


def grid_configs(grid):
    """Return all combinations of the values in `grid`, a dict of lists; the last varies fastest.

    >>> grid_configs({"lr": [0.1, 0.01], "momentum": [0.8, 0.9]})[:2]
    [{'lr': 0.1, 'momentum': 0.8}, {'lr': 0.1, 'momentum': 0.9}]
    """
    for name, values in grid.items():
        if len(values) == 0:
            raise ValueError(f"grid must have values for every name, got none for {name!r}")
    combinations = product(*grid.values())
    configurations = [dict(zip(grid, values, strict=True)) for values in combinations]
    return Configurations(configurations, grid={name: list(each) for name, each in grid.items()})


def run_trials(objective, configs, log=None, executor=None):
    """Try every configuration, and return the trials in the order of `configs`.

    Parameters
    ----------
    objective : callable
        ``objective(config)`` returns a score, the higher the better, or a dict with ``score`` and
        what else is to be kept, such as ``history``, the learning curve from `fit`. One that fails
        or diverges is recorded, and the others go on.
    configs : list of dict
        From `random_configs` or `grid_configs`, or written by hand.
    log : str or Path, optional
        A file (JSON Lines) that gets a line as soon as a trial is over. If it exists, the search is
        resumed: what it holds is not tried again. Killing the search loses unfinished trials only.
    executor : concurrent.futures.Executor, optional
        Where the trials run: any pool of processes or threads, or a cluster; here, one after the
        other, if there is none.

    Returns
    -------
    list of Trial

    Raises
    ------
    ValueError
        If `log` belongs to another space, seed or grid, or is no log; it stays as it is.
    RuntimeError
        If another process is writing to `log`.
    OSError
        If `log` cannot be written, for example because the disk is full: what it holds is kept.
    """
    with TrialLog(log, configs) as done:
        waiting = {i: config for i, config in enumerate(configs) if i not in done.trials}
        with closing(progress_bar(len(configs), "trial")) as bar:
            bar.update(len(configs) - len(waiting))
            for trial in _outcomes(objective, waiting, executor):
                done.add(trial)
                bar.update()
        return [done.trials[i] for i in range(len(configs))]


def _outcomes(objective, waiting, executor):
    """Yield each trial when it is over."""
    if executor is None:
        for i, config in waiting.items():
            yield _try(objective, i, config)
        return
    futures = [executor.submit(_try, objective, i, config) for i, config in waiting.items()]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:  # if the search is stopped, so is what has not begun
        for future in futures:
            future.cancel()


def _try(objective, index, config):
    """Return the trial of one configuration, whatever becomes of it."""
    begin = time.perf_counter()
    trial = Trial(index, config, "finished")
    try:
        result = objective(dict(config))
        trial.details = dict(result) if isinstance(result, dict) else {"score": result}
        trial.score = float(trial.details.pop("score"))
        if not math.isfinite(trial.score):
            trial.status, trial.score = "diverged", None
    except DivergenceError as error:
        trial.status, trial.details, trial.error = (
            "diverged",
            {"history": error.history},
            str(error),
        )
    except Exception as error:  # one bad trial must not end the search
        trial.status, trial.score, trial.details = "failed", None, {}
        trial.error = f"{type(error).__name__}: {error}"
    trial.seconds = time.perf_counter() - begin
    return trial


def ranked(trials):
    """Return the finished trials, the best first.

    >>> trials = [
    ...     Trial(0, {}, "finished", 0.3),
    ...     Trial(1, {}, "diverged"),
    ...     Trial(2, {}, "finished", 0.8),
    ... ]
    >>> [trial.index for trial in ranked(trials)]
    [2, 0]
    """
    finished = [trial for trial in trials if trial.status == "finished"]
    return sorted(finished, key=lambda trial: -trial.score)


def narrow(trials, space, best=10):
    """Return a smaller space around the `best` trials: the next stage of a search.

    A range becomes that of the best values, wider on either side by their mean distance from one
    another: where the best lie at a border, the new range goes beyond it. A `Choice` keeps the
    options that occur among the best. Distances are those of the scale, linear or logarithmic.

    >>> space = {"lr": LogUniform(1e-4, 1)}
    >>> trials = [Trial(i, {"lr": 10.0**-i}, "finished", float(-i)) for i in range(5)]
    >>> narrow(trials, space, best=3)
    {'lr': LogUniform(low=0.001, high=10.0)}
    """
    check_count("best", best, least=2)
    chosen = ranked(trials)[:best]
    if len(chosen) < 2:
        raise ValueError(f"trials must hold at least 2 that finished, got {len(chosen)}")
    return {
        name: _narrow(values, [trial.config[name] for trial in chosen])
        for name, values in space.items()
    }


def _narrow(values, chosen):
    if isinstance(values, Choice):
        return Choice([option for option in values.options if option in chosen])
    units = sorted(values.to_unit(value) for value in chosen)
    margin = max((units[-1] - units[0]) / (len(units) - 1), 1e-9)
    low, high = values.from_unit(units[0] - margin), values.from_unit(units[-1] + margin)
    return type(values)(low, high)
