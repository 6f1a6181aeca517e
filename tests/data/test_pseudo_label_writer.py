"""Videos written anew with labels: read back by the feed, they have these and people's, and the very frames."""

import os
import shutil

import numpy as np
import pytest

from tests.data import record_helpers
from yt8m_attention.data import pipeline, pseudo_label_writer, rating_reader, user_features
from yt8m_attention.data.formats import writer
from yt8m_attention.errors import UserError

FEATURES = record_helpers.FEATURES


def frames(seed, count):
    return np.random.default_rng(seed).integers(0, 256, (count, FEATURES.total), dtype=np.uint8)


@pytest.fixture
def shards(tmp_path):
    """Two shards: videos of 20, 12 and 40 frames, the second one rated."""
    folder = tmp_path / "in"
    rated = writer.frame_record("abcd", [3, 1], frames(1, 12), FEATURES, [(0, 4, 1.0), (5, 2, 0.0), (90, 2, 1.0)])
    plain = writer.frame_record("-x_9", [5], frames(0, 20), FEATURES)
    writer.write_shard(str(folder / "a.tfrecord"), [plain, rated])
    writer.write_shard(str(folder / "b.tfrecord"), [writer.frame_record("zzzz", [7], frames(2, 40), FEATURES)])
    return folder


def labels(*rows):
    ids, *rest = zip(*rows, strict=True)
    dtypes = (np.int64, np.int64, np.uint8)
    return pseudo_label_writer.Labels(np.array(ids, bytes), *map(np.array, rest, dtypes))


def write(pattern, found, tmp_path, **data):
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    return pseudo_label_writer.write(
        str(pattern), "input_data_pattern", record_helpers.data(**data), found, str(out)
    ), out


def test_labels_are_added_and_all_else_stays(shards, tmp_path):
    asked = [("abcd", 10, 4, 1), ("-x_9", 5, 2, 0), ("-x_9", 5, 3, 1), ("zzzz", 35, 2, 0)]
    tally, out = write(shards / "*", labels(*asked), tmp_path)
    assert sorted(os.listdir(out)) == ["a.tfrecord", "b.tfrecord"]
    assert (tally.shards, tally.videos, tally.segments, tally.positives, tally.negatives) == (2, 3, 3, 2, 2)
    assert (tally.ratings, tally.already_rated, tally.unknown_segments, tally.skipped_segments) == (3, 0, 0, 0)
    videos = {video.id: video for video in user_features.videos(f"{out}/*", FEATURES)}
    for seed, (name, count) in enumerate((("-x_9", 20), ("abcd", 12), ("zzzz", 40))):
        np.testing.assert_array_equal(videos[name].frames, frames(seed, count))
    assert [videos[name].labels for name in ("-x_9", "abcd", "zzzz")] == [(5,), (1, 3), (7,)]
    assert videos["abcd"].ratings == ((0, 4, 1.0), (5, 2, 0.0), (90, 2, 1.0), (10, 4, 1.0))
    found = rating_reader.read_ratings(f"{out}/*")
    read = zip(*(part.tolist() for part in found[:4]), strict=True)
    people = {(b"abcd", 0, 4, 1), (b"abcd", 5, 2, 0)}
    assert set(read) == people | {(video_id.encode(), *rest) for video_id, *rest in asked}
    summary = pipeline.summarise(f"{out}/*", record_helpers.data(), segment_labels=True)
    assert (summary.videos, summary.segments, summary.rated_pairs, summary.skipped_segments) == (3, 5, 6, 1)


def test_a_person_s_rating_wins_and_a_video_without_anything_new_is_left_out(shards, tmp_path):
    asked = labels(("abcd", 0, 4, 0), ("abcd", 5, 2, 1), ("zzzz", 0, 4, 1), ("zzzz", 0, 4, 0))
    tally, out = write(shards / "*", asked, tmp_path)
    assert os.listdir(out) == ["b.tfrecord"]
    assert (tally.already_rated, tally.positives, tally.negatives) == (2, 1, 0)
    tally, _ = write(shards / "a.tfrecord", labels(("abcd", 0, 4, 0), ("abcd", 0, 5, 1)), tmp_path)
    found = rating_reader.read_ratings(f"{out}/a.tfrecord")
    assert (4, 1) in set(zip(found.classes.tolist(), found.scores.tolist(), strict=True))


def test_unknown_videos_and_segments_beyond_the_end_are_counted(shards, tmp_path):
    asked = labels(("none", 0, 1, 1), ("none", 0, 2, 1), ("none", 5, 1, 0), ("-x_9", 20, 1, 1), ("-x_9", 19, 1, 1))
    tally, out = write(shards / "*", asked, tmp_path)
    assert (tally.unknown_segments, tally.skipped_segments, tally.segments) == (2, 1, 1)
    assert os.listdir(out) == ["a.tfrecord"]


def test_files_of_one_name_become_two_shards(shards, tmp_path):
    other = tmp_path / "other"
    writer.write_shard(str(other / "a.tfrecord"), [writer.frame_record("yyyy", [7], frames(2, 40), FEATURES)])
    tally, out = write(
        f"{shards}/*,{other}/*", labels(("abcd", 10, 1, 1), ("yyyy", 0, 1, 1), ("zzzz", 0, 1, 1)), tmp_path
    )
    names = sorted(os.listdir(out))
    assert tally.shards == 3 and len(names) == 3 and names[2] == "b.tfrecord"
    assert all(name.startswith("a.") and name.endswith(".tfrecord") for name in names[:2])
    assert pseudo_label_writer.shard_names(["x/one", "gs://b/two.tfrecord"]) == ["one.tfrecord", "two.tfrecord"]


def test_an_id_that_comes_twice_cannot_be_told_apart(shards, tmp_path):
    shutil.copy(shards / "a.tfrecord", shards / "c.tfrecord")
    write(shards / "*", labels(("zzzz", 0, 1, 1)), tmp_path)  # nobody asks for it
    with pytest.raises(
        UserError, match=r"c\.tfrecord: offset \d+: record 'abcd': is the second video with this id, after .*a\.tf"
    ):
        write(shards / "*", labels(("abcd", 10, 1, 1)), tmp_path)


def test_a_damaged_record_is_not_given_a_right_checksum(shards, tmp_path):
    raw = bytearray((shards / "a.tfrecord").read_bytes())
    raw[raw.index(frames(1, 12)[3, :3].tobytes())] ^= 1
    (shards / "a.tfrecord").write_bytes(raw)
    asked = labels(("abcd", 10, 1, 1), ("zzzz", 0, 1, 1))
    with pytest.raises(UserError, match="checksum is wrong"):
        write(shards / "*", asked, tmp_path)
    assert os.listdir(tmp_path / "out") == []
    tally, out = write(shards / "*", asked, tmp_path, max_bad_records=1)
    assert (tally.bad_records, tally.videos, os.listdir(out)) == (1, 1, ["b.tfrecord"])


def test_ratings_that_training_would_refuse_are_refused(shards, tmp_path):
    with pytest.raises(UserError, match="--segment_size"):
        write(shards / "*", labels(("zzzz", 0, 1, 1)), tmp_path, segment_size=4)
