"""The layers of a network: what each computes, and how a gradient passes back through it.

A layer answers three questions. ``forward``: what comes out for these inputs? Then, given the
gradient of the loss with respect to what came out: ``parameter_gradients``, what is the gradient of
my parameters, and ``input_gradient``, what is the gradient of my inputs? Everything is an array
(batch, units).
"""

from functools import cache

import numpy as np
from scipy.special import expit

from companion._checks import check_count, check_generator, check_positive, check_rate
from companion.initializers import he_normal


def parameter(name):
    """Return a property for a view into a network's vector, called `name`: assigning writes there.

    Assigning to a plain attribute would cut it from the vector, and nothing would train it again.
    """
    attribute = f"_{name}"

    def write(owner, value):
        view = getattr(owner, attribute)
        if np.shape(value) not in ((), view.shape):
            raise ValueError(f"{name} must have shape {view.shape}, got {np.shape(value)}")
        view[...] = value

    doc = f"The values of {name}, a view into the network's vector."
    return property(lambda owner: getattr(owner, attribute), write, doc=doc)


class Layer:
    """What all layers share. Parameter ``W``, for example, has its gradient in ``dW``."""

    shapes = {}  # the shape of each parameter, by name
    decayed = ()  # the parameters that weight decay acts on
    state = ()  # the arrays that are kept and saved but not trained
    arguments = ()  # what the constructor takes and a file must hold
    n_in = n_out = None  # units in and out; None: as many as come

    def bind(self, name, values, gradient):
        """Make parameter `name` the view `values`, and its gradient the view `gradient`."""
        setattr(self, f"_{name}", values)
        setattr(self, f"d{name}", gradient)

    def initialize(self, rng):
        """Give the bound parameters their first values, drawn with `rng`."""

    def forward(self, inputs, training=False):
        """Return the outputs (batch, n_out) for `inputs` (batch, n_in), `training` or in use."""
        raise NotImplementedError

    def parameter_gradients(self, gradient):
        """Write the parameters' gradients, given that of the outputs, (batch, n_out)."""

    def input_gradient(self, gradient):
        """Return the gradient of the inputs, (batch, n_in), given that of the outputs."""
        raise NotImplementedError

    def backward(self, gradient):
        """Write the parameters' gradients, return the inputs' gradient (batch, n_in)."""
        self.parameter_gradients(gradient)
        return self.input_gradient(gradient)


class Dense(Layer):
    r"""Every output sees every input: :math:`y = x W + b`.

    Parameters
    ----------
    n_in, n_out : int
        Units in and out.
    initializer : callable, default he_normal
        Makes W (n_in, n_out) from its shape and a generator; b (n_out,) starts at zero.

    Examples
    --------
    >>> from companion.network import Network
    >>> network = Network([Dense(2, 1)], rng=np.random.default_rng(0))
    >>> network.layers[0].W = np.array([[1.0], [2.0]])
    >>> network.forward(np.array([[3.0, 4.0]]))
    array([[11.]])
    """

    W, b = parameter("W"), parameter("b")
    decayed = ("W",)
    arguments = ("n_in", "n_out")

    def __init__(self, n_in, n_out, initializer=he_normal):
        check_count("n_in", n_in)
        check_count("n_out", n_out)
        self.n_in, self.n_out = n_in, n_out
        self.initializer = initializer
        self.shapes = {"W": (n_in, n_out), "b": (n_out,)}

    def initialize(self, rng):
        self.W = self.initializer((self.n_in, self.n_out), rng)
        self.b = 0.0

    def forward(self, inputs, training=False):
        self.inputs = inputs
        outputs = inputs @ self.W
        outputs += self.b
        return outputs

    def parameter_gradients(self, gradient):
        np.matmul(self.inputs.T, gradient, out=self.dW)
        _batch_sum(gradient, out=self.db)

    def input_gradient(self, gradient):
        return gradient @ self.W.T


class ReLU(Layer):
    r"""The rectifier: :math:`y = \max(0, x)`; its slope at 0 counts as 0 (glorot2011)."""

    def forward(self, inputs, training=False):
        self.mask = (inputs > 0).astype(inputs.dtype)
        return inputs * self.mask

    def input_gradient(self, gradient):
        return gradient * self.mask  # multiplying is several times faster than assigning by mask


class Sigmoid(Layer):
    r"""The logistic function: :math:`y = 1 / (1 + e^{-x})`, with slope :math:`y (1 - y)`."""

    def forward(self, inputs, training=False):
        self.outputs = expit(inputs)
        return self.outputs

    def input_gradient(self, gradient):
        return gradient * self.outputs * (1 - self.outputs)


