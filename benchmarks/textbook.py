"""A network with the arithmetic of the textbook that the 16-scale experiment comes from.

Written anew, operation for operation: float64 whatever the data are, boolean masks for ReLU, the
gradient of the first layer's inputs too, weight decay computed even if λ is 0, an update for each
array.
"""

import numpy as np


class Textbook:
    """Dense layers with ReLU between them, with or without BatchNorm; see the module."""

    def __init__(self, weights, batch_norm, eps=1e-5, momentum=0.9):
        self.layers, self.decay = [], 0.0
        for W, b in weights[:-1]:
            self.layers.append(Affine(W, b))
            if batch_norm:
                self.layers.append(Normalization(len(b), eps, momentum))
            self.layers.append(Rectifier())
        self.layers.append(Affine(*weights[-1]))

    def forward(self, x, training):
        """Return the logits."""
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def step(self, x, labels, lr):
        """Make an update of SGD; return the loss before it."""
        logits = self.forward(x, training=True)
        logits = logits.T - np.max(logits.T, axis=0)
        probabilities = (np.exp(logits) / np.sum(np.exp(logits), axis=0)).T
        dense = [layer for layer in self.layers if isinstance(layer, Affine)]
        penalty = sum(0.5 * self.decay * np.sum(layer.params[0] ** 2) for layer in dense)
        rows = np.arange(len(x))
        loss = -np.sum(np.log(probabilities[rows, labels] + 1e-7)) / len(x) + penalty
        gradient = probabilities.copy()
        gradient[rows, labels] -= 1
        gradient = gradient / len(x)
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        for layer in dense:
            layer.grads[0] = layer.grads[0] + self.decay * layer.params[0]
        for layer in self.layers:
            for param, grad in zip(layer.params, layer.grads, strict=True):
                param -= lr * grad
        return loss


class Affine:
    """A dense layer."""

    def __init__(self, W, b):
        self.params, self.grads = [W.astype(float), b.astype(float)], [None, None]

    def forward(self, x, training):
        self.x = x
        return np.dot(x, self.params[0]) + self.params[1]

    def backward(self, gradient):
        self.grads = [np.dot(self.x.T, gradient), np.sum(gradient, axis=0)]
        return np.dot(gradient, self.params[0].T)


class Rectifier:
    """ReLU by a boolean mask."""

    params = grads = ()

    def forward(self, x, training):
        self.mask = x <= 0
        outputs = x.copy()
        outputs[self.mask] = 0
        return outputs

    def backward(self, gradient):
        gradient[self.mask] = 0
        return gradient


class Normalization:
    """BatchNorm, backward through each step of the computational graph."""

    def __init__(self, n_units, eps, momentum):
        self.params, self.grads = [np.ones(n_units), np.zeros(n_units)], [None, None]
        self.eps, self.momentum = eps, momentum
        self.mean, self.var = np.zeros(n_units), np.ones(n_units)

    def forward(self, x, training):
        gamma, beta = self.params
        if not training:
            return gamma * ((x - self.mean) / np.sqrt(self.var + self.eps)) + beta
        mean = x.mean(axis=0)
        self.centered = x - mean
        var = np.mean(self.centered**2, axis=0)
        self.std = np.sqrt(var + self.eps)
        self.normalized = self.centered / self.std
        kept, new = self.momentum, 1 - self.momentum
        self.mean = kept * self.mean + new * mean
        self.var = kept * self.var + new * var * (len(x) / (len(x) - 1))  # unbiased, as the others
        return gamma * self.normalized + beta

    def backward(self, gradient):
        n = len(gradient)
        self.grads = [np.sum(self.normalized * gradient, axis=0), gradient.sum(axis=0)]
        d_normalized = self.params[0] * gradient
        d_centered = d_normalized / self.std
        d_std = -np.sum((d_normalized * self.centered) / (self.std * self.std), axis=0)
        d_var = 0.5 * d_std / self.std
        d_centered += (2.0 / n) * self.centered * d_var
        return d_centered - np.sum(d_centered, axis=0) / n
