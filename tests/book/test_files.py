"""What can be read off the files of the built book, without a browser.

Each `find_...` function returns the mistakes of a page; `test_a_mistake_is_found` shows each of
them a page that has one.
"""

import json
import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

MATH_SOURCE = re.compile(r"\$[^\s$]|\$\$|\{math\}|\\begin\{(?:align|equation|gather)")
RAW_TEX = re.compile(r"\\\(|\\\[|\$\$|\\(?:frac|nabla|theta|eta|begin|mathbf)\b")


@cache
def read(path):
    """Parse a page, once for all tests: none of them changes the tree."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def is_external(address):
    """Say whether an address needs a network."""
    return address.startswith("//") or urlsplit(address).scheme in ("http", "https")


def find_external_resources(tree):
    """Return what the page itself would load from elsewhere (links may lead anywhere)."""
    loaded = [e["src"] for e in tree.select("[src]")]
    loaded += [e["href"] for e in tree.select("link[href]:not([rel=canonical])")]
    loaded += [e["srcset"] for e in tree.select("[srcset]")]
    styles = [e.get_text() for e in tree.select("style")] + [
        e["style"] for e in tree.select("[style]")
    ]
    loaded += [address for css in styles for address in css_addresses(css)]
    return [address for address in loaded if is_external(address)]


def css_addresses(css):
    """Return the addresses that a stylesheet loads."""
    return re.findall(r"url\(\s*['\"]?([^'\")]+)", css) + re.findall(
        r"@import\s+['\"]([^'\"]+)", css
    )


def find_broken_links(page, tree):
    """Return the links and resources of a page that lead to no file, or to no place in it."""
    addresses = [e["href"] for e in tree.select("[href]")] + [
        e["src"] for e in tree.select("[src]")
    ]
    places = set(ids(tree))
    return [address for address in addresses if not resolves(page, places, address)]


def resolves(page, places, address):
    """Say whether an address inside the book leads to a file and, with a #, to an element of it."""
    parts = urlsplit(address)
    if parts.scheme or is_external(address):
        return True
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_file():
        return False
    if not parts.fragment:
        return True
    return unquote(parts.fragment) in (places if target == page else ids_in_file(target))


def ids(tree):
    """Return the ids of a page, in order."""
    return [element["id"] for element in tree.find_all(id=True)]


@cache
def ids_in_file(path):
    """Return the ids of a page that many others lead to."""
    return ids(read(path))


def find_figure_mistakes(tree):
    """Return what the pictures of the text lack: alternative text, caption, size."""
    mistakes = []
    for image in tree.select("article img"):
        name = Path(image.get("src", "")).stem
        alt = image.get("alt", "").strip()
        if len(alt) < 15 or name in alt or re.search(r"\.(png|svg|jpe?g)$", alt):
            mistakes.append(f"no alternative text: {image}")
        if not (image.get("width") and image.get("height")):
            mistakes.append(f"no size: {image}")
    for image in tree.select("article .cell_output img"):
        caption = image.find_parent("figure") and image.find_parent("figure").figcaption
        if not (caption and caption.get_text(strip=True)):
            mistakes.append(f"no caption: {image}")
    for player in tree.select("article .race"):
        picture = player.select_one("[role=img]")
        caption = player.find_parent("figure") and player.find_parent("figure").figcaption
        if len(picture["aria-label"].strip()) < 15:
            mistakes.append(f"no alternative text: {picture['aria-label']!r}")
        if not (caption and caption.get_text(strip=True)):
            mistakes.append(f"no caption: {picture['aria-label']}")
    return mistakes


def find_head_mistakes(tree):
    """Return what is wrong with the language, title, description, headings and ids of a page."""
    mistakes = []
    if tree.html.get("lang") != "en":
        mistakes.append("no language")
    if not (tree.title and tree.title.get_text(strip=True)):
        mistakes.append("no title")
    descriptions = [meta.get("content", "") for meta in tree.select("meta[name=description]")]
    if len(descriptions) != 1 or not 20 <= len(descriptions[0]) <= 160:
        mistakes.append(f"not one description of at most 160 characters: {descriptions}")
    if len(tree.select("h1")) != 1:
        mistakes.append(f"not one main heading: {tree.select('h1')}")
    if len(tree.select("meta[name=viewport]")) != 1:
        mistakes.append("not one viewport")
    twice = [name for name, count in Counter(ids(tree)).items() if count > 1]
    mistakes += [f"used twice: id {name}" for name in twice]
    return mistakes


def find_raw_tex(tree):
    """Return the TeX that a reader would see instead of formulas."""
    code = [e.find_all(string=True) for e in tree.select("pre, code, script, style")]
    of_code = {id(text) for texts in code for text in texts}
    texts = [text for text in tree.body.find_all(string=True) if id(text) not in of_code]
    return RAW_TEX.findall(" ".join(texts))


def test_every_page_is_built(page, book):
    assert (book / f"{page}.html").is_file()


def test_nothing_is_loaded_from_elsewhere(page, book):
    assert find_external_resources(read(book / f"{page}.html")) == []


def test_stylesheets_load_nothing_from_elsewhere(book):
    files = list(book.rglob("*.css"))
    assert files
    loaded = {a for f in files for a in css_addresses(f.read_text(encoding="utf-8"))}
    assert [address for address in loaded if is_external(address)] == []


def test_links_and_anchors_lead_somewhere(page, book):
    path = book / f"{page}.html"
    assert find_broken_links(path, read(path)) == []


def test_figures_have_alternative_text_caption_and_size(page, book):
    assert find_figure_mistakes(read(book / f"{page}.html")) == []


