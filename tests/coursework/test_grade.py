"""Grading by nbgrader: the reference gets all points, the untouched and the wrong get none."""

import pytest
from prove import ASSIGNMENTS, answers, tasks

# The first known mistake in each task.
WRONG = {
    assignment: {
        task.name: next(
            answer.code
            for answer in answers(task)
            if not answer.correct and answer.what != "as released"
        )
        for task in tasks(assignment)
    }
    for assignment in ASSIGNMENTS
}


def points_by_tests(assignment):
    return sum(task.points for task in tasks(assignment))


@pytest.fixture(scope="module")
def graded(course):
    """All assignments, solved by one student, handed in untouched by another, wrong by a third."""
    for assignment in ASSIGNMENTS:
        course.hand_in("1001", assignment, course.solved(assignment, 1001))
        course.hand_in("1002", assignment, course.released(assignment))
        wrong = course.solved(assignment, 1003)
        for cell in wrong.cells:
            cell.source = WRONG[assignment].get(cell.id, cell.source)
        course.hand_in("1003", assignment, wrong)
    return course.grade()[0]


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_reference_gets_all_points_that_tests_can_give(graded, assignment):
    row = graded["1001", assignment]
    assert float(row["points"]) == points_by_tests(assignment)
    assert float(row["points"]) + float(row["to mark by hand"]) == float(row["out of"])
    assert row["remarks"] == ""


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_untouched_release_gets_nothing(graded, assignment):
    row = graded["1002", assignment]
    assert float(row["points"]) == float(row["to mark by hand"]) == 0
    assert float(row["out of"]) > points_by_tests(assignment)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_wrong_answers_get_nothing(graded, assignment):
    row = graded["1003", assignment]
    assert float(row["points"]) == 0
    assert float(row["to mark by hand"]) == float(row["out of"]) - points_by_tests(assignment)


def test_each_task_is_in_the_table(graded, course):
    table = course.table("tasks")
    for assignment in ASSIGNMENTS:
        for task in tasks(assignment):
            row = table["1001", assignment, task.name]
            assert float(row["points"]) == float(row["out of"]) == task.points
            assert row["said"] == ""
            untouched = table["1002", assignment, task.name]
            assert float(untouched["points"]) == 0
            assert untouched["said"]
