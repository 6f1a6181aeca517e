"""Writing a submission: ours, a plain Python join, and the same bytes written raw (the limit of the disk).

`python -m benchmarks.submission [--quick]`. Rates are megabytes of CSV a second. Reading one back
and scoring it is reported too, as `read_and_score`.
"""

import os
import tempfile

import numpy as np

from benchmarks import harness
from yt8m_attention.evaluation import submission_score
from yt8m_attention.files import replacing
from yt8m_attention.inference import submission

SEGMENTS_A_VIDEO = 46


def ranked_segments(segments, classes, k):
    """(video ids [N], starts [N], rankings): ids of four characters as in YouTube-8M, a random ranking a class."""
    random = np.random.default_rng(0)
    ordinals = np.arange(segments)
    video_ids = np.array([f"{i // SEGMENTS_A_VIDEO:04x}" for i in range(segments)])
    ranked = [random.choice(segments, k, replace=False) for _ in range(classes)]
    return video_ids, 30 + 5 * (ordinals % SEGMENTS_A_VIDEO), ranked


def joined(path, video_ids, starts, ranked):
    """The plain way: a string a segment, joined."""
    names = [f"{video_id}:{start}" for video_id, start in zip(video_ids.tolist(), starts.tolist(), strict=True)]
    with open(path, "w", encoding="utf-8") as file:
        file.write("Class,Segments\n")
        for c, places in enumerate(ranked):
            file.write(f"{c},{' '.join([names[place] for place in places])}\n")


def ours(path, video_ids, starts, ranked):
    submission.write(path, range(len(ranked)), submission.segment_names(video_ids, starts), ranked)


def copied(path, content):
    """No writer that ends with a whole file on the disk can be faster."""
    with replacing(path) as file:
        file.write(content)


def read_and_scored(path, video_ids, starts, classes):
    """Reads the file at path and scores it against 237 ratings a class, as the challenge has."""
    random = np.random.default_rng(1)
    places = random.integers(len(starts), size=237 * classes)
    ratings = submission_score.Ratings(
        video_ids[places], starts[places], np.repeat(np.arange(classes), 237), random.integers(2, size=places.size)
    )
    submission_score.score(submission.read(path), ratings)


def main():
    arguments = harness.parse(__doc__)
    segments, classes, k = (100_000, 100, 10_000) if arguments.quick else (2_062_258, 1000, 100_000)
    video_ids, starts, ranked = ranked_segments(segments, classes, k)
    with tempfile.TemporaryDirectory() as folder:
        ours_path, plain_path, raw_path = (os.path.join(folder, name) for name in ("ours.csv", "plain.csv", "raw.csv"))
        joined(plain_path, video_ids, starts, ranked)
        with open(plain_path, "rb") as file:
            content = file.read()
        megabytes = len(content) / 1e6
        functions = {
            "ours": lambda: ours(ours_path, video_ids, starts, ranked),
            "reference": lambda: joined(plain_path, video_ids, starts, ranked),
            "limit": lambda: copied(raw_path, content),
        }
        sides = {name: lambda f=function: megabytes / harness.seconds(f) for name, function in functions.items()}
        rates, peak = harness.interleave(sides, arguments.rounds)
        with open(ours_path, "rb") as file:
            assert file.read() == content, "ours and the plain join differ"
        reading = megabytes / harness.seconds(lambda: read_and_scored(ours_path, video_ids, starts, classes))
    sizes = {"megabytes": round(megabytes, 1), "segments": segments, "classes": classes, "k": k}
    harness.report("submission", "MB/s", rates, peak, read_and_score=round(reading, 1), **sizes)


if __name__ == "__main__":
    main()
