"""The page on conventions, cell by cell, against PyTorch, Keras and the textbook's code.

A test reads a column of a table on the page, tries the variants that the column can name, and finds
out which of them gives a library's numbers: it must be the one that the page names, and no other.
The numbers and the default arguments come from golden/*.json; the libraries are not needed here.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from companion import initializers
from companion.layers import BatchNorm, Dense, Dropout
from companion.network import Network, mlp
from companion.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp
from companion.training import update

HERE = Path(__file__).parent
PAGE = HERE.parent / "chapters" / "appendix" / "conventions.ipynb"
COURSE, PAPERS, PYTORCH, KERAS, TEXTBOOK = WHO = (
    "course",
    "papers",
    "PyTorch",
    "Keras",
    "textbook",
)
NONE = "—"  # what a cell says where there is nothing to say


def load(name):
    """Return the golden numbers of a library, or what all libraries were given."""
    return json.loads((HERE / "golden" / f"{name}.json").read_text())


GIVEN = load("inputs")
MADE = {PYTORCH: load("pytorch"), KERAS: load("keras"), TEXTBOOK: load("textbook")}
GOLDEN = MADE | {PYTORCH: MADE[PYTORCH]["conventions"]}
START, GRADIENTS = np.array(GIVEN["start"]), np.array(GIVEN["gradients"])
LR, ALPHA, DECAY = GIVEN["lr"], GIVEN["momentum"], GIVEN["weight_decay"]
CURVATURE, DROPPED_LR = np.array(GIVEN["curvature"]), GIVEN["lr_with_drop"]


def read_tables():
    """Return the cells of the page's tables: {(heading, column): {who: cell}}."""
    cells, heading, columns = {}, None, None
    for cell in json.loads(PAGE.read_text())["cells"]:
        for line in "".join(cell["source"]).splitlines() if cell["cell_type"] == "markdown" else ():
            row = [part.strip().strip("`") for part in line.strip("|").split("|")]
            if line.startswith("#"):
                heading = line.strip("# ")
            elif not line.startswith("|"):
                columns = None
            elif columns is None:
                columns = row[1:]
                cells |= {(heading, column): {} for column in columns}
            elif row[0] in WHO:
                for column, text in zip(columns, row[1:], strict=True):
                    cells[heading, column][row[0]] = text
    return cells


CELLS = read_tables()
BACKED = []  # the columns that a test is about


def backs(*columns):
    """Name the columns of the page that a test is about; it gets their cells, {who: cell}."""
    BACKED.extend(columns)
    columns = [pytest.param(where, CELLS.get(where, {}), id=": ".join(where)) for where in columns]
    return pytest.mark.parametrize(("where", "cells"), columns)


def number(value):
    """Return a number as the page writes it.

    >>> number(1e-7), number(0.0)
    ('1e-7', '0')
    """
    return NONE if value is None else re.sub(r"e-0*", "e-", f"{value:g}")


def close(a, b, who=None):
    """Are two paths the same but for rounding? Keras rounds some settings to float32 on the way."""
    relative, absolute = (1e-5, 2e-6) if who == KERAS else (1e-9, 1e-13)
    return np.allclose(a, b, rtol=relative, atol=absolute)


def matching(variants, reference, who):
    """Return the names of the variants that give the numbers of `who`, joined."""
    return " or ".join(name for name, numbers in variants.items() if close(numbers, reference, who))


def walk(step, gradients=GRADIENTS, rates=None):
    """Return the weights after each update w ← step(w, g, η, t), as the golden paths hold them."""
    w, path = START.copy(), []
    for t, g in enumerate(gradients, start=1):
        g = g(w) if callable(g) else g
        w = step(w, g, rates[t - 1] if rates else LR, t)
        path.append(w.copy())
    return np.array(path)


def companion_walk(optimizer, gradients=GRADIENTS, rates=None):
    """Return the path of one of companion's optimizers."""

    def step(w, g, lr, t):
        optimizer.lr = lr
        optimizer.step(w, g)
        return w

    return walk(step, gradients, rates)


