"""Who cannot see well or use a mouse: every page of the built book, judged by axe-core."""

import pytest
from axe_core_python.base import AXE_SCRIPT

DESKTOP, PHONE = 1300, 390
CONTRAST = "color-contrast"


def violations(tab, *rules, skip=(), of=":root"):
    """Return what axe-core finds inaccessible, by all its rules or by some of them."""
    options = {"resultTypes": ["violations"], "rules": {rule: {"enabled": False} for rule in skip}}
    if rules:
        options["runOnly"] = list(rules)
    if not tab.evaluate("'axe' in window"):
        tab.evaluate(AXE_SCRIPT)
    run = "([part, options]) => axe.run(part, options).then((found) => found.violations)"
    found = tab.evaluate(run, [of, options])
    return [f"{r['id']}: {r['help']}: {node['html'][:200]}" for r in found for node in r["nodes"]]


def shorten(tab):
    """Leave out what would only cost axe-core minutes: it looks at every element.

    Those are words of code and copy buttons that look like one before, and the parts of formulas: a
    letter in each stands for its color, a box of its size for its space, a letter in the first for
    the MathML of all.
    """
    tab.evaluate(
        """() => {
            const formulas = [...document.querySelectorAll("mjx-math")];
            const boxes = formulas.map((formula) => formula.getBoundingClientRect());
            formulas.forEach((formula, i) => {
                const { width, height } = boxes[i];
                formula.textContent = "x";
                const spoken = formula.parentElement.querySelector("mjx-assistive-mml");
                if (i === 0) spoken?.querySelector("math").replaceChildren("x");
                else spoken?.remove();
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
            const [, ...others] = document.querySelectorAll(".copybtn");
            others.forEach((button) => button.remove());
        }"""
    )


def poor_contrast(tab):
    """Return the text of too little contrast; text that looks the same is judged once.

    For each text it takes axe-core milliseconds to find out what lies behind it.
    """
    tab.evaluate(
        """() => {
            const seen = new Set();
            function look(element, around) {
                const style = getComputedStyle(element);
                around += [style.backgroundColor, style.backgroundImage, style.opacity].join();
                if (element.matches("nav, aside, header, main, footer"))
                    around += element.className;
                const own = [around, style.color, style.fontSize, style.fontWeight].join();
                const { width, height } = element.getBoundingClientRect();
                const shows = width > 1 && height > 1 && style.visibility === "visible"
                    && (element.matches("input, textarea, select") || [...element.childNodes]
                        .some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()));
                element.toggleAttribute("data-new", shows && !seen.has(own));
                if (shows) seen.add(own);
                for (const child of element.children) look(child, around);
            }
            look(document.body, "");
        }"""
    )
    return violations(tab, CONTRAST, of="[data-new]")


@pytest.fixture(scope="module")
def prepared(desk):
    """Open a page once for the tests of it, each of which says what it needs to look like."""
    desk.open_solutions()
    shorten(desk.tab)

    def show(mode="light", width=DESKTOP):
        desk.tab.emulate_media(color_scheme=mode)
        desk.tab.set_viewport_size({"width": width, "height": 900})
        desk.tab.wait_for_selector(f"html[data-theme={mode}]")
        return desk.tab

    return show


def test_page_is_accessible(page, desk, prepared):
    assert violations(prepared(), skip=[CONTRAST]) == []


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_page_has_contrast(page, desk, prepared, mode):
    assert poor_contrast(prepared(mode)) == []


def test_what_scrolls_on_a_phone_is_reached_by_keyboard(page, desk, prepared):
    assert violations(prepared(width=PHONE), "scrollable-region-focusable") == []


# The guard on pages that it must object to.


@pytest.mark.parametrize(
    "pale",
    [
        "<p style='color: #bbb'>Pale</p>",
        "<div style='background: #888'><p>Pale</p></div>",
        "<div style='opacity: 0.3'><p>Pale</p></div>",
        "<p>Dark, <em style='color: #bbb'>pale</em></p>",
    ],
)
def test_poor_contrast_is_seen_among_other_text(pale, write, visit):
    dark = "<p style='display: none; color: #bbb'>Hidden</p><p>Dark</p>"
    tab = visit(write(f"<main style='color: #222'>{dark}{pale}{dark}</main>")).tab
    assert len(poor_contrast(tab)) == 1


@pytest.mark.parametrize("element", ["p", "mjx-math"])
def test_a_box_that_only_a_mouse_can_scroll_is_seen(element, write, visit):
    wide = f"<{element} style='display: block; width: 999px'>wide</{element}>"
    box = f"<div style='width: 99px; overflow: auto'>{wide}</div>"
    tab = visit(write(box)).tab
    shorten(tab)
    assert len(violations(tab, "scrollable-region-focusable")) == 1