def test_page_has_one_heading_title_language_and_description(page, book):
    assert find_head_mistakes(read(book / f"{page}.html")) == []


def test_descriptions_differ(book):
    texts = [path.read_text(encoding="utf-8") for path in (book / "chapters").rglob("*.html")]
    heads = [BeautifulSoup(text.partition("</head>")[0], "html.parser") for text in texts]
    descriptions = [head.select_one("meta[name=description]")["content"] for head in heads]
    assert len(set(descriptions)) == len(descriptions) > 0


def test_formulas_are_typeset(chapter, book, sources):
    tree = read(book / f"{chapter}.html")
    has_math = MATH_SOURCE.search(re.sub(r"`[^`]*`", "", sources(chapter))) is not None
    assert (len(tree.select("article mjx-container")) > 0) == has_math
    assert len(tree.select("article mjx-container")) == len(
        tree.select("article mjx-assistive-mml")
    )
    assert find_raw_tex(tree) == []


def test_launch_buttons_lead_to_the_notebook(notebook, book, root):
    repository = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]
    name = urlsplit(repository["url"]).path.strip("/")
    links = [unquote(a["href"]) for a in read(book / f"{notebook}.html").select("a[href]")]
    file = f"{notebook}.ipynb"
    branch = repository["branch"]
    assert (root / file).is_file()
    assert f"https://mybinder.org/v2/gh/{name}/{branch}?urlpath=lab/tree/{file}" in links
    assert f"https://colab.research.google.com/github/{name}/blob/{branch}/{file}" in links
    assert f"{repository['url']}/blob/{branch}/{file}?plain=1" in links
    assert any(link.startswith(f"{repository['url']}/issues/new") for link in links)
    assert any(link.endswith(f"_sources/{file}") for link in links)


def test_the_address_of_the_repository_is_in_one_file(root):
    url = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    name = urlsplit(url).path.strip("/")
    command = ["git", "grep", "--files-with-matches", "--fixed-strings", "--untracked", name]
    files = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    assert files.split() == ["_config.yml"]


def test_stored_notebooks_are_what_is_shown(notebook, book, root):
    """The book shows the stored outputs: it is built without executing anything."""
    cells = json.loads((root / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    figures = [output for output in outputs if "image/png" in output.get("data", {})]
    page = read(book / f"{notebook}.html")
    assert len(page.select("article .cell_output img")) == len(figures)
    html = "".join("".join(output.get("data", {}).get("text/html", "")) for output in outputs)
    assert len(page.select("article .race")) == len(re.findall('<div class="race[" ]', html))


GOOD_PAGE = """<html lang="en"><head><title>Momentum</title>
<meta name="viewport" content="width=device-width"><meta name="description"
content="You will be able to say what momentum does."></head>
<body><article><h1 id="top">Momentum</h1><a href="#top">up</a>
<div class="cell_output"><figure><img src="figure.png" width="6" height="4"
alt="Two paths across a ravine."><figcaption>Two paths.</figcaption></figure>
<figure><div class="race"><svg role="img" aria-label="Three paths across a ravine."></svg></div>
<figcaption>Three paths.</figcaption></figure></div>
</article></body></html>"""

MISTAKES = [
    (find_external_resources, '<img src="figure', '<img src="https://cdn.example/figure'),
    (find_external_resources, "</head>", '<script src="//cdn.example/a.js"></script></head>'),
    (find_external_resources, "</head>", "<style>@import 'https://cdn.example';</style></head>"),
    (find_external_resources, "</head>", '<link href="http://cdn.example/a.css"></head>'),
    (find_broken_links, 'href="#top"', 'href="#bottom"'),
    (find_broken_links, 'href="#top"', 'href="missing.html"'),
    (find_broken_links, 'href="#top"', 'href="page.html#bottom"'),
    (find_broken_links, "figure.png", "missing.png"),
    (find_figure_mistakes, "Two paths across a ravine.", ""),
    (find_figure_mistakes, "Two paths across a ravine.", "../_images/figure.png"),
    (find_figure_mistakes, "<figcaption>Two paths.</figcaption>", ""),
    (find_figure_mistakes, ' width="6"', ""),
    (find_figure_mistakes, "Three paths across a ravine.", ""),
    (find_figure_mistakes, "<figcaption>Three paths.</figcaption>", ""),
    (find_head_mistakes, ' lang="en"', ""),
    (find_head_mistakes, "<title>Momentum</title>", "<title></title>"),
    (find_head_mistakes, "You will be able to say what momentum does.", "Short"),
    (find_head_mistakes, "</article>", "<h1>Again</h1></article>"),
    (find_head_mistakes, "</article>", '<p id="top"></p></article>'),
    (find_raw_tex, "</article>", r"<p>\(x^2\)</p></article>"),
    (find_raw_tex, "</article>", r"<p>so $$x$$ is</p></article>"),
    (find_raw_tex, "</article>", r"<p>the rate \eta is</p></article>"),
]


def find(check, path):
    """Run a check on a file."""
    tree = read.__wrapped__(path)  # the file changes between two calls
    return check(path, tree) if check is find_broken_links else check(tree)


@pytest.fixture
def small_page(tmp_path):
    """Write a page, with the picture it shows."""
    (tmp_path / "figure.png").touch()

    def write(html):
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(("check", "good", "bad"), MISTAKES)
def test_a_mistake_is_found(check, good, bad, small_page):
    assert find(check, small_page(GOOD_PAGE)) == []
    assert GOOD_PAGE.count(good) == 1
    assert find(check, small_page(GOOD_PAGE.replace(good, bad))) != []
