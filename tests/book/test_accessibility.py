"""Who cannot see well or use a mouse: every page of the built book, judged by axe-core."""

import pytest
from axe_core_python.sync_playwright import Axe

PHONE = 390


def violations(tab, *rules):
    """Return what axe-core finds inaccessible, by all its rules or by some of them."""
    shorten(tab)
    options = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    found = Axe().run(tab, options=options)["violations"]
    return [f"{r['id']}: {r['help']}: {node['html'][:200]}" for r in found for node in r["nodes"]]


def shorten(tab):
    """Leave out what would only cost axe-core minutes: it looks at every element.

    Those are words of code that look like one before, and what formulas are drawn with (they are
    read as MathML); a letter in each stands for its color, a box of its size for its space.
    """
    tab.evaluate(
        """() => {
            const formulas = [...document.querySelectorAll("mjx-math")];
            const boxes = formulas.map((formula) => formula.getBoundingClientRect());
            formulas.forEach((formula, i) => {
                const { width, height } = boxes[i];
                formula.textContent = "x";
                formula.style.cssText =
                    `display: inline-block; width: ${width}px; height: ${height}px`;
            });
            const seen = new Set();
            for (const word of document.querySelectorAll("pre span:not(:has(*))")) {
                const box = word.closest(".cell_input, .cell_output, .admonition");
                const look = `${word.className} in ${box?.className}`;
                if (seen.has(look)) word.replaceWith(...word.childNodes);
                seen.add(look);
            }
        }"""
    )


@pytest.mark.parametrize(("mode", "rules"), [("light", []), ("dark", ["color-contrast"])])
def test_page_is_accessible(page, mode, rules, book, visit):
    visited = visit(book / f"{page}.html", mode=mode)
    assert visited.tab.locator("html").get_attribute("data-theme") == mode
    visited.open_solutions()
    assert violations(visited.tab, *rules) == []


def test_what_scrolls_on_a_phone_is_reached_by_keyboard(page, book, visit):
    visited = visit(book / f"{page}.html", width=PHONE)
    visited.open_solutions()
    assert violations(visited.tab, "scrollable-region-focusable") == []


# The guard on pages that it must object to.


def test_poor_contrast_is_seen(write, visit):
    tab = visit(write("<main><h1 style='color: #bbb'>Pale</h1></main>")).tab
    assert any(line.startswith("color-contrast") for line in violations(tab))


@pytest.mark.parametrize("element", ["p", "mjx-math"])
def test_a_box_that_only_a_mouse_can_scroll_is_seen(element, write, visit):
    wide = f"<{element} style='display: block; width: 999px'>wide</{element}>"
    box = f"<div style='width: 99px; overflow: auto'>{wide}</div>"
    tab = visit(write(box)).tab
    assert len(violations(tab, "scrollable-region-focusable")) == 1