def paths(name, optimizer=None, gradients=GRADIENTS, rates=None):
    """Return {who: path} of the libraries that have one, and of companion's `optimizer`."""
    found = {
        who: golden["paths"][name] for who, golden in GOLDEN.items() if name in golden["paths"]
    }
    if optimizer:
        found[COURSE] = companion_walk(optimizer, gradients, rates)
    return found


# ---- default arguments -----------------------------------------------------------------------

DEFAULTS = {  # (heading, column): the course's default, the papers', arguments of the others
    ("SGD's defaults", "lr"): (SGD().lr, None, "SGD.lr", "SGD.learning_rate", "SGD.lr"),
    ("SGD's defaults", "α"): (
        Momentum().momentum,
        None,
        "SGD.momentum",
        "SGD.momentum",
        "Momentum.momentum",
    ),
    ("AdaGrad", "lr"): (AdaGrad().lr, None, "Adagrad.lr", "Adagrad.learning_rate", "AdaGrad.lr"),
    ("RMSProp", "lr"): (RMSProp().lr, None, "RMSprop.lr", "RMSprop.learning_rate", "RMSprop.lr"),
    ("RMSProp", "ρ"): (RMSProp().decay, 0.9, "RMSprop.alpha", "RMSprop.rho", "RMSprop.decay_rate"),
    ("Adam", "lr"): (Adam().lr, 0.001, "Adam.lr", "Adam.learning_rate", "Adam.lr"),
    ("AdamW", "default λ"): (AdamW().weight_decay, None, *["AdamW.weight_decay"] * 2, None),
    ("Dropout", "default"): (None, 0.5, "Dropout.p", None, "Dropout.dropout_ratio"),
}


def inspected(who, argument):
    """Return the default of "Class.argument" in a library; None if it has none."""
    class_name, _, name = (argument or ".").partition(".")
    return GOLDEN[who]["defaults"].get(class_name, {}).get(name)


@backs(*DEFAULTS)
def test_default(where, cells):
    course, papers, *arguments = DEFAULTS[where]
    expected = {COURSE: course, PAPERS: papers}
    for who, argument in zip(GOLDEN, arguments, strict=True):
        expected[who] = inspected(who, argument)
        assert (argument is None) == (expected[who] is None), f"{who} has no {argument}"
    assert cells == {who: number(value) for who, value in expected.items()}


def test_dropout_has_no_default_in_this_course_and_in_keras():
    assert inspected(KERAS, "Dropout.rate") is None
    assert "Dropout" in GOLDEN[KERAS]["defaults"]
    with pytest.raises(TypeError):
        Dropout()


# ---- momentum --------------------------------------------------------------------------------


def momentum_path(place, nesterov=False, rates=DROPPED_LR):
    """Momentum with the rate inside of the velocity, or outside."""
    v = np.zeros_like(START)

    def step(w, g, lr, t):
        nonlocal v
        inside, outside = (lr, 1) if place == "holds η" else (1, lr)
        v = ALPHA * v - inside * g
        return w + outside * (ALPHA * v - inside * g if nesterov else v)

    return walk(step, rates=rates)


def polyak_path():
    """The heavy ball as in polyak1964: two points instead of a velocity."""
    before = START

    def step(w, g, lr, t):
        nonlocal before
        before, after = w, w - lr * g + ALPHA * (w - before)
        return after

    return walk(step, rates=DROPPED_LR)


@pytest.mark.parametrize("nesterov", [False, True], ids=["momentum", "nesterov"])
@backs(("Momentum", "velocity"))
def test_velocity(where, cells, nesterov):
    """The libraries differ after the drop of the rate, and only then."""
    places = ("holds η", "without η")
    variants = {place: momentum_path(place, nesterov) for place in places}
    optimizer = (Nesterov if nesterov else Momentum)(momentum=ALPHA)
    references = paths("nesterov" if nesterov else "momentum", optimizer, rates=DROPPED_LR)
    if nesterov:
        before = np.array(DROPPED_LR) == LR
        for path in references.values():
            np.testing.assert_allclose(
                np.array(path)[before], variants["holds η"][before], rtol=1e-6
            )
    else:
        references[PAPERS] = polyak_path()
    for who, path in references.items():
        assert matching(variants, path, who) == cells[who]


