"""Checkpoints: a run that was interrupted anywhere ends as if it had not been, equal to the bit."""

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from companion.callbacks import Callback, EarlyStopping, LearningRateSchedule
from companion.checkpoints import FORMAT, Checkpoint, pack, unpack
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp
from companion.schedules import cosine
from companion.training import fit

ROOT = Path(__file__).parents[1]


class Interrupt(Callback):
    """Stop the program after so many updates, as Ctrl-C does."""

    def __init__(self, after):
        self.after = after

    def on_update(self, run):
        if run.update == self.after:
            raise KeyboardInterrupt


class Counter(Callback):
    """Remember one thing, and count another one that is nobody's business."""

    state = ("epochs",)

    def __init__(self):
        self.epochs = self.updates = 0

    def on_update(self, run):
        self.updates += 1

    def on_epoch(self, run):
        self.epochs += 1


def start(
    path,
    optimizer=None,
    seed=0,
    epochs=6,
    interrupt=10**9,
    patience=2,
    sizes=(4, 5, 3),
    scheduled=True,
):
    """Begin, or go on with, a run of 6 updates in an epoch; return the network and the history."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(40, 4)), rng.integers(0, 3, 40)
    network = mlp(sizes, batch_norm=True, dropout=0.25, rng=rng)
    # The generator of fit is another one than that of dropout.
    history = fit(
        network,
        softmax_cross_entropy,
        optimizer or Adam(lr=0.01),
        x[:30],
        y[:30],
        epochs=epochs,
        batch_size=5,
        rng=np.random.default_rng([seed, 1]),
        validation=(x[30:], y[30:]),
        callbacks=[
            *([LearningRateSchedule(falling)] if scheduled else []),
            EarlyStopping(patience=patience),
            Counter(),
            Interrupt(interrupt),
            Checkpoint(path),
        ],
    )
    return network, history


def falling(update):
    return cosine(update, lr=0.02, total=36)


def everything(network):
    return {name: array.tobytes() for name, array in network.arrays().items()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


@pytest.mark.parametrize("type_", [SGD, Momentum, Nesterov, AdaGrad, RMSProp, Adam, AdamW])
@pytest.mark.parametrize("patience", [1, 6], ids=["stops early", "to the end"])
def test_an_interrupted_run_ends_like_one_that_was_not(path, tmp_path, type_, patience):
    whole, expected = start(tmp_path / "whole", type_(lr=0.02), patience=patience)
    for update in (3, 6, 7, 17):  # before the first checkpoint, at one, after one, later
        with pytest.raises(KeyboardInterrupt):
            start(path, type_(lr=0.02), interrupt=update, patience=patience)
    network, history = start(path, type_(lr=0.02), patience=patience)
    assert history == expected
    assert everything(network) == everything(whole)
    again, history = start(path, type_(lr=0.02), patience=patience)  # nothing is left to do
    assert (history, everything(again)) == (expected, everything(whole))


def test_early_stopping_goes_on_counting(path, tmp_path):
    """With random labels the validation loss rises soon: the runs above do stop early."""
    _, history = start(tmp_path / "whole", SGD(lr=0.02), patience=1)
    assert len(history) < 6


def test_a_finished_run_can_be_made_longer(path, tmp_path):
    start(path, epochs=3, patience=9)
    network, history = start(path, epochs=6, patience=9)
    whole, expected = start(tmp_path / "whole", epochs=6, patience=9)
    assert history == expected
    assert everything(network) == everything(whole)


def test_every_other_epoch_and_the_last_are_written(path, rng):
    written = []

    class Watch(Checkpoint):
        def on_epoch(self, run):
            super().on_epoch(run)
            written.append((run.epoch, path.stat().st_mtime_ns if path.exists() else None))

    x, y = rng.normal(size=(8, 2)), np.arange(8) % 2
    plan = {"epochs": 5, "batch_size": 4, "rng": rng}
    network = mlp([2, 2], rng=rng)
    fit(network, softmax_cross_entropy, SGD(), x, y, **plan, callbacks=[Watch(path, every=2)])
    times = [time for _, time in written]
    assert [new != old for new, old in zip(times, [None, *times], strict=False)] == [
        *[False, True, False, True, True]
    ]


@pytest.mark.parametrize("cut", [0, 1, 100, 0.5, 0.99])
def test_a_torn_file_is_refused_and_kept(path, cut):
    start(path, epochs=2)
    content = path.read_bytes()
    torn = content[: cut if isinstance(cut, int) else int(cut * len(content))]
    path.write_bytes(torn)
    expected = re.escape(f"{path} must be a whole file written by Checkpoint")
    with pytest.raises(ValueError, match=expected):
        start(path)
    assert path.read_bytes() == torn


@pytest.mark.parametrize(
    "content", [b"epoch,loss\n1,0.5\n", b"\x80\x04]\x94.", b""], ids=["text", "pickle", "empty"]
)
def test_a_foreign_file_is_refused_and_kept(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match="must be a whole file written by Checkpoint"):
        start(path)
    assert path.read_bytes() == content


def test_a_saved_network_is_no_checkpoint(path, rng):
    mlp([2, 2], rng=rng).save(path)
    with pytest.raises(ValueError, match=r"format 'companion network 1'"):
        start(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": SGD()}, r"its optimizer is \{'type': 'Adam'.*here it is \{'type': 'SGD'"),
        ({"optimizer": Adam(beta1=0.5)}, r"its optimizer is .*'beta1': 0\.9.*'beta1': 0\.5"),
        ({"sizes": (4, 6, 3)}, r"its network is .*'n_out': 5.*'n_out': 6"),
        ({"optimizer": Adam(0.1), "scheduled": False}, r"its optimizer is .*'lr': 0\.01.*0\.1"),
        ({"patience": 3}, r"its callbacks is .*'patience': 2.*'patience': 3"),
        ({"epochs": 1}, r"epochs must be at least the 2 that .* has, got 1"),
    ],
    ids=["optimizer", "setting", "network", "rate", "callback", "epochs"],
)
def test_another_run_is_refused_before_anything_is_trained(path, changes, message):
    start(path, epochs=2, scheduled=changes.get("scheduled", True))
    content = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        start(path, **changes)
    assert path.read_bytes() == content


@pytest.mark.parametrize("broken", ["savez", "replace"])
def test_a_full_disk_leaves_the_checkpoint_before(path, tmp_path, monkeypatch, broken):
    """The write fails halfway; what was there serves, and leads to the same end."""
    start(path, epochs=2)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(np if broken == "savez" else os, broken, fail_halfway)
        with pytest.raises(OSError, match="no space left"):
            start(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]
    assert start(path)[1] == start(tmp_path / "whole")[1]


def fail_halfway(file, *arguments, **arrays):
    if not isinstance(file, str):
        file.write(b"half of it")
    raise OSError("no space left on device")


def test_it_must_come_last(path, rng):
    x, y = np.zeros((4, 2)), np.zeros(4, int)
    plan = {"epochs": 1, "batch_size": 2, "rng": rng, "callbacks": [Checkpoint(path), Callback()]}
    with pytest.raises(ValueError, match="callbacks must end with Checkpoint"):
        fit(mlp([2, 2], rng=rng), softmax_cross_entropy, SGD(), x, y, **plan)


def test_a_folder_that_is_missing_is_noticed_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"path must be in a folder that exists, got .*run"):
        start(tmp_path / "missing" / "run.npz", interrupt=1)


@pytest.mark.parametrize("value", [{1, 2}, {1: "one"}, object()], ids=["set", "key", "object"])
def test_a_state_that_cannot_be_saved_is_noticed_at_once(path, rng, value):
    class Odd(Callback):
        state = ("memory",)
        memory = value

    x, y = np.zeros((4, 2)), np.zeros(4, int)
    plan = {"epochs": 1, "batch_size": 2, "rng": rng, "callbacks": [Odd(), Checkpoint(path)]}
    network = mlp([2, 2], rng=rng)
    before = network.params.copy()
    with pytest.raises(TypeError, match="state must h"):
        fit(network, softmax_cross_entropy, SGD(), x, y, **plan)
    np.testing.assert_array_equal(network.params, before)


@pytest.mark.parametrize("every", [0, -1, 1.5])
def test_every_must_be_a_count(path, every):
    with pytest.raises(ValueError, match=f"every must be an integer of at least 1, got {every}"):
        Checkpoint(path, every=every)


def test_the_file_holds_no_pickle(path):
    start(path, epochs=1)
    with np.load(path, allow_pickle=False) as file:
        assert {file[name].dtype.kind for name in file.files} <= set("fU")
        assert json.loads(str(file["header"]))["format"] == FORMAT


numbers = st.one_of(st.none(), st.booleans(), st.integers(-(2**128), 2**128), st.floats())
trees = st.recursive(
    numbers | st.text() | arrays(np.float64, st.integers(0, 3)),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(value=trees)
def test_what_is_packed_comes_back_equal_to_the_bit(value):
    put_aside = []
    text = json.dumps(pack(copy.deepcopy(value), put_aside), allow_nan=False)
    named = {f"array {i}": array for i, array in enumerate(put_aside)}
    assert same(unpack(json.loads(text), named), value)


def same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return one.tobytes() == other.tobytes()
    return type(one) is type(other) and repr(one) == repr(other)


def test_killed_processes():
    """Real processes and real SIGKILLs at random moments; ``make kills`` makes 200."""
    command = [sys.executable, ROOT / "tools" / "kill_and_resume.py", "--kills", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "everything ended as if never killed" in done.stdout
