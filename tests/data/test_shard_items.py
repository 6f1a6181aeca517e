import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.record_helpers import (
    FEATURES,
    context,
    data,
    feature,
    frames_of,
    sequence_example,
    shared_data,
    video,
    write,
)
from tests.data.record_helpers import feature_lists as lists_of
from yt8m_attention import config
from yt8m_attention.data import rating_reader, shard_items
from yt8m_attention.data.formats import index
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.errors import UserError


def items(kind, path, size=5, keep=None, **changes):
    shard = index.shard_index(path, FEATURES)
    keep = np.ones(len(shard), bool) if keep is None else np.array(keep)
    return shard_items.items(kind, shard, data(segment_size=size, **changes), keep)


def pairs(found):
    """(record, start, {class: score}) of each item."""
    bounds = list(zip(found.splits[:-1], found.splits[1:], strict=True))
    known = [dict(zip(found.classes[a:b].tolist(), found.scores[a:b].tolist(), strict=True)) for a, b in bounds]
    return list(zip(found.record.tolist(), found.start.tolist(), known, strict=True))


def test_ratings_are_grouped_by_segment_and_those_beyond_the_video_skipped(tmp_path):
    rated = [(10, 2, 1), (5, 3, 0), (10, 1, 0), (12, 7, 1), (13, 4, 1), (20, 4, 1), (20, 5, 0)]
    path = write(tmp_path / "a", [video(0, 13, segments=rated), video(1, 30), video(2, 10, segments=[(0, 6, 1)])])
    found = items("rated_segments", path)
    assert pairs(found) == [(0, 5, {3: 0}), (0, 10, {1: 0, 2: 1}), (0, 12, {7: 1}), (2, 0, {6: 1})]
    assert found.skipped == 2
    found = items("rated_segments", path, keep=[False, True, True])
    assert (pairs(found), found.skipped) == ([(2, 0, {6: 1})], 0)


def test_a_videos_labels_are_its_pairs(tmp_path):
    path = write(tmp_path / "a", [video(0, 3, [4, 2]), video(1, 3, [1]), video(2, 3, [])])
    assert pairs(items("videos", path)) == [(0, -1, {4: 1, 2: 1}), (1, -1, {1: 1}), (2, -1, {})]
    assert pairs(items("videos", path, keep=[True, False, True])) == [(0, -1, {4: 1, 2: 1}), (2, -1, {})]


def test_official_windows():
    # 52 of a video of 300 frames: nobody rated the first 30 s and the last 10 s.
    assert shard_items.window_starts(300, 5, (30, 10)).tolist() == list(range(30, 290, 5))
    assert shard_items.window_starts(45, 5, (30, 10)).tolist() == [30]
    assert shard_items.window_starts(44, 5, (30, 10)).tolist() == []
    assert shard_items.window_starts(10, 2, (0, 0)).tolist() == [0, 2, 4, 6, 8]


@given(st.integers(0, 320), st.integers(1, 9), st.integers(0, 40), st.integers(0, 40))
def test_windows_are_all_multiples_that_fit(length, size, head, tail):
    expected = [s for s in range(0, length + 1, size) if s >= head and s + size <= length - tail]
    assert shard_items.window_starts(length, size, (head, tail)).tolist() == expected


def test_windows_of_records(tmp_path):
    path = write(tmp_path / "a", [video(0, 12), video(1, 4), video(2, 5)])
    assert pairs(items("windows", path)) == [(0, 0, {}), (0, 5, {}), (2, 0, {})]
    assert pairs(items("windows", path, segment_window=(1, 2))) == [(0, 5, {})]


def test_ratings_that_cannot_be_used_are_said(tmp_path):
    path = write(tmp_path / "a", [video(0, 9), video(1, 9, segments=[(0, 1, 1), (5, 2, 0.5)])])
    with pytest.raises(UserError, match=r"'v0001': a segment score is 0.5, wanted 0 or 1"):
        items("rated_segments", path)
    path = write(tmp_path / "b", [video(0, 9, segments=[(0, 1, 1)], size=2)])
    with pytest.raises(UserError, match="'v0000': has a rated segment of 2 frames, wanted --segment_size=5"):
        items("rated_segments", path)


