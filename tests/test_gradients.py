"""The numerical gradient, and what it judges: every layer alone and in stacks, and every loss.

In a check the loss is a weighted sum of the outputs, or one of the losses. Dropout's generator is
seeded again before each evaluation, so that its mask holds still. ReLU has no slope at 0: where an
input lies within the reach of the difference quotient, hypothesis draws another example.
"""

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from companion.gradients import numerical_gradient, relative_error
from companion.layers import BatchNorm, Dense, Dropout, ReLU, Sigmoid, Tanh
from companion.losses import binary_cross_entropy, mean_squared_error, softmax_cross_entropy
from companion.network import Network

UNITS = st.integers(1, 5)
SEEDS = st.integers(0, 2**32 - 1)
LAYERS = {
    "Dense": lambda n, rng: Dense(n, int(rng.integers(1, 6))),
    "ReLU": lambda n, rng: ReLU(),
    "Sigmoid": lambda n, rng: Sigmoid(),
    "Tanh": lambda n, rng: Tanh(),
    # With a tiny ε the statistics of a small batch bend too sharply for a difference quotient.
    "BatchNorm": lambda n, rng: BatchNorm(n, eps=0.1),
    "Dropout": lambda n, rng: Dropout(0.4, np.random.default_rng(0)),
}


def build(names, n_in, rng):
    """Return a network of the named layers, with parameters and statistics that are not special."""
    layers, units = [], n_in
    for name in names:
        layers.append(LAYERS[name](units, rng))
        units = layers[-1].n_out or units
    network = Network(layers, rng=rng)
    network.params = rng.normal(size=network.params.shape)
    network.forward(rng.normal(size=(8, n_in)), training=True)
    return network, units


def distance_to_kink(network, x, training):
    """Return the smallest size of any input of a ReLU."""
    nearest = np.inf
    for layer in network.layers:
        if isinstance(layer, ReLU):
            nearest = min(nearest, np.abs(x).min())
        x = layer.forward(x, training)
    return nearest


def freeze_masks(network):
    for layer in network.layers:
        if isinstance(layer, Dropout):
            layer.rng = np.random.default_rng(7)


def check_gradients(network, loss, x, training):
    """Compare the gradients of the parameters and the inputs with numerical ones."""

    def outputs():
        freeze_masks(network)
        return network.forward(x, training)

    def value(_):
        return loss(outputs())[0]

    freeze_masks(network)
    if distance_to_kink(network, x, training) < 1e-3:
        reject()
    of_inputs = network.backward(loss(outputs())[1], input_gradient=True)
    of_params = network.grads.copy()
    for gradient, variable in ((of_params, network.params), (of_inputs, x)):
        expected = numerical_gradient(value, variable)
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-8)


def weighted_sum(weights):
    return lambda outputs: (np.sum(weights * outputs), weights)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=15)
@given(batch=st.integers(2, 9), n_in=UNITS, seed=SEEDS)
def test_gradients_of_a_layer_alone(name, training, batch, n_in, seed):
    rng = np.random.default_rng(seed)
    network, n_out = build([name], n_in, rng)
    loss = weighted_sum(rng.normal(size=(batch, n_out)))
    check_gradients(network, loss, rng.normal(size=(batch, n_in)), training)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@settings(max_examples=40)
@given(
    names=st.lists(st.sampled_from(sorted(LAYERS)), min_size=2, max_size=6),
    batch=st.integers(8, 12),
    n_in=UNITS,
    seed=SEEDS,
)
def test_gradients_of_a_stack(names, training, batch, n_in, seed):
    rng = np.random.default_rng(seed)
    network, n_out = build(names, n_in, rng)
    loss = weighted_sum(rng.normal(size=(batch, n_out)))
    check_gradients(network, loss, rng.normal(size=(batch, n_in)), training)


def test_gradients_of_batch_norm_with_its_default_eps(rng):
    network = Network([Dense(3, 4), BatchNorm(4), Tanh(), Dense(4, 2)], rng=rng)
    network.params = rng.normal(size=network.params.shape)
    loss = weighted_sum(rng.normal(size=(8, 2)))
    check_gradients(network, loss, rng.normal(size=(8, 3)), training=True)


def random_targets(loss, shape, rng):
    if loss is softmax_cross_entropy:
        return rng.integers(0, shape[1], shape[0])
    return rng.random(shape)


