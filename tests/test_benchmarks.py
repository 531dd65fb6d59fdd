"""The benchmarks run, refuse unequal contestants, and compute their ratios as they say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def side_by_side(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import side_by_side

    return side_by_side


def run(name, *arguments, before=""):
    """Run a script in a process of its own, after the statement `before`; return its result."""
    script = BENCHMARKS / f"{name}.py"
    code = (
        f"import runpy, sys; sys.argv = [{str(script)!r}, *{list(arguments)!r}]; "
        f"sys.path.insert(0, {str(BENCHMARKS)!r})\n{before}\n"
        f"runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONUTF8": "1"},
    )


def rows(text):
    """Return the rows of the Markdown tables in `text`, as lists of cells."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if re.match(r"\| [a-z]", line, re.IGNORECASE)
    ]


def test_training_step_without_its_peers():
    absent = "sys.modules.update(sklearn=None, torch=None, jax=None)"
    result = run("training_step", "--rounds", "3", "--steps", "2", before=absent)
    assert result.returncode == 0, result.stderr
    measured = rows(result.stdout)
    assert [row[0] for row in measured] == 4 * ["matrix products alone", "companion"]
    for products, companion in zip(measured[::2], measured[1::2], strict=True):
        assert companion[3:5] == ["1.00", "1.00–1.00"]
        assert 10 < float(products[1]) < 1e5  # µs, on any machine
        assert (
            0.1 < float(products[3]) < 2
        )  # a large part of the step, with room for a busy machine
    for name, module in (("PyTorch", "torch"), ("JAX", "jax"), ("scikit-learn", "sklearn")):
        note = rf"{name} is skipped: {module}[.\w]* is not installed\."
        assert len(re.findall(note, result.stdout)) == 4


def test_optimizers_without_pytorch():
    absent = "sys.modules.update(torch=None)"
    result = run("optimizers", "--rounds", "2", "--steps", "2", before=absent)
    assert result.returncode == 0, result.stderr
    names = [row[0] for row in rows(result.stdout)]
    assert names == 4 * ["matrix products alone", "companion"] + 5 * ["companion"]
    for optimizer in ("SGD", "Momentum", "AdaGrad", "Adam"):
        assert f"784-100×4-10, {optimizer}, float32" in result.stdout
        assert f"update of {optimizer}, 119,400 parameters" in result.stdout
    assert result.stdout.count("PyTorch is skipped: torch is not installed.") == 4
    assert result.stdout.count("PyTorch, fused is skipped") == 5


def test_batchnorm_scales_without_pytorch():
    """The textbook's arithmetic agrees with companion's, or nothing would be measured."""
    result = run("batchnorm_scales", "--rounds", "2", before="sys.modules.update(torch=None)")
    assert result.returncode == 0, result.stderr
    assert [row[0] for row in rows(result.stdout)] == ["companion", "the textbook's arithmetic"]
    assert "PyTorch is skipped: torch is not installed." in result.stdout


def test_search_without_pytorch():
    absent = "sys.modules.update(torch=None)"
    result = run("search", "--trials", "2", "--rounds", "1", before=absent)
    assert result.returncode == 0, result.stderr
    names = [row[0] for row in rows(result.stdout)]
    assert names == ["companion, two processes", "companion, one process"]
    assert "PyTorch is skipped: torch is not installed." in result.stdout


def test_training_step_refuses_a_peer_that_computes_something_else():
    swindler = "import peers; peers.jax = lambda task: lambda: [0.1]"
    result = run(
        "training_step", "--rounds", "1", "--steps", "2", "--peers", "JAX", before=swindler
    )
    assert result.returncode != 0
    assert "computes something else" in result.stderr
    assert not rows(result.stdout)


def test_values_must_agree(side_by_side):
    side_by_side.check_agreement({"a": 2.0, "b": 2.0 + 1e-9, "c": 2.0}, tolerance=1e-8)
    with pytest.raises(ValueError, match="c computes something else"):
        side_by_side.check_agreement({"a": 2.0, "b": 2.0, "c": 2.0001}, tolerance=1e-8)


def test_what_is_not_a_number_agrees_with_nothing(side_by_side):
    with pytest.raises(ValueError, match="computes something else"):
        side_by_side.check_agreement({"a": 2.0, "b": np.nan}, tolerance=1e-4)


def test_everybody_has_a_turn_in_every_round(side_by_side):
    turns = []
    contestants = {name: lambda name=name: turns.append(name) for name in "abc"}
    seconds = side_by_side.measure(contestants, 5, np.random.default_rng(0))
    assert [sorted(turns[i : i + 3]) for i in range(0, 15, 3)] == 5 * [["a", "b", "c"]]
    assert turns != 5 * ["a", "b", "c"]
    assert {name: times.shape for name, times in seconds.items()} == dict.fromkeys("abc", (5,))


def test_ratios_are_taken_round_by_round(side_by_side):
    seconds = {"us": np.array([1e-6, 4e-6, 10e-6]), "peer": np.array([2e-6, 8e-6, 10e-6])}
    us, peer = rows(side_by_side.table(seconds, "us", goals={"peer": 1.5}))
    assert us == ["us", "4", "2–7", "1.00", "1.00–1.00", ""]
    assert peer == ["peer", "8", "5–9", "2.00", "1.50–2.00", "≥ 1.50"]


def test_a_section_is_replaced_and_nothing_else(side_by_side, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("top\n<!-- a: begin -->\nold\n<!-- a: end -->\nbottom\n", encoding="utf-8")
    side_by_side.write_section(page, "a", "new ÷")
    side_by_side.write_section(page, "a", "newer ÷")
    expected = "top\n<!-- a: begin -->\nnewer ÷\n<!-- a: end -->\nbottom\n"
    assert page.read_text(encoding="utf-8") == expected
    with pytest.raises(ValueError, match="b: begin"):
        side_by_side.write_section(page, "b", "new")
    assert page.read_text(encoding="utf-8") == expected
