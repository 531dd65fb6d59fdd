"""What the tests share."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from playwright.sync_api import sync_playwright

from companion.data import load_mnist

FLAGS = [
    "--no-sandbox",  # the tests may run as root, in a container
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]

# The same examples in every run on every machine, however slow.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def golden():
    """The numbers that golden/make_pytorch.py computed with PyTorch."""
    return json.loads((Path(__file__).parent / "golden" / "pytorch.json").read_text())


@pytest.fixture(scope="session")
def mnist():
    return load_mnist()


def find_chromium(playwright):
    """Return the path of a Chromium; without one the tests fail, they are never skipped."""
    names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
    found = [path for path in map(shutil.which, names) if path]
    found.append(playwright.chromium.executable_path)
    if not Path(found[0]).exists():
        pytest.fail(
            "No Chromium was found. Install Debian's package chromium (sudo apt install chromium), "
            "or the one of Playwright (.venv/bin/playwright install chromium)."
        )
    return found[0]


@pytest.fixture(scope="session")
def browser():
    """Return one browser for all tests of a process: Playwright allows no second session."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright), args=FLAGS)
        yield browser
        browser.close()
