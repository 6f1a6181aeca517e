"""Weights of an ensemble, fitted on rated segments that no member was trained on, and what each member is worth."""

from typing import NamedTuple

import numpy as np

from yt8m_attention import progress, schema
from yt8m_attention.data import pipeline
from yt8m_attention.ensembling import blend
from yt8m_attention.errors import UserError
from yt8m_attention.inference import rank
from yt8m_attention.metrics.streaming import average_precision_by_class

_SEGMENTS = 256  # a batch; it bounds memory and never changes a result


class RatedPairs(NamedTuple):
    """P pairs of segment and class that somebody rated, by class, then in file order."""

    classes: np.ndarray  # int64 [P], ascending
    labels: np.ndarray  # bool [P]
    scores: list  # of float32 [P], one a member

    @classmethod
    def of(cls, classes, labels, scores):
        """Sorts pairs that come in file order."""
        by_class = np.argsort(classes, kind="stable")
        return cls(classes[by_class], labels[by_class], [member[by_class] for member in scores])

    def averaged(self, method):
        """What the method takes the mean of, one float64 [P] a member; ranks are those among a class's rated pairs."""
        bounds = np.flatnonzero(np.diff(self.classes)) + 1
        return [
            np.concatenate([blend.averaged(part, method) for part in np.split(member, bounds)])
            for member in self.scores
        ]

    def judge(self, values):
        """MAP@100,000 of a ranking by float [P]; ties go to the earlier segment."""
        ranked = np.lexsort((-values.astype(np.float32), self.classes))
        positives = np.bincount(self.classes[self.labels])
        classes = self.classes[ranked]
        known = classes < len(positives)
        precision = average_precision_by_class(
            classes[known], self.labels[ranked][known], positives, schema.TOP_SEGMENTS
        )
        return float(np.nanmean(precision))


def rated_pairs(scorers, pattern, data, held_out):
    """Scores the rated segments of files by all models in one pass.

    Args:
      scorers: functions of a batch (scoring.make_scorer), one a model.
      pattern, data: as pipeline.evaluation_batches; of the data's `segment_classes` alone pairs are taken.
      held_out: the share of the videos that alone is used; 0: all.

    Returns:
      RatedPairs.

    Raises:
      UserError: where there is no rated segment with a positive.
    """
    counts = np.isin(np.arange(data.num_classes), rank.segment_classes(data))
    parts = []
    with pipeline.user_errors():
        batches = pipeline.evaluation_batches(
            pattern, data, _SEGMENTS, "rated_segments", held_out, bool(held_out), flag="fit_data_pattern"
        )
        for batch in progress.through(batches, "rated segments"):
            rows, classes = np.nonzero(batch["rated"].numpy() & counts)
            scores = [score(batch)["probabilities"][rows, classes] for score in scorers]
            parts.append((classes, batch["labels"].numpy()[rows, classes] > 0, *scores))
    classes, labels, *scores = map(np.concatenate, zip(*parts, strict=True))
    if not labels.any():
        raise UserError(f"--fit_data_pattern={pattern}: no segment is rated positive; name files with rated segments")
    return RatedPairs.of(classes, labels, scores)


def fit(pairs, names, method):
    """Fits weights and says what each member is worth.

    Args:
      pairs: RatedPairs.
      names: of the members.
      method: one of blend.METHODS.

    Returns:
      (weights float64, one a member; the blend's MAP on these pairs).
    """
    members = pairs.averaged(method)
    weights = blend.fit(members, pairs.judge)
    gains = blend.gains(members, weights, pairs.judge)
    progress.say(f"MAP of {len(pairs.labels):,} rated pairs, by member: its weight, alone, what the blend loses "
                 "without it, what it adds to those above it")  # fmt: skip
    width = max(map(len, names))
    for name, *values in zip(names, weights, gains.alone, gains.left_out, gains.added, strict=True):
        progress.say("{:{}}  {:.2f}  {:.4f}  {:+.4f}  {:+.4f}".format(name, width, *values).replace("+nan", "-"))
    progress.say(f"{'blend':{width}}        {gains.blend:.4f}")
    return weights, gains.blend
