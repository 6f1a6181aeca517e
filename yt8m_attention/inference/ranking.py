"""Finds the k best of any number of segments for each class, exactly and in bounded memory. Numpy only.

A candidate is one 64-bit key (metrics/sort_keys.py), so the order is score descending, then id ascending. Each class
has a buffer of up to 2*k keys and a floor, the worst key that can still be among the k best. Keys that are not above
the floor are not stored. A full buffer is partitioned in place and cut to k keys.
Letters: N segments of a batch, C classes.
"""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from yt8m_attention.files import read_arrays, reading_arrays, replacing
from yt8m_attention.metrics import sort_keys

_STAGED = 8192  # segments that are collected before they go to the classes' buffers
_TRANSPOSED = 256  # segments that are transposed at a time, so that their scores stay in the CPU cache
_MAX_ID = 2**63 - 1


class TopSegments:
    """Ranks the segments of each class and keeps the k best.

    Memory: at most 16 bytes for each of k*num_classes entries, plus 12 for the result. After an id outside [0, 2**32)
    was added, at most 16 bytes more for each id that any class keeps.

    Args:
      num_classes: C, 1 or more.
      k: number of segments to keep per class, 1 or more.
    """

    def __init__(self, num_classes: int, k: int) -> None:
        if num_classes < 1 or k < 1:
            raise ValueError(f"num_classes and k: found {num_classes} and {k}, wanted 1 or more of each")
        self.num_classes, self.k = num_classes, k
        self._staged_scores = np.empty((num_classes, _STAGED), np.float32)
        self._staged_ids = np.empty(_STAGED, np.int64)
        self._staged = 0
        self._buffers = [np.empty(0, np.uint64)] * num_classes
        self._sizes = [0] * num_classes
        self._floors = np.zeros(num_classes, np.uint64)
        self._floor_scores = np.full(num_classes, -np.inf, np.float32)
        # None: the low half of a key is the id. After an id outside [0, 2**32): its position in this table.
        self._table: np.ndarray | None = None
        self._table_limit = 0  # a longer table is searched for ids that no class keeps any more

    def add(self, scores: np.ndarray, segment_ids: np.ndarray) -> None:
        """Adds a batch of any size.

        Args:
          scores: float32 [N, C]; other floats are rounded to float32. -0.0 equals 0.0; infinities are valid.
          segment_ids: int64 [N], any values, each added once only. Ids in [0, 2**32) are fast in any order, others in
            ascending order; in another order, every 8192 of them cost a pass over all kept keys.

        Raises:
          ValueError: for wrong shapes, ids that are not integers or exceed int64, or a NaN score, with its class and
            segment. Nothing of the batch is added then.
        """
        scores, segment_ids = np.asarray(scores, np.float32), np.asarray(segment_ids)
        if scores.ndim != 2 or scores.shape[1] != self.num_classes or segment_ids.shape != scores.shape[:1]:
            raise ValueError(f"scores {scores.shape} and segment_ids {segment_ids.shape}: "
                             f"wanted [N, {self.num_classes}] and [N]")  # fmt: skip
        if segment_ids.dtype.kind not in "iu":
            raise ValueError(f"segment_ids: found {segment_ids.dtype}, wanted integers")
        if segment_ids.size and segment_ids.max() > _MAX_ID:
            raise ValueError(f"segment_ids: found {segment_ids.max()}, wanted less than 2**63")
        if scores.size and np.isnan(scores.min()):
            row, c = np.argwhere(np.isnan(scores))[0]
            raise ValueError(f"class {c}, segment {segment_ids[row]}: the score is NaN, which has no rank")
        start = 0
        while start < len(scores):
            end = min(start + _TRANSPOSED, start + _STAGED - self._staged, len(scores))
            into = slice(self._staged, self._staged + end - start)
            self._staged_scores[:, into] = scores[start:end].T
            self._staged_ids[into] = segment_ids[start:end]
            self._staged, start = into.stop, end
            if self._staged == _STAGED:
                self._flush()

    def merge(self, other: "TopSegments", offset: int = 0) -> None:
        """Adds the candidates of another TopSegments, which is not changed.

        Args:
          other: a TopSegments with the same num_classes and k.
          offset: number to add to the other's ids, 0 or more.

        Raises:
          ValueError: if num_classes or k differ, or if an id would exceed int64.
        """
        if (self.num_classes, self.k) != (other.num_classes, other.k):
            raise ValueError("only TopSegments of the same num_classes and k can be merged")
        self._flush()
        other._flush()
        largest = other.id_range()[1] + offset
        if largest > _MAX_ID:
            raise ValueError(f"offset: found {offset}, which takes id {largest - offset} beyond int64")
        recoded = self._table is not None or other._table is not None or largest >= 2**32
        if recoded:
            self._admit(other._known_ids() + offset)
        for c in range(self.num_classes):
            theirs = other._kept(c)
            if recoded:
                theirs = sort_keys.keys(sort_keys.scores_of(theirs), self._low_halves(other._ids_of(theirs) + offset))
            else:
                theirs = theirs - np.uint64(offset)  # the low half is the complement of the id
            self._append(c, theirs[theirs > self._floors[c]])

    def result(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Returns the ranking so far. More segments can be added afterwards.

        Returns:
          (scores, segment_ids): lists of C arrays, float32 and int64 [at most k], best first; for equal scores the
          smaller id comes first.
        """
        scores, segment_ids = zip(*self.ranked(), strict=True)
        return list(scores), list(segment_ids)

    def ranked(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields (scores, segment_ids) of one class after the other, as in `result`. Do not add segments meanwhile."""
        self._flush()
        for c in range(self.num_classes):
            ranked = self._ranked(c)
            yield sort_keys.scores_of(ranked), self._ids_of(ranked)

    def id_range(self) -> tuple[int, int]:
        """Returns (smallest, largest) of the kept ids, or (0, -1) if there are none."""
        self._flush()
        kept = [ids for ids in map(self._ids_of, map(self._kept, range(self.num_classes))) if ids.size]
        return (min(int(ids.min()) for ids in kept), max(int(ids.max()) for ids in kept)) if kept else (0, -1)

    def save(self, path: str, **others: Any) -> None:
        """Writes the state to an .npz file, complete or absent, for `load` in another process.

        Args:
          path: path of the file.
          others: more arrays for the same file, which `load` ignores.

        Raises:
          UserError: if the file cannot be written.
        """
        self._flush()
        ranked = [self._ranked(c) for c in range(self.num_classes)]
        table = np.empty(0, np.int64) if self._table is None else self._table
        with replacing(path) as file:
            np.savez(file, k=self.k, sizes=self._sizes, table=table, keys=np.concatenate(ranked), **others)

    @classmethod
    def load(cls, path: str) -> Self:
        """Reads a file that `save` wrote.

        Raises:
          UserError: if the file is absent or does not hold a ranking.
        """

        def refusal(error):
            return f"{path}: is not a ranking of this version ({error}); rank again"

        wanted = {"k": ("iu", ""), "sizes": ("iu", "C"), "table": ("i", "T"), "keys": ("u", "K")}
        k, sizes, table, keys = read_arrays(path, wanted, refusal).values()
        with reading_arrays(refusal):
            top = cls(len(sizes), int(k))
            if (sizes < 0).any() or (sizes > k).any() or sizes.sum() != len(keys):
                raise ValueError(f"it has {len(keys)} keys, and classes with {sizes.sum()}")
            if table.size and ((table[1:] <= table[:-1]).any() or sort_keys.ids_of(keys).max(initial=0) >= table.size):
                raise ValueError(f"its keys do not fit its table of {table.size} ids")
        top._table = table.astype(np.int64) if table.size else None
        top._buffers = np.split(keys.astype(np.uint64, copy=False), np.cumsum(sizes)[:-1])
        top._sizes = [len(buffer) for buffer in top._buffers]
        return top

    def _flush(self):
        """Moves the staged segments to the classes' buffers."""
        staged, self._staged = self._staged, 0
        if not staged:
            return
        self._admit(self._staged_ids[:staged])
        low = self._low_halves(self._staged_ids[:staged])
        for c, scores in enumerate(self._staged_scores[:, :staged]):
            passing = np.flatnonzero(scores >= self._floor_scores[c])
            if passing.size:
                candidates = sort_keys.keys(scores[passing], low[passing])
                self._append(c, candidates[candidates > self._floors[c]])

    def _append(self, c, candidates):
        """Stores keys of class c, and cuts its buffer to the k best whenever it holds 2*k."""
        while candidates.size:
            size = self._sizes[c]
            taken = candidates[: 2 * self.k - size]
            candidates = candidates[taken.size :]
            if size + taken.size > self._buffers[c].size:
                grown = np.empty(min(max(2 * size, size + taken.size), 2 * self.k), np.uint64)
                grown[:size] = self._buffers[c][:size]
                self._buffers[c] = grown
            self._buffers[c][size : size + taken.size] = taken
            self._sizes[c] = size + taken.size
            if self._sizes[c] == 2 * self.k:
                self._cut(c)

    def _cut(self, c):
        """Moves the k best of 2*k keys to the front, in any order, drops the others and raises the floor."""
        keys = self._buffers[c]
        keys.partition(self.k)
        keys[: self.k] = keys[self.k :]
        self._sizes[c] = self.k
        self._floors[c] = keys[0]  # the least of the upper part, by the definition of partition
        self._floor_scores[c] = sort_keys.scores_of(keys[:1])[0]

    def _kept(self, c):
        return self._buffers[c][: self._sizes[c]]

    def _ranked(self, c):
        """Returns the keys of class c, best first, and shrinks its buffer to them."""
        keys = self._kept(c)
        keys.sort()
        self._buffers[c] = keys[::-1][: self.k].copy()
        self._sizes[c] = self._buffers[c].size
        return self._buffers[c]

    def _admit(self, ids):
        """Prepares ids for _low_halves, which needs the table after the first id outside [0, 2**32)."""
        if self._table is None and (ids.size == 0 or (ids.min() >= 0 and ids.max() < 2**32)):
            return
        known, ids = self._table, np.unique(ids)
        if known is None or known.size > self._table_limit:
            known = self._known_ids()
            self._table_limit = 2 * max(known.size, _STAGED)
        behind = not known.size or not ids.size or ids[0] > known[-1]
        table = np.concatenate([known, ids]) if behind else np.union1d(known, ids)
        if self._table is None or not np.array_equal(table[: self._table.size], self._table):
            self._recode(table)
        self._table = table

    def _low_halves(self, ids):
        """Returns uint32 [N] in the same order as the ids, which must be admitted before."""
        return (ids if self._table is None else np.searchsorted(self._table, ids)).astype(np.uint32)

    def _ids_of(self, keys):
        ids = sort_keys.ids_of(keys).astype(np.int64)
        return ids if self._table is None else self._table[ids]

    def _known_ids(self):
        """Returns the ids that any class keeps: int64, ascending, each once."""
        if self._table is None:
            found = np.empty(0, np.int64)
            for c in range(self.num_classes):
                found = np.union1d(found, self._ids_of(self._kept(c)))
            return found
        kept = np.zeros(self._table.size, bool)
        for c in range(self.num_classes):
            kept[sort_keys.ids_of(self._kept(c))] = True
        return self._table[kept]

    def _recode(self, table):
        """Rewrites all keys for a table in which the ids have other positions."""
        positions = None if self._table is None else np.searchsorted(table, self._table)
        for c in range(self.num_classes):
            keys = self._kept(c)
            ids = sort_keys.ids_of(keys)
            low = np.searchsorted(table, ids) if positions is None else positions[ids]
            keys[:] = sort_keys.keys(sort_keys.scores_of(keys), low.astype(np.uint32))
            if self._floors[c]:
                self._floors[c] = keys.min()
