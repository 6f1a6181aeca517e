"""Scores of segments as `inference --scores_file` saves them: an npz of `ids`, `starts`, `classes`, `scores`.

Those of YouTube-8M's test split are 8 GB a model, so scores stay in the file and are read by rows. Letters: N segments,
C classes, n of some of them.
"""

import math
import struct
import zipfile

import numpy as np

from yt8m_attention import files
from yt8m_attention.errors import UserError
from yt8m_attention.inference import segment_names

_WRITTEN = "write it by `inference --segment_labels --scores_file`"
_PIECE = 1 << 22  # bytes; a multiple of every number's size
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class SavedScores:
    """A file of scores.

    Attributes:
      path: of the file.
      ids, starts: bytes [N], the videos', and int64 [N], frames; no segment comes twice.
      classes: int64 [C].
    """

    def __init__(self, path, ids, starts, classes, scores):
        self.path, self.ids, self.starts, self.classes = path, ids, starts, classes
        self._scores = scores
        self._names = segment_names.Names.of(_named(ids, starts).tolist())
        twice = self._names.first_duplicate()
        if twice:
            raise UserError(f"--inputs: {path}: has scores of segment {twice.decode()} twice; {_WRITTEN}")

    def __len__(self):
        return len(self.starts)

    def check_classes(self, classes):
        """Makes sure that the file has the classes int64 [C] and no others, in any order."""
        if set(self.classes.tolist()) != set(classes.tolist()):
            raise UserError(f"--inputs: {self.path}: has scores of {len(self.classes)} classes, wanted the same "
                            f"{len(classes)} as the other inputs; score with one --segment_label_ids_file")  # fmt: skip

    def check_length(self, count):
        """Makes sure that the file has as many segments as the other inputs."""
        if len(self) != count:
            raise UserError(f"--inputs: {self.path}: has {len(self):,} segments, wanted the same {count:,} as the "
                            "other inputs; score the same files with the same --segment_window")  # fmt: skip

    def take(self, ids, starts, classes):
        """Scores of segments, ids bytes [n] and starts int [n], for classes int [C]: float32 [n, C].

        Raises:
          UserError: where one is not there; so pick.
        """
        return self._scores[self._rows(ids, starts)][:, self._columns(classes)].astype(np.float32)

    def pick(self, ids, starts, classes):
        """Scores of pairs of a segment and a class, bytes [n], int [n] and int [n]: float32 [n]."""
        return self._scores[self._rows(ids, starts), self._columns(classes)].astype(np.float32)

    def _columns(self, classes):
        order = np.argsort(self.classes)
        return order[np.searchsorted(self.classes, classes, sorter=order)]

    def _rows(self, ids, starts):
        wanted, which = np.unique(_named(ids, starts), return_inverse=True)
        found, rows = segment_names.Names.of(wanted.tolist()).find(self._names)
        if len(found) < len(wanted):
            first = np.delete(wanted, found)[0].decode()
            raise UserError(f"--inputs: {self.path}: has no score of segment {first}; score the same files as for the "
                            "other inputs, with the same --segment_window")  # fmt: skip
        return rows[np.argsort(found)][which]


def _named(ids, starts):
    """`video:start` of each segment: bytes [n]."""
    pairs = zip(ids.tolist(), starts.tolist(), strict=True)
    return np.array([b"%s:%d" % pair for pair in pairs], bytes)


def load(path):
    """Opens a file of segments' scores, and reads it through once to see that it is whole.

    Returns:
      SavedScores.

    Raises:
      UserError: where the file cannot be read, holds videos' scores, or scores that are no numbers.
    """
    wanted = {"ids": ("SU", "N"), "starts": ("iu", "N"), "classes": ("iu", "C")}

    def refusal(error):
        return f"--inputs: {path}: is no file of scores ({error}); {_WRITTEN}"

    ids, starts, classes = files.read_arrays(path, wanted, refusal).values()
    with files.reading_arrays(refusal):
        ids, starts, classes = segment_names.as_bytes(ids), starts.astype(np.int64), classes.astype(np.int64)
        scores, finite = _scores(path)
        if scores.shape != (len(ids), len(classes)):
            raise ValueError(f"scores has the shape {scores.shape}, which the others do not fit")
        if not scores.size or (classes < 0).any() or len(np.unique(classes)) < len(classes):
            raise ValueError(f"{len(ids)} segments and classes {np.sort(classes)[:5].tolist()} ...")
    if (starts < 0).any():
        raise UserError(f"--inputs: {path}: holds scores of whole videos, wanted segments'; {_WRITTEN}")
    if not finite:
        raise UserError(f"--inputs: {path}: a score is NaN or infinite; score again")
    return SavedScores(path, ids, starts, classes, scores)


def _scores(path):
    """The scores as they lie in the file, memory-mapped, or read where they are compressed; and whether all are finite
    as float32."""
    with zipfile.ZipFile(path) as archive, archive.open("scores.npy") as member:
        shape, fortran, dtype = _HEADERS[np.lib.format.read_magic(member)](member)
        if dtype.kind not in "fiu" or len(shape) != 2:
            raise ValueError(f"scores has {len(shape)} dimensions of {dtype}")
        header, info, count, finite = member.tell(), archive.getinfo("scores.npy"), 0, True
        with np.errstate(over="ignore"):
            while piece := member.read(_PIECE):  # to its end, where the checksum is compared
                numbers = np.frombuffer(piece, dtype).astype(np.float32)
                count, finite = count + len(numbers), finite and bool(np.isfinite(numbers).all())
    if count != math.prod(shape):
        raise ValueError(f"scores has {count} numbers, which its shape {shape} does not fit")
    if info.compress_type != zipfile.ZIP_STORED:
        with np.load(path, allow_pickle=False) as saved:
            return saved["scores"], finite
    with open(path, "rb") as file:
        file.seek(info.header_offset)
        name, extra = struct.unpack("<26xHH", file.read(30))  # the lengths of what lies between zip's header and data
    offset = info.header_offset + 30 + name + extra + header
    return np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C"), finite
