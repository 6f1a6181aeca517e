"""Checkpoints: one file each, complete or absent, readable with numpy alone.

A checkpoint is an uncompressed `.npz` archive. It has one array per variable, named by its path in the model
("model/...") or the optimizer ("optimizer/..."), and a member "meta", which is JSON as bytes. Every member has a
CRC-32, so damage is detected. The archive contains no code and is read with pickling off.

    TRAIN_DIR/checkpoints/step-00001000.npz            the newest ones, and the best one
    TRAIN_DIR/checkpoints/step-00001000.npz.damaged    renamed by a run that resumed from another checkpoint

The module held_out_scores determines the best one.
"""

import contextlib
import errno
import glob
import json
import logging
import os
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from yt8m_attention import files
from yt8m_attention.errors import UserError
from yt8m_attention.runs import held_out_scores

logger = logging.getLogger(__name__)

_PATTERN = "step-{:08d}.npz"
_META = "meta"
_SHAPES = "arrays"  # in the saved meta: {name: shape}, which detects an archive that lacks an array
_DAMAGED = ".damaged"


class Damaged(UserError):
    """The file is not a whole checkpoint, and reading it again will not help."""


def directory(train_dir: str) -> str:
    """Returns the directory of the checkpoints of a training directory."""
    return os.path.join(train_dir, "checkpoints")


def path_of(train_dir: str, step: int | None) -> str | None:
    """Returns the path of the checkpoint of a step, or None for None. The file may be absent."""
    return None if step is None else _path(train_dir, step)


def _path(train_dir, step):
    return os.path.join(directory(train_dir), _PATTERN.format(step))


def paths(train_dir: str) -> list[str]:
    """Returns the paths of the checkpoints of a training directory, newest first."""
    return _files(train_dir, "step-*.npz")


def _files(train_dir, pattern):
    names = sorted(glob.glob(pattern, root_dir=directory(train_dir)), key=lambda name: (len(name), name), reverse=True)
    return [os.path.join(directory(train_dir), name) for name in names]


