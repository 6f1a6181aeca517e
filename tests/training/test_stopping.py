"""A stop signal, and the end of a run, while the input pipeline is blocked."""

import functools
import os
import signal
import time

import pytest

from tests import commands
from tests.training import runs


def stalling(marker, batches):
    """Blocks the input pipeline after a number of batches, like a stalled download, and creates a marker file."""
    from yt8m_attention.data.batch import Batch

    made, arrays = [], Batch.arrays

    def arrays_or_nothing(*arguments):
        if len(made) == batches:
            open(marker, "w").close()
            time.sleep(10_000)
        made.append(None)
        return arrays(*arguments)

    Batch.arrays = arrays_or_nothing


def started(planted, tmp_path, batches, *more):
    setup = functools.partial(stalling, str(tmp_path / "stalled"), batches)
    return commands.started("train", *runs.flags(planted, tmp_path / "run", *more), setup=setup)


def wait_for(path, process):
    while not path.exists() and process.is_alive():
        time.sleep(0.02)


@pytest.fixture(scope="module")
def whole(planted, tmp_path_factory):
    """The result of an undisturbed run."""
    return commands.succeed("train", *runs.flags(planted, tmp_path_factory.mktemp("whole"), "--max_steps=6"))


@pytest.mark.parametrize("number, batches", [(signal.SIGINT, 0), (signal.SIGTERM, 4)])
def test_a_signal_stops_a_run_that_waits_for_a_batch(planted, whole, tmp_path, number, batches):
    with started(planted, tmp_path, batches, "--max_steps=100000") as command:
        wait_for(tmp_path / "stalled", command.process)
        time.sleep(1)  # until it waits for the batch, most likely
        os.kill(command.process.pid, number)
        command.process.join(60)
        assert command.process.exitcode == 0, command.stderr
        result = command.result().json
    assert result["preempted"] and (result["step"] or 0) <= batches
    resumed = commands.succeed("train", *runs.flags(planted, tmp_path / "run", "--max_steps=6"))
    assert resumed["weights_sha256"] == whole["weights_sha256"]


def test_a_finished_run_does_not_wait_for_another_batch(planted, tmp_path):
    with started(planted, tmp_path, 4, "--max_steps=3") as command:
        command.process.join(60)
        assert command.process.exitcode == 0, command.stderr
        assert command.result().json["step"] == 3
