"""Scores videos with a trained model and ranks the segments of every class, or the classes of every video."""

import contextlib
import functools
import logging
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from yt8m_attention import progress
from yt8m_attention.aliases import Batch
from yt8m_attention.config import Data, Scoring
from yt8m_attention.data import pipeline
from yt8m_attention.errors import UserError
from yt8m_attention.inference import partial_rankings, score_checks, scoring, submission, windows
from yt8m_attention.inference.ranked_segments import RankedSegments
from yt8m_attention.inference.scores_writer import ScoresWriter
from yt8m_attention.metrics import sort_keys
from yt8m_attention.runtime import profiling

logger = logging.getLogger(__name__)

# Videos per batch, unless --batch_size is given. It bounds memory and does not change results.
_VIDEOS = 32


@dataclass(frozen=True)
class RankingJob:
    """Input, options and output of a ranking.

    Attributes:
      pattern: the files; their labels are ignored.
      data: data configuration. The classes in `segment_classes` are ranked; `segment_window` limits where windows lie.
      output_file: path of the CSV, or of the partial ranking if there is a worker (partial_rankings.py).
      scores_file: path of an npz file for all scores, or None (scores_writer.py).
      held_out: fraction of the videos that training held out: only these are scored. 0: all videos are scored.
      window_stride: frames between the starts of neighbouring windows; None: the window length, without overlap.
      scoring: precision of matrix products, weight of the whole-video score, and bags per batch.
      scorer: name of the model, for messages.
      worker: (worker number from 0, number of workers), selects a part of the files; None: all files.
    """

    pattern: str
    data: Data
    output_file: str
    scores_file: str | None = None
    held_out: float = 0.0
    window_stride: int | None = None
    scoring: Scoring = Scoring()
    scorer: str = "the model"
    worker: tuple[int, int] | None = None

    @property
    def named(self) -> str:
        """The flag with the files, for messages."""
        return f"--input_data_pattern={self.pattern}"

    @property
    def stride(self) -> int:
        """Frames between the starts of neighbouring windows."""
        return self.window_stride or self.data.segment_size

    def batches(self, items: str, size: int, shown: bool = True) -> Generator[Batch]:
        """Yields batches of the files; close it.

        Args:
          items: "videos", "windows" or another kind of pipeline.evaluation_batches.
          size: items per batch.
          shown: whether to show the progress.
        """
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


def rank_segments(model: keras.Model, job: RankingJob, max_per_class: int) -> dict[str, Any]:
    """Scores all windows and writes the challenge's CSV, `Class,Segments`, or a partial ranking if there is a worker.

    Args:
      model: follows the model contract.
      job: what to score, and where to write.
      max_per_class: maximum number of segments per class.

    Returns:
      dict of `segments`, `classes`, `rows` (ranked segments, summed over the classes), `segments_per_second`,
      `output_file` (`ranking_file` if there is a worker), `peak_memory_mb`.

    Raises:
      UserError: if there is no class or no segment to rank, or if a file cannot be written.
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


def segment_classes(data: Data) -> np.ndarray:
    """Returns the ids of the classes to rank segments for: int64 [C].

    Raises:
      UserError: if they are unknown.
    """
    if not data.segment_classes:
        raise UserError("--segment_label_ids_file: not given, and the model was not trained on rated segments; "
                        "name the file with the class ids to rank")  # fmt: skip
    return np.array(data.segment_classes, np.int64)


def write_ranking(
    parts: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]],
    classes: np.ndarray,
    job: RankingJob,
    max_per_class: int,
    origin: str | None = None,
    write: Callable[[RankedSegments, str], None] = RankedSegments.write,
) -> dict[str, Any]:
    """Ranks scored segments and writes the challenge's CSV. For equal scores the earlier segment ranks higher.

    Args:
      parts: consecutive groups of segments: (ids bytes or str [N], starts int64 [N], scores float32 [N, C]).
      classes: int64 [C], the class ids.
      job: names the output files.
      max_per_class: maximum number of segments per class.
      origin: where the segments come from, for messages; None: the job's files.
      write: function of the ranked segments and the path of the output, to write another format.

    Returns, raises: as rank_segments.
    """
    found = RankedSegments(classes, max_per_class, origin or job.named, job.scorer)
    kept, started = job.scores_file and ScoresWriter(job.scores_file, classes), time.monotonic()
    for ids, starts, scores in parts:
        found.add(ids, starts, scores)
        if kept:
            kept.add(scores)
    rate = found.count / max(time.monotonic() - started, 1e-9)
    logger.info(f"ranking {found.count:,} segments for each of {len(classes):,} classes, writing {job.output_file}")
    write(found, job.output_file)
    if kept:
        kept.save(found.ids, found.starts)
    return {"segments": found.count, "classes": len(classes), "rows": found.rows, "segments_per_second": rate,
            "output_file": job.output_file, "peak_memory_mb": round(profiling.peak_memory_mb())}  # fmt: skip


def rank_classes(model: keras.Model, job: RankingJob, top_k: int) -> dict[str, Any]:
    """Scores whole videos and writes a CSV of the best classes of each, `VideoId,LabelConfidencePairs`.

    Args:
      model: follows the model contract.
      job: what to score, and where to write.
      top_k: maximum number of classes per video.

    Returns:
      dict of `videos`, `classes`, `rows`, `videos_per_second`, `output_file`, `peak_memory_mb`.

    Raises:
      UserError: if there is no video to score, or if a file cannot be written.
    """
    best: list[tuple[np.ndarray, np.ndarray]] = []
    ids, classes, names = [], np.arange(job.data.num_classes), score_checks.VideoIds(job.named)
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
