"""The planted data set: formats, agreement of ratings and truth, label noise, separability of classes."""

import csv
import errno
import filecmp
import glob
import json
import os

import numpy as np
import pytest
import tensorflow as tf

from yt8m_attention import schema
from yt8m_attention.config import Features
from yt8m_attention.data.formats import writer
from yt8m_attention.errors import UserError
from yt8m_attention.ops.quantize import dequantize, quantize
from yt8m_attention.synthesis import dataset, planted, scenes
from yt8m_attention.synthesis.config import SPLITS, SynthesisConfig

SMALL = Features(("rgb", "audio"), (12, 4))


def config_of(train=12, validate=6, test=5, classes=6, segment_classes=4, features=SMALL, frames=(60, 90), **more):
    return SynthesisConfig(train, validate, test, classes, segment_classes, features, frames, **more)


def records(folder, split, kind=tf.train.SequenceExample):
    paths = sorted(glob.glob(os.path.join(folder, split, "*.tfrecord")))
    return [kind.FromString(raw) for raw in tf.data.TFRecordDataset(paths).as_numpy_iterator()]


def stream(example, name):
    return [frame.bytes_list.value for frame in example.feature_lists.feature_list[name].feature]


def rated_pairs(example):
    context = example.context.feature
    return list(
        zip(
            context[schema.SEGMENT_STARTS_KEY].int64_list.value,
            context[schema.SEGMENT_ENDS_KEY].int64_list.value,
            context[schema.SEGMENT_LABELS_KEY].int64_list.value,
            context[schema.SEGMENT_SCORES_KEY].float_list.value,
            strict=True,
        )
    )


def read_truth(folder):
    """{(split, id): [(class, start, end)]}."""
    truth = {}
    with open(os.path.join(folder, "truth.csv"), newline="") as file:
        for row in csv.DictReader(file):
            moment = int(row["class"]), int(row["start"]), int(row["end"])
            truth.setdefault((row["split"], row["id"]), []).append(moment)
    return truth


def files(folder):
    found = glob.glob(os.path.join(folder, "**"), recursive=True)
    return sorted(os.path.relpath(path, folder) for path in found if os.path.isfile(path))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("planted") / "set")
    return folder, dataset.make(config_of(per_shard=4), folder)


def test_frame_level_format(made):
    folder, _ = made
    for split, count in config_of().counts.items():
        examples = records(folder, split)
        assert len(examples) == count
        for example in examples:
            rgb, audio = stream(example, "rgb"), stream(example, "audio")
            assert 60 <= len(rgb) == len(audio) <= 90
            assert {tuple(map(len, frame)) for frame in rgb} == {(12,)}
            assert {tuple(map(len, frame)) for frame in audio} == {(4,)}
            context = example.context.feature
            assert len(context["id"].bytes_list.value[0]) == 4
            labels = context["labels"].int64_list.value
            assert labels and set(labels) <= set(range(6)) and len(set(labels)) == len(labels)
            assert (schema.SEGMENT_LABELS_KEY in context) == (split != "train")


def test_video_level_records_hold_the_means_of_the_frames(made):
    folder, _ = made
    for split in SPLITS:
        pairs = zip(records(folder, split), records(f"{folder}/video", split, tf.train.Example), strict=True)
        for frames, video in pairs:
            feature = video.features.feature
            assert sorted(feature) == ["id", "labels", "mean_audio", "mean_rgb"]
            for key in ("id", "labels"):
                assert feature[key] == frames.context.feature[key]
            for name in ("rgb", "audio"):
                levels = np.array([np.frombuffer(frame[0], np.uint8) for frame in stream(frames, name)], np.float64)
                mean = levels.mean(axis=0) * 4 / 255 + 4 / 512 - 2
                np.testing.assert_allclose(feature[f"mean_{name}"].float_list.value, mean, atol=1e-5)


def test_ratings_agree_with_the_truth_and_stay_in_the_window(made):
    folder, result = made
    truth, total = read_truth(folder), 0
    segment_classes = {int(line) for line in open(f"{folder}/segment_label_ids.csv").read().split()[1:]}
    assert len(segment_classes) == 4
    for split in ("validate", "test"):
        for example in records(folder, split):
            moments = truth[split, example.context.feature["id"].bytes_list.value[0].decode()]
            assert set(example.context.feature["labels"].int64_list.value) == {c for c, _, _ in moments}
            pairs, length = rated_pairs(example), len(stream(example, "rgb"))
            assert len({(start, label) for start, _, label, _ in pairs}) == len(pairs)
            for start, end, label, score in pairs:
                shown = sum(max(0, min(end, b) - max(start, a)) for c, a, b in moments if c == label)
                assert score in (0.0, 1.0) and (shown >= 3 if score else shown == 0)
                assert end == start + 5 and start % 5 == 0 and start >= 30 and end <= length - 10
                assert label in segment_classes
            total += len(pairs)
    assert total == result["rated_pairs"] > 0
    assert result["videos"] == 23


