"""For which classes one network ranks better than another: their scores by kind of class, out of quality's results.

  python -m benchmarks.by_class --data=audioset --models=mean_pooling,attention_3 [--data_dir=DIR] [--results_dir=DIR]

Classes are sorted by a property and cut in three equal parts. The properties: how much of a video they fill where they
occur at all, and how many training videos bear their label. Each row: the mean average precision of either network
over the part's classes (and over the finished seeds that both have), the difference, its 95 % interval over draws of
the classes and of the seeds with replacement, and how far seeds alone move it. Below: the rank correlation of the
property with the difference, over classes. An interval without 0 is a hint that wants data of its own: the noise of the
test videos is not in it, nor that one of many rows will look like something.
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

# Each property's three parts.
PARTS = {"share of a video": ("short", "middle", "long"), "training videos": ("rare", "middle", "frequent")}
DRAWS = 2000


def average_precisions(folder, phase):
    """{seed's name: {class: average precision}} of one network's results; of old ones nobody knows it."""
    results = {path.stem: files.read_json(path) for path in sorted(folder.glob("seed*.json"))}
    return {
        seed: {int(c): value for c, value in result["average_precisions"][phase].items()}
        for seed, result in results.items()
        if "average_precisions" in result
    }


def training_videos(pattern):
    """Of each class, how many videos bear its label: {class: count}."""
    labels = np.concatenate([index.shard_index(path).labels for path in sorted(glob.glob(pattern))])
    return collections.Counter(labels.tolist())


def share_of_rated(ratings):
    """{class: mean, over the videos with a segment rated 1 for it, of the share of its rated segments that are}.

    Args:
      ratings: a segments.Ratings.
    """
    by_video = collections.defaultdict(list)
    for video, c, score in zip(ratings.ids.tolist(), ratings.classes.tolist(), ratings.scores.tolist(), strict=True):
        by_video[c, video].append(score)
    return _means((c, np.mean(scores)) for (c, _), scores in by_video.items() if any(scores))


def share_by_truth(truth, pattern):
    """{class: mean, over the videos that show it, of the share of their seconds that do}.

    Args:
      truth: as moments.read_truth gives it.
      pattern: glob of the videos, frames a second apart.
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
    """{name: {class: value}} of what the data tells of its classes."""
    found, test = {}, os.path.join(data_dir, "test", "*.tfrecord")
    truth = os.path.join(data_dir, "truth.csv")
    if os.path.exists(truth):
        found["share of a video"] = share_by_truth(moments.read_truth(truth), test)
    elif data == "audioset":  # where a clip has a class, all its segments are rated for it; not so in a collage
        found["share of a video"] = share_of_rated(rating_reader.read_ratings(test, flag="data_dir"))
    else:
        print(f"{data_dir} has no truth.csv, and its ratings are a few of each class: only how often training saw a "
              "class is known, not how much of a video it fills.\n")  # fmt: skip
    return found | {"training videos": training_videos(os.path.join(data_dir, "train", "*.tfrecord"))}


def compare(first, second, known):
    """The tables of one phase.

    Args:
      first, second: as average_precisions returns.
      known: as properties returns; a class that a property does not know is left out of its parts.

    Returns:
      rows: [(property, part, least and greatest value in it, number of classes, mean of either network, difference,
        its interval (low, high), (least, greatest) of the difference over seeds)], the whole first.
      correlations: {property: (rank correlation with the difference, its interval (low, high))}.
    """
    seeds = sorted(set(first) & set(second))
    classes = sorted(set.intersection(*(set(side[seed]) for side in (first, second) for seed in seeds)))
    # [seeds, classes] of either network
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
    """Indices of DRAWS arrays like one [seeds, classes], of seeds and of classes drawn from it with replacement."""
    rng = np.random.default_rng(0)
    for _ in range(DRAWS):
        yield np.ix_(*(rng.integers(size, size=size) for size in shape))


def _interval(drawn):
    return tuple(np.nanquantile(drawn, (0.025, 0.975)).tolist())


def _correlated(values, differences):
    drawn = [rank_correlation(values[draw[1][0]], differences[draw].mean(axis=0)) for draw in _draws(differences.shape)]
    return rank_correlation(values, differences.mean(axis=0)), _interval(drawn)


def rank_correlation(one, other):
    """Spearman's; NaN where either has but one value."""
    ranks = []
    for values in (one, other):
        _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(counts) - (counts - 1) / 2)[place])  # those that tie share their mean rank
    if min(map(np.ptp, ranks)) == 0:
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])


def table(names, rows, correlations):
    """The tables as lines of Markdown."""
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
    parser.add_argument("--models", required=True, help="two networks with a comma between")
    arguments = parser.parse_args()
    names = arguments.models.split(",")
    if len(names) != 2:
        sys.exit(f"by_class: --models={arguments.models}: wanted two networks with a comma between")
    known = properties(arguments.data, quality.data_dir(arguments))
    line = {"name": "by_class", "data": arguments.data, "models": names}
    for phase in run_settings.PHASES:
        runs = [average_precisions(arguments.results_dir / arguments.data / name, phase) for name in names]
        common = sorted(set(runs[0]) & set(runs[1]))
        if not common:
            sys.exit(f"by_class: --results_dir={arguments.results_dir}: the two networks have no seed in common whose "
                     "scores by class are kept; run benchmarks.quality first")  # fmt: skip
        rows, correlations = compare(*runs, known)
        alone = "; one seed does not tell how far seeds move it" if len(common) == 1 else ""
        print("\n".join([f"{phase}, {', '.join(common)}{alone}", "", *table(names, rows, correlations), ""]))
        line[phase] = {"difference": rows[0][-3], "interval": rows[0][-2], "seeds": rows[0][-1],
                       "correlations": correlations}  # fmt: skip
    print(json.dumps(line))


if __name__ == "__main__":
    main()
