"""Marks that a person gives to written answers are in the next report, and stay."""

import shutil

import pytest
from nbgrader.api import Gradebook

ASSIGNMENT = "adam"
WRITTEN = 3  # points of the written answer


def row(course, student):
    return course.table("grades")[student, ASSIGNMENT]


@pytest.fixture
def marked(course):
    """A course in which one of two submissions was marked by hand, 2 points of 3."""
    for student in ("1001", "1002"):
        course.hand_in(student, ASSIGNMENT, course.solved(ASSIGNMENT, student))
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
