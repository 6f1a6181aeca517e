"""MAP@K of a submission, whatever system wrote it, against the ratings. Numpy alone."""

import typing

import numpy as np

from yt8m_attention import schema
from yt8m_attention.files import read_arrays, reading_arrays, replacing
from yt8m_attention.inference.segment_names import MULTIPLIER, Names, as_bytes
from yt8m_attention.metrics import streaming

_LEAST_WAITING = 2_000_000  # keys that are held before the different ones are taken
_TABLE_BITS = 23  # 64 MiB


class Ratings(typing.NamedTuple):
    """What people rated: R pairs of segment and class. A pair that comes again replaces the one before."""

    video_ids: np.ndarray  # str or bytes [R]
    starts: np.ndarray  # int [R], seconds (frames)
    classes: np.ndarray  # int [R]
    scores: np.ndarray  # [R], positive where more than 0


def score(rows, ratings, top_n=schema.TOP_SEGMENTS):
    """Scores a submission as the challenge does: cut each class at top_n, drop its unrated segments, then AP.

    Args:
      rows: `inference.submission.Row`s, one a class, as `submission.read` yields them.
      ratings: Ratings. Classes rated but not submitted count 0 where they have a positive.
      top_n: K.

    Returns:
      {"map": mean over the classes with a positive; NaN where there is none,
       "classes": how many these are, "rated_pairs": of all classes,
       "unknown_segments": distinct segments of the submission that nobody rated for any class, so that they can
         have come from other data than the ratings,
       "per_class": {class: (average precision, positives, rated)} of the classes with a positive}.
    """
    rated = {c: (Names.of(list(of)), np.array(list(of.values()), bool)) for c, of in _by_class(ratings).items()}
    distinct, labels = _Distinct(), {}
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
    """streaming.summary of {class: bool labels of its rated segments, best first} and {class: bool, of all rated}."""
    classes, nothing = sorted(rated), np.zeros(0, bool)  # summary counts by place, since an id can be any number
    ranked, rated = ([of.get(c, nothing) for c in classes] for of in (ranked, rated))
    result = streaming.summary(
        classes=np.repeat(np.arange(len(classes)), [len(part) for part in ranked]),
        labels=np.concatenate([nothing, *ranked]),
        rated=np.array([len(part) for part in rated], int),
        positives=np.array([part.sum() for part in rated], int),
        top_n=top_n,
    )
    return result | {"per_class": {classes[place]: of for place, of in result["per_class"].items()}}


def _distinct(keys):
    """np.unique, which hashes integers and takes ten times as long."""
    keys = np.sort(keys)
    return keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]


class _Distinct:
    """The different ones of many keys, in memory for little more than those.

    Most keys of a ranking stood in the one before: a table remembers the last key that fell on each of its places, and
    only what is not found there waits to be sorted.
    """

    def __init__(self):
        self._table = np.zeros(1 << _TABLE_BITS, np.uint64)
        self._kept, self._added, self._waiting = np.zeros(0, np.uint64), [], 0

    def add(self, keys):
        place = keys * MULTIPLIER >> np.uint64(64 - _TABLE_BITS)
        new = self._table[place] != keys
        self._table[place] = keys
        self._added.append(keys[new])
        self._waiting += len(self._added[-1])
        if self._waiting > max(len(self._kept), _LEAST_WAITING):
            self.keys()

    def keys(self):
        """uint64, ascending."""
        self._kept = _distinct(np.concatenate([self._kept, *self._added]))
        self._added, self._waiting = [], 0
        return self._kept


def _by_class(ratings):
    """{class: {`video:start` as bytes: whether it is positive}}"""
    rated = {}
    for video_id, start, c, rating in zip(*(np.asarray(part).tolist() for part in ratings), strict=True):
        name = video_id if isinstance(video_id, bytes) else video_id.encode()
        rated.setdefault(c, {})[b"%s:%d" % (name, start)] = rating > 0
    return rated


def save_ratings(path, ratings, origin):
    """Writes ratings to a label cache, one .npz file, complete or absent.

    Args:
      path: of the cache.
      ratings: Ratings.
      origin: what they were read from, a list of texts, see load_ratings.

    Raises:
      UserError: where the file cannot be written.
    """
    with replacing(path) as file:
        arrays = {name: np.asarray(part) for name, part in ratings._asdict().items()}
        np.savez_compressed(file, **arrays, origin=np.array(origin, str))


def load_ratings(path, origin):
    """Reads a label cache; None where its ratings were read from something else.

    Raises:
      UserError: where the file is absent or is none.
    """
    wanted = {"video_ids": ("SU", "R"), "starts": ("iu", "R"), "classes": ("iu", "R"), "scores": ("biuf", "R"),
              "origin": ("U", "F")}  # fmt: skip

    def refusal(error):
        return f"--label_cache={path}: is no label cache ({error}); delete it to read the ratings again"

    found = read_arrays(path, wanted, refusal)
    with reading_arrays(refusal):
        was = found.pop("origin").tolist()
        ratings = Ratings(**found)
        ratings = ratings._replace(
            video_ids=as_bytes(ratings.video_ids),
            starts=ratings.starts.astype(np.int64),
            classes=ratings.classes.astype(np.int64),
        )
        if (ratings.starts < 0).any() or (ratings.classes < 0).any() or not np.isin(ratings.scores, (0, 1)).all():
            raise ValueError("a start or a class is negative, or a rating neither 0 nor 1")
    return ratings if was == list(origin) else None
