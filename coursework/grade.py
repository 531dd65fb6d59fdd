"""Release the assignments, and grade a folder of submissions, whatever is in it.

Usage: python coursework/grade.py release [ASSIGNMENT ...]
       python coursework/grade.py grade SUBMISSIONS
       python coursework/grade.py report

SUBMISSIONS holds STUDENT/ASSIGNMENT/NOTEBOOK.ipynb. nbgrader does the grading; here each submission
is first put in order (cells that were deleted or changed come back, the student's own stay), then
executed in a process of its own with limits of time and memory. Written are grades.csv, tasks.csv
and feedback/ to read, and nbgrader's gradebook.db. `report` writes them again after the written
answers were marked in nbgrader's formgrader.

The code of students is executed with the rights of whoever calls this: see README.md.
"""

import argparse
import csv
import json
import os
import re
import resource
import shutil
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from html import escape
from multiprocessing import get_context
from pathlib import Path

import nbformat
import psutil
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbgrader.apps import NbGraderAPI
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute
from nbgrader.utils import is_grade, is_locked
from traitlets.config import PyFileConfigLoader

from companion.coursework import STUDENT

COURSE = Path(__file__).resolve().parent
MEMORY = 4 * 2**30  # bytes of address space for the kernel of a student
PATIENCE = 900  # seconds for a whole submission, which only code that blocks all limits takes
TIMEOUT = "CellTimeoutError"
PREPARED = "prepared"  # where the submissions are, put in order
NUMBER = re.compile(r"\s*student_number\s*=\s*(\w*)")
# What nbgrader's exchange lays beside a submission, and needs to give the feedback back.
EXCHANGED = ("timestamp.txt", "submission_secret.txt")
# Where processes come from that have imported nbgrader already, which takes some seconds.
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["nbgrader.apps", "nbgrader.converters"])


# Read a submission.


@dataclass
class Submission:
    """What one student handed in for one assignment, and what is to be said about it."""

    student: str
    assignment: str
    folder: Path
    remarks: list = field(default_factory=list)
    seconds: float = 0.0
    graded: bool = False
    number: str = ""  # of the student, as the notebook states it

    def keep(self):
        """Write down what `report` needs later."""
        kept = {"remarks": self.remarks, "seconds": self.seconds, "graded": self.graded}
        (self.folder / "grading.json").write_text(json.dumps(kept), encoding="utf-8")

    def recall(self):
        """Read what was written down."""
        vars(self).update(json.loads((self.folder / "grading.json").read_text(encoding="utf-8")))

    def read(self, released):
        """Return the notebook, put in order; None, with a remark, if there is none to read."""
        candidates = [self._parse(path) for path in sorted(self.folder.glob("*.ipynb"))]
        candidates = [each for each in candidates if each is not None]
        if not candidates:
            self.remarks.append("no notebook that can be read was handed in")
            return None
        names = {identify(cell) for cell in released.cells}

        def fit(candidate):
            path, notebook = candidate
            known = names & {identify(cell) for cell in notebook.cells}
            return len(known), path.stem == self.assignment

        path, notebook = max(candidates, key=fit)
        if path.name != f"{self.assignment}.ipynb":
            self.remarks.append(f"the notebook is called {path.name}, not {self.assignment}.ipynb")
        return self._in_order(notebook, released)

    def _parse(self, path):
        try:
            return path, nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=4)
        except Exception as error:  # whatever a file can hold
            self.remarks.append(f"{path.name} is not a notebook: {first_line(error)}")
            return None

    def _in_order(self, notebook, released):
        """Return the released notebook with the student's answers, and the cells they added."""
        names = [identify(cell) for cell in released.cells]
        own, added, place = {}, {None: []}, None
        for cell in notebook.cells:
            name = identify(cell)
            if name in names and name not in own:
                own[name], place = cell, name
                if name == "number" and (stated := NUMBER.match(cell.source)):
                    self.number = stated[1]
            else:
                added.setdefault(place, []).append(cell)
        cells = list(added[None])
        for name, cell in zip(names, released.cells, strict=True):
            cells += [self._restored(name, cell, own.get(name)), *added.get(name, [])]
        known = {id(cell) for cell in released.cells}
        for position, cell in enumerate(cells):
            if id(cell) not in known:  # nbgrader must not take a copy of a graded cell for it
                cell.metadata.pop("nbgrader", None)
                cell.id = f"added-{position}"
        if self.remarks:
            text = "".join(f"- {remark}\n" for remark in self.remarks)
            note = nbformat.v4.new_markdown_cell(f"**Remarks on what was handed in**\n\n{text}")
            cells.insert(0, note)
        return nbformat.from_dict(released | {"cells": cells})

    def _restored(self, name, cell, own):
        """Return the released cell, with what the student wrote if it was to be written in."""
        role = cell.metadata.get("nbgrader", {})
        to_write_in = role.get("solution") or name == "number"
        if own is None:
            if role or to_write_in:
                self.remarks.append(f"the cell {name} was deleted")
        elif to_write_in:
            cell.source = own.source
        elif role and own.source != cell.source:
            self.remarks.append(f"the cell {name} was changed; the original was used")
        return cell


