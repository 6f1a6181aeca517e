"""Expands file patterns to paths."""

import glob
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import tensorflow as tf

from yt8m_attention.errors import UserError

_BLOCKS = 64  # each one can end with a batch that is not full
_CONCURRENT = 16  # requests to remote files, which have a high latency


def is_remote(path: str) -> bool:
    """Whether a path belongs to a remote file system of TensorFlow, such as gs://bucket/file."""
    return "://" in path


def expand(pattern: str, flag: str) -> list[str]:
    """Expands a pattern: globs, paths and gs:// patterns, separated by commas.

    Args:
      pattern: value of the flag.
      flag: the flag's name without dashes, for messages.

    Returns:
      The paths of the files, sorted, each once. Elsewhere, "file order" means this order.

    Raises:
      UserError: when a part of the pattern matches nothing, or a local match is not a readable file.
    """
    parts = [part.strip() for part in pattern.split(",") if part.strip()]
    if not parts:
        raise UserError(f"--{flag}={pattern!r}: names no files; give paths or patterns such as 'train*.tfrecord'")
    paths: set[str] = set()
    for part in parts:
        found = _remote_glob(part, flag) if is_remote(part) else glob.glob(os.path.expanduser(part))
        if not found:
            raise UserError(f"--{flag}={part}: matches no files; check the path, and quote patterns in the shell")
        paths.update(found)
    for path in paths:
        if not is_remote(path):
            _check_local(path, flag)
    return sorted(paths)


def blocks(paths: Sequence[str]) -> list[Sequence[str]]:
    """Splits paths into blocks of about equal length for workers; the blocks do not depend on the number of workers."""
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


def stamps(paths: Sequence[str]) -> list[str]:
    """Returns the stamp of each file: its path, size and time of change, as text.

    Raises:
      UserError: when a file cannot be read.
    """
    with ThreadPoolExecutor(_CONCURRENT) as pool:
        return list(pool.map(_stamp, paths))


def _stamp(path):
    try:
        status = tf.io.gfile.stat(path)
    except tf.errors.OpError as error:
        raise UserError(f"{path}: cannot be read: {first_line(error)}") from error
    return f"{path if is_remote(path) else os.path.abspath(path)} {status.length} {status.mtime_nsec}"


def first_line(error: Exception) -> str:
    """Returns the first line of an error's message."""
    return (str(getattr(error, "message", None) or error).splitlines() or [type(error).__name__])[0]
