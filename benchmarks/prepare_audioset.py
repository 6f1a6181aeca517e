"""Makes the AudioSet benchmark from public files: labels of whole clips for training, timed events for evaluation.

  python -m benchmarks.prepare_audioset --features_dir=audioset_v1_embeddings --timings=validation.tsv \\
      --class_labels=class_labels_indices.csv --output_dir=DIR

benchmarks/README.md names the sources. Writes to DIR: `train/` (AudioSet's balanced train split, as published),
`validate/` and `test/` (the timed clips of its eval split, with rated segments), `segment_label_ids.csv` and
`class_names.csv`. --split_file gives the clips of `test/`; without it, a hash of the ids splits them in half.
"""

import argparse
import csv
import glob
import json
import os
import re
import sys
import zlib

import numpy as np
import tensorflow as tf

from yt8m_attention import files, schema
from yt8m_attention.data import holdout
from yt8m_attention.data.formats import label_ids, tfrecord, writer
from yt8m_attention.errors import UserError

FRAME_SECONDS = 0.96
SEGMENT_SIZE = 2  # frames
STREAM = "audio_embedding"
TRAIN_SHARDS = 16
NEGATIVES = 2  # rated segments per clip and label without an event
MIN_POSITIVES = 30  # of a class in each half, for the class to count in MAP

# DESED's event labels -> AudioSet's classes. An event rates the classes that are labels of its clip, or else the first
# class. AudioSet distinguishes a shaver from a toothbrush, DESED does not.
CLASSES = {
    "Alarm_bell_ringing": (395, 355, 388, 390, 400),
    "Blender": (369,),
    "Cat": (81,),
    "Dishes": (364,),
    "Dog": (74,),
    "Electric_shaver_toothbrush": (382, 376),
    "Frying": (367,),
    "Running_water": (371, 370, 372),
    "Speech": (0,),
    "Vacuum_cleaner": (377,),
}


def read_timings(path):
    """Reads the timed events of each clip: {(YouTube id, its start in seconds): {label: [(onset, offset), ...]}}.

    Raises:
      UserError: for another kind of file, or an unknown label.
    """
    events = {}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            for line, row in enumerate(csv.DictReader(file, delimiter="\t"), start=2):
                clip, label = _clip(row["filename"]), row["event_label"]
                if label and (clip is None or label not in CLASSES):
                    raise UserError(f"--timings={path}, line {line}: found {row['filename']!r} and {label!r}, wanted "
                                    f"YID_START_END.wav and one of {', '.join(CLASSES)}")  # fmt: skip
                if label:
                    of_label = events.setdefault(clip, {}).setdefault(label, [])
                    of_label.append((float(row["onset"]), float(row["offset"])))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"--timings={path}: cannot be read ({error}); wanted a tab-separated table of filename, "
                        "onset, offset, event_label") from error  # fmt: skip
    return events


def _clip(filename):
    """Parses `YID_START_END.wav` to (YouTube id, start); the id can begin with Y or contain `_`."""
    found = re.fullmatch(r"Y?([\w-]{11})_([\d.]+)_[\d.]+\.wav", filename, re.ASCII)
    return (found[1], round(float(found[2]))) if found else None


def covered(events, start, end):
    """Returns the share of [start, end) seconds that events cover; events can overlap."""
    total, reached = 0.0, start
    for onset, offset in sorted(events):
        total += max(0.0, min(offset, end) - max(onset, reached))
        reached = min(max(reached, offset), end)
    return total / (end - start)


def rating(events, start, end):
    """Rates the segment [start, end) seconds.

    Returns:
      1 if events cover at least half of it, or it contains at least half of an event; 0 without an event; otherwise
      None, for not rated.
    """
    share = covered(events, start, end)
    if share >= 0.5 or any(2 * (min(b, end) - max(a, start)) >= b - a for a, b in events):
        return 1
    return None if share else 0


def rate(events, labels, num_frames, seed):
    """Computes the ratings of a clip, in the form of the challenge's files.

    Args:
      events: {label: [(onset, offset), ...]} in seconds.
      labels: AudioSet's ids of the clip's classes.
      num_frames: frames of the clip; only whole segments are rated.
      seed: seed for the choice of segments without an event.

    Returns:
      [(start in frames, class id, `rating`), ...]. For a label without events, NEGATIVES segments are rated, or none
      if the clip has a class of the label.
    """
    random, starts = np.random.default_rng(seed), np.arange(0, num_frames - SEGMENT_SIZE + 1, SEGMENT_SIZE)
    pairs = []
    for label, candidates in CLASSES.items():
        named = [c for c in candidates if c in labels]
        if named and label not in events:
            continue  # labelled by AudioSet, not timed by DESED: unknown
        classes = named or candidates[:1]
        rated = starts if label in events else random.permutation(starts)[:NEGATIVES]
        for start in rated.tolist():
            score = rating(events.get(label, ()), start * FRAME_SECONDS, (start + SEGMENT_SIZE) * FRAME_SECONDS)
            if score is not None:
                pairs += [(start, c, score) for c in classes]
    return pairs


