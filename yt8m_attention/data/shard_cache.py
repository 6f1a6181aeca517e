"""Copies of remote shards on this machine."""

import contextlib
import hashlib
import os
import shutil
import threading

import tensorflow as tf

from yt8m_attention.data.files import first_line, is_remote
from yt8m_attention.data.scratch import Scratch
from yt8m_attention.errors import UserError

_CHUNK = 1 << 24  # bytes


class ShardCache:
    """Local copies of remote files, whole ones; the least recently used go first. A local file is used where it lies.

    A copy is named after the file's address, size and time of change, so one in `cache_dir` serves later runs as well,
    and never for a file that has changed. What is in use stays, whatever the limit.

    Args:
      cache_dir: where copies are kept; None: a temporary directory, made with the first copy, that goes when the
        cache does; one that a killed process has left goes when the next one is made.
      cache_bytes: how much is kept; None: what is in use, and what other caches have left in cache_dir.
    """

    def __init__(self, cache_dir=None, cache_bytes=None):
        self._limit, self._ahead, self._names, self._made = cache_bytes, None, {}, set()
        self._in_use = frozenset()
        self._directory, self._temporary = cache_dir, None
        if cache_dir:
            try:
                os.makedirs(cache_dir, exist_ok=True)
            except OSError as error:
                raise UserError(f"--cache_dir={cache_dir}: cannot be made: {error.strerror}; name another") from error

    def local_path(self, path):
        """Where a file's bytes are on this machine; copies a remote one that is not there yet.

        Raises:
          UserError: where the file cannot be copied.
        """
        if not is_remote(path):
            return path
        self._wait()
        self._need_directory()
        return self._copied(path)

    def use(self, paths):
        """Says which files are in use from now on; of the others, copies are removed as the limit asks for."""
        self._wait()
        self._in_use = frozenset(filter(is_remote, paths))
        if self._directory:
            self._make_room(0)

    def fetch_ahead(self, paths):
        """Begins to copy remote files, since they will be needed next; local_path tells of what went wrong."""
        self._wait()
        remote = list(filter(is_remote, paths))
        if remote:
            self._need_directory()
            self._ahead = threading.Thread(target=self._fetch, args=(remote,), daemon=True)
            self._ahead.start()

    def _need_directory(self):
        if not self._directory:
            self._temporary = Scratch("yt8m_shards_")
            self._directory = self._temporary.path

    def _wait(self):
        if self._ahead:
            self._ahead.join()
            self._ahead = None

    def _fetch(self, paths):
        with contextlib.suppress(UserError):
            for path in paths:
                self._copied(path)

    def _copied(self, path):
        name, size, changed = self._name(path)
        copy = os.path.join(self._directory, name)
        try:
            if not os.path.exists(copy):
                self._make_room(size)
                self._copy(path, copy, size)
            # Copied again, it is the same file: its index still holds.
            os.utime(copy, ns=(_latest(self._directory), changed))
        except (tf.errors.OpError, OSError) as error:
            raise UserError(f"{path}: cannot be copied to {self._directory}: {first_line(error)}") from error
        self._made.add(name)
        return copy

    def _copy(self, path, copy, size):
        partial = f"{copy}.{os.getpid()}.partial"
        try:
            with tf.io.gfile.GFile(path, "rb") as source, open(partial, "wb") as target:
                shutil.copyfileobj(source, target, _CHUNK)
            found = os.path.getsize(partial)
            if found != size:
                raise UserError(f"{path}: offset {found}: the copy ends here, {size} bytes were expected; try again")
            os.replace(partial, copy)  # so that a copy under its own name is whole
        finally:
            with contextlib.suppress(OSError):
                os.unlink(partial)

    def _name(self, path):
        """-> (name of a file's copy, its size, when it was changed)."""
        if path not in self._names:
            try:
                found = tf.io.gfile.stat(path)
            except tf.errors.OpError as error:
                raise UserError(f"{path}: cannot be copied to {self._directory}: {first_line(error)}") from error
            digest = hashlib.blake2b(f"{path} {found.length} {found.mtime_nsec}".encode(), digest_size=8).hexdigest()
            self._names[path] = f"{digest}-{path.rsplit('/', 1)[-1]}", found.length, found.mtime_nsec
        return self._names[path]

    def _make_room(self, size):
        """Removes copies, the least recently used first, until so many bytes more are within the limit."""
        used = {self._name(path)[0] for path in self._in_use if path in self._names}
        copies = sorted((s.st_atime_ns, s.st_size, name) for name, s in _files(self._directory))
        total = size + sum(size for _, size, _ in copies)
        for _, freed, name in copies:
            needless = name in self._made if self._limit is None else total > self._limit
            if needless and name not in used:
                for part in (name, f".{name}.index"):
                    with contextlib.suppress(OSError):
                        os.remove(os.path.join(self._directory, part))
                total -= freed


def _files(directory):
    """(name, status) of each copy; another process may remove some meanwhile."""
    try:
        entries = list(os.scandir(directory))
    except OSError as error:
        raise UserError(f"{directory}, with the copies of remote shards: {error.strerror}; run again") from error
    for entry in entries:
        if not entry.name.startswith("."):
            with contextlib.suppress(OSError):
                yield entry.name, entry.stat()


def _latest(directory):
    """A time of use later than all others there: file systems' clocks are too coarse to tell two uses apart."""
    return 1 + max((s.st_atime_ns for _, s in _files(directory)), default=0)
