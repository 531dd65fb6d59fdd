"""Execute notebooks and store their outputs so that a diff shows only what changed.

Usage: python tools/store_outputs.py [notebook ...]

Without a name, all notebooks in chapters/ are executed.
"""

import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import nbformat.reader
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parent.parent
CELL_TIMEOUT = 300  # seconds: far above what a page may take, so only a cell that hangs meets it

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}

# The same kernel and language on every page, without the version of whoever executed it last.
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# What authors write; everything else in a cell's metadata is left behind by editors.
AUTHORS_METADATA = ("mystnb", "nbgrader", "tags")


def canonical(notebook):
    """Return the notebook with nothing in it that depends on who stored it, and when.

    Parameters
    ----------
    notebook : dict
        A notebook of format 4, as `nbformat.reader.reads` gives it.

    Returns
    -------
    nbformat.NotebookNode
        The same content in format 4.5: a fixed kernel and language, authors' metadata only,
        an identifier for every cell, and short tracebacks.
    """
    if notebook["nbformat"] != 4:
        raise ValueError(f"nbformat is {notebook['nbformat']}, expected 4")
    notebook = nbformat.from_dict(notebook)
    notebook.nbformat_minor = 5
    notebook.metadata = nbformat.from_dict(_authored(notebook.metadata) | NOTEBOOK_METADATA)
    _identify(notebook.cells)
    for cell in notebook.cells:
        cell.metadata = _authored(cell.metadata)
        for output in cell.get("outputs", ()):
            _shorten_traceback(output)
    return notebook


def _authored(metadata):
    return nbformat.from_dict({key: metadata[key] for key in AUTHORS_METADATA if metadata.get(key)})


def _identify(cells):
    """Keep valid identifiers; where one is missing or taken, number the cell by its position."""
    taken = set()
    for cell in cells:
        identifier = cell.pop("id", "")
        if re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", identifier) and identifier not in taken:
            cell.id = identifier
            taken.add(identifier)
    for position, cell in enumerate(cells):
        if "id" not in cell:
            names = [f"cell-{position}", *(f"cell-{position}-{n}" for n in range(len(cells)))]
            cell.id = next(name for name in names if name not in taken)
            taken.add(cell.id)


def _shorten_traceback(output):
    """Reduce a traceback to its message: the frames name files of one machine."""
    if output.output_type == "error":
        output.traceback = [f"{output.ename}: {output.evalue}"]


def dumps(notebook):
    """Return a canonical notebook as the text of its file."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def execute(path):
    """Execute a notebook in a fresh kernel, in its own folder, and store it in canonical form.

    Returns
    -------
    str
        What went wrong, with the notebook left as it was; empty when all is well.
    """
    notebook = canonical(nbformat.reader.reads(path.read_text(encoding="utf-8")))
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_TIMEOUT,
        coalesce_streams=True,
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        # Not the settings and start-up files of the user: chapters/conftest.py does the same.
        with TemporaryDirectory() as profile:
            client.execute(env=ONE_THREAD | os.environ | {"IPYTHONDIR": profile})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return str(error)
    path.write_text(dumps(canonical(notebook)), encoding="utf-8")
    return ""


def main(arguments):
    """Execute the named notebooks, or all of them; return the exit status."""
    paths = [Path(name) for name in arguments] or sorted((ROOT / "chapters").rglob("*.ipynb"))
    failed = False
    with ProcessPoolExecutor(max_workers=2) as pool:
        for path, problem in zip(paths, pool.map(execute, paths), strict=True):
            print(f"{path}: {problem or 'stored'}", flush=True)
            failed = failed or bool(problem)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
