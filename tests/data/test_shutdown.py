import json
import sys
from subprocess import PIPE, Popen
from types import SimpleNamespace

import pytest

from tests.data.record_helpers import video, write

# Runs programs, a line of JSON each, in processes that are forked from one which has TensorFlow imported already (and
# has run nothing with it), and that end as any process of Python does. One that hangs is killed by its alarm.
SERVER = """
import json, os, signal, sys
from yt8m_attention.data import pipeline
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's jobs in the background ignore it
for line in sys.stdin:
    program, given, said = json.loads(line)
    if not os.fork():
        for number in (1, 2):
            os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
        signal.alarm(100)
        exec(program)
        break
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""
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


@pytest.fixture(scope="module")
def server():
    with Popen([sys.executable, "-c", SERVER], stdin=PIPE, stdout=PIPE, text=True, bufsize=1) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def ended(server, tmp_path):
    """A function that runs a program to its end."""

    def run(program, *arguments):
        server.stdin.write(json.dumps([program, arguments, str(tmp_path / "said")]) + "\n")
        status = int(server.stdout.readline())
        return SimpleNamespace(returncode=status, stderr=(tmp_path / "said").read_text())

    return run


@pytest.fixture
def shard(tmp_path):
    return write(tmp_path / "a", [video(n, 50) for n in range(9)])


def test_a_process_that_fails_ends_while_batches_are_made(ended, shard):
    found = ended(READS + FAILS, shard)
    assert found.returncode == 1 and "ValueError: a fault" in found.stderr


@pytest.mark.parametrize("ends", ["", 'raise ValueError("a fault")'])
@pytest.mark.parametrize("change", [(", 0))", ", 0).dataset)"), (", 0))", ", 0, device='/cpu:0'))")])
def test_a_process_ends_that_never_closed_an_iterator(ended, shard, change, ends):
    """The iterator is a local variable of a function that fails, or never ends."""
    reads = READS.replace(*change)
    assert reads != READS
    program = f"{reads}\ndef use():\n    batches = [read()]\n    batches.append(batches)\n    {ends or 'pass'}\nuse()"
    found = ended(program, shard)
    assert found.returncode == bool(ends) and found.stderr.endswith("ValueError: a fault\n" if ends else "")


@pytest.mark.parametrize("seconds", [0.5, 1000])
def test_a_process_that_fails_ends_while_a_batch_is_waited_for(ended, shard, seconds):
    found = ended(WAITS + READS + FAILS, shard, str(seconds))
    assert found.returncode == 1 and "ValueError: a fault" in found.stderr


@pytest.mark.parametrize(
    "ends, status, said",
    [
        ("raise UserError('no good')", 2, "no good"),
        ("signal.raise_signal(signal.SIGINT)", 130, "interrupted"),
    ],
)
def test_a_command_that_fails_ends_while_a_batch_is_waited_for(ended, shard, ends, status, said):
    found = ended(WAITS + READS + COMMAND.replace("ENDS", ends), shard, "1000")
    assert found.returncode == status and said in found.stderr.splitlines()[-1], found.stderr
