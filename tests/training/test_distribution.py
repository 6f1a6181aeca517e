"""Several devices do together what one does."""

import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from yt8m_attention.errors import UserError
from yt8m_attention.training import distribution

ROOT = Path(__file__).resolve().parents[2]


def test_two_devices_with_the_same_rows_are_one():
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.mirrored_step"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.endswith("equal\n"), done.stderr


def test_a_batch_too_small_for_the_devices_is_refused():
    class Three:
        num_replicas_in_sync = 3

    with pytest.raises(UserError, match="--batch_size"):
        distribution.split({"frames": tf.zeros((4, 1, 1))}, Three())


def test_one_device_is_the_default_without_several_gpus():
    assert distribution.strategy("auto").num_replicas_in_sync == max(1, len(tf.config.list_logical_devices("GPU")))
