"""What the scripts of this folder share: the inputs of inputs.json, and how results are kept."""

import inspect
import json
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
GIVEN = json.loads((HERE / "inputs.json").read_text())
ONES = np.ones((1, GIVEN["n_dropped"]))
DOWNHILL = [lambda weights: np.array(GIVEN["curvature"]) * weights] * len(GIVEN["gradients"])


def defaults(*things):
    """Return the default of every argument that is a number, a name or a pair, by class."""
    return {
        thing.__name__: {
            name: parameter.default
            for name, parameter in inspect.signature(thing.__init__).parameters.items()
            if isinstance(parameter.default, int | float | str | tuple)
        }
        for thing in things
    }


def spread(weights):
    """Return the variance of a draw, and how far it reaches."""
    weights = np.array(weights)
    return {"variance": float(weights.var()), "largest": float(np.abs(weights).max())}


def masked(training, in_use):
    """Return what dropout makes of ones in training, how many of them it drops, and in use."""
    return {
        "training": np.unique(training).tolist(),
        "dropped": float(np.mean(np.array(training) == 0)),
        "in_use": np.unique(in_use).tolist(),
    }


def store(name, golden):
    """Write the results as JSON beside the scripts."""
    (HERE / name).write_text(json.dumps(golden, separators=(",", ":")) + "\n")