def save(train_dir: str, step: int, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> str:
    """Writes a checkpoint and returns its path.

    Args:
      train_dir: the training directory.
      step: the global step, which names the file.
      arrays: the variables by name.
      meta: dict for JSON with the fields of loop.State.

    Raises:
      UserError: if the file cannot be written.
    """
    path = _path(train_dir, step)
    saved_meta = {**meta, _SHAPES: {name: array.shape for name, array in arrays.items()}}
    members: dict[str, Any] = {**arrays, _META: np.frombuffer(json.dumps(saved_meta).encode(), np.uint8)}
    files.make_directory(directory(train_dir), "train_dir")
    with files.replacing(path) as file:
        np.savez(file, **members)
    return path


def load(path: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Reads a checkpoint.

    Returns:
      (arrays, meta) as saved.

    Raises:
      UserError: if the file is absent or cannot be read.
      Damaged: if it is not a whole checkpoint.
    """
    with _reading(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
        meta = _meta(arrays.pop(_META))
        shapes = meta.pop(_SHAPES, None)  # absent in files of older versions
        if shapes is not None and shapes != {name: list(array.shape) for name, array in arrays.items()}:
            raise ValueError("its arrays differ from those that were saved")
    return arrays, meta


def load_meta(path: str) -> dict[str, Any]:
    """Reads the meta of a checkpoint without its arrays; raises the same errors as load."""
    with _reading(path) as archive:
        return {key: value for key, value in _meta(archive[_META]).items() if key != _SHAPES}


@contextlib.contextmanager
def _reading(path):
    try:
        file = open(path, "rb")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such checkpoint") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        with (
            file,
            files.reading_arrays(lambda error: f"{path}: damaged or not a checkpoint: {error}"),
            np.load(file, allow_pickle=False) as archive,
        ):
            yield archive
    except UserError as error:
        raise (Damaged if _is_permanent(error.__cause__) else UserError)(str(error)) from error


def _is_permanent(error):
    """Returns whether reading will fail again: true for errors of zip, numpy and JSON, false for lack of memory or a
    failing device."""
    return not isinstance(error, MemoryError) and getattr(error, "errno", None) in (None, errno.EINVAL)


def _meta(member):
    """Parses the member "meta". Any exception means that a field which a resumed run needs is missing or wrong."""
    meta = json.loads(member.tobytes())
    numbers = meta["step"], meta["first_step"], *(meta["position"] or ()), meta["loss"] or 0, meta["finished"]
    if not all(isinstance(number, (int, float)) for number in numbers):
        raise ValueError("a field of its meta is not a number")
    return meta


def load_newest(train_dir: str) -> tuple[str, dict[str, np.ndarray], dict[str, Any]] | None:
    """Reads the newest whole checkpoint of a directory. Only the run that holds the directory's lock may call it.

    A damaged checkpoint is logged and renamed with the suffix `.damaged`, since it would stay the newest otherwise.

    Returns:
      (path, arrays, meta), or None if the directory never had a checkpoint.

    Raises:
      UserError: if every checkpoint is damaged, or if one cannot be read although it may be whole.
    """
    for path in paths(train_dir):
        try:
            return path, *load(path)
        except Damaged as error:
            _rename(path, path + _DAMAGED)
            logger.info(f"skipped: {error}; renamed to {os.path.basename(path)}{_DAMAGED}")
    if _files(train_dir, f"step-*{_DAMAGED}"):
        raise UserError(f"{directory(train_dir)}: every checkpoint is damaged; restore one, or give "
                        "--start_new_model to start again (from --init_checkpoint if given) and move these to a "
                        "subdirectory")  # fmt: skip
    return None


def _rename(path, new):
    try:
        os.rename(path, new)
    except OSError as error:
        raise UserError(f"{path}: cannot be renamed to {new}: {error.strerror}") from error


def candidates(location: str, flag: str, which: str = "best") -> list[str]:
    """Lists the checkpoint files that a flag's value can refer to; the first whole one is used.

    Args:
      location: a checkpoint file, or a training directory.
      flag: name of the flag with the location, for messages.
      which: "best": by held-out score, highest first, then the earliest step; checkpoints without a score follow,
        newest first. "last": newest first.

    Raises:
      UserError: if there is no checkpoint.
    """
    if os.path.isfile(location):
        return [location]
    found = paths(location)
    if not found:
        what = "holds no checkpoint" if os.path.isdir(location) else "does not exist"
        raise UserError(f"--{flag}={location}: {what}; name a directory that train has written to")
    if which == "best":
        known = held_out_scores.read(location)["scores"]
        scored = [_path(location, step) for step in sorted(known, key=lambda step: (-known[step], step))]
        found.sort(key=lambda path: scored.index(path) if path in scored else len(scored))
    return found


def find(location: str, flag: str, which: str = "best") -> tuple[str, dict[str, np.ndarray], dict[str, Any]]:
    """Reads the checkpoint that a flag's value refers to.

    Damaged checkpoints in a directory are logged and skipped. They keep their names, since another run may own the
    directory.

    Args:
      location, flag, which: see candidates.

    Returns:
      (path, arrays, meta).

    Raises:
      UserError: if there is no checkpoint, if a file given by name is damaged, or if every checkpoint in a directory
        is damaged.
    """
    for path in candidates(location, flag, which):
        try:
            return path, *load(path)
        except UserError as error:
            gone = not os.path.exists(path)  # removed by a run that trains there
            if path == location or not (gone or isinstance(error, Damaged)):
                raise
            logger.info(f"skipped: {error}")
    raise UserError(f"--{flag}={location}: no checkpoint is whole; restore one, or name another directory")


def prune(train_dir: str, keep: int, keep_paths: Collection[str | None]) -> None:
    """Removes all checkpoints except the newest `keep` and those in `keep_paths`.

    Raises:
      UserError: if a file cannot be removed.
    """
    for path in paths(train_dir)[keep:]:
        if path not in keep_paths:
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass
            except OSError as error:
                raise UserError(
                    f"{path}: cannot be removed: {error.strerror}; check the permissions of its directory"
                ) from error
