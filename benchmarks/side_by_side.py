"""Measure contestants side by side: interleaved in one run, compared round by round.

A machine's speed changes from minute to minute, and from process to process. Contestants that take
turns in one process share those changes, so the ratio of their times within a round says more than
their times do.
"""

import datetime
import os
import platform
import re
import time
from importlib import metadata
from pathlib import Path

import numpy as np


def use_one_core():
    """Keep this process, and all threads that it starts from now on, on one core.

    Libraries imported afterward see a machine with one core: none gains by threads. macOS cannot
    do this; there only the libraries' own settings hold.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def check_agreement(values, tolerance):
    """Raise unless all `values`, a dict by contestant, are the same within `tolerance`.

    Who does not compute the same need not be compared.
    """
    middle = np.median(list(values.values()))
    for name, value in values.items():
        if not abs(value - middle) <= tolerance * abs(middle):  # also if value is NaN
            raise ValueError(
                f"{name} computes something else than the others: {value!r}, not {middle!r} "
                f"(relative tolerance {tolerance:g})"
            )


def measure(contestants, rounds, rng):
    """Return the processor time of each contestant in each round.

    Parameters
    ----------
    contestants : dict of callables
        By name; each is called once in a round, without arguments.
    rounds : int
    rng : numpy.random.Generator
        Shuffles the order within each round: nobody always follows the same neighbor.

    Returns
    -------
    dict of (rounds,) arrays
        In seconds, over all threads of the process.
    """
    names = list(contestants)
    seconds = {name: np.empty(rounds) for name in names}
    for turn in range(rounds):
        for name in rng.permutation(names):
            begin = time.process_time()
            contestants[name]()
            seconds[name][turn] = time.process_time() - begin
    return seconds


def table(seconds, reference, goals=()):
    """Return a Markdown table: time and ratio to the `reference`, each with its quartiles.

    `goals` maps contestants to the ratio that the reference aims at: to be reached or exceeded.
    """
    lines = [
        f"| | µs | quartiles | time ÷ {reference}'s | quartiles | goal |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, times in seconds.items():
        low, middle, high = np.percentile(times * 1e6, [25, 50, 75])
        below, ratio, above = np.percentile(times / seconds[reference], [25, 50, 75])
        goal = f"≥ {goals[name]:.2f}" if name in goals else ""
        lines.append(
            f"| {name} | {middle:.0f} | {low:.0f}–{high:.0f} "
            f"| {ratio:.2f} | {below:.2f}–{above:.2f} | {goal} |"
        )
    return "\n".join(lines)


def conditions(rounds, packages):
    """Return a sentence on when, where and how often was measured, and with which versions.

    `packages` are named as they are installed; those that are not are left out.
    """
    versions = ", ".join(f"{name} {version}" for name, version in _versions(packages))
    return (
        f"Measured on {datetime.date.today()}: {_processor()}, one core, {rounds} rounds, "
        f"Python {platform.python_version()}, {versions}."
    )


def write_section(path, name, text):
    """Replace what stands between the markers of section `name` in the file `path`."""
    path = Path(path)
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, marker, rest = path.read_text(encoding="utf-8").partition(begin)
    _, end_marker, after = rest.partition(end)
    if not (marker and end_marker):
        raise ValueError(f"{path} must hold the lines {begin} and {end}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def _processor():
    cpuinfo = Path("/proc/cpuinfo")
    found = cpuinfo.exists() and re.search(r"model name\s*: (.+)", cpuinfo.read_text())
    return found[1] if found else platform.processor() or platform.machine()


def _versions(packages):
    for name in packages:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
