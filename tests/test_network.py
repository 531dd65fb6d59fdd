"""A network is a vector with views: every way to cut them apart, and that none does."""

import copy
import pickle

import numpy as np
import pytest

from companion.initializers import normal, uniform
from companion.layers import BatchNorm, Dense, Dropout, ReLU, Sigmoid, Tanh
from companion.losses import mean_squared_error, softmax_cross_entropy
from companion.network import Network, mlp
from companion.optimizers import SGD
from companion.training import fit


@pytest.fixture
def network(rng):
    return mlp([3, 4, 2], batch_norm=True, dropout=0.2, rng=rng)


@pytest.fixture
def data(rng):
    return rng.normal(size=(12, 3)), rng.integers(0, 2, 12)


def train(network, data):
    fit(
        network,
        softmax_cross_entropy,
        SGD(lr=0.5),
        *data,
        epochs=2,
        batch_size=6,
        rng=np.random.default_rng(1),
    )


def parameters(network):
    return [(layer, name) for layer in network.layers for name in layer.shapes]


class TestViews:
    def test_every_parameter_is_a_view_and_they_fill_the_vector(self, network):
        network.params = np.arange(network.params.size)
        network.grads = -np.arange(network.grads.size)
        for vector, prefix in ((network.params, ""), (network.grads, "d")):
            views = [getattr(layer, prefix + name) for layer, name in parameters(network)]
            assert all(np.shares_memory(view, vector) for view in views)
            entries = np.concatenate([view.ravel() for view in views])
            np.testing.assert_array_equal(np.sort(entries), np.sort(vector))

    def test_gradient_and_parameter_stand_at_the_same_place(self, network):
        network.params = np.arange(network.params.size)
        network.grads = np.arange(network.grads.size)
        for layer, name in parameters(network):
            np.testing.assert_array_equal(getattr(layer, name), getattr(layer, "d" + name))

    def test_decayed_holds_the_weight_matrices_and_nothing_else(self, network):
        network.params[network.decayed] = 1.0
        network.params[network.decayed.stop :] = 2.0
        for layer, name in parameters(network):
            assert np.all(getattr(layer, name) == (1.0 if name == "W" else 2.0)), name

    def test_writing_into_the_vector_changes_the_outputs(self, network, data):
        network.params[:] = 0.0
        np.testing.assert_array_equal(network.forward(data[0]), np.zeros((12, 2)))

    @pytest.mark.parametrize("vector", ["params", "grads"])
    def test_assigning_a_vector_writes_through(self, network, vector, rng):
        values = rng.normal(size=network.params.size)
        before = getattr(network, vector)
        setattr(network, vector, values)
        assert getattr(network, vector) is before
        np.testing.assert_array_equal(before, values)
        view = getattr(network.layers[0], "W" if vector == "params" else "dW")
        np.testing.assert_array_equal(view.ravel(), values[: view.size])
        values[:] = 0.0
        assert before.all()  # the values were copied

    def test_assigning_a_vector_of_another_size_is_refused(self, network):
        with pytest.raises(ValueError, match=r"params must have shape \(\d+,\), got"):
            network.params = np.zeros(network.params.size - 1)

    def test_assigning_a_parameter_writes_through(self, network, data):
        dense = network.layers[-1]
        dense.W = np.zeros((4, 2))
        dense.b = np.array([1.0, 2.0])
        np.testing.assert_array_equal(network.forward(data[0]), np.tile([1.0, 2.0], (12, 1)))
        assert np.shares_memory(dense.W, network.params)
        dense.W += 1.0
        assert np.all(dense.W == 1.0)
        assert np.shares_memory(dense.W, network.params)

    @pytest.mark.parametrize("shape", [(2, 4), (4,), (1, 2), (4, 2, 1), (5, 2)])
    def test_assigning_a_parameter_of_another_shape_is_refused(self, network, shape):
        before = network.params.copy()
        with pytest.raises(ValueError, match=r"W must have shape \(4, 2\), got"):
            network.layers[-1].W = np.zeros(shape)
        np.testing.assert_array_equal(network.params, before)

    def test_running_statistics_are_no_parameters(self, network):
        assert network.params.size == 3 * 4 + 4 * 2 + 4 + 2 + 2 * 4
        layer = network.layers[1]
        assert not np.shares_memory(layer.running_mean, network.params)

    def test_backward_overwrites(self, network, data):
        _, gradient = softmax_cross_entropy(network.forward(data[0]), data[1])
        network.backward(gradient)
        once = network.grads.copy()
        network.backward(gradient)
        np.testing.assert_array_equal(network.grads, once)


