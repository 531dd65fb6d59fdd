"""What the tests of the coursework share: a release, and submissions made from it."""

import csv
import re
import subprocess
import sys
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from prove import read

GRADE = Path(__file__).resolve().parents[2] / "coursework" / "grade.py"


@dataclass
class Course:
    """A folder with a release, in which submissions are made and graded."""

    folder: Path

    def call(self, *arguments):
        """Call grade.py for this course; return the finished process."""
        command = [sys.executable, GRADE, "--to", self.folder, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=5000)

    def released(self, assignment):
        """Return the notebook as students get it."""
        path = self.folder / "release" / assignment / f"{assignment}.ipynb"
        return nbformat.read(path, as_version=4)

    def solved(self, assignment, number):
        """Return the notebook with the reference solutions written in by a student."""
        notebook = deepcopy(self.released(assignment))
        solutions = {cell.id: cell.source for cell in read(assignment).cells}
        for cell in notebook.cells:
            if cell.id == "number":
                cell.source = f"student_number = {number}"
            elif cell.metadata.get("nbgrader", {}).get("solution"):
                cell.source = re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", solutions[cell.id])
        return notebook

    def hand_in(self, student, assignment, notebook, name=None):
        """Put a notebook, or the text of a file, where a student's submission belongs."""
        place = self.folder / "in" / student / assignment
        place.mkdir(parents=True, exist_ok=True)
        path = place / (name or f"{assignment}.ipynb")
        if isinstance(notebook, str):
            path.write_text(notebook)
        else:
            nbformat.write(notebook, path)

    def grade(self, *options):
        """Grade all that was handed in; return the table's rows, and the finished process."""
        process = self.call(*options, "grade", self.folder / "in")
        assert process.returncode == 0, process.stdout + process.stderr
        return self.table("grades"), process

    def table(self, name):
        """Return the rows of a table by student, assignment and, for tasks, task."""
        with (self.folder / f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        return {
            tuple(row[key] for key in ("student", "assignment", "task") if key in row): row
            for row in rows
        }

    def feedback(self, student, assignment):
        """Return the page that a student gets."""
        path = self.folder / "feedback" / student / assignment / f"{assignment}.html"
        return path.read_text()


@pytest.fixture(scope="module")
def course(tmp_path_factory, request):
    """A course with everything released, or the one assignment that the tests of a file need."""
    course = Course(tmp_path_factory.mktemp("course"))
    only = getattr(request.module, "ASSIGNMENT", None)
    process = course.call("release", *([only] if only else []))
    assert process.returncode == 0, process.stderr
    return course
