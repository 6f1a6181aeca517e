"""Do the moments that yt8m-moments names lie where something is? Its JSON against known moments; a score, not a speed.

  yt8m-moments --input='data/test/*.tfrecord' --train_dir=runs/phase2 --format=json --output_file=found.json
  python -m benchmarks.moments found.json --truth=data/truth.csv
  python -m benchmarks.moments found.json --ratings='audioset/test/*.tfrecord' --frame_seconds=0.96

The truth is what `synthesize` wrote down, or rated segments, where neighbouring positive ones of a class make one
moment. A moment of the right class is

  found    if it overlaps a true one by half of their union or more;
  inside   if its middle lies within a true one, as of a part of a long scene.

Both are also told by chance: the same moments, each put anywhere in its video. Only videos in which something is true
count. Numpy alone, but for reading ratings.
"""

import argparse
import collections
import csv
import json

import numpy as np

_DRAWS = 20  # of the times by chance


def measure(videos, truth, seed=0):
    """Compares named moments with true ones.

    Args:
      videos: list of {"id", "seconds", "moments": [{"class", "start", "end"}, ...] best first}, as yt8m-moments writes.
      truth: {id: [(class, start, end), ...]} in seconds.

    Returns:
      dict of `true` and `named` (how many there are); of the named ones the shares `found`, `inside` and, of each
      video's first, `first_found` and `first_inside`; `recalled`, the share of true ones that a named one finds; and
      of times drawn by chance `chance_found`, `chance_inside`, `chance_recalled`.
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
    """Intersection over union of two (class, start, end); 0 between classes."""
    both = min(one[2], other[2]) - max(one[1], other[1])
    return max(0, both) / (max(one[2], other[2]) - min(one[1], other[1])) if one[0] == other[0] else 0


def inside(moment, true):
    """Whether the moment's middle lies within the true one of its class."""
    return moment[0] == true[0] and true[1] <= (moment[1] + moment[2]) / 2 <= true[2]


def _anywhere(rng, placed, videos):
    moved = []
    for moments, video in zip(placed, videos, strict=True):
        starts = rng.uniform(0, [max(0, video["seconds"] - (end - start)) for _, start, end in moments])
        moved.append([(c, at, at + end - start) for at, (c, start, end) in zip(starts, moments, strict=True)])
    return moved


def read_truth(path):
    """{id: [(class, start, end)]} of a truth.csv."""
    truth = collections.defaultdict(list)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            truth[row["id"]].append((int(row["class"]), float(row["start"]), float(row["end"])))
    return truth


def rated_truth(pattern, segment_size, frame_seconds):
    """{id: [(class, start, end)]} of rated segments: those of a class that touch are one moment."""
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
    """`measure` of a file that yt8m-moments wrote; of the truth, the classes that are named anywhere: those asked."""
    with open(path, encoding="utf-8") as file:
        videos = json.load(file)
    classes = {m["class"] for video in videos for m in video["moments"]}
    return measure(videos, {video: [t for t in there if t[0] in classes] for video, there in truth.items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("found", help="JSON that yt8m-moments wrote")
    parser.add_argument("--truth", help="truth.csv of synthesize")
    parser.add_argument("--ratings", help="files with rated segments, where there is no truth.csv")
    parser.add_argument("--segment_size", type=int, default=2, help="frames of a rated segment")
    parser.add_argument("--frame_seconds", type=float, default=1.0, help="how far apart frames are")
    given = parser.parse_args()
    if not (given.truth or given.ratings):
        parser.error("name --truth or --ratings")
    if given.truth:
        truth = read_truth(given.truth)
    else:
        truth = rated_truth(given.ratings, given.segment_size, given.frame_seconds)
    print(json.dumps({"name": "moments"} | score(given.found, truth)))


if __name__ == "__main__":
    main()
