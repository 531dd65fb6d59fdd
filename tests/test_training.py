"""fit and evaluate: worked by hand, repeatable, and able to learn."""

import itertools
import re

import numpy as np
import pytest

from companion.callbacks import Callback, DivergenceError
from companion.data import minibatches
from companion.initializers import zeros
from companion.layers import Dense, Layer, Sigmoid, Tanh
from companion.losses import binary_cross_entropy, mean_squared_error, softmax_cross_entropy
from companion.network import Network, mlp
from companion.optimizers import SGD, Adam
from companion.training import evaluate, fit


def line():
    """Return a line y = wx + b that starts at zero."""
    return Network([Dense(1, 1, zeros)], rng=np.random.default_rng(0))


def fit_line(network, x, y, **settings):
    settings = {"epochs": 1, "batch_size": len(x), "rng": np.random.default_rng(0)} | settings
    optimizer = settings.pop("optimizer", None) or SGD(lr=0.1)
    return fit(network, mean_squared_error, optimizer, np.array(x), np.array(y), **settings)


class Witness(Layer):
    """A layer that changes nothing and keeps the batches it was shown."""

    def __init__(self):
        self.trained, self.evaluated = [], []

    def forward(self, inputs, training=False):
        (self.trained if training else self.evaluated).append(inputs[:, 0].tolist())
        return inputs

    def input_gradient(self, gradient):
        return gradient


def witnessed(n, batch_size, epochs=1, seed=0):
    """Return the training batches of a run on the samples 0, 1, ... n − 1."""
    witness, samples = Witness(), np.arange(float(n))[:, None]
    network = Network([witness, Dense(1, 1)], rng=np.random.default_rng(0))
    settings = {"epochs": epochs, "batch_size": batch_size, "rng": np.random.default_rng(seed)}
    fit(network, mean_squared_error, SGD(lr=1e-9), samples, samples, **settings)
    return witness.trained


class TestByHand:
    """From w = b = 0 on (1, 1) and (2, 3): the errors are −1 and −3, the gradients −7 and −4."""

    x, y = [[1.0], [2.0]], [[1.0], [3.0]]

    def test_first_update(self):
        network = line()
        history = fit_line(network, self.x, self.y)
        np.testing.assert_allclose(network.params, [0.7, 0.4], rtol=1e-14)
        # after it the errors are 0.1 and −1.2
        expected = {"epoch": 1, "train_loss": pytest.approx((0.01 + 1.44) / 2), "lr": 0.1}
        assert history == [expected]

    def test_second_update_with_weight_decay(self):
        """The gradients are −2.3 and −1.1; λw = 0.35 is added to the first."""
        network = line()
        history = fit_line(network, self.x, self.y, epochs=2, weight_decay=0.5)
        np.testing.assert_allclose(network.params, [0.7 + 0.195, 0.4 + 0.11], rtol=1e-14)
        errors = np.array([0.895 + 0.51 - 1, 2 * 0.895 + 0.51 - 3])
        assert history[1]["train_loss"] == pytest.approx(np.mean(errors**2))  # without ½λw²

    def test_minibatches_of_one_take_turns(self):
        """First (x, y) then (x', y') by the order that the generator gives."""
        first, second = np.random.default_rng(0).permutation(2)
        w = b = 0.0
        for sample in (first, second):
            x, y = self.x[sample][0], self.y[sample][0]
            slope = 2 * (w * x + b - y)
            w, b = w - 0.1 * slope * x, b - 0.1 * slope
        network = line()
        fit_line(network, self.x, self.y, batch_size=1)
        np.testing.assert_allclose(network.params, [w, b], rtol=1e-14)

    def test_the_last_smaller_batch_counts_as_a_batch(self):
        """Three samples in batches of two: the mean of the last is over one sample."""
        x, y = [[1.0]] * 3, [[1.0]] * 3
        network = line()
        fit_line(network, x, y, batch_size=2)
        # w = b after each: 0.1 · 2 · 1 = 0.2, then the error is −0.6: 0.2 + 0.12
        np.testing.assert_allclose(network.params, [0.32, 0.32], rtol=1e-14)


class TestBatches:
    @pytest.mark.parametrize(("n", "batch_size"), [(10, 3), (12, 4), (5, 5), (4, 1), (7, 6)])
    def test_an_epoch_uses_every_sample_exactly_once(self, n, batch_size):
        batches = witnessed(n, batch_size)
        sizes = [len(batch) for batch in batches]
        assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
        assert sizes[-1] == (n % batch_size or batch_size)
        assert sorted(itertools.chain(*batches)) == list(range(n))

    def test_epochs_are_shuffled_anew(self):
        first, second = witnessed(20, 20, epochs=2)
        assert sorted(first) == sorted(second)
        assert first != second != list(range(20))

    def test_samples_and_targets_stay_together(self, rng):
        """Targets that are the inputs doubled are learned without error."""
        x = rng.normal(size=(30, 1))
        network = line()
        history = fit_line(network, x, 2 * x, epochs=60, batch_size=7)
        assert history[-1]["train_loss"] < 1e-12

    def test_the_generator_decides_the_order(self):
        assert witnessed(20, 4, seed=1) == witnessed(20, 4, seed=1) != witnessed(20, 4, seed=2)


