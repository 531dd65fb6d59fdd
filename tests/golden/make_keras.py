"""Make keras.json: what Keras computes where its conventions differ from those of others.

Run by hand, in an environment with Keras 3 and TensorFlow; the tests need only the file:

    python tests/golden/make_keras.py

All is in float64, with the inputs of inputs.json. What is not set here is the library's default.
"""

import keras
import numpy as np
import tensorflow
from given import DOWNHILL, GIVEN, ONES, defaults, masked, spread, store

START, LR, DECAY = np.array(GIVEN["start"]), GIVEN["lr"], GIVEN["weight_decay"]
INITIALIZERS = {"xavier_normal": "GlorotNormal", "xavier_uniform": "GlorotUniform"}


def path(optimizer, gradients, rates=None):
    """Return the weights after each gradient, which may be a function of the weights."""
    weights, points = keras.Variable(START, dtype="float64"), []
    for step, gradient in enumerate(gradients):
        if rates:
            optimizer.learning_rate = rates[step]
        gradient = gradient(weights.numpy()) if callable(gradient) else np.array(gradient)
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weights])
        points.append(weights.numpy().tolist())
    return points


def optimizer_paths():
    """Return the path of every optimizer over the fixed gradients."""
    make, given, rates = keras.optimizers, GIVEN["gradients"], GIVEN["lr_with_drop"]
    velocity = {"momentum": GIVEN["momentum"]}
    return {
        "momentum": path(make.SGD(LR, **velocity), given, rates),
        "nesterov": path(make.SGD(LR, nesterov=True, **velocity), given, rates),
        "nesterov_downhill": path(make.SGD(LR, nesterov=True, **velocity), DOWNHILL),
        "adagrad": path(make.Adagrad(LR), given),
        "rmsprop": path(make.RMSprop(LR), given),
        "adam": path(make.Adam(LR), given),
        "sgd_decay": path(make.SGD(LR, weight_decay=DECAY), given),
        "momentum_decay": path(make.SGD(LR, weight_decay=DECAY, **velocity), given),
        "adam_decay": path(make.Adam(LR, weight_decay=DECAY), given),
        "adamw": path(make.AdamW(LR, weight_decay=DECAY), given),
    }


def penalty_gradient():
    """Return the gradient of the penalty that a regularizer of the given strength adds."""
    weights = tensorflow.Variable(START)
    with tensorflow.GradientTape() as tape:
        penalty = keras.regularizers.L2(DECAY)(weights)
    return tape.gradient(penalty, weights).numpy().tolist()


def decayed():
    """Return which parameters AdamW shrinks when every gradient is zero."""
    network = keras.Sequential([keras.layers.Dense(3), keras.layers.BatchNormalization()])
    network.build((None, 2))
    for variable in network.trainable_variables:
        variable.assign(np.ones(variable.shape))
    zeros = [keras.ops.zeros_like(variable) for variable in network.trainable_variables]
    keras.optimizers.AdamW(LR, weight_decay=DECAY).apply(zeros, network.trainable_variables)
    names = {"kernel": "W", "bias": "b", "gamma": "gamma", "beta": "beta"}
    return {names[v.name]: bool((v.numpy() < 1).all()) for v in network.trainable_variables}


def batch_norm():
    """Return outputs and statistics over the given batches, in training, then in use."""
    layer = keras.layers.BatchNormalization()
    layer.build((None, 2))
    start = {"mean": layer.moving_mean.numpy().tolist(), "var": layer.moving_variance.numpy()}
    golden = {"start": start | {"var": start["var"].tolist()}, "batches": []}
    for batch in GIVEN["batches"]:
        outputs = layer(np.array(batch), training=True)
        statistics = layer.moving_mean, layer.moving_variance
        mean, var = (statistic.numpy().tolist() for statistic in statistics)
        golden["batches"].append({"outputs": outputs.numpy().tolist(), "mean": mean, "var": var})
    golden["in_use"] = layer(np.array(GIVEN["batches"][0]), training=False).numpy().tolist()
    return golden


def dropout():
    """Return what becomes of ones in training, how many of them are dropped, and in use."""
    layer = keras.layers.Dropout(GIVEN["rate"], seed=0)
    training, in_use = (layer(ONES, training=flag).numpy() for flag in (True, False))
    return masked(training, in_use)


def initial_weights():
    """Return the spread of large draws."""
    shape = GIVEN["n_in"], GIVEN["n_out"]
    golden = {
        name: spread(getattr(keras.initializers, initializer)(seed=0)(shape))
        for name, initializer in INITIALIZERS.items()
    }
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(GIVEN["n_out"])
    layer.build((None, GIVEN["n_in"]))
    golden["dense"] = spread(layer.kernel.numpy())
    golden["dense_bias"] = spread(layer.bias.numpy())
    return golden


def main():
    """Write keras.json beside this script."""
    keras.config.set_floatx("float64")
    make, layers = keras.optimizers, keras.layers
    golden = {
        "made_with": f"Keras {keras.__version__} on TensorFlow {tensorflow.__version__}",
        "defaults": defaults(
            *(make.SGD, make.Adagrad, make.RMSprop, make.Adam, make.AdamW),
            *(layers.Dense, layers.BatchNormalization, layers.Dropout),
        ),
        "paths": optimizer_paths(),
        "penalty_gradient": penalty_gradient(),
        "decayed": decayed(),
        "batch_norm": batch_norm(),
        "dropout": dropout(),
        "initial_weights": initial_weights(),
    }
    store("keras.json", golden)


if __name__ == "__main__":
    main()
