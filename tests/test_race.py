"""The player of a race: its still picture, number by number, and the moving one in a browser."""

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from axe_core_python.sync_playwright import Axe
from bs4 import BeautifulSoup

from companion import plots
from companion.landscapes import BEALE, LANDSCAPES, RASTRIGIN, RAVINE, SADDLE, descend
from companion.optimizers import SGD, AdaGrad, Adam, Momentum

PHONE = 390
SEEN = "Four paths across a ravine: SGD's zigzag, Momentum's swings, two smooth curves."
# Pixels in tenths: 300 for 1 along x from -10, 450 for 1 along y down from 4.
SQUARE = np.array([[-7.0, 2.0], [-7.0, -2.0], [7.0, -2.0], [7.0, 2.0]])
CORNERS = ["900,900", "900,2700", "5100,2700", "5100,900"]


def ravine_paths():
    optimizers = dict(SGD=SGD(0.95), Momentum=Momentum(0.1), AdaGrad=AdaGrad(1.5), Adam=Adam(0.3))
    return {name: descend(RAVINE, each, (-7, 2), 30) for name, each in optimizers.items()}


def parse(paths, landscape=RAVINE, **options):
    """Return the tree of a player."""
    html = plots.race(landscape, paths, "what there is to see", **options).html
    return BeautifulSoup(html, "html.parser")


def trails(tree):
    return [path["d"] for path in tree.select(".race-trail")]


def colors(tree):
    """Return the color of each name, which must be that of its trail and dot, too."""
    places = [".race-trails > g", ".race-dots > circle", ".race-legend > li"]
    trail, dot, entry = ([each["style"] for each in tree.select(place)] for place in places)
    assert trail == dot == entry
    names = [name.get_text() for name in tree.select(".race-legend b")]
    return {n: style.removeprefix("--color: ") for n, style in zip(names, entry, strict=True)}


def heights(tree):
    return [span["data-heights"].split("|") for span in tree.select(".race-legend span")]


def test_a_notebook_shows_html_and_everything_else_the_description():
    player = plots.race(RAVINE, ravine_paths(), SEEN)
    assert player._repr_html_() == player.html
    assert repr(player) == f'Player(description="{SEEN}")'


def test_the_picture_is_complete_without_scripts():
    tree = parse({"SGD": SQUARE, "Adam": SQUARE})
    (picture,) = tree.select("svg[role=img]")
    assert picture["aria-label"] == "what there is to see"
    assert trails(tree) == ["M" + " ".join(CORNERS)] * 2
    assert [dot["transform"] for dot in tree.select("circle")] == [f"translate({CORNERS[-1]})"] * 2
    assert tree.select_one(".race-marks")["d"] == "".join(f"M{c}h0" for c in CORNERS)
    assert tree.select_one(".race-controls").has_attr("hidden")
    assert [e.get_text() for e in tree.select(".race-legend li")] == ["SGD 6.45", "Adam 6.45"]
    assert "after 3 of 3 updates" in tree.get_text()


def test_numbers_along_the_axes_and_the_star():
    tree = parse({"SGD": SQUARE})
    axes = [[e.get_text() for e in tree.select(f"text.race-{axis}")] for axis in "xy"]
    assert axes == [["−10", "−5", "0", "5", "10", "x"], ["4", "2", "0", "−2", "−4"]]
    assert tree.select_one(".race-minima")["d"].startswith("M3000,1800m")


def test_a_part_of_the_landscape_can_be_shown():
    tree = parse({"SGD": [[0.5, -0.5], [2.0, 0.5]]}, BEALE, bounds=((0.5, 3.5), (-0.5, 1.5)))
    assert trails(tree) == ["M0,3600 3000,1800"]
    assert tree.select_one(".race-minima")["d"].startswith("M5000,1800m")  # (3, 0.5)
    assert BEALE.bounds[0] == (-4.5, 4.5)


def points_of(d):
    """Return the corners of an outline, and its number of rings."""
    rings = re.findall(r"M([^l]+)l([^z]+)z", d)
    corners = [
        np.cumsum([[int(n) for n in xy.split(",")] for xy in [start, *steps.split(" ")]], axis=0)
        for start, steps in rings
    ]
    return np.concatenate(corners), len(rings)


