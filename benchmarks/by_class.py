"""Compares the average precision of two networks by kind of class, from the results of benchmarks.quality.

  python -m benchmarks.by_class --data=audioset --models=mean_pooling,attention_3 [--data_dir=DIR] [--results_dir=DIR]

Classes are sorted by a property and split into three equal parts. The properties are the share of a video that a class
fills if it occurs, and its number of training videos. Each row shows the mean average precision of each network over
the classes of the part and over the finished seeds of both networks. It also shows the difference, its 95% interval
from bootstrap draws of classes and seeds, and its range over seeds. Below the table is the rank correlation of the
property with the difference, over classes. An interval without 0 is only a hint that needs its own data: it ignores the
noise of the test videos, and with many rows one can look significant by chance.
"""

import collections
import glob
import json
import os
import sys

import numpy as np

from benchmarks import moments, quality, run_settings
from yt8m_attention import files
from yt8m_attention.data import rating_reader
from yt8m_attention.data.formats import index

# The three parts of each property.
PARTS = {"share of a video": ("short", "middle", "long"), "training videos": ("rare", "middle", "frequent")}
DRAWS = 2000


def average_precisions(folder, phase):
    """Reads {name of the seed: {class: average precision}} of one network; old results do not have it."""
    results = {path.stem: files.read_json(path) for path in sorted(folder.glob("seed*.json"))}
    return {
        seed: {int(c): value for c, value in result["average_precisions"][phase].items()}
        for seed, result in results.items()
        if "average_precisions" in result
    }


def training_videos(pattern):
    """Counts the videos of each label: {class: count}."""
    labels = np.concatenate([index.shard_index(path).labels for path in sorted(glob.glob(pattern))])
    return collections.Counter(labels.tolist())


def share_of_rated(ratings):
    """Returns {class: mean share of positives among its rated segments, over the videos with a positive}.

    Args:
      ratings: a rating_reader.Ratings.
    """
    by_video = collections.defaultdict(list)
    for video, c, score in zip(ratings.ids.tolist(), ratings.classes.tolist(), ratings.scores.tolist(), strict=True):
        by_video[c, video].append(score)
    return _means((c, np.mean(scores)) for (c, _), scores in by_video.items() if any(scores))


def share_by_truth(truth, pattern):
    """Returns {class: mean share of a video's seconds that show the class, over the videos that show it}.

    Args:
      truth: result of moments.read_truth.
      pattern: glob of the videos, with one frame per second.
    """
    shares = []
    for path in sorted(glob.glob(pattern)):
        shard = index.shard_index(path)
        for video, frames in zip(shard.ids.tolist(), shard.num_frames.tolist(), strict=True):
            seconds = collections.Counter()
            for c, start, end in truth.get(video.decode(), ()):
                seconds[c] += end - start
            shares += [(c, shown / frames) for c, shown in seconds.items()]
    return _means(shares)


def _means(pairs):
    of_class = collections.defaultdict(list)
    for c, value in pairs:
        of_class[c].append(value)
    return {c: float(np.mean(values)) for c, values in of_class.items()}


def properties(data, data_dir):
    """Returns {name of the property: {class: value}}."""
    found, test = {}, os.path.join(data_dir, "test", "*.tfrecord")
    truth = os.path.join(data_dir, "truth.csv")
    if os.path.exists(truth):
        found["share of a video"] = share_by_truth(moments.read_truth(truth), test)
    elif data == "audioset":  # all segments of a clip with a class are rated for it; not so in a collage
        found["share of a video"] = share_of_rated(rating_reader.read_ratings(test, flag="data_dir"))
    else:
        print(f"{data_dir} has no truth.csv, and few ratings per class: the number of training videos of a class is "
              "known, but not the share of a video that it fills.\n")  # fmt: skip
    return found | {"training videos": training_videos(os.path.join(data_dir, "train", "*.tfrecord"))}


