"""Collects the scores of rated segments from the members of an ensemble, to judge and fit it.

Letters: P rated pairs of segment and class.
"""

import contextlib
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from yt8m_attention import config, progress, schema
from yt8m_attention.data import holdout, pipeline, rating_reader
from yt8m_attention.data.formats.bad_records import BadRecords
from yt8m_attention.ensembling import blend
from yt8m_attention.ensembling.scores_file import SavedScores
from yt8m_attention.errors import UserError
from yt8m_attention.inference import rescoring
from yt8m_attention.inference.scoring import Scorer
from yt8m_attention.metrics.streaming import average_precision_by_class

_SEGMENTS = 256  # segments per batch; it bounds memory and does not change the result
_FLAG = "fit_data_pattern"


class RatedPairs(NamedTuple):
    """P rated pairs of segment and class, sorted by class, then in file order."""

    classes: np.ndarray  # int64 [P], ascending
    labels: np.ndarray  # bool [P]
    scores: list[np.ndarray]  # float32 [P], one per member

    @classmethod
    def of(cls, classes: np.ndarray, labels: np.ndarray, scores: Sequence[np.ndarray]) -> "RatedPairs":
        """Sorts pairs in file order by class."""
        by_class = np.argsort(classes, kind="stable")
        return cls(classes[by_class], labels[by_class], [member[by_class] for member in scores])

    def averaged(self, method: str) -> list[np.ndarray]:
        """Returns the values that the method averages: float64 [P] per member. Ranks are among the rated pairs."""
        bounds = np.flatnonzero(np.diff(self.classes)) + 1
        return [
            np.concatenate([blend.averaged(part, method) for part in np.split(member, bounds)])
            for member in self.scores
        ]

    def judge(self, values: np.ndarray) -> float:
        """Computes MAP@100,000 of a ranking by values float [P]; the earlier segment wins a tie."""
        ranked = np.lexsort((-values.astype(np.float32), self.classes))
        positives = np.bincount(self.classes[self.labels])
        classes = self.classes[ranked]
        known = classes < len(positives)
        precision = average_precision_by_class(
            classes[known], self.labels[ranked][known], positives, schema.TOP_SEGMENTS
        )
        return float(np.nanmean(precision))


def of_models(scorers: Sequence[Scorer], saved: Sequence[SavedScores],
              in_order: Callable[[Iterable[Any], Iterable[Any]], list[Any]], pattern: str, data: config.Data,
              classes: np.ndarray, held_out: float,
              scoring: config.Scoring = config.Scoring()) -> RatedPairs:  # fmt: skip
    """Scores the rated segments by all models in one pass, and looks up their scores in the files of scores.

    Args:
      scorers: functions of a batch (scoring.make_scorer), one per model.
      saved: SavedScores of the other members.
      in_order: function of a list for the models and a list for the files -> one list in the order of the members.
      pattern, data: as pipeline.evaluation_batches.
      classes: int64 [C], the classes of the pairs.
      held_out: the held-out share of the videos that is used; 0: all videos.
      scoring: its weight of the whole-video score applies to the models (inference.rescoring.rescore).

    Raises:
      UserError: if no segment is rated positive, or a file has no score of a rated segment.
    """
    counts, parts = np.isin(np.arange(data.num_classes), classes), []

    def read(items, size):
        return pipeline.evaluation_batches(pattern, data, size, items, held_out, bool(held_out), flag=_FLAG)

    stream, videos = read("rated_segments", _SEGMENTS), functools.partial(read, "videos", rescoring.SIZE)
    with (
        contextlib.closing(rescoring.Rescorer(scorers, videos, scoring.video_score_weight)) as rescorer,
        contextlib.closing(progress.through(iter(stream), "rated segments", stream.measure)) as batches,
    ):
        for batch in batches:
            rows, columns = np.nonzero(batch["rated"].numpy() & counts)
            keys = batch["id"].numpy()[rows], batch["start"].numpy()[rows], columns
            by_models = rescorer(batch["id"].numpy(), [score(batch)["probabilities"] for score in scorers])
            by_models = [scores[rows, columns] for scores in by_models]
            scores = in_order(by_models, [file.pick(*keys) for file in saved])
            parts.append((columns, batch["labels"].numpy()[rows, columns] > 0, *scores))
    pair_classes, labels, *scores = map(np.concatenate, zip(*parts, strict=True))
    return _with_positives(RatedPairs.of(pair_classes, labels, scores), pattern)


def of_files(saved: Sequence[SavedScores], pattern: str, data: config.Data, held_out: float) -> RatedPairs:
    """Looks up the scores of the rated segments if all members are files of scores. Reads no frames.

    Args and Raises: as of_models; the classes are those of the files.
    """
    bad_records = BadRecords(data.max_bad_records)
    found = rating_reader.read_ratings(
        pattern, flag=_FLAG, cache_dir=data.cache_dir, index_dir=data.index_dir, bad_records=bad_records
    )
    bad_records.log()
    keep = np.isin(found.classes, saved[0].classes)
    if held_out:
        keep &= holdout.kept(found.ids, held_out, only_holdout=True)
    pairs = zip(found.ids[keep].tolist(), found.starts[keep].tolist(), found.classes[keep].tolist(), strict=True)
    last = dict(zip(pairs, (found.scores[keep] > 0).tolist(), strict=True))  # the last rating of a pair counts
    if not last:
        return _with_positives(RatedPairs(np.zeros(0, int), np.zeros(0, bool), []), pattern)
    ids, starts, classes = map(np.array, zip(*last, strict=True))
    labels = np.array(list(last.values()))
    return _with_positives(RatedPairs.of(classes, labels, [file.pick(ids, starts, classes) for file in saved]), pattern)


def _with_positives(pairs, pattern):
    if not pairs.labels.any():
        raise UserError(f"--{_FLAG}={pattern}: no segment is rated positive; name files with rated segments")
    return pairs
