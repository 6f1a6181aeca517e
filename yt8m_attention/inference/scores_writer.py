"""Every score that was ranked by, as a file for `ensemble`, in bounded memory."""

import os
import shutil
import tempfile
import zipfile

import numpy as np

from yt8m_attention import files

_COPIED = 1 << 20  # bytes at a time


class ScoresWriter:
    """Writes an .npz of `ids` [N], `starts` [N], `classes` [C] and `scores` [N, C], complete or absent.

    An array's file begins with how long it is, which is known at the end. Until then scores are kept in a file without
    a name in the same directory, which goes whatever ends the process; so there must be room for them twice.

    Args:
      path: of the file.
      classes: int64 [C], ids of the columns.

    Raises:
      UserError: here and from all methods, where the disk does not take it.
    """

    def __init__(self, path, classes):
        self._path, self._classes = path, classes
        with files.writing(path):
            self._kept = tempfile.TemporaryFile(dir=os.path.dirname(os.path.realpath(path)))

    def add(self, scores):
        """Takes the next rows, float32 [n, C]."""
        with files.writing(self._path):
            self._kept.write(np.ascontiguousarray(scores, np.float32))

    def save(self, ids, starts):
        """Writes the file.

        Args:
          ids: bytes or str [N], the videos'.
          starts: int64 [N], frames; -1: the whole video.
        """
        arrays = {"ids": np.array(ids, bytes), "starts": starts, "classes": self._classes}
        head = {"descr": np.dtype(np.float32).str, "fortran_order": False, "shape": (len(ids), len(self._classes))}
        with files.replacing(self._path) as file, zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
            with archive.open("scores.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, head)
                self._kept.seek(0)
                shutil.copyfileobj(self._kept, member, _COPIED)
