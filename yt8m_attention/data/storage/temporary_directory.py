"""Temporary directories that do not outlast their process for long, however it ends."""

import contextlib
import os
import shutil
import tempfile
import weakref

from yt8m_attention.errors import UserError
from yt8m_attention.file_lock import Locked, lock


class TemporaryDirectory:
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
            self.path, handle = _make_locked(prefix)
        except OSError as error:
            raise UserError(f"{error.filename or 'TMPDIR'}: no directory can be made for copies: {error.strerror}; "
                            "set TMPDIR to another place, or --cache_dir") from error  # fmt: skip
        self._gone = weakref.finalize(self, _remove, self.path, handle)


def _make_locked(prefix):
    """-> (path of a new directory, its open and locked handle)."""
    while True:
        path = tempfile.mkdtemp(prefix=prefix)
        try:
            # One or the other where another process takes it for a left one before it is locked.
            with contextlib.suppress(Locked, FileNotFoundError):
                return path, _open_locked(path)
        except OSError:
            os.rmdir(path)
            raise


def _open_locked(path):
    """A handle of a directory of our own that nobody else holds, locked; OSError where there is no such directory."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        lock(handle)
        found = os.stat(path, follow_symlinks=False)
        if not os.path.samestat(found, os.fstat(handle)) or found.st_uid != os.getuid():
            raise FileNotFoundError(path)
    except OSError:
        os.close(handle)
        raise
    return handle


def _sweep(prefix):
    with os.scandir(tempfile.gettempdir()) as entries:
        left = [entry.path for entry in entries if entry.name.startswith(prefix)]
    for path in left:
        with contextlib.suppress(OSError):
            _remove(path, _open_locked(path))


def _remove(path, handle):
    shutil.rmtree(path, ignore_errors=True)
    os.close(handle)
