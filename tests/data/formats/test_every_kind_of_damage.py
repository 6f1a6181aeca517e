"""Each kind of bad data: rejected with file, record and reason, or used as documented."""

import numpy as np
import pytest
import tensorflow as tf

from tests.data.record_helpers import (
    FEATURES,
    context,
    data,
    feature,
    feature_lists,
    frames_of,
    sequence_example,
    video,
    write,
)
from yt8m_attention import config
from yt8m_attention.data import holdout, pipeline, user_features
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.errors import UserError
from yt8m_attention.inference import rank

EVERY = config.Sampling("all", trim_frames=0, max_frames=20)
GOOD = [video(1, 9, [1], [(0, 1, 1)]), video(2, 9, [2], [(0, 2, 0)])]


def record(length=9, drop=(), id=b"odd", **parts):
    """A record with changed context values or number of frames."""
    whole = context("odd", [1], [(0, 1, 1), (5, 3, 0)]) | {"id": feature(id)} | parts
    return sequence_example({n: v for n, v in whole.items() if n not in drop}, feature_lists(frames_of(7, length)))


def rows(path, items="videos", training=False, **changes):
    """{name: array} over all batches of an evaluation, or of a training epoch."""
    settings = data(**{"sampling": EVERY, "index_dir": "none", **changes})
    if training:
        phase = config.Phase(batch_size=2, num_epochs=1, segment_labels=items == "rated_segments")
        batches = pipeline.training_batches(path, settings, phase, 0)
    else:
        batches = pipeline.evaluation_batches(path, settings, 2, items)
    found = list(batches)
    names = [name for name in found[0] if name != "position"]
    return {name: np.concatenate([batch[name].numpy() for batch in found]) for name in names}


BAD_RECORDS = {
    "id empty": (record(id=b""), "id is b'', wanted UTF-8 text"),
    "id not UTF-8": (record(id=b"\xff\xfe"), r"id is b'\\xff\\xfe', wanted UTF-8 text"),
    "id with a zero byte": (record(id=b"a\0"), r"id is b'a\\x00', wanted UTF-8 text"),
    "no id": (record(drop=["id"]), "neither 'id' nor 'video_id'"),
    "fewer scores than labels": (record(segment_scores=feature(1.0)), "2 segment_labels.* 1 segment_scores"),
    "fewer starts than labels": (record(segment_start_times=feature(0)), "1 segment_start_times"),
    "no scores at all": (record(drop=["segment_scores"]), "0 segment_scores"),
    "labels of text": (record(labels=feature(b"cat")), "labels holds bytes"),
    "labels of fractions": (record(labels=feature(1.5, 2.5)), "labels holds float"),
    "scores of text": (record(segment_scores=feature(b"1", b"0")), "segment_scores holds bytes"),
    "frames of another size": (
        sequence_example(context("odd", [1]), {n: feature_lists(frames_of(7, 9))["rgb"] for n in FEATURES.names}),
        "audio has 3 features per frame, wanted 2",
    ),
    "a stream missing": (
        sequence_example(context("odd", [1]), {"rgb": feature_lists(frames_of(7, 9))["rgb"]}),
        "no feature 'audio'",
    ),
    "streams of unlike length": (
        sequence_example(
            context("odd", [1]), feature_lists(frames_of(7, 60)) | {"audio": feature_lists(frames_of(7, 3))["audio"]}
        ),
        "3 frames of audio, 60 frames of rgb",
    ),
    "frames of numbers": (
        sequence_example(context("odd", [1]), {n: tf.train.FeatureList(feature=[feature(1)]) for n in FEATURES.names}),
        "has None features per frame",
    ),
    "random bytes": (np.random.default_rng(0).bytes(300), "no tf.train.SequenceExample"),
    "nothing": (b"", "neither 'id'"),
}


@pytest.mark.parametrize("kind", BAD_RECORDS)
def test_a_bad_record_is_named_or_skipped(tmp_path, kind):
    raw, message = BAD_RECORDS[kind]
    path = write(tmp_path / "a", [GOOD[0], raw, GOOD[1]])
    for training in (False, True):
        with pytest.raises(UserError, match=rf"^{path}: offset \d+: .*{message}"):
            rows(path, training=training)
        assert len(rows(path, training=training, max_bad_records=1)["mask"]) == 2


STOPS = {
    "label negative": ("videos", record(labels=feature(-1)), "has label -1, wanted 0 or more and less than"),
    "label out of range": ("videos", record(labels=feature(12)), "has label 12, .*--num_classes=12"),
    "label of 64 bits": ("videos", record(labels=feature(2**62)), r"has label \d+, .*--num_classes=12"),
    "rated label out of range": ("videos", record(segment_labels=feature(1, 12)), "has label 12"),
    "rated label negative": ("rated_segments", record(segment_labels=feature(1, -7)), "has label -7"),
    "score NaN": ("rated_segments", record(segment_scores=feature(1.0, np.nan)), "a segment score is nan"),
    "score a half": ("rated_segments", record(segment_scores=feature(1.0, 0.5)), "a segment score is 0.5"),
    "score two": ("rated_segments", record(segment_scores=feature(2.0, 0.0)), "a segment score is 2.0"),
    "score infinite": ("rated_segments", record(segment_scores=feature(np.inf, 0.0)), "a segment score is inf"),
    "end before its start": ("rated_segments", record(segment_end_times=feature(5, 3)), "rated segment of -2 frames"),
    "end before the video": ("rated_segments", record(segment_end_times=feature(-1, 10)), "rated segment of -1 frames"),
    "end negative": ("rated_segments", record(segment_end_times=feature(5, -9)), "rated segment of -14 frames"),
}  # fmt: skip