def test_ids_are_distinct(made):
    folder, _ = made
    ids = [e.context.feature["id"].bytes_list.value[0] for split in SPLITS for e in records(folder, split)]
    assert len(set(ids)) == len(ids) == 23
    assert len({dataset.video_id(7, number) for number in range(50_000)}) == 50_000


def test_equal_configs_make_equal_bytes_and_other_seeds_do_not(made, tmp_path):
    folder, _ = made
    same, other = str(tmp_path / "same"), str(tmp_path / "other")
    dataset.make(config_of(per_shard=4), same)
    dataset.make(config_of(per_shard=4, seed=1), other)
    assert files(same) == files(folder) == files(other)
    assert all(filecmp.cmp(f"{folder}/{name}", f"{same}/{name}", shallow=False) for name in files(folder))
    assert not filecmp.cmp(f"{folder}/truth.csv", f"{other}/truth.csv", shallow=False)


def test_a_larger_set_begins_with_the_smaller_one(made, tmp_path):
    folder, _ = made
    dataset.make(config_of(train=20, per_shard=4), str(tmp_path / "larger"))
    for name in ("train/train0002.tfrecord", "test/test0000.tfrecord"):
        assert filecmp.cmp(f"{folder}/{name}", f"{tmp_path}/larger/{name}", shallow=False)


def test_complete_sets_are_kept_and_unfinished_ones_made_again(made, tmp_path):
    folder, result = made
    mine = str(tmp_path / "set")
    assert dataset.make(config_of(per_shard=4), mine) == result | {"output_dir": mine}
    before = os.stat(f"{mine}/truth.csv").st_mtime_ns
    assert dataset.make(config_of(per_shard=4), mine) == result | {"output_dir": mine}
    assert os.stat(f"{mine}/truth.csv").st_mtime_ns == before
    os.rename(f"{mine}/synthesize.json", f"{mine}/{dataset.BEGUN}")  # like a run killed before its end
    with open(f"{mine}/train/train0009.tfrecord", "w"):
        pass
    dataset.make(config_of(per_shard=4), mine)
    assert files(mine) == files(folder)


def test_foreign_directories_are_refused(made, tmp_path):
    with pytest.raises(UserError, match="other arguments"):
        dataset.make(config_of(per_shard=5), made[0])
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="neither empty"):
        dataset.make(config_of(), str(tmp_path))
    with pytest.raises(UserError, match="output_dir"):
        dataset.make(config_of(), str(tmp_path / "notes.txt" / "set"))
    assert os.listdir(tmp_path) == ["notes.txt"]


@pytest.mark.parametrize(
    ("more", "flag"),
    [
        ({"segment_classes": 7}, "num_segment_classes"),
        ({"segment_classes": 0}, "num_segment_classes"),
        ({"classes": 0}, "num_classes"),
        ({"train": -1}, "num_train"),
        ({"train": 0, "validate": 0, "test": 0}, "num_train"),
        ({"frames": (44, 60)}, "video_frames"),
        ({"frames": (60, 301)}, "video_frames"),
        ({"frames": (60,)}, "video_frames"),
        ({"per_shard": 0}, "per_shard"),
    ],
)
def test_invalid_configs(more, flag):
    with pytest.raises(UserError, match=f"^--{flag}: "):
        config_of(**more)


@pytest.mark.parametrize(
    "odd",
    [
        {"train": 1, "validate": 0, "test": 0, "classes": 2, "segment_classes": 1},
        {"train": 0, "validate": 1, "test": 0, "classes": 1, "segment_classes": 1},
        {"train": 2, "validate": 2, "test": 2, "classes": 3862, "segment_classes": 1000, "frames": (300, 300)},
        {"features": Features(("audio_embedding",), (1,)), "frames": (70, 70), "segment_size": 30},
        {"frames": (42, 42), "segment_size": 2},
    ],
)
def test_odd_sizes(odd, tmp_path):
    result = dataset.make(config_of(**odd), str(tmp_path / "set"))
    assert result["videos"] == sum(config_of(**odd).counts.values())


def test_an_interrupted_write_leaves_nothing(tmp_path):
    def broken():
        yield b"one"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        writer.write_shard(str(tmp_path / "a.tfrecord"), broken())
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("cause", [errno.EROFS, errno.ENOSPC])
def test_a_shard_directory_that_cannot_be_created_is_an_error(tmp_path, monkeypatch, cause):
    def refuse(path, **_):
        raise OSError(cause, os.strerror(cause), path)

    monkeypatch.setattr(writer.os, "makedirs", refuse)
    with pytest.raises(UserError, match=rf"a\.tfrecord: cannot be written: {os.strerror(cause)}; free space"):
        writer.write_shard(str(tmp_path / "train" / "a.tfrecord"), [b"record"])