COPIES = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda network: pickle.loads(pickle.dumps(network)),
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
class TestCopies:
    def test_a_trained_copy_changes_and_the_original_does_not(self, network, data, copied):
        outputs = network.forward(data[0])
        twin = copied(network)
        np.testing.assert_array_equal(twin.forward(data[0]), outputs)
        train(twin, data)
        assert np.all(twin.forward(data[0]) != outputs)
        np.testing.assert_array_equal(network.forward(data[0]), outputs)

    def test_the_original_trained_leaves_the_copy_alone(self, network, data, copied):
        outputs, twin = network.forward(data[0]), copied(network)
        train(network, data)
        assert np.all(network.forward(data[0]) != outputs)
        np.testing.assert_array_equal(twin.forward(data[0]), outputs)

    def test_both_train_to_the_same_end(self, network, data, copied):
        """Parameters, running statistics and the generator of the masks are all copied."""
        twin = copied(network)
        train(network, data)
        train(twin, data)
        np.testing.assert_array_equal(twin.params, network.params)
        np.testing.assert_array_equal(twin.forward(data[0]), network.forward(data[0]))

    def test_layers_are_bound_to_the_copys_vectors(self, network, copied):
        twin = copied(network)
        assert not np.shares_memory(twin.params, network.params)
        for layer, name in parameters(twin):
            assert np.shares_memory(getattr(layer, name), twin.params)
            assert np.shares_memory(getattr(layer, "d" + name), twin.grads)


def test_a_shallow_copy_shares_everything(network, data):
    """As ``copy.copy`` always does; both stay whole."""
    twin = copy.copy(network)
    train(twin, data)
    assert np.shares_memory(twin.params, network.params)
    np.testing.assert_array_equal(twin.forward(data[0]), network.forward(data[0]))


@pytest.mark.parametrize("initializer", [normal(0.1), uniform(0.1)], ids=["normal", "uniform"])
def test_a_network_of_any_initializer_can_be_sent_to_another_process(initializer, rng):
    network = mlp([3, 4, 2], initializer=initializer, rng=rng)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(network)).params, network.params)


class TestWeightDecay:
    @pytest.mark.parametrize("batch_norm", [False, True])
    def test_acts_on_weights_only(self, data, batch_norm):
        """Beside the same update without decay, w ends lower by ηλw; biases, γ and β are equal."""
        plain, decayed = (
            mlp([3, 4, 2], batch_norm=batch_norm, rng=np.random.default_rng(0)) for _ in range(2)
        )
        start = np.random.default_rng(1).normal(size=plain.params.shape)
        for network, weight_decay in ((plain, 0.0), (decayed, 0.25)):
            network.params = start
            fit(
                network,
                softmax_cross_entropy,
                SGD(lr=0.1),
                *data,
                epochs=1,
                batch_size=12,
                rng=np.random.default_rng(2),
                weight_decay=weight_decay,
            )
        plain.params = plain.params - decayed.params
        decayed.params = start
        for (layer, name), (other, _) in zip(parameters(plain), parameters(decayed), strict=True):
            expected = 0.1 * 0.25 * getattr(other, name) if name == "W" else 0.0
            np.testing.assert_allclose(getattr(layer, name), expected, atol=1e-15, err_msg=name)