def blobs(rng, n=60):
    """Two clouds, and which one each point belongs to."""
    labels = rng.integers(0, 2, n)
    return rng.normal(size=(n, 2)) + 4.0 * labels[:, None], labels


def run_blobs(seed, **settings):
    rng = np.random.default_rng(seed)
    x, y = blobs(rng)
    network = mlp([2, 8, 2], batch_norm=True, dropout=0.3, rng=rng)
    settings = {"validation": (x[40:], y[40:]), "weight_decay": 1e-3} | settings
    settings |= {"epochs": 3, "batch_size": 10, "rng": rng}
    return network, fit(network, softmax_cross_entropy, Adam(), x[:40], y[:40], **settings)


class TestHistory:
    def test_same_seed_same_history_to_the_bit(self):
        (network, history), (again, history_again) = run_blobs(5), run_blobs(5)
        assert history == history_again
        assert network.params.tobytes() == again.params.tobytes()
        assert run_blobs(6)[1] != history

    def test_keys_for_classes(self):
        keys = [
            "epoch",
            "train_loss",
            "train_accuracy",
            "validation_loss",
            "validation_accuracy",
            "lr",
        ]
        _, history = run_blobs(0)
        assert [list(record) for record in history] == [keys] * 3
        assert [record["epoch"] for record in history] == [1, 2, 3]

    def test_keys_without_validation(self):
        _, history = run_blobs(0, validation=None)
        assert list(history[0]) == ["epoch", "train_loss", "train_accuracy", "lr"]

    def test_keys_for_regression(self, rng):
        x = rng.normal(size=(10, 1))
        history = fit_line(line(), x, x, validation=(x, x))
        assert list(history[0]) == ["epoch", "train_loss", "validation_loss", "lr"]

    def test_is_measured_in_evaluation_mode_after_the_epoch(self, rng):
        """By the running statistics, without dropout: as the network is used afterwards."""
        x, y = blobs(np.random.default_rng(5))
        network, history = run_blobs(5, validation=(x, y))
        outputs = network.forward(x, training=False)
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        chances = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        loss = -np.log(chances[np.arange(len(y)), y]).mean()
        assert history[-1]["validation_loss"] == pytest.approx(loss, rel=1e-12)
        assert history[-1]["validation_accuracy"] == np.mean(outputs.argmax(axis=1) == y)
        assert history[-1]["train_loss"] != history[-1]["validation_loss"]

    def test_validation_data_are_not_trained_on(self):
        with_validation, without = run_blobs(5)[0], run_blobs(5, validation=None)[0]
        np.testing.assert_array_equal(with_validation.params, without.params)

    def test_starts_anew_with_each_call(self):
        network = line()
        for _ in range(2):
            history = fit_line(network, [[1.0], [2.0]], [[1.0], [2.0]], epochs=2)
            assert [record["epoch"] for record in history] == [1, 2]


class TestLearns:
    def test_twenty_images_by_heart(self, mnist):
        (x, y), _ = mnist
        rng = np.random.default_rng(0)
        settings = {"epochs": 60, "batch_size": 10, "rng": rng}
        network = mlp([784, 30, 10], rng=rng)
        history = fit(network, softmax_cross_entropy, Adam(), x[:20], y[:20], **settings)
        assert history[-1]["train_accuracy"] == 1.0
        assert history[-1]["train_loss"] < 0.05

    @pytest.mark.parametrize("activation", [Tanh, Sigmoid])
    def test_exclusive_or(self, activation):
        rng = np.random.default_rng(0)
        x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
        network = mlp([2, 8, 1], activation=activation, rng=rng)
        settings = {"epochs": 400, "batch_size": 4, "rng": rng}
        history = fit(network, binary_cross_entropy, Adam(lr=0.05), x, y, **settings)
        assert history[-1]["train_accuracy"] == 1.0
        assert history[-1]["train_loss"] < 0.1

    def test_a_curve(self):
        rng = np.random.default_rng(0)
        x = np.linspace(-1, 1, 50)[:, None]
        network = mlp([1, 20, 1], activation=Tanh, rng=rng)
        settings = {"epochs": 200, "batch_size": 10, "rng": rng}
        history = fit(network, mean_squared_error, Adam(lr=0.02), x, np.sin(3 * x), **settings)
        assert history[-1]["train_loss"] < 0.01
        assert "train_accuracy" not in history[-1]


