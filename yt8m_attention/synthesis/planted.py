"""Composes videos of made-up classes; a class is visible only in some moments of its videos.

A scene is a point in a space of LATENT dimensions. A random linear map converts it to features. Each class has two
centres in that space, and its scenes scatter around them:

- its *moment*, the class itself. Only videos of the class show it, and only its segments are rated positive.
- its *context*, which often occurs elsewhere in the same videos (a goal's context is the stadium). It predicts the
  *video's* class nearly as well as the moment, because other videos rarely show it. It does not predict the time.

So video labels alone cannot separate a moment from its context, but rated segments can. Phase 2 learns what phase 1
cannot. All other scenes are background, which all videos share.

The constants make this difference visible in the default data set. A small gated-attention network (4 heads, width
256, logistic, 90 steps of 64 videos and 45 of 64 segments) had these MAPs on the rated test segments, with seeds 0
and 1: chance 0.54 and 0.55, the video's score 0.62 and 0.67, phase 1 0.80 and 0.87, phase 2 0.94 and 0.95.
"""

import numpy as np

from yt8m_attention.synthesis.config import SynthesisConfig
from yt8m_attention.synthesis.scenes import Scene, Video, render, scene_count

LATENT = 16
BETWEEN = 0.46  # standard deviation of a feature between scenes, as between the means of real videos
SPREAD = 0.8  # standard deviation of a class's scenes around its centre; that of the centres is 1
LIKENESS = 0.75  # correlation of a class's context with its moment
BACKGROUNDS = 24

TOPICS = (1, 3)  # number of classes of a video, minimum and maximum
CONTEXT_SHOWN = 0.6  # share of a video's classes with a context in the video
# Shares of the kinds of the remaining scenes; the rest is background.
MORE_MOMENT = 0.3
MORE_CONTEXT = 0.2
FOREIGN_CONTEXT = 0.25  # context of a class that the video does not have


class Planted:
    """Composes videos of planted classes.

    Args:
      config: a SynthesisConfig; its seed determines the classes' centres and the classes with rated segments.
    """

    def __init__(self, config: SynthesisConfig) -> None:
        rng = np.random.default_rng([config.seed, 0])
        self.features = config.features
        self.num_classes = num_classes = config.num_classes
        self.segment_classes = frozenset(rng.choice(num_classes, config.num_segment_classes, replace=False).tolist())
        self.map = rng.standard_normal((LATENT, self.features.total)) * (BETWEEN / LATENT**0.5)
        self.moments = rng.standard_normal((num_classes, LATENT))
        independent = rng.standard_normal((num_classes, LATENT))
        self.contexts = LIKENESS * self.moments + (1 - LIKENESS**2) ** 0.5 * independent
        self.backgrounds = rng.standard_normal((BACKGROUNDS, LATENT))

    def compose(self, rng: np.random.Generator, split: str, video_id: str, length: int, segment_size: int) -> Video:
        """Composes a Video of `length` frames; in a rated split, it has at least one class with rated segments."""
        count = scene_count(rng, length, segment_size)
        classes = self._topics(rng, split, min(count, self.num_classes))
        scenes = [self._scene(rng, self.moments[c], {c}) for c in classes]
        scenes += [self._scene(rng, self.contexts[c]) for c in classes if rng.random() < CONTEXT_SHOWN]
        scenes += [self._other(rng, classes) for _ in range(count - len(scenes))]
        scenes = [scenes[i] for i in rng.permutation(min(count, len(scenes)))]
        return render(rng, scenes, classes, length, segment_size, self.features)

    def spurious(self, split: str) -> np.ndarray:
        """Returns the class ids that false labels are drawn from."""
        return np.arange(self.num_classes)

    def _topics(self, rng, split, most):
        wanted = min(int(rng.integers(TOPICS[0], TOPICS[1] + 1)), most)
        order = rng.permutation(self.num_classes)
        if split != "train":  # the first class with rated segments goes to the front
            order = sorted(order, key=lambda c: c not in self.segment_classes)[:1] + list(order)
        return list(dict.fromkeys(int(c) for c in order))[:wanted]

    def _other(self, rng, classes):
        kind, topic = rng.random(), int(rng.choice(classes))
        if kind < MORE_MOMENT:
            return self._scene(rng, self.moments[topic], {topic})
        if kind < MORE_MOMENT + MORE_CONTEXT:
            return self._scene(rng, self.contexts[topic])
        foreign = int(rng.integers(self.num_classes))
        if kind < MORE_MOMENT + MORE_CONTEXT + FOREIGN_CONTEXT and foreign not in classes:
            return self._scene(rng, self.contexts[foreign])
        return self._scene(rng, self.backgrounds[rng.integers(BACKGROUNDS)])

    def _scene(self, rng, centre, classes=()):
        point = centre + SPREAD * rng.standard_normal(LATENT)
        return Scene((point @ self.map).astype(np.float32), frozenset(classes))
