"""Names of segments, `video:start`, by the hundred thousand: one block of bytes, found and compared by 64-bit keys.

A submission ranks a hundred million of them; made into Python strings they would take minutes to check. Numpy alone.
Letters: N names.
"""

import functools
import re

import numpy as np

_ENTRY = re.compile(rb"[^\s,:]+:\d+")
_IS_SEPARATOR = np.isin(np.arange(256), list(b" \t\n\r\f\v"))
_WORD = 8  # bytes of a key
_PADDING = b" " * (_WORD + 1)  # one to end the last name, and a word can be read at any place
# Of a word read in memory order, the bytes of a name that ends after so many.
_MASKS = np.frombuffer(b"".join(b"\xff" * n + b"\0" * (_WORD - n) for n in range(_WORD + 1)), "<u8")
# Odd, and 2^64 over the golden ratio: a product with it spreads keys over its high bits.
MULTIPLIER = np.uint64(0x9E37_79B9_7F4A_7C15)


def as_bytes(texts):
    """Text [N] of either kind as UTF-8 bytes [N].

    Raises:
      ValueError: for what is no UTF-8 text.
    """
    texts = [t if isinstance(t, bytes) else t.encode() for t in texts.tolist()]
    b"\n".join(set(texts)).decode()
    return np.array(texts, bytes)


class Names:
    """N names, as bytes.

    Args:
      text: bytes that hold them all; `_PADDING` or more behind the last.
      starts, ends: int64 [N], where in the text each name is; none is empty.
    """

    def __init__(self, text, starts, ends):
        self._text, self._starts, self._ends = text, starts, ends

    @classmethod
    def of(cls, names):
        """Of a list of bytes, which can be anything."""
        ends = np.cumsum([len(name) for name in names], dtype=np.int64)
        return cls(b"".join(names) + _PADDING, np.concatenate([[0], ends[:-1]]).astype(np.int64)[: len(ends)], ends)

    @classmethod
    def parse(cls, cell):
        """Of bytes in which names stand with ASCII white space between, before and behind them.

        Raises:
          ValueError: with the first thing, as bytes, that is no `video:start`. A video id is bytes other than white
            space, comma and colon; a start is digits.
        """
        text = cell + _PADDING
        array = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(array[: len(cell) + 1] <= ord(" "))
        ends = ends[_IS_SEPARATOR[array[ends]]]
        starts = np.concatenate([[0], ends[:-1] + 1])
        some = ends > starts
        names = cls(text, starts[some], ends[some])
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
        while at.size:  # a digit of every start in turn
            if (array[at] - np.uint8(ord("0")) > 9).any():
                return False
            longer = at + 1 < ends
            at, ends = at[longer] + 1, ends[longer]
        return True

    def __len__(self):
        return len(self._starts)

    def __getitem__(self, places):
        """Some of them: a slice, or integers or bools as numpy takes them."""
        return Names(self._text, self._starts[places], self._ends[places])

    def tolist(self):
        """A list of bytes."""
        return [self._text[start:end] for start, end in zip(self._starts.tolist(), self._ends.tolist(), strict=True)]

    def videos(self):
        """The videos' ids: of each name, which has to be one of `parse`'s, what is before the colon."""
        colons = np.flatnonzero(np.frombuffer(self._text, np.uint8) == ord(":"))
        return Names(self._text, self._starts, colons[np.searchsorted(colons, self._starts)])

    @functools.cached_property
    def keys(self):
        """A number for each name, equal for equal names: uint64 [N].

        A name of up to eight bytes (YouTube-8M's four-letter ids) is its own key, longer ones are hashed: that two of
        ten million different names share a key has a probability of 3e-6.
        """
        words = np.ndarray(len(self._text) - _WORD + 1, "<u8", self._text, strides=(1,))  # one begins at every byte
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
    def sorted_keys(self):
        """The keys, ascending."""
        return self.keys[self._order]

    def find(self, others):
        """Which of these stand among others: (int64 places in these, int64 places in others), parallel, by the
        places in others. No name may stand in either one twice."""
        if not len(self) or not len(others):
            return (np.zeros(0, np.int64),) * 2
        at = np.minimum(np.searchsorted(others.sorted_keys, self.keys), len(others) - 1)
        ours = np.flatnonzero(others.sorted_keys[at] == self.keys)
        theirs = others._order[at[ours]]
        by_theirs = np.argsort(theirs)
        return ours[by_theirs], theirs[by_theirs]

    def twice(self):
        """The first name that stands a second time, or None."""
        repeats = self.sorted_keys[1:] == self.sorted_keys[:-1]
        if not repeats.any():
            return None
        seen = set()  # of those with equal keys, which may differ
        suspects = np.flatnonzero(np.isin(self.keys, self.sorted_keys[1:][repeats]))
        return next((name for name in self[suspects].tolist() if name in seen or seen.add(name)), None)


def _mixed(keys, words):
    """Keys of names so far and their next eight bytes, to keys of both; unlike words never meet under one key."""
    mixed = (keys ^ (keys >> np.uint64(29))) * MULTIPLIER
    mixed = (mixed ^ words) * MULTIPLIER
    return mixed ^ (mixed >> np.uint64(32))
