"""Searches: reproducible configurations, and a log that survives kills, torn lines, full disks."""

import errno
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.callbacks import DivergenceError
from companion.search import (
    Choice,
    LogUniform,
    Uniform,
    grid_configs,
    narrow,
    random_configs,
    ranked,
    run_trials,
)
from companion.trial_log import FORMAT, Trial, TrialLog

SPACE = {
    "lr": LogUniform(1e-6, 1e-2),
    "rate": Uniform(0.0, 0.5),
    "activation": Choice(["relu", "tanh"]),
}


def objective(config):
    """Score a configuration; some diverge, one fails, one is not a number."""
    if config["rate"] > 0.45:
        raise DivergenceError("too much", [{"epoch": 1, "train_loss": 2.0}])
    if config["rate"] > 0.4:
        raise KeyError("rate")
    if config["rate"] > 0.35:
        return float("nan")
    return {"score": config["lr"], "history": [{"epoch": 1, "train_loss": float("inf")}]}


def without_times(trials):
    return [replace(trial, seconds=0) for trial in trials]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "trials.jsonl"


finite = st.floats(-1e6, 1e6)
ranges = st.tuples(finite, finite).filter(lambda pair: pair[0] < pair[1])
logs = st.tuples(st.floats(1e-12, 1e12), st.floats(1e-12, 1e12)).filter(lambda p: p[0] < p[1])
distributions = st.one_of(
    ranges.map(lambda pair: Uniform(*pair)),
    logs.map(lambda pair: LogUniform(*pair)),
    st.lists(st.integers() | st.text(), min_size=1).map(Choice),
)


class TestConfigurations:
    @given(
        space=st.dictionaries(st.text(), distributions, min_size=1),
        seed=st.integers(0, 2**32),
        n=st.integers(1, 6),
    )
    def test_a_longer_search_begins_with_the_shorter_one(self, space, seed, n):
        configs = random_configs(space, n, seed)
        assert random_configs(space, n + 3, seed)[:n] == configs
        for config in configs:
            assert config.keys() == space.keys()
            for name, values in space.items():
                if isinstance(values, Choice):
                    assert config[name] in values.options
                else:
                    margin = 1e-9 * abs(values.high)
                    assert values.low - margin <= config[name] <= values.high + margin

    def test_trials_are_independent_and_seeds_differ(self):
        units = [
            SPACE["lr"].to_unit(config["lr"])
            for seed in (0, 1)
            for config in random_configs(SPACE, 500, seed)
        ]
        assert len(set(units)) == 1000
        # Uniform: 1000 numbers, mean ½ ± 4 standard errors of 1/√12000, deciles of 100 ± 4 · 9.5.
        assert abs(np.mean(units) - 0.5) < 4 / 12000**0.5
        assert np.abs(np.histogram(units, 10, (0, 1))[0] - 100).max() < 38

    @given(unit=st.floats(0, 1), pair=logs)
    def test_units_and_values(self, unit, pair):
        for values in (Uniform(*pair), LogUniform(*pair)):
            if isinstance(values, LogUniform) or pair[1] - pair[0] > 1e-3 * pair[1]:
                tolerance = 1e-9 * max(1, abs(np.log(values.high / values.low)) ** -1)
                back = values.to_unit(values.from_unit(unit))
                assert back == pytest.approx(unit, abs=max(1e-6, tolerance))

    def test_grid(self):
        configs = grid_configs({"lr": [0.1, 0.01], "batch": [1, 2, 3]})
        assert len(configs) == 6
        assert configs[4] == {"lr": 0.01, "batch": 2}

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Uniform(1, 1), "low must be below high, both finite, got 1 and 1"),
            (lambda: Uniform(0, np.inf), "low must be below high, both finite"),
            (lambda: LogUniform(0, 1), "low must be a positive number, got 0"),
            (lambda: LogUniform(1, 0.1), "high must be finite and above low, 1, got 0.1"),
            (lambda: Choice([]), "options must not be empty"),
            (lambda: random_configs(SPACE, 0, 1), "n must be an integer of at least 1, got 0"),
            (lambda: grid_configs({"lr": []}), "grid must have values .* none for 'lr'"),
        ],
    )
    def test_bad_input(self, make, message):
        with pytest.raises(ValueError, match=message):
            make()


