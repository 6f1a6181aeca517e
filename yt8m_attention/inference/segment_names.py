"""Fast handling of many segment names, `video:start`: one block of bytes, compared by 64-bit keys.

A submission can hold a hundred million names; checking them as Python strings would take minutes. Numpy only.
Letters: N names.
"""

import functools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

_ENTRY = re.compile(rb"[^\s,:]+:\d+")
_IS_SEPARATOR = np.isin(np.arange(256), list(b" \t\n\r\f\v"))
_WORD = 8  # bytes per key
_PADDING = b" " * (_WORD + 1)  # ends the last name, and allows to read a word at any position
# _MASKS[n] selects the first n bytes of a word, in memory order.
_MASKS = np.frombuffer(b"".join(b"\xff" * n + b"\0" * (_WORD - n) for n in range(_WORD + 1)), "<u8")
# 2^64 divided by the golden ratio, made odd: multiplication by it spreads keys over the high bits.
MULTIPLIER = np.uint64(0x9E37_79B9_7F4A_7C15)


def as_bytes(texts: np.ndarray) -> np.ndarray:
    """Converts str or bytes [N] to UTF-8 bytes [N].

    Raises:
      ValueError: if a text is not valid UTF-8.
    """
    encoded = [t if isinstance(t, bytes) else t.encode() for t in texts.tolist()]
    b"\n".join(set(encoded)).decode()
    return np.array(encoded, bytes)


class Names:
    """N names, as bytes.

    Args:
      text: bytes that hold all names, with at least `_PADDING` after the last one.
      starts, ends: int64 [N], the position of each name in the text; no name is empty.
    """

    def __init__(self, text: bytes, starts: np.ndarray, ends: np.ndarray) -> None:
        self._text, self._starts, self._ends = text, starts, ends

    @classmethod
    def of(cls, names: Sequence[bytes]) -> "Names":
        """Creates Names from a list of bytes with any content."""
        ends = np.cumsum([len(name) for name in names], dtype=np.int64)
        return cls(b"".join(names) + _PADDING, np.concatenate([[0], ends[:-1]]).astype(np.int64)[: len(ends)], ends)

    @classmethod
    def parse(cls, cell: bytes) -> "Names":
        """Parses `video:start` names separated by ASCII white space.

        A video id consists of bytes other than white space, comma and colon; a start consists of digits.

        Raises:
          ValueError: with the first entry, as bytes, that is not `video:start`.
        """
        text = cell + _PADDING
        array = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(array[: len(cell) + 1] <= ord(" "))
        ends = ends[_IS_SEPARATOR[array[ends]]]
        starts = np.concatenate([[0], ends[:-1] + 1])
        nonempty = ends > starts
        names = cls(text, starts[nonempty], ends[nonempty])
        if not names._well_formed(array):
            raise ValueError(next(name for name in cell.split() if not _ENTRY.fullmatch(name)))
        return names

    def _well_formed(self, array):
        colons = np.flatnonzero(array == ord(":"))
        if len(colons) != len(self) or b"," in self._text:
            return False
        if (colons <= self._starts).any() or (colons >= self._ends - 1).any():
            return False
        ends, at = self._ends, colons + 1
        while at.size:  # checks one digit of every start at a time
            if (array[at] - np.uint8(ord("0")) > 9).any():
                return False
            longer = at + 1 < ends
            at, ends = at[longer] + 1, ends[longer]
        return True

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, indices: Any) -> "Names":
        """Selects names by a slice, or by an array of integers or bools."""
        return Names(self._text, self._starts[indices], self._ends[indices])

    def tolist(self) -> list[bytes]:
        """Returns the names as a list of bytes."""
        return [self._text[start:end] for start, end in zip(self._starts.tolist(), self._ends.tolist(), strict=True)]

    def videos(self) -> "Names":
        """Returns the video ids: the part of each name before the colon. The names must come from `parse`."""
        colons = np.flatnonzero(np.frombuffer(self._text, np.uint8) == ord(":"))
        return Names(self._text, self._starts, colons[np.searchsorted(colons, self._starts)])

    @functools.cached_property
    def keys(self) -> np.ndarray:
        """A number for each name, equal for equal names: uint64 [N].

        A name of up to eight bytes (YouTube-8M's four-letter ids) is its own key. Longer names are hashed: the
        probability that any two of ten million different names have the same key is 3e-6.
        """
        words = np.ndarray(len(self._text) - _WORD + 1, "<u8", self._text, strides=(1,))  # a word starts at every byte
        lengths = self._ends - self._starts
        keys = words[self._starts] & _MASKS[np.minimum(lengths, _WORD)]
        for at in range(_WORD, lengths.max(initial=0), _WORD):
            long = np.flatnonzero(lengths > at)
            word = words[self._starts[long] + at] & _MASKS[np.minimum(lengths[long] - at, _WORD)]
            keys[long] = _mixed(keys[long], word)
        return keys

    @functools.cached_property
    def _order(self):
        return np.argsort(self.keys)

    @functools.cached_property
    def sorted_keys(self) -> np.ndarray:
        """The keys in ascending order."""
        return self.keys[self._order]

    def find(self, others: "Names") -> tuple[np.ndarray, np.ndarray]:
        """Finds the names that are also in `others`. Neither may hold a name twice.

        Returns:
          (indices in self, indices in others) of the common names: int64, in the order of `others`.
        """
        if not len(self) or not len(others):
            return (np.zeros(0, np.int64),) * 2
        at = np.minimum(np.searchsorted(others.sorted_keys, self.keys), len(others) - 1)
        ours = np.flatnonzero(others.sorted_keys[at] == self.keys)
        theirs = others._order[at[ours]]
        by_theirs = np.argsort(theirs)
        return ours[by_theirs], theirs[by_theirs]

    def first_duplicate(self) -> bytes | None:
        """Returns the first name that occurs a second time, or None."""
        repeats = self.sorted_keys[1:] == self.sorted_keys[:-1]
        if not repeats.any():
            return None
        seen = set()  # the names themselves, since different names can have equal keys
        suspects = np.flatnonzero(np.isin(self.keys, self.sorted_keys[1:][repeats]))
        for name in self[suspects].tolist():
            if name in seen:
                return name
            seen.add(name)
        return None


def _mixed(keys, words):
    """Mixes the next eight bytes of names into their keys. Different words give different keys for equal keys."""
    mixed = (keys ^ (keys >> np.uint64(29))) * MULTIPLIER
    mixed = (mixed ^ words) * MULTIPLIER
    return mixed ^ (mixed >> np.uint64(32))
