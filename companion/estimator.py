"""The network as a scikit-learn estimator, for its cross-validation, searches and pipelines.

Both estimators have the same settings:

================  ===================  =========================================================
``hidden``        tuple of int         units of each hidden layer
``optimizer``     Optimizer class      from ``companion.optimizers``
``lr``            float                learning rate, positive
``weight_decay``  float                λ of the L2 penalty, see ``companion.training.fit``
``initializer``   callable             from ``companion.initializers``
``batch_norm``    bool                 whether hidden layers are normalized
``dropout``       float                share of hidden units dropped in training, in [0, 1)
``epochs``        int                  how often every sample is used
``batch_size``    int                  samples in an update, at most
``random_state``  int, None or other   decides weights, order of samples and dropout; None: another
                                       one each time
================  ===================  =========================================================
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from companion.initializers import he_normal
from companion.losses import mean_squared_error, softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import Adam
from companion.training import fit


class _NetworkEstimator(BaseEstimator):
    """What both share: the settings, and how they become a trained network."""

    def __init__(
        self,
        hidden=(100,),
        *,
        optimizer=Adam,
        lr=0.001,
        weight_decay=0.0,
        initializer=he_normal,
        batch_norm=False,
        dropout=0.0,
        epochs=50,
        batch_size=32,
        random_state=None,
    ):
        self.hidden = hidden
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.initializer = initializer
        self.batch_norm = batch_norm
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state

    def _train(self, x, y, n_out, loss):
        """Make `network_` and train it; keep its history in `history_`."""
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        rng = np.random.default_rng(seed)
        self.network_ = mlp(
            [x.shape[1], *self.hidden, n_out],
            initializer=self.initializer,
            batch_norm=self.batch_norm,
            dropout=self.dropout,
            rng=rng,
        )
        self.history_ = fit(
            self.network_,
            loss,
            self.optimizer(lr=self.lr),
            x,
            y,
            epochs=self.epochs,
            batch_size=min(self.batch_size, len(x)),
            rng=rng,
            weight_decay=self.weight_decay,
        )
        self.n_iter_ = len(self.history_)
        return self

    def _outputs(self, X):
        check_is_fitted(self)
        return self.network_.forward(validate_data(self, X, reset=False))


class NetworkClassifier(ClassifierMixin, _NetworkEstimator):
    """A network of dense ReLU layers that names a class; settings: see the module.

    Attributes
    ----------
    classes_ : (n_classes,) array
    network_ : Network
    history_ : list of dict
        As `fit` returns it.

    Examples
    --------
    >>> from companion.data import load_mnist
    >>> (x, y), _ = load_mnist()
    >>> model = NetworkClassifier(epochs=10, random_state=0).fit(x[:500], y[:500])
    >>> bool(model.score(x[1000:1500], y[1000:1500]) > 0.7)
    True
    """

    def fit(self, X, y):
        """Train on `X` (n, n_in) and the labels `y` (n,), of any kind; return self."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y must hold at least 2 classes, got one class: {self.classes_[0]}")
        return self._train(X, labels, len(self.classes_), softmax_cross_entropy)

    def predict_proba(self, X):
        """Return the probability of each class, (n, n_classes)."""
        logits = self._outputs(X)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Return the most likely class of each row of `X`, (n,)."""
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]


class NetworkRegressor(RegressorMixin, _NetworkEstimator):
    """A network of dense ReLU layers that returns numbers; settings: see the module.

    It learns to predict the targets in units of their standard deviation, from their mean, so that
    a learning rate does not depend on their unit.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 200)[:, None]
    >>> model = NetworkRegressor(lr=0.01, epochs=100, random_state=0).fit(x, 1000 * x[:, 0] ** 2)
    >>> bool(model.score(x, 1000 * x[:, 0] ** 2) > 0.98)
    True
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X, y):
        """Train on `X` (n, n_in) and the numbers `y` (n,) or (n, n_out); return self."""
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        self._flat = y.ndim == 1
        targets = np.asarray(y, float).reshape(len(y), -1)
        self._center, spread = targets.mean(axis=0), targets.std(axis=0)
        self._scale = np.where(spread > 0, spread, 1.0)
        targets = (targets - self._center) / self._scale
        return self._train(X, targets, targets.shape[1], mean_squared_error)

    def predict(self, X):
        """Return the predicted numbers, in the shape of the targets of `fit`."""
        outputs = self._outputs(X)
        predicted = outputs * self._scale + self._center
        return predicted[:, 0] if self._flat else predicted
