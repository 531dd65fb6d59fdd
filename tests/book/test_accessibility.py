"""Who cannot see well or use a mouse: every page of the built book, judged by axe-core."""

import pytest
from axe_core_python.sync_playwright import Axe

DESKTOP, PHONE = 1300, 390


def violations(tab, *rules):
    """Return what axe-core finds inaccessible, by all its rules or by some of them."""
    options = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    found = Axe().run(tab, options=options)["violations"]
    return [f"{r['id']}: {r['help']}: {node['html'][:200]}" for r in found for node in r["nodes"]]


def shorten(tab):
    """Leave out what would only cost axe-core minutes: it looks at every element.

    Those are words of code that look like one before, and the parts of formulas: a letter in each
    stands for its color, a box of its size for its space, a letter for its MathML.
    """
    tab.evaluate(
        """() => {
            const formulas = [...document.querySelectorAll("mjx-math")];
            const boxes = formulas.map((formula) => formula.getBoundingClientRect());
            formulas.forEach((formula, i) => {
                const { width, height } = boxes[i];
                formula.textContent = "x";
                formula.parentElement.querySelector("math")?.replaceChildren("x");
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


@pytest.fixture(scope="module")
def prepared(desk):
    """Open a page once for the three tests of it, each of which says what it needs to look like."""
    desk.open_solutions()
    shorten(desk.tab)

    def show(mode="light", width=DESKTOP):
        desk.tab.emulate_media(color_scheme=mode)
        desk.tab.set_viewport_size({"width": width, "height": 900})
        desk.tab.wait_for_selector(f"html[data-theme={mode}]")
        return desk.tab

    return show


def test_page_is_accessible(page, desk, prepared):
    assert violations(prepared()) == []


def test_dark_page_has_contrast(page, desk, prepared):
    assert violations(prepared(mode="dark"), "color-contrast") == []


def test_what_scrolls_on_a_phone_is_reached_by_keyboard(page, desk, prepared):
    assert violations(prepared(width=PHONE), "scrollable-region-focusable") == []


# The guard on pages that it must object to.


def test_poor_contrast_is_seen(write, visit):
    tab = visit(write("<main><h1 style='color: #bbb'>Pale</h1></main>")).tab
    assert any(line.startswith("color-contrast") for line in violations(tab))


@pytest.mark.parametrize("element", ["p", "mjx-math"])
def test_a_box_that_only_a_mouse_can_scroll_is_seen(element, write, visit):
    wide = f"<{element} style='display: block; width: 999px'>wide</{element}>"
    box = f"<div style='width: 99px; overflow: auto'>{wide}</div>"
    tab = visit(write(box)).tab
    shorten(tab)
    assert len(violations(tab, "scrollable-region-focusable")) == 1
