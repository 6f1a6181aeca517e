"""The trained model that a command uses, and the names of its classes."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from absl import flags

from yt8m_attention.cli import options
from yt8m_attention.config import Options, Run, option, shared
from yt8m_attention.errors import UserError

if TYPE_CHECKING:
    from yt8m_attention.data.formats.vocabulary import Vocabulary


@dataclass(frozen=True)
class TrainedModel(Options):
    """The trained model."""

    train_dir: str = shared(Run, "train_dir")
    checkpoint: str = option(
        "best", "checkpoint to use: best (by held-out score; the newest without one), last, or the path of a file"
    )


@dataclass(frozen=True)
class ModelArchive(Options):
    """A trained model in one file."""

    input_model_tgz: str | None = option(
        None, "archive of the model, written by --output_model_tgz, in place of --train_dir; absent: none"
    )
    untar_model_dir: str | None = option(
        None, "directory for the files of --input_model_tgz; absent: a temporary directory"
    )
    output_model_tgz: str | None = option(
        None, "archive to write the model to when inference has finished: run.json, weights, classes; absent: none"
    )


@dataclass(frozen=True)
class CheckpointFile(Options):
    """The trained model, as the starter code names it."""

    checkpoint_file: str | None = option(
        None,
        "checkpoint to use: TRAIN_DIR/checkpoints/step-N.npz, or TRAIN_DIR/inference_model/segment_inference_model for "
        "the best one in TRAIN_DIR",
    )


@dataclass(frozen=True)
class Export(Options):
    """How a model is exported."""

    quantize: str = option(
        "none",
        "storage of the weights: as trained (float32), half of that, or a quarter, by output channel",
        choices=("none", "float16", "int8"),
    )


VOCABULARY = options.some(Run, "vocabulary")


def train_dir() -> str:
    """The directory of the trained model; a UserError without one."""
    return options.required("train_dir")


def of_checkpoint_file(path: str) -> tuple[str, str]:
    """(directory of the trained model, which of its checkpoints) of a value of --checkpoint_file.

    Raises:
      UserError: when it is no checkpoint, nor the starter code's name of one.
    """
    folder, name = os.path.split(path)
    train_dir, inner = os.path.split(folder)
    if inner == "inference_model" and name in ("inference_model", "segment_inference_model"):
        return train_dir or os.curdir, "best"
    if inner == "checkpoints" and name.endswith(".npz") and os.path.isfile(path):
        return train_dir or os.curdir, path
    raise UserError(f"--checkpoint_file={path}: is no checkpoint; name TRAIN_DIR/checkpoints/step-N.npz, or give "
                    "--train_dir=TRAIN_DIR")  # fmt: skip


def use_checkpoint_file() -> None:
    """Takes the trained model from --checkpoint_file, if that is given."""
    if flags.FLAGS.checkpoint_file:
        folder, which = of_checkpoint_file(flags.FLAGS.checkpoint_file)
        flags.FLAGS["train_dir"].value = flags.FLAGS.train_dir or folder
        flags.FLAGS["checkpoint"].value = which


def check_archives() -> None:
    """Checks the flags that say where the model comes from, and where a copy goes.

    Raises:
      UserError: for flags that contradict each other, or none that names a model.
    """
    flags_ = flags.FLAGS
    if flags_.input_model_tgz:
        if flags_.train_dir:
            raise UserError(f"--train_dir={flags_.train_dir}: given with --input_model_tgz, which brings the model; "
                            "leave one out")  # fmt: skip
    else:
        train_dir()
        if flags_.untar_model_dir:
            raise UserError(f"--untar_model_dir={flags_.untar_model_dir}: given without --input_model_tgz; leave it "
                            "out, or give both")  # fmt: skip
    written = flags_.output_model_tgz
    if written and flags_.worker:
        raise UserError(f"--output_model_tgz={written}: given with --worker; give it to one command without --worker")
    if written and os.path.realpath(written) == os.path.realpath(flags_.output_file or ""):
        raise UserError(f"--output_model_tgz={written}: is --output_file too; name another file")


@contextlib.contextmanager
def directory() -> Iterator[str]:
    """Gives the directory of the trained model: --train_dir, or one with the files of --input_model_tgz."""
    archive, target = flags.FLAGS.input_model_tgz, flags.FLAGS.untar_model_dir
    if not archive:
        yield train_dir()
        return
    from yt8m_attention.data.storage.temporary_directory import TemporaryDirectory
    from yt8m_attention.runs import model_archive

    temporary = TemporaryDirectory("yt8m-model-")  # as long as this is held
    target = target or os.path.join(temporary.path, "model")
    model_archive.read(archive, target)
    yield target
    del temporary


def vocabulary(train_dir: str | None = None) -> "Vocabulary":
    """The class names in the file of --vocabulary, or in the copy that train keeps in its directory."""
    from yt8m_attention.data.formats import (
        vocabulary,
    )  # TensorFlow takes longer to import than a wrong flag should wait

    return vocabulary.read(flags.FLAGS.vocabulary or (vocabulary.kept(train_dir) if train_dir else None))
