"""Every optimizer against PyTorch, against published end points, and against work by hand."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from companion.landscapes import (
    BEALE,
    HIMMELBLAU,
    RASTRIGIN,
    RAVINE,
    ROSENBROCK,
    SADDLE,
    descend,
)
from companion.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp

OPTIMIZERS = {
    type_.__name__: type_ for type_ in (SGD, Momentum, Nesterov, AdaGrad, RMSProp, Adam, AdamW)
}


def run(optimizer, start, gradients):
    """Return the parameters after each of the given gradients."""
    params, path = np.array(start), []
    for gradient in gradients:
        optimizer.step(params, np.array(gradient))
        path.append(params.copy())
    return np.array(path)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_same_path_as_pytorch(golden, name):
    reference = golden["optimizers"]["paths"][name]
    optimizer = OPTIMIZERS[name](**reference["settings"])
    path = run(optimizer, golden["optimizers"]["start"], golden["optimizers"]["gradients"])
    np.testing.assert_allclose(path, reference["path"], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("optimizer", "end"),
    [
        (SGD(lr=0.95), (-0.350393, 0.084782)),
        (Momentum(lr=0.1), (0.896414, 0.088086)),
        (AdaGrad(lr=1.5), (-0.120162, 2.5e-17)),
        (Adam(lr=0.3), (0.136015, 0.318245)),
        (Nesterov(lr=0.1), (0.689615, -0.000680)),
    ],
    ids=lambda argument: type(argument).__name__ if hasattr(argument, "lr") else "",
)
def test_published_end_points_on_the_ravine(optimizer, end):
    point = descend(RAVINE, optimizer, start=(-7.0, 2.0), steps=30)[-1]
    np.testing.assert_allclose(point, end, rtol=0, atol=5.1e-7)


def test_sgd_on_the_ravine_has_a_closed_form():
    """The gradient is (x/10, 2y): each update multiplies x by 1 − η/10 and y by 1 − 2η."""
    path = descend(RAVINE, SGD(lr=0.95), start=(-7.0, 2.0), steps=30)
    updates = np.arange(31)
    expected = np.stack([-7 * 0.905**updates, 2 * (-0.9) ** updates], axis=1)
    np.testing.assert_allclose(path, expected, rtol=1e-12)


# Two updates from w = 1 with the gradients 2 and -1; ε = 0 unless its place is what is shown.
# Momentum: v = -0.2, then -0.1 + 0.1 = 0. Nesterov: w moves by αv - ηg = -0.3, then 0.1.
# AdaGrad: h = 4, then 5. RMSProp (ρ = ¾): h = 1, then 1. Adam (β = ½, ¾): m = 1, 0 and v = 1, 1, so
# m̂ = 2, 0 and v̂ = 4, 16/7. AdamW: w first shrinks by the factor 1 - 0.1 · 0.5 = 0.95.
WORKED = [
    (SGD(lr=0.1), [0.8, 0.9]),
    (Momentum(lr=0.1, momentum=0.5), [0.8, 0.8]),
    (Nesterov(lr=0.1, momentum=0.5), [0.7, 0.8]),
    (AdaGrad(lr=0.1, eps=0.0), [0.9, 0.9 + 0.1 / 5**0.5]),
    (RMSProp(lr=0.1, decay=0.75, eps=0.0), [0.8, 0.9]),
    (Adam(lr=0.1, beta1=0.5, beta2=0.75, eps=0.0), [0.9, 0.9]),
    (AdamW(lr=0.1, beta1=0.5, beta2=0.75, eps=0.0, weight_decay=0.5), [0.85, 0.8075]),
    (AdaGrad(lr=0.1, eps=2.0), [0.95, 0.95 + 0.1 / (5**0.5 + 2)]),
    (RMSProp(lr=0.1, decay=0.75, eps=1.0), [0.9, 0.95]),
    (Adam(lr=0.1, beta1=0.5, beta2=0.75, eps=2.0), [0.95, 0.95]),
]


@pytest.mark.parametrize(("optimizer", "expected"), WORKED, ids=lambda argument: str(argument)[:30])
def test_worked_by_hand(optimizer, expected):
    path = run(optimizer, [1.0], [[2.0], [-1.0]])
    np.testing.assert_allclose(path[:, 0], expected, rtol=1e-14)


DEFAULTS = {
    "SGD": {"lr": 0.01},
    "Momentum": {"lr": 0.01, "momentum": 0.9},
    "Nesterov": {"lr": 0.01, "momentum": 0.9},
    "AdaGrad": {"lr": 0.01, "eps": 1e-7},
    "RMSProp": {"lr": 0.001, "decay": 0.9, "eps": 1e-7},
    "Adam": {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
    "AdamW": {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_defaults_are_those_of_the_book(name):
    optimizer = OPTIMIZERS[name]()
    assert {setting: getattr(optimizer, setting) for setting in DEFAULTS[name]} == DEFAULTS[name]


def test_momentum_differs_from_pytorchs_form_once_the_rate_changes():
    """The velocity holds the old rate: v = 0.9 · (−0.1) − 0.001; PyTorch's move is −0.0019."""
    optimizer, params = Momentum(lr=0.1), np.array([0.0])
    optimizer.step(params, np.array([1.0]))
    optimizer.lr = 0.001
    optimizer.step(params, np.array([1.0]))
    np.testing.assert_allclose(params, -0.1 - 0.091)


