import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.record_helpers import (
    FEATURES,
    assemble,
    context,
    delimited,
    feature,
    feature_lists,
    frames_of,
    sequence_example,
    shared_data,
    unpacked_integers,
    video,
    video_level,
    write,
)
from yt8m_attention import config
from yt8m_attention.data.formats import frames, index, records, writer
from yt8m_attention.errors import UserError
from yt8m_attention.synthesis import dataset
from yt8m_attention.synthesis.config import SynthesisConfig


def decode(raw, features=FEATURES):
    return records.decode("FILE", raw, (0, len(raw)), features)


def read(directory, raw):
    """Returns (index of a file with only this record, its frames as in batches, read by stride if possible)."""
    shard = index.shard_index(write(f"{directory}/{next(NUMBERS)}", [raw]), FEATURES)
    for error in shard.bad:
        raise error
    out = np.empty((shard.num_frames[0], FEATURES.total), np.float32 if shard.video_level[0] else np.uint8)
    frames.FrameReader(shard, FEATURES).read(0, np.arange(len(out)), out)
    return shard, out


NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("records")


segments_lists = st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 11), st.integers(0, 1)), max_size=4)
shapes = st.fixed_dictionaries(
    {
        "id_key": st.sampled_from(["id", "video_id"]),
        "labels": st.lists(st.integers(0, 2**31 - 2), max_size=5),
        "segments": segments_lists,
        "length": st.integers(0, 7),
        "extra": st.booleans(),
        "unpacked": st.booleans(),
        "split": st.booleans(),
        "seed": st.integers(0, 10**6),
    }
)


def build(shape):
    parts = context("an-id", shape["labels"], shape["segments"], id_key=shape["id_key"])
    lists = feature_lists(frames_of(shape["seed"], shape["length"]))
    if shape["extra"]:
        parts |= {"start_time_seconds": feature(1.5), "nothing": tf.train.Feature(), "url": feature(b"x", b"")}
        lists["depth"] = tf.train.FeatureList(feature=[feature(1.0, 2.0)] * 2)
    entries = [(name, value.SerializeToString()) for name, value in parts.items()]
    if shape["unpacked"]:
        entries = [(n, unpacked_integers(shape["labels"]) if n == "labels" else v) for n, v in entries]
    streams = [(name, value.SerializeToString()) for name, value in lists.items()]
    rng = np.random.default_rng(shape["seed"])
    entries, streams = ([pairs[i] for i in rng.permutation(len(pairs))] for pairs in (entries, streams))
    return assemble(entries, streams, shape["split"])


@settings(max_examples=150, deadline=None)
@given(shape=shapes)
def test_agrees_with_the_protobuf_parser_on_records_of_any_shape(directory, shape):
    raw = build(shape)
    parsed = tf.train.SequenceExample.FromString(raw)
    values = parsed.context.feature
    record = decode(raw)
    assert record.id == b"an-id"
    assert record.labels.tolist() == list(values["labels"].int64_list.value) == shape["labels"]
    assert record.segment_labels.tolist() == list(values["segment_labels"].int64_list.value)
    assert record.segment_starts.tolist() == list(values["segment_start_times"].int64_list.value)
    assert record.segment_ends.tolist() == list(values["segment_end_times"].int64_list.value)
    assert record.segment_scores.tolist() == list(values["segment_scores"].float_list.value)
    assert record.num_frames == shape["length"]
    shard, frames = read(directory, raw)
    expected = [
        b"".join(parsed.feature_lists.feature_list[n].feature[t].bytes_list.value[0] for n in FEATURES.names)
        for t in range(shape["length"])
    ]
    assert [row.tobytes() for row in frames] == expected
    assert shape["unpacked"] or shard.streams[..., 2].all()
    np.testing.assert_array_equal(records.read_frames("FILE", raw, (0, len(raw)), FEATURES), frames)


@settings(max_examples=300, deadline=None)
@given(shape=shapes, draw=st.data())
def test_a_damaged_record_is_read_or_refused_in_one_line(directory, shape, draw):
    raw = bytearray(build(shape))
    for _ in range(draw.draw(st.integers(1, 3))):
        raw[draw.draw(st.integers(0, len(raw) - 1))] = draw.draw(st.integers(0, 255))
    raw = bytes(raw[: draw.draw(st.integers(1, len(raw)))])
    try:
        read(directory, raw)
    except UserError as error:
        assert str(error).startswith(f"{directory}/")
        assert "\n" not in str(error)


def test_a_list_as_long_as_equal_frames_that_holds_others_is_refused(directory):
    frames = [bytes(3), bytes(1), bytes(5), bytes(3)]
    rgb = tf.train.FeatureList(feature=[feature(f) for f in frames])
    lists = {**feature_lists(frames_of(0, 4)), "rgb": rgb}
    with pytest.raises(UserError, match=r"record 'a': rgb has [15] features per frame, wanted 3; .*--feature_sizes"):
        read(directory, sequence_example(context("a", [1]), lists))


