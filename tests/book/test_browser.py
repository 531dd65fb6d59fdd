"""What a reader meets: every page of the built book in a browser, from files, without a network."""

import re

import pytest
from axe_core_python.sync_playwright import Axe

DESKTOP, PHONE = 1300, 390
SEARCH_FIELDS = "input[type=search], .search-button-field, .search-button"


def violations(tab, *rules):
    """Return what axe-core finds inaccessible, by all its rules or by some of them."""
    mark_repetitions(tab)
    context = {"exclude": [["[data-repetition]"], ["mjx-math"]]}  # formulas are read as MathML
    options = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    found = Axe().run(tab, context, options)["violations"]
    return [f"{r['id']}: {r['help']}: {node['html'][:200]}" for r in found for node in r["nodes"]]


def mark_repetitions(tab):
    """Mark the words of code that look like one before: axe-core would take a minute for them."""
    tab.evaluate(
        """() => {
            const seen = new Set();
            for (const word of document.querySelectorAll("pre span")) {
                const box = word.closest(".cell_input, .cell_output, .admonition");
                const look = `${word.className} in ${box?.className}`;
                if (seen.has(look)) word.dataset.repetition = "";
                seen.add(look);
            }
        }"""
    )


def load_all_pictures(tab):
    """Load the pictures further down as well, and wait for all of them."""
    tab.evaluate(
        """() => Promise.all([...document.images].map((image) => {
            image.loading = "eager";
            return image.decode();
        }))"""
    )


def open_solutions(tab):
    """Open every solution of a page."""
    for button in tab.locator(".solution.dropdown .toggle-button").all():
        button.click()
    assert tab.locator(".solution.toggle-hidden").count() == 0


