"""Writes all scores of a ranking to a file for `ensemble`, in bounded memory."""

import os
import shutil
import tempfile
import zipfile

import numpy as np

from yt8m_attention import files

_CHUNK = 1 << 20  # bytes copied at a time


class ScoresWriter:
    """Writes an .npz of `ids` [N], `starts` [N], `classes` [C] and `scores` [N, C], complete or absent.

    An array's file starts with the array's length, which is known only at the end. Until then the scores are in a
    temporary file without a name in the same directory. It disappears with the process. So the disk must have room for
    the scores twice.

    Args:
      path: path of the file.
      classes: int64 [C], class ids of the columns.

    Raises:
      UserError: from all methods, if the file cannot be written.
    """

    def __init__(self, path: str, classes: np.ndarray) -> None:
        self._path, self._classes = path, classes
        with files.writing(path):
            self._temporary = tempfile.TemporaryFile(dir=os.path.dirname(os.path.realpath(path)))

    def add(self, scores: np.ndarray) -> None:
        """Adds the next rows, float32 [n, C]."""
        with files.writing(self._path):
            self._temporary.write(np.ascontiguousarray(scores, np.float32).data)

    def save(self, ids: np.ndarray | list[bytes], starts: np.ndarray) -> None:
        """Writes the file.

        Args:
          ids: bytes or str [N], the video ids of the rows.
          starts: int64 [N], seconds (frames); -1: the whole video.
        """
        arrays = {"ids": np.array(ids, bytes), "starts": starts, "classes": self._classes}
        head = {"descr": np.dtype(np.float32).str, "fortran_order": False, "shape": (len(ids), len(self._classes))}
        with files.replacing(self._path) as file, zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
            with archive.open("scores.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, head)
                self._temporary.seek(0)
                shutil.copyfileobj(self._temporary, member, _CHUNK)