def identify(cell):
    """Return the name by which a cell is known, even after an editor that drops identifiers."""
    if cell.cell_type == "code" and NUMBER.match(cell.source):
        return "number"
    return cell.metadata.get("nbgrader", {}).get("grade_id") or cell.get("id")


def first_line(error):
    """Return the first line of an error's message, and its type."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:120] if lines else ''}"


# Execute it.


class CarefulExecute(Execute):
    """Execute all cells; one that ends, blocks or fills the kernel is left out of another run.

    Before each test the imports of the setup cell are made again: a student may have called
    something else `check`. And a warning costs no points, as it would with nbgrader alone.
    """

    def preprocess(self, nb, resources, km=None):
        """Execute the notebook, as often as it takes."""
        left_out = {}
        while True:
            attempt = deepcopy(nb)
            setup = next(cell.source for cell in nb.cells if identify(cell) == "setup")
            for cell in attempt.cells:
                if cell.cell_type == "code" and is_grade(cell):
                    cell.source = f"{setup}\n\n{cell.source}"
            for index, reason in left_out.items():
                attempt.cells[index].source = f"raise RuntimeError({reason!r})"
            try:
                attempt, resources = super().preprocess(attempt, resources, km)
                hoarder = find_hoarder(attempt.cells)
                if hoarder is None:
                    break
                left_out[hoarder] = "this cell filled the memory; it was left out"
            except DeadKernelError:
                left_out[self._culprit(nb, left_out)] = "this cell ended Python; it was left out"
            except CellTimeoutError:  # it was interrupted, and went on
                left_out[self._culprit(nb, left_out)] = "this cell would not end; it was left out"
        for cell, original in zip(attempt.cells, nb.cells, strict=True):
            cell.source = original.source
            if cell.cell_type == "code" and is_grade(cell):
                for output in cell.outputs:
                    if output.get("name") == "stderr":
                        output.name = "stdout"
        return attempt, resources

    def _culprit(self, nb, left_out):
        """Return the last cell executed that a student wrote: a test can only call their code."""
        return max(
            index
            for index, cell in enumerate(nb.cells[: self.index + 1])
            if cell.cell_type == "code" and not is_locked(cell) and index not in left_out
        )

    def preprocess_cell(self, cell, resources, index):
        """Execute a cell, and note which one it is."""
        self.index = index
        return super().preprocess_cell(cell, resources, index)

    def on_cell_executed(self, **event):
        """Take a kernel that was told to quit for dead: it goes on for some cells."""
        super().on_cell_executed(**event)
        payload = event["execute_reply"]["content"].get("payload", [])
        if any(each.get("source") == "ask_exit" for each in payload):
            raise DeadKernelError


def find_hoarder(cells):
    """Return the index of the cell that left too little memory for others; None if none did.

    That is the student's first one that ran out of memory, or was interrupted and may hold some.
    """
    if not any(ended_with(cell, "MemoryError") for cell in cells):
        return None
    suspects = [
        index
        for index, cell in enumerate(cells)
        if not is_locked(cell) and (ended_with(cell, "MemoryError") or ended_with(cell, TIMEOUT))
    ]
    return min(suspects, default=None)


def ended_with(cell, error):
    """Return whether a cell raised the error of this name (`_ArrayMemoryError` is NumPy's)."""
    names = [output.get("ename", "") for output in cell.get("outputs", ())]
    return any(name in (error, f"_Array{error}") for name in names)


def open_course(folder, seconds=None):
    """Return nbgrader's interface to the course whose results are in a folder."""
    programs = Path(sys.executable).parent  # nbgrader calls alembic by its name alone
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    config = PyFileConfigLoader("nbgrader_config.py", path=str(COURSE)).load_config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.source_directory = str(COURSE / "source")
    config.CourseDirectory.submitted_directory = PREPARED
    config.Autograde.autograde_preprocessors = [
        CarefulExecute if each is Execute else each for each in Autograde().autograde_preprocessors
    ]
    if seconds is not None:
        config.Execute.timeout = seconds
    said = f"interrupted after {config.Execute.timeout} seconds"
    error = {"ename": TIMEOUT, "evalue": said, "traceback": [f"{TIMEOUT}: {said}"]}
    config.Execute.error_on_timeout = error
    return NbGraderAPI(config=config, log_level="ERROR")


def autograde(submission, folder, seconds, log):
    """Let nbgrader grade one submission, in this process, within the limit of memory."""
    with log.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.environ |= {STUDENT: submission.student, "OPENBLAS_NUM_THREADS": "1"}
    result = open_course(folder, seconds).autograde(submission.assignment, submission.student)
    if not result["success"]:
        sys.exit(f"{result.get('log', '')}{result['error']}")


def autograde_apart(submission, folder, seconds):
    """Let a process of its own grade one submission; say so if that did not end well."""
    log = submission.folder / "grading.log"
    begin = time.perf_counter()
    process = PROCESSES.Process(target=autograde, args=(submission, folder, seconds, log))
    process.start()
    process.join(PATIENCE)
    code = process.exitcode
    submission.graded = code == 0
    if code is None:
        submission.remarks.append(f"was stopped after {PATIENCE} seconds")
    elif code < 0:
        name = signal.Signals(-code).name
        submission.remarks.append(f"ended the grading of this submission by {name}: look at it")
    elif code > 0:
        said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        reason = [f"exit code {code}", *said.strip().splitlines()][-1]
        submission.remarks.append(f"could not be graded: {reason[:200]}")
    kill(process.pid)
    submission.seconds = time.perf_counter() - begin


def kill(pid):
    """End a process and all that it has started."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for each in family:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(family, timeout=10)


# The course as a whole.


def release(api, folder, assignments):
    """Make what students get, and tell the gradebook about it."""
    for assignment in assignments:
        result = api.generate_assignment(assignment)
        if not result["success"]:
            sys.exit(f"{assignment}: {result.get('log', '')}{result['error']}")
        made = folder / "release" / assignment
        shutil.make_archive(str(made), "zip", made.parent, assignment)


def find(submissions, assignments):
    """Return the submissions in a folder, and say which parts of it are none."""
    if not submissions.is_dir():
        sys.exit(f"{submissions} is no folder; expected one that holds STUDENT/ASSIGNMENT/")
    found = []
    for student in sorted(each for each in submissions.iterdir() if each.is_dir()):
        for place in sorted(each for each in student.iterdir() if each.is_dir()):
            if place.name in assignments:
                found.append(Submission(student.name, place.name, place))
            else:
                print(f"{place}: no assignment is called {place.name}", file=sys.stderr)
    if not found:
        sys.exit(f"{submissions} holds no submission, expected folders STUDENT/ASSIGNMENT/")
    return found


def grade(folder, found, seconds):
    """Grade submissions: put each in order, and let nbgrader execute it."""
    notebooks = []
    for submission in found:
        source = folder / "release" / submission.assignment / f"{submission.assignment}.ipynb"
        notebooks.append(submission.read(nbformat.read(source, as_version=4)))
    numbers = Counter((submission.assignment, submission.number) for submission in found)
    for submission, notebook in zip(found, notebooks, strict=True):
        place = folder / PREPARED / submission.student / submission.assignment
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        carry(submission.folder, place)
        submission.folder = place
        number = submission.number
        if number not in ("", "0") and numbers[submission.assignment, number] > 1:
            submission.remarks.append(f"student_number {number} stands in another submission, too")
        if notebook is not None:
            nbformat.write(notebook, place / f"{submission.assignment}.ipynb")
            autograde_apart(submission, folder, seconds)
            submission.remarks += failures(executed(submission, folder))
        submission.keep()
        remarks = "; ".join(submission.remarks) or "no remarks"
        print(f"{submission.student}, {submission.assignment}: {remarks}", flush=True)


def carry(source, target):
    """Copy what nbgrader's exchange laid beside a submission, if it came from there."""
    for name in EXCHANGED:
        if (source / name).is_file():
            shutil.copy(source / name, target)


# Report.


def report(api, folder, found):
    """Write grades.csv, tasks.csv and the feedback, from what is in the gradebook."""
    grades, tasks = [], []
    with api.gradebook as gradebook:
        for submission in found:
            key = {"student": submission.student, "assignment": submission.assignment}
            rows = list(task_rows(gradebook, submission, folder))
            tasks += [key | row for row in rows]
            total = {
                "points": sum(row["points"] or 0 for row in rows),
                "out of": sum(row["out of"] for row in rows),
                "to mark by hand": sum(row["out of"] for row in rows if row["points"] is None),
                "seconds": round(submission.seconds, 1),
                "remarks": "; ".join(submission.remarks),
            }
            grades.append(key | total)
    write_table(folder / "grades.csv", grades)
    write_table(folder / "tasks.csv", tasks)
    for submission in found:
        write_feedback(api, submission, folder)


def task_rows(gradebook, submission, folder):
    """Yield the points of each task, and what its test said; no points: to be marked by hand."""
    name = submission.assignment
    said, scores = {}, {}
    if submission.graded:
        said = {identify(cell): errors(cell) for cell in executed(submission, folder)}
        graded = gradebook.find_submission_notebook(name, name, submission.student)
        scores = {grade.name: grade for grade in graded.grades}
    for cell in gradebook.find_notebook(name, name).grade_cells:
        score = scores.get(cell.name)
        unmarked = score and score.needs_manual_grade and score.manual_score is None
        yield {
            "task": cell.name.removesuffix("-tests"),
            "points": None if unmarked else score.score if score else 0,
            "out of": cell.max_score,
            "said": said.get(cell.name, ""),
        }


def executed(submission, folder):
    """Return the code cells as they were executed."""
    place = folder / "autograded" / submission.student / submission.assignment
    path = place / f"{submission.assignment}.ipynb"
    cells = nbformat.read(path, as_version=4).cells if submission.graded else []
    return [cell for cell in cells if cell.cell_type == "code"]


def failures(cells):
    """Return remarks on the cells that failed, apart from tests and what was not begun."""
    found = [(identify(cell), errors(cell)) for cell in cells if not is_grade(cell)]
    return [
        f"the cell {name} failed: {said}"
        for name, said in found
        if said and "NotImplementedError" not in said
    ]


def errors(cell):
    """Return what a cell's error says, in one line; without one, what it warned of."""
    raised = [output for output in cell.outputs if output.output_type == "error"]
    if ended_with(cell, TIMEOUT):
        raised = [output for output in raised if output.ename == TIMEOUT]
    said = [f"{output.ename}: {output.evalue}" for output in raised]
    warned = [output.text for output in cell.outputs if output.get("name") == "stderr"]
    return " ".join(" ".join(said or warned).split())[:200]


def write_table(path, rows):
    """Write rows with the same keys as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_feedback(api, submission, folder):
    """Write the page that the student gets."""
    place = folder / "feedback" / submission.student / submission.assignment
    shown = submission.graded and api.generate_feedback(submission.assignment, submission.student)
    if not (shown and shown["success"]):  # there is no executed notebook to show
        place.mkdir(parents=True, exist_ok=True)
        remarks = "".join(f"<li>{escape(remark)}</li>" for remark in submission.remarks)
        page = f"<!doctype html><meta charset=utf-8><title>{submission.assignment}</title>"
        page += f"<h1>{submission.assignment}: 0 points</h1><ul>{remarks}</ul>"
        (place / f"{submission.assignment}.html").write_text(page, encoding="utf-8")
        carry(submission.folder, place)


def main():
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=COURSE, metavar="FOLDER", help="for all results")
    parser.add_argument("--seconds", type=int, help="for a cell of a submission, default 60")
    actions = parser.add_subparsers(dest="action", required=True)
    releasing = actions.add_parser("release", help="make what students get, in release/")
    releasing.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="default: all")
    grading = actions.add_parser("grade", help="grade a folder of STUDENT/ASSIGNMENT/")
    grading.add_argument("submissions", type=Path)
    actions.add_parser("report", help="write the tables and the feedback again")
    arguments = parser.parse_args()
    folder = arguments.to.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    api = open_course(folder, arguments.seconds)
    assignments = sorted(path.stem for path in COURSE.glob("source/*/*.ipynb"))
    if arguments.action == "release":
        unknown = sorted(set(arguments.assignments) - set(assignments))
        if unknown:
            sys.exit(f"no assignment is called {unknown[0]}; there are {', '.join(assignments)}")
        release(api, folder, arguments.assignments or assignments)
        print(f"What students get is in {folder / 'release'}.")
    else:
        if arguments.action == "grade":
            found = find(arguments.submissions, assignments)
            release(api, folder, sorted({submission.assignment for submission in found}))
            grade(folder, found, arguments.seconds)
        everything = find(folder / PREPARED, assignments)
        for submission in everything:
            submission.recall()
        report(api, folder, everything)
        print(f"See grades.csv, tasks.csv and feedback/ in {folder}.")


if __name__ == "__main__":
    main()
