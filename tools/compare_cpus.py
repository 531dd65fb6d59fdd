"""Compare the notebooks' outputs under the arithmetic of other processors.

Usage: python tools/compare_cpus.py [notebook ...]

OpenBLAS and NumPy choose their code by the processor, and sums in another order round differently.
Both can be told to take the code for another processor, as far as this one can execute it. What
they take is asked of them before the notebooks are compared, because both ignore a wish that they
cannot fulfill. Without a name, all notebooks in chapters/ are compared.
"""

import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
CORES = ("Haswell", "SkylakeX", "Sandybridge", "Zen")
THREADS = {"1 thread": "1", "2 threads": "2"}
AVX512 = ("AVX512", "X86_V4")  # how the names of NumPy's groups of features begin

# OpenBLAS names the core on stderr, once for NumPy's copy and once for SciPy's.
PROBE = """
import json
import numpy as np
import scipy.linalg

matrix = np.ones((300, 300))
scipy.linalg.inv(matrix @ matrix + np.eye(300))
print(json.dumps(np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])))
"""


def configurations():
    """Return the environment variables to compare under, by a name for each set."""
    extensions = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    avx512 = [name for name in extensions if name.startswith(AVX512)]
    blas = {
        f"OpenBLAS {core}, {name}": {"OPENBLAS_CORETYPE": core, "OPENBLAS_NUM_THREADS": threads}
        for core in CORES
        for name, threads in THREADS.items()
    }
    return blas | {
        "NumPy without AVX512": {"NPY_DISABLE_CPU_FEATURES": " ".join(avx512)},
        "NumPy without any extension": {"NPY_DISABLE_CPU_FEATURES": " ".join(extensions)},
    }


def why_not(wish):
    """Return why NumPy and SciPy do not fulfill a wish on this machine; empty when they do."""
    process = subprocess.run(
        [sys.executable, "-c", PROBE],
        env=os.environ | wish | {"OPENBLAS_VERBOSE": "2"},
        capture_output=True,
        text=True,
    )
    if process.returncode < 0:
        return f"this processor cannot execute it ({signal.Signals(-process.returncode).name})"
    process.check_returncode()
    if "NPY_DISABLE_CPU_FEATURES" in wish:
        return _why_not_numpy(wish["NPY_DISABLE_CPU_FEATURES"], json.loads(process.stdout))
    return _why_not_openblas(wish["OPENBLAS_CORETYPE"], process.stderr)


def _why_not_numpy(unwanted, extensions):
    if not unwanted:
        return "this processor has none, or NumPy does not use it"
    left = sorted(set(unwanted.split()) & set(extensions))
    return f"NumPy keeps using {', '.join(left)}" if left else ""


def _why_not_openblas(core, stderr):
    used = set(re.findall(r"^Core: (\S+)", stderr, re.MULTILINE))
    if not used:
        return "NumPy and SciPy do not use OpenBLAS here"
    return f"OpenBLAS uses {', '.join(sorted(used))} here" if used != {core} else ""


def compare(notebooks, wish):
    """Execute and compare the notebooks under a wish.

    Returns
    -------
    tuple of (str, str)
        "passed", "failed" or "not run", and the reason or pytest's output.
    """
    reason = why_not(wish)
    if reason:
        return "not run", reason
    # No limit of time: slower code is meant, and BLAS threads spend CPU seconds in waiting.
    command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-p", "no:cacheprovider"]
    command += ["-o", "page_seconds=inf", "--nbval-cell-timeout=3600", *notebooks]
    process = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | wish,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if process.returncode:
        print(wish, process.stdout, sep="\n", flush=True)
    outcome = "failed" if process.returncode else "passed"
    return outcome, process.stdout.strip().splitlines()[-1].strip("= ")


def main(arguments):
    """Compare under every configuration, print a table, and return the exit status."""
    notebooks = [Path(name).resolve() for name in arguments] or ["chapters"]
    wishes = configurations()
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = pool.map(lambda wish: compare(notebooks, wish), wishes.values())
        rows = dict(zip(wishes, results, strict=True))
    width = max(len(name) for name in rows)
    for name, (outcome, note) in rows.items():
        print(f"{name:{width}}  {outcome:7}  {note}")
    outcomes = [outcome for outcome, _ in rows.values()]
    return int("failed" in outcomes or "passed" not in outcomes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
