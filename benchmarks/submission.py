"""Measures writing a submission: ours, a plain Python join, and writing the same bytes raw (the disk limit).

`python -m benchmarks.submission [--quick]`. Rates are megabytes of CSV per second. The plain join writes only the first
`plain_classes` classes, must give the same bytes, and pays only its share of the time to name segments. Then the file
is read and scored against 237 ratings per class, as in the challenge: `read_and_score` is ours, `plain_read_and_score`
uses sets and dicts of Python strings on `plain_classes` classes. `seconds` is our median time to write the whole file,
`read_and_score_seconds` our time to read and score it.
"""

import os
import statistics
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import harness
from yt8m_attention.evaluation import submission_score
from yt8m_attention.files import replacing
from yt8m_attention.inference import submission
from yt8m_attention.metrics import reference

SEGMENTS_PER_VIDEO = 46
RATINGS_PER_CLASS = 237


def ranked_segments(segments, classes, k):
    """Makes (video ids [N], starts [N], rankings): ids of four characters as in YouTube-8M, random rankings."""
    random = np.random.default_rng(0)
    ordinals = np.arange(segments)
    video_ids = np.array([f"{i // SEGMENTS_PER_VIDEO:04x}" for i in range(segments)])
    # A ranking is a part of one long random order: the same memory access, generated a hundred times faster.
    order = random.permutation(segments)
    twice = np.concatenate([order, order[:k]])
    ranked = [twice[start : start + k] for start in random.integers(segments, size=classes)]
    return video_ids, 30 + 5 * (ordinals % SEGMENTS_PER_VIDEO), ranked


def named(video_ids, starts):
    """The plain reference: one string per segment."""
    return [f"{video_id}:{start}" for video_id, start in zip(video_ids.tolist(), starts.tolist(), strict=True)]


def joined(path, names, ranked):
    with open(path, "w", encoding="utf-8") as file:
        file.write("Class,Segments\n")
        for c, places in enumerate(ranked):
            file.write(f"{c},{' '.join([names[place] for place in places])}\n")


def ours(path, video_ids, starts, ranked):
    submission.write(path, range(len(ranked)), submission.segment_names(video_ids, starts), ranked)


def copied(path, content):
    """Writes the bytes only: no writer of the whole file can be faster."""
    with replacing(path) as file:
        file.write(content)


def ratings_of(video_ids, starts, classes):
    random = np.random.default_rng(1)
    places = random.integers(len(starts), size=RATINGS_PER_CLASS * classes)
    of = np.repeat(np.arange(classes), RATINGS_PER_CLASS)
    return submission_score.Ratings(video_ids[places], starts[places], of, random.integers(2, size=places.size))


def plainly_scored(path, ratings):
    """Returns MAP of the classes in the file, with one Python string per segment."""
    rated, ranked = {}, {}
    for video_id, start, c, rating in zip(*(part.tolist() for part in ratings), strict=True):
        rated.setdefault(c, {})[f"{video_id}:{start}"] = rating
    with open(path, encoding="utf-8") as file:
        next(file)
        for line in file:
            c, _, cell = line.partition(",")
            ranked[int(c)] = cell.split()
    return reference.mean_average_precision_at_k(ranked, {c: rated[c] for c in ranked})


def main():
    arguments = harness.parse(__doc__)
    segments, classes, k, few = (100_000, 100, 10_000, 10) if arguments.quick else (2_062_258, 1000, 100_000, 20)
    video_ids, starts, ranked = ranked_segments(segments, classes, k)
    with tempfile.TemporaryDirectory() as folder:
        ours_path, plain_path, raw_path = (os.path.join(folder, name) for name in ("ours.csv", "plain.csv", "raw.csv"))

        def rate(seconds):
            return os.path.getsize(ours_path) / 1e6 / seconds

        def plain_rate():
            names = []
            naming = harness.seconds(lambda: names.extend(named(video_ids, starts)))
            joining = harness.seconds(lambda: joined(plain_path, names, ranked[:few]))
            return rate(naming + joining * classes / few)

        sides = {
            "ours": lambda: rate(harness.seconds(lambda: ours(ours_path, video_ids, starts, ranked))),
            "reference": plain_rate,
            "limit": harness.lazily(
                Path(ours_path).read_bytes, lambda content: rate(harness.seconds(lambda: copied(raw_path, content)))
            ),
        }
        rates, peak = harness.interleave(sides, arguments.rounds)
        megabytes = os.path.getsize(ours_path) / 1e6
        part = Path(plain_path).read_bytes()
        with open(ours_path, "rb") as file:
            assert file.read(len(part)) == part, "ours and the plain join differ"

        ratings, found = ratings_of(video_ids, starts, classes), []
        plain = len(part) / 1e6 / harness.seconds(lambda: found.append(plainly_scored(plain_path, ratings)))
        few_ratings = submission_score.Ratings(*(values[ratings.classes < few] for values in ratings))
        same = submission_score.score(submission.read(plain_path), few_ratings)["map"]
        assert abs(same - found[0]) < 1e-9, "ours and the plain score differ"
        spent = harness.seconds(lambda: submission_score.score(submission.read(ours_path), ratings))
    harness.report("submission", "MB/s", rates, peak, seconds=round(megabytes / statistics.median(rates["ours"]), 2),
                   read_and_score=round(megabytes / spent, 1), plain_read_and_score=round(plain, 1),
                   read_and_score_seconds=round(spent, 2), megabytes=round(megabytes, 1), segments=segments,
                   classes=classes, k=k, plain_classes=few)  # fmt: skip


if __name__ == "__main__":
    main()
