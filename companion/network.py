"""A network: layers in a row, with all their parameters in one vector.

``network.params`` is one contiguous vector, and each layer holds *views* into it (``layer.W`` and
so on); ``network.grads`` is built alike. An optimizer's update, a numerical gradient, saving,
restoring, and measuring a norm are then one line each. The weight matrices come first in the
vector, all biases, γ and β after them, so that what weight decay acts on is one slice.
"""

from itertools import pairwise

import numpy as np

from companion._checks import check_generator
from companion._files import read_file, write_file
from companion.initializers import he_normal
from companion.layers import BatchNorm, Dense, Dropout, Layer, ReLU, parameter

FORMAT = "companion network 1"


class Network:
    """Layers in a row.

    Parameters
    ----------
    layers : list of Layer
        From the input to the logits; each object only once.
    dtype : float64 or float32, default float64
        Of the parameters and all that is computed. float64 gives the same printed results on every
        CPU; float32 is about twice as fast.
    rng : numpy.random.Generator
        Draws the first weights.

    Attributes
    ----------
    params, grads : (n,) arrays
        All parameters and their gradients. Write into them (``network.params[:] = ...``).
    decayed : slice
        The part of the vectors that weight decay acts on: the weights, not biases, γ or β.

    Raises
    ------
    TypeError, ValueError
        If `rng` is missing, `dtype` is no float type, or the layers' sizes do not fit.

    Examples
    --------
    >>> network = Network([Dense(784, 100), ReLU(), Dense(100, 10)], rng=np.random.default_rng(0))
    >>> network.params.shape, network.decayed
    ((79510,), slice(0, 79400, None))
    """

    params, grads = parameter("params"), parameter("grads")

    def __init__(self, layers, dtype=np.float64, rng=None):
        check_generator(rng)
        _check_layers(layers)
        if dtype not in (np.float32, np.float64):
            raise TypeError(f"dtype must be np.float64 or np.float32, got {dtype!r}")
        self.layers = list(layers)
        # The numbers of inputs and outputs; None: any number of inputs, as many outputs.
        self.n_in = next((layer.n_in for layer in layers if layer.n_in), None)
        self.n_out = next((layer.n_out for layer in reversed(layers) if layer.n_out), None)
        size = sum(np.prod(shape) for layer in layers for shape in layer.shapes.values())
        self._params, self._grads = np.zeros(size, dtype), np.zeros(size, dtype)
        self._bind()
        for layer in self.layers:
            layer.initialize(rng)

    @property
    def dtype(self):
        """The dtype of the parameters."""
        return self.params.dtype

    def forward(self, x, training=False):
        """Return the outputs (batch, n_out) for the inputs `x` (batch, n_in).

        `training` switches BatchNorm to the minibatch's statistics and Dropout on.
        """
        x = np.asarray(x, self.dtype)
        if x.ndim != 2 or x.shape[1] != (self.n_in or x.shape[1]):
            raise ValueError(f"x must have shape (batch, {self.n_in}), got {x.shape}")
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, gradient, input_gradient=False):
        """Overwrite `grads`, given the gradient of the loss with respect to the last outputs.

        `gradient` (batch, n_out) is what the loss returned. With `input_gradient` also return the
        gradient of the inputs, (batch, n_in): training has no use for it, and behind a wide input
        layer it costs as much as all the rest.
        """
        first, *others = self.layers
        for layer in reversed(others):
            gradient = layer.backward(gradient)
        if input_gradient:
            return first.backward(gradient)
        first.parameter_gradients(gradient)

    def predict(self, x):
        """Return the most likely class of each row of `x`: (batch,) integers."""
        return self.forward(x).argmax(axis=1)

    def save(self, path):
        """Write the network to the file `path`: the architecture as JSON beside the arrays.

        The file appears whole or not at all, and holds no code: it is safe to load.
        """
        write_file(path, {"format": FORMAT} | self.architecture(), self.arrays())

    def architecture(self):
        """Return what kind of network this is, as JSON: the dtype, and each layer's arguments."""
        layers = [
            {"layer": type(layer).__name__}
            | {name: getattr(layer, name) for name in layer.arguments}
            for layer in self.layers
        ]
        return {"dtype": self.dtype.name, "layers": layers}

    def arrays(self):
        """Return what training changes, by name: the parameters and the layers' state, uncopied."""
        state = [(i, name) for i, layer in enumerate(self.layers) for name in layer.state]
        arrays = {f"{name} {i}": getattr(self.layers[i], name) for i, name in state}
        return {"params": self.params} | arrays

    def restore(self, arrays):
        """Write what ``arrays()`` gave into this network; raise ValueError if it does not fit."""
        own = self.arrays()
        found = {name: array.shape for name, array in arrays.items()}
        wanted = {name: array.shape for name, array in own.items()}
        if found != wanted:
            raise ValueError(f"arrays {found}, expected {wanted}")
        for name, array in own.items():
            array[...] = arrays[name]

    def _bind(self):
        """Cut the vectors into views, weights first, and hand them to the layers."""
        everything = [(layer, name) for layer in self.layers for name in layer.shapes]
        weights = [(layer, name) for layer, name in everything if name in layer.decayed]
        others = [(layer, name) for layer, name in everything if name not in layer.decayed]
        begin = 0
        for layer, name in weights + others:
            shape = layer.shapes[name]
            view = slice(begin, begin := begin + int(np.prod(shape)))
            layer.bind(name, self.params[view].reshape(shape), self.grads[view].reshape(shape))
        self.decayed = slice(0, sum(int(np.prod(layer.shapes[name])) for layer, name in weights))

    def __setstate__(self, state):
        """Bind the layers of a copy to the copy's own vectors (copy, deepcopy, pickle)."""
        vars(self).update(state)
        self._bind()


