"""Memory and file handles do not grow with the length of a run or its number of shards."""

import os
import time

import numpy as np
import pytest

from tests import commands
from tests.training import runs
from yt8m_attention.config import Features
from yt8m_attention.runs import checkpoints
from yt8m_attention.synthesis import dataset
from yt8m_attention.synthesis.config import SynthesisConfig

SHARDS = 240
GROWTH = 32 << 20  # bytes that may vary: pools, buffers, the tables of TensorBoard's writer


@pytest.fixture(scope="module")
def many_shards(tmp_path_factory):
    """Two videos in each of 240 shards."""
    folder = tmp_path_factory.mktemp("many")
    recipe = SynthesisConfig(2 * SHARDS, 1, 1, 6, 4, Features(("rgb", "audio"), (24, 8)), (50, 70), per_shard=2, seed=3)
    dataset.make(recipe, str(folder))
    return folder


def _usage(pid):
    """(resident bytes, open file handles) of a process."""
    with open(f"/proc/{pid}/statm") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resident, len(os.listdir(f"/proc/{pid}/fd"))


def _watch(train_dir, flags):
    """Runs train; returns {step: (resident bytes, open file handles)} at each new checkpoint, and the result."""
    seen = {}
    with commands.started("train", *flags) as command:
        while command.process.exitcode is None:
            for path in checkpoints.paths(str(train_dir))[:1]:
                step = int(path[-12:-4])
                if step not in seen:
                    try:
                        seen[step] = _usage(command.process.pid)
                    except (FileNotFoundError, IndexError):  # it has just ended
                        break
            time.sleep(0.05)
        result = command.result()
    assert result.status == 0, result.stderr
    return seen, result.json


def _check_flat(seen):
    """Checks that nothing grows between the second and the last third of a run."""
    steps = sorted(seen)
    assert len(steps) >= 9
    memory, handles = (np.array([seen[step][i] for step in steps]) for i in range(2))
    third = len(steps) // 3
    for name, values in (("MB", memory / 2**20), ("handles", handles)):
        print(f"{name}: " + ", ".join(f"{values[i]:.0f} at step {steps[i]:,}" for i in (0, third, 2 * third, -1)))
    assert np.median(memory[-third:]) < np.median(memory[third : 2 * third]) + GROWTH
    assert handles[third:].max() <= handles[:third].max() + 2


@pytest.mark.slow
def test_twenty_thousand_steps_over_many_shards(many_shards, tmp_path):
    """333 epochs of 480 videos, eight a step, sixteen shards open at a time."""
    flags = runs.flags(many_shards, tmp_path / "run", "--max_steps=20000", "--save_checkpoint_steps=500",
                       "--shuffle_shards=16", model=runs.FULL)  # fmt: skip
    seen, result = _watch(tmp_path / "run", flags)
    assert result["step"] == 20_000
    _check_flat(seen)


@pytest.mark.slow
def test_copies_of_many_shards_are_removed_again(many_shards, tmp_path):
    """Remote shards are copied, used and removed in every epoch."""
    room = 8 * max(path.stat().st_size for path in many_shards.glob("train/*.tfrecord"))
    flags = runs.flags(f"file://{many_shards}", tmp_path / "run", "--max_steps=1200", "--save_checkpoint_steps=60",
                       "--shuffle_shards=4", f"--cache_dir={tmp_path}/cache", f"--cache_bytes={room}",
                       f"--segment_label_ids_file={many_shards}/segment_label_ids.csv",
                       model=runs.FULL)  # fmt: skip
    seen, result = _watch(tmp_path / "run", flags)
    assert result["step"] == 1200
    _check_flat(seen)
    # Beside the kept copies, training and an evaluation each leave their open shards and the next ones.
    assert len(list((tmp_path / "cache").glob("*.tfrecord"))) <= 8 + 2 * 4 + 2


def _most(module, *flags):
    """Returns the maxima of (resident bytes, open file handles) while a command runs."""
    most = np.zeros(2, int)
    with commands.started(module, *flags) as command:
        while command.process.exitcode is None:
            try:
                most = np.maximum(most, _usage(command.process.pid))
            except (FileNotFoundError, IndexError):  # it has just ended
                break
            time.sleep(0.02)
        result = command.result()
    assert result.status == 0, result.stderr
    return most


@pytest.mark.slow
@pytest.mark.parametrize("module", ["eval", "inference"])
def test_many_shards_are_scored_in_the_memory_of_few(many_shards, tmp_path, module):
    ids = f"--segment_label_ids_file={many_shards}/segment_label_ids.csv"
    commands.succeed("train", *runs.flags(many_shards, tmp_path / "run", "--max_steps=3", model=runs.FULL))
    most = {}
    for shards, names in ((24, "train00[01]?.tfrecord,{0}/train/train002[0-3].tfrecord"), (SHARDS, "*.tfrecord")):
        pattern = f"{many_shards}/train/{names.format(many_shards)}"
        flags = {
            "eval": [f"--eval_data_pattern={pattern}"],
            "inference": [f"--input_data_pattern={pattern}", "--segment_labels", f"--output_file={tmp_path}/s.csv"],
        }[module]
        most[shards] = _most(module, f"--train_dir={tmp_path}/run", ids, *flags)
        print(f"{module} of {shards} shards: {most[shards][0] / 2**20:.0f} MB, {most[shards][1]} handles")
    assert most[SHARDS][0] < most[24][0] + GROWTH
    assert most[SHARDS][1] < most[24][1] + 256  # maximum number of files that are held open