class TestForwardAndBackward:
    def test_inputs_are_converted_to_the_networks_dtype(self, rng):
        network = mlp([3, 4, 2], dtype=np.float32, rng=rng)
        assert network.dtype == np.float32
        assert network.forward([[1, 2, 3]]).dtype == np.float32
        assert network.forward(np.ones((1, 3))).dtype == np.float32

    def test_float32_stays_float32_through_training(self, data, rng):
        network = mlp([3, 4, 2], batch_norm=True, dropout=0.2, dtype=np.float32, rng=rng)
        train(network, data)
        outputs = network.forward(data[0], training=True)
        _, gradient = softmax_cross_entropy(outputs, data[1])
        of_inputs = network.backward(gradient, input_gradient=True)
        arrays = [network.params, network.grads, outputs, gradient, of_inputs]
        arrays += [network.layers[1].running_mean, network.layers[1].running_var]
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
        assert network.layers[0].W.dtype == np.float32

    def test_the_gradient_of_the_inputs_is_computed_on_request_only(self, network, data):
        network.backward(np.ones_like(network.forward(data[0])))
        asked_not = network.grads.copy()
        assert network.backward(np.ones((12, 2))) is None
        assert network.backward(np.ones((12, 2)), input_gradient=True).shape == (12, 3)
        np.testing.assert_array_equal(network.grads, asked_not)

    def test_a_network_without_parameters(self, rng):
        network = Network([Tanh()], rng=rng)
        assert (network.params.shape, network.n_in, network.n_out) == ((0,), None, None)
        np.testing.assert_array_equal(network.forward([[0.0, 0.0]]), [[0.0, 0.0]])

    def test_predict_names_the_largest_output(self, rng):
        network = Network([Dense(2, 3)], rng=rng)
        network.layers[0].W = np.array([[1.0, 0.0, 2.0], [0.0, 5.0, 1.0]])
        np.testing.assert_array_equal(network.predict([[1, 0], [0, 1]]), [2, 1])

    def test_loss_of_a_network_that_knows_nothing(self, rng):
        network = mlp([5, 4, 10], rng=rng)
        network.layers[-1].W = 0.0
        value, _ = softmax_cross_entropy(network.forward(rng.normal(size=(6, 5))), np.arange(6))
        assert value == pytest.approx(np.log(10))


class TestMLP:
    def test_order_of_the_layers(self, rng):
        network = mlp([5, 4, 3, 2], activation=Sigmoid, batch_norm=True, dropout=0.3, rng=rng)
        hidden = [Dense, BatchNorm, Sigmoid, Dropout]
        assert [type(layer) for layer in network.layers] == [*hidden, *hidden, Dense]
        sizes = [layer.W.shape for layer in network.layers if isinstance(layer, Dense)]
        assert sizes == [(5, 4), (4, 3), (3, 2)]
        assert {layer.rate for layer in network.layers if isinstance(layer, Dropout)} == {0.3}

    def test_plain(self, rng):
        network = mlp([5, 4, 2], rng=rng)
        assert [type(layer) for layer in network.layers] == [Dense, ReLU, Dense]
        assert (network.n_in, network.n_out, network.dtype) == (5, 2, np.float64)

    def test_without_a_hidden_layer(self, rng):
        assert [type(layer) for layer in mlp([5, 2], rng=rng).layers] == [Dense]

    def test_same_generator_same_weights(self):
        first, again, other = (mlp([5, 4, 2], rng=np.random.default_rng(i)) for i in (0, 0, 1))
        np.testing.assert_array_equal(first.params, again.params)
        assert not np.array_equal(first.params, other.params)

    def test_every_layer_draws_its_own_weights(self, rng):
        first, second = (mlp([4, 4, 4], rng=rng).layers[i].W for i in (0, 2))
        assert np.all(first != second)

    def test_float32_and_float64_start_alike(self):
        double, single = (
            mlp([5, 4, 2], dtype=dtype, rng=np.random.default_rng(0))
            for dtype in (np.float64, np.float32)
        )
        np.testing.assert_array_equal(single.params, double.params.astype(np.float32))

    def test_each_draw_of_a_minibatch_gradient_is_a_descent_direction(self, rng):
        """The sign of it all: a small step against the gradient lowers the loss."""
        network, x, targets = (
            mlp([3, 8, 2], rng=rng),
            rng.normal(size=(10, 3)),
            rng.normal(size=(10, 2)),
        )
        before, gradient = mean_squared_error(network.forward(x), targets)
        network.backward(gradient)
        network.params -= 0.01 * network.grads
        assert mean_squared_error(network.forward(x), targets)[0] < before
