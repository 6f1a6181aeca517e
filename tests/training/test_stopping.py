"""A wish to stop, and a run's own end, while a batch is made that takes for ever."""

import functools
import os
import signal
import time

import pytest

from tests import commands
from tests.training import runs


def stalling(marker, batches):
    """Has the feed make so many batches, say so by a file, and go no further, as where a download stalls."""
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
    """The result of a run that nothing disturbs."""
    return commands.succeed("train", *runs.flags(planted, tmp_path_factory.mktemp("whole"), "--max_steps=6"))


@pytest.mark.parametrize("number, batches", [(signal.SIGINT, 0), (signal.SIGTERM, 4)])
def test_a_wish_to_stop_is_heard_while_a_batch_is_waited_for(planted, whole, tmp_path, number, batches):
    with started(planted, tmp_path, batches, "--max_steps=100000") as command:
        wait_for(tmp_path / "stalled", command.process)
        time.sleep(1)  # until it waits for the batch, most likely
        os.kill(command.process.pid, number)
        command.process.join(60)
        assert command.process.exitcode == 0, command.stderr
        result = command.result().json
    assert result["preempted"] and (result["step"] or 0) <= batches
    going_on = commands.succeed("train", *runs.flags(planted, tmp_path / "run", "--max_steps=6"))
    assert going_on["weights_sha256"] == whole["weights_sha256"]


def test_a_run_that_is_done_waits_for_no_further_batch(planted, tmp_path):
    with started(planted, tmp_path, 4, "--max_steps=3") as command:
        command.process.join(60)
        assert command.process.exitcode == 0, command.stderr
        assert command.result().json["step"] == 3
