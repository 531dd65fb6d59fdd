"""The helpers of the assignments' tests say what is wrong, and close the way around a task."""

import numpy as np
import pytest

from companion import initializers, layers, losses, optimizers
from companion.coursework import STUDENT, check, check_shape, generator, unchanged, without

HERE = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (HERE, HERE),
        (HERE.tolist(), HERE),
        (HERE * (1 + 1e-7), HERE),
        (1, 1.0),
        (np.float32(0.5), 0.5),
        ([True, False], [1, 0]),
        (1e-10, 0.0),
    ],
)
def test_close_values_pass(got, expected):
    assert check("it", got, expected) is None


@pytest.mark.parametrize(
    ("got", "expected", "message"),
    [
        (None, 1.0, "it is None: is a `return` missing, or the code not written yet?"),
        ("1", 1.0, "it is no array of numbers but of type str"),
        (len, 1.0, "it is no array of numbers but of type builtin_function_or_method"),
        ([[1], [1, 2]], [1, 2], "it is no array of numbers but of type list"),
        (1j, 1.0, "it is no array of numbers but of type complex"),
        (HERE.T, HERE, r"it has shape \(3, 2\), expected \(2, 3\): is it transposed\?"),
        (HERE[0], HERE, r"it has shape \(3,\), expected \(2, 3\)$"),
        ([1.0, np.nan], [1.0, 2.0], "it holds NaN or infinity, expected finite numbers"),
        (-HERE, HERE, "it has the right size but the wrong sign"),
        (-2.0, 2.0, "it has the right size but the wrong sign"),
        (5 * HERE, HERE, "it is 5 times what is expected, everywhere"),
        (HERE[:, :2].T, HERE[:, :2], "it is transposed"),
        (HERE, 2.0, r"it has shape \(2, 3\), expected a single number"),
        (HERE / -5, HERE, "it is -0.2 times what is expected, everywhere"),
        (2.5, 2.0, r"it is 2.5, expected 2$"),
        (
            HERE + np.eye(2, 3),
            HERE,
            r"it is wrong in 2 of 6 places, the first at index \(0, 0\): 2, ",
        ),
        (
            [0.0, 1.0],
            [0.0, 0.0],
            r"wrong in 1 of 2 places, the first at index \(1,\): 1, expected 0",
        ),
        ([1.0], [0.0], r"wrong in 1 of 1 places"),
    ],
)
def test_message_says_what_is_wrong(got, expected, message):
    with pytest.raises(AssertionError, match=message):
        check("it", got, expected)


def test_known_mistakes_are_named():
    mistakes = {"was not averaged": [10.0, 20.0], "has lost its bias": None}
    with pytest.raises(AssertionError, match="the gradient was not averaged"):
        check("the gradient", [10.0, 20.0], [1.0, 2.0], mistakes)
    with pytest.raises(AssertionError, match="the gradient is 3 times"):
        check("the gradient", [3.0, 6.0], [1.0, 2.0], mistakes)
    check("the gradient", [1.0, 2.0], [1.0, 2.0], mistakes | {"is right": [1.0, 2.0]})


def test_tolerance_can_be_set():
    check("it", 1.01, 1.0, rtol=0.02)
    with pytest.raises(AssertionError, match=r"it is 1\.01, expected 1"):
        check("it", 1.01, 1.0, rtol=0.005)


def test_shape_alone_can_be_checked():
    check_shape("it", HERE, (2, 3))
    check_shape("it", 5, ())
    with pytest.raises(AssertionError, match=r"it has shape \(3,\), expected a single number"):
        check_shape("it", HERE[0], ())
    with pytest.raises(AssertionError, match="it is None: is a `return` missing"):
        check_shape("it", None, (2, 3))


def test_what_must_stay_is_named_when_it_changes():
    x, y = np.array([1.0, np.nan]), np.ones((2, 2))
    with unchanged(x=x, y=y):
        _ = x + y
    with pytest.raises(AssertionError, match="y was changed: work on a copy"), unchanged(x=x, y=y):
        y[1, 1] = 2
    with pytest.raises(KeyError), unchanged(x=x):
        raise KeyError


CALLS = {
    "optimizers.Adam": lambda: optimizers.Adam().step(np.zeros(2), np.ones(2)),
    "layers.BatchNorm": lambda: layers.BatchNorm(3),
    "layers.Dense": lambda: layers.Dense(2, 3),
    "losses.softmax_cross_entropy": lambda: losses.softmax_cross_entropy(HERE, np.array([0, 1])),
    "initializers.he_normal": lambda: initializers.he_normal((2, 3), np.random.default_rng(0)),
    "initializers.normal": lambda: initializers.normal(0.1)((2, 3), np.random.default_rng(0)),
}


@pytest.mark.parametrize("name", CALLS)
def test_companions_own_version_fails_inside_and_works_after(name):
    call = CALLS[name]
    call()
    with without(name), pytest.raises(AssertionError, match="yours calls companion's"):
        call()
    call()


def test_a_method_taken_before_fails_too():
    step = optimizers.SGD(0.1).step
    adam = optimizers.Adam()
    with without("optimizers.Adam"):
        step(np.zeros(2), np.ones(2))
        with pytest.raises(AssertionError, match="yours calls companion's"):
            adam.step(np.zeros(2), np.ones(2))


def test_several_are_closed_and_all_open_again_after_an_error():
    names = ["optimizers.Adam", "losses.softmax_cross_entropy"]
    with pytest.raises(AssertionError, match="yours calls companion's"), without(*names):
        CALLS[names[1]]()
    for name in names:
        CALLS[name]()


def test_a_name_that_does_not_exist_is_an_error():
    with pytest.raises(AttributeError, match="NoSuch"), without("optimizers.NoSuch"):
        pass


def test_each_number_draws_other_data(monkeypatch):
    monkeypatch.delenv(STUDENT, raising=False)
    draws = {number: generator(number).normal() for number in (1, 2, 1001, 20261001)}
    assert len(set(draws.values())) == 4
    assert draws[1001] == generator(np.int64(1001)).normal()


@pytest.mark.parametrize("number", [-1, 1.5, "1001", None, True])
def test_a_number_must_be_a_positive_integer(number):
    with pytest.raises(ValueError, match="student_number must be an integer of at least 1"):
        generator(number)


def test_each_edition_of_the_course_has_other_data(monkeypatch):
    monkeypatch.setenv(STUDENT, "1001")  # the grader compares the number, not what is drawn with it
    assert generator(1001, 2027).normal() != generator(1001).normal()
    assert generator(1001, edition=2027).normal() == generator(1001, 2027).normal()
    with pytest.raises(ValueError, match="edition"):
        generator(1001, -1)


def test_a_number_must_be_written_in():
    with pytest.raises(ValueError, match="student_number is 0: write your own"):
        generator(0)


def test_the_grader_accepts_the_students_own_number_only(monkeypatch):
    monkeypatch.setenv(STUDENT, "01001")
    generator(1001)
    with pytest.raises(ValueError, match="is 1002, but student 01001 handed this in"):
        generator(1002)
    monkeypatch.setenv(STUDENT, "ada.lovelace")
    generator(1002)
