"""The log of a search: a line of JSON for each trial that is over, safe against kills."""

import json
import math
import os
import platform
from dataclasses import asdict, dataclass, field

import filelock
import numpy as np

FORMAT = "companion trials 1"


@dataclass
class Trial:
    """What became of a configuration.

    `index` is its place among the configurations, `config` the configuration. `status` is
    "finished", "diverged" (the objective raised `DivergenceError`, or its score is not finite) or
    "failed" (it raised another error: `error` holds it). `score` is None unless finished; `details`
    is what else the objective returned, `seconds` what it took.
    """

    index: int
    config: dict
    status: str
    score: float | None = None
    details: dict = field(default_factory=dict)
    seconds: float = math.nan
    error: str | None = None


class TrialLog:
    """The trials that are over, by index, and, if `path` is given, line by line in that file.

    A context manager. The file begins with a header, the `origin` of the configurations, and is
    refused if it has another one than `configs`; a last line that was torn by a kill is cut back.
    """

    def __init__(self, path, configs):
        self.path = None if path is None else os.fspath(path)
        self.configs = [as_json(config) for config in configs]
        self.origin = as_json(getattr(configs, "origin", {"configs": "written by hand"}))
        self.trials, self.file = {}, None

    def __enter__(self):
        if self.path is not None:
            self.lock = filelock.FileLock(f"{self.path}.lock", timeout=0)
            try:
                self.lock.acquire()
            except filelock.Timeout:
                raise RuntimeError(
                    f"log must be a file that no other search is writing to, got {self.path}"
                ) from None
            try:
                self._open()
            except BaseException:
                self.lock.release()
                raise
        return self

    def __exit__(self, *error):
        if self.file is not None:
            self.file.close()
            self.lock.release()

    def add(self, trial):
        """Remember a trial; it is on the disk before this returns."""
        record = as_json(asdict(trial))
        self.trials[trial.index] = Trial(**record)  # as a resumed search would read it
        if self.file is not None:
            self._write(record)

    def _open(self):
        header, *records = self._read() or [None]
        if header is not None:
            self._check_header(header)
            for record in records:
                self._take(Trial(**record))
        self.file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - closed in __exit__
        self.file.truncate(self.whole)
        if header is None:
            versions = {"python": platform.python_version(), "numpy": np.__version__}
            self._write({"format": FORMAT, "origin": self.origin, "versions": versions})

    def _read(self):
        """Return what the whole lines hold; remember their length."""
        self.whole, records = 0, []
        if not os.path.exists(self.path):
            return records
        with open(self.path, "rb") as file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):
                    records.append(self._parse(number, line))
                    self.whole += len(line)
                elif number == 1:  # torn while it was begun, or another kind of file?
                    self._check_begun(line)
        return records

    def _parse(self, number, line):
        try:
            return dict(json.loads(line))
        except (TypeError, ValueError) as error:
            raise self._foreign(f"line {number} cannot be read: {error}") from None

    def _check_begun(self, line):
        begin = json.dumps({"format": FORMAT})[:-1].encode()
        if not (line.startswith(begin) or begin.startswith(line)):
            raise self._foreign(f"it begins with {line[:30]!r}")

    def _check_header(self, header):
        if header.get("format") != FORMAT:
            raise self._foreign(f"its format is {header.get('format')!r}")
        if header["origin"] != self.origin:
            raise ValueError(
                f"log must be of the same search, got {self.path} of {header['origin']}, while "
                f"this search has {self.origin}: give another file"
            )

    def _take(self, trial):
        """Keep a trial of the file, if this search has as many."""
        if trial.index >= len(self.configs):
            return
        here = self.configs[trial.index]
        if trial.config != here:
            raise ValueError(
                f"log must be of the same search, got {self.path} with {trial.config} as trial "
                f"{trial.index}, while this search has {here}: give another file"
            )
        self.trials[trial.index] = trial

    def _foreign(self, reason):
        return ValueError(
            f"log must be a new file or one of run_trials ({FORMAT!r}), got {self.path}: {reason}"
        )

    def _write(self, record):
        """Append a line: whole, or not at all if there is an error."""
        line = json.dumps(record, allow_nan=False).encode() + b"\n"
        begin = os.path.getsize(self.path)
        try:
            while line:
                line = line[self.file.write(line) :]
            os.fsync(self.file.fileno())
        except OSError as error:
            os.truncate(self.path, begin)
            raise OSError(
                error.errno,
                f"the log cannot be written ({error.strerror}); it keeps the trials before this "
                f"one, and the search can be resumed",
                self.path,
            ) from error


def as_json(value):
    """Return `value` as JSON knows it: NaN and infinity become None, NumPy's numbers Python's.

    >>> as_json({"loss": [np.float64(0.5), np.nan], "epochs": np.int64(3)})
    {'loss': [0.5, None], 'epochs': 3}
    """
    if isinstance(value, dict):
        return {str(name): as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [as_json(each) for each in value]
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
