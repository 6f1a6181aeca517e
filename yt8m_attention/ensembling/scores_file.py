"""Reads the scores of segments that `inference --scores_file` saves: an npz of `ids`, `starts`, `classes`, `scores`.

The scores of YouTube-8M's test split take 8 GB per model, so they stay in the file and are read by rows. Letters: N
segments, C classes, n selected segments.
"""

import math
import struct
import zipfile

import numpy as np

from yt8m_attention import files
from yt8m_attention.errors import UserError
from yt8m_attention.inference import segment_names

_ADVICE = "write it by `inference --segment_labels --scores_file`"
_CHUNK_BYTES = 1 << 22  # a multiple of every dtype's size
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class SavedScores:
    """A file of scores.

    Attributes:
      path: path of the file.
      ids: bytes [N], video ids.
      starts: int64 [N], frames; no segment occurs twice.
      classes: int64 [C].
    """

    def __init__(self, path: str, ids: np.ndarray, starts: np.ndarray, classes: np.ndarray, scores: np.ndarray) -> None:
        self.path, self.ids, self.starts, self.classes = path, ids, starts, classes
        self._scores = scores
        self._names = segment_names.Names.of(_segment_names(ids, starts).tolist())
        twice = self._names.first_duplicate()
        if twice:
            raise UserError(f"--inputs: {path}: has scores of segment {twice.decode()} twice; {_ADVICE}")

    def __len__(self) -> int:
        return len(self.starts)

    def check_classes(self, classes: np.ndarray) -> None:
        """Raises UserError unless the file has exactly the classes int64 [C], in any order."""
        if set(self.classes.tolist()) != set(classes.tolist()):
            raise UserError(f"--inputs: {self.path}: has scores of {len(self.classes)} classes, wanted the same "
                            f"{len(classes)} as the other inputs; score with one --segment_label_ids_file")  # fmt: skip

    def check_length(self, count: int) -> None:
        """Raises UserError unless the file has `count` segments, like the other inputs."""
        if len(self) != count:
            raise UserError(f"--inputs: {self.path}: has {len(self):,} segments, wanted the same {count:,} as the "
                            "other inputs; score the same files with the same --segment_window")  # fmt: skip

    def take(self, ids: np.ndarray, starts: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Returns the scores of segments for all given classes.

        Args:
          ids: bytes [n], video ids.
          starts: int [n], frames.
          classes: int [C].

        Returns:
          float32 [n, C].

        Raises:
          UserError: if a segment is not in the file.
        """
        return self._scores[self._rows(ids, starts)][:, self._columns(classes)].astype(np.float32)

    def pick(self, ids: np.ndarray, starts: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Returns the scores of pairs of segment and class.

        Args:
          ids: bytes [n], video ids.
          starts: int [n], frames.
          classes: int [n].

        Returns:
          float32 [n].

        Raises:
          UserError: if a segment is not in the file.
        """
        return self._scores[self._rows(ids, starts), self._columns(classes)].astype(np.float32)

    def _columns(self, classes):
        order = np.argsort(self.classes)
        return order[np.searchsorted(self.classes, classes, sorter=order)]

    def _rows(self, ids, starts):
        wanted, which = np.unique(_segment_names(ids, starts), return_inverse=True)
        found, rows = segment_names.Names.of(wanted.tolist()).find(self._names)
        if len(found) < len(wanted):
            first = np.delete(wanted, found)[0].decode()
            raise UserError(f"--inputs: {self.path}: has no score of segment {first}; score the same files as for the "
                            "other inputs, with the same --segment_window")  # fmt: skip
        return rows[np.argsort(found)][which]


def _segment_names(ids, starts):
    """Returns `video:start` of each segment: bytes [n]."""
    pairs = zip(ids.tolist(), starts.tolist(), strict=True)
    return np.array([b"%s:%d" % pair for pair in pairs], bytes)


def load(path: str) -> SavedScores:
    """Opens a file of segment scores, and reads it once to check that it is complete.

    Raises:
      UserError: if the file cannot be read, has scores of videos, or has a score that is NaN or infinite.
    """
    wanted = {"ids": ("SU", "N"), "starts": ("iu", "N"), "classes": ("iu", "C")}

    def refusal(error):
        return f"--inputs: {path}: is no file of scores ({error}); {_ADVICE}"

    ids, starts, classes = files.read_arrays(path, wanted, refusal).values()
    with files.reading_arrays(refusal):
        ids, starts, classes = segment_names.as_bytes(ids), starts.astype(np.int64), classes.astype(np.int64)
        scores, finite = _scores(path)
        if scores.shape != (len(ids), len(classes)):
            raise ValueError(f"scores has the shape {scores.shape}, which does not match the other arrays")
        if not scores.size or (classes < 0).any() or len(np.unique(classes)) < len(classes):
            raise ValueError(f"{len(ids)} segments and classes {np.sort(classes)[:5].tolist()} ...")
    if (starts < 0).any():
        raise UserError(f"--inputs: {path}: has scores of whole videos, wanted scores of segments; {_ADVICE}")
    if not finite:
        raise UserError(f"--inputs: {path}: a score is NaN or infinite; score again")
    return SavedScores(path, ids, starts, classes, scores)


def _scores(path):
    """Returns (scores, whether all are finite as float32). Scores are memory-mapped, unless they are compressed."""
    with zipfile.ZipFile(path) as archive, archive.open("scores.npy") as member:
        shape, fortran, dtype = _HEADERS[np.lib.format.read_magic(member)](member)
        if dtype.kind not in "fiu" or len(shape) != 2:
            raise ValueError(f"scores has {len(shape)} dimensions of {dtype}")
        header, info, count, finite = member.tell(), archive.getinfo("scores.npy"), 0, True
        with np.errstate(over="ignore"):
            while chunk := member.read(_CHUNK_BYTES):  # zipfile compares the checksum at the end
                numbers = np.frombuffer(chunk, dtype).astype(np.float32)
                count, finite = count + len(numbers), finite and bool(np.isfinite(numbers).all())
    if count != math.prod(shape):
        raise ValueError(f"scores has {count} numbers, which does not match its shape {shape}")
    if info.compress_type != zipfile.ZIP_STORED:
        with np.load(path, allow_pickle=False) as saved:
            return saved["scores"], finite
    with open(path, "rb") as file:
        file.seek(info.header_offset)
        name, extra = struct.unpack("<26xHH", file.read(30))  # lengths of the fields between zip header and data
    offset = info.header_offset + 30 + name + extra + header
    return np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C"), finite
