"""What pytest demands of a notebook beyond nbval's comparison of its text outputs.

nbval executes a notebook, one test per code cell, and compares the outputs with the stored ones.
It does not look at images, and it passes cells that were never executed. Here each notebook also
gets a test `stored`, before its cells, of what the file holds, and a test `resources`, after them,
of the time and memory that the cells took; and images are compared pixel by pixel.

A machine shared with others can run at a small part of its speed for minutes, and the CPU seconds
of a page grow with that. So the speed is measured while the page is executed, and its seconds are
converted into those of a machine at full speed.
"""

import ast
import inspect
import io
import os
import threading
import time
from base64 import b64decode
from functools import partial
from tempfile import TemporaryDirectory

import nbformat.reader
import numpy as np
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile
from PIL import Image, ImageSequence

from store_outputs import canonical, dumps

# What a page may take: the patience of a reader and the memory of a free Binder.
SECONDS = 60
MEGABYTES = 1000

# What `Speedometer.task` takes on one core of a server of 2021 (AMD EPYC Milan), which has speed 1.
TASK_SECONDS = 1.0e-3
# A machine slower than this is not measured well enough to judge a page by it.
SLOWEST = 0.6

# Rounding moves a curve by far less than a pixel, which changes no color by more than a level or
# two of 255, except in a rare pixel. Moving one by a seventh of a pixel changes over a thousand
# pixels by more than 8 levels; another digit in a label of 6 points at 72 dpi, at least seven.
LEVELS = 8
PIXELS = 4

IMAGES = ("image/png", "image/jpeg", "image/gif")

# With how many threads for linear algebra the kernels are to start.
THREADS = pytest.StashKey()


def pytest_addoption(parser):
    """Let the limits be changed with `-o`: the guards' own tests lower them."""
    parser.addini("page_seconds", "CPU seconds that a notebook may take", "float", SECONDS)
    parser.addini("page_megabytes", "peak memory that a notebook may take", "float", MEGABYTES)
    parser.addini("task_seconds", "what the task takes at speed 1", "float", TASK_SECONDS)


def pytest_configure(config):
    """Give the kernels an environment that is the same for everyone."""
    config.stash[THREADS] = os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    profile = TemporaryDirectory()  # not the settings, start-up files and history of the user
    config.add_cleanup(profile.cleanup)
    os.environ["IPYTHONDIR"] = profile.name


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Put a `Page` in the place of nbval's collector."""
    collectors = yield
    return [
        Page.from_parent(parent, path=file_path) if isinstance(collector, IPyNbFile) else collector
        for collector in collectors
    ]


def pytest_terminal_summary(terminalreporter):
    """Show what each notebook took, whichever worker executed it."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    rows = sorted(
        value
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == "page"
    )
    if not rows:
        return
    width = max(len(page) for page, *_ in rows)
    terminalreporter.section("pages")
    terminalreporter.line(f"{'page':{width}}  CPU seconds  seconds  speed  peak MB")
    for page, cpu_seconds, seconds, speed, megabytes in rows:
        terminalreporter.line(
            f"{page:{width}}  {cpu_seconds:11.1f}  {seconds:7.1f}  {speed:5.2f}  {megabytes:7.0f}"
        )


class Page(IPyNbFile):
    """A notebook: nbval's cells, between a test of the file and one of resources."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.skip_compare = (*self.skip_compare, *IMAGES)  # compared by PageCell instead

    def collect(self):
        """Yield the notebook's tests."""
        cells = [
            PageCell.from_parent(
                self, name=cell.name, cell_num=cell.cell_num, cell=cell.cell, options=cell.options
            )
            for cell in super().collect()
        ]
        yield Stored.from_parent(self, name="stored", cells=cells)
        yield from cells
        yield Resources.from_parent(self, name="resources")

    def setup(self):
        """Start the clock and the kernel."""
        self.started = time.perf_counter()
        self.speedometer = Speedometer()
        super().setup()
        # nbval keeps cells out of the history, where IPython looks for a semicolon at their end.
        self.kernel.execute_cell_input = partial(self.kernel.kc.execute, stop_on_error=False)

    def teardown(self):
        """Stop the kernel and the measurement."""
        self.speedometer.stop()
        super().teardown()


