"""A notebook in JupyterLab, opened, read and run by a person (or by Binder for one)."""

import re
import runpy
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import coalesce_streams

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("chapters/**/*.ipynb"))
PAGE_TO_RUN = "chapters/foundations/network.ipynb"
WAITING_RUN = """
from pathlib import Path
from time import sleep
import numpy as np
from companion.callbacks import Callback
from companion.losses import softmax_cross_entropy
from companion.network import mlp
from companion.optimizers import SGD
from companion.training import fit

class Wait(Callback):
    def on_update(self, run):
        while not Path("seen").exists():
            sleep(0.01)

rng = np.random.default_rng(0)
x, y = rng.normal(size=(8, 2)), np.arange(8) % 2
print("before")
fit(mlp([2, 2], rng=rng), softmax_cross_entropy, SGD(), x, y, epochs=2, batch_size=4, rng=rng,
    callbacks=[Wait()])
print("after")
"""
RACE = """
from companion import plots
from companion.landscapes import RAVINE, descend
from companion.optimizers import SGD
plots.race(RAVINE, {"SGD": descend(RAVINE, SGD(0.95), steps=30)}, "SGD jumps from wall to wall.")
"""


@pytest.fixture(scope="module")
def reader(lab):
    """Return a tab in which one page after the other is read."""
    tab = lab.open()
    yield tab
    tab.context.close()


@pytest.fixture(scope="module")
def guards():
    """Return the functions with which the tests of the notebooks compare images."""
    return runpy.run_path(str(ROOT / "chapters" / "conftest.py"))


def read_outputs(path):
    """Return the outputs of each code cell, streams merged as nbval does."""
    cells = nbformat.read(path, as_version=4).cells
    outputs = [coalesce_streams(cell.outputs) for cell in cells if cell.cell_type == "code"]
    return [list(filter(is_visible, cell)) for cell in outputs]


def is_visible(output):
    """Return whether there is anything to see: where a progress bar was, there is not."""
    return output.get("data") != {}


def without_images(outputs, kinds):
    """Return a copy of the outputs in which images and numbers of execution are left out."""
    copies = nbformat.from_dict(outputs)
    for output in copies:
        output.pop("execution_count", None)
        for kind in kinds:
            output.get("data", {}).pop(kind, None)
    return copies


def test_running_a_page_gives_its_stored_outputs(lab, guards):
    tab = lab.open_to_run(PAGE_TO_RUN)
    lab.rerun(tab)
    tab.context.close()
    stored, fresh = read_outputs(ROOT / PAGE_TO_RUN), read_outputs(lab.tree / PAGE_TO_RUN)
    kinds, images = guards["IMAGES"], guards["images"]
    for fresh_cell, stored_cell in zip(fresh, stored, strict=True):
        assert without_images(fresh_cell, kinds) == without_images(stored_cell, kinds)
        difference = guards["compare_images"](images(fresh_cell), images(stored_cell))
        assert difference == ""


@pytest.mark.parametrize("page", PAGES)
def test_markdown_is_rendered(lab, reader, page):
    """All in one cell: with each cell that it adds, JupyterLab typesets all others again."""
    notebook = nbformat.read(ROOT / page, as_version=4)
    source = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    notebook.cells = [nbformat.v4.new_markdown_cell(source)]
    text_alone = Path(page).with_suffix(".text.ipynb")
    nbformat.write(notebook, lab.tree / text_alone)
    lab.open_to_read(reader, text_alone.as_posix())
    in_front = reader.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    rendered = in_front.locator(".jp-MarkdownCell :is(.myst, .jp-MarkdownOutput)")
    assert rendered.count() == 1
    text = rendered.inner_text()
    raw = re.findall(r"\{[\w:-]+\}`.*|\{\{.*|\$\$|```|:::|\\begin\{|Unknown \w+", text)
    assert not raw
    assert (rendered.locator(".katex").count() > 0) == ("$" in source)
    # Undefined references and TeX that KaTeX does not know are yellow or red. So are citations,
    # because JupyterLab does not read the bibliography: it shows their keys.
    marked = rendered.locator("span:is(.text-yellow-600, .text-red-500)").all_text_contents()
    citations = re.findall(r"^@\w+\{([^,]+),", (ROOT / "references.bib").read_text(), re.MULTILINE)
    assert {text.strip(" ,;") for text in marked} <= set(citations)


def test_progress_is_shown_and_leaves_nothing(lab):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(WAITING_RUN)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, lab.tree / "progress.ipynb")
    tab = lab.open_to_run("progress.ipynb")
    shown = tab.locator(".jp-OutputArea-output")

    def see_the_bar():
        shown.filter(has_text="update/s").wait_for()
        (lab.tree / "seen").touch()

    lab.rerun(tab, meanwhile=see_the_bar)
    assert [text.strip() for text in shown.all_inner_texts()] == ["before", "after"]
    (outputs,) = read_outputs(lab.tree / "progress.ipynb")
    assert [output.text for output in outputs] == ["before\nafter\n"]
    tab.context.close()


def test_a_player_has_its_keys_for_itself(lab):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(RACE)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, lab.tree / "race.ipynb")
    tab = lab.open_to_run("race.ipynb")
    lab.rerun(tab)
    slider = tab.locator(".race").get_by_role("slider")
    for key in ["Home", "ArrowRight", "ArrowUp"]:  # JupyterLab has other uses for arrows
        slider.press(key)
    assert slider.input_value() == "2"
    tab.get_by_role("button", name="One update forward").press("Enter")  # it would edit the cell
    assert slider.input_value() == "3"
    assert tab.evaluate("jupyterapp.shell.currentWidget.content.mode") == "command"
    picture = tab.get_by_role("img", name="SGD jumps")
    assert picture.evaluate("i => getComputedStyle(i).filter") == "none"
    lab.execute(tab, "apputils:change-theme", {"theme": "JupyterLab Dark"})
    tab.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
    assert "invert" in picture.evaluate("i => getComputedStyle(i).filter")
    tab.context.close()
