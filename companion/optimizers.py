r"""Seven ways to turn a gradient into an update.

Every optimizer has one method, ``step(params, grads)``, which changes `params` in place; the code
of each update is its equation. The letters, and the attribute each is kept in:

======================================  ===========================
:math:`w`, the parameters               ``params``
:math:`g`, the gradient                 ``grads``
:math:`\eta`, the learning rate         ``lr``
:math:`v`, velocity (Momentum)          ``v``
:math:`h`, sum or mean of squares       ``h``
:math:`m, v`, first and second moment   ``m``, ``v`` (Adam)
:math:`t`, updates made, from 1         ``t``
======================================  ===========================

What an optimizer remembers starts as the number 0 and takes the parameters' shape and dtype with
the first update.
"""

from dataclasses import dataclass, field

import numpy as np

from companion._checks import check_not_negative, check_positive, check_rate


class Optimizer:
    """What all optimizers share: checked settings, a count of updates, and ``step``.

    The learning rate ``lr`` may be assigned between updates; so may the others.
    """

    t = 0

    def __post_init__(self):
        check_positive("lr", self.lr)
        for name, value in vars(self).items():
            if name in ("momentum", "decay", "beta1", "beta2"):
                check_rate(name, value)
            if name in ("eps", "weight_decay"):
                check_not_negative(name, value)

    def step(self, params, grads):
        """Make one update: change `params` in place, leave `grads` alone.

        Parameters
        ----------
        params : (n,) float array
        grads : (n,) float array
            The gradient of the loss at `params`.

        Raises
        ------
        TypeError
            If `params` is not a float array: an update cannot be written into it.
        ValueError
            If the shapes differ, or differ from those of the updates before.
        """
        self._check(params, grads)
        self.t += 1
        self._update(params, grads)

    def _check(self, params, grads):
        if not isinstance(params, np.ndarray) or params.dtype.kind != "f":
            raise TypeError(f"params must be an array of floats, got {params!r}")
        if params.shape != np.shape(grads):
            raise ValueError(
                f"params and grads must have the same shape, got {params.shape} and "
                f"{np.shape(grads)}"
            )
        for name, memory in vars(self).items():
            if isinstance(memory, np.ndarray) and memory.shape != params.shape:
                raise ValueError(
                    f"this optimizer has been updating parameters of shape {memory.shape} (its "
                    f"{name}), got params of shape {params.shape}: make a new one"
                )


@dataclass(eq=False)
class SGD(Optimizer):
    r"""Stochastic gradient descent: a step against the gradient.

    .. math:: w \leftarrow w - \eta g

    Parameters
    ----------
    lr : float, default 0.01
        Learning rate η, positive.

    Source: robbins1951.

    Examples
    --------
    >>> params = np.array([1.0, -2.0])
    >>> SGD(lr=0.1).step(params, np.array([1.0, -1.0]))
    >>> params
    array([ 0.9, -1.9])
    """

    lr: float = 0.01

    def _update(self, params, grads):
        params -= self.lr * grads


@dataclass(eq=False)
class Momentum(Optimizer):
    r"""A ball that rolls down the loss with friction.

    .. math:: v \leftarrow \alpha v - \eta g, \qquad w \leftarrow w + v

    PyTorch keeps η outside of the velocity (:math:`v \leftarrow \alpha v + g`,
    :math:`w \leftarrow w - \eta v`): the same path while η is constant, another one once it changes.

    Parameters
    ----------
    lr : float, default 0.01
        Learning rate η, positive.
    momentum : float, default 0.9
        The share α of the velocity that is kept, in [0, 1).

    Source: polyak1964.

    Examples
    --------
    >>> params, optimizer = np.array([1.0]), Momentum(lr=0.1)
    >>> for _ in range(2):
    ...     optimizer.step(params, np.array([1.0]))
    >>> params.round(6)
    array([0.71])
    """

    lr: float = 0.01
    momentum: float = 0.9
    v = 0.0

    def _update(self, params, grads):
        self.v = self.momentum * self.v - self.lr * grads
        params += self.v


@dataclass(eq=False)
class Nesterov(Optimizer):
    r"""Momentum that looks ahead: the gradient is taken where the velocity is about to lead.

    .. math:: v \leftarrow \alpha v - \eta g, \qquad w \leftarrow w + \alpha v - \eta g

    This is the form in which `params` hold the point looked at, so that ``step`` needs no second
    gradient. PyTorch's ``nesterov=True`` gives the same path while η is constant.

    Parameters
    ----------
    lr : float, default 0.01
        Learning rate η, positive.
    momentum : float, default 0.9
        The share α of the velocity that is kept, in [0, 1).

    Source: nesterov1983, sutskever2013.

    Examples
    --------
    >>> params, optimizer = np.array([1.0]), Nesterov(lr=0.1)
    >>> optimizer.step(params, np.array([1.0]))
    >>> params.round(6)
    array([0.81])
    """

    lr: float = 0.01
    momentum: float = 0.9
    v = 0.0

    def _update(self, params, grads):
        self.v = self.momentum * self.v - self.lr * grads
        params += self.momentum * self.v - self.lr * grads