@pytest.mark.parametrize("kind", STOPS)
def test_a_conflict_of_flags_and_data_stops_despite_the_limit(tmp_path, kind):
    items, raw, message = STOPS[kind]
    path = write(tmp_path / "a", [GOOD[0], raw, GOOD[1]])
    for training in (False, True):
        with pytest.raises(UserError, match=rf"{path}: offset \d+: record 'odd': .*{message}"):
            rows(path, items, training, max_bad_records=9)


def test_a_label_twice_counts_once(tmp_path):
    found = rows(write(tmp_path / "a", [record(labels=feature(3, 3, 1, 3))]))
    assert np.flatnonzero(found["labels"][0]).tolist() == [1, 3] and found["labels"].max() == 1


def test_of_a_pair_rated_twice_the_last_rating_counts(tmp_path):
    for scores in ((1.0, 0.0), (0.0, 1.0)):
        raw = record(segment_start_times=feature(0, 0), segment_end_times=feature(5, 5),
                     segment_labels=feature(3, 3), segment_scores=feature(*scores))  # fmt: skip
        path = write(tmp_path / str(scores[0]), [raw])
        for training in (False, True):
            found = rows(path, "rated_segments", training)
            assert found["rated"].sum() == 1 and found["labels"][0, 3] == scores[1]


def test_segments_before_the_video_or_beyond_its_end_are_skipped_and_counted(tmp_path):
    raw = record(segment_start_times=feature(-5, 9), segment_end_times=feature(0, 14))
    path = write(tmp_path / "a", [GOOD[0], raw])
    assert len(rows(path, "rated_segments")["mask"]) == 1
    assert pipeline.summarise(path, data(), True).skipped_segments == 2


def test_a_segment_that_runs_over_the_end_is_padded(tmp_path):
    raw = record(length=7, segment_start_times=feature(0, 5), segment_end_times=feature(5, 10))
    found = rows(write(tmp_path / "a", [raw]), "rated_segments")
    assert found["mask"].sum(axis=1).tolist() == [5, 2] and not found["frames"][1, 2:].any()


def test_a_video_without_frames_is_a_bag_of_padding_and_has_no_segments(tmp_path):
    path = write(tmp_path / "a", [GOOD[0], record(length=0)])
    for training in (False, True):
        found = rows(path, training=training)
        assert sorted(found["mask"].sum(axis=1).tolist()) == [0, 9]
        assert not found["frames"][found["mask"].sum(axis=1) == 0].any()
    assert len(rows(path, "rated_segments")["mask"]) == len(rows(path, "windows")["mask"]) == 1


def test_of_ten_thousand_frames_the_first_are_read_and_all_windows_ranked(tmp_path):
    path = write(tmp_path / "a", [record(length=10_000)])
    found = rows(path)
    np.testing.assert_array_equal(found["frames"][0], frames_of(7, 10_000)[:20])
    assert len(rows(path, "windows")["mask"]) == 2000
    drawn = rows(path, training=True, sampling=config.Sampling(num_frames=50, trim_frames=15))
    assert drawn["mask"].all() and drawn["frames"].shape[1] == 50


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_means_that_are_no_numbers_are_a_bad_record(tmp_path, value):
    def mean(video_id, first):
        parts = {"id": feature(video_id), "labels": feature(1), "mean_rgb": feature(float(first), 0.0, 0.0)}
        parts["mean_audio"] = feature(0.0, 0.0)
        return tf.train.Example(features=tf.train.Features(feature=parts)).SerializeToString()

    path = write(tmp_path / "a", [mean(b"x", 0), mean(b"odd", value)])
    with pytest.raises(UserError, match="record 'odd': mean_rgb holds NaN or infinity"):
        rows(path)
    assert rows(path, max_bad_records=1)["id"].tolist() == [b"x"]


ODD_IDS = ["a b", "a,b", "a:b", 'a"b', "=1+1", "../../etc/passwd", "<script>", "\u202egnp.exe", "\n", "x" * 5000]


@pytest.mark.parametrize("video_id", ODD_IDS)
def test_ids_of_odd_characters_are_read_as_they_are(tmp_path, video_id):
    path = write(tmp_path / "a", [record(id=video_id.encode())])
    assert [i.decode() for i in rows(path)["id"]] == [video_id]
    assert [v.id for v in user_features.videos(path, FEATURES)] == [video_id]
    assert holdout.kept(np.array([video_id.encode()]), 0.5).tolist() in ([True], [False])


def test_an_id_twice_is_two_videos_but_no_ranking(tmp_path):
    path = write(tmp_path / "a", [GOOD[0], GOOD[1], GOOD[0]])
    assert len(rows(path)["mask"]) == len(rows(path, "rated_segments")["mask"]) == 3
    job = rank.RankingJob(path, data(segment_classes=(1,)), str(tmp_path / "s.csv"))
    for parts in (
        [([b"a"], [0]), ([b"b"], [0]), ([b"a"], [0])],
        [([b"a", b"a"], [5, 0])],
        [([b"a"], [5]), ([b"a"], [5])],
    ):
        named = ((np.array(ids), np.array(starts), np.zeros((len(ids), 1), np.float32)) for ids, starts in parts)
        with pytest.raises(UserError, match=r"--input_data_pattern=.*: two videos have the id b'a'"):
            rank.write_ranking(named, np.array([1]), job, 5)
    assert not (tmp_path / "s.csv").exists()


def test_user_features_skip_bad_records_up_to_the_limit(tmp_path):
    path = write(tmp_path / "a", [GOOD[0], record(id=b""), GOOD[1]])
    with pytest.raises(UserError, match="id is b''"):
        list(user_features.videos(path, FEATURES))
    assert [v.id for v in user_features.videos(path, FEATURES, bad_records=BadRecords(1))] == ["v0001", "v0002"]
