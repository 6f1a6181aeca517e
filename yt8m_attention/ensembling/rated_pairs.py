"""What an ensemble is judged on: the scores that its members give to the segments that people rated.

Letters: P rated pairs of segment and class.
"""

import contextlib
import functools
from typing import NamedTuple

import numpy as np

from yt8m_attention import progress, schema
from yt8m_attention.data import holdout, pipeline, rating_reader
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.ensembling import blend
from yt8m_attention.errors import UserError
from yt8m_attention.inference import rescoring
from yt8m_attention.metrics.streaming import average_precision_by_class

_SEGMENTS = 256  # a batch; it bounds memory and never changes a result
_FLAG = "fit_data_pattern"


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


def of_models(scorers, saved, in_order, pattern, data, classes, held_out, video_score_weight=0.0):
    """Scores the rated segments of files by all models in one pass, and looks up what files of scores say of them.

    Args:
      scorers: functions of a batch (scoring.make_scorer), one a model.
      saved: SavedScores of the other members.
      in_order: function of the models' list and the files' -> one in the order of the members.
      pattern, data: as pipeline.evaluation_batches.
      classes: int64 [C], of which pairs are taken.
      held_out: the share of the videos that alone is used; 0: all.
      video_score_weight: how much a model's score of a segment owes to its score of the video (video_scores.rescore).

    Returns:
      RatedPairs.

    Raises:
      UserError: where there is no rated segment with a positive, or a file has no score of one.
    """
    counts, parts = np.isin(np.arange(data.num_classes), classes), []

    def read(items, size):
        return pipeline.evaluation_batches(pattern, data, size, items, held_out, bool(held_out), flag=_FLAG)

    stream, videos = read("rated_segments", _SEGMENTS), functools.partial(read, "videos", rescoring.SIZE)
    with (
        contextlib.closing(rescoring.Rescorer(scorers, videos, video_score_weight)) as rescorer,
        contextlib.closing(progress.through(iter(stream), "rated segments", stream.measure)) as batches,
    ):
        for batch in batches:
            rows, of = np.nonzero(batch["rated"].numpy() & counts)
            named = batch["id"].numpy()[rows], batch["start"].numpy()[rows], of
            by_models = rescorer(batch["id"].numpy(), [score(batch)["probabilities"] for score in scorers])
            by_models = [scores[rows, of] for scores in by_models]
            scores = in_order(by_models, [file.pick(*named) for file in saved])
            parts.append((of, batch["labels"].numpy()[rows, of] > 0, *scores))
    of, labels, *scores = map(np.concatenate, zip(*parts, strict=True))
    return _with_positives(RatedPairs.of(of, labels, scores), pattern)


def of_files(saved, pattern, data, held_out):
    """The same where all members are files of scores, whose classes count; frames are not read."""
    bad_records = BadRecords(data.max_bad_records)
    found = rating_reader.read_ratings(
        pattern, flag=_FLAG, cache_dir=data.cache_dir, index_dir=data.index_dir, bad_records=bad_records
    )
    bad_records.say()
    keep = np.isin(found.classes, saved[0].classes)
    if held_out:
        keep &= holdout.kept(found.ids, held_out, only_holdout=True)
    pairs = zip(found.ids[keep].tolist(), found.starts[keep].tolist(), found.classes[keep].tolist(), strict=True)
    last = dict(zip(pairs, (found.scores[keep] > 0).tolist(), strict=True))  # of a pair that is rated twice
    if not last:
        return _with_positives(RatedPairs(np.zeros(0, int), np.zeros(0, bool), []), pattern)
    ids, starts, of = map(np.array, zip(*last, strict=True))
    labels = np.array(list(last.values()))
    return _with_positives(RatedPairs.of(of, labels, [file.pick(ids, starts, of) for file in saved]), pattern)


def _with_positives(pairs, pattern):
    if not pairs.labels.any():
        raise UserError(f"--{_FLAG}={pattern}: no segment is rated positive; name files with rated segments")
    return pairs