@backs(("Momentum", "Nesterov looks"))
def test_nesterov(where, cells):
    """With the gradient looked up ahead of w, the points looked at are the path of the others."""
    w, v, ahead_of_w, velocities = START, np.zeros_like(START), [], []
    for _ in GRADIENTS:
        v = ALPHA * v - LR * CURVATURE * (w + ALPHA * v)  # sutskever2013
        w = w + v
        ahead_of_w.append(w)
        velocities.append(v)
    variants = {
        "ahead of w": np.array(ahead_of_w),
        "at w": np.array(ahead_of_w) + ALPHA * np.array(velocities),
    }
    downhill = [lambda w: CURVATURE * w] * len(GRADIENTS)
    references = paths("nesterov_downhill", Nesterov(momentum=ALPHA), downhill)
    for who, path in references.items():
        assert matching(variants, path, who) == cells[who]
    assert cells[PAPERS] == "ahead of w"


# ---- ε, and what the mean square starts from ---------------------------------------------------

EPSILONS = ("1e-10", "1e-8", "1e-7", "1e-6")
PLACES = {"outside": lambda h, eps: np.sqrt(h) + eps, "inside": lambda h, eps: np.sqrt(h + eps)}


def adagrad_path(eps, place, start):
    h = np.full_like(START, float(start))

    def step(w, g, lr, t):
        nonlocal h
        h = h + g**2
        return w - lr * g / PLACES[place](h, float(eps))

    return walk(step)


def rmsprop_path(rho, eps, place):
    h = np.zeros_like(START)

    def step(w, g, lr, t):
        nonlocal h
        h = float(rho) * h + (1 - float(rho)) * g**2
        return w - lr * g / PLACES[place](h, float(eps))

    return walk(step)


def adam_path(eps, beside, weight_decay=None):
    """Adam with ε beside the corrected √v̂, or beside √v (the paper's ε-hat); two kinds of decay."""
    beta1, beta2 = 0.9, 0.999
    m, v = np.zeros_like(START), np.zeros_like(START)

    def step(w, g, lr, t):
        nonlocal m, v
        shrink = {None: 0, "ηλw": lr * DECAY, "decoupled": lr * DECAY, "λw": DECAY, "L2": 0}
        if weight_decay == "L2":
            g = g + DECAY * w
        w = w * (1 - shrink[weight_decay])
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        m_scale, v_scale = 1 / (1 - beta1**t), 1 / (1 - beta2**t)
        if beside == "√v̂":
            return w - lr * m * m_scale / (np.sqrt(v * v_scale) + float(eps))
        return w - lr * m_scale / np.sqrt(v_scale) * m / (np.sqrt(v) + float(eps))

    return walk(step)


SETTINGS = {  # the form, its settings on the page by column, and what else each might have been
    "AdaGrad": (
        adagrad_path,
        {"ε": EPSILONS, "place": PLACES, "h₀": ("0", "0.1", "1")},
    ),
    "RMSProp": (rmsprop_path, {"ρ": ("0.9", "0.99"), "ε": EPSILONS, "place": PLACES}),
    "Adam": (adam_path, {"ε": EPSILONS, "beside": ("√v̂", "√v")}),
}
OPTIMIZERS = {"AdaGrad": AdaGrad, "RMSProp": RMSProp, "Adam": Adam}
FORMS = [(method, setting) for method, (_, options) in SETTINGS.items() for setting in options]
IN_THE_PAPERS = {  # what the papers write where the libraries have arguments
    ("AdaGrad", "ε"): NONE,  # δ, without a number (duchi2011)
    ("AdaGrad", "place"): "outside",
    ("AdaGrad", "h₀"): "0",
    ("RMSProp", "ρ"): "0.9",  # tieleman2012 has no ε
    ("RMSProp", "ε"): NONE,
    ("RMSProp", "place"): NONE,
    ("Adam", "ε"): "1e-8",  # Algorithm 1 of kingma2015
    ("Adam", "beside"): "√v̂",
}


