"""Features of any origin: numpy's files, YouTube-8M's records, MediaPipe's."""

import numpy as np
import pytest
import tensorflow as tf

from yt8m_attention.config import Features
from yt8m_attention.data import user_features
from yt8m_attention.data.formats import writer
from yt8m_attention.errors import UserError
from yt8m_attention.ops.quantize import dequantize

FEATURES = Features(("rgb", "audio"), (5, 3))
FRAMES = np.random.default_rng(0).integers(0, 256, (7, 8), dtype=np.uint8)


def read(path, features=FEATURES):
    return list(user_features.videos(str(path), features))


def media_sequence(frames, context=(), lengths=(None, None)):
    """A record as MediaPipe's extractor for YouTube-8M writes it."""
    message, values = tf.train.SequenceExample(), dequantize(frames)
    for key, value in context:
        message.context.feature[key].bytes_list.value.append(value)
    for prefix, columns, length in (("RGB", slice(0, 5), lengths[0]), ("AUDIO", slice(5, 8), lengths[1])):
        for t, row in enumerate(values[:length]):
            lists = message.feature_lists.feature_list
            lists[f"{prefix}/feature/floats"].feature.add().float_list.value.extend(row[columns])
            lists[f"{prefix}/feature/timestamp"].feature.add().int64_list.value.append(t * 1_000_000)
    return message.SerializeToString()


def test_npy_of_bytes_and_of_the_floats_they_stand_for(tmp_path):
    for dtype in (np.uint8, np.float16, np.float32, np.float64):
        array = FRAMES if dtype == np.uint8 else dequantize(FRAMES).astype(dtype)
        np.save(tmp_path / "holiday.npy", array)
        (video,) = read(tmp_path / "holiday.npy")
        assert video.id == "holiday"
        np.testing.assert_array_equal(video.frames, FRAMES)


def test_npz_holds_a_video_an_array(tmp_path):
    np.savez(tmp_path / "many.npz", a=FRAMES, b=FRAMES[:2], empty=FRAMES[:0])
    assert [(v.id, len(v.frames)) for v in read(tmp_path / "many.npz")] == [("a", 7), ("b", 2)]


def test_youtube8m_records_bring_labels_and_ratings(tmp_path):
    record = writer.frame_record("abcd", [4, 1], FRAMES, FEATURES, [(0, 1, 1.0), (5, 4, 0.0)])
    writer.write_shard(str(tmp_path / "x.tfrecord"), [record])
    (video,) = read(tmp_path / "x.tfrecord")
    assert (video.id, video.labels, video.ratings) == ("abcd", (1, 4), ((0, 1, 1.0), (5, 4, 0.0)))
    np.testing.assert_array_equal(video.frames, FRAMES)


@pytest.mark.parametrize(
    "told, begin", [([30.0], 30.0), ([float("nan")], 0.0), ([float("inf")], 0.0), ([1.0, 2.0], 0.0)]
)
def test_where_a_clip_begins_is_a_time_or_unknown(tmp_path, told, begin):
    message = tf.train.SequenceExample.FromString(writer.frame_record("abcd", [1], FRAMES, FEATURES))
    message.context.feature["start_time_seconds"].float_list.value.extend(told)
    writer.write_shard(str(tmp_path / "x.tfrecord"), [message.SerializeToString()])
    (video,) = read(tmp_path / "x.tfrecord")
    assert video.begin == begin


def test_mediapipes_record_as_it_is_written(tmp_path):
    """A single record without TFRecord's frame, and the same in a TFRecord file; the shorter stream ends the video."""
    raw = media_sequence(FRAMES, [("clip/data_path", b"/home/me/holiday.mp4")], (None, 6))
    (tmp_path / "features.pb").write_bytes(raw)
    writer.write_shard(str(tmp_path / "features.tfrecord"), [raw, media_sequence(FRAMES), media_sequence(FRAMES)])
    (single,) = read(tmp_path / "features.pb")
    assert single.id == "holiday"
    np.testing.assert_array_equal(single.frames, FRAMES[:6])
    assert [v.id for v in read(tmp_path / "features.tfrecord")] == ["holiday", "features-1", "features-2"]


