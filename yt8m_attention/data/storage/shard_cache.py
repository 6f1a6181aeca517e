"""CacheDirectory of remote shards on this machine."""

import contextlib
import hashlib
import os
import shutil
import threading

import tensorflow as tf

from yt8m_attention.data.storage.cache_directory import CacheDirectory
from yt8m_attention.data.storage.file_patterns import first_line, is_remote
from yt8m_attention.data.storage.temporary_directory import TemporaryDirectory
from yt8m_attention.errors import UserError

_CHUNK = 1 << 24  # bytes
_ASKED = 16  # remote files at once, each of which takes a while to answer


class ShardCache:
    """Local copies of remote files, whole ones; the least recently used go first. A local file is used where it lies.

    A copy is named after the file's address, size and time of change, so one in `cache_dir` serves later runs as well,
    and never for a file that has changed. What any cache of the directory uses stays, whatever the limit, and so does
    what is no copy.

    Args:
      cache_dir: where copies are kept; None: a temporary directory, made with the first copy, that goes when the
        cache does; one that a killed process has left goes when the next one is made.
      cache_bytes: how much is kept beside what is in use; None: what other caches have left in cache_dir.
    """

    def __init__(self, cache_dir=None, cache_bytes=None):
        self._limit, self._ahead, self._names = cache_bytes, None, {}
        self._cache_dir, self._temporary, self._copies = cache_dir, None, None
        if cache_dir:
            try:
                os.makedirs(cache_dir, exist_ok=True)
            except OSError as error:
                raise UserError(f"--cache_dir={cache_dir}: cannot be made: {error.strerror}; name another") from error

    def local_path(self, path):
        """Where a file's bytes are on this machine; copies a remote one that is not there yet. It is then in use.

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
        remote = list(filter(is_remote, paths))
        if remote:
            self._need_directory()
        if self._copies:
            self._copies.use(self._known(remote), self._limit)

    def fetch_ahead(self, paths):
        """Begins to copy remote files, since they will be needed next; local_path tells of what went wrong."""
        self._wait()
        remote = list(filter(is_remote, paths))
        if remote:
            self._need_directory()
            self._ahead = threading.Thread(target=self._fetch, args=(remote,), daemon=True)
            self._ahead.start()

    def _need_directory(self):
        if not self._copies:
            if not self._cache_dir:
                self._temporary = TemporaryDirectory("yt8m_shards_")
            self._copies = CacheDirectory(self._cache_dir or self._temporary.path)

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
        copy = self._copies.path(name)
        self._copies.use_too(name)  # before looking whether it is there: it stays from now on
        try:
            if not os.path.exists(copy):
                self._copy(path, name, size, changed)
            # Copied again, it is the same file: its index still holds.
            self._copies.touch(name, changed)
        except (tf.errors.OpError, OSError) as error:
            raise self._cannot(path, error) from error
        return copy

    def _copy(self, path, name, size, changed):
        partial = self._copies.partial(name)
        try:
            with tf.io.gfile.GFile(path, "rb") as source, open(partial, "wb") as target:
                shutil.copyfileobj(source, target, _CHUNK)
            found = os.path.getsize(partial)
            if found != size:
                raise UserError(f"{path}: offset {found}: the copy ends here, {size} bytes were expected; try again")
            self._copies.add(name, changed)  # so that a copy under its own name is whole
        finally:
            with contextlib.suppress(OSError):
                os.unlink(partial)

    def _known(self, paths):
        """The names of files' copies, less those of files that are not to be had, of which local_path tells."""
        unknown = [path for path in paths if path not in self._names]
        shared = iter(unknown)
        # No pool: a process that ends waits for a pool's threads, whatever keeps them.
        threads = [threading.Thread(target=self._ask, args=(shared,), daemon=True) for _ in unknown[:_ASKED]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {self._names[path][0] for path in paths if path in self._names}

    def _ask(self, paths):
        for path in paths:
            with contextlib.suppress(UserError):
                self._name(path)

    def _name(self, path):
        """-> (name of a file's copy, its size, when it was changed)."""
        if path not in self._names:
            try:
                found = tf.io.gfile.stat(path)
            except tf.errors.OpError as error:
                raise self._cannot(path, error) from error
            digest = hashlib.blake2b(f"{path} {found.length} {found.mtime_nsec}".encode(), digest_size=8).hexdigest()
            self._names[path] = f"{digest}-{path.rsplit('/', 1)[-1]}", found.length, found.mtime_nsec
        return self._names[path]

    def _cannot(self, path, error):
        return UserError(f"{path}: cannot be copied to {self._copies.directory}: {first_line(error)}")
