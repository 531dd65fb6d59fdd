"""The same training step in other libraries, each written as its own users would write it.

Every function takes a `Task` (see ``training_step``) and returns a function that makes one step on
each minibatch of the task, in turn, and returns the losses. It raises ModuleNotFoundError where the
library is not installed, NotImplementedError where the library cannot do the task.
"""

import numpy as np


def scikit_learn(task):
    """scikit-learn's MLPClassifier, by ``partial_fit``."""
    from sklearn.neural_network import MLPClassifier

    if task.batch_norm:
        raise NotImplementedError("it has no BatchNorm")
    network = MLPClassifier(
        hidden_layer_sizes=task.sizes[1:-1],
        solver="sgd",
        alpha=0.0,
        batch_size=task.batch_size,
        learning_rate_init=task.optimizer.lr,
        momentum=0.0,
        nesterovs_momentum=False,
        shuffle=False,
    )
    # One call makes a step on each minibatch, so that its checks of the data weigh little.
    x, y = (np.concatenate(parts) for parts in zip(*task.batches, strict=True))
    network.partial_fit(x, y, classes=np.arange(task.sizes[-1]))
    for index, (weights, biases) in enumerate(task.weights()):
        network.coefs_[index][...] = weights
        network.intercepts_[index][...] = biases
    return lambda: [network.partial_fit(x, y).loss_]


def pytorch(task):
    """PyTorch in eager mode: ``nn.Sequential`` and its optimizer in the default form."""
    import torch

    torch.set_num_threads(1)
    model = pytorch_model(torch, task)
    optimizer = pytorch_optimizer(task.optimizer, model.parameters())
    batches = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in task.batches]
    return lambda: [pytorch_step(torch, model, optimizer, x, y) for x, y in batches]


def pytorch_model(torch, task):
    """Return the task's network as an ``nn.Sequential``."""
    *hidden, last = [_torch_linear(torch, *weights) for weights in task.weights()]
    layers = []
    for linear in hidden:
        layers.append(linear)
        if task.batch_norm:
            layers.append(torch.nn.BatchNorm1d(linear.out_features, dtype=linear.weight.dtype))
        layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers, last)


def pytorch_step(torch, model, optimizer, x, y):
    """Make an update; return the loss before it."""
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


def pytorch_optimizer(like, params, **form):
    """Return PyTorch's optimizer with the settings of companion's `like`, in one of its forms."""
    import torch

    name = type(like).__name__
    if name == "RMSProp":
        if form.get("fused"):
            raise NotImplementedError("it has no fused RMSProp")
        return torch.optim.RMSprop(params, lr=like.lr, alpha=like.decay, eps=like.eps, **form)
    return {
        "SGD": lambda: torch.optim.SGD(params, lr=like.lr, **form),
        "Momentum": lambda: torch.optim.SGD(params, lr=like.lr, momentum=like.momentum, **form),
        "AdaGrad": lambda: torch.optim.Adagrad(params, lr=like.lr, eps=like.eps, **form),
        "Adam": lambda: torch.optim.Adam(params, lr=like.lr, eps=like.eps, **form),
    }[name]()


def _torch_linear(torch, weights, biases):
    linear = torch.nn.Linear(*weights.shape)
    linear.weight = torch.nn.Parameter(torch.from_numpy(weights.T.copy()))
    linear.bias = torch.nn.Parameter(torch.from_numpy(biases.copy()))
    return linear


def jax(task):
    """JAX with the whole step under ``jit``, the old parameters donated to the new ones."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def normalize(x, layer):
        mean, var = x.mean(axis=0), x.var(axis=0)
        unbiased = var * (len(x) / (len(x) - 1))
        outputs = layer["gamma"] * (x - mean) / jnp.sqrt(var + 1e-5) + layer["beta"]
        return outputs, {"mean": mean, "var": unbiased}

    def loss_of(params, x, y):
        statistics = []
        *hidden, last = params
        for layer in hidden:
            x = x @ layer["W"] + layer["b"]
            if task.batch_norm:
                x, measured = normalize(x, layer)
                statistics.append(measured)
            x = jax.nn.relu(x)
        log_softmax = jax.nn.log_softmax(x @ last["W"] + last["b"])
        return -log_softmax[jnp.arange(len(y)), y].mean(), statistics

    def step(params, running, x, y):
        (loss, statistics), grads = jax.value_and_grad(loss_of, has_aux=True)(params, x, y)
        params = jax.tree.map(lambda param, grad: param - task.optimizer.lr * grad, params, grads)
        running = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, running, statistics)
        return params, running, loss

    step = jax.jit(step, donate_argnums=(0, 1))
    params, running = _jax_start(jnp, task)
    batches = [(jnp.asarray(x), jnp.asarray(y)) for x, y in task.batches]

    def steps():
        nonlocal params, running
        losses = []
        for x, y in batches:
            params, running, loss = jax.block_until_ready(step(params, running, x, y))
            losses.append(loss)
        return losses

    return steps


def _jax_start(jnp, task):
    params = [
        {"W": jnp.array(weights), "b": jnp.array(biases)} for weights, biases in task.weights()
    ]
    if not task.batch_norm:
        return params, []
    for layer in params[:-1]:
        layer |= {"gamma": jnp.ones_like(layer["b"]), "beta": jnp.zeros_like(layer["b"])}
    running = [
        {"mean": jnp.zeros_like(layer["b"]), "var": jnp.ones_like(layer["b"])}
        for layer in params[:-1]
    ]
    return params, running
