"""Bad input: an error that names the argument, the value and what was expected; nothing changed.

Each row of the tables is a mistake and what the message must say; " ... " stands for any words.
"""

import copy
import re

import numpy as np
import pytest

from companion import initializers, schedules
from companion.callbacks import Callback
from companion.data import minibatches, one_hot, split
from companion.initializers import normal, uniform
from companion.landscapes import RAVINE, descend
from companion.layers import BatchNorm, Dense, Dropout, ReLU
from companion.losses import binary_cross_entropy, mean_squared_error, softmax_cross_entropy
from companion.network import Network, mlp
from companion.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp
from companion.training import evaluate, fit

NAN, INF = np.nan, np.inf
X = np.random.default_rng(0).normal(size=(12, 3))
Y = np.array([0, 1] * 6)
LEGACY = np.random.RandomState(0)


def rng():
    return np.random.default_rng(0)


def changed(array, value, place=(0,)):
    """Return a copy of `array` with `value` at `place`."""
    array = np.array(array, dtype=np.result_type(array, type(value)))
    array[place] = value
    return array


def says(message):
    """Return the pattern of a message with gaps."""
    return ".*".join(re.escape(part) for part in message.split(" ... "))


def rows(wrong_values, wrong_types):
    """Return the rows of two tables with the errors that they must raise."""
    tables = ((wrong_values, ValueError), (wrong_types, TypeError))
    return [
        pytest.param(mistake, error, message, id=name)
        for table, error in tables
        for name, (mistake, message) in table.items()
    ]


class Refuse(Callback):
    """Fails the test if any work is done."""

    def on_update(self, run):
        pytest.fail("an update was made")


WRONG_VALUES_IN_FIT = {
    "x with one feature too many": (
        {"x": np.ones((12, 4))},
        "x must have shape (n, 3), got (12, 4)",
    ),
    "x with one dimension": ({"x": X[:, 0]}, "x must have shape (n, 3), got (12,)"),
    "images, not vectors": ({"x": np.ones((12, 3, 3))}, "x must have shape (n, 3), got (12, 3, 3)"),
    "x and y of different lengths": (
        {"y": Y[:-1]},
        "x and y must have the same length, got 12 and 11",
    ),
    "x empty": ({"x": X[:0], "y": Y[:0]}, "x must not be empty, got shape (0, 3)"),
    "NaN in x": (
        {"x": changed(X, NAN, (3, 1))},
        "x must be finite, got 1 values that are NaN or infinite",
    ),
    "infinity in x": (
        {"x": changed(changed(X, -INF, (3, 1)), INF, (4, 2))},
        "x must be finite, got 2 values",
    ),
    "label too large": ({"y": changed(Y, 2)}, "must be in 0..1 ... from 0 to 2"),
    "label negative": ({"y": changed(Y, -1)}, "must be in 0..1 ... from -1 to 1"),
    "labels as a column": ({"y": Y[:, None]}, "labels must have shape ... 1)"),
    "NaN in labels": ({"y": changed(Y, NAN)}, "y must be finite, got 1 values"),
    "targets of another shape than the outputs": (
        {"loss": mean_squared_error, "y": np.zeros((12, 1))},
        "outputs and targets must have the same shape ... 2) and ( ... 1)",
    ),
    "batch_size 0": ({"batch_size": 0}, "batch_size must be an integer of at least 1, got 0"),
    "batch_size negative": (
        {"batch_size": -4},
        "batch_size must be an integer of at least 1, got -4",
    ),
    "batch_size a float": (
        {"batch_size": 4.0},
        "batch_size must be an integer of at least 1, got 4.0",
    ),
    "batch_size a bool": (
        {"batch_size": True},
        "batch_size must be an integer of at least 1, got True",
    ),
    "batch_size larger than the data": (
        {"batch_size": 13},
        "batch_size must be at most the 12 samples, got 13",
    ),
    "batch_size 1 with BatchNorm": (
        {"batch_size": 1},
        "batch_size must leave BatchNorm at least 2 samples ... got 1 for 12 samples",
    ),
    "a last batch of one with BatchNorm": (
        {"batch_size": 11},
        "batch_size must leave BatchNorm at least 2 samples ... got 11 for 12 samples",
    ),
    "epochs 0": ({"epochs": 0}, "epochs must be an integer of at least 1, got 0"),
    "epochs a float": ({"epochs": 2.5}, "epochs must be an integer ... got 2.5"),
    "weight_decay negative": (
        {"weight_decay": -0.1},
        "weight_decay must be a number of at least 0, got -0.1",
    ),
    "weight_decay NaN": (
        {"weight_decay": NAN},
        "weight_decay must be a number of at least 0, got nan",
    ),
    "NaN in validation x": (
        {"validation": (changed(X, NAN, (0, 0)), Y)},
        "validation x must be finite, got 1 values",
    ),
    "validation of different lengths": (
        {"validation": (X, Y[:5])},
        "validation x and validation y must have the same length, got 12 and 5",
    ),
    "validation of another width": (
        {"validation": (X[:, :2], Y)},
        "validation x must have shape (n, 3), got (12, 2)",
    ),
    "validation label too large": (
        {"validation": (X, changed(Y, 7))},
        "validation ... must be in 0..1 ... from 0 to 7",
    ),
    "validation empty": (
        {"validation": (X[:0], Y[:0])},
        "validation x must not be empty, got shape (0, 3)",
    ),
}

