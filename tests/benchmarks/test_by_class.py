"""Which kinds of class a network gains on: planted differences are found where they were planted, and only there."""

import csv
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import by_class

CLASSES = range(30)


def runs(gain, seeds=3):
    """{seed: {class: (average precision, positives, rated)}}: class c has c + 1 of 100 positive."""
    draw = np.random.default_rng(3)
    return {f"seed{s}": {c: (0.5 + gain(c) + draw.normal(0, 0.005), c + 1, 100) for c in CLASSES} for s in range(seeds)}


PROPERTIES = {"share": lambda c, positives, rated: positives / rated, "parity": lambda c, positives, rated: c % 2}


def test_a_gain_is_found_where_it_was_planted():
    rows = by_class.compare(runs(lambda c: 0), runs(lambda c: 0.1 if c >= 20 else 0), PROPERTIES)
    whole, low, middle, high = rows[:4]
    assert whole[0] == "all classes" and whole[3] == 30 and whole[6] == pytest.approx(0.1 / 3, abs=0.005)
    assert [row[1] for row in (low, middle, high)] == ["low", "middle", "high"]
    assert high[2] == (0.21, 0.3) and high[6] == pytest.approx(0.1, abs=0.005)
    assert high[7][0] > 0.09 and high[8][0] > 0.09
    for row in (low, middle):
        assert row[6] == pytest.approx(0, abs=0.005)
    assert all(row[4] + row[6] == pytest.approx(row[5]) for row in rows)


def test_only_what_both_have_counts():
    first, second = runs(lambda c: 0, seeds=2), runs(lambda c: 0.1)
    del second["seed0"][0], first["seed1"]
    (whole, *_) = by_class.compare(first, second, {})
    assert whole[3] == 29
    assert whole[8][0] == whole[8][1] == pytest.approx(whole[6])  # of the one seed in common


def test_runs_are_read_and_told(tmp_path):
    for seed, precision in (("seed0", 0.25), ("seed1", 0.75)):
        (tmp_path / seed).mkdir()
        with open(tmp_path / seed / "phase1_classes.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("class", "average_precision", "positives", "rated", "name"))
            writer.writerow((7, precision, 3, 9, "Bark, dog's"))
    found = by_class.average_precisions(tmp_path, "phase1")
    assert found == {"seed0": {7: (0.25, 3, 9)}, "seed1": {7: (0.75, 3, 9)}}
    lines = by_class.table(("a", "b"), by_class.compare(found, found, {}))
    assert lines[-1].startswith("| all classes |  | 1 | 0.500 | 0.500 | +0.000 |")


def test_training_videos_are_counted(planted):
    counts = by_class.training_videos(str(planted / "train" / "*.tfrecord"))
    paths = sorted(map(str, (planted / "train").glob("*.tfrecord")))
    records = tf.data.TFRecordDataset(paths).as_numpy_iterator()
    contexts = (tf.train.SequenceExample.FromString(record).context.feature for record in records)
    wanted = Counter(label for context in contexts for label in context["labels"].int64_list.value)
    assert wanted and {c: count for c, count in counts.items() if count} == dict(wanted)
