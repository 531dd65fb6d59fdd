"""Sphinx extension: what the theme cannot be configured to do.

A page may name the repository without repeating its address, may call a figure's black and white
what they are in the mode that the reader sees, and gets a description for search engines. Once all
pages are written, each is polished: nothing in its head blocks the first paint, pictures have their
size, icons are silent for screen readers. Every step leaves a page that it has polished before as
it is, because Sphinx rewrites only the pages that have changed.
"""

import re
from html import escape
from pathlib import Path
from textwrap import shorten

import imagesize
from bs4 import BeautifulSoup
from docutils import nodes

# The theme draws its icons twice: with a font, which is kept, and with 1.5 MB of script.
ICON_SCRIPT = "fontawesome.js"
# Loaded by the theme on every page for a search-as-you-type that this book does not use.
SEARCH_SCRIPTS = ("searchtools.js", "language_data.js", "searchindex.js")
# The extensions' stylesheets and scripts, and what a page must contain to need them.
NEEDED_BY = {
    "sphinx-design.min.css": "[class*=sd-]",
    "design-tabs.js": ".sd-tab-set",
    "proof.css": ".proof",
    "exercise.css": ".exercise, .solution",
    "mathjax.css": "mjx-container",
    "mystnb.": ".cell",
}


def insert_repository_url(app, docname, source):
    """Replace `{{ repository_url }}`, which MyST by itself would leave alone inside of code."""
    url = app.config.html_theme_options.get("repository_url", "")
    source[0] = source[0].replace("{{ repository_url }}", url)


def shade(name, rawtext, text, lineno, inliner, options=None, content=None):
    """Make the role {shade}`black|white`: the first word in the light, the other in the dark."""
    words = text.split("|")
    if len(words) != 2:
        error = inliner.reporter.error(f"shade needs two words, as in black|white: {text}")
        return [inliner.problematic(rawtext, rawtext, error)], [error]
    classes = ("only-light", "only-dark")
    return [
        nodes.inline("", word, classes=[mode]) for word, mode in zip(words, classes, strict=True)
    ], []


def add_description(app, pagename, templatename, context, doctree):
    """Describe a page by its first paragraph, unless its author has described it."""
    if 'name="description"' not in context.get("metatags", ""):
        text = first_paragraph(doctree) or f"{context.get('title', '')}: {app.config.html_title}"
        content = escape(shorten(text, 160, placeholder=" …"))
        context["metatags"] = f'<meta name="description" content="{content}" />'


def first_paragraph(doctree):
    """Return the text of the first paragraph of a page, or nothing if it has none."""
    paragraph = doctree and next(doctree.findall(nodes.paragraph), None)
    return paragraph.astext() if paragraph else ""


def polish_pages(app, exception):
    """Polish all pages of a finished build, and the theme's stylesheet."""
    if exception is None and app.builder.format == "html":
        folder = Path(app.outdir)
        for page in folder.rglob("*.html"):
            if "_static" not in page.parts:
                page.write_text(polish(page), encoding="utf-8")
        remove_unused_icons(folder)


def remove_unused_icons(folder):
    """Keep the rules of the icons that a page or a script names, of the theme's 1900."""
    for file in folder.glob(f"_static/scripts/{ICON_SCRIPT}*"):
        file.unlink()
    sources = [*folder.rglob("*.html"), *folder.glob("_static/scripts/*.js")]
    used = {name for s in sources for name in re.findall(r"fa-[a-z0-9-]+", s.read_text("utf-8"))}
    stylesheet = folder / "_static" / "styles" / "pydata-sphinx-theme.css"

    def keep_used(rule):
        return rule[0] if used.intersection(re.findall(r"fa-[a-z0-9-]+", rule[0])) else ""

    icon_rule = r'(?:\.fa-[a-z0-9-]+:before,?)+\{content:"[^"]*"\}'
    css = re.sub(icon_rule, keep_used, stylesheet.read_text("utf-8"))
    stylesheet.write_text(css, encoding="utf-8")


def polish(page):
    """Return the polished HTML of one page."""
    tree = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    remove_unused_scripts(tree, searching=page.stem == "search")
    remove_unneeded_files(tree)
    unblock_scripts(tree, page.parent)
    choose_mode_early(tree)
    size_images(tree, page.parent)
    tidy_for_screen_readers(tree)
    return str(tree)


def remove_unused_scripts(tree, searching):
    """Remove the scripts that the book does without."""
    unused = (ICON_SCRIPT,) if searching else (ICON_SCRIPT, *SEARCH_SCRIPTS)
    for script in tree.find_all("script", src=True):
        if file_name(script["src"]) in unused:
            script.decompose()


def remove_unneeded_files(tree):
    """Remove the stylesheets and scripts of extensions that this page does not use."""
    for name, selector in NEEDED_BY.items():
        if not tree.body.select_one(selector):
            for element in tree.select(f"link[href*='/{name}'], script[src*='/{name}']"):
                element.decompose()


def unblock_scripts(tree, folder):
    """Let the scripts run when the page has been read, in their order."""
    for script in tree.find_all("script", src=True):
        if file_name(script["src"]) == "documentation_options.js":
            # Ten lines that the scripts inside the page read at once: put them there too.
            script.string = (folder / path(script["src"])).read_text(encoding="utf-8")
            del script["src"]
        else:
            script["defer"] = ""


def choose_mode_early(tree):
    """Set light or dark before the first paint, not after; without scripts it is light."""
    tree.html["data-theme"] = "light"
    for script in tree.find_all("script", attrs={"data-cfasync": True}):
        script.string = script.string.replace(
            'getItem("theme") || "auto"',
            'getItem("theme") || (matchMedia("(prefers-color-scheme: dark)").matches'
            ' ? "dark" : "light")',
        )


def size_images(tree, folder):
    """Write the size of each picture into the page, so that nothing moves when it arrives."""
    for image in tree.find_all("img", src=True):
        file = folder / path(image["src"])
        if file.exists() and not image.has_attr("width"):
            image["width"], image["height"] = map(round, imagesize.get(file))
    for image in tree.select("article img")[1:]:
        image["loading"] = "lazy"


def tidy_for_screen_readers(tree):
    """Cure what the theme's templates get wrong."""
    for icon in tree.select("i[class*=fa-], span[class*=fa-]"):
        icon["aria-hidden"] = "true"
    for button in tree.select(".search-button-field"):
        del button["aria-label"]  # its visible text is its name
    for title in tree.select("#jb-print-docs-body h1, #jb-print-toc h2"):
        title.name = "p"  # shown in print only: the page has its own headings
    for sidebar in tree.select("#pst-primary-sidebar"):
        sidebar["role"], sidebar["aria-label"] = "region", "Book"
    for element in tree.select(".citation-list, .citation"):
        del element["role"]  # a role that ARIA has dropped, in a list that needs other children
    for section in tree.select("#exercise-content, #solution-content, #proof-content"):
        del section["id"]  # each exercise of a page would have the same
    for viewport in tree.find_all("meta", attrs={"name": "viewport"})[1:]:
        viewport.decompose()


def path(address):
    """Return an address without its query."""
    return address.partition("?")[0]


def file_name(address):
    """Return the last part of an address."""
    return path(address).rpartition("/")[2]


def setup(app):
    """Add the role, and connect the steps to Sphinx's events."""
    app.add_role("shade", shade)
    app.connect("source-read", insert_repository_url)
    app.connect("html-page-context", add_description)
    app.connect("build-finished", polish_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
