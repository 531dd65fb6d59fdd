"""The two Sphinx extensions of the book, on a book of one page."""

import re
import subprocess
import sys

import pytest

CONFIGURATION = """
import sys
sys.path.insert(0, {extensions!r})
extensions = ["myst_parser", "book_math", "book_pages"]
myst_enable_extensions = ["amsmath", "dollarmath"]
html_math_renderer = "mathjax_static"
html_theme = "sphinx_book_theme"
html_theme_options = {{"repository_url": "https://github.com/some/where"}}
project = "A small book"
language = "en"
"""
PAGE = r"""# Adam

Say “why” Adam & co. work, how fast they are, where they fail, and what one does about it when
they do; say also how this was measured, on which data, and with how many seeds.

The rate $\eta$ and the set $\{a\}$.

$$a &= b \\ c &= d$$

Run `pip install git+{{ repository_url }}`. The {shade}`black|white` dots.
"""
DESCRIBED_PAGE = "---\nmyst:\n  html_meta:\n    description: By hand.\n---\n# Adam\n\nText.\n"


def build(folder):
    """Build the book in a folder; return what Sphinx said."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-b", "html", ".", "html"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def new_book(root, tmp_path_factory):
    """Write a book of one page and return its folder."""

    def write(page):
        folder = tmp_path_factory.mktemp("book")
        extensions = str(root / "assets" / "extensions")
        (folder / "conf.py").write_text(CONFIGURATION.format(extensions=extensions))
        (folder / "index.md").write_text(page, encoding="utf-8")
        return folder

    return write


@pytest.fixture(scope="module")
def html(new_book):
    """Build a book of one page and return the folder of the result."""
    folder = new_book(PAGE)
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def article(html):
    """Return the HTML of the page."""
    return (html / "index.html").read_text(encoding="utf-8")


def test_formulas_are_typeset(article):
    assert article.count("<mjx-container") == article.count("<mjx-assistive-mml") == 3
    assert "<mjx-mtable" in article  # the two lines are aligned
    assert r"\eta" not in article


def test_the_stylesheet_has_the_characters_of_the_page(html, article):
    css = (html / "_static" / "mathjax.css").read_text(encoding="utf-8")
    used = set(re.findall(r"mjx-c[0-9A-F]+", article))
    assert used == set(re.findall(r"mjx-c[0-9A-F]+", css)) != set()
    fonts = re.findall(r'url\("([^"]+)"\)', css)
    assert fonts
    assert all((html / "_static" / font).is_file() for font in fonts)


def test_the_page_is_described_by_its_first_paragraph(article):
    [tag] = re.findall(r'<meta[^>]*name="description"[^>]*>', article)
    description = re.search(r'content="([^"]*)"', tag)[1]
    assert description.startswith("Say “why” Adam &amp; co. work, how fast they are,")
    assert description.endswith("…")


def test_the_address_of_the_repository_is_inserted(article):
    assert "pip install git+https://github.com/some/where" in re.sub("<[^>]*>", "", article)


def test_a_shade_is_called_what_it_is_in_each_mode(article):
    words = '<span class="only-light">black</span><span class="only-dark">white</span>'
    assert f"The {words} dots." in article


def test_a_shade_without_its_opposite_stops_the_build(new_book):
    done = build(new_book("# Page\n\nThe {shade}`black` dots.\n"))
    assert done.returncode != 0
    assert "shade needs two words, as in black|white: black" in done.stderr


def test_no_script_blocks_the_first_paint(article):
    scripts = re.findall(r"<script[^>]*\bsrc=[^>]*>", article)
    assert scripts
    assert [script for script in scripts if "defer" not in script] == []


def test_icons_are_kept_if_they_are_used(html, article):
    css = (html / "_static" / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    icons = set(re.findall(r"\.(fa-[a-z0-9-]+):before", css))
    assert "fa-magnifying-glass" in article
    assert "fa-magnifying-glass" in icons
    assert len(icons) < 100


def test_a_second_build_changes_nothing(html):
    files = [html / "index.html", html / "_static" / "mathjax.css"]
    first = [file.read_text(encoding="utf-8").split() for file in files]  # blank lines may go
    assert build(html.parent).returncode == 0
    assert [file.read_text(encoding="utf-8").split() for file in files] == first


def test_a_mistake_in_a_formula_stops_the_build(new_book):
    done = build(new_book("# Adam\n\nThe rate $\\etta$.\n"))
    assert done.returncode != 0
    assert r"index.md:3: WARNING: Undefined control sequence \etta" in done.stderr


def test_an_author_may_describe_the_page(new_book):
    folder = new_book(DESCRIBED_PAGE)
    assert build(folder).returncode == 0
    page = (folder / "html" / "index.html").read_text(encoding="utf-8")
    assert page.count('name="description"') == 1
    assert "By hand." in page
