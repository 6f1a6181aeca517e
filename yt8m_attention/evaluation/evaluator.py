"""Scores a model on labelled records: whole videos, and where they are rated, segments beside the controls."""

from dataclasses import dataclass

import numpy as np

from yt8m_attention import progress, schema
from yt8m_attention.config import Data, Scoring
from yt8m_attention.data import pipeline
from yt8m_attention.errors import UserError
from yt8m_attention.evaluation.precision_recall import PrecisionRecall
from yt8m_attention.inference import rescoring, score_checks
from yt8m_attention.losses.weighted_cross_entropy import weighted_cross_entropy
from yt8m_attention.metrics.streaming import SegmentMetrics, VideoMetrics

# Bags a batch, unless Examples says another number; they bound memory and never change a result.
_VIDEOS = 32
_SEGMENTS = 256


@dataclass(frozen=True)
class Examples:
    """Which records are scored.

    Attributes:
      pattern: files, as --eval_data_pattern takes them.
      data: their shape, and the classes that segments are rated for (None: those found rated).
      held_out: the share of videos that training held out, which alone is scored; 0: all videos.
      limit: no more than this many videos, and no more than this many segments; None: all.
      batch_size: bags scored at once; None: 32 videos, 256 segments.
    """

    pattern: str
    data: Data
    held_out: float = 0.0
    limit: int | None = None
    batch_size: int | None = None

    def batches(self, items):
        unit = "videos" if items == "videos" else "segments"
        return progress.through(self._limited(items), unit, self.limit)

    def _limited(self, items):
        size = self.batch_size or (_VIDEOS if items == "videos" else _SEGMENTS)
        dataset = pipeline.evaluation_batches(self.pattern, self.data, size, items, self.held_out, bool(self.held_out))
        left = self.limit
        with pipeline.user_errors():
            for batch in dataset:
                rows = int(batch["frames"].shape[0])
                if left is not None:
                    rows = min(rows, left)
                    left -= rows
                yield {key: value[:rows] for key, value in batch.items()}
                if left == 0:
                    return


def evaluate(score, examples: Examples, class_weights, segments: bool, top_k: int = schema.TOP_CLASSES,
             scoring: Scoring = Scoring()):  # fmt: skip
    """Every figure of one checkpoint.

    Args:
      score: function of a batch -> outputs by name (inference.scoring.make_scorer).
      examples: what to score.
      class_weights: float [V], weights of the reported loss.
      segments: whether rated segments are scored too.
      top_k: how many classes of a video GAP and MAP look at.
      scoring: its weight of the whole-video score applies (inference.rescoring.rescore) to segments whose video is
        within the limit.

    Returns:
      dict of `gap`, `hit_at_one`, `perr`, `map`, `loss`, `videos` over whole videos; with segments also `segment_map`
      (MAP@100,000), `chance`, `copied_video_score_map` (each video's own score given to all its segments),
      `classes`, `rated_pairs` and `per_class` {class: (average precision, positives, rated)}. And `precision_recall`
      {"videos", "segments": what PrecisionRecall.result returns}.

    Raises:
      UserError: where there is nothing to score, or a score is NaN.
    """
    kept = {} if segments else None
    curves = {"videos": PrecisionRecall()}
    result = _videos(score, examples, class_weights, top_k, kept, curves["videos"])
    if segments:
        curves["segments"] = PrecisionRecall()
        result |= _segments(score, examples, kept, curves["segments"], scoring.video_score_weight)
    return result | {"precision_recall": {name: curve.result() for name, curve in curves.items()}}


def _videos(score, examples, class_weights, top_k, kept, curve):
    """Video metrics; `kept`, where given, is filled with each video's probabilities by id."""
    metrics = VideoMetrics(examples.data.num_classes, top_k)
    losses = []
    for batch in examples.batches("videos"):
        probabilities = _probabilities(score, batch)
        labels = batch["labels"].numpy()
        metrics.add(probabilities, labels)
        curve.add(probabilities, labels)
        losses.append((float(weighted_cross_entropy(labels, probabilities, None, class_weights)), len(labels)))
        if kept is not None:
            kept.update(zip(batch["id"].numpy(), probabilities, strict=True))
    if not losses:
        raise UserError(f"{examples.pattern}: no video to evaluate" + (" is held out" if examples.held_out else ""))
    values, counts = zip(*losses, strict=True)
    return metrics.result() | {"loss": float(np.average(values, weights=counts))}


def _probabilities(score, batch):
    """float [B, V]; finite weights can give NaN where what they make of a frame overflows."""
    probabilities = score(batch)["probabilities"]
    classes, advice = range(probabilities.shape[1]), "take another checkpoint, or train anew with a lower "
    score_checks.refuse_nan(probabilities, batch["id"].numpy(), classes, "the network", f"{advice}--base_learning_rate")
    return probabilities


def _classes_that_count(data):
    """bool [V]: the classes that the mean is taken over, where a positive is rated; others may be rated too."""
    if data.segment_classes is None:
        return np.ones(data.num_classes, bool)
    return np.isin(np.arange(data.num_classes), data.segment_classes)


def _segments(score, examples, of_videos, curve, weight):
    metrics, copied = (SegmentMetrics(examples.data.num_classes) for _ in range(2))
    counts = _classes_that_count(examples.data)
    for batch in examples.batches("rated_segments"):
        labels, rated, ordinals = (batch[key].numpy() for key in ("labels", "rated", "ordinal"))
        rated &= counts
        probabilities, ids = _probabilities(score, batch), batch["id"].numpy()
        known = np.array([video in of_videos for video in ids], bool)
        if known.any():
            rows = np.stack([of_videos[video] for video in ids[known]])
            copied.add(rows, labels[known], rated[known], ordinals[known])
            if weight:
                probabilities[known] = rescoring.rescore(probabilities[known], rows, weight)
        metrics.add(probabilities, labels, rated, ordinals)
        curve.add(probabilities, labels, rated)
    result = metrics.result()
    if not result["classes"]:
        raise UserError(f"{examples.pattern}: no rated segment with a positive; --segment_labels needs rated segments")
    return result | {"copied_video_score_map": copied.result()["segment_map"]}
