"""Scores a model on labelled records: whole videos, and rated segments beside their baselines."""

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from yt8m_attention import progress, schema
from yt8m_attention.aliases import Batch
from yt8m_attention.config import Data, Scoring
from yt8m_attention.data import pipeline
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation.precision_recall import PrecisionRecall
from yt8m_attention.inference import rescoring, score_checks
from yt8m_attention.losses.weighted_cross_entropy import weighted_cross_entropy
from yt8m_attention.metrics.streaming import SegmentMetrics, VideoMetrics

# Bags per batch, unless Examples has another number. They bound memory and do not change the result.
_VIDEOS = 32
_SEGMENTS = 256


@dataclass(frozen=True)
class Examples:
    """The records to score.

    Attributes:
      pattern: files, in the form of --eval_data_pattern.
      data: shape of the records, and the classes that segments are rated for (None: all classes).
      held_out: share of the videos that training held out; only these are scored. 0: all videos.
      limit: maximum number of videos, and also of segments; None: all.
      batch_size: bags per batch; None: 32 videos, 256 segments.
    """

    pattern: str
    data: Data
    held_out: float = 0.0
    limit: int | None = None
    batch_size: int | None = None

    def batches(self, items: str) -> Generator[Batch]:
        """Yields batches of tensors and shows the progress; close it.

        Args:
          items: "videos" or "rated_segments", see pipeline.evaluation_batches.
        """
        unit, size = ("videos", _VIDEOS) if items == "videos" else ("segments", _SEGMENTS)
        size, share = self.batch_size or size, self.held_out
        stream = pipeline.evaluation_batches(self.pattern, self.data, size, items, share, bool(share))
        return progress.through(self._limited(iter(stream)), unit, stream.measure, self.limit)

    def _limited(self, batches):
        left = self.limit
        with contextlib.closing(batches):
            for batch in batches:
                rows = int(batch["frames"].shape[0])
                if left is not None:
                    rows = min(rows, left)
                    left -= rows
                yield {key: value[:rows] for key, value in batch.items()}
                if left == 0:
                    return


def evaluate(score: Callable[[Batch], dict[str, np.ndarray]], examples: Examples, class_weights: np.ndarray,
             segments: bool, top_k: int = schema.TOP_CLASSES,
             scoring: Scoring = Scoring()) -> dict[str, Any]:  # fmt: skip
    """Computes all metrics of one checkpoint.

    Args:
      score: function of a batch -> outputs by name (inference.scoring.make_scorer).
      examples: the records to score.
      class_weights: float [V], weights of the reported loss.
      segments: whether rated segments are scored too.
      top_k: number of classes per video that GAP and MAP consider.
      scoring: its weight of the whole-video score applies (inference.rescoring.rescore). A segment keeps its own score
        if the limit excludes its video.

    Returns:
      dict of `gap`, `hit_at_one`, `perr`, `map`, `loss`, `videos` over whole videos; with segments also `segment_map`
      (MAP@100,000), `chance`, `copied_video_score_map` (MAP if each segment gets the score of its video), `classes`,
      `rated_pairs` and `per_class` {class: (average precision, positives, rated)}. Also `precision_recall`
      {"videos", "segments": result of PrecisionRecall.result}.

    Raises:
      UserError: if there is nothing to score, or a score is NaN.
    """
    video_scores: dict[bytes, np.ndarray] | None = {} if segments else None
    curves = {"videos": PrecisionRecall()}
    result = _videos(score, examples, class_weights, top_k, video_scores, curves["videos"])
    if segments:
        curves["segments"] = PrecisionRecall()
        result |= _segments(score, examples, video_scores, curves["segments"], scoring.video_score_weight)
    return result | {"precision_recall": {name: curve.result() for name, curve in curves.items()}}


def _videos(score, examples, class_weights, top_k, video_scores, curve):
    """Computes the metrics of whole videos. Adds the probabilities of each video to `video_scores`, unless None."""
    metrics = VideoMetrics(examples.data.num_classes, top_k)
    losses = []
    with contextlib.closing(examples.batches("videos")) as batches:
        for batch in batches:
            probabilities = _probabilities(score, batch)
            labels = batch["labels"].numpy()
            metrics.add(probabilities, labels)
            curve.add(probabilities, labels)
            losses.append((float(weighted_cross_entropy(labels, probabilities, None, class_weights)), len(labels)))
            if video_scores is not None:
                video_scores.update(zip(batch["id"].numpy(), probabilities, strict=True))
    if not losses:
        raise UserError(f"{examples.pattern}: no video to evaluate" + (" is held out" if examples.held_out else ""))
    values, counts = zip(*losses, strict=True)
    return metrics.result() | {"loss": float(np.average(values, weights=counts))}


def _probabilities(score, batch):
    """Scores a batch: float [B, V]. Refuses NaN, which finite weights give if an intermediate value overflows."""
    probabilities = score(batch)["probabilities"]
    classes, advice = range(probabilities.shape[1]), "take another checkpoint, or train anew with a lower "
    score_checks.refuse_nan(probabilities, batch["id"].numpy(), classes, "the network", f"{advice}--base_learning_rate")
    return probabilities


def _classes_that_count(data):
    """bool [V]: the classes in the mean, if they have a positive. Other classes can be rated too."""
    if data.segment_classes is None:
        return np.ones(data.num_classes, bool)
    return np.isin(np.arange(data.num_classes), data.segment_classes)


def _segments(score, examples, video_scores, curve, weight):
    """Computes the metrics of rated segments, and the MAP of the copied video scores."""
    metrics, copied = (SegmentMetrics(examples.data.num_classes) for _ in range(2))
    counts = _classes_that_count(examples.data)
    with contextlib.closing(examples.batches("rated_segments")) as batches:
        for batch in batches:
            labels, rated, ordinals = (batch[key].numpy() for key in ("labels", "rated", "ordinal"))
            rated &= counts
            probabilities, ids = _probabilities(score, batch), batch["id"].numpy()
            known = np.array([video in video_scores for video in ids], bool)
            if known.any():
                rows = np.stack([video_scores[video] for video in ids[known]])
                copied.add(rows, labels[known], rated[known], ordinals[known])
                if weight:
                    probabilities[known] = rescoring.rescore(probabilities[known], rows, weight)
            metrics.add(probabilities, labels, rated, ordinals)
            curve.add(probabilities, labels, rated)
    result = metrics.result()
    if not result["classes"]:
        raise UserError(f"{examples.pattern}: no segment is rated positive; --segment_labels needs rated segments")
    return result | {"copied_video_score_map": copied.result()["segment_map"]}
