"""The lock of a training directory."""

import os
from typing import Self

from yt8m_attention.errors import UserError
from yt8m_attention.file_lock import Locked, lock
from yt8m_attention.runs import run_file

NAME = ".lock"


class DirectoryLock:
    """Context manager that keeps other runs out of a training directory.

    The operating system releases the lock when the process ends in any way.

    Raises:
      UserError: on entry, if another run holds the lock or the directory cannot be locked.
    """

    def __init__(self, train_dir: str) -> None:
        self._train_dir, self._path = train_dir, os.path.join(train_dir, NAME)

    def __enter__(self) -> Self:
        named = f"--train_dir={self._train_dir}"
        try:
            self._file = open(self._path, "w")
        except OSError as error:
            raise UserError(
                f"{named}: {NAME} cannot be opened: {error.strerror}; remove it, or name another"
            ) from error
        try:
            lock(self._file)
        except Locked as error:
            self._file.close()
            raise UserError(f"{named}: another run is training there; wait for it, or name another") from error
        except OSError as error:
            self._file.close()
            raise UserError(f"{named}: cannot be locked: {error.strerror}; name a local directory") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def check(self) -> None:
        """Checks that the directory is still the locked one and still holds run.json.

        A checkpoint in a directory that was replaced or emptied could not be used.

        Raises:
          UserError: otherwise.
        """
        try:
            same = os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            same = False
        if not (same and run_file.exists(self._train_dir)):
            raise UserError(
                f"--train_dir={self._train_dir}: was removed, emptied or replaced during the run; start again, "
                "and do not change it while the run lasts"
            )
