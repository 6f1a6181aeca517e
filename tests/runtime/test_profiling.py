"""Profiles of the requested steps, and peak memory."""

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import harness
from yt8m_attention.config import Data, Model, Phase, Run
from yt8m_attention.errors import UserError
from yt8m_attention.runtime import profiling


def _profiled(tmp_path, steps, calls):
    def step(batch):
        return {"loss": tf.reduce_sum(tf.matmul(batch, batch))}

    profiled = profiling.Profiled(step, str(tmp_path), steps)
    results = [float(profiled(tf.ones((8, 8)))["loss"]) for _ in range(calls)]
    assert results == [512.0] * calls
    written = list(tmp_path.rglob("*.xplane.pb"))
    profiled.close()
    return len(written), len(list(tmp_path.rglob("*.xplane.pb")))


def test_profile_is_written_when_its_last_step_is_done(tmp_path):
    assert _profiled(tmp_path, (2, 3), 4) == (1, 1)


def test_profile_of_a_run_that_ends_earlier_is_written_at_its_end(tmp_path):
    assert _profiled(tmp_path, (2, 30), 4) == (0, 1)


def test_an_error_in_a_profile_is_logged_and_training_continues(tmp_path, capsys):
    (tmp_path / "plugins").write_text("")
    assert _profiled(tmp_path, (2, 3), 4) == (0, 0)
    said = capsys.readouterr().err
    assert said.startswith("--profile_steps: cannot write a profile: ") and len(said.splitlines()) == 1


@pytest.mark.parametrize("steps", [None, (7, 9)])
def test_no_profile_unless_requested(tmp_path, steps):
    assert _profiled(tmp_path, steps, 4) == (0, 0)


@pytest.mark.parametrize("steps", [(3,), (0, 1), (4, 3), (1, 2, 3)])
def test_wrong_steps_are_refused(steps):
    with pytest.raises(UserError, match="--profile_steps"):
        Run("here", "*.tfrecord", Model(), Data(), Phase(max_steps=1), profile_steps=steps)


def _growth_by_a_block():
    before = profiling.peak_memory_mb()
    block = np.ones(400 << 17)
    return profiling.peak_memory_mb() - before, block.nbytes / 2**20


def test_peak_memory_grows_by_the_allocated_size():
    """In a fresh process, since the peak never falls."""
    grown, block = harness.alone(_growth_by_a_block)
    assert block == 400 and grown == pytest.approx(block, rel=0.2)
