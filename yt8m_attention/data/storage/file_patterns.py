"""From a pattern to files on this machine."""

import glob
import os
from concurrent.futures import ThreadPoolExecutor

import tensorflow as tf

from yt8m_attention.errors import UserError

_BLOCKS = 64  # behind each of them a batch ends that may not be full
_ASKED = 16  # remote files at once, each of which takes a while to answer


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


def blocks(paths):
    """Paths in pieces about as long, of which workers take some each: the same pieces for any number of workers."""
    count = min(len(paths), _BLOCKS)
    return [paths[len(paths) * i // count : len(paths) * (i + 1) // count] for i in range(count)]


def _remote_glob(part, flag):
    try:
        return tf.io.gfile.glob(part)
    except tf.errors.OpError as error:
        raise UserError(f"--{flag}={part}: cannot be listed: {first_line(error)}") from error


def _check_local(path, flag):
    if not os.path.isfile(path):
        raise UserError(f"--{flag}: {path} is not a file; name the files in it, as in {path}/*.tfrecord")
    if not os.access(path, os.R_OK):
        raise UserError(f"--{flag}: {path} cannot be read; check its permissions")
    if not os.path.getsize(path):
        raise UserError(f"--{flag}: {path} is empty; write it again or leave it out of the pattern")


def stamps(paths):
    """Names the contents of files: of each, its path, size and time of change, a list of texts.

    Raises:
      UserError: where one is not there.
    """
    with ThreadPoolExecutor(_ASKED) as pool:
        return list(pool.map(_stamp, paths))


def _stamp(path):
    try:
        found = tf.io.gfile.stat(path)
    except tf.errors.OpError as error:
        raise UserError(f"{path}: cannot be read: {first_line(error)}") from error
    return f"{path if is_remote(path) else os.path.abspath(path)} {found.length} {found.mtime_nsec}"


def first_line(error):
    """What an error says, in one line."""
    return (str(getattr(error, "message", None) or error).splitlines() or [type(error).__name__])[0]
