"""Checkpoints: a run that was killed goes on as if nothing had happened."""

import os
from dataclasses import fields
from inspect import signature

import numpy as np

from companion._checks import check_count
from companion._files import read_file, write_file
from companion.callbacks import Callback, LearningRateSchedule

FORMAT = "companion checkpoint 1"


class Checkpoint(Callback):
    """Write to `path` all that the run needs to go on; go on from there if the file exists.

    After a crash, run the same program again: it continues behind the last epoch written, and ends
    with the weights and the history that it would have had, equal to the bit. Saved are the
    parameters, BatchNorm's statistics, the optimizer's memory, the place in the learning-rate
    schedule, the states of all generators, the history, and what other callbacks remember. Not
    saved are the data: give the same ones.

    A write that is interrupted leaves the file before it. A damaged file, a foreign one, or one of
    another run raises ValueError before anything is trained, and stays as it is. Files hold JSON
    and arrays, no code: they are safe to load.

    Parameters
    ----------
    path : str or Path
        The file, renewed again and again.
    every : int, default 1
        Epochs from one checkpoint to the next; the end of the run always makes one.

    Examples
    --------
    It has to be the last callback, since it saves what the others remember:

    >>> from companion.callbacks import EarlyStopping
    >>> callbacks = [EarlyStopping(patience=5), Checkpoint("run.npz", every=10)]
    """

    def __init__(self, path, every=1):
        check_count("every", every)
        self.path, self.every = os.fspath(path), every

    def on_start(self, run):
        if run.callbacks[-1] is not self:
            raise ValueError(
                "callbacks must end with Checkpoint: it saves what the others remember"
            )
        if not os.path.isdir(os.path.dirname(os.path.abspath(self.path))):
            raise FileNotFoundError(f"path must be in a folder that exists, got {self.path}")
        pack(_state(run), [])  # what cannot be saved is noticed now, not after an hour
        if os.path.exists(self.path):
            identity, state = read_file(self.path, FORMAT, "Checkpoint", _read)
            self._check_same_run(identity, _identity(run))
            if state["run"]["epoch"] > run.epochs:
                done = state["run"]["epoch"]
                raise ValueError(
                    f"epochs must be at least the {done} that {self.path} has, got {run.epochs}"
                )
            _restore(run, state)

    def on_epoch(self, run):
        if run.epoch % self.every == 0 or run.stop or run.epoch == run.epochs:
            arrays = []
            header = {"format": FORMAT, "identity": _identity(run)}
            header["state"] = pack(_state(run), arrays)
            write_file(self.path, header, {f"array {i}": array for i, array in enumerate(arrays)})

    def _check_same_run(self, there, here):
        for name in here:
            if there.get(name) != here[name]:
                raise ValueError(
                    f"{self.path} is the checkpoint of another run: its {name} is "
                    f"{there.get(name)}, here it is {here[name]}; give another path, or delete it"
                )


def _identity(run):
    """Return what must be the same when a run goes on, as JSON."""
    optimizer = run.optimizer
    settings = {field.name: getattr(optimizer, field.name) for field in fields(optimizer)}
    settings = {name: value for name, value in settings.items() if name not in ("lr", "decayed")}
    if not any(isinstance(callback, LearningRateSchedule) for callback in run.callbacks):
        settings["lr"] = run.settings["lr"]
    return {
        "network": run.network.architecture(),
        "optimizer": {"type": type(optimizer).__name__} | settings,
        "generators": [type(each.bit_generator).__name__ for each in _generators(run)],
        "callbacks": [_settings(callback) for callback in _with_memory(run)],
    } | {name: value for name, value in run.settings.items() if name != "lr"}


def _with_memory(run):
    """Return the callbacks that remember something."""
    return [callback for callback in run.callbacks if callback.state]


def _settings(callback):
    """Return the kind of a callback and what it was made with, if it keeps that by its name."""
    names = signature(type(callback)).parameters
    settings = {name: getattr(callback, name, None) for name in names}
    settings = {name: value for name, value in settings.items() if _is_plain(value)}
    return {"type": type(callback).__name__} | settings


def _is_plain(value):
    return value is None or isinstance(value, int | float | str)


def _generators(run):
    """Return fit's generator and those of the layers; one that is shared comes several times."""
    own = [getattr(layer, "rng", None) for layer in run.network.layers]
    return [run.rng, *(each for each in own if each is not None)]


PLACE = ("epoch", "update", "loss", "lr", "history", "stop")  # where a run stands


def _state(run):
    """Return everything that training changes."""
    memory = vars(run.optimizer).items()
    return {
        "network": run.network.arrays(),
        "optimizer": {name: value for name, value in memory if not isinstance(value, slice)},
        "generators": [each.bit_generator.state for each in _generators(run)],
        "callbacks": [{name: getattr(c, name) for name in c.state} for c in _with_memory(run)],
        "run": {name: getattr(run, name) for name in PLACE},
    }


def _restore(run, state):
    """Put the run where the state was taken."""
    run.network.restore(state["network"])
    vars(run.optimizer).update(state["optimizer"])
    for generator, saved in zip(_generators(run), state["generators"], strict=True):
        generator.bit_generator.state = saved
    for callback, saved in zip(_with_memory(run), state["callbacks"], strict=True):
        vars(callback).update(saved)
    vars(run).update(state["run"])


def _read(header, arrays):
    return header["identity"], unpack(header["state"], arrays)


def pack(value, arrays):
    """Return `value` as JSON; append its arrays to the list `arrays`.

    A dict becomes ``{"dict": ...}``, an array ``{"array": index}``, and numbers that JSON does not
    know ``{"float": "nan"}``. Floats come back equal to the bit.

    >>> arrays = []
    >>> pack({"v": np.zeros(3), "best": np.inf, "t": 1}, arrays)
    {'dict': {'v': {'array': 0}, 'best': {'float': 'inf'}, 't': 1}}
    """
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise TypeError(f"a dict in a state must have text as keys, got {list(value)}")
        return {"dict": {name: pack(each, arrays) for name, each in value.items()}}
    if isinstance(value, list | tuple):
        return [pack(each, arrays) for each in value]
    value = value.item() if isinstance(value, np.generic) else value
    if not _is_plain(value):
        raise TypeError(f"a state must hold numbers, text, arrays, lists and dicts, got {value!r}")
    return value if not isinstance(value, float) or np.isfinite(value) else {"float": repr(value)}


def unpack(value, arrays):
    """Return what `pack` made into `value` and `arrays`, now by name: ``"array 0"`` and so on."""
    if isinstance(value, list):
        return [unpack(each, arrays) for each in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "dict":
        return {name: unpack(each, arrays) for name, each in content.items()}
    return arrays[f"array {content}"] if kind == "array" else float(content)
