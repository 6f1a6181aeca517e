"""A run killed at any moment and started again ends with the weights of one that was never killed."""

import collections
import functools
import itertools
import os
import random
import shutil
import signal
import time

import pytest

from tests import commands
from tests.training import runs

FULL = runs.flags_of(runs.FULL)
ASKED = ["--max_steps=120"]  # about two seconds of phase 1
# Phase 2 with a held-out score at each checkpoint, so that most of its time goes into writes that a kill may disturb.
SCORED = ["--segment_labels", "--holdout_fraction=0.3", "--max_steps=60", *FULL]
# The kinds of files that are written during a kill: directory, and prefix of the temporary file's name.
WRITES = {
    "checkpoint": ("run/checkpoints", ".step-"),
    "index": ("indices", ".validate"),
    "scores": ("run", ".scores.json"),
    "description": ("run", ".run.json"),
}


def _flags(planted, folder, more):
    split = "validate" if "--segment_labels" in more else "train"
    return runs.flags(planted, folder / "run", *more, f"--index_dir={folder}/indices", split=split)


def _partial(folder, write):
    """Returns the temporary files of a kind."""
    if write not in WRITES:
        return set()
    place, start = WRITES[write]
    try:
        return {name for name in os.listdir(folder / place) if name.startswith(start) and name.endswith(".partial")}
    except FileNotFoundError:
        return set()


def _wait_for(folder, write, count, process):
    """Waits until the count-th file of a kind is being written, or the process has ended."""
    seen = _partial(folder, write)
    while count and process.exitcode is None:
        new = _partial(folder, write) - seen
        seen |= new
        count -= len(new)


def _wait(seconds, process):
    process.join(seconds)


def _kill(planted, folder, more, wait):
    """Starts a run and kills it after wait(process); returns whether it was still running."""
    with commands.started("train", *_flags(planted, folder, more)) as command:
        wait(command.process)
        command.process.kill()
        status = command.result().status
        assert status in (0, -signal.SIGKILL), command.stderr
    return status != 0


def _finish(planted, folder, more, whole):
    result = commands.succeed("train", *_flags(planted, folder, more))
    assert (result["step"], result["weights_sha256"]) == (whole["step"], whole["weights_sha256"])
    assert not list(folder.glob("run/**/.*.partial"))


@pytest.fixture(scope="module")
def whole(planted, tmp_path_factory):
    """The result of an undisturbed run of phase 1."""
    return commands.succeed("train", *_flags(planted, tmp_path_factory.mktemp("whole"), ASKED))


def test_killed_and_started_again(planted, tmp_path):
    seed = random.randrange(1000)
    print("seed", seed)
    rng = random.Random(seed)
    asked, folder = ["--max_steps=40", *FULL], tmp_path / "killed"
    whole = commands.succeed("train", *_flags(planted, tmp_path / "whole", asked))
    assert _kill(planted, folder, asked, lambda p: _wait_for(folder, "checkpoint", rng.randint(1, 6), p))
    _kill(planted, folder, asked, lambda p: p.join(rng.uniform(0, 4)))
    _finish(planted, folder, asked, whole)


@pytest.mark.slow
def test_killed_at_fifty_moments(planted, tmp_path):
    """Twenty random moments, and thirty while a file is being written, which its temporary file shows."""
    started = time.monotonic()
    whole = commands.succeed("train", *_flags(planted, tmp_path / "whole", SCORED))
    duration, rng = time.monotonic() - started, random.Random(0)
    hits, numbers = collections.Counter(), itertools.count()
    folder = tmp_path / str(next(numbers))
    wanted = {"at random": 20, "checkpoint": 12, "index": 8, "scores": 7, "description": 3}
    while missing := [kind for kind, count in wanted.items() if hits[kind] < count]:
        kind = rng.choice(missing)
        if kind == "index":
            shutil.rmtree(folder / "indices", ignore_errors=True)
        if kind == "at random":
            wait = functools.partial(_wait, rng.uniform(0, duration))
        else:
            # run.json is written once per run, each of the others several times.
            wait = functools.partial(_wait_for, folder, kind, 1 if kind == "description" else rng.randint(1, 3))
        before = _partial(folder, kind)
        alive = _kill(planted, folder, SCORED, wait)
        hits[kind] += alive and (kind == "at random" or bool(_partial(folder, kind) - before))
        hits["tries"] += 1
        print(dict(hits), flush=True)
        if not alive or rng.random() < 0.1:  # it has finished, or finishes now; start another
            _finish(planted, folder, SCORED, whole)
            folder = tmp_path / str(next(numbers))
    _finish(planted, folder, SCORED, whole)
    print(next(numbers), "runs, all with the weights of the one never killed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_saves_and_can_be_resumed(planted, whole, tmp_path, number):
    with commands.started("train", *_flags(planted, tmp_path, ASKED)) as command:
        _wait_for(tmp_path, "checkpoint", 2, command.process)
        os.kill(command.process.pid, number)
        stopped = command.result()
    assert stopped.status == 0 and "stopping after this step" in stopped.stderr, stopped.stderr
    assert stopped.json["preempted"] and 0 < stopped.json["step"] < whole["step"]
    assert os.path.isfile(stopped.json["checkpoint"])
    _finish(planted, tmp_path, ASKED, whole)


def test_a_second_interrupt_stops_at_once(planted, tmp_path):
    """The first arrives before the first step, which takes seconds to trace; the second does not wait for it."""
    flags = _flags(planted, tmp_path, FULL + ASKED)
    with commands.started("train", *flags) as command:
        while "multi_attention:" not in command.stderr:
            assert command.process.exitcode is None, command.stderr
        os.kill(command.process.pid, signal.SIGINT)
        while "stopping after this step" not in command.stderr:
            assert command.process.exitcode is None, command.stderr
        os.kill(command.process.pid, signal.SIGINT)
        stopped = command.result()
    assert stopped.status == 130 and stopped.stdout == "" and stopped.stderr.splitlines()[-1] == "interrupted"
    assert not list(tmp_path.glob("run/checkpoints/*"))
