"""Scores of segments as `inference --scores_file` saves them: an npz of `ids`, `starts`, `classes`, `scores`."""

from typing import NamedTuple

import numpy as np

from yt8m_attention import files
from yt8m_attention.errors import UserError

_WRITTEN = "write it by `inference --segment_labels --scores_file`"


class SavedScores(NamedTuple):
    """N segments, C classes."""

    path: str
    ids: np.ndarray  # bytes [N], the videos'
    starts: np.ndarray  # int64 [N], frames
    classes: np.ndarray  # int64 [C]
    scores: np.ndarray  # float32 [N, C]


def load(path):
    """Reads a file of segments' scores.

    Raises:
      UserError: where the file cannot be read, holds videos' scores, or scores that have no rank.
    """
    told = files.reading_arrays(lambda error: f"--inputs: {path}: is no file of scores ({error}); {_WRITTEN}")
    with told, np.load(path, allow_pickle=False) as saved:
        ids, starts, classes, scores = (saved[name] for name in ("ids", "starts", "classes", "scores"))
    if scores.shape != (len(ids), len(classes)) or len(starts) != len(ids) or not scores.size:
        raise UserError(f"--inputs: {path}: {scores.shape} scores of {len(ids)} ids, {len(starts)} starts and "
                        f"{len(classes)} classes; {_WRITTEN}")  # fmt: skip
    if (starts < 0).any():
        raise UserError(f"--inputs: {path}: holds scores of whole videos, wanted segments'; {_WRITTEN}")
    if np.isnan(scores).any():
        raise UserError(f"--inputs: {path}: a score is NaN, which has no rank; score again")
    ids = np.array([i if isinstance(i, bytes) else str(i).encode() for i in ids.tolist()], bytes)
    return SavedScores(path, ids, starts.astype(np.int64), classes.astype(np.int64), scores.astype(np.float32))


def aligned(saved, ids, starts, classes):
    """The scores of given segments and classes, in their order: float32 [N, C].

    Args:
      saved: SavedScores.
      ids, starts, classes: bytes [N], int64 [N], int64 [C]: the segments wanted; exactly those must be there.

    Raises:
      UserError: where classes or segments differ.
    """
    if set(saved.classes.tolist()) != set(classes.tolist()):
        raise UserError(f"--inputs: {saved.path}: has scores of {len(saved.classes)} classes, wanted the same "
                        f"{len(classes)} as the other inputs; score with one --segment_label_ids_file")  # fmt: skip
    place = {segment: row for row, segment in enumerate(_segments(saved.ids, saved.starts))}
    rows = [place.get(segment, -1) for segment in _segments(ids, starts)]
    if len(place) != len(rows) or -1 in rows:
        raise UserError(f"--inputs: {saved.path}: has {len(place):,} segments, wanted the same {len(rows):,} as the "
                        "other inputs; score the same files with the same --segment_window")  # fmt: skip
    columns = [saved.classes.tolist().index(c) for c in classes.tolist()]
    return saved.scores[np.ix_(rows, columns)]


def _segments(ids, starts):
    return zip(np.asarray(ids).tolist(), np.asarray(starts).tolist(), strict=True)
