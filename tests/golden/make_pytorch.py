"""Make pytorch.json: what PyTorch computes for the methods that companion shares with it.

Run by hand, in an environment with torch 2.13.0; the tests need only the file:

    python tests/golden/make_pytorch.py

All is in float64. Where the conventions differ, the settings of the first part are those that are
equal: PyTorch's BatchNorm ``momentum`` is 1 minus companion's; its momentum methods keep the
learning rate outside of the velocity, which is the same while the rate is constant, as there. The
second part, ``conventions``, takes the inputs of inputs.json and leaves all else at PyTorch's
defaults: there the differences are what is wanted.
"""

import numpy as np
import torch
from given import DOWNHILL, GIVEN, ONES, defaults, masked, spread, store
from torch import nn
from torch.nn import functional

START, LR, DECAY = GIVEN["start"], GIVEN["lr"], GIVEN["weight_decay"]
STEPS, PARAMETERS = 6, 5
OPTIMIZERS = {
    "SGD": (torch.optim.SGD, {"lr": 0.1}, {}),
    "Momentum": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.8}, {}),
    "Nesterov": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.8}, {"nesterov": True}),
    "AdaGrad": (torch.optim.Adagrad, {"lr": 0.1, "eps": 0.05}, {}),
    "RMSProp": (torch.optim.RMSprop, {"lr": 0.1, "decay": 0.7, "eps": 0.05}, {}),
    "Adam": (torch.optim.Adam, {"lr": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 0.05}, {}),
    "AdamW": (
        torch.optim.AdamW,
        {"lr": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 0.05, "weight_decay": 0.3},
        {},
    ),
}


def numbers(tensor):
    """Return a tensor's values as nested lists."""
    return tensor.detach().numpy().tolist()


def torch_settings(settings):
    """Return companion's settings by the names that PyTorch has for them."""
    settings = dict(settings)
    if "beta1" in settings:
        settings["betas"] = (settings.pop("beta1"), settings.pop("beta2"))
    if "decay" in settings:
        settings["alpha"] = settings.pop("decay")
    return settings


def optimizer_paths(rng):
    """Return every optimizer's parameters after each of a few fixed gradients.

    The ε of the settings is large, so that its place shows in the numbers.
    """
    start = rng.normal(size=PARAMETERS)
    gradients = rng.normal(size=(STEPS, PARAMETERS)) * [100.0, 1.0, 0.1, 1e-3, 1.0]
    gradients[:2, 4] = 0.0  # a parameter that sees no gradient at first
    paths = {}
    for name, (optimizer_type, settings, extra) in OPTIMIZERS.items():
        point = torch.tensor(start, requires_grad=True)
        optimizer = optimizer_type([point], **torch_settings(settings), **extra)
        path = []
        for gradient in gradients:
            point.grad = torch.tensor(gradient)
            optimizer.step()
            path.append(numbers(point))
        paths[name] = {"settings": settings, "path": path}
    return {"start": start.tolist(), "gradients": gradients.tolist(), "paths": paths}


def loss_values(rng):
    """Return values and gradients of the losses, with logits up to ±1000 among the outputs."""
    logits = rng.normal(size=(6, 4)) * 3
    logits[0], logits[1] = [1000, -1000, 0, 999], [-1000, -1000, 1000, -1000]
    labels = [0, 2, 1, 3, 0, 1]
    outputs = rng.normal(size=(6, 1)) * 3
    outputs[:2, 0] = [1000, -1000]
    shares = [[1.0], [0.0], [0.25], [1.0], [0.0], [0.9]]
    cases = {
        "softmax_cross_entropy": (functional.cross_entropy, logits, torch.tensor(labels)),
        "binary_cross_entropy": (
            functional.binary_cross_entropy_with_logits,
            outputs,
            torch.tensor(shares, dtype=torch.float64),
        ),
        "mean_squared_error": (
            functional.mse_loss,
            rng.normal(size=(5, 3)),
            torch.tensor(rng.normal(size=(5, 3))),
        ),
    }
    return {name: loss_value(*case) for name, case in cases.items()}


