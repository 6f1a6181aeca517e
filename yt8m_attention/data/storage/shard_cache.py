"""Local copies of remote shards."""

import contextlib
import hashlib
import os
import shutil
import threading
from collections.abc import Iterable

import tensorflow as tf

from yt8m_attention.data.storage.cache_directory import CacheDirectory
from yt8m_attention.data.storage.file_patterns import first_line, is_remote
from yt8m_attention.data.storage.temporary_directory import TemporaryDirectory
from yt8m_attention.errors import UserError

_CHUNK = 1 << 24  # bytes
_CONCURRENT = 16  # requests to remote files, which have a high latency


class ShardCache:
    """Copies remote files to a local directory and removes the least recently used copies.

    Local files are used in place. A copy is named after its file's address, size and time of change. So a copy in
    `cache_dir` also serves later runs, and never for a changed file. Copies in use by any cache of the directory stay
    regardless of the limit, and so do other files.

    Args:
      cache_dir: directory of the copies; None: a temporary directory, created with the first copy and removed with
        the cache. The next cache removes the temporary directory of a killed process.
      cache_bytes: maximum bytes of unused copies to keep; None: keep only those that other caches have added.
    """

    def __init__(self, cache_dir: str | None = None, cache_bytes: int | None = None) -> None:
        self._limit, self._cache_dir = cache_bytes, cache_dir
        self._prefetch: threading.Thread | None = None
        self._names: dict[str, tuple[str, int, int]] = {}
        self._temporary: TemporaryDirectory | None = None
        self._copies: CacheDirectory | None = None
        if cache_dir:
            try:
                os.makedirs(cache_dir, exist_ok=True)
            except OSError as error:
                raise UserError(f"--cache_dir={cache_dir}: cannot be made: {error.strerror}; name another") from error

    def local_path(self, path: str) -> str:
        """Returns the local path of a file. Copies a remote file if there is no copy, and marks the copy as used.

        Raises:
          UserError: when the file cannot be copied.
        """
        if not is_remote(path):
            return path
        self._wait()
        return self._copied(path)

    def use(self, paths: Iterable[str]) -> None:
        """Sets the files in use, and removes copies of other files according to the limit."""
        self._wait()
        remote = list(filter(is_remote, paths))
        if remote:
            self._directory()
        if self._copies:
            self._copies.use(self._known(remote), self._limit)

    def fetch_ahead(self, paths: Iterable[str]) -> None:
        """Starts to copy remote files in the background; local_path() reports errors."""
        self._wait()
        remote = list(filter(is_remote, paths))
        if remote:
            self._directory()
            self._prefetch = threading.Thread(target=self._fetch, args=(remote,), daemon=True)
            self._prefetch.start()

    def _directory(self) -> CacheDirectory:
        """Returns the directory of the copies, created when it is first needed."""
        if not self._copies:
            directory = self._cache_dir
            if not directory:
                self._temporary = TemporaryDirectory("yt8m_shards_")
                directory = self._temporary.path
            self._copies = CacheDirectory(directory)
        return self._copies

    def _wait(self):
        if self._prefetch:
            self._prefetch.join()
            self._prefetch = None

    def _fetch(self, paths):
        with contextlib.suppress(UserError):
            for path in paths:
                self._copied(path)

    def _copied(self, path):
        copies = self._directory()
        name, size, changed = self._name(path)
        copy = copies.path(name)
        copies.use_too(name)  # before the look-up, so that no other cache removes the copy after it
        try:
            if not os.path.exists(copy):
                self._copy(path, name, size, changed)
            # A new copy gets the time of change of its source, so its index file stays valid.
            copies.touch(name, changed)
        except (tf.errors.OpError, OSError) as error:
            raise self._error(path, error) from error
        return copy

    def _copy(self, path, name, size, changed):
        copies = self._directory()
        partial = copies.partial(name)
        try:
            with tf.io.gfile.GFile(path, "rb") as source, open(partial, "wb") as target:
                shutil.copyfileobj(source, target, _CHUNK)
            copied = os.path.getsize(partial)
            if copied != size:
                raise UserError(f"{path}: offset {copied}: the copy ends here, {size} bytes were expected; try again")
            copies.add(name, changed)  # only complete copies get their own names
        finally:
            with contextlib.suppress(OSError):
                os.unlink(partial)

    def _known(self, paths):
        """Returns the names of files' copies. Omits unreachable files; local_path() reports them."""
        unknown = [path for path in paths if path not in self._names]
        shared = iter(unknown)
        # No thread pool: a process waits for a pool's threads at its end, even if they hang.
        threads = [threading.Thread(target=self._look_up, args=(shared,), daemon=True) for _ in unknown[:_CONCURRENT]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {self._names[path][0] for path in paths if path in self._names}

    def _look_up(self, paths):
        for path in paths:
            with contextlib.suppress(UserError):
                self._name(path)

    def _name(self, path):
        """Returns (name of a file's copy, size in bytes, time of change in ns)."""
        if path not in self._names:
            try:
                status = tf.io.gfile.stat(path)
            except tf.errors.OpError as error:
                raise self._error(path, error) from error
            digest = hashlib.blake2b(f"{path} {status.length} {status.mtime_nsec}".encode(), digest_size=8).hexdigest()
            self._names[path] = f"{digest}-{path.rsplit('/', 1)[-1]}", status.length, status.mtime_nsec
        return self._names[path]

    def _error(self, path, error):
        return UserError(f"{path}: cannot be copied to {self._directory().directory}: {first_line(error)}")
