"""Scores of segments as `inference --scores_file` saves them: an npz of `ids`, `starts`, `classes`, `scores`."""

from typing import NamedTuple

import numpy as np

from yt8m_attention import files
from yt8m_attention.errors import UserError
from yt8m_attention.inference import names

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
      UserError: where the file cannot be read, holds videos' scores, or scores that are no numbers.
    """
    wanted = {"ids": ("SU", "N"), "starts": ("iu", "N"), "classes": ("iu", "C"), "scores": ("fiu", "NC")}

    def refusal(error):
        return f"--inputs: {path}: is no file of scores ({error}); {_WRITTEN}"

    ids, starts, classes, scores = files.read_arrays(path, wanted, refusal).values()
    with files.reading_arrays(refusal), np.errstate(over="ignore"):
        ids = names.as_bytes(ids)
        starts, classes, scores = starts.astype(np.int64), classes.astype(np.int64), scores.astype(np.float32)
        if not scores.size or (classes < 0).any() or len(np.unique(classes)) < len(classes):
            raise ValueError(f"{len(ids)} segments and classes {np.sort(classes)[:5].tolist()} ...")
    if (starts < 0).any():
        raise UserError(f"--inputs: {path}: holds scores of whole videos, wanted segments'; {_WRITTEN}")
    if not np.isfinite(scores).all():
        raise UserError(f"--inputs: {path}: a score is NaN or infinite; score again")
    return SavedScores(path, ids, starts, classes, scores)


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