def mlp(
    sizes,
    *,
    activation=ReLU,
    initializer=he_normal,
    batch_norm=False,
    dropout=0.0,
    dtype=np.float64,
    rng=None,
):
    """Return a multilayer perceptron: dense layers with an activation between them.

    Each hidden layer is Dense, BatchNorm (if asked for), the activation, Dropout (if its rate is
    above 0); the last layer is Dense alone and gives logits.

    Parameters
    ----------
    sizes : list of int
        Units of the input, of each hidden layer, of the output; at least two numbers.
    activation : Layer class, default ReLU
    initializer : callable, default he_normal
        Makes each weight matrix from its shape and `rng`.
    batch_norm : bool, default False
    dropout : float, default 0.0
        The share of hidden units dropped in training, in [0, 1).
    dtype : float64 or float32, default float64
    rng : numpy.random.Generator
        Draws the weights, then dropout's masks. Needed.

    Examples
    --------
    >>> network = mlp([784, 100, 10], dropout=0.2, rng=np.random.default_rng(0))
    >>> [type(layer).__name__ for layer in network.layers]
    ['Dense', 'ReLU', 'Dropout', 'Dense']
    """
    check_generator(rng)
    if len(sizes) < 2:
        raise ValueError(f"sizes must name at least an input and an output, got {sizes!r}")
    layers = []
    for n_in, n_out in pairwise(sizes[:-1]):
        layers += [Dense(n_in, n_out, initializer)]
        layers += [BatchNorm(n_out)] if batch_norm else []
        layers += [activation()]
        layers += [Dropout(dropout, rng)] if dropout else []
    layers += [Dense(sizes[-2], sizes[-1], initializer)]
    return Network(layers, dtype, rng)


def load_network(path, rng=None):
    """Return the network that ``network.save(path)`` wrote.

    `rng` is for the masks of its Dropout layers, and needed only to train on. Without such a file
    raise FileNotFoundError; if it is damaged, or another kind of file, ValueError.
    """
    return read_file(
        path, FORMAT, "network.save", lambda header, arrays: _rebuild(header, arrays, rng)
    )


def _rebuild(header, arrays, rng):
    """Make a network from the parts of a file; raise if they do not fit together."""
    layers = [_rebuild_layer(dict(arguments), rng) for arguments in header["layers"]]
    network = Network(layers, np.dtype(header["dtype"]).type, np.random.default_rng(0))
    network.restore(arrays)
    return network


def _rebuild_layer(arguments, rng):
    layer_type = {known.__name__: known for known in Layer.__subclasses__()}[arguments.pop("layer")]
    return layer_type(**arguments, rng=rng) if layer_type is Dropout else layer_type(**arguments)


def _check_layers(layers):
    """Raise unless `layers` are distinct layers whose sizes fit."""
    if not layers:
        raise ValueError("layers must not be empty, got []")
    units = giver = None
    for index, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise TypeError(f"layers[{index}] must be a Layer object, got {layer!r}")
        if any(layer is other for other in layers[:index]):
            raise ValueError(f"layers[{index}] stands there twice: each must be its own object")
        if units and layer.n_in and layer.n_in != units:
            name = f"layers[{index}] ({type(layer).__name__})"
            raise ValueError(f"{name} takes {layer.n_in} inputs, but layers[{giver}] gives {units}")
        if layer.n_out:
            units, giver = layer.n_out, index
