"""The tests of the assignments tell right answers from wrong ones; the table says what is so."""

import prove
import pytest
from prove import ASSIGNMENTS, HIDDEN, NUMBER, README, answers, edit, judge, read, row, tasks

TASKS = [task for assignment in ASSIGNMENTS for task in tasks(assignment)]
TECHNIQUES = {
    "landscapes",
    "network",
    "sgd_momentum",
    "adagrad_rmsprop",
    "adam",
    "schedules",
    "initialization",
    "batchnorm",
    "dropout_weight_decay",
    "random_search",
}


def name(task):
    return f"{task.assignment}-{task.name}"


def test_there_is_an_assignment_for_every_technique():
    assert set(ASSIGNMENTS) == TECHNIQUES


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_assignment_has_three_to_six_graded_tasks_one_of_them_written(assignment):
    graded = [
        cell for cell in read(assignment).cells if cell.metadata.get("nbgrader", {}).get("grade")
    ]
    written = [cell for cell in graded if cell.cell_type == "markdown"]
    assert 3 <= len(graded) <= 6
    assert written
    assert all("**Rubric**" in cell.source for cell in written)
    assert len(tasks(assignment)) == len(graded) - len(written)


@pytest.mark.parametrize("task", TASKS, ids=name)
def test_answers_get_what_they_deserve_and_the_table_says_so(task):
    line, failures = row(task)
    assert failures == []
    assert line in README.read_text().splitlines()


@pytest.mark.parametrize("task", TASKS, ids=name)
def test_enough_is_tried(task):
    tried = [answer for answer in answers(task) if answer.what not in ("reference", "as released")]
    assert sum(not answer.correct for answer in tried) >= 4
    assert sum(answer.correct for answer in tried) >= 1
    assert len({answer.code for answer in tried}) == len(tried)
    assert any(answer.says for answer in tried)


@pytest.mark.parametrize("task", TASKS, ids=name)
def test_tests_are_in_part_visible_and_in_part_hidden(task):
    visible = HIDDEN.sub("", task.tests)
    assert "check(" in visible or "assert " in visible
    assert len(HIDDEN.findall(task.tests)) == 1


def test_a_wrong_answer_that_passes_is_reported(monkeypatch):
    task = TASKS[0]
    passing = prove.Answer(task, "no mistake at all", task.solution, correct=False)
    assert judge(passing) == (False, "", False)
    monkeypatch.setattr(prove, "answers", lambda task: [passing])
    line, failures = row(task)
    assert "0 of 1" in line
    assert failures == [f"{task.assignment}, {task.name}, no mistake at all: passed"]


def test_a_right_answer_that_fails_is_reported():
    task = TASKS[0]
    failing = prove.Answer(task, "nothing", "", correct=True)
    justly, said, visibly = judge(failing)
    assert not justly
    assert said
    assert visibly


def test_another_message_than_promised_is_reported():
    task = TASKS[0]
    answer = next(answer for answer in answers(task) if answer.says)
    answer.says = "something else"
    assert judge(answer)[0] is False


def test_a_mistake_that_does_not_fit_the_solution_is_refused():
    with pytest.raises(ValueError, match=r"'y' occurs 0 times"):
        edit("x = 1", [["y", "z"]])
    with pytest.raises(ValueError, match=r"'x' occurs 2 times"):
        edit("x = x", [["x", "z"]])


def test_another_number_gives_other_answers():
    """The measured tasks are drawn for the student: the neighbor's numbers do not pass."""
    found = 0
    for task in TASKS:
        if not any("(student_number)" in source for source in task.before):
            continue
        namespace = {}
        for source in [*task.before, task.solution]:
            exec(source, namespace)
        namespace["student_number"] = NUMBER + 1
        with pytest.raises(AssertionError):
            exec(task.tests, namespace)
        found += 1
    assert found
