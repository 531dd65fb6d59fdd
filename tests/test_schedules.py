"""The schedules, worked by hand."""

import numpy as np
import pytest

from companion.schedules import (
    constant,
    cosine,
    exponential,
    step_decay,
    time_based,
    warm_restarts,
    warm_up,
)

# Each schedule with its settings, and what it gives at some steps.
WORKED = [
    (constant, {"lr": 0.1}, {0: 0.1, 1: 0.1, 1000: 0.1}),
    (time_based, {"lr": 0.1, "decay": 0.5}, {0: 0.1, 1: 0.1 / 1.5, 2: 0.05, 18: 0.01}),
    (exponential, {"lr": 0.1, "decay": np.log(2)}, {0: 0.1, 1: 0.05, 3: 0.0125}),
    (
        step_decay,
        {"lr": 0.8, "every": 10},
        {0: 0.8, 9: 0.8, 10: 0.4, 19: 0.4, 20: 0.2, 35: 0.1},
    ),
    (step_decay, {"lr": 1.0, "every": 3, "factor": 0.1}, {2: 1.0, 3: 0.1, 6: 0.01}),
    (
        cosine,
        {"lr": 0.1, "total": 60, "lr_min": 0.02},
        {0: 0.1, 20: 0.08, 30: 0.06, 40: 0.04, 60: 0.02, 61: 0.02, 1000: 0.02},
    ),
    (
        warm_restarts,  # cycles of 10, 20 and 40 steps begin at 0, 10, 30 and end at 70
        {"lr": 0.1, "period": 10, "growth": 2, "lr_min": 0.02},
        {0: 0.1, 5: 0.06, 10: 0.1, 20: 0.06, 30: 0.1, 50: 0.06, 70: 0.1},
    ),
    (warm_restarts, {"lr": 1.0, "period": 3}, {0: 1, 1: 0.75, 2: 0.25, 3: 1, 4: 0.75, 6: 1}),
    (warm_up, {"lr": 0.8, "steps": 4}, {0: 0.2, 1: 0.4, 2: 0.6, 3: 0.8, 4: 0.8, 100: 0.8}),
]

each_schedule = pytest.mark.parametrize(
    ("schedule", "settings", "values"), WORKED, ids=lambda each: getattr(each, "__name__", "")
)


@each_schedule
def test_worked_by_hand(schedule, settings, values):
    for step, value in values.items():
        assert schedule(step, **settings) == pytest.approx(value, rel=1e-12), step


@each_schedule
def test_an_array_of_steps_gives_the_same_as_each_alone(schedule, settings, values):
    steps = np.arange(90)
    together = schedule(steps, **settings)
    assert together.shape == steps.shape
    np.testing.assert_allclose(
        together, [schedule(int(step), **settings) for step in steps], rtol=1e-14
    )
    assert np.ndim(schedule(3, **settings)) == 0


@pytest.mark.parametrize(
    ("schedule", "settings"),
    [
        (time_based, {"lr": 0.1, "decay": 0.01}),
        (exponential, {"lr": 0.1, "decay": 0.01}),
        (cosine, {"lr": 0.1, "total": 50}),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_falls_at_every_step(schedule, settings):
    rates = schedule(np.arange(51), **settings)
    assert rates[0] == 0.1
    assert np.all(np.diff(rates) < 0)


def test_restarts_come_at_the_exact_steps():
    """The rate rises only where a cycle begins: after 10, then 20, then 40 steps, all at once."""
    rates = warm_restarts(np.arange(80), lr=0.1, period=10, growth=2)
    rises = np.flatnonzero(np.diff(rates) > 0) + 1
    np.testing.assert_array_equal(rises, [10, 30, 70])
    np.testing.assert_allclose(rates[rises], 0.1, rtol=1e-15)


def test_warm_up_multiplies_with_another_schedule():
    steps = np.arange(200)
    rates = warm_up(steps, lr=1.0, steps=10) * cosine(steps, lr=0.1, total=200)
    assert rates.argmax() == 9
    assert rates[0] == pytest.approx(0.01)


def test_the_unit_of_a_decay_decides():
    """k = 0.1/20 over 20 epochs of 468 updates, counted per epoch and per update."""
    per_epoch = time_based(20, lr=0.1, decay=0.1 / 20)
    per_update = time_based(20 * 468, lr=0.1, decay=0.1 / 20)
    assert (round(per_epoch, 3), round(per_update, 4)) == (0.091, 0.0021)
