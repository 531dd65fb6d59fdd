"""The guards of chapters/conftest.py refuse notebooks tampered with, and pass intact ones."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from store_outputs import canonical, dumps, execute

ROOT = Path(__file__).resolve().parents[2]


def cell(source, *outputs, count=1, tags=()):
    return new_code_cell(
        source, outputs=list(outputs), execution_count=count, metadata={"tags": list(tags)}
    )


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def notebook(*cells):
    return canonical(new_notebook(cells=list(cells)))


def with_version(book):
    book.metadata.language_info.version = "3.11.7"
    return book


PRINT = cell("print(0.125)", stream("0.125\n"))
RAISE = 'raise ValueError("no")'
ERROR = new_output("error", ename="ValueError", evalue="no", traceback=["ValueError: no"])
WARN = 'import sys\nprint("!", file=sys.stderr)'

INTACT = notebook(
    PRINT,
    cell("a = 1\na;", count=2),  # the semicolon keeps the value from being shown
    cell(RAISE, ERROR, count=3, tags=["raises-exception"]),
)
# name: the notebook, the tests of it that fail, what the first of them says
TAMPERED = {
    "changed_number": (
        notebook(cell("print(0.125)", stream("0.126\n"))),
        ["Cell 0"],
        "Cell outputs differ",
    ),
    "cleared": (
        notebook(PRINT, cell("a = 1", count=None)),
        ["stored"],
        "Cell 1 was not executed",
    ),
    "disordered": (
        notebook(cell("a = 1", count=2), cell("b = 1", count=1), cell("c = 1", count=4)),
        ["stored"],
        "Cell 0 was executed as number 2, not 1\n"
        "Cell 1 was executed as number 1, not 2\n"
        "Cell 2 was executed as number 4, not 3\n",
    ),
    "empty_cell": (notebook(PRINT, cell(" \n", count=2)), ["stored"], "Cell 1 is empty"),
    "no_code": (notebook(new_markdown_cell("Text")), ["stored"], "no code cell"),
    "error": (
        notebook(cell(RAISE, ERROR)),
        ["stored", "Cell 0"],
        "Cell 0 has stored an error, and no tag raises-exception",
    ),
    "stderr": (
        notebook(cell(WARN, stream("!\n", "stderr"))),
        ["stored"],
        "Cell 0 has stored output to stderr",
    ),
    "uncompared": (
        notebook(
            cell("# NBVAL_IGNORE_OUTPUT\nprint(1)"),
            cell("print(1)", count=2, tags=["nbval-skip"]),
        ),
        ["stored"],
        "Cell 0 is kept from being compared\nCell 1 is kept from being compared",
    ),
    "unstable": (with_version(notebook(PRINT)), ["stored"], "not as `make notebooks` stores"),
}

FIGURE = """\
import matplotlib.pyplot as plt
import numpy as np

epochs = np.linspace(0, 10, 101)
fig, ax = plt.subplots(dpi=72)
ax.plot(epochs, np.exp(-epochs / 3) + 0)
ax.set_title("lr = 0.1", size=6)
plt.show()"""
# For each cell of a notebook of figures: what changes in the source after it was executed, and
# what the test of the cell says (nothing: it passes).
REDRAWN = {
    "unchanged": ("", "", ""),
    "rounded": ("/ 3) + 0", "/ 3) + 1e-7", ""),
    "curve_moved": ("/ 3) + 0", "/ 3) + 0.001", "image 0 differs: "),
    "digit_changed": ("lr = 0.1", "lr = 0.7", "image 0 differs: "),
    "enlarged": ("plt.show", "ax.set_ylabel('loss')\nplt.show", " pixels, 1 frame(s), stored: "),
    "removed": ("", "", "fresh images: 1, stored: 0"),
}

# Takes 300 MB in its own process, and a second and a half in another one.
HUNGRY = """\
import subprocess, sys