@pytest.mark.parametrize("landscape", LANDSCAPES, ids=lambda landscape: landscape.name)
def test_contours_lie_at_equal_heights(landscape):
    """Inside of the map, each corner has its level's height, up to the mesh and rounding."""
    start = np.array([landscape.start, landscape.start])
    tree = parse({"SGD": start}, landscape, levels=8)
    outlines = [path["d"] for path in tree.select(".race-contours path")]
    assert len(outlines) == 6
    (left, right), (bottom, top) = landscape.bounds
    sizes, apart = [], []
    for d in outlines:
        corners, _ = points_of(d)
        inside = ((corners > 0) & (corners < (6000, 3600))).all(axis=1)
        x, y = corners[inside].T
        points = np.array([left + x / 6000 * (right - left), top - y / 3600 * (top - bottom)])
        height = landscape.value(points) - landscape.value(landscape.minimum)
        sizes.append(np.median(height))
        apart.append(np.quantile(np.abs(np.log(height / sizes[-1])), 0.9))
    steps = -np.diff(np.log(sizes))
    assert steps.min() > 0  # the larger regions first, the smaller upon them
    np.testing.assert_allclose(steps, steps.mean(), rtol=0.15)
    assert max(apart) < steps.mean() / 4


def test_every_minimum_of_himmelblau_has_its_own_rings():
    landscape = next(each for each in LANDSCAPES if len(each.minima) == 4)
    tree = parse({"SGD": np.array([[0.0, 0.0]])}, landscape)
    assert points_of(tree.select(".race-contours path")[-1]["d"])[1] == 4
    assert tree.select_one(".race-minima")["d"].count("M") == 4


@pytest.mark.parametrize("outside", [(11.0, 0.0), (0.0, -4.5), (np.nan, np.nan), (np.inf, 0.0)])
def test_a_path_ends_where_it_leaves_the_map(outside):
    tree = parse({"SGD": [(-7, 2), (-7, -2), outside, (0, 0)], "Adam": SQUARE})
    assert trails(tree)[0] == "M" + " ".join(CORNERS[:2])
    assert tree.select("circle")[0]["transform"] == f"translate({CORNERS[1]})"
    assert heights(tree) == [["6.45", "6.45", "outside"], ["6.45"] * 4]
    assert tree.select_one(".race-legend").get_text().split() == ["SGD", "outside", "Adam", "6.45"]


def test_heights_are_rounded_beyond_noise():
    path = [(-1.8, 1.8), (1.0, 0.0), (0.0, 0.0), (0.0, 1e-4), (0.0, 0.0123456)]
    assert heights(parse({"SGD": path}, SADDLE)) == [["2.62", "−0.25", "0", "0", "0.000076"]]
    tiny = replace(RASTRIGIN, value=lambda point: np.array([-1e-15, 181_853.6]))
    tree = parse({"SGD": [(0, 0), (1, 1)]}, replace(BEALE, value=BEALE.value))
    assert heights(tree)[0] == ["14.2", "14.2"]
    assert [plots._number(h) for h in tiny.value(None).round(6) + 0.0] == ["0", "182000"]


def test_names_have_the_colors_of_optimizers_and_others_those_that_are_left():
    named = colors(parse(dict.fromkeys(["Adam", "mine", "SGD", "yours"], SQUARE)))
    assert named["Adam"] == plots.OPTIMIZER_COLORS["Adam"]
    assert named["SGD"] == plots.OPTIMIZER_COLORS["SGD"]
    assert len(set(named.values())) == 4
    assert set(named.values()) <= set(plots.COLORS)
    many = [*plots.OPTIMIZER_COLORS, "mine"]
    assert len(colors(parse(dict.fromkeys(many, SQUARE)))) == 8


def test_text_is_escaped():
    player = plots.race(RAVINE, {'<b>"$x"': SQUARE}, 'from "A" to <B> & $back')
    tree = BeautifulSoup(player.html, "html.parser")
    assert tree.select_one("[role=img]")["aria-label"] == 'from "A" to <B> & $back'
    assert tree.select_one(".race-legend b").get_text() == '<b>"$x"'


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ({}, r"one shape \(steps \+ 1, 2\), got \{\}"),
        ({"SGD": SQUARE.T}, r"one shape \(steps \+ 1, 2\), got .*'SGD': \(2, 4\)"),
        ({"SGD": SQUARE[0]}, r"'SGD': \(2,\)"),
        ({"SGD": SQUARE, "Adam": SQUARE[:3]}, r"'SGD': \(4, 2\), 'Adam': \(3, 2\)"),
        ({"Adam": SQUARE + 8}, "begin inside of the bounds, and Adam does not"),
        ({"Adam": SQUARE * np.nan}, "begin inside of the bounds, and Adam does not"),
        ({"Adam": SQUARE[:0]}, "begin inside of the bounds, and Adam does not"),
    ],
)
def test_bad_paths_are_named(paths, message):
    with pytest.raises(ValueError, match=message):
        plots.race(RAVINE, paths, SEEN)


