"""The layers: BatchNorm and a stack against PyTorch, Dropout by statistics, the rest by hand."""

import warnings

import numpy as np
import pytest

from companion.layers import BatchNorm, Dense, Dropout, ReLU, Sigmoid, Tanh
from companion.losses import softmax_cross_entropy
from companion.network import Network

CLOSE = {"rtol": 1e-10, "atol": 1e-13}


def bound(layer, dtype=np.float64):
    """Return a layer whose parameters exist: a network gives it them."""
    return Network([layer], dtype, rng=np.random.default_rng(0)).layers[0]


def test_dense_by_hand():
    layer = bound(Dense(2, 3))
    layer.W, layer.b = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([0.0, 10.0, 0.0])
    np.testing.assert_array_equal(
        layer.forward(np.array([[1.0, 1.0], [0.0, 2.0]])), [[5, 17, 9], [8, 20, 12]]
    )
    gradient = layer.backward(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 2.0]]))
    np.testing.assert_array_equal(layer.dW, [[1, 0, 0], [1, 2, 4]])
    np.testing.assert_array_equal(layer.db, [1, 1, 2])
    np.testing.assert_array_equal(gradient, [[1, 4], [8, 17]])


def test_dense_starts_as_its_initializer_says_with_zero_biases():
    layer = bound(Dense(2, 3, lambda shape, rng: np.full(shape, 7.0)))
    np.testing.assert_array_equal(layer.W, np.full((2, 3), 7.0))
    np.testing.assert_array_equal(layer.b, np.zeros(3))


@pytest.mark.parametrize(
    ("layer", "outputs", "slopes"),
    [
        (ReLU(), [0, 0, 0.5], [0, 0, 1]),
        (Sigmoid(), [1 / (1 + np.e), 0.5, 1 / (1 + np.exp(-0.5))], [0.19661193, 0.25, 0.23500371]),
        (Tanh(), [-0.76159416, 0, 0.46211716], [0.41997434, 1, 0.78644773]),
    ],
    ids=lambda argument: type(argument).__name__,
)
def test_activations_by_hand(layer, outputs, slopes):
    """At -1, 0 and 1/2; the slope of ReLU at 0 counts as 0."""
    np.testing.assert_allclose(layer.forward(np.array([[-1.0, 0.0, 0.5]])), [outputs], rtol=1e-7)
    np.testing.assert_allclose(
        layer.backward(np.full((1, 3), 2.0)), [2 * np.array(slopes)], rtol=1e-7
    )


@pytest.mark.parametrize("layer", [ReLU(), Sigmoid(), Tanh()], ids=lambda each: type(each).__name__)
def test_activations_at_plus_and_minus_1000(layer):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        low, high = layer.forward(np.array([[-1000.0, 1000.0]]))[0]
        slopes = layer.backward(np.ones((1, 2)))[0]
    assert (low, high) == {ReLU: (0, 1000), Sigmoid: (0, 1), Tanh: (-1, 1)}[type(layer)]
    np.testing.assert_array_equal(slopes, [0, 1] if isinstance(layer, ReLU) else [0, 0])


def test_stack_as_pytorch_computes_it(golden):
    reference = golden["stack"]
    layers = [
        Dense(4, 5),
        BatchNorm(5),
        ReLU(),
        Dense(5, 4),
        Tanh(),
        Dense(4, 3),
        Sigmoid(),
        Dense(3, 3),
    ]
    network = Network(layers, rng=np.random.default_rng(0))
    places = [(layer, name) for layer in layers for name in layer.shapes]
    for (layer, name), values in zip(places, reference["parameters"], strict=True):
        setattr(layer, name, np.array(values))
    outputs = network.forward(np.array(reference["inputs"]), training=True)
    np.testing.assert_allclose(outputs, reference["outputs"], **CLOSE)
    _, gradient = softmax_cross_entropy(outputs, np.array(reference["labels"]))
    of_inputs = network.backward(gradient, input_gradient=True)
    np.testing.assert_allclose(of_inputs, reference["input_gradient"], **CLOSE)
    for (layer, name), values in zip(places, reference["gradients"], strict=True):
        np.testing.assert_allclose(getattr(layer, "d" + name), values, **CLOSE)