@pytest.mark.parametrize(
    "array, told",
    [
        (FRAMES[0], r"shape \[8\]; wanted \[frames, 8\], 5 \+ 3 of rgb, audio"),
        (FRAMES[:, :7], r"shape \[7, 7\]"),
        (FRAMES.astype(np.int64), "holds int64; wanted uint8"),
        (np.full((2, 8), np.nan), "holds NaN"),
        (np.array([["a"] * 8]), "wanted uint8"),
        (FRAMES.astype(np.float32), r"rgb holds floats from 19 to 248; float features lie in -2\.\.2.*uint8"),
        (FRAMES.astype(np.float16) - 128, "rgb holds floats from -1"),
        (np.hstack([dequantize(FRAMES[:, :5]), FRAMES[:, 5:]]), "audio holds floats from"),
        (np.full((2, 8), 1e308), "holds floats from 1e[+]308"),
        (np.array([[None] * 8]), "numpy"),
    ],
)
def test_arrays_that_do_not_fit_are_told(tmp_path, array, told):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(UserError, match=rf"x\.npy.*{told}"):
        read(tmp_path / "x.npy")


def test_floats_beyond_the_range_are_clipped_as_the_data_sets_were(tmp_path):
    """Whitened features have no bound, and in some videos most lie far out."""
    values = np.random.default_rng(0).normal(scale=10, size=(50, 8)).astype(np.float32)
    values[0, 0], values[0, 5] = 300, -300
    np.save(tmp_path / "x.npy", values)
    (video,) = read(tmp_path / "x.npy")
    assert (video.frames[0, 0], video.frames[0, 5]) == (255, 0)
    assert (np.abs(values) > 2).mean() > 0.8


def test_bytes_saved_as_floats_in_an_archive_are_named(tmp_path):
    np.savez(tmp_path / "x.npz", good=dequantize(FRAMES), bad=FRAMES.astype(np.float32))
    with pytest.raises(UserError, match=r"x\.npz: array 'bad': rgb holds floats"):
        read(tmp_path / "x.npz")


def lists_of(**widths):
    message = tf.train.SequenceExample()
    message.context.feature["clip/data_path"].bytes_list.value.append(b"/home/me/holiday.mp4")
    for name, width in widths.items():
        message.feature_lists.feature_list[f"{name}/feature/floats"].feature.add().float_list.value.extend(
            [0.0] * width
        )
        message.feature_lists.feature_list[f"{name}/feature/timestamp"].feature.add().int64_list.value.append(0)
    return message.SerializeToString()


@pytest.mark.parametrize(
    "raw, told",
    [
        (lists_of(), "found none;"),  # the extractor's input
        (lists_of(FACE=9), "found FACE/feature/floats with 9, FACE/feature/timestamp"),
        (lists_of(RGB=5, AUDIO=4), "found AUDIO/feature/floats with 4, .*RGB/feature/floats with 5"),
    ],
    ids=["no list", "another stream", "another width"],
)
def test_a_mediapipe_record_of_other_streams_is_told(tmp_path, raw, told):
    (tmp_path / "metadata.pb").write_bytes(raw)
    writer.write_shard(str(tmp_path / "metadata.tfrecord"), [raw])
    wanted = "wanted the feature lists RGB/feature/floats with 5 features a frame and AUDIO/feature/floats with 3"
    for name in ("metadata.pb", "metadata.tfrecord"):
        with pytest.raises(UserError, match=rf"{name}: record 0: {wanted} features a frame, {told}"):
            read(tmp_path / name)


def test_files_of_something_else_are_told(tmp_path):
    (tmp_path / "x.npy").write_text("not numpy's")
    (tmp_path / "x.tfrecord").write_text("neither TFRecord nor a record")
    (tmp_path / "cut.pb").write_bytes(media_sequence(FRAMES)[:-3])
    (tmp_path / "mute.pb").write_bytes(media_sequence(FRAMES, lengths=(None, 0)))
    for name, told in (("x.npy", "numpy.save"), ("x.tfrecord", "not a TFRecord file"), ("cut.pb", "SequenceExample"),
                       ("mute.pb", "AUDIO/feature/floats with 3 features")):  # fmt: skip
        with pytest.raises(UserError, match=rf"{name}.*{told}"):
            read(tmp_path / name)


def test_the_bytes_of_real_clips_are_never_taken_for_floats(shared_data, tmp_path):
    features = Features(("audio_embedding",), (128,))
    for number, video in enumerate(user_features.videos(str(shared_data / "audioset/test/*.tfrecord"), features)):
        path = tmp_path / f"{number}.npy"
        np.save(path, video.frames.astype(np.float32))
        with pytest.raises(UserError, match="audio_embedding holds floats from"):
            read(path, features)


def test_a_real_audioset_clip(shared_data):
    videos = user_features.videos(str(shared_data / "audioset/test/*.tfrecord"), Features(("audio_embedding",), (128,)))
    video = next(videos)
    assert video.frames.shape == (10, 128)
    assert video.ratings and video.begin > 0  # a clip out of a longer video
