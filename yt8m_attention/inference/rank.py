"""From a trained model and videos to the ranked segments of every class, or the ranked classes of every video."""

import contextlib
import functools
import time
from dataclasses import dataclass

import numpy as np

from yt8m_attention import progress
from yt8m_attention.config import Data, Scoring
from yt8m_attention.data import pipeline
from yt8m_attention.errors import UserError
from yt8m_attention.inference import partial_rankings, score_checks, scoring, submission, windows
from yt8m_attention.inference.ranked_segments import RankedSegments
from yt8m_attention.inference.scores_writer import ScoresWriter
from yt8m_attention.metrics import sort_keys
from yt8m_attention.runtime import profiling

# Videos a batch, unless --batch_size is given; it bounds memory and never changes a result.
_VIDEOS = 32


@dataclass(frozen=True)
class RankingJob:
    """What is scored, and where the results go.

    Attributes:
      pattern: the files; labels in them are not looked at.
      data: their shape; its `segment_classes` are ranked, in its `segment_window` nothing is.
      output_file: the CSV; a worker's part of one (partial.py).
      scores_file: npz of every score too, or None (scores_writer.py).
      held_out: the share of the videos that training held out, which alone is scored; 0: all.
      window_stride: frames from one window's start to the next one's; None: a window's length, so they never overlap.
      scoring: the precision of matrix products, the weight of the whole-video score, and the bags scored at once.
      scorer: what gives the scores, for messages.
      worker: (number from 0, of how many), which part of the files is ranked; None: all.
    """

    pattern: str
    data: Data
    output_file: str | None
    scores_file: str | None = None
    held_out: float = 0.0
    window_stride: int | None = None
    scoring: Scoring = Scoring()
    scorer: str = "the model"
    worker: tuple[int, int] | None = None

    @property
    def named(self):
        """The files, as messages call them."""
        return f"--input_data_pattern={self.pattern}"

    @property
    def stride(self):
        return self.window_stride or self.data.segment_size

    def batches(self, items, size, shown=True):
        """Batches of so many videos, windows ..., as pipeline.evaluation_batches; shown: as progress, too."""
        stream = pipeline.evaluation_batches(
            self.pattern,
            self.data,
            size,
            items,
            self.held_out,
            bool(self.held_out),
            "input_data_pattern",
            self.worker or (0, 1),
        )
        unit = "videos" if items == "videos" else "segments"
        yield from progress.through(iter(stream), unit, stream.measure) if shown else iter(stream)


def rank_segments(model, job: RankingJob, max_per_class):
    """Scores every eligible segment and writes the challenge's CSV, `Class,Segments`; a worker its part of it.

    Args:
      model: follows the model contract.
      max_per_class: segments of a class, at most.

    Returns:
      dict of `segments`, `classes`, `rows` (segments over all classes), `segments_per_second`, `output_file` (a
      worker's: `ranking_file`), `peak_memory_mb`.

    Raises:
      UserError: where no class or no segment is there to rank, or a file cannot be written.
    """
    classes = segment_classes(job.data)
    scorer = scoring.make_scorer(model, classes, job.scoring.precision)
    with contextlib.closing(windows.score([scorer], job)) as scored:
        parts = ((ids, starts, scores) for ids, starts, (scores,) in scored)
        if job.worker is None:
            return write_ranking(parts, classes, job, max_per_class)
        run = partial_rankings.identity(model, scorer, job, max_per_class)
        write = functools.partial(partial_rankings.save, run=run)
        result = write_ranking(parts, classes, job, max_per_class, write=write)
        return result | {"ranking_file": result.pop("output_file")}


def segment_classes(data):
    """Ids of the classes that segments are ranked for: int64 [C].

    Raises:
      UserError: where they are not known.
    """
    if not data.segment_classes:
        raise UserError("--segment_label_ids_file: not given, and the model was trained on no rated segments; "
                        "name the file with the class ids to rank")  # fmt: skip
    return np.array(data.segment_classes, np.int64)


def write_ranking(parts, classes, job: RankingJob, max_per_class, origin=None, write=RankedSegments.write):
    """Ranks scored segments and writes the challenge's CSV; ties go to the segment that came first.

    Args:
      parts: (ids bytes or str [N], starts int64 [N], scores float32 [N, C]) of some segments each.
      classes: int64 [C].
      job: says where to.
      origin: where the segments come from, for messages; None: the job's files.
      write: function of RankedSegments and the path, which writes something else.
      max_per_class, returns, raises: as rank_segments.
    """
    found = RankedSegments(classes, max_per_class, origin or job.named, job.scorer)
    kept, started = job.scores_file and ScoresWriter(job.scores_file, classes), time.monotonic()
    for ids, starts, scores in parts:
        found.add(ids, starts, scores)
        if kept:
            kept.add(scores)
    rate = found.count / max(time.monotonic() - started, 1e-9)
    progress.say(f"ranking {found.count:,} segments for each of {len(classes):,} classes, writing {job.output_file}")
    write(found, job.output_file)
    if kept:
        kept.save(found.ids, found.starts)
    return {"segments": found.count, "classes": len(classes), "rows": found.rows, "segments_per_second": rate,
            "output_file": job.output_file, "peak_memory_mb": round(profiling.peak_memory_mb())}  # fmt: skip


def rank_classes(model, job: RankingJob, top_k):
    """Scores whole videos and writes a CSV of the best classes of each, `VideoId,LabelConfidencePairs`.

    Args:
      model: follows the model contract.
      top_k: classes of a video, at most.

    Returns:
      dict of `videos`, `classes`, `rows`, `videos_per_second`, `output_file`, `peak_memory_mb`.

    Raises:
      UserError: where no video is there to score, or a file cannot be written.
    """
    ids, best, classes, names = [], [], np.arange(job.data.num_classes), score_checks.VideoIds(job.named)
    score, started = scoring.make_scorer(model, None, job.scoring.precision), time.monotonic()
    kept = job.scores_file and ScoresWriter(job.scores_file, classes)
    with contextlib.closing(job.batches("videos", job.scoring.batch_size or _VIDEOS)) as batches:
        for batch in batches:
            names.add(batch["id"].numpy().tolist(), batch["start"].numpy().tolist())
            scores = score(batch)["probabilities"]
            score_checks.refuse_nan(scores, batch["id"].numpy(), classes, job.scorer)
            best += zip(*sort_keys.top_columns(scores, top_k), strict=True)
            ids += batch["id"].numpy().tolist()
            if kept:
                kept.add(scores)
    rate = len(ids) / max(time.monotonic() - started, 1e-9)
    rows = ((video.decode(), *ranked) for video, ranked in zip(ids, best, strict=True))
    submission.write_videos(job.output_file, rows)
    if kept:
        kept.save(ids, np.full(len(ids), -1))
    return {"videos": len(ids), "classes": len(classes), "rows": len(ids), "videos_per_second": rate,
            "output_file": job.output_file, "peak_memory_mb": round(profiling.peak_memory_mb())}  # fmt: skip