def loss_value(loss, outputs, targets):
    """Return what a loss was given, its value and its gradient."""
    outputs = torch.tensor(outputs, requires_grad=True)
    value = loss(outputs, targets)
    value.backward()
    return {
        "outputs": numbers(outputs),
        "targets": numbers(targets),
        "value": value.item(),
        "gradient": numbers(outputs.grad),
    }


def batch_norm(rng, units=3, eps=0.01, momentum=0.75):
    """Return what BatchNorm does with three batches in training, and with one in evaluation."""
    layer = nn.BatchNorm1d(units, eps=eps, momentum=1 - momentum, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(rng.normal(size=units)))
        layer.bias.copy_(torch.tensor(rng.normal(size=units)))
    golden = {"eps": eps, "momentum": momentum}
    golden |= {"gamma": numbers(layer.weight), "beta": numbers(layer.bias), "batches": []}
    for batch, training in ((4, True), (2, True), (7, True), (3, False)):
        layer.train(training)
        layer.zero_grad()
        inputs = torch.tensor(rng.normal(size=(batch, units)) * 3 + 2, requires_grad=True)
        upstream = torch.tensor(rng.normal(size=(batch, units)))
        outputs = layer(inputs)
        outputs.backward(upstream)
        golden["batches"].append(
            {
                "training": training,
                "inputs": numbers(inputs),
                "upstream": numbers(upstream),
                "outputs": numbers(outputs),
                "input_gradient": numbers(inputs.grad),
                "dgamma": numbers(layer.weight.grad),
                "dbeta": numbers(layer.bias.grad),
                "running_mean": numbers(layer.running_mean),
                "running_var": numbers(layer.running_var),
            }
        )
    return golden


def stack(rng):
    """Return outputs, loss and gradients of a stack with every layer that draws no mask."""
    network = nn.Sequential(
        nn.Linear(4, 5),
        nn.BatchNorm1d(5),
        nn.ReLU(),
        nn.Linear(5, 4),
        nn.Tanh(),
        nn.Linear(4, 3),
        nn.Sigmoid(),
        nn.Linear(3, 3),
    ).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.tensor(rng.normal(size=parameter.shape)))
    inputs = torch.tensor(rng.normal(size=(8, 4)), requires_grad=True)
    labels = torch.tensor(rng.integers(0, 3, 8))
    outputs = network(inputs)
    functional.cross_entropy(outputs, labels).backward()
    return {
        "inputs": numbers(inputs),
        "labels": numbers(labels),
        "outputs": numbers(outputs),
        "input_gradient": numbers(inputs.grad),
        # PyTorch keeps a weight matrix as (n_out, n_in), companion as (n_in, n_out).
        "parameters": [numbers(p.T) if p.ndim == 2 else numbers(p) for p in network.parameters()],
        "gradients": [
            numbers(p.grad.T) if p.ndim == 2 else numbers(p.grad) for p in network.parameters()
        ],
    }


def convention_path(optimizer_type, gradients, rates=None, **settings):
    """Return the weights after each gradient, which may be a function of the weights."""
    weights, points = torch.tensor(START, dtype=torch.float64, requires_grad=True), []
    optimizer = optimizer_type([weights], lr=LR, **settings)
    for step, gradient in enumerate(gradients):
        if rates:
            optimizer.param_groups[0]["lr"] = rates[step]
        gradient = gradient(weights.detach().numpy()) if callable(gradient) else gradient
        weights.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        points.append(numbers(weights))
    return points


