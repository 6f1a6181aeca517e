"""`run.json`: the configuration of the run in a training directory.

Evaluation, inference and export read the model and the features from it, so their flags need not be given again.
"""

import contextlib
import dataclasses
import os
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from yt8m_attention import config, files
from yt8m_attention.errors import UserError

_NAME = "run.json"


def write(run: config.Run, flags: Mapping[str, Any], version: str, finished: int | None = None) -> None:
    """Writes the description of a run to its directory.

    Args:
      run: the configuration.
      flags: the effective flags.
      version: version of this package.
      finished: the step at which the run finished; None: it has not finished.
    """
    files.write_json(
        os.path.join(run.train_dir, _NAME),
        {"version": version, "config": config.to_dict(run), "flags": flags, "finished": finished},
    )


def finished(train_dir: str) -> int | None:
    """Returns the step at which the run in a directory finished, or None if it has not finished."""
    saved = files.read_json(os.path.join(train_dir, _NAME))
    return saved.get("finished") if isinstance(saved, dict) else None


def read(train_dir: str, flag: str = "train_dir") -> config.Run:
    """Returns the configuration of the run in a directory.

    Raises:
      UserError: if there is no run, or if its run.json is damaged.
    """
    path = os.path.join(train_dir, _NAME)
    saved = files.read_json(path)
    if saved is None:
        what = "holds no run.json" if os.path.isdir(train_dir) else "is not a directory"
        raise UserError(f"--{flag}={train_dir}: {what}; name a directory that train has written to")
    try:
        return config.from_dict(config.Run, saved["config"])
    except (UserError, KeyError, TypeError, ValueError, AttributeError) as error:
        what = str(error) if isinstance(error, UserError) else "holds no configuration"
        raise UserError(f"{path}: {what}; restore it, or name another --{flag}") from error


def exists(train_dir: str) -> bool:
    """Returns whether a directory holds a run."""
    return os.path.exists(os.path.join(train_dir, _NAME))


def differences(
    saved: config.Model | dict[str, Any], wanted: config.Model | dict[str, Any], ignore: Collection[str] = ()
) -> list[str]:
    """Lists the flags in which two configurations differ, as "--flag: A there, B here".

    Args:
      saved: configuration of the other run ("there"), or a dict of some of its fields.
      wanted: configuration of this run ("here"), with the same fields.
      ignore: names of fields that may differ.
    """
    there, here = (s if isinstance(s, dict) else dataclasses.asdict(s) for s in (saved, wanted))
    named = {"features": "feature_names, --feature_sizes"}
    return [
        f"--{named.get(k, k)}: {there[k]} there, {here[k]} here"
        for k in there
        if there[k] != here[k] and k not in ignore
    ]


# Fields that may differ between models with the same weights. They matter only in training, or they have a default that
# can also be given explicitly; the weights' shapes show whether they agree.
_MAY_DIFFER = tuple(name for name, option in config.options_of(config.Model).items() if not option.changes_weights)


@contextlib.contextmanager
def same_network(path: str, wanted: config.Model, flag: str) -> Iterator[None]:
    """Context manager for assigning a checkpoint file to a model: checks first that both are of the same network.

    Different networks can have weights of the same shapes (for example with softmax and with sparsemax). So run.json in
    the file's training directory is compared. Without a run.json only the shapes are compared, by the code inside.

    Args:
      path: the checkpoint file, perhaps of another run.
      wanted: configuration of the model that receives the weights.
      flag: name of the flag with the path, for messages.

    Raises:
      UserError: if the networks differ, with the flags and both values. A UserError from inside is extended by them.
    """
    origin = os.path.dirname(os.path.dirname(os.path.abspath(path)))
    saved = read(origin).model if exists(origin) else wanted
    differing = differences(saved, wanted, _MAY_DIFFER)
    if differing:
        raise UserError(f"--{flag}: {path} is a checkpoint of another network: {'; '.join(differing)}")
    try:
        yield
    except UserError as error:
        raise UserError("; ".join([f"--{flag}: {error}", *differences(saved, wanted)])) from error
