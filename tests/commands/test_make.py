"""The Makefile and .ci/run, with stand-ins for what they call: no network, nothing installed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Executes what is given with -c; writes down everything else, and does what `venv` would.
PYTHON = """\
#!{executable}
import pathlib, shutil, sys
{prelude}
if sys.argv[1] == "-c":
    exec(sys.argv[2])
    sys.exit()
with open("calls.txt", "a") as calls:
    print(*sys.argv[1:], file=calls)
if "venv" in sys.argv:
    pathlib.Path(".venv/bin").mkdir(parents=True)
    shutil.copy(__file__, ".venv/bin/python")
sys.exit("install" in sys.argv and pathlib.Path("no-network").exists())
"""
OLD = "sys.version_info, sys.version = (3, 9, 2), '3.9.2 (default)'"
WITHOUT_ENSUREPIP = "sys.modules['ensurepip'] = None"


def write_script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path):
    """A copy of what setting up needs."""
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(project, *arguments, prelude=""):
    """Run make in the project, with a python3 of our own first on the PATH."""
    script = PYTHON.format(executable=sys.executable, prelude=prelude)
    write_script(project / "programs" / "python3", script)
    environment = {"PATH": f"{project / 'programs'}:/usr/local/bin:/usr/bin:/bin"}
    return subprocess.run(
        ["make", *arguments], cwd=project, env=environment, capture_output=True, text=True
    )


def calls(project):
    """Return what python was asked to do since the last time."""
    path = project / "calls.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [line for line in lines if line != "-m pip --version"]


@pytest.mark.parametrize(
    ("prelude", "arguments", "advice"),
    [
        (OLD, [], "Python 3.11 or newer is needed, and python3 is 3.9.2."),
        (WITHOUT_ENSUREPIP, [], "sudo apt install python3-venv"),
        ("", ["PYTHON=no-python"], "no-python was not found. Install Python 3.11 or newer"),
    ],
)
def test_unusable_python_gets_advice(project, prelude, arguments, advice):
    process = make(project, "setup", *arguments, prelude=prelude)
    assert process.returncode != 0
    message, *rest = process.stderr.splitlines()
    assert advice in message
    assert all(re.match(r"g?make: \*\*\*", line) for line in rest)  # no traceback
    assert process.stdout == ""
    assert not (project / ".venv").exists()


def test_setup_installs_once_and_again_when_the_lock_changes(project):
    assert make(project, "setup").returncode == 0
    made, lock, package = calls(project)
    assert made == "-m venv --clear .venv"
    assert lock.endswith("-r requirements.txt")
    assert package.endswith("--no-deps --no-build-isolation -e .")

    assert make(project, "setup").returncode == 0
    assert calls(project) == []

    for name in ("requirements.txt", "pyproject.toml"):
        os.utime(project / ".venv" / ".ready", (0, 0))
        for other in ("requirements.txt", "pyproject.toml"):
            os.utime(project / other, (1, 1) if other == name else (0, 0))
        assert make(project, "setup").returncode == 0
        assert calls(project) == [lock, package]


def test_failed_installation_is_tried_again(project):
    (project / "no-network").touch()
    assert make(project, "setup").returncode != 0
    (project / "no-network").unlink()
    calls(project)
    assert make(project, "setup").returncode == 0
    assert len(calls(project)) == 2


def test_make_alone_lists_every_command():
    process = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^make ([a-z-]+) ", process.stdout, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert listed == phony[1].split()


@pytest.mark.parametrize(("failed", "status"), [("0", 0), ("1", 2)])
def test_ci_ends_with_the_closing_line_and_status_of_the_tests(tmp_path, failed, status):
    closing_line = f"== {failed} failed, 1 passed in 1.00s =="
    write_script(tmp_path / ".ci" / "run", (ROOT / ".ci" / "run").read_text())
    (tmp_path / "Makefile").write_text(f"test:\n\t@echo '{closing_line}'; exit {failed}\n")
    for name in ("python3", "chromium"):
        write_script(tmp_path / "programs" / name, "#!/bin/sh\n")
    write_script(tmp_path / "programs" / "apt-get", "#!/bin/sh\necho installed\n")
    environment = {"PATH": f"{tmp_path / 'programs'}:/usr/local/bin:/usr/bin:/bin"}
    process = subprocess.run(
        [".ci/run"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert process.stdout.splitlines() == [closing_line]
    assert process.stderr == ""
    assert process.returncode == status
