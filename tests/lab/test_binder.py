"""Binder, without Docker: the Dockerfile that repo2docker makes of a clone, and its scripts."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """Copy the tracked files: Binder sees no others."""
    folder = tmp_path_factory.mktemp("clone")
    listing = run(["git", "ls-files", "-z"], cwd=ROOT)
    for name in listing.rstrip("\0").split("\0"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def dockerfile(clone):
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", "."]
    return run(command, cwd=clone)


def run(command, **options):
    """Return what a command prints; what it says on its error stream, pytest shows."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def run_script(script, *arguments, **variables):
    """Run a script of binder/ as its image would, with this environment's programs first."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": programs} | variables
    return run([script, *arguments], cwd=script.parents[1], env=environment)


def test_python_fits_the_package(clone, dockerfile):
    project = tomllib.loads((clone / "pyproject.toml").read_text())["project"]
    # repo2docker escapes the dots in the name of the file that lists its conda packages
    version = re.search(r"environment-2epy-2d(\d+)-2e(\d+)-2d", dockerfile).groups()
    assert ".".join(version) in SpecifierSet(project["requires-python"])


def test_lock_is_installed_and_nothing_else(clone, dockerfile):
    # pyproject.toml would have repo2docker install the package with the newest dependencies.
    installed = re.findall(r"^RUN .*/bin/pip install --no-cache-dir (.*)$", dockerfile, re.M)
    assert installed == ['-r "binder/requirements.txt"']
    lines = (clone / "binder" / "requirements.txt").read_text().splitlines()
    (option,) = [line for line in lines if not line.startswith("#")]
    included = clone / "binder" / option.removeprefix("-r ")
    assert included.resolve() == clone / "requirements.txt"


def test_steps_come_in_order(dockerfile):
    steps = [
        "COPY --chown=",
        " src/ ${REPO_DIR}/",
        "/bin/pip install",  # needs the lock, which has just been copied
        "RUN ./binder/postBuild",  # needs setuptools from the lock
        'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"',
    ]
    places = [dockerfile.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)


def test_post_build_installs_the_package(clone, tmp_path):
    run_script(
        clone / "binder" / "postBuild",
        PIP_PREFIX=str(tmp_path),  # not into the environment of the tests
        PIP_IGNORE_INSTALLED="1",  # and without removing the package from there
        PIP_NO_INDEX="1",
    )
    (packages,) = tmp_path.rglob("site-packages")
    search = (
        f"import importlib.util, site; site.addsitedir({str(packages)!r}); "
        "print(importlib.util.find_spec('companion').origin)"
    )
    found = run([sys.executable, "-I", "-S", "-c", search], cwd=tmp_path)
    assert Path(found.strip()) == clone / "companion" / "__init__.py"


def test_start_gives_blas_one_thread(clone):
    show = "import os; print(os.environ['OPENBLAS_NUM_THREADS'])"
    output = run_script(clone / "binder" / "start", "python", "-c", show, OPENBLAS_NUM_THREADS="8")
    assert output == "1\n"