@dataclass(eq=False)
class AdaGrad(Optimizer):
    r"""A learning rate for each parameter, smaller the more its gradients have added up.

    .. math:: h \leftarrow h + g \odot g, \qquad w \leftarrow w - \eta \frac{g}{\sqrt{h} + \epsilon}

    Parameters
    ----------
    lr : float, default 0.01
        Learning rate η, positive.
    eps : float, default 1e-7
        Keeps the division finite, at least 0; PyTorch's default is 1e-10.

    Source: duchi2011.

    Examples
    --------
    >>> params, optimizer = np.array([1.0, 1.0]), AdaGrad(lr=0.1)
    >>> optimizer.step(params, np.array([100.0, 0.01]))
    >>> params.round(4)
    array([0.9, 0.9])
    """

    lr: float = 0.01
    eps: float = 1e-7
    h = 0.0

    def _update(self, params, grads):
        self.h = self.h + grads * grads
        params -= self.lr * grads / (np.sqrt(self.h) + self.eps)


@dataclass(eq=False)
class RMSProp(Optimizer):
    r"""AdaGrad with a memory that fades: a moving mean of the squares instead of their sum.

    .. math:: h \leftarrow \rho h + (1 - \rho)\, g \odot g, \qquad
              w \leftarrow w - \eta \frac{g}{\sqrt{h} + \epsilon}

    Parameters
    ----------
    lr : float, default 0.001
        The learning rate η, positive.
    decay : float, default 0.9
        The share ρ of the mean that is kept, in [0, 1); PyTorch calls it alpha, default 0.99.
    eps : float, default 1e-7
        Keeps the division finite, at least 0; outside of the root, as in PyTorch.

    Source: tieleman2012.

    Examples
    --------
    >>> params = np.array([1.0, 1.0])
    >>> RMSProp(lr=0.1, decay=0.75).step(params, np.array([3.0, -3.0]))
    >>> params.round(4)
    array([0.8, 1.2])
    """

    lr: float = 0.001
    decay: float = 0.9
    eps: float = 1e-7
    h = 0.0

    def _update(self, params, grads):
        self.h = self.decay * self.h + (1 - self.decay) * grads * grads
        params -= self.lr * grads / (np.sqrt(self.h) + self.eps)


@dataclass(eq=False)
class Adam(Optimizer):
    r"""Momentum and RMSProp together, both means corrected for their start at zero.

    .. math:: m &\leftarrow \beta_1 m + (1 - \beta_1)\, g, &
              \hat m &= m / (1 - \beta_1^t) \\
              v &\leftarrow \beta_2 v + (1 - \beta_2)\, g \odot g, &
              \hat v &= v / (1 - \beta_2^t) \\
              w &\leftarrow w - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon}

    This is Algorithm 1 of the paper. The shorter form that corrects η instead has its ε at another
    place (the paper's ε-hat), and is not quite the same.

    Parameters
    ----------
    lr : float, default 0.001
        The learning rate η, positive.
    beta1 : float, default 0.9
        The share of the mean gradient that is kept, in [0, 1).
    beta2 : float, default 0.999
        The share of the mean square that is kept, in [0, 1).
    eps : float, default 1e-8
        Keeps the division finite, at least 0.

    Source: kingma2015.

    Examples
    --------
    The first update has the size of the learning rate, whatever the size of the gradient:

    >>> params = np.array([1.0, 1.0])
    >>> Adam(lr=0.1).step(params, np.array([100.0, 0.01]))
    >>> params.round(4)
    array([0.9, 0.9])
    """

    lr: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    m = v = 0.0

    def _update(self, params, grads):
        self.m = self.beta1 * self.m + (1 - self.beta1) * grads
        self.v = self.beta2 * self.v + (1 - self.beta2) * grads * grads
        m_hat = self.m / (1 - self.beta1**self.t)
        v_hat = self.v / (1 - self.beta2**self.t)
        params -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)


@dataclass(eq=False)
class AdamW(Optimizer):
    r"""Adam with decoupled weight decay: the weights shrink by themselves, not by their gradient.

    .. math:: w \leftarrow w - \eta \lambda w, \qquad \text{then Adam's update}

    Decay written into the loss (as `fit` does) would be divided by :math:`\sqrt{\hat v}` like any
    other gradient; here it is not.

    Parameters
    ----------
    lr, beta1, beta2, eps : float, defaults 0.001, 0.9, 0.999, 1e-8
        As in Adam.
    weight_decay : float, default 0.01
        The decay λ, at least 0.
    decayed : slice, default all
        Which parameters decay. For a network pass ``network.decayed``, which leaves out biases and
        BatchNorm's γ and β.

    Source: loshchilov2019.

    Examples
    --------
    >>> params = np.array([1.0, 1.0])
    >>> AdamW(lr=0.1, weight_decay=0.5, decayed=slice(0, 1)).step(params, np.zeros(2))
    >>> params
    array([0.95, 1.  ])
    """

    lr: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.01
    decayed: slice = field(default_factory=lambda: slice(None))
    m = v = 0.0

    def _update(self, params, grads):
        params[self.decayed] -= self.lr * self.weight_decay * params[self.decayed]
        self.m = self.beta1 * self.m + (1 - self.beta1) * grads
        self.v = self.beta2 * self.v + (1 - self.beta2) * grads * grads
        m_hat = self.m / (1 - self.beta1**self.t)
        v_hat = self.v / (1 - self.beta2**self.t)
        params -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)