@backs(*FORMS)
def test_form(where, cells):
    """Of all values of one setting, the page's alone gives the library's path by default."""
    method, setting = where
    form, options = SETTINGS[method]
    assert cells[PAPERS] == IN_THE_PAPERS[where]
    for who, path in paths(method.lower(), OPTIMIZERS[method](LR)).items():
        page = {name: CELLS[method, name][who] for name in options}
        variants = {
            option: form(*(page | {setting: option}).values()) for option in options[setting]
        }
        rounded = who if method == "Adam" else None  # Keras rounds β, but neither ρ nor ε
        assert matching(variants, path, rounded) == cells[who], who


def test_nobody_differs_in_the_betas():
    """The paths of `test_form` hold with these two, which are also everybody's defaults."""
    assert (Adam().beta1, Adam().beta2) == (0.9, 0.999)
    assert inspected(PYTORCH, "Adam.betas") == [0.9, 0.999]
    for who, names in ((KERAS, ("beta_1", "beta_2")), (TEXTBOOK, ("beta1", "beta2"))):
        assert [inspected(who, f"Adam.{name}") for name in names] == [0.9, 0.999]


def test_epsilon_hat_is_epsilon_with_a_correction_that_fades():
    """The paper's other form is Algorithm 1 with ε / √(1 − β₂ᵗ) at update t."""
    t = np.arange(1, len(GRADIENTS) + 1)
    assert 31 < 1 / np.sqrt(1 - 0.999 ** t[0]) < 32
    optimizer, w, path = Adam(LR), START.copy(), []
    for g, count in zip(GRADIENTS, t, strict=True):
        optimizer.eps = 1e-7 / np.sqrt(1 - 0.999**count)
        optimizer.step(w, g)
        path.append(w.copy())
    assert close(path, GOLDEN[KERAS]["paths"]["adam"], KERAS)
    assert close(path, GOLDEN[TEXTBOOK]["paths"]["adam"])


# ---- weight decay ----------------------------------------------------------------------------


def fit_walk(optimizer, gradients):
    """Return the path of a weight matrix under `update` with weight decay."""
    network = Network([Dense(2, 2)], rng=np.random.default_rng(0))
    network.params, path = 0.0, []
    network.layers[0].W = START.reshape(2, 2)
    for gradient in gradients:  # with the identity for inputs, it is the gradient of W

        def loss(outputs, targets, gradient=gradient):
            return 0.0, np.reshape(gradient, (2, 2))

        update(network, loss, optimizer, np.eye(2), None, weight_decay=DECAY)
        path.append(network.layers[0].W.ravel().copy())
    return np.array(path)


@backs(("Weight decay", "penalty"))
def test_penalty(where, cells):
    def decay_in(path):  # what the first update of SGD has added to the gradient
        return (START - path[0]) / LR - GRADIENTS[0]

    references = {
        COURSE: decay_in(fit_walk(SGD(LR), GRADIENTS)),
        PYTORCH: decay_in(GOLDEN[PYTORCH]["paths"]["sgd_decay"]),
        KERAS: GOLDEN[KERAS]["penalty_gradient"],
        TEXTBOOK: GOLDEN[TEXTBOOK]["decay"]["W"] * START,
    }
    variants = {"½λ‖w‖²": DECAY * START, "λ‖w‖²": 2 * DECAY * START}
    for who, gradient in references.items():
        assert matching(variants, gradient, who) == cells[who]
    assert cells[PAPERS] == "½λ‖w‖²"  # loshchilov2019


@backs(("Weight decay", "argument"))
def test_weight_decay_of_adam(where, cells):
    variants = {
        kind: {
            who: adam_path(CELLS["Adam", "ε"][who], CELLS["Adam", "beside"][who], kind)
            for who in WHO
        }
        for kind in ("L2", "decoupled")
    }
    references = paths("adam_decay") | {COURSE: fit_walk(Adam(LR), GRADIENTS)}
    for who, path in references.items():
        of_who = {kind: numbers[who] for kind, numbers in variants.items()}
        assert matching(of_who, path, who) == cells[who]
    # The textbook's gradient contains the decay before any optimizer has seen it.
    assert GOLDEN[TEXTBOOK]["decay"]["W"] == pytest.approx(DECAY)
    assert (cells[TEXTBOOK], cells[PAPERS]) == ("L2", NONE)