def compare(first, second, known):
    """Computes the tables of one phase.

    Args:
      first, second: results of average_precisions.
      known: result of properties; a class without a value of the property is in none of its parts.

    Returns:
      rows: [(property, part, (minimum, maximum) of its values, number of classes, mean of each network, difference, its
        interval (low, high), (minimum, maximum) of the difference over seeds)]; the first row has all classes.
      correlations: {property: (rank correlation with the difference, its interval (low, high))}.
    """
    seeds = sorted(set(first) & set(second))
    classes = sorted(set.intersection(*(set(side[seed]) for side in (first, second) for seed in seeds)))
    # [seeds, classes] of each network
    sides = [np.array([[side[seed][c] for c in classes] for seed in seeds]) for side in (first, second)]
    rows, correlations = [("all classes", "", None, *_part(sides, np.arange(len(classes))))], {}
    for name, values in known.items():
        places = np.array([i for i, c in enumerate(classes) if c in values])
        values = np.array([values[classes[i]] for i in places], float)
        correlations[name] = _correlated(values, (sides[1] - sides[0])[:, places])
        order = np.argsort(values, kind="stable")
        for part, chosen in zip(PARTS[name], np.array_split(order, 3), strict=True):
            limits = values[chosen].min(), values[chosen].max()
            rows.append((name, part, limits, *_part(sides, places[chosen])))
    return rows, correlations


def _part(sides, chosen):
    means = [side[:, chosen].mean() for side in sides]
    differences = (sides[1] - sides[0])[:, chosen]
    drawn = [differences[draw].mean() for draw in _draws(differences.shape)]
    by_seed = differences.mean(axis=1)
    return len(chosen), *means, means[1] - means[0], _interval(drawn), (by_seed.min(), by_seed.max())


def _draws(shape):
    """Yields the indices of DRAWS bootstrap samples of seeds and classes from an array [seeds, classes]."""
    rng = np.random.default_rng(0)
    for _ in range(DRAWS):
        yield np.ix_(*(rng.integers(size, size=size) for size in shape))


def _interval(drawn):
    return tuple(np.nanquantile(drawn, (0.025, 0.975)).tolist())


def _correlated(values, differences):
    drawn = [rank_correlation(values[draw[1][0]], differences[draw].mean(axis=0)) for draw in _draws(differences.shape)]
    return rank_correlation(values, differences.mean(axis=0)), _interval(drawn)


def rank_correlation(one, other):
    """Computes Spearman's rank correlation; NaN if all values of a side are equal."""
    ranks = []
    for values in (one, other):
        _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(counts) - (counts - 1) / 2)[place])  # ties get their mean rank
    if min(map(np.ptp, ranks)) == 0:
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])


def table(names, rows, correlations):
    """Formats the tables as lines of Markdown."""
    head = ["classes", "of", "how many", *(f"`{name}`" for name in names), "difference", "95 %", "over seeds"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name, part, limits, count, first, second, difference, interval, seeds in rows:
        of = f"{part}: {limits[0]:.3g} to {limits[1]:.3g}" if limits else ""
        spans = [f"{low:+.3f} to {high:+.3f}" for low, high in (interval, seeds)]
        lines.append(f"| {name} | {of} | {count} | {first:.3f} | {second:.3f} | {difference:+.3f} | {spans[0]} | "
                     f"{spans[1]} |")  # fmt: skip
    return [*lines, ""] + [
        f"Rank correlation of {name} and difference: {value:+.2f} ({low:+.2f} to {high:+.2f})"
        for name, (value, (low, high)) in correlations.items()
    ]


def main():
    parser = quality.parser(__doc__)
    quality.add_data_dir(parser)
    parser.add_argument("--models", required=True, help="two networks, separated by a comma")
    arguments = parser.parse_args()
    names = arguments.models.split(",")
    if len(names) != 2:
        sys.exit(f"by_class: --models={arguments.models}: wanted two networks, separated by a comma")
    known = properties(arguments.data, quality.data_dir(arguments))
    line = {"name": "by_class", "data": arguments.data, "models": names}
    for phase in run_settings.PHASES:
        runs = [average_precisions(arguments.results_dir / arguments.data / name, phase) for name in names]
        common = sorted(set(runs[0]) & set(runs[1]))
        if not common:
            sys.exit(f"by_class: --results_dir={arguments.results_dir}: the two networks have no common seed with "
                     "scores by class; run benchmarks.quality first")  # fmt: skip
        rows, correlations = compare(*runs, known)
        alone = "; one seed gives no range over seeds" if len(common) == 1 else ""
        print("\n".join([f"{phase}, {', '.join(common)}{alone}", "", *table(names, rows, correlations), ""]))
        line[phase] = {"difference": rows[0][-3], "interval": rows[0][-2], "seeds": rows[0][-1],
                       "correlations": correlations}  # fmt: skip
    print(json.dumps(line))


if __name__ == "__main__":
    main()