def test_streams_of_unequal_length_end_with_the_shortest(directory):
    lists = {**feature_lists(frames_of(1, 6)), "audio": feature_lists(frames_of(2, 5))["audio"]}
    expected = np.concatenate([frames_of(1, 6)[:5, :3], frames_of(2, 5)[:, 3:]], axis=1)
    np.testing.assert_array_equal(read(directory, sequence_example(context("a", [1]), lists))[1], expected)


@settings(max_examples=60, deadline=None)
@given(lengths=st.tuples(st.integers(0, 5), st.integers(0, 5)), unpacked=st.booleans())
def test_streams_may_differ_by_one_frame_however_they_are_read(directory, lengths, unpacked):
    parts = [(name, value.SerializeToString()) for name, value in context("a", [1]).items()]
    parts = [(n, unpacked_integers([1]) if n == "labels" and unpacked else v) for n, v in parts]  # needs the parser
    streams = [(n, feature_lists(frames_of(1, t))[n].SerializeToString())
               for n, t in zip(FEATURES.names, lengths, strict=True)]  # fmt: skip
    raw = assemble(parts, streams)
    for tried in (
        lambda: len(read(directory, raw)[1]),
        lambda: len(records.read_frames("FILE", raw, (0, len(raw)), FEATURES)),
        lambda: decode(raw, None).num_frames,
    ):
        if abs(lengths[0] - lengths[1]) <= 1:
            assert tried() == min(lengths)
        else:
            with pytest.raises(UserError, match=f"'a': {lengths[1]} frames of audio, {lengths[0]} frames of rgb, want"):
                tried()


@pytest.mark.parametrize("value", [(np.nan,), (np.inf,), (b"x",), (1.0, 2.0), ()])
def test_a_begin_that_is_no_number_is_none(value):
    assert decode(rated(start_time_seconds=feature(*value))).begin == 0.0
    assert decode(rated(start_time_seconds=feature(2.5))).begin == 2.5


def test_video_level_records_are_one_float_frame(directory):
    raw, means = video_level(3, labels=(4, 7))
    shard, frames = read(directory, raw)
    assert shard.video_level.all() and shard.num_frames == 1 and shard.labels.tolist() == [4, 7]
    np.testing.assert_array_equal(frames, means[None])


def test_ids_and_ratings_are_read_without_knowing_the_features():
    record = decode(video(7, 9, labels=[2], segments=[(5, 3, 1)]), features=None)
    assert (record.id, record.num_frames, record.streams) == (b"v0007", 9, ())
    assert record.segment_labels.tolist() == [3]
    assert decode(sequence_example(context("a", [1]), {}), features=None).num_frames == -1


def rated(**changes):
    parts = context("a", [1], [(0, 1, 1), (5, 1, 0)])
    return sequence_example({**parts, **changes}, feature_lists(frames_of(0, 10)))


@pytest.mark.parametrize(
    ("raw", "features", "message"),
    [
        (video(1, 4), config.Features(("rgb", "audio"), (4, 2)), "'v0001': rgb has 3 .* wanted 4; .*--feature_sizes"),
        (
            video(1, 4),
            config.Features(("rgb", "depth"), (3, 2)),
            r"only \['audio', 'rgb'\]; .*--feature_names",
        ),
        (video_level(1)[0], config.Features(("rgb",), (4,)), "mean_rgb has 3 .* wanted 4; .*--feature_sizes"),
        (video_level(1)[0], config.Features(("depth",), (4,)), "no feature 'mean_depth', .*--feature_names"),
        (sequence_example({"labels": feature(1)}, {}), FEATURES, "neither 'id' nor 'video_id'"),
        (sequence_example({"id": feature(1.0, 2.0)}, {}), FEATURES, "neither 'id' nor 'video_id'"),
        (rated(segment_scores=feature(1.0)), FEATURES, "2 segment_labels, .* 1 segment_scores; .* equal lengths"),
        (rated(segment_end_times=feature(5)), FEATURES, "1 segment_end_times, .* equal lengths"),
        (rated(labels=feature(b"cat")), FEATURES, "labels holds bytes values, wanted int64"),
        (rated(segment_labels=feature(1.0, 2.0)), FEATURES, "segment_labels holds float.* wanted int64"),
        (b"\xff\xff\xff", FEATURES, "offset 0: the record is no tf.train.SequenceExample"),
        (delimited(1, b"\x0a\x7f"), FEATURES, "offset 0: the record is no tf.train.SequenceExample"),
    ],
    ids=map(str, range(12)),  # not the bytes, whose order varies by process
)
def test_an_unusable_record_is_an_error(raw, features, message):
    with pytest.raises(UserError, match=message):
        decode(raw, features)


