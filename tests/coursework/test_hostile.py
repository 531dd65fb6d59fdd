"""Submissions that hang, crash, cheat or are no notebooks get their due marks and a remark."""

import nbformat
import pytest
from prove import read

ASSIGNMENT = "adam"
ALL, TASK = 9, 3  # points of the tested tasks, and of the one that is spoiled, adamw


def spoil(code, cell="adamw"):
    """Return a change of a solved notebook: a cell's source is replaced."""

    def change(notebook):
        find(notebook, cell).source = code

    return change


def find(notebook, name):
    return next(cell for cell in notebook.cells if cell.id == name)


def delete(*names):
    def change(notebook):
        notebook.cells = [cell for cell in notebook.cells if cell.id not in names]

    return change


def change_tests(notebook):
    find(notebook, "adamw").source = "nothing = 0"
    find(notebook, "adamw-tests").source = "pass"


def add_cells(notebook):
    """A student's own cell, which another one needs, and a copy of a graded cell."""
    place = notebook.cells.index(find(notebook, "adam"))
    helper, copy = (type(notebook)(cell) for cell in [find(notebook, "adam")] * 2)
    helper.update(id="helper", metadata=type(notebook)(), source="root = np.sqrt")
    copy.update(id="copy")
    notebook.cells[place:place] = [helper]
    notebook.cells.append(copy)
    find(notebook, "adam").source = find(notebook, "adam").source.replace("np.sqrt(", "root(")


def shadow(notebook):
    """Correct work whose author has used the names of the tests for something else."""
    find(notebook, "adamw").source += "\n\ncheck = without = optimizers = 0"


def no_check(notebook):
    """Wrong work, and a function of the student's that is called as the one of the tests."""
    find(notebook, "adamw").source = (
        "class AdamW:\n    def step(self, params, grads):\n        pass\n\n\n"
        "def check(*arguments, **options):\n    pass"
    )


def warn(notebook):
    """Correct work that warns."""
    find(notebook, "adamw").source += "\n        import warnings\n        warnings.warn('slow')"


def drop_identifiers(notebook):
    """What an editor does that knows an older format only."""
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        del cell["id"]


STUBBORN = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
HOARD = """
x = []
try:
    while True:
        x.append(bytes(10**7))
except MemoryError:
    while True:
        pass
"""
SILENT = """
np.allclose = lambda *arguments, **options: True

class AdamW:
    def __init__(self, lr=0.001, weight_decay=0.01): pass
    def step(self, params, grads): pass
"""
# name: what is changed in a solved notebook, the points, a part of the remark
HOSTILE = {
    "endless": (
        spoil("while True:\n    pass"),
        ALL - TASK,
        "adamw failed: CellTimeoutError: interrupted after 6 seconds",
    ),
    "stubborn": (spoil(STUBBORN), ALL - TASK, "this cell would not end"),
    "exits": (spoil("import os\nos._exit(1)"), ALL - TASK, "this cell ended Python"),
    "quits": (spoil("quit()"), ALL - TASK, "this cell ended Python"),
    "crashes": (spoil("import ctypes\nctypes.string_at(0)"), ALL - TASK, "this cell ended Python"),
    "no_import": (
        spoil("import tensorflow_of_mine"),
        ALL - TASK,
        "adamw failed: ModuleNotFoundError",
    ),
    "huge": (
        spoil("x = np.ones((10**6, 10**5))"),
        ALL - TASK,
        "this cell filled the memory",
    ),
    "greedy": (
        spoil("x = []\nwhile True:\n    x.append(bytes(10**7))"),
        ALL - TASK,
        "this cell filled the memory",
    ),
    "slow_hoarder": (spoil(HOARD), ALL - TASK, "this cell filled the memory"),
    "flood": (spoil('while True:\n    print("flood" * 20)'), ALL - TASK, "CellTimeoutError"),
    "syntax": (spoil("def step(:"), ALL - TASK, "adamw failed: SyntaxError"),
    "deleted": (delete("adamw", "adamw-tests"), ALL - TASK, "the cell adamw was deleted"),
    "deleted_setup": (
        delete("setup", "noise", "adam-tests"),
        ALL,
        "the cell setup was deleted; the cell adam-tests was deleted; the cell noise was deleted",
    ),
    "changed_tests": (change_tests, ALL - TASK, "the cell adamw-tests was changed"),
    "disarmed": (spoil(SILENT), ALL - TASK, ""),
    "shadowed": (shadow, ALL, ""),
    "own_check": (no_check, ALL - TASK, ""),
    "warns": (warn, ALL, ""),
    "own_cells": (add_cells, ALL, ""),
    "no_identifiers": (drop_identifiers, ALL, ""),
    "no_number": (spoil("student_number = 0", "number"), ALL - 3, "student_number is 0"),
    "kills": (
        spoil("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"),
        0,
        "ended the grading of this submission by SIGKILL",
    ),
}