def test_weight_decay_of_sgd_with_momentum_is_of_the_same_kind_as_adams():
    def decay_path(kind):
        v = np.zeros_like(START)

        def step(w, g, lr, t):
            nonlocal v
            v = ALPHA * v - lr * (g + (DECAY * w if kind == "L2" else 0))
            return w * (1 if kind == "L2" else 1 - lr * DECAY) + v

        return walk(step)

    variants = {kind: decay_path(kind) for kind in ("L2", "decoupled")}
    for who, path in paths("momentum_decay").items():
        assert matching(variants, path, who) == CELLS["Weight decay", "argument"][who], who


def shrunk_by_companion():
    """Return which parameters `update` shrinks when the loss has no gradient."""
    network = mlp([2, 3, 2], batch_norm=True, rng=np.random.default_rng(0))
    network.params = 1.0
    x = np.random.default_rng(0).normal(size=(4, 2))

    def flat(outputs, targets):
        return 0.0, np.zeros_like(outputs)

    update(network, flat, SGD(LR), x, None, weight_decay=DECAY)
    dense, norm = network.layers[:2]
    parameters = {"W": dense.W, "b": dense.b, "gamma": norm.gamma, "beta": norm.beta}
    return {name: bool((values < 1).all()) for name, values in parameters.items()}


@backs(("Weight decay", "shrinks"))
def test_what_decays(where, cells):
    kinds = {"W": {"W"}, "all": {"W", "b", "gamma", "beta"}}
    references = {who: GOLDEN[who]["decayed"] for who in (PYTORCH, KERAS)}
    references |= {COURSE: shrunk_by_companion(), TEXTBOOK: GOLDEN[TEXTBOOK]["decay"]}
    for who, shrunk in references.items():
        assert {name for name, shrinks in shrunk.items() if shrinks} == kinds[cells[who]], who
    assert cells[PAPERS] == NONE


@backs(("AdamW", "shrinks w by"))
def test_adamw_shrinks_by(where, cells):
    for who, path in paths("adamw", AdamW(LR, weight_decay=DECAY)).items():
        adam = CELLS["Adam", "ε"][who], CELLS["Adam", "beside"][who]
        variants = {kind: adam_path(*adam, kind) for kind in ("ηλw", "λw")}
        assert matching(variants, path, who) == cells[who]
    assert cells[PAPERS] == "λw"  # times a schedule, but not times the rate: Algorithm 2
    assert cells[TEXTBOOK] == NONE


# ---- BatchNorm -------------------------------------------------------------------------------

BATCHES = np.array(GIVEN["batches"])


def companion_batch_norm():
    """Return what the golden files hold, from companion's BatchNorm."""
    (layer,) = Network([BatchNorm(2)], rng=np.random.default_rng(0)).layers
    start = {"mean": layer.running_mean.copy(), "var": layer.running_var.copy()}
    golden = {"start": start, "batches": []}
    for batch in BATCHES:
        outputs = layer.forward(batch, training=True)
        mean, var = layer.running_mean.copy(), layer.running_var.copy()
        golden["batches"].append({"outputs": outputs, "mean": mean, "var": var})
    return golden | {"in_use": layer.forward(BATCHES[0])}


NORMS = {COURSE: companion_batch_norm()} | {who: GOLDEN[who]["batch_norm"] for who in GOLDEN}
NORM_DEFAULTS = {
    COURSE: BatchNorm(2).momentum,
    PYTORCH: inspected(PYTORCH, "BatchNorm1d.momentum"),
    KERAS: inspected(KERAS, "BatchNormalization.momentum"),
    TEXTBOOK: inspected(TEXTBOOK, "BatchNormalization.momentum"),
}


def kept(cell):
    """Return the share of the statistics kept, from a cell such as "0.1 replaced"."""
    value, word = cell.split()
    return {"kept": float(value), "replaced": 1 - float(value)}[word]