@pytest.mark.parametrize("what", [dataset.BEGUN, "train"])
def test_a_leftover_that_cannot_be_removed_is_an_error(tmp_path, monkeypatch, what):
    def refuse(path, *_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    (tmp_path / dataset.BEGUN).touch()
    if what == "train":
        (tmp_path / "train").touch()  # a file in the place of a directory
    else:
        monkeypatch.setattr(dataset.os, "remove", refuse)
    with pytest.raises(UserError, match=rf"--output_dir={tmp_path}: {tmp_path}/{what} cannot be removed: "):
        dataset.make(config_of(), str(tmp_path))


def test_quantize_takes_the_nearest_level_and_clips():
    levels = np.arange(256, dtype=np.uint8)
    values = dequantize(levels)
    np.testing.assert_array_equal(quantize(values), levels)
    np.testing.assert_array_equal(quantize(values + 0.4 * schema.QUANTIZED_STEP), levels)
    np.testing.assert_array_equal(quantize(np.array([-9.0, 9.0])), [0, 255])


def test_video_labels_are_noisy_at_the_stated_rates():
    rng, true = np.random.default_rng(0), {1, 2, 3, 4, 5, 6}
    spurious = np.repeat([10, 11], [3, 1])
    drawn = [scenes.noisy_labels(rng, true, spurious) for _ in range(4000)]
    assert np.mean([len(true & labels) for labels in drawn]) == pytest.approx(6 * 0.9, abs=0.04)
    with_false = np.mean([bool(labels - true) for labels in drawn])
    assert with_false == pytest.approx(1 - np.exp(-scenes.SPURIOUS), abs=0.03)
    assert sum(10 in labels for labels in drawn) > 2 * sum(11 in labels for labels in drawn)
    assert all(scenes.noisy_labels(rng, {7}, spurious) >= {7} for _ in range(100))


def test_frames_scatter_as_in_real_videos():
    features = Features(("rgb", "audio"), (400, 400))
    scene = scenes.Scene(np.zeros(800, np.float32), frozenset({0}))
    video = scenes.render(np.random.default_rng(0), [scene], {0}, 300, 5, features)
    frames = dequantize(video.frames)
    noise = frames - np.concatenate([np.zeros((1, 800), np.float32), frames[:-1]])
    assert frames[:, :400].std() == pytest.approx(0.8, abs=0.03)
    assert frames[:, 400:].std() == pytest.approx(0.6, abs=0.03)
    lag = 1 - (noise[1:, :400] ** 2).mean() / (2 * frames[:, :400].var())
    assert 0.45 < lag < 0.6


def composed(count, **more):
    """(video, its rated pairs) of the validate split of a set large enough for statistics."""
    config = config_of(classes=20, segment_classes=12, features=Features(), frames=(70, 120), **more)
    made, videos = planted.Planted(config), []
    for index in range(count):
        rng = np.random.default_rng(index)
        video = made.compose(rng, "validate", "none", 100, 5)
        videos.append((video, scenes.rate(rng, video, made.segment_classes, 5)))
    return made, videos


def test_every_video_shows_its_classes_and_no_other():
    planted, videos = composed(60)
    for video, _ in videos:
        assert {c for scene in video.scenes for c in scene.classes} == video.classes
        assert video.classes & planted.segment_classes
        assert np.bincount(video.scene_of).min() >= 5
        for label in video.classes:
            marked = np.zeros(len(video.frames), bool)
            for start, end in video.windows(label):
                marked[start:end] = True
            np.testing.assert_array_equal(marked, video.shows(label))


def test_moments_are_separable_but_not_by_the_video():
    """About 55 % of rated segments are positive, and the classes' centres separate moment from context."""
    planted, videos = composed(150)
    inverse = np.linalg.pinv(planted.map)
    hits, scores, context_hits = [], [], []
    for video, pairs in videos:
        for start, label, score in pairs:
            point = dequantize(video.frames[start : start + 5]).mean(axis=0) @ inverse
            near_moment = np.linalg.norm(point - planted.moments[label])
            near_context = np.linalg.norm(point - planted.contexts[label])
            near_other = np.linalg.norm(point - planted.backgrounds, axis=1).min()
            hits.append((near_moment < min(near_context, near_other)) == bool(score))
            if not score:
                context_hits.append(near_context < min(near_moment, near_other))
            scores.append(score)
    assert np.mean(scores) == pytest.approx(0.55, abs=0.07)
    assert np.mean(hits) > 0.8
    assert (
        0.15 < np.mean(context_hits) < 0.7
    )  # share of negatives that show the context, which only the class's videos have


def test_mark_holds_the_arguments(made):
    folder, result = made
    mark = json.load(open(f"{folder}/synthesize.json"))
    assert mark["arguments"]["num_classes"] == 6 and mark["rated_pairs"] == result["rated_pairs"]