class PageCell(IPyNbCell):
    """A code cell whose images are compared, too."""

    def compare_outputs(self, test, ref, skip_compare=None):
        """Return whether the fresh outputs (`test`) are the stored ones (`ref`)."""
        if not super().compare_outputs(test, ref, skip_compare):
            return False
        difference = compare_images(images(test), images(ref))
        if difference:
            self.comparison_traceback.append(difference)
        return not difference


class PageTest(pytest.Item):
    """A test of a whole notebook, reported by its message alone."""

    def repr_failure(self, excinfo):
        """Leave out the traceback, which would show this file and not the notebook."""
        if excinfo.errisinstance(AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        """Name the notebook in the report."""
        return self.path, None, f"{self.parent.name}: {self.name}"


class Stored(PageTest):
    """The file: every cell executed, once, in order, without errors; stable metadata."""

    def __init__(self, cells, **kwargs):
        super().__init__(**kwargs)
        self.cells = cells

    def runtest(self):
        """Fail with a list of everything that is wrong with the file."""
        problems = [problem for cell in self.cells for problem in stored_problems(cell)]
        if not self.cells:
            problems.append("no code cell: a page that does not compute is a Markdown file")
        text = self.path.read_text(encoding="utf-8")
        if text != dumps(canonical(nbformat.reader.reads(text))):
            problems.append("metadata or format not as `make notebooks` stores them")
        if problems:
            raise AssertionError("\n".join([*problems, "Does `make notebooks` help?"]))


class Resources(PageTest):
    """The time and memory that the notebook took."""

    def runtest(self):
        """Note what was taken for the summary; fail when it was more than a page may take."""
        cpu_seconds, megabytes = ask_usage(self.parent.kernel)
        seconds = time.perf_counter() - self.parent.started
        speed = self.config.getini("task_seconds") / self.parent.speedometer.stop()
        page = self.nodeid.split("::")[0]
        self.user_properties.append(("page", [page, cpu_seconds, seconds, speed, megabytes]))
        most = self.config.getini("page_seconds")
        unjudged = cpu_seconds > most and speed < SLOWEST
        problems = [
            f"{page} took {taken:.1f} {unit}; a page may take {limit:g}"
            for taken, limit, unit in [
                (0 if unjudged else cpu_seconds * min(speed, 1), most, "CPU seconds at full speed"),
                (megabytes, self.config.getini("page_megabytes"), "MB of memory"),
            ]
            if taken > limit
        ]
        wanted, threads = self.config.stash[THREADS], os.environ["OPENBLAS_NUM_THREADS"]
        if threads != wanted:  # two processes with two threads each are many times slower
            problems.append(f"OPENBLAS_NUM_THREADS is no longer {wanted}: something set {threads}")
        if problems:
            raise AssertionError("\n".join(problems))
        if unjudged:
            pytest.skip(f"{page}: time not judged, the machine ran at {speed:.2f} of its speed")


class Speedometer(threading.Thread):
    """How fast the machine is now: once a second, the CPU time of a small task."""

    def __init__(self):
        super().__init__(daemon=True)
        rng = np.random.default_rng(0)
        self.batch, self.weights = rng.random((128, 784)), rng.random((784, 100))
        self.taken = [self.measure()]
        self.stopped = threading.Event()
        self.start()

    def task(self):
        """Do a little of what pages spend their time on: a matrix product, and a loop."""
        _ = self.batch @ self.weights
        sum(range(20_000))

    def measure(self, repeats=10):
        """Return the CPU seconds that the task takes."""
        begin = time.thread_time()
        for _ in range(repeats):
            self.task()
        return (time.thread_time() - begin) / repeats

    def run(self):
        """Measure until stopped."""
        while not self.stopped.wait(1):
            self.taken.append(self.measure())

    def stop(self):
        """Stop measuring; return the mean of what the task took."""
        self.stopped.set()
        self.join()
        return float(np.mean(self.taken))


def stored_problems(item):
    """Return what is wrong with a cell as stored: a list of messages."""
    cell, name = item.cell, item.name
    outputs = {(output.output_type, output.get("name")) for output in cell.outputs}
    problems = {
        f"{name} is empty": not cell.source.strip(),
        f"{name} was not executed": cell.execution_count is None,
        f"{name} was executed as number {cell.execution_count}, not {item.cell_num + 1}": (
            cell.execution_count not in (None, item.cell_num + 1)
        ),
        f"{name} is kept from being compared": item.options["skip"] or not item.options["check"],
        f"{name} has stored an error, and no tag raises-exception": (
            ("error", None) in outputs and not item.options["check_exception"]
        ),
        f"{name} has stored output to stderr": ("stream", "stderr") in outputs,
    }
    return [problem for problem, found in problems.items() if found]


def images(outputs):
    """Return the images among a cell's outputs, as pairs of type and base64 text."""
    bundles = [output["data"] for output in outputs if "data" in output]
    return [(kind, bundle[kind]) for bundle in bundles for kind in IMAGES if kind in bundle]


def compare_images(fresh, stored):
    """Return how the fresh images differ visibly from the stored ones; empty when they do not."""
    if [kind for kind, _ in fresh] != [kind for kind, _ in stored]:
        return f"fresh images: {len(fresh)}, stored: {len(stored)}, or of another type"
    differences = [
        compare_frames(decode(fresh_data), decode(stored_data))
        for (_, fresh_data), (_, stored_data) in zip(fresh, stored, strict=True)
    ]
    return "\n".join(
        f"image {number} differs: {difference}"
        for number, difference in enumerate(differences)
        if difference
    )


def decode(data):
    """Return the frames of an image (one, unless it is animated) as arrays of RGB on white."""
    image = Image.open(io.BytesIO(b64decode(data)))
    frames = [frame.convert("RGBA") for frame in ImageSequence.Iterator(image)]
    page = Image.new("RGBA", image.size, "white")
    return [np.asarray(Image.alpha_composite(page, frame).convert("RGB"), int) for frame in frames]


def compare_frames(fresh, stored):
    """Return how the frames of one image differ; empty when a reader would not see it."""
    if [frame.shape for frame in fresh] != [frame.shape for frame in stored]:
        return f"{describe_size(fresh)}, stored: {describe_size(stored)}"
    changed = np.abs(np.stack(fresh) - np.stack(stored)).max(axis=3) > LEVELS
    if changed.sum(axis=(1, 2)).max() <= PIXELS:
        return ""
    _, rows, columns = changed.nonzero()
    return (
        f"{changed.sum()} pixels, in rows {rows.min()} to {rows.max()} "
        f"and columns {columns.min()} to {columns.max()}"
    )


def describe_size(frames):
    """Return the size of an image in words."""
    height, width, _ = frames[0].shape
    return f"{width} x {height} pixels, {len(frames)} frame(s)"


def ask_usage(kernel):
    """Return the CPU seconds and the peak memory (MB) of a kernel up to now."""
    reply = kernel.kc.execute(
        inspect.getsource(kernel_usage),
        silent=True,
        user_expressions={"usage": f"{kernel_usage.__name__}()"},
        reply=True,
        timeout=60,
    )
    return ast.literal_eval(reply["content"]["user_expressions"]["usage"]["data"]["text/plain"])


def kernel_usage():
    """Return CPU seconds, children's included, and peak memory in MB. Executed by the kernel.

    The memory is that of the largest process. On Linux, `getrusage` also counts what the parent
    held when it started this process, so the process's own peak is read from /proc.
    """
    import resource
    import sys
    from pathlib import Path

    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    own, children = (usage.ru_maxrss * unit for usage in usages)
    status = Path("/proc/self/status")
    if status.exists():
        own = 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    return sum(usage.ru_utime + usage.ru_stime for usage in usages), max(own, children) / 1e6