WRONG_TYPES_IN_FIT = {
    "x of text": ({"x": np.array([["a"] * 3] * 12)}, "x must hold real numbers ... <U1"),
    "x of complex numbers": ({"x": X + 1j}, "x must hold real numbers ... complex128"),
    "float labels": ({"y": Y.astype(float)}, "labels must be an array of integers ... 0."),
    "bool labels": ({"y": Y == 1}, "labels must be an array of integers ... False"),
    "rng missing": ({"rng": None}, "rng must be a numpy.random.Generator ... got None"),
    "rng a seed": ({"rng": 42}, "rng must be a numpy.random.Generator ... got 42"),
    "rng of the legacy kind": (
        {"rng": LEGACY},
        "rng must be a numpy.random.Generator ... RandomState",
    ),
}


@pytest.mark.parametrize(
    ("changes", "error", "message"), rows(WRONG_VALUES_IN_FIT, WRONG_TYPES_IN_FIT)
)
def test_mistakes_in_fit_change_nothing(changes, error, message):
    network, optimizer = mlp([3, 4, 2], batch_norm=True, rng=rng()), Momentum()
    before, optimizer_before = copy.deepcopy(network), copy.deepcopy(vars(optimizer))
    arguments = {
        "network": network,
        "loss": softmax_cross_entropy,
        "optimizer": optimizer,
        "x": X,
        "y": Y,
        "epochs": 2,
        "batch_size": 4,
        "rng": rng(),
        "callbacks": [Refuse()],
    }
    with pytest.raises(error, match=says(message)):
        fit(**(arguments | changes))
    np.testing.assert_array_equal(network.params, before.params)
    for name in ("running_mean", "running_var"):
        np.testing.assert_array_equal(
            getattr(network.layers[1], name), getattr(before.layers[1], name)
        )
    assert vars(optimizer) == optimizer_before


def stepped(params, grads, optimizer=None):
    return (optimizer or SGD()).step(params, grads)


def used(optimizer):
    """Return an optimizer that has updated two parameters."""
    optimizer.step(np.zeros(2), np.ones(2))
    return optimizer


def network_of(*layers, **settings):
    return Network(list(layers), **({"rng": rng()} | settings))


