"""Temporary directories that do not outlast their process for long, however it ends."""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import weakref

from yt8m_attention.errors import UserError


class Scratch:
    """A new temporary directory, which goes when this object does, or the process ends as processes should.

    One that is killed cannot clean up. But the directory is locked while its process lives, and no longer, so whoever
    makes the next one removes those of the same user that nobody holds.

    Args:
      prefix: of the directory's name; directories of other prefixes are left alone.

    Raises:
      UserError: where none can be made.
    """

    def __init__(self, prefix):
        try:
            _sweep(prefix)
            self.path, lock = _locked(prefix)
        except OSError as error:
            raise UserError(f"{error.filename or 'TMPDIR'}: no directory can be made for copies: {error.strerror}; "
                            "set TMPDIR to another place, or --cache_dir") from error  # fmt: skip
        self._gone = weakref.finalize(self, _remove, self.path, lock)


def _locked(prefix):
    """-> (path of a new directory, its open and locked handle)."""
    while True:
        path = tempfile.mkdtemp(prefix=prefix)
        lock = _lock(path)
        if lock is not None:
            return path, lock  # else another process took it for a left one before it was locked


def _lock(path):
    """A handle of a directory of our own that nobody else holds, locked; None where there is no such directory."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.stat(path, follow_symlinks=False)
            if (
                os.path.samestat(found, os.fstat(handle))
                and found.st_uid == os.getuid()
                and stat.S_ISDIR(found.st_mode)
            ):
                return handle
        except OSError:
            pass
        os.close(handle)
    return None


def _sweep(prefix):
    with os.scandir(tempfile.gettempdir()) as entries:
        left = [entry.path for entry in entries if entry.name.startswith(prefix)]
    for path in left:
        lock = _lock(path)
        if lock is not None:
            _remove(path, lock)


def _remove(path, lock):
    shutil.rmtree(path, ignore_errors=True)
    os.close(lock)
