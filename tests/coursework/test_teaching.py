"""The page for instructors agrees with the pages and the assignments that it speaks of."""

import re
from pathlib import Path

import nbformat
import pytest
import yaml
from prove import ASSIGNMENTS, read

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "chapters" / "appendix" / "teaching.md"
TEXT = PAGE.read_text()
WEEK = re.compile(r"^\| (\d+) \| (.*) \| (\d+) \| (.*) \|$", re.MULTILINE)
LINK = re.compile(r"\]\(\.\./([a-z_/]+)\.ipynb\)")


def stated_minutes(cells):
    """Return the minutes that a notebook states for itself."""
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return int(re.search(r"\*\*It takes\*\* about (\d+) minutes", text)[1])


def minutes_of(page):
    path = ROOT / "chapters" / f"{page}.ipynb"
    return stated_minutes(nbformat.read(path, as_version=4).cells)


def notebooks():
    """Return the notebooks in the table of contents, by part and name."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    files = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    pages = [file.removeprefix("chapters/") for file in files]
    return [page for page in pages if (ROOT / "chapters" / f"{page}.ipynb").exists()]


def matrix():
    """Return the rows of the matrix: page, minutes, and (assignment, minutes) or None."""
    rows = re.findall(
        r"^\* - \[.*\]\(\.\./(.*)\.ipynb\)\n  - .*\n  - (\d+)\n  - (?:–|`(\w+)` \((\d+)\))$",
        TEXT,
        re.MULTILINE,
    )
    return [(page, int(read), name, int(work or 0)) for page, read, name, work in rows]


def test_matrix_holds_every_page_in_order_and_its_minutes():
    assert [(page, minutes) for page, minutes, *_ in matrix()] == [
        (page, minutes_of(page)) for page in notebooks()
    ]


def test_matrix_holds_every_assignment_and_its_minutes():
    stated = {name: minutes for *_, name, minutes in matrix() if name}
    assert stated == {name: stated_minutes(read(name).cells) for name in ASSIGNMENTS}


def test_there_are_syllabi_for_4_8_and_12_weeks():
    weeks = [int(week) for week, *_ in WEEK.findall(TEXT)]
    assert weeks == [*range(1, 5), *range(1, 9), *range(1, 13)]


@pytest.mark.parametrize("row", WEEK.findall(TEXT), ids=lambda row: f"week {row[0]}: {row[2]} min")
def test_week_adds_up_and_names_real_assignments(row):
    _, pages, minutes, assignments = row
    assert LINK.findall(pages)
    assert int(minutes) == sum(minutes_of(page) for page in LINK.findall(pages))
    assert set(re.findall(r"`(\w+)`", assignments)) <= set(ASSIGNMENTS)


def test_an_assignment_comes_after_the_pages_that_it_needs():
    needs = {}
    for page, _, name, _ in matrix():
        needs.setdefault(name, []).append(page)
    for syllabus in TEXT.split("\n### ")[1:4]:
        seen = set()
        for _, pages, _, assignments in WEEK.findall(syllabus):
            seen |= set(LINK.findall(pages))
            for name in re.findall(r"`(\w+)`", assignments):
                assert needs[name][0] in seen, f"{name} before {needs[name][0]}"


def needed(page):
    """Return the pages that one needs to read first, by its own first sentence about it."""
    cells = nbformat.read(ROOT / "chapters" / f"{page}.ipynb", as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    sentence = re.split(r"\*\*You need\*\*", text)[1].split("\n")[0]
    sentence = re.split(r"; |(?<=\))\. ", sentence)[0]
    part = Path(page).parent
    links = [Path("/") / part / link for link in re.findall(r"\]\(([\w./]+)\.ipynb", sentence)]
    return {link.resolve().relative_to("/").as_posix() for link in links}


def test_needed_pages_are_read_off_a_page():
    assert needed("optimizers/adam") == {"optimizers/momentum", "optimizers/adagrad"}
    assert needed("regularization/dropout") == {"regularization/overfitting"}


@pytest.mark.parametrize("weeks", [4, 8, 12])
def test_no_page_of_a_syllabus_comes_before_those_that_it_needs(weeks):
    (syllabus,) = [s for s in TEXT.split("\n### ")[1:4] if len(WEEK.findall(s)) == weeks]
    pages = [page for _, pages, *_ in WEEK.findall(syllabus) for page in LINK.findall(pages)]
    missing = {page: needed(page) - set(pages[:i]) for i, page in enumerate(pages)}
    assert {page: names for page, names in missing.items() if names} == {}