def test_ratings_alone_are_those_of_the_segments(tmp_path):
    rated = [(5, 3, 0), (0, 2, 1), (0, 1, 0), (10, 1, 1)]
    a = write(tmp_path / "a", [video(0, 9, segments=rated), video(1, 9)])
    b = write(tmp_path / "b", [video(2, 9, segments=[(0, 6, 1)])])
    found = rating_reader.read_ratings(f"{b},{a}", 7)
    assert found.ids.tolist() == [b"v0000"] * 3 + [b"v0002"]
    assert found.starts.tolist() == [0, 0, 5, 0]
    assert found.classes.tolist() == [1, 2, 3, 6]
    assert found.scores.tolist() == [0, 1, 0, 1]
    assert found.skipped == 1
    with pytest.raises(UserError, match="--num_classes=6"):
        rating_reader.read_ratings(f"{a},{b}", 6)


@pytest.mark.parametrize("label", [-7, -(2**40), 2**31 - 1, 2**40])
def test_labels_that_no_class_can_have_are_refused_by_whoever_reads_ratings(tmp_path, label):
    path = write(tmp_path / "a", [video(0, 9, segments=[(0, 1, 1)]), video(1, 9, segments=[(0, label, 1)])])
    with pytest.raises(UserError, match=r"'v0001': has label -?\d+, wanted 0 or more and less than 2147483647; "):
        rating_reader.read_ratings(path)


def test_ratings_alone_are_of_segments_of_one_length(tmp_path):
    a = write(tmp_path / "a", [video(0, 9), video(1, 9, segments=[(0, 1, 1), (2, 1, 0)], size=2)])
    assert rating_reader.read_ratings(a).starts.tolist() == [0, 2]
    b = write(tmp_path / "b", [video(2, 9, segments=[(0, 1, 1)], size=7)])
    with pytest.raises(UserError, match=r"/b: .*'v0002': has a rated segment of 7 frames, wanted 2 as of the first"):
        rating_reader.read_ratings(f"{a},{b}")
    for size in (0, -1):
        path = write(tmp_path / f"c{size}", [video(3, 9, segments=[(0, 1, 1)], size=size)])
        with pytest.raises(UserError, match=f"'v0003': has a rated segment of {size} frames"):
            rating_reader.read_ratings(path)


def test_ratings_need_no_frames(tmp_path):
    path = write(tmp_path / "a", [sequence_example(context("x", [1], [(100, 2, 1)]), {})])
    assert rating_reader.read_ratings(path).starts.tolist() == [100]


def test_ratings_skip_bad_records_and_keep_an_index_of_their_own(tmp_path):
    good = [video(n, 9, segments=[(5, n, 1)]) for n in range(3)]
    path, spoilt = write(tmp_path / "a", good), write(tmp_path / "b", [*good[:2], b"no record"])
    counted = BadRecords(1)
    found = rating_reader.read_ratings(spoilt, bad_records=counted)
    assert (found.classes.tolist(), len(counted)) == ([0, 1], 1)
    with pytest.raises(UserError, match=r"/b: offset \d+"):
        rating_reader.read_ratings(spoilt)
    made = rating_reader.read_ratings(path, index_dir=str(tmp_path / "indices"))
    assert [file.name.endswith(".ratings") for file in (tmp_path / "indices").iterdir()] == [True]
    index._index.cache_clear()
    kept = rating_reader.read_ratings(path, index_dir=str(tmp_path / "indices"))
    assert all(np.array_equal(one, other) for one, other in zip(made, kept, strict=True))


def test_ends_may_be_missing(tmp_path):
    parts = context("x", [1], [(0, 2, 1)])
    del parts["segment_end_times"]
    path = write(tmp_path / "a", [sequence_example({**parts, "more": feature(1)}, lists_of(frames_of(0, 6)))])
    assert pairs(items("rated_segments", path)) == [(0, 0, {2: 1})]


def test_real_timed_events():
    path = str(shared_data("audioset", "test", "0000.tfrecord"))
    features = config.Features(("audio_embedding",), (128,))
    shard = index.shard_index(path, features, 527)
    settings = config.Data(features=features, num_classes=527, segment_size=2, segment_window=(0, 0))
    found = shard_items.items("rated_segments", shard, settings, np.ones(len(shard), bool))
    ratings = rating_reader.read_ratings(path, 527)
    assert len(ratings.scores) == len(found.classes) == len(shard.segment_labels)
    assert 0.2 < ratings.scores.mean() < 0.3  # the data's own description: chance is 0.256
    assert len(shard) == 422
