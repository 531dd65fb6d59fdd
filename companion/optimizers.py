r"""Seven ways to turn a gradient into an update.

Every optimizer has one method, ``step(params, grads)``, which changes `params` in place; the code
of each update is its equation. The letters, and the attribute each is kept in:

==========================  ====================  =============================================
:math:`w, g`                `params`, `grads`     the parameters and their gradient
:math:`\eta`                ``lr``                learning rate, positive
:math:`\alpha`              ``momentum``          share of the velocity kept, in [0, 1)
:math:`\rho`                ``decay``             share of the mean square kept, in [0, 1)
:math:`\beta_1, \beta_2`    ``beta1``, ``beta2``  shares of the two means kept, in [0, 1)
:math:`\epsilon`            ``eps``               keeps a division finite, at least 0
:math:`\lambda`             ``weight_decay``      strength of the decay, at least 0
:math:`v`                   ``v``                 velocity; in Adam mean of squared gradients
:math:`h`                   ``h``                 sum or mean of squared gradients
:math:`m`                   ``m``                 mean of the gradients (Adam)
:math:`t`                   ``t``                 updates made, from 1
==========================  ====================  =============================================

A setting outside of its range raises ValueError. Settings may be assigned between updates. What an
optimizer remembers starts as the number 0 and takes the parameters' shape and dtype with the first
update. The powers and products are element by element.
"""

from dataclasses import dataclass, field

import numpy as np

from companion._checks import check_not_negative, check_positive, check_rate, check_same


class Optimizer:
    """What all optimizers share: checked settings, a count of updates, and ``step``."""

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
        check_same("shape", params=params.shape, grads=np.shape(grads))
        for name, memory in vars(self).items():
            if isinstance(memory, np.ndarray) and memory.shape != params.shape:
                raise ValueError(
                    f"params must have the shape of this optimizer's {name}, {memory.shape}, got "
                    f"{params.shape}: make a new optimizer for other parameters"
                )


@dataclass(eq=False)
class SGD(Optimizer):
    r"""Stochastic gradient descent: a step against the gradient (robbins1951).

    .. math:: w \leftarrow w - \eta g

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
    r"""A ball that rolls down the loss with friction (polyak1964).

    .. math:: v \leftarrow \alpha v - \eta g, \qquad w \leftarrow w + v

    PyTorch keeps η outside of the velocity (:math:`v \leftarrow \alpha v + g`,
    :math:`w \leftarrow w - \eta v`): the same path while η is constant, another once it changes.

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
    r"""Momentum that takes the gradient where the velocity is about to lead (nesterov1983).

    .. math:: v \leftarrow \alpha v - \eta g, \qquad w \leftarrow w + \alpha v - \eta g

    This is the form in which `params` hold the point looked at, so that ``step`` needs no second
    gradient (bengio2012). PyTorch's ``nesterov=True`` gives the same path while η is constant.

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
    r"""A rate for each parameter, smaller the more its gradients have added up (duchi2011).

    .. math:: h \leftarrow h + g^2, \qquad w \leftarrow w - \eta \frac{g}{\sqrt{h} + \epsilon}

    PyTorch's default ε is 1e-10.

    >>> params, optimizer = np.array([1.0, 1.0]), AdaGrad(lr=0.1)
    >>> optimizer.step(params, np.array([100.0, 0.01]))
    >>> params.round(4)
    array([0.9, 0.9])
    """

    lr: float = 0.01
    eps: float = 1e-7
    h = 0.0

    def _update(self, params, grads):
        self.h = self.h + grads**2
        params -= self.lr * grads / (np.sqrt(self.h) + self.eps)


@dataclass(eq=False)
class RMSProp(Optimizer):
    r"""AdaGrad with a memory that fades: a moving mean, not a sum, of squares (tieleman2012).

    .. math:: h \leftarrow \rho h + (1 - \rho) g^2, \qquad
              w \leftarrow w - \eta \frac{g}{\sqrt{h} + \epsilon}

    PyTorch calls ρ alpha, and its defaults are lr 0.01, alpha 0.99, eps 1e-8.

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
        self.h = self.decay * self.h + (1 - self.decay) * grads**2
        params -= self.lr * grads / (np.sqrt(self.h) + self.eps)


@dataclass(eq=False)
class Adam(Optimizer):
    r"""Momentum and RMSProp together, both means corrected for their start at 0 (kingma2015).

    .. math:: m &\leftarrow \beta_1 m + (1 - \beta_1) g, &
              \hat m &= m / (1 - \beta_1^t) \\
              v &\leftarrow \beta_2 v + (1 - \beta_2) g^2, &
              \hat v &= v / (1 - \beta_2^t) \\
              w &\leftarrow w - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon}

    This is Algorithm 1 of the paper. The shorter form that corrects η instead has its ε at another
    place (the paper's ε-hat), and is not quite the same.

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
        self.v = self.beta2 * self.v + (1 - self.beta2) * grads**2
        m_hat = self.m / (1 - self.beta1**self.t)
        v_hat = self.v / (1 - self.beta2**self.t)
        params -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)


@dataclass(eq=False)
class AdamW(Optimizer):
    r"""Adam with decoupled weight decay: weights shrink apart from their gradient (loshchilov2019).

    .. math:: w \leftarrow w - \eta \lambda w, \qquad \text{then Adam's update}

    Decay written into the loss (as `fit` does) would be divided by :math:`\sqrt{\hat v}` like any
    other gradient; here it is not. `decayed`, a slice, says which parameters decay, by default all.
    For a network pass ``network.decayed``, which leaves out biases and BatchNorm's γ and β.

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
        Adam._update(self, params, grads)