block = bytearray(300_000_000)
block[::1000] = bytes(300_000)
busy = "import time\\nwhile time.process_time() < 1.5: pass"
subprocess.run([sys.executable, "-c", busy], check=True);"""


# Seconds that a task of a millisecond would take at full speed.
FAST, SLOW = 1000, 1e-9


def run(folder, notebooks, *options):
    """Run pytest over notebooks in a folder; return its output and {(notebook, test): message}.

    The folder gets the guards as a page's folder would; a message is empty where a test passed.
    """
    shutil.copy(ROOT / "chapters" / "conftest.py", folder)
    for name, book in notebooks.items():
        (folder / f"{name}.ipynb").write_text(dumps(book))
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "--rootdir", folder]
    command += ["-p", "no:cacheprovider", "--color=no", f"--junitxml={report}", *options, folder]
    process = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert process.returncode in (0, 1), process.stdout + process.stderr
    results = {
        (Path(test.get("classname")).stem, test.get("name")): test.findtext("failure", "")
        for test in ElementTree.parse(report).iter("testcase")
    }
    return process.stdout, results


def failures(results, name):
    return [test for (book, test), message in results.items() if book == name and message]


@pytest.fixture(scope="module")
def redrawn(tmp_path_factory):
    """A notebook of figures whose stored images are those of the source before it was changed."""
    path = tmp_path_factory.mktemp("executed") / "figures.ipynb"
    path.write_text(dumps(notebook(*(cell(FIGURE, count=None) for _ in REDRAWN))))
    assert not execute(path)
    book = nbformat.read(path, as_version=4)
    for figure, (old, new, _) in zip(book.cells, REDRAWN.values(), strict=True):
        assert old in figure.source
        figure.source = figure.source.replace(old, new)
    del figure.outputs[0].data["image/png"]
    return book


@pytest.fixture(scope="module")
def results(tmp_path_factory, redrawn):
    """What became of all the notebooks, in one run of pytest."""
    notebooks = {name: book for name, (book, _, _) in TAMPERED.items()}
    notebooks |= {"intact": INTACT, "redrawn": redrawn}
    return run(tmp_path_factory.mktemp("guards"), notebooks)[1]


def test_intact_notebook_passes(results):
    tests = [test for book, test in results if book == "intact"]
    assert tests == ["stored", "Cell 0", "Cell 1", "Cell 2", "resources"]
    assert failures(results, "intact") == []


@pytest.mark.parametrize("name", TAMPERED)
def test_tampered_notebook_is_refused(results, name):
    _, tests, message = TAMPERED[name]
    assert failures(results, name) == tests
    assert message in results[name, tests[0]]


@pytest.mark.parametrize(("number", "name"), list(enumerate(REDRAWN)))
def test_figures_are_compared(results, number, name):
    *_, message = REDRAWN[name]
    failure = results["redrawn", f"Cell {number}"]
    assert message in failure
    assert bool(message) == bool(failure)


def table_row(output, name):
    row = re.search(rf"^{name}.ipynb( +[\d.]+){{4}}$", output, re.MULTILINE)
    return [float(number) for number in row[0].split()[1:]]


def test_resources_are_measured_and_limited(tmp_path):
    limits = ["-o", "page_seconds=0.01", "-o", "page_megabytes=10", "-o", f"task_seconds={FAST}"]
    output, results = run(tmp_path, {"hungry": notebook(cell(HUNGRY))}, *limits)
    assert failures(results, "hungry") == ["resources"]
    assert "CPU seconds at full speed; a page may take 0.01" in results["hungry", "resources"]
    assert "MB of memory; a page may take 10" in results["hungry", "resources"]
    cpu_seconds, seconds, speed, megabytes = table_row(output, "hungry")
    assert cpu_seconds >= 1.5
    assert seconds >= 1.5
    assert speed > 1
    assert 300 <= megabytes < 500


def test_far_below_its_speed_a_machine_is_judged_by_its_memory_alone(tmp_path):
    limits = ["-o", "page_seconds=0.01", "-o", "page_megabytes=250", "-o", f"task_seconds={SLOW}"]
    notebooks = {"modest": INTACT, "hungry": notebook(cell(HUNGRY))}
    output, results = run(tmp_path, notebooks, "-rs", *limits)
    assert failures(results, "modest") == []
    assert "modest.ipynb: time not judged, the machine ran at 0.00 of its speed" in output
    assert "1 skipped" in output
    assert failures(results, "hungry") == ["resources"]
    assert "MB of memory; a page may take 250" in results["hungry", "resources"]
    assert "CPU seconds" not in results["hungry", "resources"]


def test_changed_number_of_threads_is_noticed(tmp_path):
    script = "import os\nos.environ['OPENBLAS_NUM_THREADS'] = '8'\n"
    (tmp_path / "imported.py").write_text(script)  # as pytest looks for doctests
    _, results = run(tmp_path, {"intact": INTACT})
    assert failures(results, "intact") == ["resources"]
    assert "OPENBLAS_NUM_THREADS is no longer" in results["intact", "resources"]