class TestTrials:
    def test_every_end_is_recorded(self):
        trials = run_trials(objective, random_configs(SPACE, 60, seed=0))
        assert [trial.index for trial in trials] == list(range(60))
        for trial in trials:
            rate = trial.config["rate"]
            status = "diverged" if rate > 0.45 or 0.35 < rate <= 0.4 else "finished"
            status = "failed" if 0.4 < rate <= 0.45 else status
            assert trial.status == status
            assert trial.score == (trial.config["lr"] if status == "finished" else None)
            assert trial.seconds > 0
        assert {trial.status for trial in trials} == {"finished", "diverged", "failed"}
        errors = {trial.error for trial in trials}
        assert errors == {None, "too much", "KeyError: 'rate'"}
        told = [trial for trial in trials if trial.error == "too much"]
        assert told[0].details == {"history": [{"epoch": 1, "train_loss": 2.0}]}

    def test_an_objective_cannot_change_the_configuration(self):
        def greedy(config):
            config.clear()
            return 1.0

        assert run_trials(greedy, [{"lr": 0.1}])[0].config == {"lr": 0.1}

    def test_threads_give_the_same(self, log):
        configs = random_configs(SPACE, 20, seed=0)
        with ThreadPoolExecutor(2) as pool:
            trials = run_trials(objective, configs, log=log, executor=pool)
        assert without_times(trials) == without_times(run_trials(objective, configs))
        assert without_times(run_trials(fail_always, configs, log=log)) == without_times(trials)

    def test_processes_give_the_same(self, log, tmp_path):
        """In a program of its own, as processes want it."""
        program = tmp_path / "program.py"
        program.write_text(PROGRAM)
        done = subprocess.run([sys.executable, program, log], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["True", "True"]

    def test_a_killed_process_cannot_stop_the_others(self, tmp_path):
        """A worker that dies while it holds the lock of tqdm's bars, which processes share."""
        program = tmp_path / "program.py"
        program.write_text(KILLED)
        done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (0, "[1.0, 1.0]\n"), done.stderr

    def test_ctrl_c_ends_the_search_and_keeps_what_is_done(self, log):
        configs = random_configs(SPACE, 10, seed=0)

        def interrupted(config):
            if config == configs[4]:
                raise KeyboardInterrupt
            return 1.0

        with pytest.raises(KeyboardInterrupt):
            run_trials(interrupted, configs, log=log)
        tried = []
        run_trials(lambda config: tried.append(config) or 2.0, configs, log=log)
        assert tried == configs[4:]

    def test_ranked(self):
        trials = [Trial(0, {}, "finished", 1), Trial(1, {}, "failed"), Trial(2, {}, "finished", 3)]
        assert [trial.index for trial in ranked(trials)] == [2, 0]


PROGRAM = """
import os, sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from companion.search import LogUniform, random_configs, run_trials

def objective(config):
    return {"score": config["lr"], "process": os.getpid()}

if __name__ == "__main__":
    configs = random_configs({"lr": LogUniform(1e-6, 1e-2)}, 20, seed=0)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        trials = run_trials(objective, configs, log=sys.argv[1], executor=pool)
    print([trial.score for trial in trials] == [config["lr"] for config in configs])
    print(os.getpid() not in {trial.details["process"] for trial in trials})
"""

KILLED = """
import os
from tqdm import tqdm
from companion.search import run_trials

lock = tqdm.get_lock()
if os.fork() == 0:
    lock.acquire()
    os._exit(0)
os.wait()
print([trial.score for trial in run_trials(lambda config: 1.0, [{}, {}])])
"""


def fail_always(config):
    raise AssertionError("tried again")


@pytest.fixture
def searched(log):
    """A finished search and its log."""
    configs = random_configs(SPACE, 8, seed=3)
    return configs, run_trials(objective, configs, log=log), log


class TestLog:
    def test_holds_every_trial_as_json(self, searched):
        configs, trials, log = searched
        header, *records = [json.loads(line) for line in log.read_text().splitlines()]
        assert header["format"] == FORMAT
        assert header["origin"]["seed"] == 3
        assert header["origin"]["space"]["lr"] == {"LogUniform": {"low": 1e-6, "high": 1e-2}}
        assert header["versions"].keys() == {"python", "numpy"}
        assert [record["config"] for record in records] == configs
        assert [record["score"] for record in records] == [trial.score for trial in trials]
        assert "NaN" not in log.read_text()
        assert "Infinity" not in log.read_text()

    def test_a_longer_search_uses_the_shorter_ones_trials(self, searched):
        configs, trials, log = searched
        tried = []
        longer = random_configs(SPACE, 12, seed=3)
        run_trials(lambda config: tried.append(config) or 1.0, longer, log=log)
        assert tried == longer[8:]
        assert run_trials(fail_always, configs, log=log) == trials  # and a shorter one

    def test_cut_at_every_byte_of_its_last_line(self, searched):
        configs, trials, log = searched
        content = log.read_bytes()
        last = content[:-1].rindex(b"\n") + 1
        for cut in range(last, len(content)):
            log.write_bytes(content[:cut])
            tried = []

            def again(config, tried=tried):
                tried.append(config)
                return objective(config)

            resumed = run_trials(again, configs, log=log)
            assert tried == configs[-1:]
            assert without_times(resumed) == without_times(trials)
            assert without_times(run_trials(fail_always, configs, log=log)) == without_times(trials)

    @pytest.mark.parametrize("cut", [0, 1, 20, 60])
    def test_cut_in_its_header(self, searched, cut):
        configs, trials, log = searched
        log.write_bytes(log.read_bytes()[:cut])
        assert without_times(run_trials(objective, configs, log=log)) == without_times(trials)

    @pytest.mark.parametrize(
        "content",
        [
            b"epoch,loss\n1,0.5\n",
            b"no line at all",
            b"\x80\x04]\x94.\n",
            b"[1, 2]\n",
            b'{"a": 1}\n',
        ],
        ids=["csv", "no line", "pickle", "list", "other JSON"],
    )
    def test_a_foreign_file_is_refused_and_kept(self, log, content):
        log.write_bytes(content)
        with pytest.raises(ValueError, match=r"log must be a new file or one of run_trials"):
            run_trials(objective, random_configs(SPACE, 2, seed=0), log=log)
        assert log.read_bytes() == content

    @pytest.mark.parametrize(
        ("other", "message"),
        [
            (random_configs(SPACE, 8, seed=4), r"'seed': 3.*'seed': 4"),
            (random_configs(SPACE | {"rate": Uniform(0, 1)}, 8, seed=3), r"0\.5.*'high': 1"),
            (grid_configs({"lr": [0.1]}), r"'seed': 3.*'grid': \{'lr': \[0\.1\]\}"),
            ([{"lr": 0.1}], r"'seed': 3.*'configs': 'written by hand'"),
        ],
        ids=["seed", "space", "grid", "by hand"],
    )
    def test_another_search_is_refused_with_both_shown(self, searched, other, message):
        _, _, log = searched
        content = log.read_bytes()
        with pytest.raises(ValueError, match=message):
            run_trials(objective, other, log=log)
        assert log.read_bytes() == content

    def test_configurations_by_hand_must_be_the_same(self, log):
        run_trials(lambda config: 1.0, [{"lr": 0.1}], log=log)
        with pytest.raises(ValueError, match=r"'lr': 0\.1.* as trial 0, .*'lr': 0\.2"):
            run_trials(lambda config: 1.0, [{"lr": 0.2}], log=log)

    def test_a_damaged_line_is_named(self, searched):
        configs, _, log = searched
        lines = log.read_bytes().splitlines(keepends=True)
        lines[3] = lines[3][:10] + b"\n"
        log.write_bytes(b"".join(lines))
        with pytest.raises(ValueError, match="line 4 cannot be read"):
            run_trials(objective, configs, log=log)

    def test_a_second_writer_is_refused(self, log):
        configs = random_configs(SPACE, 2, seed=0)
        program = (
            "import sys; from companion.search import run_trials; "
            "run_trials(lambda config: 1.0, [{'lr': 0.1}], log=sys.argv[1])"
        )
        with TrialLog(log, configs):
            content = log.read_bytes()
            command = [sys.executable, "-c", program, str(log)]
            done = subprocess.run(command, capture_output=True, text=True)
            assert f"no other search is writing to, got {log}" in done.stderr
            assert log.read_bytes() == content
        run_trials(objective, configs, log=log)

    def test_a_full_disk_keeps_what_is_there(self, log, monkeypatch):
        """The disk takes half of the third trial's line."""
        configs = random_configs({"lr": Uniform(0, 1)}, 6, seed=0)
        with TrialLog(log, configs) as full:
            full.add(Trial(0, configs[0], "finished", 1.0))
            full.add(Trial(1, configs[1], "finished", 2.0))
            before = log.read_bytes()
            full.file.close()
            full.file = FullDisk(log)
            with pytest.raises(OSError, match=r"No space left.*search can be resumed") as caught:
                full.add(Trial(2, configs[2], "finished", 3.0))
        assert caught.value.errno == errno.ENOSPC
        assert log.read_bytes() == before
        tried = []
        trials = run_trials(lambda config: tried.append(config) or 9.0, configs, log=log)
        assert tried == configs[2:]
        assert [trial.score for trial in trials] == [1, 2, 9, 9, 9, 9]


class FullDisk:
    """An unbuffered file on a disk with room for a few bytes more."""

    def __init__(self, path, room=20):
        self.file, self.room = open(path, "ab", buffering=0), room  # noqa: SIM115
        self.close, self.fileno = self.file.close, self.file.fileno

    def write(self, data):
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken, self.room = self.file.write(data[: self.room]), 0
        return taken


class TestNarrow:
    def trials(self, scores):
        return [
            Trial(i, {"lr": 10.0**-i, "rate": i / 10, "activation": "relu"}, "finished", score)
            for i, score in enumerate(scores)
        ]

    def test_the_range_of_the_best_and_their_mean_distance_beyond(self):
        """The best of 10⁰ ... 10⁻⁵ are 10⁻², 10⁻³, 10⁻⁴: a decade more on both sides."""
        space = {"lr": LogUniform(1e-5, 1), "rate": Uniform(0, 0.5), "activation": Choice(["relu"])}
        smaller = narrow(self.trials([0, 1, 5, 6, 4, 2]), space, best=3)
        assert smaller["lr"].low == pytest.approx(1e-5)
        assert smaller["lr"].high == pytest.approx(1e-1)
        assert smaller["rate"].low == pytest.approx(0.1)
        assert smaller["rate"].high == pytest.approx(0.5)
        assert smaller["activation"] == Choice(["relu"])

    def test_goes_beyond_a_border_at_which_the_best_lie(self):
        smaller = narrow(self.trials([6, 5, 4, 1, 0, 0]), {"lr": LogUniform(1e-5, 1)}, best=3)
        assert smaller["lr"].high == pytest.approx(10)

    def test_needs_two_trials(self):
        with pytest.raises(ValueError, match="trials must hold at least 2 that finished, got 0"):
            narrow([], SPACE)
