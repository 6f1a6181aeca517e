"""`run.json`: what a training directory was made with, so that a model is described once.

Evaluation, inference and export read the model and the data's shape from here instead of asking for the flags again.
"""

import contextlib
import dataclasses
import os

from yt8m_attention import config, files
from yt8m_attention.errors import UserError

_NAME = "run.json"


def write(run: config.Run, flags: dict, version: str, finished=None):
    """Describes a run in its directory.

    Args:
      finished: the step at which it came to its end; None: it has not.
    """
    files.write_json(
        os.path.join(run.train_dir, _NAME),
        {"version": version, "config": config.to_dict(run), "flags": flags, "finished": finished},
    )


def finished(train_dir):
    """The step at which the run in a directory came to its end; None where it has not."""
    saved = files.read_json(os.path.join(train_dir, _NAME))
    return saved.get("finished") if isinstance(saved, dict) else None


def read(train_dir, flag="train_dir") -> config.Run:
    """The configuration of the run that a directory holds.

    Raises:
      UserError: where it holds none.
    """
    path = os.path.join(train_dir, _NAME)
    saved = files.read_json(path)
    if saved is None:
        what = "holds no run.json" if os.path.isdir(train_dir) else "is no directory"
        raise UserError(f"--{flag}={train_dir}: {what}; name a directory that train has written to")
    try:
        return config.from_dict(config.Run, saved["config"])
    except (UserError, KeyError, TypeError, ValueError, AttributeError) as error:
        what = error if isinstance(error, UserError) else "holds no configuration"
        raise UserError(f"{path}: {what}; restore it, or name another --{flag}") from error


def exists(train_dir):
    return os.path.exists(os.path.join(train_dir, _NAME))


def differences(saved, wanted, but=()):
    """In which flags two config.Models, or dicts of them, differ, but for those named, as "--flag: A there, B here"."""
    there, here = (s if isinstance(s, dict) else dataclasses.asdict(s) for s in (saved, wanted))
    named = {"features": "feature_names, --feature_sizes"}
    return [
        f"--{named.get(k, k)}: {there[k]} there, {here[k]} here" for k in there if there[k] != here[k] and k not in but
    ]


# Fields of a model in which equal weights may differ: what matters only while training, and what has a default that
# may as well be written out, and shows in the weights' shapes.
_FREE = [name for name, option in config.options_of(config.Model).items() if not option.changes_weights]


@contextlib.contextmanager
def filling(path, wanted: config.Model, flag):
    """Inside, a model is filled from a checkpoint file, which may be another run's.

    Weights of another network can have the same shapes (a softmax run's and a sparsemax run's have), so the run.json
    of the file's own directory is asked first. A file that lies by itself tells its shapes only.

    Raises:
      UserError: where the networks differ, naming the flags and both values; with a UserError from inside, too.
    """
    origin = os.path.dirname(os.path.dirname(os.path.abspath(path)))
    saved = read(origin).model if exists(origin) else wanted
    differing = differences(saved, wanted, _FREE)
    if differing:
        raise UserError(f"--{flag}: {path} is the checkpoint of another network: {'; '.join(differing)}")
    try:
        yield
    except UserError as error:
        raise UserError("; ".join([f"--{flag}: {error}", *differences(saved, wanted)])) from error