@pytest.mark.parametrize("loss", [softmax_cross_entropy, binary_cross_entropy, mean_squared_error])
@settings(max_examples=15)
@given(batch=st.integers(1, 8), units=UNITS, seed=SEEDS)
def test_gradient_of_a_loss(loss, batch, units, seed):
    rng = np.random.default_rng(seed)
    outputs = rng.normal(size=(batch, units)) * 3
    targets = random_targets(loss, outputs.shape, rng)
    numerical = numerical_gradient(lambda z: loss(z, targets)[0], outputs)
    np.testing.assert_allclose(loss(outputs, targets)[1], numerical, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("loss", [softmax_cross_entropy, binary_cross_entropy, mean_squared_error])
@settings(max_examples=10)
@given(batch=st.integers(8, 12), n_in=UNITS, seed=SEEDS)
def test_gradients_of_a_network_through_a_loss(loss, training, batch, n_in, seed):
    rng = np.random.default_rng(seed)
    names = ["Dense", "BatchNorm", "ReLU", "Dropout", "Dense", "Tanh", "Dense", "Sigmoid", "Dense"]
    network, n_out = build(names, n_in, rng)
    targets = random_targets(loss, (batch, n_out), rng)
    x = rng.normal(size=(batch, n_in))
    check_gradients(network, lambda outputs: loss(outputs, targets), x, training)


def test_float32_and_float64_agree(rng):
    layers = ([Dense(6, 5), BatchNorm(5), Tanh(), Dense(5, 3)] for _ in range(2))
    double, single = (
        Network(stack, dtype, rng=rng)
        for stack, dtype in zip(layers, (np.float64, np.float32), strict=True)
    )
    single.params = double.params
    x, labels = rng.normal(size=(8, 6)), rng.integers(0, 3, 8)
    for network in (double, single):
        network.backward(softmax_cross_entropy(network.forward(x, training=True), labels)[1])
    assert relative_error(single.grads, double.grads) < 1e-5


class TestNumericalGradient:
    def test_of_a_polynomial(self):
        x = np.array([[1.0, -2.0], [0.5, 3.0]])
        np.testing.assert_allclose(
            numerical_gradient(lambda x: np.sum(x**3), x), 3 * x**2, rtol=1e-8
        )

    def test_is_central(self):
        """A one-sided difference of x² is off by the step, a central one is exact."""
        gradient = numerical_gradient(lambda x: x[0] ** 2, np.array([0.0]), step=0.25)
        assert gradient[0] == 0.0

    def test_restores_x(self, rng):
        x = rng.normal(size=(3, 2))
        before = x.copy()
        numerical_gradient(np.sum, x)
        np.testing.assert_array_equal(x, before)

    def test_sees_a_network_through_a_view(self, rng):
        network = Network([Dense(2, 1)], rng=rng)
        x = np.array([[3.0, 4.0]])
        gradient = numerical_gradient(lambda W: network.forward(x)[0, 0], network.layers[0].W)
        np.testing.assert_allclose(gradient, x.T, rtol=1e-9)

    @pytest.mark.parametrize("x", [np.ones(2, np.float32), np.array([1, 2]), [1.0, 2.0]])
    def test_refuses_what_would_drown_in_rounding(self, x):
        with pytest.raises(TypeError, match=r"x must be a float64 array, got (float32|int|list)"):
            numerical_gradient(np.sum, x)

    @pytest.mark.parametrize("step", [0.0, -1e-5, np.nan])
    def test_refuses_a_step_that_is_not_positive(self, step):
        with pytest.raises(ValueError, match="step must be a positive number, got"):
            numerical_gradient(np.sum, np.ones(2), step=step)


class TestRelativeError:
    @pytest.mark.parametrize(
        ("gradient", "reference", "error"),
        [
            ([3.0, 4.0], [3.0, 4.0], 0.0),
            ([3.0, 4.0], [-3.0, -4.0], 1.0),
            ([1.0], [3.0], 0.5),
            ([[3.0], [4.0]], [[0.0], [0.0]], 1.0),
            ([0.0, 0.0], [0.0, 0.0], 0.0),
        ],
    )
    def test_by_hand(self, gradient, reference, error):
        assert relative_error(gradient, reference) == error

    def test_refuses_shapes_that_would_broadcast(self):
        with pytest.raises(ValueError, match=r"same shape, got \(2,\) and \(2, 1\)"):
            relative_error(np.ones(2), np.ones((2, 1)))
