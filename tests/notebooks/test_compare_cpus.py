"""`make test-cpus` compares where a wish is fulfilled, and says so where it is not."""

import shutil
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import compare_cpus
from store_outputs import canonical, dumps

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "wish", [{"OPENBLAS_CORETYPE": "Imagined"}, {"NPY_DISABLE_CPU_FEATURES": ""}]
)
def test_wish_that_changes_nothing_is_not_taken_for_fulfilled(wish):
    assert compare_cpus.why_not(wish)


def test_wishes_name_all_cores_and_numbers_of_threads():
    wishes = compare_cpus.configurations().values()
    blas = {(wish.get("OPENBLAS_CORETYPE"), wish.get("OPENBLAS_NUM_THREADS")) for wish in wishes}
    cores = ("Haswell", "SkylakeX", "Sandybridge", "Zen")
    assert blas == {(core, threads) for core in cores for threads in "12"} | {(None, None)}
    assert sum("NPY_DISABLE_CPU_FEATURES" in wish for wish in wishes) == 2


def test_difference_is_found_and_shown(tmp_path, monkeypatch, capsys):
    wishes = {"one": {"ANSWER": "1"}, "two": {"ANSWER": "2"}, "three": {"WHY_NOT": "no reason"}}
    monkeypatch.setattr(compare_cpus, "configurations", lambda: wishes)
    monkeypatch.setattr(compare_cpus, "why_not", lambda wish: wish.get("WHY_NOT", ""))
    shutil.copy(ROOT / "chapters" / "conftest.py", tmp_path)
    output = new_output("stream", name="stdout", text="1\n")
    source = "import os\nprint(os.environ['ANSWER'])"
    cell = new_code_cell(source, outputs=[output], execution_count=1)
    path = tmp_path / "page.ipynb"
    path.write_text(dumps(canonical(new_notebook(cells=[cell]))))

    assert compare_cpus.main([str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any("Cell outputs differ" in line for line in lines)
    one, two, three = lines[-3:]
    assert one.startswith("one    passed   3 passed in ")
    assert two.startswith("two    failed   1 failed, 2 passed in ")
    assert three == "three  not run  no reason"

    wishes.pop("two")
    assert compare_cpus.main([str(path)]) == 0
    wishes.pop("one")
    assert compare_cpus.main([str(path)]) == 1  # nothing was compared
