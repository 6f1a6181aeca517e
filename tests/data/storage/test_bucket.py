"""TensorFlow's gs:// with a bucket on this machine."""

import os

import pytest

from tests.data.record_helpers import data, video, write
from tests.data.storage.bucket import serving
from yt8m_attention import config
from yt8m_attention.data import pipeline
from yt8m_attention.errors import UserError

SETTINGS = {"sampling": config.Sampling("every", frame_stride=2, first_frame=0, last_frame=8), "shuffle_shards": 2}


@pytest.fixture
def shards(tmp_path):
    """The directory of five shards."""
    directory = tmp_path / "objects"
    directory.mkdir()
    for shard in range(5):
        write(directory / f"{shard}.tfrecord", [video(4 * shard + n, 5 + n, [n]) for n in range(4)])
    return directory


@pytest.fixture
def keys(tmp_path):
    directory = tmp_path / "keys"
    directory.mkdir()
    return directory


def batches(pattern, **changes):
    found = pipeline.training_batches(pattern, data(**SETTINGS, **changes), config.Phase(batch_size=3, num_epochs=2), 7)
    return [{name: array.numpy().tolist() for name, array in batch.items()} for batch in found]


def test_a_bucket_gives_the_batches_of_local_files_and_each_shard_is_fetched_once(shards, keys, tmp_path, monkeypatch):
    with serving(shards, keys, monkeypatch, fails=lambda number: number % 5 == 1) as reads:
        found = batches("gs://equal/*.tfrecord", cache_dir=str(tmp_path / "copies"))
        assert batches("gs://equal/*.tfrecord", cache_dir=str(tmp_path / "copies")) == found
        assert sorted(name for name, _ in reads) == sorted(os.listdir(shards))
    assert found == batches(f"{shards}/*.tfrecord")


def test_an_object_missing_from_a_bucket_is_an_error(shards, keys, monkeypatch):
    with serving(shards, keys, monkeypatch):
        with pytest.raises(UserError, match=r"--train_data_pattern=gs://none/b\*: matches no files"):
            batches("gs://none/b*")
        os.truncate(shards / "3.tfrecord", 50)
        with pytest.raises(UserError, match=r"3\.tfrecord: offset \d+: the file ends within a record"):
            batches("gs://cut/*.tfrecord")