@pytest.fixture(scope="module")
def graded(course):
    """All hostile submissions and one at the end that is not."""
    for number, (name, (change, *_)) in enumerate(HOSTILE.items(), 1):
        notebook = course.solved(ASSIGNMENT, number)
        change(notebook)
        course.hand_in(name, ASSIGNMENT, notebook)
    course.hand_in("renamed", ASSIGNMENT, course.solved(ASSIGNMENT, 101), "Homework (2).ipynb")
    course.hand_in("torn", ASSIGNMENT, '{"cells": [')
    course.hand_in("torn_beside", ASSIGNMENT, '{"cells": [', "old.ipynb")
    course.hand_in("torn_beside", ASSIGNMENT, course.solved(ASSIGNMENT, 102))
    course.hand_in("copied", ASSIGNMENT, course.released(ASSIGNMENT), "adam-Copy1.ipynb")
    course.hand_in("copied", ASSIGNMENT, course.solved(ASSIGNMENT, 103))
    marked = "\ufeff" + nbformat.writes(course.solved(ASSIGNMENT, 104))
    course.hand_in("byte_order_mark", ASSIGNMENT, marked)
    course.hand_in("nothing", ASSIGNMENT, "I had no time.", "note.txt")
    course.hand_in("1234", ASSIGNMENT, course.solved(ASSIGNMENT, 1001))
    course.hand_in("zz_last", ASSIGNMENT, course.solved(ASSIGNMENT, 105))
    course.hand_in("zz_last", "no_such_assignment", "")
    return course.grade("--seconds", "6")


def points(graded, student):
    return float(graded[0][student, ASSIGNMENT]["points"])


def remarks(graded, student):
    return graded[0][student, ASSIGNMENT]["remarks"]


def test_points_are_those_of_the_assignment():
    cells = [cell.metadata.get("nbgrader", {}) for cell in read(ASSIGNMENT).cells]
    points = {cell.grade_id: cell.points for cell in cells if cell.get("grade")}
    assert points.pop("adam_explain") == 3
    assert (sum(points.values()), points["adamw-tests"]) == (ALL, TASK)


@pytest.mark.parametrize("student", HOSTILE)
def test_hostile_submission_gets_its_due_marks_and_a_remark(graded, student):
    _, due, remark = HOSTILE[student]
    assert points(graded, student) == due
    assert remark in remarks(graded, student)


def test_renamed_notebook_is_found(graded):
    assert points(graded, "renamed") == ALL
    assert "is called Homework (2).ipynb, not adam.ipynb" in remarks(graded, "renamed")


def test_torn_file_is_no_notebook(graded):
    assert points(graded, "torn") == 0
    assert "adam.ipynb is not a notebook" in remarks(graded, "torn")
    assert points(graded, "torn_beside") == ALL
    assert "old.ipynb is not a notebook" in remarks(graded, "torn_beside")


def test_a_copy_beside_the_notebook_is_not_taken_for_it(graded):
    assert points(graded, "copied") == ALL
    assert remarks(graded, "copied") == ""


def test_an_editor_may_put_a_mark_before_the_text(graded):
    assert points(graded, "byte_order_mark") == ALL


def test_missing_notebook_gets_nothing(graded):
    assert points(graded, "nothing") == 0
    assert "no notebook that can be read" in remarks(graded, "nothing")


def test_the_work_of_another_number_loses_what_was_measured(graded):
    assert points(graded, "1234") == ALL - 3
    assert "student_number is 1001, but student 1234 handed this in" in remarks(graded, "1234")


def test_grading_goes_on_to_the_last(graded):
    assert points(graded, "zz_last") == ALL
    assert remarks(graded, "zz_last") == ""
    assert "no assignment is called no_such_assignment" in graded[1].stderr


def test_written_answer_waits_for_a_person(graded):
    assert float(graded[0]["zz_last", ASSIGNMENT]["to mark by hand"]) == 3


@pytest.mark.parametrize(
    ("student", "text"),
    [
        ("endless", "CellTimeoutError"),
        ("deleted", "the cell adamw was deleted"),
        ("torn", "adam.ipynb is not a notebook"),
        ("kills", "ended the grading of this submission"),
        ("zz_last", "adam"),
    ],
)
def test_everyone_gets_feedback(graded, course, student, text):
    assert text in course.feedback(student, ASSIGNMENT)


def test_what_was_handed_in_stays_as_it_was(graded, course):
    assert (course.folder / "in" / "torn" / ASSIGNMENT / "adam.ipynb").read_text() == '{"cells": ['


def test_a_folder_without_submissions_is_refused(tmp_path, course):
    process = course.call("grade", tmp_path)
    assert process.returncode == 1
    assert "holds no submission, expected folders STUDENT/ASSIGNMENT/" in process.stderr
    process = course.call("grade", tmp_path / "missing")
    assert "is no folder" in process.stderr