DENSE = Dense(2, 2)
WRONG_VALUES = {
    "learning rate 0": (lambda: SGD(lr=0.0), "lr must be a positive number, got 0.0"),
    "learning rate negative": (lambda: Adam(lr=-0.1), "lr must be a positive number, got -0.1"),
    "learning rate NaN": (lambda: SGD(lr=NAN), "lr must be a positive number, got nan"),
    "learning rate infinite": (lambda: SGD(lr=INF), "lr must be a positive ... got inf"),
    "learning rate a text": (lambda: SGD(lr="0.1"), "lr must be a positive ... got '0.1'"),
    "momentum 1": (lambda: Momentum(momentum=1.0), "momentum must be a number in [0, 1), got 1.0"),
    "Nesterov's momentum negative": (
        lambda: Nesterov(momentum=-0.5),
        "momentum must be a number in [0, 1), got -0.5",
    ),
    "decay 1": (lambda: RMSProp(decay=1), "decay must be a number in [0, 1), got 1"),
    "beta1 above 1": (lambda: Adam(beta1=9), "beta1 must be a number in [0, 1), got 9"),
    "beta2 NaN": (lambda: Adam(beta2=NAN), "beta2 must be a number in [0, 1), got nan"),
    "eps negative": (lambda: AdaGrad(eps=-1e-07), "eps must be a number of at least 0, got -1e-07"),
    "AdamW's decay negative": (
        lambda: AdamW(weight_decay=-1.0),
        "weight_decay must be a number of at least 0, got -1.0",
    ),
    "a gradient that would broadcast": (
        lambda: stepped(np.ones(3), np.ones(1)),
        "params and grads must have the same shape, got (3,) and (1,)",
    ),
    "an optimizer of other parameters": (
        lambda: stepped(np.ones(3), np.ones(3), used(Adam())),
        "params must have the shape ... (2,), got (3,): make a new optimizer",
    ),
    "start of three numbers": (
        lambda: descend(RAVINE, SGD(), start=(1, 2, 3)),
        "start must be two finite numbers, got (1, 2, 3)",
    ),
    "start of NaN": (
        lambda: descend(RAVINE, SGD(), start=(NAN, 0.0)),
        "start must be two finite numbers, got (nan, 0.0)",
    ),
    "steps negative": (
        lambda: descend(RAVINE, SGD(), steps=-1),
        "steps must be an integer of at least 0, got -1",
    ),
    "steps a float": (
        lambda: descend(RAVINE, SGD(), steps=10.0),
        "steps must be an integer of at least 0, got 10.0",
    ),
    "a grid of one point": (
        lambda: RAVINE.grid(1),
        "points must be an integer of at least 2, got 1",
    ),
    "sizes that do not fit": (
        lambda: network_of(Dense(2, 3), ReLU(), Dense(4, 2)),
        "layers[2] (Dense) takes 4 inputs ... layers[0] gives 3",
    ),
    "BatchNorm that does not fit": (
        lambda: network_of(Dense(2, 3), BatchNorm(2)),
        "layers[1] (BatchNorm) takes 2 inputs ... layers[0] gives 3",
    ),
    "the same layer twice": (
        lambda: network_of(DENSE, ReLU(), DENSE),
        "layers[2] ... each must be its own object",
    ),
    "no layers": (lambda: network_of(), "layers must not be empty, got []"),
    "one size": (
        lambda: mlp([784], rng=rng()),
        "sizes must name at least an input and an output, got [784]",
    ),
    "a size of 0": (lambda: Dense(0, 2), "n_in must be an integer of at least 1, got 0"),
    "a size that is a float": (
        lambda: mlp([2, 2.5, 2], rng=rng()),
        "n_out must be an integer of at least 1, got 2.5",
    ),
    "dropout 1": (
        lambda: mlp([2, 2, 2], dropout=1.0, rng=rng()),
        "rate must be a number in [0, 1), got 1.0",
    ),
    "dropout negative": (lambda: Dropout(-0.1, rng()), "rate must be a number in [0, 1), got -0.1"),
    "BatchNorm's eps 0": (lambda: BatchNorm(2, eps=0.0), "eps must be a positive number, got 0.0"),
    "BatchNorm's momentum 1": (
        lambda: BatchNorm(2, momentum=1.0),
        "momentum must be a number in [0, 1), got 1.0",
    ),
    "a BatchNorm batch of one": (
        lambda: network_of(BatchNorm(2)).forward(np.ones((1, 2)), training=True),
        "BatchNorm needs at least 2 samples in a training batch, got 1",
    ),
    "forward with another width": (
        lambda: mlp([3, 2], rng=rng()).forward(np.ones((5, 4))),
        "x must have shape (batch, 3), got (5, 4)",
    ),
    "forward with one sample flat": (
        lambda: mlp([3, 2], rng=rng()).forward(np.ones(3)),
        "x must have shape (batch, 3), got (3,)",
    ),
    "std negative": (lambda: normal(-1.0), "std must be a number of at least 0 ... -1.0"),
    "limit NaN": (lambda: uniform(NAN), "limit must be a number of at least 0 ... nan"),
    "schedule with lr 0": (
        lambda: schedules.constant(0, lr=0),
        "lr must be a positive number, got 0",
    ),
    "time_based with a negative decay": (
        lambda: schedules.time_based(0, lr=0.1, decay=-1),
        "decay must be a number of at least 0, got -1",
    ),
    "exponential with a NaN decay": (
        lambda: schedules.exponential(0, lr=0.1, decay=NAN),
        "decay must be a number of at least 0, got nan",
    ),
    "step_decay every 0": (
        lambda: schedules.step_decay(0, lr=0.1, every=0),
        "every must be an integer of at least 1, got 0",
    ),
    "step_decay by a factor of 0": (
        lambda: schedules.step_decay(0, lr=0.1, every=5, factor=0),
        "factor must be a positive number, got 0",
    ),
    "cosine of no length": (
        lambda: schedules.cosine(0, lr=0.1, total=0),
        "total must be a positive number, got 0",
    ),
    "cosine below 0": (
        lambda: schedules.cosine(0, lr=0.1, total=5, lr_min=-0.1),
        "lr_min must be a number of at least 0, got -0.1",
    ),
    "warm restarts after half a step": (
        lambda: schedules.warm_restarts(0, lr=0.1, period=0.5),
        "period must be an integer of at least 1, got 0.5",
    ),
    "warm restarts that shrink": (
        lambda: schedules.warm_restarts(0, lr=0.1, period=5, growth=0),
        "growth must be an integer of at least 1, got 0",
    ),
    "warm-up of no steps": (
        lambda: schedules.warm_up(0, lr=0.1, steps=0),
        "steps must be an integer of at least 1, got 0",
    ),
    "outputs of one dimension": (
        lambda: softmax_cross_entropy(np.ones(3), np.array([0, 1, 2])),
        "outputs must have shape (batch, classes), got (3,)",
    ),
    "one-hot labels": (
        lambda: softmax_cross_entropy(np.ones((2, 3)), np.eye(3, dtype=int)[:2]),
        "labels must have shape (2,), got (2, 3)",
    ),
    "labels too few": (
        lambda: softmax_cross_entropy(np.ones((2, 3)), np.array([1])),
        "labels must have shape (2,), got (1,)",
    ),
    "label outside the classes": (
        lambda: softmax_cross_entropy(np.ones((2, 3)), np.array([0, 3])),
        "labels must be in 0..2 ... from 0 to 3",
    ),
    "binary targets that would broadcast": (
        lambda: binary_cross_entropy(np.ones((3, 1)), np.ones(3)),
        "outputs and targets must have the same shape, got (3, 1) and (3,)",
    ),
    "binary targets outside of [0, 1]": (
        lambda: binary_cross_entropy(np.ones((2, 1)), np.array([[-1], [1]])),
        "targets must be in [0, 1], got -1.0 to 1.0",
    ),
    "targets that would broadcast": (
        lambda: mean_squared_error(np.ones((3, 1)), np.ones(3)),
        "outputs and targets must have the same shape, got (3, 1) and (3,)",
    ),
    "no sample left to train on": (
        lambda: split(X, Y, 12, rng()),
        "n_validation must be below the 12 samples, got 12",
    ),
    "nothing held out": (
        lambda: split(X, Y, 0, rng()),
        "n_validation must be an integer of at least 1, got 0",
    ),
    "a share held out": (
        lambda: split(X, Y, 0.2, rng()),
        "n_validation must be an integer of at least 1, got 0.2",
    ),
    "parts of different lengths": (
        lambda: split(X, Y[:3], 2, rng()),
        "x and y must have the same length, got 12 and 3",
    ),
    "one_hot of a label outside": (
        lambda: one_hot(np.array([0, 3]), classes=3),
        "labels must be integers in 0..2, got array([0, 3])",
    ),
    "one_hot of floats": (
        lambda: one_hot(np.array([0.0, 1.0])),
        "labels must be integers in 0..9, got array([0., 1.])",
    ),
    "minibatches of 0": (
        lambda: list(minibatches(10, 0, rng())),
        "batch_size must be an integer of at least 1, got 0",
    ),
    "evaluate in parts of 0": (
        lambda: evaluate(mlp([3, 2], rng=rng()), softmax_cross_entropy, X, Y, batch_size=0),
        "batch_size must be an integer of at least 1, got 0",
    ),
    "evaluate on NaN": (
        lambda: evaluate(mlp([3, 2], rng=rng()), softmax_cross_entropy, changed(X, NAN, (0, 0)), Y),
        "x must be finite, got 1 values",
    ),
}

