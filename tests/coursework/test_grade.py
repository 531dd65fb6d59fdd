"""Grading by nbgrader: the reference gets all points, what is wrong or untouched gets none.

What deserves points is tried by test_answers.py on every task; here, that it gets them.
"""

import pytest
from prove import ASSIGNMENTS, answers, tasks

# Handed in with a mistake in one task and the rest as released; the first of them also untouched.
POOR = ASSIGNMENTS[::3]


def known_mistake(task):
    """Return the first known mistake of a task."""
    wrong = [answer for answer in answers(task) if not answer.correct]
    return next(answer.code for answer in wrong if answer.what != "as released")


def points_by_tests(assignment):
    return sum(task.points for task in tasks(assignment))


@pytest.fixture(scope="module")
def graded(course):
    """All assignments, solved by one student, some of them handed in by two worse ones."""
    for assignment in ASSIGNMENTS:
        course.hand_in("1001", assignment, course.solved(assignment, 1001))
    for assignment in POOR:
        poor = course.released(assignment)
        wrong = tasks(assignment)[0]
        sources = {wrong.name: known_mistake(wrong), "number": "student_number = 1002"}
        for cell in poor.cells:
            cell.source = sources.get(cell.id, cell.source)
        course.hand_in("1002", assignment, poor)
    course.hand_in("1003", POOR[0], course.released(POOR[0]))
    return course.grade()[0]


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_reference_gets_all_points_that_tests_can_give(graded, assignment):
    row = graded["1001", assignment]
    assert float(row["points"]) == points_by_tests(assignment)
    assert float(row["points"]) + float(row["to mark by hand"]) == float(row["out of"])
    assert row["remarks"] == ""


@pytest.mark.parametrize(
    ("student", "assignment"), [*(("1002", name) for name in POOR), ("1003", POOR[0])]
)
def test_wrong_and_untouched_answers_get_nothing(graded, student, assignment):
    row = graded[student, assignment]
    assert float(row["points"]) == float(row["to mark by hand"]) == 0
    assert float(row["out of"]) > points_by_tests(assignment)


def test_each_task_is_in_the_table(graded, course):
    table = course.table("tasks")
    for assignment in ASSIGNMENTS:
        for task in tasks(assignment):
            row = table["1001", assignment, task.name]
            assert float(row["points"]) == float(row["out of"]) == task.points
            assert row["said"] == ""
            if assignment in POOR:
                poor = table["1002", assignment, task.name]
                assert float(poor["points"]) == 0
                assert poor["said"]
