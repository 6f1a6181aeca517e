"""Reads and writes files; a written file is complete or absent."""

import contextlib
import glob
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

from yt8m_attention.errors import UserError

if TYPE_CHECKING:
    import numpy as np


def make_directory(path: str, flag: str) -> None:
    """Creates a directory and its parents.

    Raises:
      UserError: naming the flag, when the directory is remote, or cannot be created or written to.
    """
    if "://" in path:
        raise UserError(f"--{flag}={path}: only data can be remote; name a directory on this machine")
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
def replacing_path(path: str) -> Iterator[str]:
    """Yields a temporary path beside `path`, and renames the complete file to `path` after the block.

    If writing stops early, a reader finds the previous file or none, never a part of the new one. For a symbolic link,
    the target is replaced. Devices and pipes cannot be replaced: for these, `path` itself is yielded.

    Raises:
      UserError: naming the file, when it cannot be written.
    """
    with writing(path):
        if os.path.exists(path) and not os.path.isfile(path):
            yield path
            return
        with _replacing_file(os.path.realpath(path)) as temporary:
            yield temporary


@contextlib.contextmanager
def writing(path: str) -> Iterator[None]:
    """Converts an OSError inside the block to a UserError that names the file."""
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
def reading_arrays(refusal: Callable[[str], str]) -> Iterator[None]:
    """Converts any exception inside the block, such as numpy's for a damaged file, to a UserError.

    zip, zlib and lzma raise exceptions of their own, and numpy parses a header as Python code. These exceptions have no
    common class.

    Args:
      refusal: function that takes the error in one line and returns the message.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(refusal(_one_line(error))) from error


def _one_line(error):
    text = " ".join(str(error).split())
    # numpy reports any unknown file as a pickle and explains how to load it.
    return "no file of arrays" if "pickled" in text else text or type(error).__name__


def read_arrays(
    path: str, wanted: Mapping[str, tuple[str, str]], refusal: Callable[[str], str]
) -> "dict[str, np.ndarray]":
    """Reads arrays of an .npz file by name and checks their dtypes and shapes.

    Args:
      path: path of the file.
      wanted: {name: (kinds, shape)}: the letters of the accepted numpy dtype kinds, and one letter per dimension;
        equal letters are equal lengths.
      refusal: see reading_arrays.

    Raises:
      UserError: with the message of refusal, when the file cannot be read or holds other arrays.
    """
    import numpy as np  # not at the top: most users of this module need no numpy

    with reading_arrays(refusal), np.load(path, allow_pickle=False) as saved:
        arrays = {name: saved[name] for name in wanted}
        lengths: dict[str, int] = {}
        for name, (kinds, shape) in wanted.items():
            array = arrays[name]
            if array.dtype.kind not in kinds or array.ndim != len(shape):
                raise ValueError(f"{name} has {array.ndim} dimensions of {array.dtype}")
            if any(lengths.setdefault(letter, n) != n for letter, n in zip(shape, array.shape, strict=True)):
                raise ValueError(f"{name} has the shape {array.shape}, which does not match the other arrays")
        return arrays


@contextlib.contextmanager
def replacing(path: str, mode: str = "wb") -> Iterator[IO]:
    """Yields an open file that replaces `path` after the block, see replacing_path."""
    encoding = None if "b" in mode else "utf-8"
    with replacing_path(path) as temporary, open(temporary, mode, encoding=encoding) as file:
        yield file


def remove_leftovers(directory: str) -> None:
    """Removes the partial files of killed processes. The caller ensures that no process is writing there."""
    for path in glob.glob(os.path.join(glob.escape(directory), f".*{_PARTIAL}")):
        if os.path.isfile(path):
            try:
                os.unlink(path)
            except OSError as error:
                raise UserError(f"{path}: is incomplete and cannot be removed: {error.strerror}; remove it") from error


def write_text(path: str, text: str) -> None:
    """Writes a text file, complete or not at all."""
    with replacing(path, "w") as file:
        file.write(text)


def write_json(path: str, value: Any, indent: int | None = 1) -> None:
    """Writes a value as JSON, complete or not at all; indent: see json.dump, None for one line."""
    with replacing(path, "w") as file:
        json.dump(value, file, indent=indent, sort_keys=True)
        file.write("\n")


def read_json(path: str) -> Any:
    """Returns the value in a JSON file, or None if the file does not exist.

    Raises:
      UserError: when the file exists and cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        what = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be read: {what}; restore or remove it") from error
