"""Learning rates as functions of the step.

Each schedule is a plain function: it takes the number of steps made so far (from 0; a number or an
array, so that ``plt.plot(steps, cosine(steps, ...))`` draws it) and returns the learning rate of
the next. What a step is, an update or an epoch, the caller decides, and must decide: a decay meant
for epochs and counted in updates falls hundreds of times too fast.
"""

import numpy as np

from companion._checks import check_count, check_not_negative, check_positive


def constant(step, lr):
    """Return `lr` at every step.

    >>> float(constant(100, lr=0.1))
    0.1
    """
    check_positive("lr", lr)
    return np.full(np.shape(step), lr)[()]


def time_based(step, lr, decay):
    r"""Return :math:`\eta_t = \eta_0 / (1 + k t)`, with :math:`k` = `decay` per step.

    >>> time_based(100, lr=0.1, decay=0.01)
    0.05
    """
    check_positive("lr", lr)
    check_not_negative("decay", decay)
    return lr / (1 + decay * step)


def exponential(step, lr, decay):
    r"""Return :math:`\eta_t = \eta_0 e^{-k t}`, with :math:`k` = `decay` per step.

    >>> round(float(exponential(100, lr=0.1, decay=0.01)), 4)
    0.0368
    """
    check_positive("lr", lr)
    check_not_negative("decay", decay)
    return lr * np.exp(-decay * step)


def step_decay(step, lr, every, factor=0.5):
    r"""Return `lr` multiplied by `factor` once for every `every` steps made.

    >>> step_decay(25, lr=0.1, every=10)
    0.025
    """
    check_positive("lr", lr)
    check_count("every", every)
    check_positive("factor", factor)
    return lr * factor ** (step // every)


def cosine(step, lr, total, lr_min=0.0):
    r"""Return half a cosine: `lr` at step 0, `lr_min` from step `total` on (loshchilov2017).

    .. math:: \eta_t = \eta_{\min} + \tfrac12 (\eta_0 - \eta_{\min})
              \left(1 + \cos \frac{\pi t}{T}\right)

    >>> float(cosine(50, lr=0.1, total=100))
    0.05
    """
    check_positive("lr", lr)
    check_positive("total", total)
    check_not_negative("lr_min", lr_min)
    return _half_cosine(np.minimum(np.asarray(step) / total, 1.0), lr, lr_min)


def warm_restarts(step, lr, period, growth=1, lr_min=0.0):
    """Return a cosine that starts again after `period` steps, then after `growth` times as many.

    Each falls from `lr` to `lr_min`. What is restarted is the *learning rate*; the parameters go on
    from where they are (SGDR, loshchilov2017).

    >>> steps = np.array([0, 5, 10, 20, 30])
    >>> warm_restarts(steps, lr=0.1, period=10, growth=2).round(3)
    array([0.1 , 0.05, 0.1 , 0.05, 0.1 ])
    """
    check_positive("lr", lr)
    check_count("period", period)
    check_count("growth", growth)
    check_not_negative("lr_min", lr_min)
    begins = [0]
    while (end := begins[-1] + period * growth ** (len(begins) - 1)) <= np.max(step):
        begins.append(end)
    cycle = np.searchsorted(begins, step, side="right") - 1
    return _half_cosine((step - np.array(begins)[cycle]) / (period * growth**cycle), lr, lr_min)


def warm_up(step, lr, steps):
    """Return a rate that rises evenly to `lr` over `steps` steps, then stays (goyal2017).

    Multiply it (with ``lr=1``) with another schedule to warm that one up.

    >>> [float(lr) for lr in warm_up(np.array([0, 1, 2, 3, 4]), lr=1.0, steps=4)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    check_positive("lr", lr)
    check_count("steps", steps)
    return lr * np.minimum((np.asarray(step) + 1) / steps, 1.0)


def _half_cosine(share, lr, lr_min):
    return lr_min + (lr - lr_min) * (1 + np.cos(np.pi * share)) / 2