class Tanh(Layer):
    r"""The hyperbolic tangent: :math:`y = \tanh x`, with slope :math:`1 - y^2`."""

    def forward(self, inputs, training=False):
        self.outputs = np.tanh(inputs)
        return self.outputs

    def input_gradient(self, gradient):
        return gradient * (1 - self.outputs**2)


class BatchNorm(Layer):
    r"""Standardize each unit over the minibatch, then scale and shift it (ioffe2015).

    .. math:: \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad y = \gamma \hat x + \beta

    In training μ and σ² are the minibatch's mean and (biased) variance, and the running statistics
    follow: ``running ← momentum · running + (1 − momentum) · minibatch``, with the unbiased
    variance, from mean 0 and variance 1, as in PyTorch (whose ``momentum`` is 1 minus this one).
    Otherwise μ and σ² are the running statistics.

    Parameters
    ----------
    n_units : int
        Units in and out.
    eps : float, default 1e-5
        Added to the variance, positive.
    momentum : float, default 0.9
        The share of the running statistics that is kept at each update, in [0, 1).

    A minibatch of one sample raises ValueError in training: its variance is zero.
    """

    gamma, beta = parameter("gamma"), parameter("beta")
    state = ("running_mean", "running_var")
    arguments = ("n_units", "eps", "momentum")

    def __init__(self, n_units, eps=1e-5, momentum=0.9):
        check_count("n_units", n_units)
        check_positive("eps", eps)
        check_rate("momentum", momentum)
        self.n_units = self.n_in = self.n_out = n_units
        self.eps, self.momentum = eps, momentum
        self.shapes = {"gamma": (n_units,), "beta": (n_units,)}

    def initialize(self, rng):
        self.gamma, self.beta = 1.0, 0.0
        self.running_mean = np.zeros_like(self.gamma)
        self.running_var = np.ones_like(self.gamma)

    def forward(self, inputs, training=False):
        self.training = training
        mean, var = self.running_mean, self.running_var
        if training:
            mean = _batch_sum(inputs) / len(inputs)
        self.centered = inputs - mean
        if training:
            var = _batch_sum(self.centered * self.centered) / len(inputs)
            self._follow(mean, var, len(inputs))
        self.inverse_std = 1 / np.sqrt(var + self.eps)
        # The standardized inputs are not written out: that would be one more pass over the batch.
        outputs = self.centered * (self.gamma * self.inverse_std)
        outputs += self.beta
        return outputs

    def _follow(self, mean, var, batch):
        if batch < 2:
            raise ValueError("BatchNorm needs at least 2 samples in a training batch, got 1")
        unbiased = var * (batch / (batch - 1))
        self.running_mean += (1 - self.momentum) * (mean - self.running_mean)
        self.running_var += (1 - self.momentum) * (unbiased - self.running_var)

    def parameter_gradients(self, gradient):
        _batch_sum(gradient * self.centered, out=self.dgamma)
        self.dgamma *= self.inverse_std
        _batch_sum(gradient, out=self.dbeta)

    def input_gradient(self, gradient):
        scale = self.gamma * self.inverse_std
        if not self.training:
            return gradient * scale
        # The mean and the variance depend on every input: two more terms, both already summed
        # by parameter_gradients.
        result = gradient - self.dbeta / len(gradient)
        result -= self.centered * (self.inverse_std * self.dgamma / len(gradient))
        result *= scale
        return result


class Dropout(Layer):
    r"""In training, set a random share of the units to 0, scale up the others (srivastava2014).

    .. math:: y = \frac{m \odot x}{1 - p}, \qquad P(m_i = 0) = p, \qquad P(m_i = 1) = 1 - p

    This is the inverted form: nothing is left to do when the network is used.

    Parameters
    ----------
    rate : float
        The probability p to drop a unit, in [0, 1).
    rng : numpy.random.Generator
        Draws the masks.
    """

    arguments = ("rate",)

    def __init__(self, rate, rng=None):
        check_rate("rate", rate)
        self.rate, self.rng = rate, rng

    def forward(self, inputs, training=False):
        self.mask = 1.0
        if training and self.rate > 0:
            check_generator(self.rng, "Dropout's rng")
            kept = self.rng.random(inputs.shape, dtype=inputs.dtype) >= self.rate
            self.mask = kept.astype(inputs.dtype) / (1 - self.rate)
        return inputs * self.mask

    def input_gradient(self, gradient):
        return gradient * self.mask


def _batch_sum(array, out=None):
    """Return the sum over the batch as a product with ones, which BLAS makes faster than a sum."""
    return np.matmul(_ones(len(array), array.dtype), array, out=out)


@cache
def _ones(length, dtype):
    ones = np.ones(length, dtype)
    ones.flags.writeable = False
    return ones
