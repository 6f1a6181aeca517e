"""Videos put together out of scenes, so that which seconds show which class is known.

A scene has a mean feature vector and the classes that it shows. Round the means, frames scatter as those of real
videos do (measured there: within a video a standard deviation of 0.8 a feature, an autocorrelation of 0.45 at one
second and 0.1-0.2 at five): every shot has an offset of its own, every frame first-order autoregressive noise.

Letters: T frames, F features, S scenes.
"""

from dataclasses import dataclass

import numpy as np

from yt8m_attention import schema
from yt8m_attention.ops.quantize import quantize

SCENES = (4, 9)  # of a video, fewest and most
SHOT_SECONDS = (5, 15)
LAG_1 = 0.45  # autocorrelation of the noise at one second
# Standard deviation of a frame's noise and of a shot's offset, a feature.
VISUAL_SCATTER = (0.74, 0.30)
AUDIO_SCATTER = (0.55, 0.25)

# Video labels of the train split, as a machine gives them: each true one is left out, and false ones are added.
DROPPED = 0.1
SPURIOUS = 0.3  # a video, on average (Poisson)

# Rated pairs of a class in one video, at most. More positives, as in the real ratings, where 55.7 % are positive.
POSITIVES = 5
NEGATIVES = 2


@dataclass(frozen=True)
class Scene:
    """What some seconds show: the mean of their frames, float32 [F], and the ids of the classes in all of them."""

    mean: np.ndarray
    classes: frozenset


@dataclass(frozen=True)
class Video:
    """Frames, uint8 [T, F]; the scene of each, int [T]; the scenes; and the classes that the video is about."""

    frames: np.ndarray
    scene_of: np.ndarray
    scenes: tuple
    classes: frozenset

    def shows(self, label):
        """Which frames show the class: bool [T]."""
        return np.array([label in scene.classes for scene in self.scenes])[self.scene_of]

    def windows(self, label):
        """The class's moments, [start, end) in frames, in order."""
        edges = np.flatnonzero(np.diff(np.r_[False, self.shows(label), False].astype(np.int8)))
        return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def scene_count(rng, length, segment_size):
    """How many scenes a video of so many frames has: none is shorter than a segment."""
    return min(int(rng.integers(SCENES[0], SCENES[1] + 1)), length // segment_size)


def render(rng, scenes, classes, length, segment_size, features):
    """A Video of so many frames that shows the scenes in the order given, cut at random."""
    free = length - len(scenes) * segment_size
    cuts = np.sort(rng.integers(0, free + 1, len(scenes) - 1)) + segment_size * np.arange(1, len(scenes))
    scene_of = np.repeat(np.arange(len(scenes)), np.diff(np.r_[0, cuts, length]))
    means = np.stack([scene.mean for scene in scenes])
    frames = quantize(means[scene_of] + _scatter(rng, length, features))
    return Video(frames, scene_of, tuple(scenes), frozenset(classes))


def _scatter(rng, length, features):
    spread = [AUDIO_SCATTER if name.startswith("audio") else VISUAL_SCATTER for name in features.names]
    frame_std, shot_std = np.repeat(np.float32(spread), features.sizes, axis=0).T
    noise = rng.standard_normal((length, features.total), dtype=np.float32)
    for t in range(1, length):
        noise[t] = np.float32(LAG_1) * noise[t - 1] + np.float32((1 - LAG_1**2) ** 0.5) * noise[t]
    shot_of = np.repeat(np.arange(length), rng.integers(SHOT_SECONDS[0], SHOT_SECONDS[1] + 1, length))[:length]
    shots = rng.standard_normal((shot_of[-1] + 1, features.total), dtype=np.float32)
    return noise * frame_std + shots[shot_of] * shot_std


def noisy_labels(rng, classes, spurious):
    """Video labels as a machine gives them: incomplete, with false ones; never none.

    Args:
      classes: what the video is truly about.
      spurious: array of class ids that false labels are drawn from, as often as they stand in it.
    """
    kept = {c for c in sorted(classes) if rng.random() >= DROPPED} or set(classes)
    return kept | {int(c) for c in rng.choice(spurious, rng.poisson(SPURIOUS))}


def rate(rng, video, segment_classes, segment_size):
    """What raters say of some segments of a video: [(start, class, score)], sorted; score 1.0 or 0.0.

    Only classes that the video is about are rated, only on segments inside the official window; positive where more
    than half of a segment's frames show the class, negative where none does, and not rated in between.
    """
    head, tail = schema.RATED_WINDOW
    starts = np.arange(0, len(video.frames) - tail - segment_size + 1, segment_size)
    starts = starts[starts >= head]
    pairs = []
    for label in sorted(video.classes & segment_classes):
        shown = np.convolve(video.shows(label), np.ones(segment_size), mode="valid")[starts]
        for score, candidates, most in (
            (1.0, starts[shown > segment_size / 2], POSITIVES),
            (0.0, starts[shown == 0], NEGATIVES),
        ):
            chosen = rng.choice(candidates, min(most, len(candidates)), replace=False)
            pairs += [(int(start), label, score) for start in chosen]
    return sorted(pairs)
