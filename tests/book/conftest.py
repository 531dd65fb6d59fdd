"""The built book as a reader opens it: from files, in a browser, without a network."""

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "_build" / "html"
DESKTOP, PHONE = 1300, 390


def table_of_contents():
    """Return the pages of the book, in order, without suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"], *chapters]


def source_file(page):
    """Return the notebook or Markdown file of a page."""
    notebook = ROOT / f"{page}.ipynb"
    return notebook if notebook.exists() else ROOT / f"{page}.md"


def source_markdown(page):
    """Return the Markdown of a page, without the code of its cells."""
    text = source_file(page).read_text(encoding="utf-8")
    if source_file(page).suffix == ".md":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def pytest_generate_tests(metafunc):
    """Run a test that takes `page` on every page, one with `notebook` on every notebook.

    If it also takes `desk` or `phone`, that is the page, opened there for all tests that share it:
    the pages come in one order for all of them, so that pytest opens each only once.
    """
    chapters = table_of_contents()
    notebooks = [page for page in chapters if source_file(page).suffix == ".ipynb"]
    others = [page for page in chapters if page not in notebooks]
    kinds = {
        "page": [*notebooks, *others, "search", "genindex"],
        "chapter": [*notebooks, *others],
        "notebook": notebooks,
    }
    for kind in kinds.keys() & set(metafunc.fixturenames):
        screens = [name for name in ("desk", "phone") if name in metafunc.fixturenames]
        values = [(page, *[page] * len(screens)) for page in kinds[kind]]
        metafunc.parametrize(
            (kind, *screens), values, ids=kinds[kind], indirect=screens, scope="module"
        )


@pytest.fixture(scope="session")
def sources():
    """Read the Markdown of a page by its name."""
    return source_markdown


@pytest.fixture(scope="session")
def root():
    """Return the folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def book():
    """Return the folder of the built book, which must be newer than its sources."""
    index = BOOK / "index.html"
    if not index.exists():
        pytest.fail("The book is not built. Build it first: make book")
    built = index.stat().st_mtime
    sources = [source_file(page) for page in table_of_contents()]
    sources += [ROOT / "_config.yml", ROOT / "_toc.yml", ROOT / "references.bib"]
    sources += [file for file in (ROOT / "assets").rglob("*.*") if "__pycache__" not in file.parts]
    for source in sources:
        if not source.exists():
            pytest.fail(f"_toc.yml names {source.relative_to(ROOT)}, which does not exist")
        if source.stat().st_mtime > built:
            name = source.relative_to(ROOT)
            pytest.fail(f"The book is older than {name}. Build it again: make book")
    return BOOK


class Visit:
    """A page that is open in the browser, and what went wrong while it was."""

    def __init__(self, tab):
        self.tab = tab
        self.requests = []  # everything that is not a file
        self.errors = []
        outside = re.compile(r"^(?!file:|data:|blob:|about:)")
        tab.route(outside, self.refuse)
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
        tab.on("console", self.record_message)
        tab.on("requestfailed", lambda request: self.errors.append(f"failed: {request.url}"))

    def refuse(self, route):
        self.requests.append(route.request.url)
        route.abort()

    def record_message(self, message):
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def load_all_pictures(self):
        """Load the pictures further down as well, and wait for all of them."""
        self.tab.evaluate(
            """() => Promise.all([...document.images].map((image) => {
                image.loading = "eager";
                return image.decode();
            }))"""
        )

    def open_solutions(self):
        """Open every solution of the page."""
        buttons = self.tab.locator(".solution.dropdown .toggle-button")
        buttons.evaluate_all("buttons => buttons.forEach((button) => button.click())")
        assert self.tab.locator(".solution.toggle-hidden").count() == 0


def open_file(browser, path, width=DESKTOP, mode="light"):
    """Open a file in a window of its own."""
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=mode, reduced_motion="reduce")
    visited = Visit(context.new_page())
    visited.tab.goto(Path(path).as_uri())
    return visited


@pytest.fixture
def visit(browser):
    """Open a file for this test alone: `visit(path, width=..., mode="dark")`."""
    visits = []

    def open_and_remember(*arguments, **options):
        visits.append(open_file(browser, *arguments, **options))
        return visits[-1]

    yield open_and_remember
    for visited in visits:
        visited.tab.context.close()


@pytest.fixture(scope="module")
def desk(request, browser, book):
    """Open a page on a wide screen, once for all tests that only look at it."""
    visited = open_file(browser, book / f"{request.param}.html")
    yield visited
    visited.tab.context.close()


@pytest.fixture(scope="module")
def phone(request, browser, book):
    """Open a page on a phone, once for all tests that only look at it."""
    visited = open_file(browser, book / f"{request.param}.html", width=PHONE)
    yield visited
    visited.tab.context.close()


@pytest.fixture
def write(tmp_path):
    """Write a small page with this body; return its path."""

    def write_file(body):
        path = tmp_path / "page.html"
        path.write_text(f"<html lang='en'><title>T</title><body>{body}</body></html>")
        return path

    return write_file