class TestBatchNorm:
    def test_same_as_pytorch_over_several_batches(self, golden):
        reference = golden["batch_norm"]
        layer = bound(BatchNorm(3, eps=reference["eps"], momentum=reference["momentum"]))
        layer.gamma, layer.beta = np.array(reference["gamma"]), np.array(reference["beta"])
        for batch in reference["batches"]:
            found = {
                "outputs": layer.forward(np.array(batch["inputs"]), batch["training"]),
                "input_gradient": layer.backward(np.array(batch["upstream"])),
            }
            found |= {
                name: getattr(layer, name)
                for name in ("dgamma", "dbeta", "running_mean", "running_var")
            }
            for name, values in found.items():
                np.testing.assert_allclose(values, batch[name], **CLOSE, err_msg=name)

    def test_standardizes_a_batch(self, rng):
        layer = bound(BatchNorm(4, eps=1e-12))
        outputs = layer.forward(rng.normal(5.0, 3.0, (50, 4)), training=True)
        np.testing.assert_allclose(outputs.mean(axis=0), 0, atol=1e-13)
        np.testing.assert_allclose(outputs.std(axis=0), 1, rtol=1e-10)

    def test_starts_as_the_identity(self, rng):
        """Running mean 0 and variance 1, γ = 1, β = 0: only ε is left."""
        layer, x = bound(BatchNorm(4, eps=0.25)), rng.normal(size=(3, 4))
        np.testing.assert_allclose(layer.forward(x), x / np.sqrt(1.25))

    def test_evaluation_changes_no_statistics(self, rng):
        layer = bound(BatchNorm(4))
        layer.forward(rng.normal(size=(6, 4)), training=True)
        before = layer.running_mean.copy(), layer.running_var.copy()
        layer.forward(rng.normal(size=(6, 4)))
        np.testing.assert_array_equal(layer.running_mean, before[0])
        np.testing.assert_array_equal(layer.running_var, before[1])

    def test_evaluation_treats_every_sample_alone(self, rng):
        layer, x = bound(BatchNorm(4)), rng.normal(size=(6, 4))
        layer.forward(rng.normal(size=(6, 4)), training=True)
        np.testing.assert_array_equal(layer.forward(x)[:1], layer.forward(x[:1]))

    def test_defaults(self):
        layer = BatchNorm(3)
        assert (layer.eps, layer.momentum) == (1e-5, 0.9)


class TestDropout:
    def test_drops_its_share_and_scales_up_the_rest(self):
        rate, size = 0.3, 100_000
        outputs = Dropout(rate, np.random.default_rng(0)).forward(
            np.full((1, size), 2.0), training=True
        )
        kept = outputs != 0
        np.testing.assert_allclose(outputs[kept], 2.0 / 0.7, rtol=1e-15)
        standard_error = np.sqrt(rate * (1 - rate) / size)
        assert abs((1 - kept.mean()) - rate) < 4 * standard_error

    def test_masks_are_independent_of_each_other(self):
        """Neither the rows of a batch nor two batches share a mask."""
        layer, ones = Dropout(0.5, np.random.default_rng(0)), np.ones((2, 1000))
        first, second = layer.forward(ones, training=True), layer.forward(ones, training=True)
        for a, b in [(first[0], first[1]), (first[0], second[0])]:
            assert abs(np.mean(a == b) - 0.5) < 4 * np.sqrt(0.25 / 1000)

    def test_gradient_passes_where_the_signal_did(self):
        layer = Dropout(0.5, np.random.default_rng(0))
        outputs = layer.forward(np.ones((4, 5)), training=True)
        np.testing.assert_array_equal(layer.backward(np.ones((4, 5))), outputs)

    @pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0.0, True)])
    def test_does_nothing_in_evaluation_or_at_rate_zero(self, rng, rate, training):
        layer, x = Dropout(rate), rng.normal(size=(3, 4))
        np.testing.assert_array_equal(layer.forward(x, training), x)
        np.testing.assert_array_equal(layer.backward(x), x)

    def test_same_generator_same_mask(self):
        masks = [
            Dropout(0.5, np.random.default_rng(3)).forward(np.ones((4, 5)), training=True)
            for _ in range(2)
        ]
        np.testing.assert_array_equal(*masks)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_layer_keeps_the_dtype_and_leaves_its_inputs_alone(rng, dtype, training):
    for layer in (Dense(4, 4), ReLU(), Sigmoid(), Tanh(), BatchNorm(4), Dropout(0.5, rng)):
        inputs = rng.normal(size=(6, 4)).astype(dtype)
        before = inputs.copy()
        outputs = bound(layer, dtype).forward(inputs, training)
        upstream = np.ones_like(outputs)
        gradient = layer.backward(upstream)
        assert (outputs.dtype, gradient.dtype) == (dtype, dtype), layer
        np.testing.assert_array_equal(inputs, before)
        np.testing.assert_array_equal(upstream, 1)
        for name in layer.state:
            assert getattr(layer, name).dtype == dtype, name
