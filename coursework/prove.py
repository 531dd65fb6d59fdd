"""Try known answers on the tests of the assignments: right ones must pass, wrong ones must not.

Usage: python coursework/prove.py [--write]

Tries, for every graded task, the reference solution, the cell as students get it, and the answers
in answers/: mistakes that people make, and correct answers in another style. Prints a table of what
the tests said; with --write it also keeps it in coursework/README.md. Exits with 1 if an answer
got what it does not deserve.
"""

import argparse
import io
import re
import sys
import tomllib
import warnings
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path

import nbformat

COURSE = Path(__file__).resolve().parent
README = COURSE / "README.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
ASSIGNMENTS = sorted(path.stem for path in COURSE.glob("source/*/*.ipynb"))
NUMBER = 1001  # the student's, for the reference

SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION", re.DOTALL | re.MULTILINE)
STUB = r"\1# YOUR CODE HERE\n\1raise NotImplementedError()"
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS", re.DOTALL)


@dataclass
class Task:
    """A graded task that is tested: its cells' sources, and those that stand before them."""

    assignment: str
    name: str
    points: int
    before: list
    solution: str
    tests: str


@dataclass
class Answer:
    """What a student might write for a task, and whether it deserves the points."""

    task: Task
    what: str
    code: str
    correct: bool
    says: str = ""

    def verdict(self):
        """Return what the tests say (empty: passed) and whether the visible ones said it."""
        namespace = {"__name__": "__main__"}
        visible, hidden = HIDDEN.sub("", self.task.tests), HIDDEN.search(self.task.tests)[0]
        with (
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
            warnings.catch_warnings(action="ignore"),  # a warning costs no points
        ):
            for source in self.task.before:
                exec(source, namespace)
            with suppress(Exception):  # as in a notebook, the next cell is executed all the same
                exec(self.code, namespace)
            for tests in (visible, hidden):
                try:
                    exec(tests, namespace)
                except Exception as error:
                    return f"{type(error).__name__}: {error}", tests is visible
        return "", False


def read(assignment):
    """Return the source notebook of an assignment."""
    return nbformat.read(COURSE / "source" / assignment / f"{assignment}.ipynb", as_version=4)


def tasks(assignment):
    """Return the tested tasks of an assignment."""
    found, before, solutions = [], [], {}
    for cell in read(assignment).cells:
        role = cell.metadata.get("nbgrader")
        if cell.cell_type != "code":
            continue
        if cell.id == "number":
            before.append(f"student_number = {NUMBER}")
        elif role.solution:
            solutions[cell.id] = cell.source
        elif role.grade:
            name = cell.id.removesuffix("-tests")
            task = Task(assignment, name, role.points, list(before), solutions[name], cell.source)
            found.append(task)
        else:
            before.append(cell.source)
    return found


def answers(task):
    """Return the answers to try on a task."""
    known = tomllib.loads((COURSE / "answers" / f"{task.assignment}.toml").read_text())[task.name]
    tried = [
        Answer(task, "reference", task.solution, correct=True),
        Answer(task, "as released", release(task.solution), correct=False),
    ]
    for wrong in known["wrong"]:
        code = edit(task.solution, wrong["edits"])
        tried.append(Answer(task, wrong["mistake"], code, False, wrong.get("says", "")))
    for right in known["correct"]:
        tried.append(Answer(task, right["style"], right["code"], correct=True))
    return tried


def release(source):
    """Return the cell of a solution as students get it."""
    return SOLUTION.sub(STUB, source)


def edit(source, edits):
    """Return the source with each old text, which must occur once, replaced by the new one."""
    for old, new in edits:
        if source.count(old) != 1:
            raise ValueError(f"{old!r} occurs {source.count(old)} times in:\n{source}")
        source = source.replace(old, new)
    return source


def judge(answer):
    """Return whether the tests treat an answer justly, what they say, and if visible ones do."""
    said, early = answer.verdict()
    return bool(said) != answer.correct and answer.says in said, said, early


def row(task):
    """Return a task's row of the table, and its answers that were judged wrongly."""
    tried = answers(task)
    failures, caught, early, passed = [], 0, 0, 0
    for answer in tried:
        justly, said, visibly = judge(answer)
        if not justly:
            failures.append(f"{task.assignment}, {task.name}, {answer.what}: {said or 'passed'}")
        elif answer.correct:
            passed += 1
        else:
            caught += 1
            early += visibly
    wrong = sum(not answer.correct for answer in tried)
    cells = [task.assignment, task.name, task.points, f"{caught} of {wrong}", early]
    cells.append(f"{passed} of {len(tried) - wrong}")
    return f"| {' | '.join(map(str, cells))} |", failures


def main():
    """Try all answers; print the table, and keep it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("assignments", nargs="*", metavar="assignment", help="all if none is named")
    parser.add_argument("--write", action="store_true", help=f"keep the table in {README.name}")
    arguments = parser.parse_args()
    chosen = [task for name in arguments.assignments or ASSIGNMENTS for task in tasks(name)]
    rows, failed = zip(*map(row, chosen), strict=True)
    failures = [failure for group in failed for failure in group]
    titles = "| assignment | task | points | wrong answers caught | of them by visible tests | "
    titles += "right answers passed |\n| --- | --- | ---: | ---: | ---: | ---: |"
    table = "\n".join([titles, *rows]) + "\n"
    print(table, *failures, sep="\n")
    if arguments.write:
        before, _, rest = README.read_text().partition(BEGIN)
        README.write_text(before + BEGIN + table + END + rest.partition(END)[2])
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
