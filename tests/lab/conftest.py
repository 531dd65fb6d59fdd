"""JupyterLab as a runner has it: a server on a copy of the pages, and a browser."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPENING = 60  # seconds that the server may take to start, and a notebook to open
RUNNING = 300  # seconds that all cells of a notebook may take
# Whether a notebook is in front, with all its Markdown rendered, by jupyterlab-myst or without it.
RENDERED = """notebook => {
    const panel = window.jupyterapp?.shell.currentWidget;
    return panel?.context?.path === notebook && panel.context.isReady
        && panel.content.widgets.every(cell => cell.model.type !== "markdown"
            || cell.node.querySelector(".myst, .jp-MarkdownOutput")?.childElementCount);
}"""
IDLE = "jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"
# Start a command of a menu, and note when it is done, in a way that one can wait for with a limit.
START = """([command, options]) => {
    window.finished = false;
    jupyterapp.commands.execute(command, options).finally(() => { window.finished = true; });
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory, browser):
    """Start JupyterLab in a copy of the pages; stop it whatever happens."""
    folder = tmp_path_factory.mktemp("lab")
    tree = folder / "tree"
    shutil.copytree(ROOT / "chapters", tree / "chapters")
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [
                *[sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"],
                *["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"],  # 0: any free port
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
                "--LabApp.expose_app_in_browser=True",
            ],
            cwd=tree,
            env=private_environment(folder),
            stdout=log,
            stderr=log,
        )
    try:
        yield Lab(browser, tree, *wait_for_server(server, folder))
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def private_environment(folder):
    """Return variables that keep the user's own settings, extensions and kernels out."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "IPYTHON"))
    }
    names = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"]
    settings = folder / "JUPYTER_CONFIG_DIR/lab/user-settings/@jupyterlab/notebook-extension"
    settings.mkdir(parents=True)
    # Render all cells, not only those in view.
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    return kept | {name: str(folder / name) for name in names} | {"OPENBLAS_NUM_THREADS": "1"}


def wait_for_server(server, folder):
    """Return the address and the token of a server that has just been started."""
    deadline = time.monotonic() + OPENING
    file = folder / "JUPYTER_RUNTIME_DIR" / f"jpserver-{server.pid}.json"
    while server.poll() is None and time.monotonic() < deadline:
        if file.exists() and file.stat().st_size:
            info = json.loads(file.read_text())
            return info["url"], info["token"]
        time.sleep(0.1)
    pytest.fail(f"JupyterLab has not started:\n{(folder / 'log').read_text()}")


class Lab:
    """A JupyterLab server, and how a person works with it."""

    def __init__(self, browser, tree, url, token):
        self.browser, self.tree, self.url, self.token = browser, tree, url, token

    def open(self, path="lab"):
        """Return a new tab of the browser, without a network."""
        context = self.browser.new_context(viewport={"width": 1300, "height": 900})
        context.route(re.compile(f"^(?!{re.escape(self.url)})http"), lambda route: route.abort())
        tab = context.new_page()
        tab.set_default_timeout(1000 * OPENING)
        tab.goto(f"{self.url}{path}?reset&token={self.token}")
        tab.wait_for_function("window.jupyterapp?.restored.then(() => true)")
        return tab

    def open_to_run(self, notebook):
        """Return a new tab with a notebook and its kernel, opened by a link as Binder does it."""
        tab = self.open(f"lab/tree/{notebook}")
        tab.wait_for_function(RENDERED, arg=notebook)
        tab.wait_for_function(IDLE)
        return tab

    def open_to_read(self, tab, notebook):
        """Open a notebook in the place of others, without a kernel, which saves time."""
        options = {"path": notebook, "kernelPreference": {"shouldStart": False}}
        self.execute(tab, "application:close-all")
        self.execute(tab, "docmanager:open", options)
        tab.wait_for_function(RENDERED, arg=notebook)

    def rerun(self, tab, meanwhile=lambda: None):
        """Clear all outputs, run all cells and save; do something else while they run."""
        self.execute(tab, "editmenu:clear-all")
        assert tab.locator(".jp-OutputArea-output").count() == 0
        tab.evaluate(START, ["runmenu:run-all", {}])
        meanwhile()
        tab.wait_for_function("window.finished", timeout=1000 * RUNNING)
        self.execute(tab, "docmanager:save")

    def execute(self, tab, command, options=None):
        """Do what an entry of a menu does, and wait until it is done."""
        tab.evaluate(START, [command, options or {}])
        tab.wait_for_function("window.finished")
