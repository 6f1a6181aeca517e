"""Renders videos from scenes, so that it is known which seconds show which class.

A scene has a mean feature vector and the classes that it shows. Frames scatter around the means as in real videos. (In
those, a feature has a standard deviation of 0.8 within a video and an autocorrelation of 0.45 at one second and 0.1-0.2
at five.) Each shot has an offset, and the frames have first-order autoregressive noise.

Letters: T frames, F features, S scenes.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

import numpy as np

from yt8m_attention import schema
from yt8m_attention.config import Features
from yt8m_attention.ops.quantize import quantize

SCENES = (4, 9)  # number of scenes of a video, minimum and maximum
SHOT_SECONDS = (5, 15)
LAG_1 = 0.45  # autocorrelation of the noise at one second
# Standard deviations, per feature, of a frame's noise and of a shot's offset.
VISUAL_SCATTER = (0.74, 0.30)
AUDIO_SCATTER = (0.55, 0.25)

# Machine-generated video labels of the train split miss some true labels and have some false ones.
DROPPED = 0.1  # probability that a true label is missing
SPURIOUS = 0.3  # mean number of false labels of a video (Poisson)

# Maximum numbers of rated pairs of a class in one video. More are positive, as in the real ratings (55.7 %).
POSITIVES = 5
NEGATIVES = 2


@dataclass(frozen=True)
class Scene:
    """Content of adjacent frames: their mean features, float32 [F], and the ids of the classes that they show."""

    mean: np.ndarray
    classes: frozenset[int]


@dataclass(frozen=True)
class Video:
    """Frames, uint8 [T, F]; the scene index of each frame, int [T]; the scenes; and the classes of the video."""

    frames: np.ndarray
    scene_of: np.ndarray
    scenes: tuple[Scene, ...]
    classes: frozenset[int]

    def shows(self, label: int) -> np.ndarray:
        """Returns the frames that show the class: bool [T]."""
        return np.array([label in scene.classes for scene in self.scenes])[self.scene_of]

    def windows(self, label: int) -> list[tuple[int, int]]:
        """Returns the class's moments, [start, end) in frames, in order."""
        edges = np.flatnonzero(np.diff(np.r_[False, self.shows(label), False].astype(np.int8)))
        return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def scene_count(rng: np.random.Generator, length: int, segment_size: int) -> int:
    """Draws the number of scenes of a video of `length` frames; no scene is shorter than a segment."""
    return min(int(rng.integers(SCENES[0], SCENES[1] + 1)), length // segment_size)


def render(
    rng: np.random.Generator,
    scenes: Sequence[Scene],
    classes: Iterable[int],
    length: int,
    segment_size: int,
    features: Features,
) -> Video:
    """Renders a Video of `length` frames: the scenes in the given order, with random cuts."""
    free = length - len(scenes) * segment_size
    cuts = np.sort(rng.integers(0, free + 1, len(scenes) - 1)) + segment_size * np.arange(1, len(scenes))
    scene_of = np.repeat(np.arange(len(scenes)), np.diff(np.r_[0, cuts, length]))
    means = np.stack([scene.mean for scene in scenes])
    frames = quantize(means[scene_of] + _scatter(rng, length, features))
    return Video(frames, scene_of, tuple(scenes), frozenset(classes))


def _scatter(rng, length, features):
    deviations = [AUDIO_SCATTER if name.startswith("audio") else VISUAL_SCATTER for name in features.names]
    frame_std, shot_std = np.repeat(np.array(deviations, np.float32), features.sizes, axis=0).T
    noise = rng.standard_normal((length, features.total), dtype=np.float32)
    for t in range(1, length):
        noise[t] = np.float32(LAG_1) * noise[t - 1] + np.float32((1 - LAG_1**2) ** 0.5) * noise[t]
    shot_of = np.repeat(np.arange(length), rng.integers(SHOT_SECONDS[0], SHOT_SECONDS[1] + 1, length))[:length]
    shots = rng.standard_normal((shot_of[-1] + 1, features.total), dtype=np.float32)
    return noise * frame_std + shots[shot_of] * shot_std


def noisy_labels(rng: np.random.Generator, classes: Iterable[int], spurious: np.ndarray) -> set[int]:
    """Draws machine-generated video labels: some true labels are missing, some false ones are added.

    Args:
      classes: true classes of the video; if all would be missing, all stay.
      spurious: array of class ids that false labels are drawn from.
    """
    labels = {c for c in sorted(classes) if rng.random() >= DROPPED} or set(classes)
    return labels | {int(c) for c in rng.choice(spurious, rng.poisson(SPURIOUS))}


def rate(
    rng: np.random.Generator, video: Video, segment_classes: Set[int], segment_size: int
) -> list[tuple[int, int, float]]:
    """Rates some segments of a video: returns [(start, class, score)], sorted; the score is 1.0 or 0.0.

    Only classes of the video are rated, and only segments inside the rated window. A segment is positive if more than
    half of its frames show the class, negative if none does, and not rated otherwise.
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
