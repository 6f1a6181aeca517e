import subprocess
import sys

import pytest
from record_helpers import video, write

READS = """
from yt8m_attention import config
from yt8m_attention.data import pipeline
features = config.Features(("rgb", "audio"), (3, 2))
data = config.Data(features=features, num_classes=12, sampling=config.Sampling(num_frames=20000))
batches = iter(pipeline.training_batches(sys.argv[1], data, config.Phase(batch_size=64, max_steps=1), 0))
next(batches)
raise ValueError("a fault")
"""

# As READS; each batch after the first takes so long as asked for, as out of a shard that is downloaded first.
WAITS = """
import time
from yt8m_attention.data.batch import Batch
made, arrays = [], Batch.arrays
def late(*arguments):
    if made:
        time.sleep(float(sys.argv[2]))
    made.append(None)
    return arrays(*arguments)
Batch.arrays = late
"""


def ended(program, *arguments):
    """Runs a program. One that hangs raises TimeoutExpired."""
    command = [sys.executable, "-c", "import sys" + program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


@pytest.fixture
def shard(tmp_path):
    return write(tmp_path / "a", [video(n, 50) for n in range(9)])


def test_a_process_that_fails_ends_while_batches_are_made(shard):
    found = ended(READS, shard)
    assert found.returncode == 1 and "ValueError: a fault" in found.stderr


@pytest.mark.parametrize("seconds", [0.5, 3, 1000])
def test_a_process_that_fails_ends_while_a_batch_is_waited_for(shard, seconds):
    found = ended(WAITS + READS, shard, str(seconds))
    assert found.returncode == 1 and "ValueError: a fault" in found.stderr