def test_memory_is_kept_by_the_letters_of_the_equations():
    """After one gradient g = 2: the velocity is −ηg, h is g² or a share of it, and so on."""
    memory = {
        Momentum(lr=0.1): {"v": -0.2},
        Nesterov(lr=0.1): {"v": -0.2},
        AdaGrad(): {"h": 4.0},
        RMSProp(decay=0.75): {"h": 1.0},
        Adam(beta1=0.75, beta2=0.5): {"m": 0.5, "v": 2.0, "t": 1},
        AdamW(beta1=0.75, beta2=0.5): {"m": 0.5, "v": 2.0, "t": 1},
    }
    for optimizer, expected in memory.items():
        optimizer.step(np.array([1.0]), np.array([2.0]))
        for letter, value in expected.items():
            assert getattr(optimizer, letter) == pytest.approx(value), (optimizer, letter)


def test_bias_correction_makes_the_first_updates_as_large_as_the_rate():
    """With a constant gradient m̂ and √v̂ equal it at every step, so each update is η."""
    path = run(Adam(lr=0.01, eps=0.0), [1.0], [[3.0]] * 5)
    np.testing.assert_allclose(path[:, 0], 1 - 0.01 * np.arange(1, 6), rtol=1e-12)


def test_adamw_decays_only_what_it_is_told(rng):
    gradient = rng.normal(size=4)
    plain, decayed = np.ones(4), np.ones(4)
    Adam(lr=0.1).step(plain, gradient)
    AdamW(lr=0.1, weight_decay=0.5, decayed=slice(1, 3)).step(decayed, gradient)
    np.testing.assert_allclose(plain - decayed, [0.0, 0.05, 0.05, 0.0], atol=1e-15)


LEARNING_RATES = {  # on the landscapes in the order of REACHED
    "SGD": (0.5, 0.5, 0.01, 0.01, 0.002, 0.002),
    "Momentum": (0.1, 0.1, 0.01, 0.01, 0.002, 0.002),
    "Nesterov": (0.1, 0.1, 0.01, 0.01, 0.001, 0.002),
    "AdaGrad": (1.0, 0.5, 0.5, 0.5, 1.0, 0.1),
    "RMSProp": (0.01, 0.01, 0.01, 0.005, 0.002, 0.002),
    "Adam": (0.1, 0.1, 0.1, 0.1, 0.05, 0.05),
    "AdamW": (0.1, 0.1, 0.1, 0.1, 0.05, 0.05),
}
# Rastrigin's function has a local minimum near every point of whole numbers; all optimizers end in
# the one at the start, (2.2, -1.7). Beside the axes it is where 2x + 20π sin 2πx = 0 (Newton).
REACHED = [
    (RAVINE, RAVINE.minima),
    (SADDLE, SADDLE.minima),
    (HIMMELBLAU, HIMMELBLAU.minima),
    (BEALE, BEALE.minima),
    (ROSENBROCK, ROSENBROCK.minima),
    (RASTRIGIN, np.array([[1.989912, -1.989912]])),
]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("row", range(len(REACHED)), ids=[each.name for each, _ in REACHED])
def test_converges(name, row):
    (landscape, minima), lr = REACHED[row], LEARNING_RATES[name][row]
    options = {"weight_decay": 0.0} if name == "AdamW" else {}
    end = descend(landscape, OPTIMIZERS[name](lr=lr, **options), steps=5000)[-1]
    distance = np.linalg.norm(minima - end, axis=1).min()
    assert distance < 0.02, end


