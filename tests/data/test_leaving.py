import subprocess
import sys

from record_helpers import video, write

PROGRAM = """
import sys
from yt8m_attention import config
from yt8m_attention.data import pipeline
features = config.Features(("rgb", "audio"), (3, 2))
data = config.Data(features=features, num_classes=12, sampling=config.Sampling(num_frames=20000))
batches = iter(pipeline.training_batches(sys.argv[1], data, config.Phase(batch_size=64, max_steps=1), 0))
next(batches)
raise ValueError("a fault")
"""


def test_a_process_that_fails_ends_while_batches_are_made(tmp_path):
    path = write(tmp_path / "a", [video(n, 50) for n in range(9)])
    # A process that hangs raises TimeoutExpired.
    ended = subprocess.run([sys.executable, "-c", PROGRAM, path], capture_output=True, text=True, timeout=100)
    assert ended.returncode == 1 and "ValueError: a fault" in ended.stderr