def convention_paths():
    """Return the path of every optimizer over the fixed gradients."""
    make, given, rates = torch.optim, GIVEN["gradients"], GIVEN["lr_with_drop"]
    velocity = {"momentum": GIVEN["momentum"]}
    nesterov = {"nesterov": True, **velocity}
    return {
        "momentum": convention_path(make.SGD, given, rates, **velocity),
        "nesterov": convention_path(make.SGD, given, rates, **nesterov),
        "nesterov_downhill": convention_path(make.SGD, DOWNHILL, **nesterov),
        "adagrad": convention_path(make.Adagrad, given),
        "rmsprop": convention_path(make.RMSprop, given),
        "adam": convention_path(make.Adam, given),
        "sgd_decay": convention_path(make.SGD, given, weight_decay=DECAY),
        "momentum_decay": convention_path(make.SGD, given, weight_decay=DECAY, **velocity),
        "adam_decay": convention_path(make.Adam, given, weight_decay=DECAY),
        "adamw": convention_path(make.AdamW, given, weight_decay=DECAY),
    }


def decayed():
    """Return which parameters AdamW shrinks when every gradient is zero."""
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).double()
    names = {"0.weight": "W", "0.bias": "b", "1.weight": "gamma", "1.bias": "beta"}
    for parameter in network.parameters():
        parameter.data.fill_(1.0)
        parameter.grad = torch.zeros_like(parameter)
    torch.optim.AdamW(network.parameters(), lr=LR, weight_decay=DECAY).step()
    return {names[name]: bool((p < 1).all()) for name, p in network.named_parameters()}


def convention_batch_norm():
    """Return outputs and statistics over the given batches, in training, then in use."""
    layer = nn.BatchNorm1d(2, dtype=torch.float64)
    golden = {"start": {"mean": numbers(layer.running_mean), "var": numbers(layer.running_var)}}
    golden["batches"] = []
    for batch in torch.tensor(GIVEN["batches"], dtype=torch.float64):
        outputs = numbers(layer(batch))
        mean, var = numbers(layer.running_mean), numbers(layer.running_var)
        golden["batches"].append({"outputs": outputs, "mean": mean, "var": var})
    in_use = layer.eval()(torch.tensor(GIVEN["batches"][0], dtype=torch.float64))
    return golden | {"in_use": numbers(in_use)}


def dropout():
    """Return what becomes of ones in training, how many of them are dropped, and in use."""
    torch.manual_seed(0)
    layer, ones = nn.Dropout(GIVEN["rate"]), torch.tensor(ONES)
    return masked(training=layer(ones), in_use=layer.eval()(ones))


def initial_weights():
    """Return the spread of large draws."""
    torch.manual_seed(0)
    layer = nn.Linear(GIVEN["n_in"], GIVEN["n_out"], dtype=torch.float64)
    golden = {"dense": spread(numbers(layer.weight))}
    golden["dense_bias"] = spread(numbers(layer.bias))
    weights, gain = torch.empty_like(layer.weight), nn.init.calculate_gain("tanh")
    return golden | {
        "xavier_normal": spread(nn.init.xavier_normal_(weights)),
        "xavier_uniform": spread(nn.init.xavier_uniform_(weights)),
        "gain_for_tanh": gain,
        "xavier_normal_with_gain": spread(nn.init.xavier_normal_(weights, gain)),
    }


def conventions():
    """Return what PyTorch does where it differs from others."""
    make = torch.optim
    return {
        "defaults": defaults(
            *(make.SGD, make.Adagrad, make.RMSprop, make.Adam, make.AdamW),
            *(nn.BatchNorm1d, nn.Dropout),
        ),
        "paths": convention_paths(),
        "decayed": decayed(),
        "batch_norm": convention_batch_norm(),
        "dropout": dropout(),
        "initial_weights": initial_weights(),
    }


def main():
    """Write pytorch.json beside this script."""
    rng = np.random.default_rng(2026)
    golden = {
        "made_with": f"torch {torch.__version__.split('+')[0]}",
        "optimizers": optimizer_paths(rng),
        "losses": loss_values(rng),
        "batch_norm": batch_norm(rng),
        "stack": stack(rng),
        "conventions": conventions(),
    }
    store("pytorch.json", golden)


if __name__ == "__main__":
    main()