class TestDivergence:
    def diverge(self, **settings):
        network = line()
        with pytest.raises(DivergenceError) as caught:
            fit_line(network, [[1e3], [2e3]], [[1.0], [3.0]], **({"epochs": 100} | settings))
        return caught.value

    def test_says_where_and_keeps_the_history(self):
        error = self.diverge()
        epochs = len(error.history)
        assert 0 < epochs < 100
        assert [record["epoch"] for record in error.history] == list(range(1, epochs + 1))
        assert all(np.isfinite(record["train_loss"]) for record in error.history)
        for part in (
            f"epoch {epochs + 1}",
            f"update {epochs + 1}",
            "loss is inf",
            "learning rate 0.1",
        ):
            assert part in str(error)

    def test_is_an_arithmetic_error(self):
        assert isinstance(self.diverge(), ArithmeticError)

    def test_counts_updates_through_the_epochs(self):
        message = str(self.diverge(batch_size=1))
        epoch, update = map(int, re.search(r"epoch (\d+), update (\d+)", message).groups())
        assert epoch > 1
        assert update in (2 * epoch - 1, 2 * epoch)

    def test_in_the_last_update_is_noticed_too(self):
        """The loss before the update is finite; what the update leaves behind is not."""
        error = self.diverge(optimizer=SGD(lr=1e160), epochs=1)
        assert "epoch 1" in str(error)


class TestEvaluate:
    def test_does_not_depend_on_the_size_of_the_parts(self, rng):
        x, y = blobs(rng, n=23)
        network = mlp([2, 4, 2], rng=rng)
        whole = evaluate(network, softmax_cross_entropy, x, y)
        for batch_size in (1, 5, 22, 23, 100):
            parts = evaluate(network, softmax_cross_entropy, x, y, batch_size=batch_size)
            assert parts == {"loss": pytest.approx(whole["loss"]), "accuracy": whole["accuracy"]}

    def test_changes_nothing(self):
        network, _ = run_blobs(0)
        state = [network.params.copy(), network.layers[1].running_mean.copy()]
        evaluate(network, softmax_cross_entropy, *blobs(np.random.default_rng(1)))
        np.testing.assert_array_equal(network.params, state[0])
        np.testing.assert_array_equal(network.layers[1].running_mean, state[1])

    def test_accuracy_of_binary_targets(self, rng):
        """The sign of the logit names the class: here it is that of x − ½."""
        network = Network([Dense(1, 1)], rng=rng)
        network.layers[0].W, network.layers[0].b = 1.0, -0.5
        x, y = np.array([[0.0], [0.4], [0.6], [1.0]]), np.array([[0], [1], [1], [1]])
        assert evaluate(network, binary_cross_entropy, x, y)["accuracy"] == 0.75

    def test_regression_has_no_accuracy(self):
        assert evaluate(line(), mean_squared_error, [[1.0], [2.0]], [[2.0], [4.0]]) == {
            "loss": 10.0
        }


class Diary(Callback):
    """Writes down every moment with the place it happened at."""

    def __init__(self, fail_at=None, stop_after=None):
        self.pages, self.fail_at, self.stop_after = [], fail_at, stop_after

    def write(self, moment, run):
        self.pages.append((moment, run.epoch, run.update, len(run.history)))

    def on_start(self, run):
        self.write("start", run)

    def on_update(self, run):
        self.write("update", run)
        if run.update == self.fail_at:
            raise KeyboardInterrupt

    def on_epoch(self, run):
        self.write("epoch", run)
        run.stop = run.epoch == self.stop_after

    def on_end(self, run):
        self.write("end", run)


class TestCallbacks:
    data = np.zeros((4, 1)), np.zeros((4, 1))

    def test_moments_come_in_order(self):
        diary = Diary()
        fit_line(line(), *self.data, epochs=2, batch_size=2, callbacks=[diary])
        assert diary.pages == [
            ("start", 0, 0, 0),
            ("update", 1, 1, 0),
            ("update", 1, 2, 0),
            ("epoch", 1, 2, 1),
            ("update", 2, 3, 1),
            ("update", 2, 4, 1),
            ("epoch", 2, 4, 2),
            ("end", 2, 4, 2),
        ]

    def test_the_end_comes_also_after_an_error(self):
        diary = Diary(fail_at=3)
        with pytest.raises(KeyboardInterrupt):
            fit_line(line(), *self.data, epochs=2, batch_size=2, callbacks=[diary])
        assert diary.pages[-2:] == [("update", 2, 3, 1), ("end", 2, 3, 1)]

    def test_stop_ends_the_run_after_the_epoch(self):
        diary = Diary(stop_after=2)
        history = fit_line(line(), *self.data, epochs=9, batch_size=2, callbacks=[diary])
        assert len(history) == 2
        assert diary.pages[-2:] == [("epoch", 2, 4, 2), ("end", 2, 4, 2)]

    def test_the_run_knows_its_size_and_its_loss(self):
        runs = []

        class Keeper(Callback):
            def on_update(self, run):
                runs.append((run.epochs, run.updates_per_epoch, run.loss))

        fit_line(line(), [[1.0]] * 5, [[3.0]] * 5, batch_size=2, callbacks=[Keeper()])
        assert runs[0] == (1, 3, 9.0)  # the loss before the first update
        assert len(runs) == 3
        assert runs[1][2] < 9.0


def test_fit_trains_on_the_minibatches_of_data():
    expected = [batch.tolist() for batch in minibatches(10, 4, np.random.default_rng(3))]
    assert witnessed(10, 4, seed=3) == expected