PROGRAM = """
import hashlib
from companion import plots
from companion.landscapes import LANDSCAPES, descend
from companion.optimizers import Adam, Momentum
for each in LANDSCAPES:
    paths = {"Adam": descend(each, Adam(0.1)), "Momentum": descend(each, Momentum(1e-3))}
    print(hashlib.sha256(plots.race(each, paths, "seen").html.encode()).hexdigest())
"""


def test_the_html_is_the_same_in_every_run_and_on_every_processor():
    def run(**variables):
        return subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=variables,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    first = run(PYTHONHASHSEED="1")
    assert len(set(first.split())) == len(LANDSCAPES)
    old_processor = "AVX512F AVX512CD AVX512_SKX AVX2 FMA3"
    assert run(PYTHONHASHSEED="2", NPY_DISABLE_CPU_FEATURES=old_processor) == first


def test_a_player_is_light_and_names_nothing_twice():
    html = plots.race(RAVINE, ravine_paths(), SEEN).html
    assert len(html) < 30_000
    assert " id=" not in html
    assert not re.search(r"https?:|import |fetch\(", html)


# In a browser. The first player is that of the ravine, the second one has a path that leaves.


@pytest.fixture
def page(tmp_path):
    """Write a page with two players."""
    away = descend(BEALE, SGD(lr=0.03), (-3, -3), 10)
    adam = descend(BEALE, Adam(lr=0.3), (1, 1), 10)
    second = plots.race(BEALE, {"SGD": away, "Adam": adam}, "Adam goes right, SGD is gone at once.")
    file = tmp_path / "page.html"
    file.write_text(
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Races</title>"
        "<meta name='viewport' content='width=device-width'>"
        "<style>[data-theme=dark] { background: #121212; color: #ced6dd }</style></head>"
        f"<body><main><h1>Races</h1>{plots.race(RAVINE, ravine_paths(), SEEN).html}{second.html}"
        "</main></body></html>"
    )
    return file


@pytest.fixture
def visit(browser, page):
    """Open the page; in the end, no error and no request but that for the page may have been."""
    contexts, requests, errors = [], [], []

    def open_page(width=1000, **options):
        options = {
            "viewport": {"width": width, "height": 800},
            "reduced_motion": "reduce",
        } | options
        context = browser.new_context(**options)
        contexts.append(context)
        tab = context.new_page()
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("console", lambda message: errors.append(message.text))
        tab.goto(page.as_uri())
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert (set(requests), errors) == ({page.as_uri()}, [])


class Shown:
    """What one of the players shows."""

    def __init__(self, tab, number=0):
        self.race = tab.locator(".race").nth(number)

    def press(self, name):
        self.race.get_by_role("button", name=name, exact=True).click()

    @property
    def slider(self):
        return self.race.get_by_role("slider")

    @property
    def update(self):
        number = int(self.slider.input_value())
        assert self.slider.get_attribute("aria-valuetext").startswith(f"{number} of ")
        assert self.race.locator(".race-update").inner_text() == str(number)
        return number

    @property
    def dots(self):
        moves = [dot.get_attribute("transform") for dot in self.race.locator("circle").all()]
        return np.array([[float(n) for n in re.findall(r"[-.\d]+", move)] for move in moves])

    @property
    def trail(self):
        return self.race.locator(".race-trail").first.get_attribute("d")

    @property
    def legend(self):
        return self.race.locator(".race-legend span").all_inner_texts()


def expected(update):
    """Return where the dots of the first player are after an update, in tenths of a pixel."""
    points = np.array([path[update] for path in ravine_paths().values()])
    return (points - (-10, 4)) * (300, -450)


def assert_shows(player, update):
    assert player.update == update
    np.testing.assert_allclose(player.dots, expected(update), atol=0.52)
    path = ravine_paths()["SGD"]
    assert player.legend[0] == plots._number(RAVINE.value(path[update]).round(6))
    marks = player.race.locator(".race-marks").first.get_attribute("d")
    assert marks.count("M") == update + 1
    assert player.trail.startswith("M900,900")


def test_steps_restart_and_slider(visit):
    tab = visit()
    player = Shown(tab)
    assert_shows(player, 30)
    player.press("One update back")
    assert_shows(player, 29)
    player.press("Restart")
    assert_shows(player, 0)
    player.press("One update back")  # there is none
    assert_shows(player, 0)
    for _ in range(2):
        player.press("One update forward")
    assert_shows(player, 2)
    player.slider.fill("12")
    assert_shows(player, 12)
    player.slider.fill("30")
    player.press("One update forward")
    assert_shows(player, 30)


