"""What a reader meets: every page of the built book in a browser, from files, without a network."""

import re

import pytest

PHONE = 390
SEARCH_FIELDS = "input[type=search], .search-button-field, .search-button"


def boxes_wider_than_the_screen(tab):
    """Return the elements that stick out to the right of the page."""
    return tab.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
            [...document.querySelectorAll("article *")]
                .filter((e) => e.getBoundingClientRect().right > innerWidth)
                .map((e) => e.outerHTML.slice(0, 200))"""
    )


def test_page_opens_without_network_and_errors(page, desk):
    desk.load_all_pictures()
    assert desk.requests == []
    assert desk.errors == []


def test_page_fits_a_phone(page, phone):
    phone.load_all_pictures()
    phone.open_solutions()
    assert boxes_wider_than_the_screen(phone.tab) == []
    assert phone.tab.evaluate("document.documentElement.scrollWidth") <= PHONE


def test_one_search_field_is_visible(chapter, desk):
    assert desk.tab.locator(f":is({SEARCH_FIELDS}):visible").count() == 1


def test_one_search_field_is_visible_on_a_phone(chapter, phone):
    assert phone.tab.locator(f":is({SEARCH_FIELDS}):visible").count() == 1


def test_figures_keep_their_shape_on_a_phone(notebook, phone):
    phone.load_all_pictures()
    shapes = phone.tab.locator("article .cell_output img").evaluate_all(
        "images => images.map((i) => [i.width / i.height, i.naturalWidth / i.naturalHeight])"
    )
    for shown, stored in shapes:
        assert shown == pytest.approx(stored, rel=0.02)


@pytest.fixture
def dark_desk(desk):
    """The page as it becomes when the reader's system turns dark; light again for other tests."""
    desk.tab.emulate_media(color_scheme="dark")
    desk.tab.wait_for_selector("html[data-theme=dark]")
    yield desk
    desk.tab.emulate_media(color_scheme="light")
    desk.tab.wait_for_selector("html[data-theme=light]")


def test_figures_are_dark_in_dark_mode(notebook, desk, dark_desk):
    """The white of a figure becomes the background of the page."""
    tab = dark_desk.tab
    images = tab.locator("article div.cell:not(.tag_no-invert) .cell_output img:not(.no-invert)")
    style = "found => found.map((e) => getComputedStyle(e)).map((s) => [s.filter, s.padding])"
    for appearance, padding in images.evaluate_all(style):
        assert "invert" in appearance
        assert padding == "0px"
    box = "found => found.map((p) => getComputedStyle(p.parentElement).backgroundColor)"
    for background in tab.locator("article .race").evaluate_all(box):
        assert background == "rgba(0, 0, 0, 0)"
    for appearance, _ in tab.locator("article .race [role=img]").evaluate_all(style):
        assert "invert" in appearance


def test_formulas_have_their_fonts(chapter, desk):
    tab = desk.tab
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


def test_copy_button_copies_the_code(notebook, desk):
    tab = desk.tab
    cell = tab.locator("article div.cell_input .highlight").first
    cell.hover()
    cell.locator("button.copybtn").click()
    tab.evaluate("document.body.prepend(document.createElement('textarea'))")
    tab.locator("textarea").first.focus()
    tab.keyboard.press("Control+V")
    copied = tab.locator("textarea").first.input_value()
    tab.locator("textarea").first.evaluate("t => t.remove()")
    assert copied.strip() == cell.locator("pre").inner_text().strip() != ""


def test_launch_menu_opens(notebook, desk):
    tab = desk.tab
    tab.get_by_role("button", name="Launch interactive content").click()
    assert tab.locator("a[href^='https://mybinder.org']").is_visible()
    assert tab.locator("a[href^='https://colab.research.google.com']").is_visible()
    tab.keyboard.press("Escape")


def test_a_solution_opens_when_it_is_clicked(book, visit):
    tab = visit(book / "chapters" / "foundations" / "landscapes.html").tab
    solution = tab.locator(".solution.dropdown").first
    assert not solution.locator("p").nth(1).is_visible()
    solution.locator(".toggle-button").click()
    solution.locator("p").nth(1).wait_for()


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


@pytest.mark.parametrize(
    "element",
    [
        "<img alt='' src='https://example.org/a.png'>",
        "<script src='http://example.org/a.js'></script>",
        "<script>fetch('https://example.org/a.json').catch(() => 0)</script>",
        "<style>body { background: url(https://example.org/a.png) }</style>",
    ],
)
def test_a_request_is_seen(element, write, visit):
    visited = visit(write(element))
    visited.tab.wait_for_timeout(100)
    assert len(visited.requests) == 1


@pytest.mark.parametrize(
    "script", ["console.error('wrong')", "throw new Error('wrong')", "let a = 1; let a = 2"]
)
def test_an_error_is_seen(script, write, visit):
    visited = visit(write(f"<script>{script}</script>"))
    assert len(visited.errors) == 1


def test_a_missing_file_is_seen(write, visit):
    visited = visit(write("<script src='missing.js'></script>"))
    assert visited.errors != []


def test_a_wide_box_is_seen(write, visit):
    page = write("<article><pre style='width: 900px'>wide</pre></article>")
    assert len(boxes_wider_than_the_screen(visit(page, width=PHONE).tab)) == 1
