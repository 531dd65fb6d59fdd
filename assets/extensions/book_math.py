"""Sphinx extension: formulas are typeset while the book is built.

A page then needs neither MathJax in the browser (1.2 MB of script) nor a network, nothing on it
moves when the formulas appear, and a mistake in a formula is a warning of the build.
"""

import json
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from playwright._impl._driver import compute_driver_executable
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

# The package has hyphens in its name, so it cannot be imported by statement.
MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
FONTS = MATHJAX / "output" / "chtml" / "fonts" / "woff-v2"
SCRIPT = Path(__file__).with_name("typeset.js")

logger = logging.getLogger(__name__)


class Typesetter:
    """MathJax in a Node.js process that is started by the first formula."""

    def __init__(self):
        self.process = None

    def ask(self, request):
        """Send one request to typeset.js and return its answer."""
        if self.process is None:
            self.process = start_node()
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("Node.js ended before it had typeset a formula")
        return json.loads(line)

    def close(self):
        """End the process."""
        if self.process is not None:
            self.process.communicate()
            self.process = None


def start_node():
    """Start typeset.js in the Node.js that Playwright carries: nothing else to install."""
    node, _ = compute_driver_executable()
    command = [node, SCRIPT, MATHJAX, "mathjax"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
    )


typesetter = Typesetter()


def typeset(tex, display, node):
    """Return the HTML of a formula; a mistake in it becomes a warning that names the page."""
    answer = typesetter.ask({"tex": tex, "display": display})
    if "error" in answer:
        logger.warning("%s in the formula %s", answer["error"], tex, location=node)
    return answer.get("html", "")


def visit_math(self, node):
    """Write a formula inside a line."""
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate"))
    self.body.append(typeset(node.astext(), False, node) + "</span>")
    raise nodes.SkipNode


def visit_displaymath(self, node):
    """Write a formula on a line of its own, with its number if it has a label."""
    self.body.append(self.starttag(node, "div", CLASS="math notranslate"))
    self.body.append('<div class="formula">')
    self.body.append(typeset(aligned(node), True, node) + "</div>")
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def aligned(node):
    r"""Return the TeX of a display; lines ended by ``\\`` are aligned at ``&``, as Sphinx does."""
    tex = node.astext().strip()
    if node["nowrap"] or r"\\" not in tex or r"\begin" in tex:
        return tex
    return rf"\begin{{split}}{tex}\end{{split}}"


def write_stylesheet(app, exception):
    """Store MathJax's fonts and the rules for the characters that the pages use."""
    if exception is None and app.builder.format == "html":
        css = typesetter.ask("stylesheet")["css"]
        used = used_characters(Path(app.outdir))
        static = Path(app.outdir) / "_static"
        (static / "mathjax.css").write_text(keep_used(css, used), encoding="utf-8")
        shutil.copytree(FONTS, static / "mathjax", dirs_exist_ok=True)
    typesetter.close()


def used_characters(folder):
    """Return the class names of the characters in all formulas under a folder."""
    pages = (page.read_text(encoding="utf-8") for page in folder.rglob("*.html"))
    return {name for page in pages for name in re.findall(r"mjx-c[0-9A-F]+", page)}


def keep_used(css, used):
    """Return the stylesheet without the rules for other characters (nine tenths of it)."""
    rules = css.split("\n\n")  # not at braces: `content: "{"` has one too
    return "\n\n".join(
        rule for rule in rules if used.issuperset(re.findall(r"mjx-c[0-9A-F]+", rule))
    )


def setup(app):
    """Register the renderer; `html_math_renderer: mathjax_static` selects it."""
    app.add_html_math_renderer("mathjax_static", (visit_math, None), (visit_displaymath, None))
    app.add_css_file("mathjax.css")
    app.connect("build-finished", write_stylesheet)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
