"""From a pattern to files on this machine."""

import contextlib
import glob
import hashlib
import os
import shutil
import tempfile
import threading

import tensorflow as tf

from yt8m_attention.errors import UserError


def is_remote(path):
    """Whether a path belongs to a file system of TensorFlow's, as gs://bucket/file does."""
    return "://" in path


def expand(pattern, flag):
    """The files that a pattern names: globs, paths and gs:// alike, several separated by commas.

    Args:
      pattern: what the flag holds.
      flag: the flag's name without dashes, for messages.

    Returns:
      The files' paths, sorted, each once. This order is "file order" everywhere.

    Raises:
      UserError: where a part of the pattern matches nothing, or a local match is no file that can be read.
    """
    parts = [part.strip() for part in pattern.split(",") if part.strip()]
    if not parts:
        raise UserError(f"--{flag}={pattern!r}: names no files; give paths or patterns such as 'train*.tfrecord'")
    paths = set()
    for part in parts:
        found = _remote_glob(part, flag) if is_remote(part) else glob.glob(os.path.expanduser(part))
        if not found:
            raise UserError(f"--{flag}={part}: matches no files; check the path, and quote patterns in the shell")
        paths.update(found)
    for path in paths:
        if not is_remote(path):
            _check_local(path, flag)
    return sorted(paths)


def _remote_glob(part, flag):
    try:
        return tf.io.gfile.glob(part)
    except tf.errors.OpError as error:
        raise UserError(f"--{flag}={part}: cannot be listed: {_first_line(error)}") from error


def _check_local(path, flag):
    if not os.path.isfile(path):
        raise UserError(f"--{flag}: {path} is not a file; name the files in it, as in {path}/*.tfrecord")
    if not os.access(path, os.R_OK):
        raise UserError(f"--{flag}: {path} cannot be read; check its permissions")
    if not os.path.getsize(path):
        raise UserError(f"--{flag}: {path} is empty; write it again or leave it out of the pattern")


class ShardCache:
    """Local copies of remote files, whole ones, in a directory of its own that goes when the cache does.

    A local file is used where it lies.
    """

    def __init__(self, cache_dir=None):
        """cache_dir: where the directory is made; None: where the system keeps temporary files."""
        if cache_dir:
            os.makedirs(cache_dir, exist_ok=True)
        self._directory = tempfile.TemporaryDirectory(prefix="yt8m_shards_", dir=cache_dir)
        self._ahead = None

    def local_path(self, path):
        """Where a file's bytes are on this machine; copies a remote one that is not there yet.

        Raises:
          UserError: where the file cannot be copied.
        """
        if not is_remote(path):
            return path
        self._wait()
        return self._copied(path)

    def fetch_ahead(self, paths):
        """Begins to copy remote files, since they will be needed next; local_path tells of what went wrong."""
        self._wait()
        remote = list(filter(is_remote, paths))
        if remote:
            self._ahead = threading.Thread(target=self._fetch, args=(remote,), daemon=True)
            self._ahead.start()

    def keep_only(self, paths):
        """Removes the copies of all other files."""
        self._wait()
        kept = {self._name(path) for path in paths}
        for copy in set(os.listdir(self._directory.name)) - kept:
            os.remove(os.path.join(self._directory.name, copy))

    def _wait(self):
        if self._ahead:
            self._ahead.join()
            self._ahead = None

    def _fetch(self, paths):
        with contextlib.suppress(UserError):
            for path in paths:
                self._copied(path)

    def _name(self, path):
        return f"{hashlib.blake2b(path.encode(), digest_size=8).hexdigest()}-{path.rsplit('/', 1)[-1]}"

    def _copied(self, path):
        copy = os.path.join(self._directory.name, self._name(path))
        if os.path.exists(copy):
            return copy
        partial = copy + ".partial"
        try:
            with tf.io.gfile.GFile(path, "rb") as source, open(partial, "wb") as target:
                shutil.copyfileobj(source, target, 1 << 24)
        except (tf.errors.OpError, OSError) as error:
            raise UserError(f"{path}: cannot be copied to {self._directory.name}: {_first_line(error)}") from error
        os.replace(partial, copy)  # so that a copy under its own name is whole
        return copy


def _first_line(error):
    return (str(getattr(error, "message", None) or error).splitlines() or [type(error).__name__])[0]
