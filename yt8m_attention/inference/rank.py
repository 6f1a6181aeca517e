"""From a trained model and videos to the ranked segments of every class, or the ranked classes of every video."""

import numpy as np

from yt8m_attention import files, progress
from yt8m_attention.data import pipeline
from yt8m_attention.errors import UserError
from yt8m_attention.inference import scoring, submission
from yt8m_attention.inference.ranking import TopSegments

# Bags a batch; they bound memory and never change a result.
_VIDEOS = 32
_SEGMENTS = 256


def rank_segments(model, pattern, data, output_file, max_per_class, scores_file=None):
    """Scores every eligible segment and writes the challenge's CSV.

    Args:
      model: follows the model contract.
      pattern: the files; labels in them are not looked at.
      data: config.Data, whose `segment_classes` are ranked and whose `segment_window` is left out.
      output_file: CSV `Class,Segments`.
      max_per_class: segments a class, at most.
      scores_file: where all scores go too, or None: npz of `ids` [N], `starts` [N], `classes` [C], `scores` [N,C].

    Returns:
      dict of `segments`, `classes`, `rows`, `segments_per_second`, `output_file`.

    Raises:
      UserError: where no class or no segment is there to rank, or the file cannot be written.
    """
    classes = _classes(data)
    top, videos, starts, kept = TopSegments(len(classes), max_per_class), [], [], []
    shown = progress.Progress("segments")
    score = scoring.make_scorer(model)
    for batch in _batches(pattern, data, _SEGMENTS, "windows"):
        scores = score(batch)["probabilities"][:, classes]
        top.add(scores, np.arange(shown.done, shown.done + len(scores)))
        videos.append(batch["id"].numpy())
        starts.append(batch["start"].numpy())
        if scores_file:
            kept.append(scores)
        shown.add(len(scores))
    if not videos:
        window = ",".join(map(str, data.segment_window))
        what = f"no segment to rank; --segment_window={window} leaves out head and tail of each video"
        raise UserError(f"--input_data_pattern={pattern}: {what}")
    shown.close()
    videos, starts = np.concatenate(videos), np.concatenate(starts)
    _, ranked = top.result()
    submission.write(output_file, classes, videos, starts, ranked)
    if scores_file:
        _save_scores(scores_file, videos, starts, classes, np.concatenate(kept))
    return {"segments": shown.done, "classes": len(classes), "rows": sum(map(len, ranked)),
            "segments_per_second": shown.rate, "output_file": output_file}  # fmt: skip


def _batches(pattern, data, size, items):
    with pipeline.user_errors():
        yield from pipeline.evaluation_batches(pattern, data, size, items, flag="input_data_pattern")


def _classes(data):
    if not data.segment_classes:
        raise UserError("--segment_label_ids_file: not given, and the model was trained on no rated segments; "
                        "name the file with the class ids to rank")  # fmt: skip
    return np.array(data.segment_classes, np.int64)


def _save_scores(path, videos, starts, classes, scores):
    with files.replacing(path) as file:
        np.savez(file, ids=videos, starts=starts, classes=classes, scores=scores)


def rank_classes(model, pattern, data, output_file, top_k, scores_file=None):
    """Scores whole videos and writes a CSV of each one's best classes.

    Args: as rank_segments; `top_k` classes a video.

    Returns:
      dict of `videos`, `classes`, `rows`, `videos_per_second`, `output_file`.
    """
    rows, ids, kept = [], [], []
    shown = progress.Progress("videos")
    score = scoring.make_scorer(model)
    for batch in _batches(pattern, data, _VIDEOS, "videos"):
        scores = score(batch)["probabilities"]
        best = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
        names = [video.decode() for video in batch["id"].numpy()]
        rows += zip(names, best, np.take_along_axis(scores, best, axis=1), strict=True)
        if scores_file:
            ids.append(batch["id"].numpy())
            kept.append(scores)
        shown.add(len(scores))
    if not rows:
        raise UserError(f"--input_data_pattern={pattern}: holds no video")
    shown.close()
    submission.write_videos(output_file, rows)
    if scores_file:
        ids = np.concatenate(ids)
        _save_scores(scores_file, ids, np.full(len(ids), -1), np.arange(data.num_classes), np.concatenate(kept))
    return {"videos": shown.done, "classes": data.num_classes, "rows": len(rows),
            "videos_per_second": shown.rate, "output_file": output_file}  # fmt: skip
