"""One run's hold on its training directory."""

import os

from yt8m_attention.errors import UserError
from yt8m_attention.file_lock import Locked, lock
from yt8m_attention.runs import run_file

NAME = ".lock"


class DirectoryLock:
    """While inside, no other run enters the directory; the lock falls with the process, however that ends.

    Raises:
      UserError: on entering, where another run is inside.
    """

    def __init__(self, train_dir):
        self._train_dir, self._path = train_dir, os.path.join(train_dir, NAME)

    def __enter__(self):
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

    def __exit__(self, *_):
        self._file.close()

    def check(self):
        """Raises UserError where the directory is no longer the one that was entered and that run.json describes: a
        checkpoint in another one, or one made anew or emptied, could not be used."""
        try:
            same = os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            same = False
        if not (same and run_file.exists(self._train_dir)):
            raise UserError(
                f"--train_dir={self._train_dir}: was removed, emptied or replaced while the run lasted; start again, "
                "and leave it be"
            )