@backs(("BatchNorm", "momentum"))
def test_batch_norm_momentum(where, cells):
    for who, norm in NORMS.items():
        expected = np.zeros(2)
        for batch, golden in zip(BATCHES, norm["batches"], strict=True):
            expected = kept(cells[who]) * expected + (1 - kept(cells[who])) * batch.mean(axis=0)
            np.testing.assert_allclose(golden["mean"], expected, rtol=1e-9, err_msg=who)
        assert cells[who].split()[0] == number(NORM_DEFAULTS[who])
    assert cells[PAPERS] == NONE


@backs(("BatchNorm", "ε"))
def test_batch_norm_epsilon(where, cells):
    for who, norm in NORMS.items():
        variants, in_use = {}, {}
        mean, var = norm["batches"][-1]["mean"], np.array(norm["batches"][-1]["var"])
        for eps in ("1e-3", "1e-5", "1e-6", "1e-7"):
            variants[eps] = [
                (batch - batch.mean(axis=0)) / np.sqrt(batch.var(axis=0) + float(eps))
                for batch in BATCHES
            ]
            in_use[eps] = (BATCHES[0] - mean) / np.sqrt(var + float(eps))
        assert matching(variants, [b["outputs"] for b in norm["batches"]], who) == cells[who]
        assert matching(in_use, norm["in_use"], who) == cells[who]
    assert cells[PAPERS] == NONE


@backs(("BatchNorm", "starts at"))
def test_batch_norm_start(where, cells):
    for who, norm in NORMS.items():
        np.testing.assert_array_equal(norm["start"]["mean"], 0, err_msg=who)
        np.testing.assert_array_equal(norm["start"]["var"], float(cells[who]), err_msg=who)
    assert cells[PAPERS] == NONE


@backs(("BatchNorm", "follows"))
def test_batch_norm_variance(where, cells):
    for who, norm in NORMS.items():
        variants = {}
        for freedom, name in enumerate(("biased", "unbiased")):
            share = kept(CELLS["BatchNorm", "momentum"][who])
            var, variants[name] = np.array(norm["start"]["var"]), []
            for batch in BATCHES:
                var = share * var + (1 - share) * batch.var(axis=0, ddof=freedom)
                variants[name].append(var)
        assert matching(variants, [b["var"] for b in norm["batches"]], who) == cells[who]
    assert cells[PAPERS] == "unbiased"  # ioffe2015, Algorithm 2


# ---- dropout ---------------------------------------------------------------------------------


def companion_dropout():
    layer = Dropout(GIVEN["rate"], np.random.default_rng(0))
    ones = np.ones((1, GIVEN["n_dropped"]))
    training, in_use = layer.forward(ones, training=True), layer.forward(ones)
    dropped = np.mean(training == 0)
    return {"training": np.unique(training), "dropped": dropped, "in_use": np.unique(in_use)}


DROPOUTS = {COURSE: companion_dropout()} | {who: GOLDEN[who]["dropout"] for who in GOLDEN}


@backs(("Dropout", "p is"))
def test_dropout_share(where, cells):
    p = GIVEN["rate"]
    for who, dropout in DROPOUTS.items():
        share = {"dropped": p, "kept": 1 - p}[cells[who]]
        assert dropout["dropped"] == pytest.approx(share, abs=0.02), who
    assert cells[PAPERS] == "kept"  # srivastava2014


@backs(("Dropout", "scaled in"))
def test_dropout_scaling(where, cells):
    p = GIVEN["rate"]
    variants = {"training": [0, 1 / (1 - p), 1], "use": [0, 1, 1 - p]}
    for who, dropout in DROPOUTS.items():
        assert matching(variants, [*dropout["training"], *dropout["in_use"]], who) == cells[who]
    assert cells[PAPERS] == "use"


# ---- first weights ---------------------------------------------------------------------------

N_IN, N_OUT = GIVEN["n_in"], GIVEN["n_out"]


