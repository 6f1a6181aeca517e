"""From a trained model and videos to the ranked segments of every class, or the ranked classes of every video."""

import time
from dataclasses import dataclass

import numpy as np

from yt8m_attention import files, progress
from yt8m_attention.config import Data
from yt8m_attention.data import pipeline
from yt8m_attention.errors import UserError
from yt8m_attention.inference import scoring, submission, windows
from yt8m_attention.inference.ranking import TopSegments
from yt8m_attention.metrics import order

# Bags a batch; it bounds memory and never changes a result.
_VIDEOS = 32


@dataclass(frozen=True)
class Job:
    """What is scored, and where the results go.

    Attributes:
      pattern: the files; labels in them are not looked at.
      data: their shape; its `segment_classes` are ranked, in its `segment_window` nothing is.
      output_file: the CSV.
      scores_file: npz of every score too, or None: `ids` [N], `starts` [N], `classes` [C], `scores` [N,C].
      held_out: the share of the videos that training held out, which alone is scored; 0: all.
      window_stride: frames from one window's start to the next one's; None: a window's length, so they never overlap.
      precision: of the products, as scoring.make_scorer's arithmetic.
    """

    pattern: str
    data: Data
    output_file: str
    scores_file: str | None = None
    held_out: float = 0.0
    window_stride: int | None = None
    precision: str = "float32"

    @property
    def named(self):
        """The files, as messages call them."""
        return f"--input_data_pattern={self.pattern}"

    @property
    def stride(self):
        return self.window_stride or self.data.segment_size

    def batches(self, items, size):
        with pipeline.user_errors():
            batches = pipeline.evaluation_batches(
                self.pattern, self.data, size, items, self.held_out, bool(self.held_out), flag="input_data_pattern"
            )
            yield from progress.through(batches, "videos" if items == "videos" else "segments")

    def save_scores(self, ids, starts, classes, scores):
        if self.scores_file:
            with files.replacing(self.scores_file) as file:
                np.savez(file, ids=np.array(ids, bytes), starts=starts, classes=classes, scores=np.concatenate(scores))


def rank_segments(model, job: Job, max_per_class):
    """Scores every eligible segment and writes the challenge's CSV, `Class,Segments`.

    Args:
      model: follows the model contract.
      max_per_class: segments of a class, at most.

    Returns:
      dict of `segments`, `classes`, `rows` (segments over all classes), `segments_per_second`, `output_file`.

    Raises:
      UserError: where no class or no segment is there to rank, or a file cannot be written.
    """
    classes = segment_classes(job.data)
    scorer = scoring.make_scorer(model, classes, job.precision)
    parts = ((ids, starts, scores) for ids, starts, (scores,) in windows.score([scorer], job))
    return write_ranking(parts, classes, job, max_per_class)


def segment_classes(data):
    """Ids of the classes that segments are ranked for: int64 [C].

    Raises:
      UserError: where they are not known.
    """
    if not data.segment_classes:
        raise UserError("--segment_label_ids_file: not given, and the model was trained on no rated segments; "
                        "name the file with the class ids to rank")  # fmt: skip
    return np.array(data.segment_classes, np.int64)


def write_ranking(parts, classes, job: Job, max_per_class, origin=None):
    """Ranks scored segments and writes the challenge's CSV; ties go to the segment that came first.

    Args:
      parts: (ids bytes or str [N], starts int64 [N], scores float32 [N, C]) of some segments each.
      classes: int64 [C].
      job: says where to.
      origin: where the segments come from, for messages; None: the job's files.
      max_per_class, returns, raises: as rank_segments.
    """
    top, ids, starts, kept = TopSegments(len(classes), max_per_class), [], [], []
    names, done, started = _Names(origin or job.named), 0, time.monotonic()
    for part_ids, part_starts, scores in parts:
        names.add(part_ids.tolist(), part_starts.tolist())
        top.add(scores, np.arange(done, done + len(scores)))
        ids.append(part_ids.astype(bytes))  # an array of objects could not be read back without pickling
        starts.append(part_starts)
        if job.scores_file:
            kept.append(scores)
        done += len(scores)
    rate = done / max(time.monotonic() - started, 1e-9)
    progress.say(f"ranking {done:,} segments for each of {len(classes):,} classes, and writing {job.output_file}")
    ids, starts = np.concatenate(ids), np.concatenate(starts)
    _, ranked = top.result()
    submission.write(job.output_file, classes, submission.segment_names(ids, starts), ranked)
    job.save_scores(ids, starts, classes, kept)
    return {"segments": done, "classes": len(classes), "rows": sum(map(len, ranked)),
            "segments_per_second": rate, "output_file": job.output_file}  # fmt: skip


class _Names:
    """Makes sure, while it can be had cheaply, that the file can be written in the end and read by its scorers."""

    def __init__(self, origin):
        self._origin, self._seen, self._last = origin, set(), (None, 0)

    def add(self, ids, starts):
        """Looks at the next items' videos, bytes or str, and starts, in file order.

        Raises:
          UserError: for an id that a CSV cannot hold, or that two videos have.
        """
        for video_id, start in zip(ids, starts, strict=True):
            if video_id != self._last[0] or start <= self._last[1]:
                if video_id in self._seen:
                    raise UserError(f"{self._origin}: two videos have the id {video_id!r}, so "
                                    "that a ranking cannot tell them apart; leave one out")  # fmt: skip
                self._seen.add(video_id)
                try:
                    submission.check_video_id(video_id.decode() if isinstance(video_id, bytes) else video_id)
                except UserError as error:
                    raise UserError(f"{self._origin}: {error}") from error
            self._last = video_id, start


def rank_classes(model, job: Job, top_k):
    """Scores whole videos and writes a CSV of the best classes of each, `VideoId,LabelConfidencePairs`.

    Args:
      model: follows the model contract.
      top_k: classes of a video, at most.

    Returns:
      dict of `videos`, `classes`, `rows`, `videos_per_second`, `output_file`.

    Raises:
      UserError: where no video is there to score, or a file cannot be written.
    """
    ids, best, kept = [], [], []
    score, names, started = scoring.make_scorer(model, None, job.precision), _Names(job.named), time.monotonic()
    for batch in job.batches("videos", _VIDEOS):
        names.add(batch["id"].numpy().tolist(), batch["start"].numpy().tolist())
        scores = score(batch)["probabilities"]
        best += zip(*order.top_columns(scores, top_k), strict=True)
        ids += batch["id"].numpy().tolist()
        if job.scores_file:
            kept.append(scores)
    rate = len(ids) / max(time.monotonic() - started, 1e-9)
    rows = ((video.decode(), *ranked) for video, ranked in zip(ids, best, strict=True))
    submission.write_videos(job.output_file, rows)
    job.save_scores(ids, np.full(len(ids), -1), np.arange(job.data.num_classes), kept)
    return {"videos": len(ids), "classes": job.data.num_classes, "rows": len(ids),
            "videos_per_second": rate, "output_file": job.output_file}  # fmt: skip