def timed_record(serialized, events):
    """Returns (id, record with ratings, rated pairs) of an AudioSet record; (id, None, []) without timings."""
    example = tf.train.SequenceExample.FromString(serialized)
    context = example.context.feature
    video_id = context[schema.VIDEO_ID_KEY].bytes_list.value[0]
    clip = video_id.decode(), round(context["start_time_seconds"].float_list.value[0])
    if clip not in events:
        return video_id, None, []
    labels = set(context[schema.LABELS_KEY].int64_list.value)
    num_frames = len(example.feature_lists.feature_list[STREAM].feature)
    pairs = rate(events[clip], labels, num_frames, zlib.crc32(video_id))
    context[schema.ID_KEY].bytes_list.value.append(video_id)
    del context[schema.VIDEO_ID_KEY]
    starts, classes, scores = ([pair[i] for pair in pairs] for i in range(3))
    context[schema.SEGMENT_STARTS_KEY].int64_list.value.extend(starts)
    context[schema.SEGMENT_ENDS_KEY].int64_list.value.extend(start + SEGMENT_SIZE for start in starts)
    context[schema.SEGMENT_LABELS_KEY].int64_list.value.extend(classes)
    context[schema.SEGMENT_SCORES_KEY].float_list.value.extend(scores)
    return video_id, example.SerializeToString(deterministic=True), pairs


def records(features_dir, split):
    """Yields the serialized records of a split of AudioSet, in the order of file names."""
    paths = sorted(glob.glob(os.path.join(glob.escape(features_dir), split, "*.tfrecord")))
    if not paths:
        raise UserError(f"--features_dir={features_dir}: has no {split}/*.tfrecord; name the unpacked archive")
    for path in paths:
        data = tfrecord.mapped(tfrecord.stamp(path))
        spans, faults = tfrecord.record_spans(path, data)
        if faults:
            raise faults[0]
        for start, end in spans.tolist():
            yield data[start:end]


def read_split(path):
    """Reads the ids of the test clips, one per line, as a set of bytes; None without a file."""
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return set(file.read().split())
    except OSError as error:
        raise UserError(f"--split_file={path}: cannot be read: {error.strerror}; name a file of ids") from error


def in_test(video_id, split):
    """Whether a clip is for testing; split: result of read_split.

    The hash is salted: phase 2 selects its held-out share by the hash of the id, so without a salt one half would
    contain all held-out clips.
    """
    return video_id in split if split is not None else holdout.in_holdout(b"test " + video_id, 0.5)


def prepare(features_dir, timings, class_labels, output_dir, split_file=None):
    """Writes all files; returns a dict of counts."""
    events, split = read_timings(timings), read_split(split_file)
    names = _class_names(class_labels)
    halves, positives = {"validate": [], "test": []}, {"validate": {}, "test": {}}
    rated = 0
    for serialized in records(features_dir, "eval"):
        video_id, record, pairs = timed_record(serialized, events)
        if record is None:
            continue
        half = "test" if in_test(video_id, split) else "validate"
        halves[half].append(record)
        rated += len(pairs)
        for _, c, score in pairs:
            positives[half][c] = positives[half].get(c, 0) + score
    if not all(halves.values()):
        raise UserError(f"--timings={timings}: found timings of {len(halves['validate'])} clips for validate and "
                        f"{len(halves['test'])} for test in {features_dir}/eval; wanted AudioSet's features, DESED's "
                        "timings of them, and optionally a --split_file with some of their ids")  # fmt: skip
    train = list(records(features_dir, "bal_train"))
    for number in range(TRAIN_SHARDS):
        writer.write_shard(os.path.join(output_dir, "train", f"{number:04}.tfrecord"), train[number::TRAIN_SHARDS])
    for half, of_half in halves.items():
        writer.write_shard(os.path.join(output_dir, half, "0000.tfrecord"), of_half)
    classes = sorted(c for c in positives["test"] if _least(positives, c) >= MIN_POSITIVES)
    label_ids.write(os.path.join(output_dir, "segment_label_ids.csv"), classes)
    with files.replacing(os.path.join(output_dir, "class_names.csv"), "w") as file:
        csv.writer(file, lineterminator="\n").writerows([("Index", "Name"), *names])
    counts = {half: len(of_half) for half, of_half in halves.items()}
    return {"train": len(train), **counts, "rated_pairs": rated, "classes": len(classes), "output_dir": output_dir}


def _least(positives, c):
    return min(of_half.get(c, 0) for of_half in positives.values())


def _class_names(path):
    """Reads [(index, name), ...] from AudioSet's class_labels_indices.csv."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return [(int(row["index"]), row["display_name"]) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"--class_labels={path}: cannot be read ({error}); wanted AudioSet's "
                        "class_labels_indices.csv") from error  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features_dir", required=True, help="AudioSet's features, unpacked: bal_train/ and eval/")
    parser.add_argument("--timings", required=True, help="DESED's table: filename, onset, offset, event_label")
    parser.add_argument("--class_labels", required=True, help="AudioSet's class_labels_indices.csv")
    parser.add_argument(
        "--split_file", help="ids of the clips of test/, one per line; absent: half of the clips, by a hash of the ids"
    )
    parser.add_argument("--output_dir", required=True)
    arguments = parser.parse_args()
    try:
        made = prepare(**vars(arguments))
    except UserError as error:
        print(f"prepare_audioset: {error}", file=sys.stderr)
        sys.exit(2)
    print(json.dumps(made))


if __name__ == "__main__":
    main()
