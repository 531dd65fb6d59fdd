"""`make notebooks` stores the same file every time, and nothing of the machine it ran on."""

import json

import pytest

from store_outputs import execute, main


def write(path, *cells, **metadata):
    """Write a notebook of an older format, without identifiers, as an editor may leave it."""
    notebook = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    path.write_text(json.dumps(notebook))


def code(source, **metadata):
    return {
        "cell_type": "code",
        "execution_count": 7,
        "metadata": metadata,
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A notebook after it was executed, as text, and after it was executed again."""
    path = tmp_path_factory.mktemp("notebooks") / "page.ipynb"
    authored = {"tags": ["hide-input", "raises-exception"], "mystnb": {"image": {"alt": "A curve"}}}
    write(
        path,
        {"cell_type": "markdown", "metadata": {"slideshow": {}}, "source": ["# Title"]},
        code("for i in range(3):\n    print(i, flush=True)", execution={"iopub": "2020-01-01"}),
        code("from json import loads\nloads('{')", **authored, collapsed=True),
        code("1 / 3") | {"id": "kept"},
        code("print(i)") | {"id": "kept"},
        kernelspec={"name": "my-kernel", "display_name": "Mine", "language": "python"},
        language_info={"name": "python", "version": "3.0"},
        widgets={},
    )
    texts = []
    for _ in range(2):
        assert execute(path) == ""
        texts.append(path.read_text())
    return texts


def test_second_execution_changes_nothing(stored):
    assert stored[0] == stored[1]
    assert stored[0].endswith("}\n")


def test_stored_notebook_holds_what_was_computed(stored):
    notebook = json.loads(stored[0])
    title, loop, error, third, last = notebook["cells"]
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert [cell["execution_count"] for cell in (loop, error, third, last)] == [1, 2, 3, 4]
    assert loop["outputs"] == [
        {"name": "stdout", "output_type": "stream", "text": ["0\n", "1\n", "2\n"]}
    ]
    assert third["outputs"][0]["data"] == {"text/plain": ["0.3333333333333333"]}
    assert error["outputs"][0]["traceback"] == [
        "JSONDecodeError: Expecting property name enclosed in double quotes: "
        "line 1 column 2 (char 1)"
    ]
    assert title["source"] == ["# Title"]


def test_stored_metadata_are_stable(stored):
    notebook = json.loads(stored[0])
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    cells = notebook["cells"]
    assert [cell["id"] for cell in cells] == ["cell-0", "cell-1", "cell-2", "kept", "cell-4"]
    assert [cell["metadata"] for cell in cells if cell["metadata"]] == [
        {"mystnb": {"image": {"alt": "A curve"}}, "tags": ["hide-input", "raises-exception"]}
    ]


def test_failing_notebook_is_left_alone(tmp_path, capfd):
    path = tmp_path / "page.ipynb"
    write(path, code("1 / 0"))
    before = path.read_bytes()
    assert main([str(path)]) == 1
    assert "ZeroDivisionError" in capfd.readouterr().out
    assert path.read_bytes() == before
