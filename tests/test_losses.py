"""The losses against PyTorch, by hand, and far out where naive formulas overflow."""

import warnings

import numpy as np
import pytest

from companion import losses
from companion.losses import binary_cross_entropy, mean_squared_error, softmax_cross_entropy

LOSSES = ("softmax_cross_entropy", "binary_cross_entropy", "mean_squared_error")


@pytest.mark.parametrize("name", LOSSES)
def test_same_value_and_gradient_as_pytorch(golden, name):
    reference = golden["losses"][name]
    outputs, targets = np.array(reference["outputs"]), np.array(reference["targets"])
    value, gradient = getattr(losses, name)(outputs, targets)
    assert isinstance(value, float)
    assert value == pytest.approx(reference["value"], rel=1e-13)
    np.testing.assert_allclose(gradient, reference["gradient"], rtol=1e-12, atol=1e-16)


def test_by_hand():
    value, gradient = mean_squared_error(np.array([[1.0, 2.0], [3.0, 5.0]]), [[1, 0], [0, 5]])
    assert value == (4 + 9) / 4
    np.testing.assert_array_equal(gradient, [[0, 1], [1.5, 0]])
    value, gradient = binary_cross_entropy(np.log([[3.0], [1.0]]), [[1], [0]])
    assert value == pytest.approx((np.log(4 / 3) + np.log(2)) / 2)
    np.testing.assert_allclose(gradient, [[-1 / 8], [1 / 4]])
    value, gradient = softmax_cross_entropy(np.log([[1.0, 2.0, 5.0]]), np.array([1]))
    assert value == pytest.approx(np.log(4))
    np.testing.assert_allclose(gradient, [[1 / 8, -3 / 4, 5 / 8]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("logits", "value"),
    [
        ([1000, -1000], 0),
        ([-1000, 1000], 2000),
        ([1000, 1000], np.log(2)),
        ([-1000, -1000], np.log(2)),
    ],
)
def test_softmax_at_plus_and_minus_1000(logits, value, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, gradient = softmax_cross_entropy(np.array([logits], dtype), np.array([0]))
    assert found == pytest.approx(value)
    shares = {0: [1, 0], 2000: [0, 1]}.get(value, [0.5, 0.5])
    np.testing.assert_array_equal(gradient, [[shares[0] - 1, shares[1]]])


@pytest.mark.parametrize(
    ("logit", "target", "value", "slope"),
    [
        (1000, 1, 0, 0),
        (1000, 0, 1000, 1),
        (-1000, 0, 0, 0),
        (-1000, 1, 1000, -1),
        (0, 0.5, np.log(2), 0),
    ],
)
def test_binary_cross_entropy_at_plus_and_minus_1000(logit, target, value, slope):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, gradient = binary_cross_entropy(np.array([[float(logit)]]), [[target]])
    assert found == pytest.approx(value)
    np.testing.assert_array_equal(gradient, [[slope]])


def test_softmax_does_not_see_a_shift_of_all_logits(rng):
    logits, labels = rng.normal(size=(4, 3)), np.array([0, 1, 2, 0])
    value, gradient = softmax_cross_entropy(logits, labels)
    shifted_value, shifted_gradient = softmax_cross_entropy(logits + 512.0, labels)
    assert shifted_value == pytest.approx(value)
    np.testing.assert_allclose(shifted_gradient, gradient, atol=1e-12)
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-16)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_leaves_its_arguments_alone_and_keeps_the_dtype(rng, name, dtype):
    outputs = rng.normal(size=(4, 2)).astype(dtype)
    targets = rng.integers(0, 2, 4 if name == "softmax_cross_entropy" else (4, 2))
    before = outputs.copy(), targets.copy()
    _, gradient = getattr(losses, name)(outputs, targets)
    np.testing.assert_array_equal(outputs, before[0])
    np.testing.assert_array_equal(targets, before[1])
    assert gradient.dtype == dtype
    assert not np.shares_memory(gradient, outputs)


@pytest.mark.parametrize("name", LOSSES)
def test_is_a_mean_over_the_batch(rng, name):
    """Twice the same samples: the same value, half of the gradient for each."""
    outputs = rng.normal(size=(4, 2))
    targets = rng.integers(0, 2, 4 if name == "softmax_cross_entropy" else (4, 2))
    loss = getattr(losses, name)
    value, gradient = loss(outputs, targets)
    twice_value, twice_gradient = loss(np.tile(outputs, (2, 1)), np.concatenate([targets, targets]))
    assert twice_value == pytest.approx(value)
    np.testing.assert_allclose(twice_gradient, np.tile(gradient, (2, 1)) / 2)
