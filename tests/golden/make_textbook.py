"""Make textbook.json: what the code of the textbook computes (saitoh2016).

Run by hand, with NumPy and a copy of the textbook's public code, and name the copy's folder:

    git clone https://github.com/oreilly-japan/deep-learning-from-scratch
    python tests/golden/make_textbook.py deep-learning-from-scratch

The inputs are those of inputs.json. What is not set here is the code's default.
"""

import subprocess
import sys

import numpy as np
from given import DOWNHILL, GIVEN, ONES, defaults, masked, spread, store

START, LR = np.array(GIVEN["start"]), GIVEN["lr"]


def path(optimizer, gradients, rates=None):
    """Return the weights after each gradient, which may be a function of the weights."""
    params, points = {"W": START.copy()}, []
    for step, gradient in enumerate(gradients):
        if rates:
            optimizer.lr = rates[step]
        gradient = gradient(params["W"]) if callable(gradient) else np.array(gradient)
        optimizer.update(params, {"W": gradient})
        points.append(params["W"].tolist())
    return points


def optimizer_paths(make):
    """Return the path of every optimizer over the fixed gradients."""
    given, rates, momentum = GIVEN["gradients"], GIVEN["lr_with_drop"], GIVEN["momentum"]
    return {
        "momentum": path(make.Momentum(LR, momentum), given, rates),
        "nesterov": path(make.Nesterov(LR, momentum), given, rates),
        "nesterov_downhill": path(make.Nesterov(LR, momentum), DOWNHILL),
        "adagrad": path(make.AdaGrad(LR), given),
        "rmsprop": path(make.RMSprop(LR), given),
        "adam": path(make.Adam(LR), given),
    }


def decay(network_type):
    """Return the share of W that its strength of decay adds to the gradient, for each parameter."""
    network = network_type(2, [3], 2, use_batchnorm=True)
    x = np.random.default_rng(0).normal(size=(5, 2))
    labels, gradients = np.array([0, 1, 0, 1, 0]), []
    for values in network.params.values():
        values += 1.0
    for strength in (0.0, GIVEN["weight_decay"]):
        network.weight_decay_lambda = strength
        gradients.append(network.gradient(x, labels))
    plain, with_decay = gradients
    names = {"W1": "W", "b1": "b", "gamma1": "gamma", "beta1": "beta"}
    return {
        names[key]: float(np.mean((with_decay[key] - plain[key]) / network.params[key]))
        for key in names
    }


def batch_norm(layer_type):
    """Return outputs and statistics over the given batches, in training, then in use."""
    layer, golden = layer_type(np.ones(2), np.zeros(2)), {"batches": []}
    layer.forward(np.array(GIVEN["batches"][0]), train_flg=False)  # makes the first statistics
    golden["start"] = {"mean": layer.running_mean.tolist(), "var": layer.running_var.tolist()}
    for batch in GIVEN["batches"]:
        outputs = layer.forward(np.array(batch), train_flg=True)
        mean, var = layer.running_mean.tolist(), layer.running_var.tolist()
        golden["batches"].append({"outputs": outputs.tolist(), "mean": mean, "var": var})
    golden["in_use"] = layer.forward(np.array(GIVEN["batches"][0]), train_flg=False).tolist()
    return golden


def dropout(layer_type):
    """Return what becomes of ones in training, how many of them are dropped, and in use."""
    layer = layer_type(GIVEN["rate"])
    training, in_use = (layer.forward(ONES, train_flg=flag) for flag in (True, False))
    return masked(training, in_use)


def initial_weights(network_type):
    """Return the spread of large draws."""
    sizes = GIVEN["n_in"], [GIVEN["n_out"]], 10
    by_default = network_type(*sizes).params
    return {
        "xavier_normal": spread(network_type(*sizes, weight_init_std="xavier").params["W1"]),
        "dense": spread(by_default["W1"]),
        "dense_bias": spread(by_default["b1"]),
    }


def main(folder):
    """Write textbook.json beside this script."""
    sys.path.append(str(folder))
    from common import layers, optimizer
    from common.multi_layer_net_extend import MultiLayerNetExtend

    np.random.seed(0)  # noqa: NPY002  (the textbook's code draws from the global generator)
    commit = subprocess.check_output(["git", "-C", folder, "rev-parse", "--short", "HEAD"])
    golden = {
        "made_with": f"oreilly-japan/deep-learning-from-scratch {commit.decode().strip()}",
        "defaults": defaults(
            *(optimizer.SGD, optimizer.Momentum, optimizer.Nesterov),
            *(optimizer.AdaGrad, optimizer.RMSprop, optimizer.Adam),
            *(layers.BatchNormalization, layers.Dropout),
        ),
        "paths": optimizer_paths(optimizer),
        "decay": decay(MultiLayerNetExtend),
        "batch_norm": batch_norm(layers.BatchNormalization),
        "dropout": dropout(layers.Dropout),
        "initial_weights": initial_weights(MultiLayerNetExtend),
    }
    store("textbook.json", golden)


if __name__ == "__main__":
    main(sys.argv[1])
