"""What a person adds to the grading: marks for written answers, a look at who copied, feedback."""

import shutil

import pytest
from grade import EXCHANGED
from nbgrader.api import Gradebook

ASSIGNMENT = "adam"
WRITTEN = 3  # points of the written answer


def row(course, student):
    return course.table("grades")[student, ASSIGNMENT]


@pytest.fixture(scope="module")
def marked(course):
    """A course in which one submission was marked by hand, 2 points of 3."""
    for student, number in {"1001": 1001, "1002": 1002, "ada": 7, "bob": 7}.items():
        course.hand_in(student, ASSIGNMENT, course.solved(ASSIGNMENT, number))
    course.hand_in("eve", ASSIGNMENT, "{")
    for student in ("ada", "eve"):
        for name in EXCHANGED:
            course.hand_in(student, ASSIGNMENT, "2026-11-20 12:00:00 UTC", name)
    course.grade()
    assert float(row(course, "1002")["to mark by hand"]) == WRITTEN
    with Gradebook(f"sqlite:///{course.folder / 'gradebook.db'}") as gradebook:
        grade = gradebook.find_grade("adam_explain", ASSIGNMENT, ASSIGNMENT, "1002")
        grade.manual_score, grade.needs_manual_grade = 2, False
        gradebook.db.commit()
    return course


def test_marks_are_in_the_next_report_and_survive_another_grading(marked):
    assert marked.call("report").returncode == 0
    points = float(row(marked, "1001")["points"]) + 2
    assert float(row(marked, "1002")["points"]) == points
    assert float(row(marked, "1002")["to mark by hand"]) == 0
    assert "Score: 2.0 / 3.0" in marked.feedback("1002", ASSIGNMENT)
    again = marked.folder / "again" / "1002"
    shutil.copytree(marked.folder / "in" / "1002" / ASSIGNMENT, again / ASSIGNMENT)
    assert marked.call("grade", again.parent).returncode == 0
    assert float(row(marked, "1002")["points"]) == points
    assert float(row(marked, "1001")["to mark by hand"]) == WRITTEN


def test_a_number_that_stands_in_two_submissions_is_remarked(marked):
    remark = "student_number 7 stands in another submission, too"
    assert [row(marked, student)["remarks"] for student in ("ada", "bob")] == [remark, remark]
    assert row(marked, "1001")["remarks"] == ""


@pytest.mark.parametrize("student", ["ada", "eve"])  # eve's notebook could not be executed
def test_what_the_exchange_needs_lies_beside_the_feedback(marked, student):
    place = marked.folder / "feedback" / student / ASSIGNMENT
    for name in EXCHANGED:
        assert (place / name).read_text() == "2026-11-20 12:00:00 UTC"


def test_an_unknown_assignment_is_not_released(course):
    process = course.call("release", "adamant")
    assert process.returncode == 1
    assert "no assignment is called adamant; there are adagrad_rmsprop, adam," in process.stderr
