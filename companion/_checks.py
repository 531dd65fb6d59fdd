"""Checks of arguments: each raises an error that names it, its value, and what was expected."""

import numpy as np


def check_positive(name, value):
    """Raise unless `value` is a finite number above 0."""
    if not (_is_number(value) and 0 < value < np.inf):
        raise ValueError(f"{name} must be a positive number, got {value!r}")


def check_not_negative(name, value):
    """Raise unless `value` is a finite number of at least 0."""
    if not (_is_number(value) and 0 <= value < np.inf):
        raise ValueError(f"{name} must be a number of at least 0, got {value!r}")


def check_rate(name, value):
    """Raise unless `value` is a number in [0, 1)."""
    if not (_is_number(value) and 0 <= value < 1):
        raise ValueError(f"{name} must be a number in [0, 1), got {value!r}")


def check_count(name, value, least=1):
    """Raise unless `value` is an integer of at least `least`."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")


def check_generator(rng, name="rng"):
    """Raise unless `rng` is a NumPy random generator."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"{name} must be a numpy.random.Generator, as np.random.default_rng(0) is, got {rng!r}"
        )


def check_data(name, array):
    """Return `array` as an array; raise if it is empty, not numeric, or not finite."""
    array = np.asarray(array)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got an array of dtype {array.dtype}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        count = np.count_nonzero(~np.isfinite(array))
        raise ValueError(f"{name} must be finite, got {count} values that are NaN or infinite")
    return array


def check_same(what, **values):
    """Raise unless the two named values, of the named kind (shape, length), are equal."""
    (name, value), (other_name, other) = values.items()
    if value != other:
        names = f"{name} and {other_name}"
        raise ValueError(f"{names} must have the same {what}, got {value} and {other}")


def _is_number(value):
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