def test_labels_outside_the_classes_are_refused(tmp_path):
    path = write(tmp_path / "a", [video(0, 2, [3]), video(1, 2, [], [(0, 11, 1)]), video(2, 2, [1, 12])])
    assert len(index.shard_index(path, FEATURES, 13)) == 3
    with pytest.raises(UserError, match=r"'v0002': has label 12, .*--num_classes=12"):
        index.shard_index(path, FEATURES, 12)
    with pytest.raises(UserError, match=r"'v0002': has label 12, .*--num_classes=11"):
        index.shard_index(path, FEATURES, 11)


def test_an_index_follows_its_file(tmp_path):
    path = write(tmp_path / "a", [video(0, 2)])
    assert len(index.shard_index(path, FEATURES)) == 1
    write(path, [video(0, 2), video(1, 2)])
    assert len(index.shard_index(path, FEATURES)) == 2


AUDIOSET = config.Features(("audio_embedding",), (128,))


@pytest.fixture(scope="module")
def collage(tmp_path_factory):
    """The directory of a small collage."""
    folder = tmp_path_factory.mktemp("collage")
    rng = np.random.default_rng(1)
    features = config.Features(("rgb", "audio"), (24, 8))
    means = rng.integers(0, 256, (300, 1, features.total), np.uint8)
    raw = [writer.video_record(f"{n:04}", {n % 2, 2 + n % 27}, mean, features) for n, mean in enumerate(means)]
    writer.write_shard(str(folder / "source.tfrecord"), raw)
    recipe = SynthesisConfig(4, 8, 4, 29, None, features, (50, 70), sources=str(folder / "source.tfrecord"))
    dataset.make(recipe, str(folder / "made"))
    return folder / "made"


@pytest.fixture(params=["planted", "collage", "audioset/train", "audioset/validate"])
def known(request):
    """Returns (path of a shard, its Features)."""
    if request.param.startswith("audioset"):
        return shared_data(*request.param.split("/"), "0000.tfrecord"), AUDIOSET
    folder = request.getfixturevalue(request.param)
    return sorted((folder / "validate").glob("*.tfrecord"))[0], config.Features(("rgb", "audio"), (24, 8))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.data())
def test_known_data_is_read_as_the_parser_reads_it(known, draw):
    path, features = known
    shard = index.shard_index(str(path), features)
    number = draw.draw(st.integers(0, len(shard) - 1))
    start, end = shard.spans[number].tolist()
    with open(path, "rb") as file:
        file.seek(start)
        parsed = tf.train.SequenceExample.FromString(file.read(end - start))
    values, lists = parsed.context.feature, parsed.feature_lists.feature_list
    assert shard.ids[number] in (*values["id"].bytes_list.value, *values["video_id"].bytes_list.value)
    kinds = {
        "labels": (shard.labels, shard.label_splits, values["labels"].int64_list),
        "segment_labels": (shard.segment_labels, shard.segment_splits, values["segment_labels"].int64_list),
        "segment_starts": (shard.segment_starts, shard.segment_splits, values["segment_start_times"].int64_list),
        "segment_ends": (shard.segment_ends, shard.segment_splits, values["segment_end_times"].int64_list),
        "segment_scores": (shard.segment_scores, shard.segment_splits, values["segment_scores"].float_list),
    }
    for flat, splits, expected in kinds.values():
        assert flat[splits[number] : splits[number + 1]].tolist() == list(expected.value)
    count = min(len(lists[name].feature) for name in features.names)
    assert shard.num_frames[number] == count and shard.streams[number, :, 2].all()  # no record needs the parser
    wanted = np.array(draw.draw(st.lists(st.integers(0, count - 1), max_size=12)), np.int64)
    out = np.empty((len(wanted), features.total), np.uint8)
    frames.FrameReader(shard, features, verify_crc=True).read(number, wanted, out)
    expected = [b"".join(lists[n].feature[t].bytes_list.value[0] for n in features.names) for t in wanted]
    assert [row.tobytes() for row in out] == expected


def test_real_means_are_read_as_the_parser_reads_them():
    path, features = shared_data("yt8m_video", "validate0000.tfrecord"), config.Features()
    shard = index.shard_index(str(path), features, index_path=None)
    raw = path.read_bytes()
    for number, (start, end) in enumerate(shard.spans[:60].tolist()):
        values = tf.train.Example.FromString(raw[start:end]).features.feature
        out = np.empty((1, features.total), np.float32)
        frames.FrameReader(shard, features).read(number, np.zeros(1, np.int64), out)
        expected = [v for name in features.names for v in values[f"mean_{name}"].float_list.value]
        np.testing.assert_array_equal(out[0], np.array(expected, np.float32))
        labels = shard.labels[shard.label_splits[number] : shard.label_splits[number + 1]]
        assert labels.tolist() == list(values["labels"].int64_list.value)
        assert shard.ids[number] == values["id"].bytes_list.value[0]
