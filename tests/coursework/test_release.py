"""What students get holds neither solutions nor hidden tests, and is worth nothing as it is."""

import re
import zipfile
from pathlib import Path

import pytest
from prove import ASSIGNMENTS, HIDDEN, SOLUTION, read, release

ROOT = Path(__file__).resolve().parents[2]
each_assignment = pytest.mark.parametrize("assignment", ASSIGNMENTS)


def secrets(assignment):
    """Return the lines that students must not see: solutions, hidden tests, model answers."""
    visible, secret = set(), set()
    for cell in read(assignment).cells:
        role = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown" and role:
            parts = [cell.source]
        else:
            parts = [match[0] for match in SOLUTION.finditer(cell.source)]
            parts += HIDDEN.findall(cell.source)
        rest = cell.source
        for part in parts:
            rest = rest.replace(part, "")
        visible |= lines(rest)
        secret |= {line for part in parts for line in lines(part)}
    return secret - visible


def lines(text):
    """Return the lines that say something: longer than an `else:` or a bracket."""
    return {line.strip() for line in text.splitlines() if len(line.strip()) > 12}


@each_assignment
def test_no_secret_is_released(course, assignment):
    path = course.folder / "release" / assignment / f"{assignment}.ipynb"
    text = "\n".join(cell.source for cell in course.released(assignment).cells)
    assert len(secrets(assignment)) > 20
    assert secrets(assignment) & lines(text) == set()
    assert not re.search("BEGIN|END SOL|HIDDEN|Rubric", path.read_text())
    assert not any(cell.get("outputs") for cell in course.released(assignment).cells)


def test_a_leak_would_be_seen(course):
    assignment = ASSIGNMENTS[0]
    text = "\n".join(cell.source for cell in read(assignment).cells)
    assert secrets(assignment) <= lines(text)


@each_assignment
def test_cells_to_write_in_are_marked(course, assignment):
    """What nbgrader releases is what the known answers were tried against."""
    source = {cell.id: cell.source for cell in read(assignment).cells}
    for cell in course.released(assignment).cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            if cell.cell_type == "markdown":
                assert cell.source == "YOUR ANSWER HERE"
            else:
                assert cell.source == release(source[cell.id])
                assert "# YOUR CODE HERE" in cell.source


@each_assignment
def test_archive_holds_the_notebook_alone(course, assignment):
    with zipfile.ZipFile(course.folder / "release" / f"{assignment}.zip") as archive:
        files = [name for name in archive.namelist() if not name.endswith("/")]
        assert files == [f"{assignment}/{assignment}.ipynb"]
        assert archive.testzip() is None


def test_what_the_container_copies_exists():
    lines = (ROOT / "coursework" / "Dockerfile").read_text().splitlines()
    sources = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]]
    assert {"requirements.txt", "companion", "coursework/source"} <= set(sources)
    assert "coursework" not in sources  # the submissions of students may lie there
    assert [name for name in sources if not (ROOT / name).exists()] == []
