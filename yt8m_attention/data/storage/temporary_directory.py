"""Temporary directories that are removed even after a killed process."""

import contextlib
import os
import shutil
import tempfile
import weakref

from yt8m_attention.errors import UserError
from yt8m_attention.file_lock import Locked, lock


class TemporaryDirectory:
    """Creates a temporary directory, which is removed with this object or at the normal end of the process.

    A killed process cannot remove its directory. But each directory is locked as long as its process lives. So the
    constructor first removes the same user's directories without a lock.

    Args:
      prefix: start of the directory's name; directories with other prefixes are left alone.

    Raises:
      UserError: when no directory can be created.
    """

    def __init__(self, prefix: str) -> None:
        try:
            _remove_unlocked(prefix)
            self.path, handle = _make_locked(prefix)
        except OSError as error:
            raise UserError(f"{error.filename or 'TMPDIR'}: no directory can be made for copies: {error.strerror}; "
                            "set TMPDIR to another place, or --cache_dir") from error  # fmt: skip
        self._finalizer = weakref.finalize(self, _remove, self.path, handle)


def _make_locked(prefix):
    """Creates a directory. Returns (its path, its open and locked handle)."""
    while True:
        path = tempfile.mkdtemp(prefix=prefix)
        try:
            # Either occurs if another process removes the directory as unused before it is locked.
            with contextlib.suppress(Locked, FileNotFoundError):
                return path, _open_locked(path)
        except OSError:
            os.rmdir(path)
            raise


def _open_locked(path):
    """Opens and locks a directory of this user. Raises OSError if it is missing, locked or not this user's."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        lock(handle)
        status = os.stat(path, follow_symlinks=False)
        if not os.path.samestat(status, os.fstat(handle)) or status.st_uid != os.getuid():
            raise FileNotFoundError(path)
    except OSError:
        os.close(handle)
        raise
    return handle


def _remove_unlocked(prefix):
    with os.scandir(tempfile.gettempdir()) as entries:
        paths = [entry.path for entry in entries if entry.name.startswith(prefix)]
    for path in paths:
        with contextlib.suppress(OSError):
            _remove(path, _open_locked(path))


def _remove(path, handle):
    shutil.rmtree(path, ignore_errors=True)
    os.close(handle)
