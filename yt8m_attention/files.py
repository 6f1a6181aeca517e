"""Files that are complete or absent."""

import contextlib
import glob
import json
import os

from yt8m_attention.errors import UserError


def make_directory(path, flag):
    """Makes a directory, parents too.

    Raises:
      UserError: naming the flag that asked for it, where it cannot be made or written to, or is a bucket's.
    """
    if "://" in path:
        raise UserError(f"--{flag}={path}: only data is read from elsewhere; name a directory on this machine")
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"--{flag}={path}: cannot be made: {error.strerror}; name a directory you may write to"
        ) from error
    if not os.access(path, os.W_OK):
        raise UserError(f"--{flag}={path}: cannot be written to; name a directory you may write to")


_PARTIAL = ".partial"


@contextlib.contextmanager
def replacing_path(path):
    """Gives a temporary path beside `path` to write to; it takes the name once it is whole and on disk.

    Whatever stops the writing, a reader finds the former file or none, never a part of the new one. A link stays one:
    what it leads to is replaced. What is no file, as a device or a pipe, cannot be replaced, and is written to itself.

    Raises:
      UserError: where the directory or the disk does not take it, naming the file.
    """
    with writing(path):
        if os.path.exists(path) and not os.path.isfile(path):
            yield path
            return
        with _replacing_file(os.path.realpath(path)) as temporary:
            yield temporary


@contextlib.contextmanager
def writing(path):
    """Inside, what the disk does not take becomes a UserError that names the file."""
    try:
        yield
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}; free space or name another place"
        raise UserError(f"{path}: {what}") from error


@contextlib.contextmanager
def _replacing_file(path):
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, f".{name}.{os.getpid()}{_PARTIAL}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


@contextlib.contextmanager
def reading_arrays(refusal):
    """Inside, whatever numpy raises at a damaged file of arrays becomes a UserError.

    zip, zlib and lzma have errors of their own, and numpy reads a header as Python reads a program: there is no class
    that all of these are of.

    Args:
      refusal: function of the error, in one line -> the message.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(refusal(_in_a_line(error))) from error


def _in_a_line(error):
    words = " ".join(str(error).split())
    # What numpy does not know it takes for a pickle, and tells how to run it.
    return "no file of arrays" if "pickled" in words else words or type(error).__name__


def read_arrays(path, wanted, refusal):
    """Arrays of an .npz file, by name, of the kinds and shapes that they must have.

    Args:
      path: of the file.
      wanted: {name: (kinds, shape)}: the letters of numpy's kinds of types that will do, and a letter for each
        dimension; the same letter is the same length.
      refusal: as reading_arrays takes it.

    Raises:
      UserError: as refusal tells it, where the file is none or holds anything else.
    """
    import numpy as np  # here, since most who write and read files need none

    with reading_arrays(refusal), np.load(path, allow_pickle=False) as saved:
        found, lengths = {name: saved[name] for name in wanted}, {}
        for name, (kinds, shape) in wanted.items():
            array = found[name]
            if array.dtype.kind not in kinds or array.ndim != len(shape):
                raise ValueError(f"{name} has {array.ndim} dimensions of {array.dtype}")
            if any(lengths.setdefault(letter, n) != n for letter, n in zip(shape, array.shape, strict=True)):
                raise ValueError(f"{name} has the shape {array.shape}, which the others do not fit")
        return found


@contextlib.contextmanager
def replacing(path, mode="wb"):
    """replacing_path, with the file opened."""
    encoding = None if "b" in mode else "utf-8"
    with replacing_path(path) as temporary, open(temporary, mode, encoding=encoding) as file:
        yield file


def remove_leftovers(directory):
    """Removes what processes that were killed had half written; nobody else may be writing there."""
    for path in glob.glob(os.path.join(glob.escape(directory), f".*{_PARTIAL}")):
        if os.path.isfile(path):
            try:
                os.unlink(path)
            except OSError as error:
                raise UserError(f"{path}: half written, and cannot be removed: {error.strerror}; remove it") from error


def write_text(path, text):
    """Writes a text file, complete or absent."""
    with replacing(path, "w") as file:
        file.write(text)


def write_json(path, value, indent=1):
    """Writes a value as JSON, complete or not at all; indent: as json.dump takes it, None for all on one line."""
    with replacing(path, "w") as file:
        json.dump(value, file, indent=indent, sort_keys=True)
        file.write("\n")


def read_json(path):
    """The value in a JSON file, or None where there is no such file.

    Raises:
      UserError: where the file is there and cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        what = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be read: {what}; restore or remove it") from error
