import subprocess
import sys

import pytest
from record_helpers import video, write

# Not the flags of a command.
ARGUMENTS = "import sys\ngiven, sys.argv = sys.argv[1:], sys.argv[:1]"
READS = """
from yt8m_attention import config
from yt8m_attention.data import pipeline
def read():
    features = config.Features(("rgb", "audio"), (3, 2))
    data = config.Data(features=features, num_classes=12, sampling=config.Sampling(num_frames=20000))
    batches = iter(pipeline.training_batches(given[0], data, config.Phase(batch_size=64, max_steps=1), 0))
    next(batches)
    return batches
"""
FAILS = "batches = read()\nraise ValueError('a fault')"
COMMAND = """
import signal
from yt8m_attention.cli import app
from yt8m_attention.errors import UserError
def main():
    batches = read()
    ENDS
app.run(main, "Reads.")
"""

# Before READS: each batch after the first takes so long as asked for, as out of a shard that is downloaded first.
WAITS = """
import time
from yt8m_attention.data.batch import Batch
made, arrays = [], Batch.arrays
def late(*arguments):
    if made:
        time.sleep(float(given[1]))
    made.append(None)
    return arrays(*arguments)
Batch.arrays = late
"""


def ended(program, *arguments):
    """Runs a program. One that hangs raises TimeoutExpired."""
    command = [sys.executable, "-c", ARGUMENTS + program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


@pytest.fixture
def shard(tmp_path):
    return write(tmp_path / "a", [video(n, 50) for n in range(9)])


def test_a_process_that_fails_ends_while_batches_are_made(shard):
    found = ended(READS + FAILS, shard)
    assert found.returncode == 1 and "ValueError: a fault" in found.stderr


@pytest.mark.parametrize("seconds", [0.5, 1000])
def test_a_process_that_fails_ends_while_a_batch_is_waited_for(shard, seconds):
    found = ended(WAITS + READS + FAILS, shard, str(seconds))
    assert found.returncode == 1 and "ValueError: a fault" in found.stderr


@pytest.mark.parametrize(
    "ends, status, said",
    [
        ("raise UserError('no good')", 2, "no good"),
        ("signal.raise_signal(signal.SIGINT)", 130, "interrupted"),
    ],
)
def test_a_command_that_fails_ends_while_a_batch_is_waited_for(shard, ends, status, said):
    found = ended(WAITS + READS + COMMAND.replace("ENDS", ends), shard, "1000")
    assert found.returncode == status and said in found.stderr.splitlines()[-1], found.stderr
