"""Scores the JSON of yt8m-moments against known moments. It measures quality, not speed.

  yt8m-moments --input='data/test/*.tfrecord' --train_dir=runs/phase2 --format=json --output_file=found.json
  python -m benchmarks.moments found.json --truth=data/truth.csv
  python -m benchmarks.moments found.json --ratings='audioset/test/*.tfrecord' --frame_seconds=0.96

The true moments come from `synthesize`, or from rated segments: adjacent positive segments of a class are one moment.
A predicted moment of the right class is

  found    if its overlap with a true moment is at least half of their union;
  inside   if its middle lies within a true moment, for example for a part of a long scene.

Both are also computed for chance: the same moments at random positions in their videos. Only videos with a true moment
count. Uses NumPy only, except to read ratings.
"""

import argparse
import collections
import csv
import json

import numpy as np

_DRAWS = 20  # number of random draws for chance


def measure(videos, truth, seed=0):
    """Compares predicted moments with true ones.

    Args:
      videos: list of {"id", "seconds", "moments": [{"class", "start", "end"}, ...] best first}, as in the JSON.
      truth: {id: [(class, start, end), ...]} in seconds.

    Returns:
      dict of `true` and `named` (numbers of true and predicted moments); the shares of predicted moments `found` and
      `inside`, and `first_found` and `first_inside` for the first moment of each video; `recalled`, the share of true
      moments that a predicted moment finds; and `chance_found`, `chance_inside`, `chance_recalled` for random times.
    """
    rng = np.random.default_rng(seed)
    videos = [video for video in videos if truth.get(video["id"])]
    placed = [[(m["class"], m["start"], m["end"]) for m in video["moments"]] for video in videos]
    true = [truth[video["id"]] for video in videos]
    result = {"true": sum(map(len, true)), "named": sum(map(len, placed))} | _shares(placed, true)
    first = _shares([moments[:1] for moments in placed], true)
    drawn = [_shares(_anywhere(rng, placed, videos), true) for _ in range(_DRAWS)]
    result |= {f"first_{name}": first[name] for name in ("found", "inside")}
    return result | {f"chance_{name}": float(np.mean([d[name] for d in drawn])) for name in drawn[0]}


def _shares(placed, true):
    named = [(m, there) for moments, there in zip(placed, true, strict=True) for m in moments]
    every = [(t, moments) for moments, there in zip(placed, true, strict=True) for t in there]
    return {
        "found": float(np.mean([any(overlap(m, t) >= 0.5 for t in there) for m, there in named])),
        "inside": float(np.mean([any(inside(m, t) for t in there) for m, there in named])),
        "recalled": float(np.mean([any(overlap(m, t) >= 0.5 for m in moments) for t, moments in every])),
    }


def overlap(one, other):
    """Returns the intersection over union of two (class, start, end); 0 for different classes."""
    both = min(one[2], other[2]) - max(one[1], other[1])
    return max(0, both) / (max(one[2], other[2]) - min(one[1], other[1])) if one[0] == other[0] else 0


def inside(moment, true):
    """Whether the middle of the moment lies within the true moment of the same class."""
    return moment[0] == true[0] and true[1] <= (moment[1] + moment[2]) / 2 <= true[2]


def _anywhere(rng, placed, videos):
    moved = []
    for moments, video in zip(placed, videos, strict=True):
        starts = rng.uniform(0, [max(0, video["seconds"] - (end - start)) for _, start, end in moments])
        moved.append([(c, at, at + end - start) for at, (c, start, end) in zip(starts, moments, strict=True)])
    return moved


def read_truth(path):
    """Reads {id: [(class, start, end)]} from a truth.csv."""
    truth = collections.defaultdict(list)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            truth[row["id"]].append((int(row["class"]), float(row["start"]), float(row["end"])))
    return truth


def rated_truth(pattern, segment_size, frame_seconds):
    """Reads {id: [(class, start, end)]} from rated segments: adjacent positive segments of a class are one moment."""
    from yt8m_attention.data import rating_reader

    ratings, truth = rating_reader.read_ratings(pattern, flag="ratings"), collections.defaultdict(list)
    positive = ratings.scores > 0
    order = np.lexsort((ratings.starts[positive], ratings.classes[positive], ratings.ids[positive]))
    parts = (ratings.ids, ratings.classes, ratings.starts)
    for video, c, frame in zip(*(part[positive][order].tolist() for part in parts), strict=True):
        start, end = frame * frame_seconds, (frame + segment_size) * frame_seconds
        moments = truth[video.decode()]
        if moments and moments[-1][0] == c and moments[-1][2] >= start - 1e-9:
            start = moments.pop()[1]
        moments.append((c, start, end))
    return truth


def score(path, truth):
    """Runs `measure` on a file of yt8m-moments. Only true moments of the classes in the file count."""
    with open(path, encoding="utf-8") as file:
        videos = json.load(file)
    classes = {m["class"] for video in videos for m in video["moments"]}
    return measure(videos, {video: [t for t in there if t[0] in classes] for video, there in truth.items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("found", help="JSON of yt8m-moments")
    parser.add_argument("--truth", help="truth.csv of synthesize")
    parser.add_argument("--ratings", help="files with rated segments, if there is no truth.csv")
    parser.add_argument("--segment_size", type=int, default=2, help="frames of a rated segment")
    parser.add_argument("--frame_seconds", type=float, default=1.0, help="seconds between two frames")
    given = parser.parse_args()
    if not (given.truth or given.ratings):
        parser.error("give --truth or --ratings")
    if given.truth:
        truth = read_truth(given.truth)
    else:
        truth = rated_truth(given.ratings, given.segment_size, given.frame_seconds)
    print(json.dumps({"name": "moments"} | score(given.found, truth)))


if __name__ == "__main__":
    main()
