"""The videos that training held out, on which a model may be scored."""

from dataclasses import dataclass

from absl import flags

from yt8m_attention.config import Options, Phase, option, shared
from yt8m_attention.errors import UserError

FLAGS = flags.FLAGS


@dataclass(frozen=True)
class HeldOut(Options):
    """The videos that training held out."""

    only_holdout: bool = option(False, "use only the videos that training held out")
    holdout_fraction: float | None = shared(Phase, "holdout_fraction", default=None, below=None, most=1)


def share(trained_with: float = 0.0) -> float:
    """The share of the videos to use, chosen by their ids; 0: all videos.

    Args:
      trained_with: the share that the model's training held out.

    Raises:
      UserError: when --only_holdout is given and the share is unknown.
    """
    if not FLAGS.only_holdout:
        return 0.0
    fraction = trained_with if FLAGS.holdout_fraction is None else FLAGS.holdout_fraction
    if not fraction:
        raise UserError("--only_holdout: training held nothing out; name the share of the videos by --holdout_fraction")
    return fraction
