"""Gains by kind of class: planted differences are found in the right rows, and only there."""

import csv
import json
from collections import Counter, defaultdict

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import by_class, moments
from yt8m_attention.data import rating_reader

CLASSES = range(30)


def runs(gain, seeds=3):
    """{seed: {class: average precision}}."""
    draw = np.random.default_rng(3)
    return {f"seed{s}": {c: 0.5 + gain(c) + draw.normal(0, 0.005) for c in CLASSES} for s in range(seeds)}


SHARE, TRAINING = by_class.PARTS
KNOWN = {SHARE: {c: (c + 1) / 100 for c in CLASSES}, TRAINING: {c: c % 2 for c in CLASSES}}


def test_a_gain_is_found_where_it_was_planted():
    nothing = runs(lambda c: 0)
    rows, correlations = by_class.compare(nothing, runs(lambda c: 0.1 if c >= 20 else 0), KNOWN)
    whole, low, middle, high = rows[:4]
    assert whole[0] == "all classes" and whole[3] == 30 and whole[6] == pytest.approx(0.1 / 3, abs=0.005)
    assert [row[1] for row in (low, middle, high)] == ["short", "middle", "long"]
    assert high[2] == (0.21, 0.3) and high[6] == pytest.approx(0.1, abs=0.005)
    assert high[7][0] > 0.09 and high[8][0] > 0.09
    for row in (low, middle):
        assert row[6] == pytest.approx(0, abs=0.005)
    assert all(row[4] + row[6] == pytest.approx(row[5]) for row in rows)
    assert correlations[SHARE][0] > 0.6 and correlations[SHARE][1][0] > 0.3
    low, high = correlations[TRAINING][1]
    assert low < 0 < high


def test_the_interval_holds_the_noise_of_seeds():
    """A gain of all classes in only one seed is not significant, although a draw of classes alone would say so."""
    one_seed = {f"seed{s}": dict.fromkeys(CLASSES, 0.5 + 0.2 * (s == 0)) for s in range(3)}
    ((*_, interval, _),), _ = by_class.compare(runs(lambda c: 0), one_seed, {})
    assert interval[0] < 0.01 and interval[1] > 0.1


def test_only_common_classes_and_seeds_count():
    first, second = runs(lambda c: 0, seeds=2), runs(lambda c: 0.1)
    del second["seed0"][0], first["seed1"]
    (whole, *parts), _ = by_class.compare(first, second, {SHARE: {c: c for c in range(1, 13)}})
    assert whole[3] == 29 and [row[3] for row in parts] == [4, 4, 4]
    assert whole[8][0] == whole[8][1] == pytest.approx(whole[6])  # the only common seed


def test_results_are_read_and_printed(tmp_path):
    for seed, precision in (("seed0", 0.25), ("seed1", 0.75)):
        saved = {"average_precisions": {"phase1": {"7": precision}, "phase2": {"7": 0.5}}}
        (tmp_path / f"{seed}.json").write_text(json.dumps(saved))
    (tmp_path / "seed2.json").write_text("{}")  # an old result without them
    found = by_class.average_precisions(tmp_path, "phase1")
    assert found == {"seed0": {7: 0.25}, "seed1": {7: 0.75}}
    lines = by_class.table(("a", "b"), *by_class.compare(found, found, {}))
    assert "| all classes |  | 1 | 0.500 | 0.500 | +0.000 | +0.000 to +0.000 | +0.000 to +0.000 |" in lines


def test_training_videos_are_counted(planted):
    counts = by_class.training_videos(str(planted / "train" / "*.tfrecord"))
    paths = sorted(map(str, (planted / "train").glob("*.tfrecord")))
    records = tf.data.TFRecordDataset(paths).as_numpy_iterator()
    contexts = (tf.train.SequenceExample.FromString(record).context.feature for record in records)
    wanted = Counter(label for context in contexts for label in context["labels"].int64_list.value)
    assert wanted and counts == wanted


def test_the_share_counts_only_videos_with_the_class():
    """Videos without the class make it rare, not short."""
    ids, starts = [b"a"] * 4 + [b"b"] * 2 + [b"c"] * 50, np.zeros(56, int)
    scores = [1, 0, 0, 0] + [1, 1] + [0] * 50
    ratings = rating_reader.Ratings(np.array(ids), starts, np.full(56, 3), np.array(scores, np.uint8), 0)
    assert by_class.share_of_rated(ratings) == {3: pytest.approx((1 / 4 + 1) / 2)}


def test_the_truth_gives_the_share_of_a_video_with_the_class(planted):
    pattern = str(planted / "test" / "*.tfrecord")
    found = by_class.share_by_truth(moments.read_truth(planted / "truth.csv"), pattern)
    frames, seconds = {}, defaultdict(float)
    for record in tf.data.TFRecordDataset(sorted(map(str, (planted / "test").glob("*.tfrecord")))).as_numpy_iterator():
        example = tf.train.SequenceExample.FromString(record)
        video = example.context.feature["id"].bytes_list.value[0].decode()
        frames[video] = len(example.feature_lists.feature_list["rgb"].feature)
    with open(planted / "truth.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == "test":
                seconds[int(row["class"]), row["id"]] += float(row["end"]) - float(row["start"])
    for c, share in found.items():
        shares = [shown / frames[video] for (of, video), shown in seconds.items() if of == c]
        assert 0 < share < 1 and share == pytest.approx(np.mean(shares))
    assert set(found) == {c for c, _ in seconds}
