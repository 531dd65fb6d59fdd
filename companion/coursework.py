"""What the tests of the assignments call: comparisons that say what is wrong with an answer.

The visible tests run in the student's notebook, so their messages have to help: not "arrays are not
equal" but "has the right size but the wrong sign". The hidden ones call the same functions.
"""

import os
from contextlib import ExitStack, contextmanager
from importlib import import_module
from inspect import isclass, isfunction

import numpy as np
from numpy import allclose, isclose  # these, whatever a notebook assigns to np.allclose

from companion._checks import check_count

# The environment variable in which the grader names the student whose notebook it executes.
STUDENT = "COURSEWORK_STUDENT"


def generator(student_number, edition=2026):
    """Return the generator that draws a student's own data.

    Each `student_number`, an integer from 1, gives another one, and so does each `edition` of the
    course, an integer from 1. ValueError if the number is none, or, where the grader executes the
    notebook, not that of the student who handed it in.
    """
    if student_number == 0:
        raise ValueError("student_number is 0: write your own into the cell that sets it")
    check_count("student_number", student_number)
    check_count("edition", edition)
    student = os.environ.get(STUDENT, "")
    if student.isdecimal() and int(student) != student_number:
        raise ValueError(
            f"student_number is {student_number}, but student {student} handed this in"
        )
    return np.random.default_rng([student_number, edition])


def check(name, got, expected, mistakes=None, *, rtol=1e-6, atol=1e-9):
    """Raise AssertionError that says what is wrong, unless `got` is close to `expected`.

    Parameters
    ----------
    name : str
        What is compared, as the message should call it.
    got, expected : number or array
    mistakes : dict, optional
        For each known mistake, what it says about `got` ("was not divided by the batch size") and
        the value that it leads to, or None if it cannot be made on this input.
    rtol, atol : float, default 1e-6 and 1e-9
        Close means ``|got - expected| <= atol + rtol * |expected|``, everywhere.

    Examples
    --------
    >>> check("the gradient", [-1.0, 2.0], np.array([1.0, -2.0]))
    Traceback (most recent call last):
    AssertionError: the gradient has the right size but the wrong sign
    """
    expected = np.asarray(expected)
    got = _as_numbers(name, got, expected.shape)
    if _close(got, expected, rtol, atol):
        return
    for message, wrong in (mistakes or {}).items():
        if wrong is not None and _close(got, np.asarray(wrong), rtol, atol):
            raise AssertionError(f"{name} {message}")
    if _close(got, -expected, rtol, atol):
        raise AssertionError(f"{name} has the right size but the wrong sign")
    if _close(got.T, expected, rtol, atol):
        raise AssertionError(f"{name} is transposed")
    raise AssertionError(f"{name} {_difference(got, expected, rtol, atol)}")


def check_shape(name, got, shape):
    """Raise AssertionError unless `got` is an array of numbers of that `shape`; a number has ().

    The message calls it by `name`.

    >>> check_shape("dW", [[1.0, 2.0]], (2, 1))
    Traceback (most recent call last):
    AssertionError: dW has shape (1, 2), expected (2, 1): is it transposed?
    """
    _as_numbers(name, got, shape)


@contextmanager
def unchanged(**arrays):
    """Raise AssertionError if the block changes one of the `arrays`, given by their names.

    >>> x = np.zeros(2)
    >>> with unchanged(x=x):
    ...     x += 1
    Traceback (most recent call last):
    AssertionError: x was changed: work on a copy, or make a new array
    """
    before = {name: np.copy(array) for name, array in arrays.items()}
    yield
    for name, array in arrays.items():
        if not np.array_equal(array, before[name], equal_nan=True):
            raise AssertionError(f"{name} was changed: work on a copy, or make a new array")


@contextmanager
def without(*names):
    """Make companion's own versions fail while the block runs.

    `names` are those of classes and functions, such as "optimizers.Adam". A class fails in all its
    methods, a function when it is called, with an AssertionError, however it was imported.
    """
    with ExitStack() as stack:
        for name in names:
            module, attribute = name.split(".")
            thing = getattr(import_module(f"companion.{module}"), attribute)
            for function in vars(thing).values() if isclass(thing) else [thing]:
                if isfunction(function):
                    code = function.__code__
                    stack.callback(setattr, function, "__code__", code)
                    blocked = _blocked.__code__.replace(co_freevars=code.co_freevars)
                    function.__code__ = blocked  # in place, however the function was imported
        yield


def _blocked(*args, **kwargs):
    raise AssertionError("this task asks for your own version, and yours calls companion's")


def _as_numbers(name, got, shape):
    """Return `got` as an array of numbers of that shape; raise if it is none."""
    if got is None:
        raise AssertionError(f"{name} is None: is a `return` missing, or the code not written yet?")
    try:
        array = np.asarray(got)
        kind = array.dtype.kind
    except ValueError:  # lists of different lengths
        kind = "O"
    if kind not in "biuf":
        raise AssertionError(f"{name} is no array of numbers but of type {type(got).__name__}")
    if array.shape != shape:
        hint = ": is it transposed?" if array.shape == shape[::-1] else ""
        wanted = shape or "a single number"
        raise AssertionError(f"{name} has shape {array.shape}, expected {wanted}{hint}")
    if not np.isfinite(array).all():
        raise AssertionError(f"{name} holds NaN or infinity, expected finite numbers")
    return array


def _close(got, expected, rtol, atol):
    return got.shape == expected.shape and allclose(got, expected, rtol, atol)


def _difference(got, expected, rtol, atol):
    """Say how two arrays of the same shape differ: by a factor, or where."""
    scale = np.sum(got * expected) / np.sum(expected**2) if np.any(expected) else 0.0
    if got.size > 1 and scale and _close(got, scale * expected, rtol, atol):
        return f"is {scale:.6g} times what is expected, everywhere"
    wrong = ~isclose(got, expected, rtol, atol)
    if got.ndim == 0:
        return f"is {got:.6g}, expected {expected:.6g}"
    first = tuple(np.argwhere(wrong)[0].tolist())
    return (
        f"is wrong in {wrong.sum()} of {wrong.size} places, the first at index {first}: "
        f"{got[first]:.6g}, expected {expected[first]:.6g}"
    )
