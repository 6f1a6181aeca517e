"""Videos composed out of real ones: the frames of a scene scatter round the mean features of one real video.

So the features and the structure of the labels are real, only the sequence is made, and which seconds show which
class is known. A video is about the labels of one to three real videos; most of its other scenes come from among
the nearest neighbours of these, since what else a video shows is rarely far from its subject. Each split has real
videos of its own, and so have those of the validate split that phase 2 holds out (with more than the default
--holdout_fraction, only some of those).

Letters: N real videos, F features.
"""

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from yt8m_attention import schema
from yt8m_attention.config import RATED_HOLDOUT
from yt8m_attention.data import holdout
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError
from yt8m_attention.synthesis.scenes import Scene, render, scene_count

TOPICS = (1, 3)  # real videos that a composed one is about, fewest and most
NEAR = 0.7  # of the other scenes, the share that is among a topic's nearest ...
NEIGHBOURS = 15  # ... this many, of ...
AMONG = 3000  # ... this many real videos, drawn anew for each composed one
SHARES = {"train": 0.7, "validate": 0.15, "test": 0.15}  # of the real videos

# Segments are rated for classes that enough real videos have (40 of the 28,792 that this was set with, in
# proportion for fewer), and that no more than one in twenty has.
LEAST_VIDEOS, LEAST_OF, LEAST_EVER = 40, 28_792, 8
MOST_SHARE = 0.05
LEAST_REAL = 20  # real videos, so that each split has some


class Collage:
    """Composes videos out of the real ones that a config's sources hold.

    Args:
      config: the SynthesisConfig, with sources; its seed settles which real videos are in which split.

    Raises:
      UserError: for sources that hold nothing of use.
    """

    def __init__(self, config):
        self.features = config.features
        self.means, self.labels = read_means(config.sources, config.features, config.num_classes)
        self.segment_classes = frozenset(_segment_classes(self.labels, config))
        self.units = self.means / np.maximum(np.linalg.norm(self.means, axis=1, keepdims=True), 1e-12)
        order = np.random.default_rng([config.seed, 0]).permutation(len(self.means))
        edges = np.rint(np.cumsum(list(SHARES.values()))[:-1] * len(order)).astype(int)
        self.pools = dict(zip(SHARES, np.split(order, edges), strict=True))
        self._spurious = {split: np.concatenate([self.labels[i] for i in pool]) for split, pool in self.pools.items()}
        held_out = max(1, round(RATED_HOLDOUT * len(self.pools["validate"])))
        self.held_out, self.pools["validate"] = np.split(self.pools["validate"], [held_out])

    def compose(self, rng, split, video_id, length, segment_size):
        """One Video of so many frames, of the split's real videos; its id tells whether it is held out."""
        held_out = split == "validate" and holdout.in_holdout(video_id, RATED_HOLDOUT)
        pool = self.held_out if held_out else self.pools[split]
        count = min(scene_count(rng, length, segment_size), len(pool))
        topics = min(int(rng.integers(TOPICS[0], TOPICS[1] + 1)), count)
        chosen = self._choose(rng, pool, count, topics)
        classes = {int(c) for i in chosen[:topics] for c in self.labels[i]}
        scenes = [Scene(self.means[i], frozenset(self.labels[i].tolist())) for i in rng.permutation(chosen)]
        return render(rng, scenes, classes, length, segment_size, self.features)

    def spurious(self, split):
        """Class ids that false labels are drawn from, each as often as real videos of the split have it."""
        return self._spurious[split]

    def _choose(self, rng, pool, count, topics):
        """Indices of `count` different real videos, the topics first."""
        among = rng.choice(pool, min(AMONG, len(pool)), replace=False)
        chosen = among[:topics].tolist()
        nearness = self.units[among] @ self.units[chosen].T
        near = among[np.argsort(-nearness, axis=0, kind="stable")[: 1 + NEIGHBOURS]]  # the nearest is the topic itself
        while len(chosen) < count:
            candidates = near[:, rng.integers(topics)] if rng.random() < NEAR else pool
            candidate = int(rng.choice(candidates))
            if candidate not in chosen:
                chosen.append(candidate)
        return chosen


def read_means(pattern, features, num_classes):
    """Real videos of video-level files.

    Args:
      pattern: glob of TFRecord files of tf.train.Example.
      features: config.Features; a stream's mean is read from the key `mean_` and its name.
      num_classes: labels from here on are left out, and so are videos with no other.

    Returns:
      means, float32 [N, F], and a list of N int arrays of labels.

    Raises:
      UserError: where no file matches, a file is no such file, or too few videos remain for three splits.
    """
    means, labels = [], []
    for path in file_patterns.expand(pattern, "sources"):
        for mean, classes in _read_file(path, features):
            classes = np.unique(classes[classes < num_classes])
            if len(classes):
                means.append(mean)
                labels.append(classes)
    if len(means) < LEAST_REAL:
        raise UserError(f"--sources={pattern}: found {len(means)} videos with labels below "
                        f"--num_classes={num_classes}, wanted {LEAST_REAL} or more")  # fmt: skip
    return np.stack(means), labels


def _read_file(path, features):
    try:
        for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
            feature = tf.train.Example.FromString(record).features.feature
            streams = [np.float32(feature[schema.MEAN_PREFIX + name].float_list.value) for name in features.names]
            found = tuple(map(len, streams))
            if found != features.sizes:
                names = ", ".join(schema.MEAN_PREFIX + name for name in features.names)
                raise UserError(f"{path}: {names} hold {found} numbers, but --feature_sizes says {features.sizes}")
            yield np.concatenate(streams), np.int64(feature[schema.LABELS_KEY].int64_list.value)
    except (tf.errors.OpError, DecodeError) as error:
        raise UserError(f"{path}: no TFRecord file of tf.train.Example, or a damaged one") from error


def _segment_classes(labels, config):
    """The most frequent so many of the classes that are neither too rare nor too common to rate segments for."""
    counts = np.bincount(np.concatenate(labels), minlength=config.num_classes)
    least = max(LEAST_EVER, round(LEAST_VIDEOS * len(labels) / LEAST_OF))
    fit = np.flatnonzero((counts >= least) & (counts <= MOST_SHARE * len(labels)))
    wanted = len(fit) if config.num_segment_classes is None else config.num_segment_classes
    if not len(fit) or wanted > len(fit):
        raise UserError(
            f"--num_segment_classes={wanted}: --sources has {len(fit)} classes with {least} videos or more that not "
            f"over {MOST_SHARE:.0%} of its {len(labels)} videos have; ask for fewer or give more sources"
        )
    return fit[np.argsort(-counts[fit], kind="stable")[:wanted]].tolist()