def boxes_wider_than_the_screen(tab):
    """Return the elements that stick out to the right of the page."""
    return tab.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
            [...document.querySelectorAll("article *")]
                .filter((e) => e.getBoundingClientRect().right > innerWidth)
                .map((e) => e.outerHTML.slice(0, 200))"""
    )


def test_page_opens_without_network_and_errors(page, book, visit):
    visited = visit(book / f"{page}.html")
    load_all_pictures(visited.tab)
    assert visited.requests == []
    assert visited.errors == []


@pytest.mark.parametrize(("mode", "rules"), [("light", []), ("dark", ["color-contrast"])])
def test_page_is_accessible(page, mode, rules, book, visit):
    tab = visit(book / f"{page}.html", mode=mode).tab
    assert tab.locator("html").get_attribute("data-theme") == mode
    open_solutions(tab)
    assert violations(tab, *rules) == []


def test_page_fits_a_phone(page, book, visit):
    tab = visit(book / f"{page}.html", width=PHONE).tab
    load_all_pictures(tab)
    open_solutions(tab)
    assert boxes_wider_than_the_screen(tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE
    assert violations(tab, "scrollable-region-focusable") == []


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_one_search_field_is_visible(chapter, width, book, visit):
    tab = visit(book / f"{chapter}.html", width=width).tab
    assert tab.locator(f":is({SEARCH_FIELDS}):visible").count() == 1


def test_figures_keep_their_shape_on_a_phone(notebook, book, visit):
    tab = visit(book / f"{notebook}.html", width=PHONE).tab
    load_all_pictures(tab)
    for image in tab.locator("article .cell_output img").all():
        shown, stored = image.evaluate(
            "i => [i.width / i.height, i.naturalWidth / i.naturalHeight]"
        )
        assert shown == pytest.approx(stored, rel=0.02)


def test_figures_are_dark_in_dark_mode(notebook, book, visit):
    """The white of a figure becomes the background of the page."""
    tab = visit(book / f"{notebook}.html", mode="dark").tab
    images = tab.locator("article div.cell:not(.tag_no-invert) .cell_output img:not(.no-invert)")
    for image in images.all():
        assert "invert" in image.evaluate("i => getComputedStyle(i).filter")
        assert image.evaluate("i => getComputedStyle(i).padding") == "0px"
    for player in tab.locator("article .race").all():
        box = "p => getComputedStyle(p.parentElement).backgroundColor"
        assert player.evaluate(box) == "rgba(0, 0, 0, 0)"
        assert "invert" in player.locator("[role=img]").evaluate("i => getComputedStyle(i).filter")


def test_formulas_have_their_fonts(chapter, book, visit):
    tab = visit(book / f"{chapter}.html").tab
    tab.evaluate("document.fonts.ready")
    formulas = tab.locator("article p mjx-container:visible")
    if formulas.count():
        width = formulas.first.evaluate("f => f.getBoundingClientRect().width")
        status = tab.evaluate(
            "[...document.fonts].filter(f => f.family.startsWith('MJX')).map(f => f.status)"
        )
        assert width > 2
        assert "loaded" in status
        assert "error" not in status


def test_search_finds_a_word_and_its_page(book, visit):
    visited = visit(book / "index.html")
    tab = visited.tab
    tab.locator(".search-button-field:visible").click()
    tab.locator("dialog input[type=search]").fill("gradient")
    tab.keyboard.press("Enter")
    result = tab.locator("#search-results li a").first
    result.wait_for()
    result.click()
    tab.wait_for_url(re.compile(r"/chapters/.*\.html"))
    assert "gradient" in tab.locator("article").inner_text().lower()
    assert visited.requests == []
    assert visited.errors == []


def test_search_says_when_a_word_is_missing(book, visit):
    tab = visit(book / "search.html").tab
    tab.goto(f"{(book / 'search.html').as_uri()}?q=zyzzyva")
    tab.get_by_text("did not match any documents").wait_for()


def test_copy_button_copies_the_code(notebook, book, visit):
    tab = visit(book / f"{notebook}.html").tab
    cell = tab.locator("article div.cell_input .highlight").first
    cell.hover()
    cell.locator("button.copybtn").click()
    tab.evaluate("document.body.prepend(document.createElement('textarea'))")
    tab.locator("textarea").first.focus()
    tab.keyboard.press("Control+V")
    copied = tab.locator("textarea").first.input_value()
    assert copied.strip() == cell.locator("pre").inner_text().strip() != ""


def test_launch_menu_opens(notebook, book, visit):
    tab = visit(book / f"{notebook}.html").tab
    tab.get_by_role("button", name="Launch interactive content").click()
    assert tab.locator("a[href^='https://mybinder.org']").is_visible()
    assert tab.locator("a[href^='https://colab.research.google.com']").is_visible()


def test_mode_can_be_changed(book, visit):
    tab = visit(book / "index.html").tab
    background = "getComputedStyle(document.body).backgroundColor"
    light = tab.evaluate(background)
    for _ in range(3):  # automatic, light, dark: the button walks through them
        tab.locator(".theme-switch-button:visible").click()
        if tab.locator("html").get_attribute("data-theme") == "dark":
            break
    assert tab.evaluate(background) != light


# Each guard above, on a page that it must object to.


def write(tmp_path, body):
    """Write a small page."""
    path = tmp_path / "page.html"
    path.write_text(f"<html lang='en'><title>T</title><body>{body}</body></html>")
    return path


@pytest.mark.parametrize(
    "element",
    [
        "<img alt='' src='https://example.org/a.png'>",
        "<script src='http://example.org/a.js'></script>",
        "<script>fetch('https://example.org/a.json').catch(() => 0)</script>",
        "<style>body { background: url(https://example.org/a.png) }</style>",
    ],
)
def test_a_request_is_seen(element, tmp_path, visit):
    visited = visit(write(tmp_path, element))
    visited.tab.wait_for_timeout(100)
    assert len(visited.requests) == 1


@pytest.mark.parametrize(
    "script", ["console.error('wrong')", "throw new Error('wrong')", "let a = 1; let a = 2"]
)
def test_an_error_is_seen(script, tmp_path, visit):
    visited = visit(write(tmp_path, f"<script>{script}</script>"))
    assert len(visited.errors) == 1


def test_a_missing_file_is_seen(tmp_path, visit):
    visited = visit(write(tmp_path, "<script src='missing.js'></script>"))
    assert visited.errors != []


def test_poor_contrast_is_seen(tmp_path, visit):
    tab = visit(write(tmp_path, "<main><h1 style='color: #bbb'>Pale</h1></main>")).tab
    assert any(line.startswith("color-contrast") for line in violations(tab))


def test_a_box_that_only_a_mouse_can_scroll_is_seen(tmp_path, visit):
    box = "<div style='width: 99px; overflow: auto'><p style='width: 999px'>wide</p></div>"
    tab = visit(write(tmp_path, box)).tab
    assert len(violations(tab, "scrollable-region-focusable")) == 1


def test_a_wide_box_is_seen(tmp_path, visit):
    page = write(tmp_path, "<article><pre style='width: 900px'>wide</pre></article>")
    assert len(boxes_wider_than_the_screen(visit(page, width=PHONE).tab)) == 1