def companion_weights():
    """Return the spread of large draws, as the golden files hold it."""
    rng = np.random.default_rng(0)
    (layer,) = Network([Dense(N_IN, N_OUT)], rng=rng).layers
    draws = {"dense": layer.W, "dense_bias": layer.b}
    for name in ("xavier_normal", "xavier_uniform"):
        draws[name] = getattr(initializers, name)((N_IN, N_OUT), rng)
    return {
        name: {"variance": draw.var(), "largest": abs(draw).max()} for name, draw in draws.items()
    }


WEIGHTS = {COURSE: companion_weights()} | {who: GOLDEN[who]["initial_weights"] for who in GOLDEN}
VARIANCES = {"2/(n_in + n_out)": 2 / (N_IN + N_OUT), "1/n_in": 1 / N_IN}
REACH = {  # how many standard deviations the largest of 150,000 draws is away
    "uniform": (1.70, 1.74),
    "cut off": (2.24, 2.29),
    "whole": (4.0, 6.0),
}


def shape_of(spread):
    """Return the name of the distribution by how far its largest draw is away."""
    reach = spread["largest"] / np.sqrt(spread["variance"])
    return " or ".join(name for name, (low, high) in REACH.items() if low < reach < high)


@backs(("First weights", "Xavier's variance"))
def test_xavier_variance(where, cells):
    for who, draws in WEIGHTS.items():
        for name in {"xavier_normal", "xavier_uniform"} & set(draws):
            variance = VARIANCES[cells[who]]
            assert draws[name]["variance"] == pytest.approx(variance, rel=0.02), (who, name)
    assert cells[PAPERS] == "2/(n_in + n_out)"  # glorot2010, its equation 16


def test_gain_of_pytorch_multiplies_the_standard_deviation():
    draws = WEIGHTS[PYTORCH]
    assert draws["gain_for_tanh"] == pytest.approx(5 / 3)
    ratio = draws["xavier_normal_with_gain"]["variance"] / draws["xavier_normal"]["variance"]
    assert ratio == pytest.approx((5 / 3) ** 2, rel=0.02)


@backs(("First weights", "normal"))
def test_xavier_normal(where, cells):
    for who, draws in WEIGHTS.items():
        assert shape_of(draws["xavier_normal"]) == cells[who], who
        if "xavier_uniform" in draws:
            assert shape_of(draws["xavier_uniform"]) == "uniform", who
    assert cells[PAPERS] == NONE  # glorot2010 has the uniform one


DENSE = {  # variance and distribution of the weights of a dense layer
    "He, normal": (2 / N_IN, "whole"),
    "Xavier, uniform": (2 / (N_IN + N_OUT), "uniform"),
    "±1/√n_in": (1 / (3 * N_IN), "uniform"),
}


@backs(("First weights", "weights"))
def test_dense_layer(where, cells):
    for who, draws in WEIGHTS.items():
        variance, shape = DENSE[cells[who]]
        assert draws["dense"]["variance"] == pytest.approx(variance, rel=0.02), who
        assert shape_of(draws["dense"]) == shape, who
    assert cells[PAPERS] == NONE


@backs(("First weights", "bias"))
def test_dense_bias(where, cells):
    for who, draws in WEIGHTS.items():
        largest = {"0": 0.0, "±1/√n_in": 1 / np.sqrt(N_IN)}[cells[who]]
        assert draws["dense_bias"]["largest"] == pytest.approx(largest, rel=0.02), who
    assert cells[PAPERS] == "0"  # glorot2010


# ---- the page as a whole ---------------------------------------------------------------------


def test_tables_and_tests_name_the_same_conventions():
    assert set(BACKED) == set(CELLS)
    assert all(list(cells) == list(WHO) for cells in CELLS.values())
    assert f"{len(CELLS)} decisions" in PAGE.read_text()


def test_page_names_the_versions():
    text = PAGE.read_text()
    for who, golden in MADE.items():
        assert re.search(r"[\d.]{4,}|\b[0-9a-f]{7}$", golden["made_with"])
        for version in re.findall(r"\d+\.\d+\.\d+|\b[0-9a-f]{7}$", golden["made_with"]):
            assert version in text, (who, version)
