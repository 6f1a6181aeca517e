"""The planted data set: videos of made-up classes, each of which shows only in some moments of its videos.

A scene is a point in a space of LATENT dimensions, carried into the features by one random linear map. Each class
has two places in that space, round which its scenes scatter:

- its *moment*, what the class is. Only videos of the class have it, and only there are segments rated positive.
- its *context*, what tends to be elsewhere in the same videos (the stadium to the goal). It is as good a sign of
  the *video's* class as the moment, nearly, and no sign of when: other videos show it seldom.

So video labels alone cannot tell a moment from its context, rated segments can, and phase 2 has something to learn
beyond phase 1. All other scenes are background, which is shared by all videos.

The constants were set so that the default data set keeps these apart. A small gated-attention network (4 heads,
width 256, logistic, 90 steps of 64 videos and 45 of 64 segments) had these MAPs on the rated test segments, with seeds
0 and 1: chance 0.54 and 0.55, the video's own score 0.62 and 0.67, phase 1 0.80 and 0.87, phase 2 0.94 and 0.95.
"""

import numpy as np

from yt8m_attention.synthesis.scenes import Scene, render, scene_count

LATENT = 16
BETWEEN = 0.46  # standard deviation of a feature between scenes, as between the means of real videos
SPREAD = 0.8  # of a class's scenes round its place, where places have 1
LIKENESS = 0.75  # correlation of a class's context with its moment
BACKGROUNDS = 24

TOPICS = (1, 3)  # classes of a video, fewest and most
CONTEXT_SHOWN = 0.6  # of a video's classes, the share whose context it shows
# What the remaining scenes of a video are; background is the rest.
MORE_MOMENT = 0.3
MORE_CONTEXT = 0.2
FOREIGN_CONTEXT = 0.25  # the context of a class that the video is not about


class Planted:
    """Composes videos of planted classes.

    Args:
      config: the SynthesisConfig; its seed settles the classes' places and which of them segments are rated for.
    """

    def __init__(self, config):
        rng = np.random.default_rng([config.seed, 0])
        self.features = config.features
        self.num_classes = num_classes = config.num_classes
        self.segment_classes = frozenset(rng.choice(num_classes, config.num_segment_classes, replace=False).tolist())
        self.map = rng.standard_normal((LATENT, self.features.total)) * (BETWEEN / LATENT**0.5)
        self.moments = rng.standard_normal((num_classes, LATENT))
        apart = rng.standard_normal((num_classes, LATENT))
        self.contexts = LIKENESS * self.moments + (1 - LIKENESS**2) ** 0.5 * apart
        self.backgrounds = rng.standard_normal((BACKGROUNDS, LATENT))

    def compose(self, rng, split, video_id, length, segment_size):
        """One Video of so many frames, whatever its id; one of a rated split is about a segment class, at the least."""
        count = scene_count(rng, length, segment_size)
        classes = self._topics(rng, split, min(count, self.num_classes))
        scenes = [self._scene(rng, self.moments[c], {c}) for c in classes]
        scenes += [self._scene(rng, self.contexts[c]) for c in classes if rng.random() < CONTEXT_SHOWN]
        scenes += [self._other(rng, classes) for _ in range(count - len(scenes))]
        scenes = [scenes[i] for i in rng.permutation(min(count, len(scenes)))]
        return render(rng, scenes, classes, length, segment_size, self.features)

    def spurious(self, split):
        """Class ids that false labels are drawn from."""
        return np.arange(self.num_classes)

    def _topics(self, rng, split, most):
        wanted = min(int(rng.integers(TOPICS[0], TOPICS[1] + 1)), most)
        order = rng.permutation(self.num_classes)
        if split != "train":  # the first that is rated goes to the front
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

    def _scene(self, rng, place, classes=()):
        point = place + SPREAD * rng.standard_normal(LATENT)
        return Scene((point @ self.map).astype(np.float32), frozenset(classes))
