"""Computes MAP@K of a submission file of any system against the ratings. Uses NumPy only."""

import typing
from collections.abc import Iterable, Sequence

import numpy as np

from yt8m_attention import schema
from yt8m_attention.files import read_arrays, reading_arrays, replacing
from yt8m_attention.inference.segment_names import MULTIPLIER, Names, as_bytes
from yt8m_attention.inference.submission import Row
from yt8m_attention.metrics import streaming

_MIN_PENDING = 2_000_000  # number of keys that are collected before duplicates are removed
_TABLE_BITS = 23  # 64 MiB


class Ratings(typing.NamedTuple):
    """R rated pairs of segment and class. A later pair replaces an equal earlier one."""

    video_ids: np.ndarray  # str or bytes [R]
    starts: np.ndarray  # int [R], seconds (frames)
    classes: np.ndarray  # int [R]
    scores: np.ndarray  # [R], positive if above 0


def score(rows: Iterable[Row], ratings: Ratings, top_n: int = schema.TOP_SEGMENTS) -> dict[str, typing.Any]:
    """Scores a submission like the challenge: cut each class at top_n, drop unrated segments, compute AP.

    Args:
      rows: `inference.submission.Row`s, one per class, from `submission.read`.
      ratings: Ratings. A rated class with a positive counts 0 if it is not in the submission.
      top_n: K.

    Returns:
      {"map": mean over the classes with a positive; NaN without such a class,
       "classes": number of these classes,
       "rated_pairs": number of rated pairs, over all classes,
       "unknown_segments": number of distinct segments of the submission without any rating; they can come from other
         data than the ratings,
       "per_class": {class: (average precision, positives, rated)} of the classes with a positive}.
    """
    rated = {c: (Names.of(list(of)), np.array(list(of.values()), bool)) for c, of in _by_class(ratings).items()}
    distinct, labels = _DistinctKeys(), {}
    for row in rows:
        distinct.add(row.segments.sorted_keys)
        if row.class_id in rated:
            names, positive = rated[row.class_id]
            which, _ = names.find(row.segments[:top_n])
            labels[row.class_id] = positive[which]
    seen = distinct.keys()
    known = _distinct(np.concatenate([seen[:0], *(names.keys for names, _ in rated.values())]))
    result = _summary(labels, {c: positive for c, (_, positive) in rated.items()}, top_n)
    return {
        "map": result["segment_map"],
        "classes": result["classes"],
        "rated_pairs": result["rated_pairs"],
        "unknown_segments": len(np.setdiff1d(seen, known, assume_unique=True)),
        "per_class": result["per_class"],
    }


def _summary(ranked, rated, top_n):
    """Computes streaming.summary.

    Args:
      ranked: {class: bool labels of its rated segments in the submission, best first}.
      rated: {class: bool labels of all its rated segments}.
      top_n: K.
    """
    classes, nothing = sorted(rated), np.zeros(0, bool)  # summary wants dense indices; a class id can be any number
    ranked, rated = ([labels.get(c, nothing) for c in classes] for labels in (ranked, rated))
    result = streaming.summary(
        classes=np.repeat(np.arange(len(classes)), [len(part) for part in ranked]),
        labels=np.concatenate([nothing, *ranked]),
        rated=np.array([len(part) for part in rated], int),
        positives=np.array([part.sum() for part in rated], int),
        top_n=top_n,
    )
    return result | {"per_class": {classes[index]: figures for index, figures in result["per_class"].items()}}


def _distinct(keys):
    """Sorted distinct keys. np.unique hashes integers and takes ten times as long."""
    keys = np.sort(keys)
    return keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]


class _DistinctKeys:
    """Collects distinct keys in little more memory than the result.

    Most keys of a ranking were in the ranking before. A hash table holds the last key of each slot. Only keys that are
    not in the table are collected for sorting.
    """

    def __init__(self):
        self._table = np.zeros(1 << _TABLE_BITS, np.uint64)
        self._distinct, self._pending, self._pending_count = np.zeros(0, np.uint64), [], 0

    def add(self, keys):
        slot = keys * MULTIPLIER >> np.uint64(64 - _TABLE_BITS)
        new = self._table[slot] != keys
        self._table[slot] = keys
        self._pending.append(keys[new])
        self._pending_count += len(self._pending[-1])
        if self._pending_count > max(len(self._distinct), _MIN_PENDING):
            self.keys()

    def keys(self):
        """Returns the distinct keys: uint64, ascending."""
        self._distinct = _distinct(np.concatenate([self._distinct, *self._pending]))
        self._pending, self._pending_count = [], 0
        return self._distinct


def _by_class(ratings):
    """Groups ratings: {class: {`video:start` as bytes: whether it is positive}}."""
    rated: dict[int, dict[bytes, bool]] = {}
    for video_id, start, c, rating in zip(*(np.asarray(part).tolist() for part in ratings), strict=True):
        name = video_id if isinstance(video_id, bytes) else video_id.encode()
        rated.setdefault(c, {})[b"%s:%d" % (name, start)] = rating > 0
    return rated


def save_ratings(path: str, ratings: Ratings, origin: Sequence[str]) -> None:
    """Writes ratings to a label cache, an .npz file. The write is atomic.

    Args:
      path: path of the cache.
      ratings: Ratings.
      origin: stamps of the files that the ratings come from, see load_ratings.

    Raises:
      UserError: if the file cannot be written.
    """
    with replacing(path) as file:
        np.savez_compressed(
            file,
            video_ids=np.asarray(ratings.video_ids),
            starts=np.asarray(ratings.starts),
            classes=np.asarray(ratings.classes),
            scores=np.asarray(ratings.scores),
            origin=np.array(origin, str),
        )


def load_ratings(path: str, origin: Sequence[str]) -> Ratings | None:
    """Reads a label cache.

    Args:
      path: path of the cache.
      origin: stamps of the files that the ratings must come from (file_patterns.stamps).

    Returns:
      Ratings, or None if the cache comes from other files.

    Raises:
      UserError: if the file does not exist or is no label cache.
    """
    wanted = {"video_ids": ("SU", "R"), "starts": ("iu", "R"), "classes": ("iu", "R"), "scores": ("biuf", "R"),
              "origin": ("U", "F")}  # fmt: skip

    def refusal(error):
        return f"--label_cache={path}: is no label cache ({error}); delete it to read the ratings again"

    found = read_arrays(path, wanted, refusal)
    with reading_arrays(refusal):
        cached_origin = found.pop("origin").tolist()
        ratings = Ratings(**found)
        ratings = ratings._replace(
            video_ids=as_bytes(ratings.video_ids),
            starts=ratings.starts.astype(np.int64),
            classes=ratings.classes.astype(np.int64),
        )
        if (ratings.starts < 0).any() or (ratings.classes < 0).any() or not np.isin(ratings.scores, (0, 1)).all():
            raise ValueError("a start or a class is negative, or a rating neither 0 nor 1")
    return ratings if cached_origin == list(origin) else None