def steps(magnitudes, dtype=np.float64):
    """Return a strategy for the gradients of some updates, (updates, n), of these magnitudes."""
    size = st.tuples(st.integers(1, 5), st.integers(1, 4))
    numbers = st.one_of(st.just(0.0), magnitudes, magnitudes.map(lambda number: -number))
    return size.flatmap(lambda shape: arrays(dtype, shape, elements=numbers))


ordinary = st.floats(2**-10, 2**10, width=32)


@pytest.mark.parametrize("name", OPTIMIZERS)
class TestStep:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @given(data=st.data())
    def test_changes_params_in_place_and_leaves_grads_and_dtypes_alone(self, name, dtype, data):
        gradients = data.draw(steps(ordinary, dtype))
        vector = np.ones(gradients.shape[1] + 2, dtype)
        params, given_gradients = vector[1:-1], gradients.copy()  # a view: written through
        optimizer = OPTIMIZERS[name]()
        for gradient in gradients:
            assert optimizer.step(params, gradient) is None
            if optimizer.t == 1:
                assert np.all(params[gradient != 0] != 1)
        np.testing.assert_array_equal(gradients, given_gradients)
        assert vector[0] == vector[-1] == 1
        memory = [value for value in vars(optimizer).values() if isinstance(value, np.ndarray)]
        assert {array.dtype for array in [params, *memory]} == {np.dtype(dtype)}

    @given(gradients=steps(ordinary), cut=st.integers(0, 5))
    def test_a_restored_state_gives_the_same_path(self, name, gradients, cut):
        params, optimizer = np.ones(gradients.shape[1]), OPTIMIZERS[name](lr=0.05)
        for gradient in gradients[:cut]:
            optimizer.step(params, gradient)
        state, kept = copy.deepcopy(vars(optimizer)), params.copy()
        path = run(optimizer, params, gradients[cut:])
        restored = OPTIMIZERS[name]()
        vars(restored).update(state)
        np.testing.assert_array_equal(run(restored, kept, gradients[cut:]), path)

    @given(gradients=steps(st.floats(0, 1e150)))
    def test_stays_finite_for_huge_tiny_and_zero_gradients(self, name, gradients):
        """The squares of larger ones than 1e154 are infinite in float64, and NumPy warns."""
        assert np.isfinite(run(OPTIMIZERS[name](), np.ones(gradients.shape[1]), gradients)).all()

    def test_a_gradient_of_zero_moves_nothing_but_what_decays(self, name):
        params, optimizer = np.ones(3), OPTIMIZERS[name]()
        optimizer.step(params, np.zeros(3))
        decay = 1 - 0.001 * 0.01 if name == "AdamW" else 1
        np.testing.assert_array_equal(params, np.full(3, decay))

    def test_treats_every_parameter_alone(self, name, rng):
        start, gradients = rng.normal(size=5), rng.normal(size=(4, 5))
        together = run(OPTIMIZERS[name](), start, gradients)
        alone = [run(OPTIMIZERS[name](), start[[i]], gradients[:, [i]]) for i in range(5)]
        np.testing.assert_allclose(together, np.hstack(alone), rtol=1e-15)

    def test_two_of_a_kind_share_no_memory(self, name, rng):
        first, second = OPTIMIZERS[name](), OPTIMIZERS[name]()
        run(first, np.ones(2), rng.normal(size=(3, 2)))
        fresh = OPTIMIZERS[name]()
        gradients = rng.normal(size=(3, 2))
        np.testing.assert_array_equal(
            run(second, np.ones(2), gradients), run(fresh, np.ones(2), gradients)
        )
