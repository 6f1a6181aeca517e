"""Composes videos of real ones: the frames of a scene scatter around the mean features of one real video.

The features and the structure of the labels are real. Only the sequence is made, so it is known which seconds show
which class. A video is about the labels of one to three real videos, its topics. Most of its other scenes come from
the topics' nearest neighbours, because the scenes of a video are rarely far from its subject. The splits share no real
video, and neither do the held-out and other videos of the validate split (for --holdout_fraction up to its default).

Letters: N real videos, F features.
"""

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from yt8m_attention import schema
from yt8m_attention.config import RATED_HOLDOUT, Features
from yt8m_attention.data import holdout
from yt8m_attention.data.storage import file_patterns
from yt8m_attention.errors import UserError
from yt8m_attention.synthesis.config import SynthesisConfig
from yt8m_attention.synthesis.scenes import Scene, Video, render, scene_count

TOPICS = (1, 3)  # topics of a composed video, minimum and maximum
NEAR = 0.7  # share of the other scenes that is drawn from a topic's neighbours
NEIGHBOURS = 15  # number of nearest videos that are a topic's neighbours
AMONG = 3000  # number of real videos to search for neighbours, drawn for each composed video
SHARES = {"train": 0.7, "validate": 0.15, "test": 0.15}  # of the real videos

# Segments are rated for classes of enough real videos (40 of 28,792, in proportion for fewer videos) and of at most one
# video in twenty.
LEAST_VIDEOS, LEAST_OF, LEAST_EVER = 40, 28_792, 8
MOST_SHARE = 0.05
LEAST_REAL = 20  # minimum number of real videos, so that each split has some


class Collage:
    """Composes videos of the real ones in a configuration's sources.

    Args:
      config: a SynthesisConfig with sources; its seed assigns real videos to splits.

    Raises:
      UserError: when the sources are unusable.
    """

    def __init__(self, config: SynthesisConfig) -> None:
        assert config.sources is not None
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

    def compose(self, rng: np.random.Generator, split: str, video_id: str, length: int, segment_size: int) -> Video:
        """Composes a Video of `length` frames from the split's real videos; its id decides whether it is held out."""
        held_out = split == "validate" and holdout.in_holdout(video_id, RATED_HOLDOUT)
        pool = self.held_out if held_out else self.pools[split]
        count = min(scene_count(rng, length, segment_size), len(pool))
        topics = min(int(rng.integers(TOPICS[0], TOPICS[1] + 1)), count)
        indices = self._choose(rng, pool, count, topics)
        classes = {int(c) for i in indices[:topics] for c in self.labels[i]}
        scenes = [Scene(self.means[i], frozenset(self.labels[i].tolist())) for i in rng.permutation(indices)]
        return render(rng, scenes, classes, length, segment_size, self.features)

    def spurious(self, split: str) -> np.ndarray:
        """Returns the class ids that false labels are drawn from, each as often as the split's real videos have it."""
        return self._spurious[split]

    def _choose(self, rng, pool, count, topics):
        """Returns indices of `count` distinct real videos, the topics first."""
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


def read_means(pattern: str, features: Features, num_classes: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Reads the real videos of video-level files.

    Args:
      pattern: glob of TFRecord files of tf.train.Example.
      features: config.Features; a stream's mean is read from the key `mean_` and its name.
      num_classes: upper bound of the labels, exclusive; other labels are omitted, and videos without labels too.

    Returns:
      (means, float32 [N, F], list of N int arrays of labels).

    Raises:
      UserError: when no file matches, a file has another format, or too few videos remain for three splits.
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
            streams = [
                np.array(feature[schema.MEAN_PREFIX + name].float_list.value, np.float32) for name in features.names
            ]
            sizes = tuple(map(len, streams))
            if sizes != features.sizes:
                names = ", ".join(schema.MEAN_PREFIX + name for name in features.names)
                raise UserError(f"{path}: {names} hold {sizes} numbers, wanted --feature_sizes={features.sizes}")
            yield np.concatenate(streams), np.int64(feature[schema.LABELS_KEY].int64_list.value)
    except (tf.errors.OpError, DecodeError) as error:
        raise UserError(f"{path}: no TFRecord file of tf.train.Example, or a damaged one") from error


def _segment_classes(labels, config):
    """Returns the most frequent classes, num_segment_classes of them, that are neither too rare nor too common."""
    counts = np.bincount(np.concatenate(labels), minlength=config.num_classes)
    least = max(LEAST_EVER, round(LEAST_VIDEOS * len(labels) / LEAST_OF))
    suitable = np.flatnonzero((counts >= least) & (counts <= MOST_SHARE * len(labels)))
    wanted = len(suitable) if config.num_segment_classes is None else config.num_segment_classes
    if not len(suitable) or wanted > len(suitable):
        raise UserError(
            f"--num_segment_classes={wanted}: --sources has {len(suitable)} classes with at least {least} videos and "
            f"at most {MOST_SHARE:.0%} of its {len(labels)} videos; set a lower number or give more sources"
        )
    return suitable[np.argsort(-counts[suitable], kind="stable")[:wanted]].tolist()