WRONG_TYPES = {
    "parameters of integers": (
        lambda: stepped(np.array([1, 2]), np.ones(2)),
        "params must be an array of floats, got array([1, 2])",
    ),
    "parameters in a list": (
        lambda: stepped([1.0], np.ones(1)),
        "params must be an array of floats, got [1.0]",
    ),
    "a layer's class": (
        lambda: network_of(Dense(2, 2), ReLU),
        "layers[1] must be a Layer object, got <class 'companion.layers.ReLU'>",
    ),
    "dtype float16": (
        lambda: network_of(Dense(2, 2), dtype=np.float16),
        "dtype must be np.float64 or np.float32, got <class 'numpy.float16'>",
    ),
    "dtype int": (
        lambda: mlp([2, 2], dtype=int, rng=rng()),
        "dtype must be np.float64 or np.float32, got <class 'int'>",
    ),
    "labels in a list": (
        lambda: softmax_cross_entropy(np.ones((2, 3)), [0, 1]),
        "labels must be an array of integers, got [0, 1]",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), rows(WRONG_VALUES, WRONG_TYPES))
def test_mistakes(call, error, message):
    with pytest.raises(error, match=says(message)):
        call()


NEED_A_GENERATOR = {
    "mlp": lambda rng: mlp([2, 2], rng=rng),
    "Network": lambda rng: Network([Dense(2, 2)], rng=rng),
    "split": lambda rng: split(X, Y, 3, rng),
    "minibatches": lambda rng: next(minibatches(10, 2, rng)),
    "Dropout": lambda rng: Dropout(0.5, rng).forward(np.ones((2, 2)), training=True),
    "normal": lambda rng: normal(0.1)((2, 2), rng),
    "uniform": lambda rng: uniform(0.1)((2, 2), rng),
    **{
        name: lambda rng, name=name: getattr(initializers, name)((2, 2), rng)
        for name in (
            "lecun_normal",
            "lecun_uniform",
            "xavier_normal",
            "xavier_uniform",
            "he_normal",
            "he_uniform",
        )
    },
}


@pytest.mark.parametrize(
    "generator", [None, 0, LEGACY, np.random], ids=["None", "seed", "legacy", "module"]
)
@pytest.mark.parametrize("call", NEED_A_GENERATOR.values(), ids=NEED_A_GENERATOR)
def test_a_generator_is_needed(call, generator):
    message = f"rng must be a numpy.random.Generator ... got {generator!r}"
    with pytest.raises(TypeError, match=says(message)):
        call(generator)


def test_a_refused_update_changes_nothing():
    """Neither the parameters, nor what the optimizer remembers, nor its count."""
    optimizer, params = used(Adam()), np.ones(3)
    before = copy.deepcopy(vars(optimizer))
    with pytest.raises(ValueError, match="make a new optimizer"):
        optimizer.step(params, np.ones(3))
    np.testing.assert_array_equal(params, np.ones(3))
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(optimizer, name), value)


def test_a_refused_batch_leaves_the_running_statistics():
    network = network_of(BatchNorm(2))
    with pytest.raises(ValueError, match="at least 2 samples"):
        network.forward(np.ones((1, 2)), training=True)
    np.testing.assert_array_equal(network.layers[0].running_mean, 0)
    np.testing.assert_array_equal(network.layers[0].running_var, 1)
