"""The files of the AudioSet benchmark: ratings follow the rule, records look like the real ones."""

import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import prepare_audioset as prepare
from yt8m_attention import config
from yt8m_attention.data import holdout, pipeline, rating_reader
from yt8m_attention.data.formats import label_ids

EVENTS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)).map(lambda e: (min(e) / 10, max(e) / 10)))


def record(video_id, start, labels, num_frames, seed=0):
    """Makes a record like AudioSet's."""
    example = tf.train.SequenceExample()
    context = example.context.feature
    context["video_id"].bytes_list.value.append(video_id.encode())
    context["start_time_seconds"].float_list.value.append(start)
    context["end_time_seconds"].float_list.value.append(start + 10)
    context["labels"].int64_list.value.extend(labels)
    for frame in np.random.default_rng(seed).integers(0, 256, (num_frames, 128), np.uint8):
        example.feature_lists.feature_list["audio_embedding"].feature.add().bytes_list.value.append(frame.tobytes())
    return example.SerializeToString()


@given(EVENTS, st.integers(0, 8))
def test_coverage_equals_that_of_a_fine_grid(events, start):
    middles = start + (np.arange(200) + 0.5) / 100  # in [start, start + 2); events begin and end at tenths
    inside = np.zeros(200, bool)
    for onset, offset in events:
        inside |= (onset <= middles) & (middles < offset)
    assert prepare.covered(events, start, start + 2) == pytest.approx(inside.mean(), abs=1e-9)


@pytest.mark.parametrize(
    "events, expected",
    [([], 0), ([(0, 1.9), (4, 9)], 0), ([(2, 4)], 1), ([(1.5, 3)], 1), ([(1, 5)], 1),
     ([(2.1, 2.2)], 1),  # short, but completely inside
     ([(1.9, 2.1)], 1),  # half of it is inside
     ([(0, 2.1)], None), ([(3.9, 6)], None), ([(0, 2.3), (2.5, 2.6)], 1), ([(0, 2.6), (3.5, 6)], 1)],
)  # fmt: skip
def test_a_segment_is_rated_by_the_events_in_it(events, expected):
    assert prepare.rating(events, 2, 4) == expected


def test_ratings_follow_the_events():
    events = {"Dog": [(0.0, 1.0), (1.0, 2.5), (3.84, 9.6)], "Alarm_bell_ringing": [(0.0, 9.6)]}
    pairs = prepare.rate(events, {74, 355, 388}, 10, seed=1)
    by_class = {c: [(start, score) for start, rated, score in pairs if rated == c] for _, c, _ in pairs}
    # Covers less than half of the second segment, which has less than half of the event: not rated.
    assert by_class[74] == [(0, 1), (4, 1), (6, 1), (8, 1)]
    assert by_class[355] == by_class[388] == [(start, 1) for start in (0, 2, 4, 6, 8)]
    assert 395 not in by_class  # the labels of the clip give the kind of alarm
    without = set(by_class) - {74, 355, 388}
    assert without == {0, 81, 364, 367, 369, 371, 377, 382}
    assert all(len(by_class[c]) == 2 and not any(score for _, score in by_class[c]) for c in without)
    assert 0 not in {c for _, c, _ in prepare.rate(events, {0, 74}, 10, seed=1)}  # labelled, but not timed
    assert pairs == prepare.rate(events, {74, 355, 388}, 10, seed=1)


def test_a_short_clip_has_only_whole_segments():
    assert {start for start, _, _ in prepare.rate({"Speech": [(0, 9)]}, {0}, 5, seed=0)} == {0, 2}