def test_all_of_it_works_with_the_keyboard(visit):
    tab = visit()
    player = Shown(tab)
    names = []
    for _ in range(5):
        tab.keyboard.press("Tab")
        names.append(tab.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert names == ["Play", "Restart", "One update back", "One update forward", "Update"]
    tab.keyboard.press("Home")
    assert_shows(player, 0)
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
    assert_shows(player, 3)
    tab.keyboard.press("End")
    tab.keyboard.press("ArrowLeft")
    assert_shows(player, 29)
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Enter")
    assert_shows(player, 30)


def test_nothing_moves_before_play_and_pause_stops(visit):
    tab = visit()
    player = Shown(tab)
    tab.clock.install(time=0)
    tab.clock.pause_at(60)
    tab.clock.run_for(3000)
    assert_shows(player, 30)
    player.press("Play")  # at the end: once more from the start
    tab.clock.run_for(1100)
    player.press("Pause")
    assert_shows(player, 4)  # 4 updates a second
    tab.clock.run_for(3000)
    assert_shows(player, 4)
    player.press("Play")  # goes on
    tab.clock.run_for(1100)
    assert player.update == 8
    tab.clock.run_for(8000)
    assert_shows(player, 30)
    assert player.race.get_by_role("button", name="Play").is_visible()


@pytest.mark.parametrize(("motion", "glides"), [("no-preference", True), ("reduce", False)])
def test_dots_glide_unless_a_reader_prefers_calm(motion, glides, visit):
    tab = visit(reduced_motion=motion)
    player = Shown(tab)
    tab.clock.install(time=0)
    tab.clock.pause_at(60)
    player.press("Play")
    tab.clock.run_for(1100)  # 4.4 updates
    way, moved = expected(5) - expected(4), player.dots - expected(4)
    share = (moved * way).sum() / (way**2).sum()
    assert 0.3 < share < 0.45 if glides else share == pytest.approx(0, abs=0.01)
    np.testing.assert_allclose(moved, share * way, atol=1)  # straight on, all at one pace
    player.press("Pause")
    assert_shows(player, 4)


def test_players_do_not_disturb_each_other(visit):
    tab = visit()
    first, second = Shown(tab), Shown(tab, 1)
    before = second.dots
    first.slider.fill("5")
    assert second.update == 10
    np.testing.assert_array_equal(second.dots, before)
    second.press("Restart")
    assert_shows(first, 5)


def test_a_path_that_has_left_is_seen_to_have_left(visit):
    player = Shown(visit(), 1)
    assert player.legend[0] == "outside"
    assert player.race.locator("circle.race-gone").count() == 1
    player.press("Restart")
    assert player.legend[0] == plots._number(BEALE.value((-3, -3)))
    assert player.race.locator("circle.race-gone").count() == 0


def test_without_scripts_there_is_a_still_picture(visit):
    tab = visit(java_script_enabled=False)
    player = Shown(tab)
    np.testing.assert_allclose(player.dots, expected(30), atol=0.52)
    assert player.race.get_by_role("img").get_attribute("aria-label") == SEEN
    assert player.race.get_by_role("img").is_visible()
    assert not player.slider.is_visible()
    assert not player.race.get_by_text("Run this cell").is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_players_are_accessible(theme, visit):
    tab = visit()
    tab.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    found = Axe().run(tab, options={"resultTypes": ["violations"]})["violations"]
    assert [f"{rule['id']}: {rule['help']}" for rule in found] == []


def test_pictures_are_turned_in_the_dark_of_the_book_and_of_jupyterlab(visit):
    tab = visit()
    look = "getComputedStyle(document.querySelector('.race-picture')).filter"
    assert tab.evaluate(look) == "none"
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert "invert" in tab.evaluate(look)
    tab.evaluate("document.documentElement.dataset.theme = 'light'")
    tab.evaluate("document.body.dataset.jpThemeLight = 'false'")
    assert "invert" in tab.evaluate(look)


def test_players_fit_a_phone(visit):
    tab = visit(width=PHONE)
    assert tab.evaluate("document.documentElement.scrollWidth") == PHONE
    wide = """() => [...document.querySelectorAll(".race *:not(svg svg *)")].filter(
        (e) => e.getBoundingClientRect().right > innerWidth).map((e) => e.outerHTML.slice(0, 99))"""
    assert tab.evaluate(wide) == []
    for button in tab.get_by_role("button").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 40
    text = tab.locator(".race-picture text").first
    assert text.bounding_box()["height"] >= 11
