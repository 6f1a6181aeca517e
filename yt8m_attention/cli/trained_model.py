"""The trained model that a command uses, and the names of its classes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from absl import flags

from yt8m_attention.cli import options
from yt8m_attention.config import Options, Run, option, shared

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


def vocabulary(train_dir: str | None = None) -> "Vocabulary":
    """The class names in the file of --vocabulary, or in the copy that train keeps in its directory."""
    from yt8m_attention.data.formats import (
        vocabulary,
    )  # TensorFlow takes longer to import than a wrong flag should wait

    return vocabulary.read(flags.FLAGS.vocabulary or (vocabulary.kept(train_dir) if train_dir else None))
