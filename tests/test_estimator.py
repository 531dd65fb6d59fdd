"""The estimators keep all of scikit-learn's rules, and work inside its searches."""

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

from companion.estimator import NetworkClassifier, NetworkRegressor
from companion.optimizers import SGD, Adam


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize("estimator", [NetworkClassifier(), NetworkRegressor()])
def test_scikit_learns_own_checks(estimator):
    results = check_estimator(estimator)  # raises where a check fails
    skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
    assert len(results) > 45
    assert {result["status"] for result in results} <= {"passed", "skipped"}
    assert skipped <= {  # those that need other packages
        "check_array_api_input",
        "check_classifier_data_not_an_array",
        "check_regressor_data_not_an_array",
    }


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    return x[:600] / 16, y[:600]


def test_classifier_learns_digits_and_names_any_labels(digits):
    x, y = digits
    names = np.array([f"digit {label}" for label in y])
    model = NetworkClassifier(epochs=30, random_state=0).fit(x[:400], names[:400])
    assert model.score(x[400:], names[400:]) > 0.8
    probabilities = model.predict_proba(x[400:])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert np.all(model.classes_[probabilities.argmax(axis=1)] == model.predict(x[400:]))
    assert len(model.history_) == model.n_iter_ == 30


@pytest.mark.parametrize("settings", [{"batch_norm": True}, {"dropout": 0.2}, {"hidden": (30, 30)}])
def test_settings_reach_the_network(digits, settings):
    x, y = digits
    model = NetworkClassifier(epochs=2, random_state=0, **settings).fit(x, y)
    plain = NetworkClassifier(epochs=2, random_state=0).fit(x, y)
    assert len(model.network_.layers) > len(plain.network_.layers)


def test_same_seed_same_model(digits):
    x, y = digits
    first, second, other = (
        NetworkClassifier(epochs=2, random_state=seed).fit(x, y).network_.params
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert np.any(first != other)


def test_searches_and_cross_validation(digits):
    x, y = digits
    model = NetworkClassifier(epochs=5, random_state=0)
    assert cross_val_score(model, x, y, cv=3).min() > 0.5
    grid = {"optimizer": [SGD, Adam], "lr": [1e-5, 0.01]}
    found = GridSearchCV(model, grid, cv=2).fit(x, y)
    assert found.best_params_["lr"] == 0.01
    draws = {"lr": loguniform(1e-5, 1e-1)}
    drawn = RandomizedSearchCV(model, draws, n_iter=4, cv=2, random_state=0).fit(x, y)
    assert len(drawn.cv_results_["params"]) == 4


def test_works_in_a_pipeline_and_is_cloned(digits):
    x, y = digits
    pipeline = make_pipeline(MinMaxScaler(), NetworkClassifier(epochs=20, random_state=0))
    assert clone(pipeline).fit(16 * x, y).score(16 * x, y) > 0.9


def test_regressor_in_any_unit():
    x = np.linspace(-1, 1, 200)[:, None]
    y = np.hstack([x**2, 1e6 + 1000 * np.sin(3 * x)])
    model = NetworkRegressor(lr=0.01, random_state=0).fit(x, y)
    assert model.predict(x).shape == (200, 2)
    assert model.score(x, y) > 0.98


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="y must hold at least 2 classes, got one class: 3"):
        NetworkClassifier().fit(np.zeros((5, 2)), np.full(5, 3))
