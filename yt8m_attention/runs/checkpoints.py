"""Checkpoints: one file each, complete or absent, readable by numpy alone.

A checkpoint is a `.npz` archive (stored, not compressed; every member carries a CRC-32, so damage is noticed) with an
array a variable, named after its place in the model ("model/...") or the optimizer ("optimizer/..."), and a member
"meta", JSON as bytes. Nothing in it is code, and it is read with pickling off.

    TRAIN_DIR/checkpoints/step-00001000.npz            the newest few, and the best
    TRAIN_DIR/checkpoints/step-00001000.npz.damaged    put aside by a run that went on from another

Which of them is the best, held_out_scores tells.
"""

import contextlib
import errno
import glob
import json
import os

import numpy as np

from yt8m_attention import files, progress
from yt8m_attention.errors import UserError
from yt8m_attention.runs import held_out_scores

_PATTERN = "step-{:08d}.npz"
_META = "meta"
_SHAPES = "arrays"  # in the saved meta: {name: shape}, by which an archive without one of its arrays is noticed
_DAMAGED = ".damaged"


class Damaged(UserError):
    """A file that is no whole checkpoint, whatever is tried again."""


def directory(train_dir):
    return os.path.join(train_dir, "checkpoints")


def path_of(train_dir, step):
    """Where the checkpoint of a step is, if it is kept; None for no step."""
    return None if step is None else os.path.join(directory(train_dir), _PATTERN.format(step))


def paths(train_dir):
    """The checkpoints of a training directory, newest first."""
    return _files(train_dir, "step-*.npz")


def _files(train_dir, pattern):
    names = sorted(glob.glob(pattern, root_dir=directory(train_dir)), key=lambda name: (len(name), name), reverse=True)
    return [os.path.join(directory(train_dir), name) for name in names]


def save(train_dir, step, arrays, meta):
    """Writes a checkpoint and returns its path.

    Args:
      step: the global step, which names the file.
      arrays: dict of numpy arrays by name.
      meta: dict that JSON can hold, with the fields of loop.State.

    Raises:
      UserError: where the disk does not take it.
    """
    path = path_of(train_dir, step)
    meta = meta | {_SHAPES: {name: array.shape for name, array in arrays.items()}}
    files.make_directory(directory(train_dir), "train_dir")
    with files.replacing(path) as file:
        np.savez(file, **arrays, **{_META: np.frombuffer(json.dumps(meta).encode(), np.uint8)})
    return path


def load(path):
    """Reads a checkpoint.

    Returns:
      (arrays, meta), as they were saved.

    Raises:
      UserError: where the file is absent or cannot be read; Damaged where it is no whole checkpoint.
    """
    with _reading(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
        meta = _meta(arrays.pop(_META))
        shapes = meta.pop(_SHAPES, None)  # files of older versions have none
        if shapes is not None and shapes != {name: list(array.shape) for name, array in arrays.items()}:
            raise ValueError("not the arrays that it was saved with")
    return arrays, meta


def load_meta(path):
    """What a checkpoint says of itself, without its arrays; raises as load."""
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
            files.reading_arrays(lambda error: f"{path}: damaged, or no checkpoint: {error}"),
            np.load(file, allow_pickle=False) as archive,
        ):
            yield archive
    except UserError as error:
        raise (Damaged if _lasts(error.__cause__) else UserError)(str(error)) from error


def _lasts(error):
    """Whether reading will fail again: zip's, numpy's and JSON's errors, not a want of memory or a device's fault."""
    return not isinstance(error, MemoryError) and getattr(error, "errno", None) in (None, errno.EINVAL)


def _meta(member):
    """The saved dict; raises whatever Python does where it lacks what a run goes on from."""
    meta = json.loads(member.tobytes())
    numbers = meta["step"], meta["first_step"], *(meta["position"] or ()), meta["loss"] or 0, meta["finished"]
    if not all(isinstance(number, (int, float)) for number in numbers):
        raise ValueError("holds no numbers where a run goes on from")
    return meta


def load_newest(train_dir):
    """For the run that goes on in a directory, and alone may: its newest checkpoint that can be read.

    A damaged one is renamed, `.damaged` behind it, and said: among the others it would count as the newest.

    Returns:
      (path, arrays, meta), or None where there never was a checkpoint.

    Raises:
      UserError: where every one is damaged; or one cannot be read though it may be whole.
    """
    for path in paths(train_dir):
        try:
            return path, *load(path)
        except Damaged as error:
            _rename(path, path + _DAMAGED)
            progress.say(f"passed over: {error}; put aside as {os.path.basename(path)}{_DAMAGED}")
    if _files(train_dir, f"step-*{_DAMAGED}"):
        raise UserError(f"{directory(train_dir)}: every checkpoint is damaged; restore one, or give --start_new_model "
                        "to begin anew (from --init_checkpoint where that is given) and keep these aside")  # fmt: skip
    return None


def _rename(path, new):
    try:
        os.rename(path, new)
    except OSError as error:
        raise UserError(f"{path}: cannot be renamed to {new}: {error.strerror}") from error


def candidates(place, flag, which="best"):
    """The checkpoint files that a flag's value may mean; the first whole one of them it is.

    Args:
      place: a checkpoint file, or a training directory.
      which: "best", by held-out score, the earliest of equals, then those without one; or "last". Newest first else.

    Raises:
      UserError: where there is none.
    """
    if os.path.isfile(place):
        return [place]
    found = paths(place)
    if not found:
        what = "holds no checkpoint" if os.path.isdir(place) else "does not exist"
        raise UserError(f"--{flag}={place}: {what}; name a directory that train has written to")
    if which == "best":
        known = held_out_scores.read(place)["scores"]
        scored = [path_of(place, step) for step in sorted(known, key=lambda step: (-known[step], step))]
        found.sort(key=lambda path: scored.index(path) if path in scored else len(scored))
    return found


def find(place, flag, which="best"):
    """The checkpoint that a flag's value means: (path, arrays, meta).

    In a directory a damaged one is said and passed over, and left where it is: the directory may be another's.

    Args: as candidates.

    Raises:
      UserError: where there is none; where a file is named, or every one in the directory, is damaged.
    """
    for path in candidates(place, flag, which):
        try:
            return path, *load(path)
        except UserError as error:
            gone = not os.path.exists(path)  # a run that goes on there keeps the newest few
            if path == place or not (gone or isinstance(error, Damaged)):
                raise
            progress.say(f"passed over: {error}")
    raise UserError(f"--{flag}={place}: no checkpoint is whole; restore one, or name another directory")


def prune(train_dir, keep, keep_paths):
    """Removes all but the newest `keep` checkpoints and those at the paths that are keep_paths.

    Raises:
      UserError: where one cannot be removed.
    """
    for path in paths(train_dir)[keep:]:
        if path not in keep_paths:
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass
            except OSError as error:
                raise UserError(f"{path}: cannot be removed: {error.strerror}; see to its directory") from error
