"""For which classes one network ranks better than another: their scores by kind of class, out of quality's runs.

  python -m benchmarks.by_class --data=collage --data_dir=DIR --work_dir=DIR --models=mean_pooling,attention_3

Classes are sorted by a property and cut in three equal parts. Each row: the mean average precision of either network
over the part's classes (and over the seeds that both have), the difference, and its 95 % interval over draws of the
classes with replacement. An interval without 0 is a finding about this data; how far seeds move it stands beside it.
"""

import argparse
import csv
import glob
import json
import os
import sys
from pathlib import Path

import numpy as np

from yt8m_attention.data import index

PHASES = ("phase1", "phase2")
PARTS = ("low", "middle", "high")
DRAWS = 2000


def average_precisions(folder, phase):
    """{seed's name: {class: (average precision, positives, rated)}} of one network's finished runs."""
    found = {}
    for path in sorted(folder.glob(f"seed*/{phase}_classes.csv")):
        with open(path, encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        found[path.parent.name] = {
            int(row["class"]): (float(row["average_precision"]), int(row["positives"]), int(row["rated"]))
            for row in rows
        }
    return found


def training_videos(pattern):
    """Of each class, how many videos bear its label: {class: count}."""
    labels = np.concatenate([index.shard_index(path).labels for path in sorted(glob.glob(pattern))])
    return dict(enumerate(np.bincount(labels).tolist()))


def compare(first, second, properties):
    """The rows of the table of one phase.

    Args:
      first, second: as average_precisions returns.
      properties: {name: function of (class, positives, rated) -> number}.

    Returns:
      [(property, part, least and greatest value in it, number of classes, mean of either network, difference, its
      interval (low, high), (least, greatest) of the difference over seeds)], the whole first.
    """
    seeds = sorted(set(first) & set(second))
    classes = sorted(set.intersection(*(set(side[seed]) for side in (first, second) for seed in seeds)))
    # [seeds, classes] of either network
    sides = [np.array([[side[seed][c][0] for c in classes] for seed in seeds]) for side in (first, second)]
    rows = [("all classes", "", None, *_part(sides, np.arange(len(classes))))]
    for name, value_of in properties.items():
        values = np.array([value_of(c, *first[seeds[0]][c][1:]) for c in classes], float)
        order = np.lexsort((classes, values))
        for part, chosen in zip(PARTS, np.array_split(order, len(PARTS)), strict=True):
            limits = values[chosen].min(), values[chosen].max()
            rows.append((name, part, limits, *_part(sides, chosen)))
    return rows


def _part(sides, chosen):
    means = [side[:, chosen].mean() for side in sides]
    by_seed = (sides[1] - sides[0])[:, chosen].mean(axis=1)
    by_class = (sides[1] - sides[0])[:, chosen].mean(axis=0)
    draws = np.random.default_rng(0).choice(by_class, (DRAWS, len(chosen))).mean(axis=1)
    interval = tuple(np.quantile(draws, (0.025, 0.975)))
    return len(chosen), *means, means[1] - means[0], interval, (by_seed.min(), by_seed.max())


def table(names, rows):
    """The rows as lines of Markdown."""
    head = ["classes", "of", "how many", *(f"`{name}`" for name in names), "difference", "95 %", "over seeds"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name, part, limits, count, first, second, difference, interval, seeds in rows:
        of = f"{part}: {limits[0]:.3g} to {limits[1]:.3g}" if limits else ""
        spans = [f"{low:+.3f} to {high:+.3f}" for low, high in (interval, seeds)]
        lines.append(f"| {name} | {of} | {count} | {first:.3f} | {second:.3f} | {difference:+.3f} | {spans[0]} | "
                     f"{spans[1]} |")  # fmt: skip
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="as quality's")
    parser.add_argument("--data_dir", required=True, help="as quality's: its train/ tells how often classes are seen")
    parser.add_argument("--work_dir", required=True, type=Path, help="quality's, with the finished runs")
    parser.add_argument("--models", required=True, help="two networks with a comma between")
    arguments = parser.parse_args()
    names = arguments.models.split(",")
    if len(names) != 2:
        sys.exit(f"by_class: --models={arguments.models}: wanted two networks with a comma between")
    seen = training_videos(os.path.join(arguments.data_dir, "train", "*.tfrecord"))
    properties = {
        "share of positives": lambda c, positives, rated: positives / rated,
        "training videos": lambda c, positives, rated: seen.get(c, 0),
    }
    line = {"name": "by_class", "data": arguments.data, "models": names}
    for phase in PHASES:
        runs = [average_precisions(arguments.work_dir / arguments.data / name, phase) for name in names]
        if not set(runs[0]) & set(runs[1]):
            sys.exit(f"by_class: --work_dir={arguments.work_dir}: the two networks have no finished seed in common; "
                     "run benchmarks.quality first")  # fmt: skip
        rows = compare(*runs, properties)
        print("\n".join([f"{phase}, seeds in common: {len(set(runs[0]) & set(runs[1]))}", "", *table(names, rows), ""]))
        line[phase] = {"difference": rows[0][-3], "interval": rows[0][-2], "seeds": rows[0][-1]}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