def write_public_files(folder, clips=40):
    for split in ("bal_train", "eval"):
        (folder / "features" / split).mkdir(parents=True)
    ids = [f"Y{n:03}_abc-de" for n in range(clips)]
    with tf.io.TFRecordWriter(str(folder / "features/bal_train/aa.tfrecord")) as file:
        for n in range(20):
            file.write(record(f"train{n:06}", 30, [n], 10, n))
    with tf.io.TFRecordWriter(str(folder / "features/eval/bb.tfrecord")) as file:
        for n, video_id in enumerate(ids):
            file.write(record(video_id, 30, [0, 74], 10, n))
    lines = ["filename\tonset\toffset\tevent_label"]
    for video_id in ids[:-2]:
        lines += [f"Y{video_id}_30.000_40.000.wav\t0.0\t9.6\tSpeech", f"Y{video_id}_30.000_40.000.wav\t0.0\t2.0\tDog"]
    lines.append(f"Y{ids[-1]}_70.000_80.000.wav\t0.0\t9.6\tSpeech")  # another clip of the same video
    (folder / "timings.tsv").write_text("\n".join(lines) + "\n")
    (folder / "classes.csv").write_text('index,mid,display_name\n0,/m/1,Speech\n74,/m/2,"Dog, any"\n')


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Function of a number of clips that runs the command on public files: (status, output, errors)."""

    def run(clips=40, **changes):
        write_public_files(tmp_path, clips)
        paths = {"features_dir": "features", "timings": "timings.tsv", "class_labels": "classes.csv"} | changes
        flags = [f"--{name}={tmp_path / path}" for name, path in (paths | {"output_dir": "out"}).items()]
        monkeypatch.setattr("sys.argv", ["prepare_audioset", *flags])
        status = 0
        try:
            prepare.main()
        except SystemExit as stopped:
            status = stopped.code
        return status, *capsys.readouterr()

    return run


def test_all_files_are_written(tmp_path, command):
    status, out, err = command()
    assert status == 0, err
    made = json.loads(out.splitlines()[-1])
    assert (made["train"], made["validate"] + made["test"]) == (20, 38)
    assert label_ids.read(tmp_path / "out/segment_label_ids.csv") == (0,)  # a dog barks in 1 segment of each clip
    assert (tmp_path / "out/class_names.csv").read_text() == 'Index,Name\n0,Speech\n74,"Dog, any"\n'
    data = config.Data(config.Features(("audio_embedding",), (128,)), 527, config.Sampling(frame_sampling="all"), 2)
    train = pipeline.summarise(str(tmp_path / "out/train/*.tfrecord"), data)
    assert train.videos == 20
    ratings = rating_reader.read_ratings(str(tmp_path / "out/test/*.tfrecord"))
    assert set(ratings.scores[ratings.classes == 0].tolist()) == {1}
    assert len(np.unique(ratings.ids)) == made["test"]
    (batch,) = pipeline.evaluation_batches(str(tmp_path / "out/test/*.tfrecord"), data, 500, "rated_segments")
    assert batch["frames"].shape[1:] == (2, 128)


def test_a_split_file_selects_the_test_clips(tmp_path, command):
    chosen = [f"Y{n:03}_abc-de" for n in (3, 7, 11)]
    (tmp_path / "ids.txt").write_text("\n".join([*chosen, "not_a_timed_clip"]) + "\n")
    status, out, err = command(split_file="ids.txt")
    assert status == 0, err
    assert (json.loads(out.splitlines()[-1])["test"], json.loads(out.splitlines()[-1])["validate"]) == (3, 35)
    ratings = rating_reader.read_ratings(str(tmp_path / "out/test/*.tfrecord"))
    assert set(ratings.ids.tolist()) == {video_id.encode() for video_id in chosen}


def test_the_halves_are_independent_of_the_held_out_share():
    """Both use a hash of the id. The halves have equal size, and a tenth of each is held out."""
    ids = [f"{n:011}".encode() for n in range(4000)]
    halves = {half: [i for i in ids if prepare.in_test(i, None) == half] for half in (True, False)}
    for half in halves.values():
        assert abs(len(half) - 2000) < 150
        assert abs(np.mean([holdout.in_holdout(i, 0.1) for i in half]) - 0.1) < 0.03


@pytest.mark.parametrize(
    "changes, message",
    [({"features_dir": "none"}, "--features_dir"), ({"timings": "classes.csv"}, "--timings"),
     ({"class_labels": "timings.tsv"}, "--class_labels"), ({"split_file": "none"}, "--split_file"),
     ({"split_file": "classes.csv"}, "--split_file")],
)  # fmt: skip
def test_unusable_input_fails_with_one_line(command, changes, message):
    status, out, err = command(clips=4, **changes)
    assert (status, out) == (2, "")
    assert err.startswith("prepare_audioset: ") and message in err and err.count("\n") == 1


def test_records_look_like_the_real_ones(shared_data):
    """Real clips with timings made from their ratings get the same keys and the same positives again."""
    path = str(shared_data / "audioset/validate/0000.tfrecord")
    for serialized in tf.data.TFRecordDataset(path).take(60).as_numpy_iterator():
        real = tf.train.SequenceExample.FromString(serialized)
        published = tf.train.SequenceExample.FromString(serialized)
        context = published.context.feature
        video_id = context["id"].bytes_list.value[0]
        context["video_id"].bytes_list.value.append(video_id)
        for key in ("id", *(key for key in list(context) if key.startswith("segment_"))):
            del context[key]
        clip = video_id.decode(), round(context["start_time_seconds"].float_list.value[0])
        found, made, _ = prepare.timed_record(published.SerializeToString(), {clip: events_of(real)})
        made = tf.train.SequenceExample.FromString(made)
        assert found == video_id
        assert set(made.context.feature) == set(real.context.feature)
        assert made.feature_lists == real.feature_lists
        assert positives(made) == positives(real)
        assert rated_classes(made) == rated_classes(real)


def pairs_of(example):
    context = example.context.feature
    parts = (context[f"segment_{name}"].int64_list.value for name in ("start_times", "labels"))
    return list(zip(*parts, context["segment_scores"].float_list.value, strict=True))


def positives(example):
    return {(start, c) for start, c, score in pairs_of(example) if score}


def rated_classes(example):
    return {c for _, c, _ in pairs_of(example)}


def events_of(example):
    """Makes an event per positive segment, and one after the end of the clip for each label with only negatives."""
    label_of = {c: label for label, classes in prepare.CLASSES.items() for c in classes}
    events = {}
    for start, c in sorted(positives(example)):
        events.setdefault(label_of[c], []).append((start * 0.96, (start + 2) * 0.96))
    for c in rated_classes(example) & set(example.context.feature["labels"].int64_list.value):
        events.setdefault(label_of[c], [(20.0, 21.0)])
    return events
